"""dairt: a fault-tolerant distributed tensor runtime."""
