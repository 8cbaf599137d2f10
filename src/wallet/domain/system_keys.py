"""The idempotency keys that the service gives to its own entries: they begin with "~", and no client's key does."""

ORIGINS = {"~refund:": "bulk", "~delivery:": "policy", "~case:": "case", "~sub-refund:": "subscription"}
"""Who asks for refunds under the service's own keys, by what those begin with."""


def origin_of(idempotency_key: str) -> str:
    """Return who asked for a refund: one of ORIGINS, or "single" where it was a client."""
    head, colon, _ = idempotency_key.partition(":")
    return ORIGINS.get(head + colon, "single")
