"""Shared parts of the operators' commands: options, connections and output."""
