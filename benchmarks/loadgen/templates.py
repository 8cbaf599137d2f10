"""Messages that are prepared except for their idempotency keys.

A message is serialized once, with a placeholder where each key belongs. Keys have one width, so
all lengths in the message stay correct when a key replaces the placeholder.
"""

import secrets
from collections.abc import Iterator, Sequence
from itertools import count

from google.protobuf.message import Message

from benchmarks.http2.calls import PREFIX
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

RUN_CHARS = 8
NUMBER_CHARS = 16
KEY_CHARS = RUN_CHARS + NUMBER_CHARS
"""The width of a key: 4 random bytes for the run and 8 for the request, in hex."""
PLACEHOLDER = "@" * KEY_CHARS

SMS = wallet_pb2.Usage(
    channel=wallet_pb2.CHANNEL_SMS, destination="+4915112345678", quantity=1, campaign_id="spring-sale"
)

_STEP = 0x9E3779B97F4A7C15
"""Odd, so that its multiples modulo 2**64 are all different; they also look random, as gateways'
keys do: keys in order would favour the ledger's index."""
_MASK = 2**64 - 1


def fresh_keys() -> Iterator[bytes]:
    """Yield keys endlessly, unique in this run and, except for a chance of 1 in 2**32, among all runs."""
    run = secrets.token_hex(RUN_CHARS // 2).encode()
    for number in count(1):
        yield b"%b%016x" % (run, number * _STEP & _MASK)


def template(message: Message, *, keys: int) -> Sequence[bytes]:
    """Return the gRPC message, split at its keys into `keys` + 1 pieces."""
    pieces = whole(message).split(PLACEHOLDER.encode())
    assert len(pieces) == keys + 1, "the placeholder is missing, or is also somewhere else"
    return pieces


def whole(message: Message) -> bytes:
    """Return a gRPC message without a key."""
    body = message.SerializeToString()
    return PREFIX.pack(0, len(body)) + body


def charge_request(
    company: str, amount_micros: int | None, usage: wallet_pb2.Usage = SMS
) -> charging_pb2.ChargeRequest:
    """Return a charge of `company` ("companies/acme") for a usage, with the placeholder as the key.

    Without an amount the company's rate card prices it.
    """
    return charging_pb2.ChargeRequest(
        company=company, idempotency_key=PLACEHOLDER, usage=usage, amount_micros=amount_micros
    )
