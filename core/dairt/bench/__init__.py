"""How fast things go here: measured on this machine, medians with their spread."""
