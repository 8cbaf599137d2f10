"""What tells one request under an idempotency key from another: a hash that is stored with the entry for ever."""

from hashlib import blake2b

from google.protobuf.message import Message

from wallet.domain.commands import FINGERPRINT_BYTES, Kind


def fingerprint(kind: Kind, request: Message) -> bytes:
    """Return the hash of what is asked: the kind of command and the whole request as sent, not its price."""
    sent = request.SerializeToString(deterministic=True)
    return blake2b(kind.to_bytes() + sent, digest_size=FINGERPRINT_BYTES).digest()
