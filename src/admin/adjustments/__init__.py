"""Adjustments: credits and debits that people make by hand."""
