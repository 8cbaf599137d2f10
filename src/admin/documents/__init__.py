"""Receipts and monthly statements: as messages and as PDF."""
