"""The commands that change a wallet.

A `Command` is built once, at the edge, and encoded once: the same bytes go through Redis into the journal, so that any
process can write the entry that a crashed one left behind.
"""

from enum import IntEnum, StrEnum

import msgspec

from wallet.domain.pricing import Price
from wallet.domain.usage import Usage

FINGERPRINT_BYTES = 12
"""Length of a request's fingerprint: enough to detect another request under the same key."""


class Kind(IntEnum):
    """The kinds of commands and of their entries. The values are stored: never renumber them."""

    CHARGE = 1
    TOP_UP = 2
    ADJUSTMENT = 3
    REFUND = 4
    AUTHORIZATION = 5
    INCREMENT = 6
    CAPTURE = 7
    VOID = 8
    EXPIRY = 9


_CLOSING = frozenset({Kind.CAPTURE, Kind.VOID, Kind.EXPIRY})
_UNCHECKED = frozenset({Kind.TOP_UP, Kind.REFUND, Kind.VOID, Kind.EXPIRY})


class Unpriced(StrEnum):
    """The reasons for which a command has no price."""

    NO_CARD = "NO_CARD"
    """The company has no rate card."""
    NO_RATE = "NO_RATE"
    """Neither its rate card nor the card's parents have a rate."""
    TOO_MUCH = "TOO_MUCH"
    """It costs more than any wallet can have."""
    UNOPENED = "UNOPENED"
    """The ledger does not know the authorization whose rate would price it."""


class Command(msgspec.Struct, frozen=True, array_like=True):
    """One requested change of one wallet.

    `amount` is in micros, and its meaning depends on the kind: CHARGE and CAPTURE debit it, TOP_UP and REFUND credit
    it, ADJUSTMENT adds it with its sign, AUTHORIZATION and INCREMENT hold it in total; VOID and EXPIRY have none.
    New fields go to the end, with a default: a journal may hold commands that an older process encoded.
    """

    kind: Kind
    company: str
    idempotency_key: str
    fingerprint: bytes
    amount: int = 0
    usage: Usage | None = None
    authorization: str = ""
    """Id of the authorization that is opened or touched."""
    ttl_seconds: int = 0
    """AUTHORIZATION: how long it stays open, and how far each increment moves its expiry."""
    keep_open: bool = False
    """CAPTURE: whether more captures follow."""
    late: bool = False
    """CAPTURE: the authorization is known to have expired, so this is a charge. Set by the engine alone."""
    below_floor: bool = False
    """ADJUSTMENT: a debit that may pass below the floor."""
    refunded_number: int = 0
    """REFUND: the number of the charge that is given back."""
    reference: str = ""
    price: Price | None = None
    """How the amount follows from the usage; None if the request named the amount."""
    unpriced: Unpriced | None = None
    """If set, the reason for having no amount. It is never applied: only the entry under its key is an answer."""
    reason: str = ""
    """The reason of a person or a policy, in a word such as CARRIER_OUTAGE; the entry keeps it permanently."""
    requested_by: str = ""
    """The person or policy that requests it."""

    @property
    def checked(self) -> bool:
        """Whether the floor is enforced if the command lowers the available amount."""
        return self.kind not in _UNCHECKED and not (self.below_floor and self.kind is Kind.ADJUSTMENT)

    @property
    def closes(self) -> bool:
        """Whether the command closes its authorization."""
        return self.kind in _CLOSING and not (self.kind is Kind.CAPTURE and (self.keep_open or self.late))
