"""One try at applying a command, as Redis applied or declined it, and the ledger's answer to it."""

from enum import StrEnum

import msgspec

from wallet.domain.commands import Command
from wallet.domain.entries import Authorization, Entry, Wallet
from wallet.domain.limits import SpendLimitState


class Question(StrEnum):
    """The question that an attempt puts to the ledger."""

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
    """Not given by the function: Postgres refused the data of this one attempt."""


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """A command as Redis saw it. Amounts in micros; times in microseconds since the epoch."""

    command: Command
    question: Question
    epoch: int = 0
    seq: int = 0
    amount: int = 0
    held_delta: int = 0
    applied_at: int = 0
    """0 if it was not applied."""
    declined_at: int = 0
    """0 if it was not declined."""

    @property
    def name(self) -> str:
        """The attempt's name in Redis, "epoch:seq": unique within a company; clean-ups act on this attempt alone."""
        return f"{self.epoch}:{self.seq}"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The ledger's answer to an attempt. `entry` is set for WRITTEN, ALREADY and DUPLICATE."""

    verdict: Verdict
    epoch: int = 0
    last_seq: int = 0
    wallet: Wallet | None = None
    entry: Entry | None = None
    authorization: Authorization | None = None
    refundable: int = 0
    passed: SpendLimitState | None = None
    """DECLINED for SPEND: the limit that the attempt would exceed."""
    passed_by: int = 0
    """The amount that the attempt would add to the spending that the limit counts, in micros."""
    required: int = 0
    """DECLINED for FUNDS: the micros that it takes of the available amount, given the ledger's authorization."""
