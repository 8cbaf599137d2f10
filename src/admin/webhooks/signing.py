"""Signatures of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 of id, time and body."""

import base64
import hmac
import secrets
from collections.abc import Iterable, Mapping

SECRET_PREFIX = "whsec_"  # noqa: S105  What secrets begin with is none.
SECRET_BYTES = 32


def new_secret() -> str:
    """Return a secret: "whsec_" and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature(secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    """Return "v1," and the signature of a body; `timestamp` is in seconds since the epoch."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = b".".join((event_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def headers(secrets_: Iterable[str], event_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """Return the headers that go with a body, signed with each of the secrets: receivers take any that they know."""
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, event_id, timestamp, body) for secret in secrets_),
    }
