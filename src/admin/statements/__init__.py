"""Statements: list, filter and export transactions; usage by day."""
