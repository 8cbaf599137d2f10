"""Every verdict of the ledger has a row in VERDICTS, and the rows are consistent."""

import pytest

from wallet.domain.attempts import Answer, Attempt, Question, Verdict
from wallet.domain.commands import Command, Kind
from wallet.domain.entries import Entry, Wallet, WalletState
from wallet.domain.errors import (
    Applied,
    AuthorizationClosed,
    AuthorizationNotFound,
    CompanyClosed,
    CompanyNotFound,
    EntryQuarantined,
    IdempotencyKeyReused,
    LedgerUnavailable,
    RefundExceedsCharge,
    TransactionNotFound,
    Unavailable,
    WalletUnavailable,
)
from wallet.domain.limits import HOUR_US
from wallet.hot.store import Batch, CleanUpAction
from wallet.verdicts import CONTESTED_ROUNDS_MAX, VERDICTS, InRedis, Judged, NextStep, clean_up

CHARGE = Command(Kind.CHARGE, "acme", "k", b"")
CAPTURE = Command(Kind.CAPTURE, "acme", "k", b"", authorization="call-1")
LATE_CAPTURE = Command(Kind.CAPTURE, "acme", "k", b"", authorization="call-1", late=True)
ERRORS = {
    Verdict.KEY_REUSED: IdempotencyKeyReused,
    Verdict.TRANSACTION_NOT_FOUND: TransactionNotFound,
    Verdict.REFUND_EXCEEDS_CHARGE: RefundExceedsCharge,
    Verdict.QUARANTINED: EntryQuarantined,
    Verdict.COMPANY_NOT_FOUND: CompanyNotFound,
    Verdict.EXPIRED: AuthorizationClosed,
    Verdict.AUTHORIZATION_CLOSED: AuthorizationClosed,
    Verdict.AUTHORIZATION_NOT_FOUND: AuthorizationNotFound,
    Verdict.DECLINED: CompanyClosed,
    Verdict.BUSY: LedgerUnavailable,
    Verdict.AHEAD: WalletUnavailable,
}


def applied(command: Command = CHARGE) -> Attempt:
    """Return an attempt that Redis applied at the end of an hour."""
    return Attempt(command, Question.APPLIED, 7, 3, -5, 0, HOUR_US - 1)


def judged(verdict: Verdict, *, epoch: int = 7, rounds: int = 0, key_judged_before: bool = False) -> Judged:
    """Return a declined attempt with a verdict, for a closed company."""
    attempt = Attempt(CHARGE, Question.CLOSED, epoch)
    wallet = Wallet("acme", "EUR", 0, 0, 0, WalletState.CLOSED, 0)
    return Judged(attempt, Answer(verdict, 9, 1, wallet), Applied.UNKNOWN, rounds, key_judged_before)


def cleaned(
    verdict: Verdict, command: Command = CHARGE, created_at: int = HOUR_US - 1
) -> tuple[bool, list[CleanUpAction]]:
    """Return whether an applied attempt is settled, and the clean-ups that follow from its verdict."""
    batch = Batch()
    entry = Entry("acme", 1, command.kind, -5, 0, 95, 0, 0, "k", created_at, "EUR")
    clean_up(batch, applied(command), Answer(verdict, 7, 3, entry=entry))
    return bool(batch.settled), [added.action for added in batch.clean_ups]


def test_every_verdict_has_a_row() -> None:
    assert set(VERDICTS) == set(Verdict)


@pytest.mark.parametrize("verdict", Verdict)
def test_a_row_has_an_error_where_the_caller_hears_one(verdict: Verdict) -> None:
    row = VERDICTS[verdict]
    assert (row.error is None) == (row.next_step in (NextStep.ACKNOWLEDGE, NextStep.RUN_AGAIN))
    assert row.repair is None or row.next_step is NextStep.RUN_AGAIN
    assert row.error is None or type(row.error(judged(verdict))) is ERRORS[verdict]


@pytest.mark.parametrize("verdict", [verdict for verdict, error in ERRORS.items() if issubclass(error, Unavailable)])
def test_unavailable_errors_say_whether_the_command_may_be_applied(verdict: Verdict) -> None:
    """Each error that is not final says whether the command may be applied."""
    row = VERDICTS[verdict]
    assert row.error is not None
    error = row.error(judged(verdict))
    assert isinstance(error, Unavailable)
    assert error.applied is Applied.UNKNOWN


@pytest.mark.parametrize("verdict", Verdict)
def test_what_redis_applied_is_kept_only_where_it_may_still_be_an_entry(verdict: Verdict) -> None:
    settled, actions = cleaned(verdict)
    match VERDICTS[verdict].in_redis:
        case InRedis.SETTLE:
            assert (settled, actions) == (True, [])
        case InRedis.KEEP:
            assert (settled, actions) == (False, [])
        case in_redis:
            assert (settled, [action.name for action in actions]) == (False, [in_redis.name])


def test_a_change_of_a_hold_is_not_undone_but_loaded_anew() -> None:
    assert cleaned(Verdict.DUPLICATE, CAPTURE) == (False, [CleanUpAction.DROP])
    assert cleaned(Verdict.DUPLICATE, LATE_CAPTURE) == (False, [CleanUpAction.UNDO])


def test_an_entry_of_another_hour_than_in_redis_drops_the_wallet() -> None:
    """An entry that another window counts than in Redis makes the wallet be loaded anew."""
    assert cleaned(Verdict.WRITTEN, created_at=HOUR_US) == (True, [CleanUpAction.FORGET])
    assert cleaned(Verdict.ALREADY, created_at=HOUR_US) == (True, [])


def test_an_unrecorded_key_loses_its_record_or_its_wallet() -> None:
    repair = VERDICTS[Verdict.UNRECORDED].repair
    assert repair is not None
    assert repair(judged(Verdict.UNRECORDED, key_judged_before=True)) is None
    record, hold = repair(judged(Verdict.UNRECORDED)), repair(judged(Verdict.UNRECORDED, epoch=0))
    assert record is not None
    assert (record.action, record.attempt) == (CleanUpAction.DISCARD, "7:0")
    assert hold is not None
    assert (hold.action, hold.attempt) == (CleanUpAction.FORGET, "9:0"), "of the epoch that the ledger has"


def test_a_wallet_is_blamed_for_a_contested_decline_after_some_rounds() -> None:
    repair = VERDICTS[Verdict.CONTESTED].repair
    assert repair is not None
    assert repair(judged(Verdict.CONTESTED, rounds=CONTESTED_ROUNDS_MAX - 1)) is None
    forget = repair(judged(Verdict.CONTESTED, rounds=CONTESTED_ROUNDS_MAX))
    assert forget is not None
    assert forget.action is CleanUpAction.FORGET
