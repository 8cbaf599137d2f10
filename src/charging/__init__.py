"""The gateways' service."""
