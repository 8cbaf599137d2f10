"""Signatures by Standard Webhooks (https://www.standardwebhooks.com), made with its library."""

import base64
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from standardwebhooks import Webhook

SECRET_PREFIX = "whsec_"  # noqa: S105  A prefix, not a secret.
SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret: "whsec_" and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature_headers(secrets_: Iterable[str], event_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """Return the headers of a request, with a signature by each secret: a receiver accepts any that it can verify.

    `timestamp` is in seconds since the epoch; `body` is UTF-8.
    """
    time, text = datetime.fromtimestamp(timestamp, UTC), body.decode()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(Webhook(secret).sign(event_id, time, text) for secret in secrets_),
    }
