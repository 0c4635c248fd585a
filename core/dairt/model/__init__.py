"""What there is: values. No trio, no I/O."""
