"""The terminal console: a pure client of the control stream."""
