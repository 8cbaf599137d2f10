"""What follows from the ledger's answers: the clean-up in Redis, and the error that a caller gets."""

from wallet.domain.attempts import Answer, Asked, Attempt, Verdict
from wallet.domain.commands import Command, Kind
from wallet.domain.entries import Authorization, AuthorizationState
from wallet.domain.errors import (
    Applied,
    AuthorizationClosed,
    AuthorizationNotExpired,
    AuthorizationNotFound,
    BalanceLimitReached,
    CompanyClosed,
    CompanyNotFound,
    CompanySuspended,
    DestinationBlocked,
    EntryQuarantined,
    IdempotencyKeyReused,
    InsufficientFunds,
    RateNotFound,
    RefundExceedsCharge,
    SpendLimitReached,
    TransactionNotFound,
    WalletError,
    WalletUnavailable,
)
from wallet.domain.usage import Usage
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
        case Verdict.DECLINED:
            return _declined(attempt, answer)
        case _:
            return None


def _declined(attempt: Attempt, answer: Answer) -> WalletError:
    wallet, command, hold = answer.wallet, attempt.command, answer.authorization
    match attempt.asked:
        case Asked.FUNDS if wallet is not None:
            return InsufficientFunds(
                available=wallet.available,
                required=attempt.held_delta - attempt.amount,
                floor=wallet.floor,
                currency=wallet.currency,
            )
        case Asked.SPEND if answer.passed is not None:
            return SpendLimitReached(answer.passed, required=attempt.held_delta - attempt.amount)
        case Asked.SUSPENDED | Asked.BLOCKED | Asked.UNPRICED if command.unpriced and (
            error := _hold_error(command, hold)
        ):
            return error
        case Asked.BLOCKED:
            # An increment is more of the authorization's usage. What has no price was judged by its own, in Redis.
            usage = hold.usage if hold is not None and not command.unpriced else command.usage
            channel, _, country = _words(usage)
            return DestinationBlocked(channel=channel, country=country)
        case Asked.UNPRICED:
            return _unpriced_error(command, hold)
        case _:
            return _DECLINES[attempt.asked](command.company)


def _hold_error(command: Command, hold: Authorization | None) -> WalletError | None:
    """Return why nothing can be done to the authorization; Redis does not look at it where there is no price."""
    if command.kind not in _ON_OPEN_HOLD:
        return None
    if hold is None:
        return AuthorizationNotFound(command.authorization)
    if hold.state is not AuthorizationState.OPEN and not _is_late_capture(command, hold):
        return AuthorizationClosed(command.authorization)
    return None


def _unpriced_error(command: Command, hold: Authorization | None) -> WalletError:
    usage = command.usage or (hold.usage if hold is not None else None)
    if usage is None:
        # The edge found no such authorization to price by. There is one now, so the same request will find it.
        return WalletUnavailable("the authorization was opened just now", applied=Applied.NO)
    channel, variant, country = _words(usage)
    return RateNotFound(channel=channel, variant=variant, country=country)


def _words(usage: Usage | None) -> tuple[str, str, str]:
    return (usage.channel.name, usage.variant, usage.country) if usage is not None else ("", "", "")


def _is_late_capture(command: Command, hold: Authorization) -> bool:
    return command.kind is Kind.CAPTURE and hold.state is AuthorizationState.EXPIRED


_ON_OPEN_HOLD = frozenset({Kind.INCREMENT, Kind.CAPTURE})

_DECLINES: dict[Asked, type[WalletError]] = {
    Asked.LIMIT: BalanceLimitReached,
    Asked.EARLY: AuthorizationNotExpired,
    Asked.SUSPENDED: CompanySuspended,
    Asked.CLOSED: CompanyClosed,
}
