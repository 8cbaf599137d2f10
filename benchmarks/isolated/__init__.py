"""Scenarios on installations of their own: growth, refunds under load, and prices. See `scenario`."""
