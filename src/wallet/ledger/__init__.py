"""Postgres: the ledger, the authority on every balance."""
