"""Adjustments: credits and debits that staff enter."""
