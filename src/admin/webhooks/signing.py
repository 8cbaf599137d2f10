"""Signatures of Standard Webhooks (https://www.standardwebhooks.com), by its own library."""

import base64
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from standardwebhooks import Webhook

SECRET_PREFIX = "whsec_"  # noqa: S105  What secrets begin with is none.
SECRET_BYTES = 32


def new_secret() -> str:
    """Return a secret: "whsec_" and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(secrets_: Iterable[str], event_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """Return the headers that go with a body, signed with each of the secrets: receivers take any that they know.

    `timestamp` is in seconds since the epoch; `body` is UTF-8.
    """
    time, text = datetime.fromtimestamp(timestamp, UTC), body.decode()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(Webhook(secret).sign(event_id, time, text) for secret in secrets_),
    }
