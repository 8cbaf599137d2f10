"""Automatic top-ups: charge a saved card when the balance falls below a threshold."""
