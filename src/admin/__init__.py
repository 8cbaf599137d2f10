"""The back office's service."""
