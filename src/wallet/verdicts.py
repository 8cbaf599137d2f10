"""The consequences of each verdict of the ledger: for Redis, for the caller, and for the command.

functions/append.sql says when each verdict is given; VERDICTS says what it means. Cycles, loads and recovery all do the
clean-up in Redis; the caller's answer, and whether the command runs again, concern cycles only.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import NamedTuple

import msgspec
import structlog

from wallet import metrics
from wallet.domain.attempts import Answer, Attempt, Verdict
from wallet.domain.commands import Command, Kind
from wallet.domain.declines import declined
from wallet.domain.entries import Authorization
from wallet.domain.errors import (
    Applied,
    AuthorizationClosed,
    AuthorizationNotFound,
    CompanyNotFound,
    EntryQuarantined,
    IdempotencyKeyReused,
    LedgerUnavailable,
    RefundExceedsCharge,
    TransactionNotFound,
    WalletError,
    WalletUnavailable,
)
from wallet.domain.limits import HOUR_US
from wallet.hot.fields import usage_text
from wallet.hot.store import Batch, CleanUp, CleanUpAction

CONTESTED_ROUNDS_MAX = 4
"""Rounds after which a decline that the ledger contests is blamed on the hot wallet, which is then loaded anew."""

log = structlog.get_logger(__name__)


class InRedis(Enum):
    """The clean-up in Redis of an attempt that it applied; hot/scripts/apply.lua defines each."""

    SETTLE = auto()
    """The attempt is an entry, and leaves the journal."""
    DISCARD = auto()
    """The attempt leaves the journal, with its key record. The wallet is of an older epoch and is replaced anyway."""
    DROP = auto()
    """DISCARD, and the wallet is deleted, since it differs from the ledger's."""
    UNDO = auto()
    """DISCARD, and the change is reverted, since the wallet is right otherwise. DROP if the attempt touched a hold."""
    KEEP = auto()
    """Nothing: it is not known whether the attempt will be an entry, or Redis never applied it."""


class NextStep(Enum):
    """The next step of the command."""

    ACKNOWLEDGE = auto()
    """The caller gets the recorded entry."""
    REFUSE = auto()
    """The caller gets the row's error."""
    RUN_AGAIN = auto()
    """In another cycle, after the row's `repair`."""
    RUN_AGAIN_LATE = auto()
    """A capture runs again as a charge, since its authorization has expired; other kinds: REFUSE."""
    REFUSE_LOCKED = auto()
    """REFUSE, and refuse all commands of the company for LOCKED_SECONDS."""


class Judged(NamedTuple):
    """An attempt, the ledger's answer, and what a cycle knows of the command."""

    attempt: Attempt
    answer: Answer
    applied: Applied
    """Whether an attempt of the command may be in the journal."""
    rounds: int
    """Earlier cycles of the command without a definite answer."""
    key_judged_before: bool
    """Whether an attempt of another request with the same key was judged before it."""


class VerdictRow(NamedTuple):
    """The consequences of a verdict."""

    in_redis: InRedis
    next_step: NextStep
    error: Callable[[Judged], WalletError] | None = None
    repair: Callable[[Judged], CleanUp | None] | None = None
    """Before the command runs again: the clean-up of a hot wallet that is wrong, if Redis did not apply the attempt."""
    alarm: str = ""
    """The log event of a verdict upon which a person must act."""


def _forget_unrecorded(judged: Judged) -> CleanUp | None:
    """Remove a key record that is settled in Redis and unknown to the ledger; for a hold without one, the wallet."""
    attempt, answer = judged.attempt, judged.answer
    if judged.key_judged_before:
        return None
    if attempt.epoch:
        return _clean_up_of(CleanUpAction.DISCARD, attempt)
    return _clean_up_of(CleanUpAction.FORGET, Attempt(attempt.command, attempt.question, answer.epoch))


def _forget_contested(judged: Judged) -> CleanUp | None:
    """Replace the hot wallet after CONTESTED_ROUNDS_MAX rounds: the contesting change is no longer under way."""
    return _clean_up_of(CleanUpAction.FORGET, judged.attempt) if judged.rounds >= CONTESTED_ROUNDS_MAX else None


def _authorization_closed(judged: Judged) -> WalletError:
    return AuthorizationClosed(judged.attempt.command.authorization)


def _refund_exceeds_charge(judged: Judged) -> WalletError:
    attempt, answer = judged.attempt, judged.answer
    assert answer.wallet is not None, "the ledger compares a refund with its charge after it has locked the wallet"
    return RefundExceedsCharge(refundable=answer.refundable, required=attempt.amount, currency=answer.wallet.currency)


VERDICTS: dict[Verdict, VerdictRow] = {
    Verdict.WRITTEN: VerdictRow(InRedis.SETTLE, NextStep.ACKNOWLEDGE),
    Verdict.ALREADY: VerdictRow(InRedis.SETTLE, NextStep.ACKNOWLEDGE),
    Verdict.DUPLICATE: VerdictRow(InRedis.UNDO, NextStep.ACKNOWLEDGE),
    Verdict.KEY_REUSED: VerdictRow(
        InRedis.UNDO, NextStep.REFUSE, lambda judged: IdempotencyKeyReused(judged.attempt.command.idempotency_key)
    ),
    Verdict.TRANSACTION_NOT_FOUND: VerdictRow(
        InRedis.UNDO, NextStep.REFUSE, lambda judged: TransactionNotFound(str(judged.attempt.command.refunded_number))
    ),
    Verdict.REFUND_EXCEEDS_CHARGE: VerdictRow(
        InRedis.UNDO,
        NextStep.REFUSE,
        _refund_exceeds_charge,
    ),
    Verdict.QUARANTINED: VerdictRow(
        InRedis.UNDO, NextStep.REFUSE, lambda judged: EntryQuarantined(judged.attempt.name)
    ),
    Verdict.COMPANY_NOT_FOUND: VerdictRow(
        InRedis.DROP, NextStep.REFUSE, lambda judged: CompanyNotFound(judged.attempt.command.company)
    ),
    Verdict.REFUSED: VerdictRow(InRedis.DROP, NextStep.RUN_AGAIN),
    Verdict.STALE: VerdictRow(InRedis.DISCARD, NextStep.RUN_AGAIN),
    Verdict.BEHIND: VerdictRow(InRedis.KEEP, NextStep.RUN_AGAIN),
    Verdict.UNRECORDED: VerdictRow(InRedis.KEEP, NextStep.RUN_AGAIN, repair=_forget_unrecorded),
    Verdict.CONTESTED: VerdictRow(InRedis.KEEP, NextStep.RUN_AGAIN, repair=_forget_contested),
    Verdict.EXPIRED: VerdictRow(InRedis.KEEP, NextStep.RUN_AGAIN_LATE, _authorization_closed),
    Verdict.AUTHORIZATION_CLOSED: VerdictRow(InRedis.KEEP, NextStep.REFUSE, _authorization_closed),
    Verdict.AUTHORIZATION_NOT_FOUND: VerdictRow(
        InRedis.KEEP, NextStep.REFUSE, lambda judged: AuthorizationNotFound(judged.attempt.command.authorization)
    ),
    Verdict.DECLINED: VerdictRow(InRedis.KEEP, NextStep.REFUSE, lambda judged: declined(judged.attempt, judged.answer)),
    Verdict.BUSY: VerdictRow(
        InRedis.KEEP,
        NextStep.REFUSE_LOCKED,
        lambda judged: LedgerUnavailable("the wallet's row in Postgres is locked", applied=judged.applied),
    ),
    Verdict.AHEAD: VerdictRow(
        InRedis.KEEP,
        NextStep.REFUSE,
        lambda judged: WalletUnavailable(
            "Redis is ahead of the ledger: was Postgres restored to the past? Call RebuildWallet.",
            applied=judged.applied,
        ),
        alarm="wallet_ahead_of_ledger",
    ),
}


def clean_up(batch: Batch, attempt: Attempt, answer: Answer) -> None:
    """Add to `batch` the clean-up of an attempt that Redis applied."""
    match VERDICTS[answer.verdict].in_redis:
        case InRedis.SETTLE:
            batch.settled.append(attempt)
            if answer.verdict is Verdict.WRITTEN and _counts_elsewhere(attempt, answer):
                batch.clean_ups.append(_clean_up_of(CleanUpAction.FORGET, attempt))
        case InRedis.DISCARD:
            batch.clean_ups.append(_clean_up_of(CleanUpAction.DISCARD, attempt))
        case InRedis.DROP:
            batch.clean_ups.append(_clean_up_of(CleanUpAction.DROP, attempt))
        case InRedis.UNDO:
            # A change of a hold is not reverted but loaded anew: the hold may have been closed meanwhile.
            touches_hold = bool(attempt.command.authorization) and not attempt.command.late
            batch.clean_ups.append(_clean_up_of(CleanUpAction.DROP if touches_hold else CleanUpAction.UNDO, attempt))
        case InRedis.KEEP:
            pass


def clean_up_recovered(attempts: Sequence[Attempt], answers: Sequence[Answer]) -> Batch:
    """Return the clean-up of attempts in the journal, which another process than their own sent to the ledger.

    Counts the answers and raises their alarms, since no request waits for them in this process.
    """
    batch = Batch()
    for attempt, answer in zip(attempts, answers, strict=True):
        metrics.recovered_entries.labels(answer.verdict).inc()
        raise_alarm(attempt, answer)
        clean_up(batch, attempt, answer)
    return batch


def _counts_elsewhere(attempt: Attempt, answer: Answer) -> bool:
    """Return whether the entry's time is in another hour than the attempt's, so that another window counts it.

    It happens around the full hour, if an entry of another process, of the new hour, was written first.
    """
    assert answer.entry is not None
    return answer.entry.created_at // HOUR_US != attempt.applied_at // HOUR_US


def _clean_up_of(action: CleanUpAction, attempt: Attempt) -> CleanUp:
    command = attempt.command
    return CleanUp(
        action,
        command.company,
        command.idempotency_key,
        attempt.name,
        attempt.amount,
        attempt.held_delta,
        attempt.applied_at,
        usage_text(command.usage) if command.kind is Kind.CHARGE or command.late else "",
    )


def late_capture(command: Command, expired: Authorization | None) -> Command:
    """Return a capture of an expired authorization as a charge, with the authorization's usage if it has none.

    A capture without a price stays as it is: the caller sends it again, and the authorization's price is found then.
    """
    if command.unpriced or expired is None:
        return command
    return msgspec.structs.replace(command, late=True, usage=command.usage or expired.usage)


def raise_alarm(attempt: Attempt, answer: Answer) -> None:
    """Log an error if a person must act upon the verdict."""
    if alarm := VERDICTS[answer.verdict].alarm:
        log.error(alarm, company=attempt.command.company, attempt=attempt.name, epoch=answer.epoch)
