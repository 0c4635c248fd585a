"""Where it happens: the implementations of the ports in `dairt.runtime.host`."""
