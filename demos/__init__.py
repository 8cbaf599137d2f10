"""Demonstrations on a real service: gateways under load for half a minute, and a company's month."""
