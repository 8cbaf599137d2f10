"""Shared parts of the operators' commands: connections, options, calls and times."""
