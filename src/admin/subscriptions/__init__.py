"""Subscriptions: charges that recur, such as rented numbers."""
