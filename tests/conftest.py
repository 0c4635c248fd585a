"""What pytest is told about this folder: its stories are material for tests, not tests."""

collect_ignore_glob = ["*.toml"]
