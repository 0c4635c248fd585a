"""What happens: trio, over a Host and nothing else."""
