"""One try at applying a command, as Redis took or refused it, and what the ledger says of it."""

from enum import StrEnum

import msgspec

from wallet.domain.commands import Command
from wallet.domain.entries import Authorization, Entry, Wallet
from wallet.domain.limits import SpendLimitState


class Question(StrEnum):
    """What the ledger is asked about an attempt."""

    APPLIED = "APPLIED"
    """Redis applied it: write the entry."""
    KNOWN = "KNOWN"
    """Redis knows the key: what is recorded?"""
    FUNDS = "FUNDS"
    SPEND = "SPEND"
    LIMIT = "LIMIT"
    HOLD = "HOLD"
    EARLY = "EARLY"
    UNPRICED = "UNPRICED"
    BLOCKED = "BLOCKED"
    SUSPENDED = "SUSPENDED"
    CLOSED = "CLOSED"
    """Redis declined it by this rule: is that true?"""


class Verdict(StrEnum):
    """The answers of `ledger_append`; functions/append.sql says when each is given."""

    BUSY = "BUSY"
    COMPANY_NOT_FOUND = "COMPANY_NOT_FOUND"
    KEY_REUSED = "KEY_REUSED"
    ALREADY = "ALREADY"
    DUPLICATE = "DUPLICATE"
    UNRECORDED = "UNRECORDED"
    STALE = "STALE"
    AHEAD = "AHEAD"
    REFUSED = "REFUSED"
    TRANSACTION_NOT_FOUND = "TRANSACTION_NOT_FOUND"
    REFUND_EXCEEDS_CHARGE = "REFUND_EXCEEDS_CHARGE"
    WRITTEN = "WRITTEN"
    BEHIND = "BEHIND"
    CONTESTED = "CONTESTED"
    EXPIRED = "EXPIRED"
    AUTHORIZATION_NOT_FOUND = "AUTHORIZATION_NOT_FOUND"
    AUTHORIZATION_CLOSED = "AUTHORIZATION_CLOSED"
    DECLINED = "DECLINED"
    QUARANTINED = "QUARANTINED"
    """Not from the function: Postgres refused the data of this one attempt."""


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """A command as Redis saw it. Amounts in micros; times in microseconds since the epoch."""

    command: Command
    question: Question
    epoch: int = 0
    seq: int = 0
    amount: int = 0
    held_delta: int = 0
    applied_at: int = 0
    """0 where it was not applied."""
    declined_at: int = 0
    """0 where it was not declined."""

    @property
    def name(self) -> str:
        """What Redis calls the attempt: no two of a company have the same, and clean-ups act on no other."""
        return f"{self.epoch}:{self.seq}"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What the ledger says of an attempt. `entry` is there for WRITTEN, ALREADY and DUPLICATE."""

    verdict: Verdict
    epoch: int = 0
    last_seq: int = 0
    wallet: Wallet | None = None
    entry: Entry | None = None
    authorization: Authorization | None = None
    refundable: int = 0
    passed: SpendLimitState | None = None
    """DECLINED for SPEND: the limit that it would pass."""
    passed_by: int = 0
    """What it would add to what is spent of that limit, in micros."""
    required: int = 0
    """DECLINED for FUNDS: what it takes of what is available, by the authorization as the ledger has it, in micros."""
