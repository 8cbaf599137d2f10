"""What operators run by hand against a running service."""
