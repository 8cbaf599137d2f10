"""What the commands share that operators run against a running service."""
