"""What follows from the ledger's answers: the clean-up in Redis, and the error that a caller gets."""

import msgspec

from wallet.domain.attempts import Answer, Asked, Attempt, Verdict
from wallet.domain.commands import Command, Kind, Unpriced
from wallet.domain.entries import Authorization, AuthorizationState
from wallet.domain.errors import (
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
)
from wallet.domain.limits import HOUR_US
from wallet.domain.usage import Usage
from wallet.hot.fields import usage_word
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


def clean_up(batch: Batch, attempt: Attempt, answer: Answer) -> None:
    """Add to `batch` what Redis must do about an attempt that it applied: nothing where the entry has to stay."""
    verdict = answer.verdict
    if verdict in SETTLED:
        batch.settled.append(attempt)
        if verdict is Verdict.WRITTEN and _counts_elsewhere(attempt, answer):
            batch.chores.append(chore(CleanUp.FORGET, attempt))
    elif verdict is Verdict.STALE:
        batch.chores.append(chore(CleanUp.DISCARD, attempt))
    elif verdict in (Verdict.REFUSED, Verdict.COMPANY_NOT_FOUND):
        batch.chores.append(chore(CleanUp.DROP, attempt))
    elif verdict in _WRONGLY_APPLIED:
        # Giving back what a hold went through is a load's work: the hold may have been closed meanwhile.
        touches_hold = bool(attempt.command.authorization) and not attempt.command.late
        batch.chores.append(chore(CleanUp.DROP if touches_hold else CleanUp.UNDO, attempt))


def _counts_elsewhere(attempt: Attempt, answer: Answer) -> bool:
    """Return whether the entry's time is in another hour than the attempt's: it counts in another window than in Redis.

    It happens around the full hour, to an entry that another process's, of the new hour, has overtaken on the way.
    """
    assert answer.entry is not None
    return answer.entry.created_at // HOUR_US != attempt.applied_at // HOUR_US


def chore(action: CleanUp, attempt: Attempt) -> Chore:
    """Return a clean-up of `attempt`."""
    command = attempt.command
    return Chore(
        action,
        command.company,
        command.idempotency_key,
        attempt.name,
        attempt.amount,
        attempt.held_delta,
        attempt.applied_at,
        usage_word(command.usage) if command.kind is Kind.CHARGE or command.late else "",
    )


def late_capture(command: Command, expired: Authorization | None) -> Command:
    """Return a capture as the charge that it is once its authorization has expired, with the usage that it is for.

    One without a price stays as it is: the caller sends it again, and the authorization's price is found then.
    """
    if command.unpriced or expired is None:
        return command
    return msgspec.structs.replace(command, late=True, usage=command.usage or expired.usage)


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
                required=answer.required,
                floor=wallet.floor,
                currency=wallet.currency,
            )
        case Asked.SPEND if answer.passed is not None:
            # What is done to an authorization counts in the window in which it was opened: that does not come again.
            over = command.kind in _ON_OPEN_HOLD and not command.late
            return SpendLimitReached(answer.passed, required=answer.passed_by, window_is_over=over)
        case Asked.SUSPENDED | Asked.BLOCKED | Asked.UNPRICED if command.unpriced and (
            error := _hold_error(command, hold)
        ):
            return error
        case Asked.BLOCKED:
            # An increment is more of the authorization's usage. What has no price was judged by its own, in Redis.
            of_hold = hold is not None and command.kind is Kind.INCREMENT and not command.unpriced
            channel, _, country = _words(hold.usage if hold is not None and of_hold else command.usage)
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
    if command.unpriced is Unpriced.TOO_MUCH:
        return BalanceLimitReached(command.company)
    channel, variant, country = _words(command.usage or (hold.usage if hold is not None else None))
    has_card = command.unpriced is not Unpriced.NO_CARD
    return RateNotFound(channel=channel, variant=variant, country=country, has_card=has_card)


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
