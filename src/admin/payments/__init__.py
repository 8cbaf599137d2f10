"""Payments: the port to the payment provider, and Stripe behind it."""
