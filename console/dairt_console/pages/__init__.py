"""The seven pages of the desk, one file each."""
