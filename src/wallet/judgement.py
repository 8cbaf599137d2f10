"""What follows from the ledger's answers: the clean-up in Redis, and the error that a caller gets."""

from wallet.domain.attempts import Answer, Asked, Attempt, Verdict
from wallet.domain.errors import (
    AuthorizationClosed,
    AuthorizationNotExpired,
    AuthorizationNotFound,
    BalanceLimitReached,
    CompanyClosed,
    CompanyNotFound,
    CompanySuspended,
    EntryQuarantined,
    IdempotencyKeyReused,
    InsufficientFunds,
    RefundExceedsCharge,
    TransactionNotFound,
    WalletError,
)
from wallet.hot.store import Batch, Chore, CleanUp

SETTLED = frozenset({Verdict.WRITTEN, Verdict.ALREADY})

_WRONGLY_APPLIED = frozenset(
    {
        Verdict.DUPLICATE,
        Verdict.KEY_REUSED,
        Verdict.TRANSACTION_NOT_FOUND,
        Verdict.REFUND_EXCEEDS_CHARGE,
        Verdict.QUARANTINED,
    }
)
"""Redis applied what must not be, and its wallet is right otherwise."""


def clean_up(batch: Batch, attempt: Attempt, verdict: Verdict) -> None:
    """Add to `batch` what Redis must do about an attempt that it applied: nothing where the entry has to stay."""
    if verdict in SETTLED:
        batch.settled.append(attempt)
    elif verdict is Verdict.STALE:
        batch.chores.append(chore(CleanUp.DISCARD, attempt))
    elif verdict in (Verdict.REFUSED, Verdict.COMPANY_NOT_FOUND):
        batch.chores.append(chore(CleanUp.DROP, attempt))
    elif verdict in _WRONGLY_APPLIED:
        # Giving back what a hold went through is a load's work: the hold may have been closed meanwhile.
        touches_hold = bool(attempt.command.authorization) and not attempt.command.late
        batch.chores.append(chore(CleanUp.DROP if touches_hold else CleanUp.UNDO, attempt))


def chore(action: CleanUp, attempt: Attempt) -> Chore:
    """Return a clean-up of `attempt`."""
    command = attempt.command
    return Chore(action, command.company, command.idempotency_key, attempt.name, attempt.amount, attempt.held_delta)


def final_error(attempt: Attempt, answer: Answer) -> WalletError | None:
    """Return the error that the ledger's answer is for the caller; None where it is no final no."""
    wallet = answer.wallet
    match answer.verdict:
        case Verdict.COMPANY_NOT_FOUND:
            return CompanyNotFound(attempt.command.company)
        case Verdict.KEY_REUSED:
            return IdempotencyKeyReused(attempt.command.idempotency_key)
        case Verdict.QUARANTINED:
            return EntryQuarantined(attempt.name)
        case Verdict.TRANSACTION_NOT_FOUND:
            return TransactionNotFound(str(attempt.command.refunded_number))
        case Verdict.REFUND_EXCEEDS_CHARGE:
            return RefundExceedsCharge(refundable=answer.refundable, required=attempt.amount)
        case Verdict.AUTHORIZATION_NOT_FOUND:
            return AuthorizationNotFound(attempt.command.authorization)
        case Verdict.AUTHORIZATION_CLOSED | Verdict.EXPIRED:
            return AuthorizationClosed(attempt.command.authorization)
        case Verdict.DECLINED if attempt.asked is Asked.FUNDS and wallet is not None:
            return InsufficientFunds(
                available=wallet.available,
                required=attempt.held_delta - attempt.amount,
                floor=wallet.floor,
                currency=wallet.currency,
            )
        case Verdict.DECLINED:
            return _DECLINES[attempt.asked](attempt.command.company)
        case _:
            return None


_DECLINES: dict[Asked, type[WalletError]] = {
    Asked.LIMIT: BalanceLimitReached,
    Asked.EARLY: AuthorizationNotExpired,
    Asked.SUSPENDED: CompanySuspended,
    Asked.CLOSED: CompanyClosed,
}
