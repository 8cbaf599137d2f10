"""Stripe behind the payment provider port."""
