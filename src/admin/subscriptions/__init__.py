"""Subscriptions: recurring charges, such as those for rented numbers."""
