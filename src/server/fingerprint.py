"""The fingerprint of a request: a hash, stored with the entry, that detects another request under the same key."""

from hashlib import blake2b

from google.protobuf.message import Message

from wallet.domain.commands import FINGERPRINT_BYTES, Kind


def fingerprint(kind: Kind, request: Message) -> bytes:
    """Return the hash of the kind of command and the whole request as sent; its price is not part of it."""
    sent = request.SerializeToString(deterministic=True)
    return blake2b(kind.to_bytes() + sent, digest_size=FINGERPRINT_BYTES).digest()
