"""Scenarios that start installations of their own: growth, refunds under load, and rates. See `scenario`."""
