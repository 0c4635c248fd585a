"""The commands of `dairt`, one file each; a command returns its exit code and raises UsageError for bad input."""
