"""What is said and decided: pure rules. No trio, no I/O."""
