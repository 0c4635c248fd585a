"""The deterministic simulation: virtual time, seeded order, a modelled network, disk and processors."""
