"""The errors of confirmed declines: of rules by which both Redis and the ledger decline."""

from wallet.domain.attempts import Answer, Attempt, Question
from wallet.domain.commands import Command, Kind, Unpriced
from wallet.domain.entries import Authorization, AuthorizationState
from wallet.domain.errors import (
    AuthorizationClosed,
    AuthorizationNotExpired,
    AuthorizationNotFound,
    BalanceLimitReached,
    CompanyClosed,
    CompanySuspended,
    DestinationBlocked,
    InsufficientFunds,
    RateNotFound,
    SpendLimitReached,
    WalletError,
)
from wallet.domain.usage import Usage

_ON_OPEN_HOLD = frozenset({Kind.INCREMENT, Kind.CAPTURE})

_BY_RULE: dict[Question, type[WalletError]] = {
    Question.LIMIT: BalanceLimitReached,
    Question.EARLY: AuthorizationNotExpired,
    Question.SUSPENDED: CompanySuspended,
    Question.CLOSED: CompanyClosed,
}
"""The errors that name only the company."""


def declined(attempt: Attempt, answer: Answer) -> WalletError:
    """Return the error of an attempt that both Redis and the ledger decline by the rule `attempt.question`."""
    wallet, command, hold = answer.wallet, attempt.command, answer.authorization
    match attempt.question:
        case Question.FUNDS if wallet is not None:
            return InsufficientFunds(
                available=wallet.available,
                required=answer.required,
                floor=wallet.floor,
                currency=wallet.currency,
            )
        case Question.SPEND if wallet is not None and answer.passed is not None:
            # Changes of an authorization count in the window in which it was opened, which does not come again.
            over = command.kind in _ON_OPEN_HOLD and not command.late
            return SpendLimitReached(
                answer.passed, required=answer.passed_by, currency=wallet.currency, window_is_over=over
            )
        case Question.SUSPENDED | Question.BLOCKED | Question.UNPRICED if command.unpriced and (
            error := _hold_error(command, hold)
        ):
            return error
        case Question.BLOCKED:
            # An increment is more of the authorization's usage. Without a price, Redis judged by the command's own.
            of_hold = hold is not None and command.kind is Kind.INCREMENT and not command.unpriced
            channel, _, country = _usage_texts(hold.usage if hold is not None and of_hold else command.usage)
            return DestinationBlocked(channel=channel, country=country)
        case Question.UNPRICED:
            return _unpriced_error(command, hold)
        case _:
            return _BY_RULE[attempt.question](command.company)


def _hold_error(command: Command, hold: Authorization | None) -> WalletError | None:
    """Return why the authorization cannot be changed, or None; Redis checks it only for commands with a price."""
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
    channel, variant, country = _usage_texts(command.usage or (hold.usage if hold is not None else None))
    has_card = command.unpriced is not Unpriced.NO_CARD
    return RateNotFound(channel=channel, variant=variant, country=country, has_card=has_card)


def _usage_texts(usage: Usage | None) -> tuple[str, str, str]:
    """Return channel, variant and country; empty strings without a usage."""
    return (usage.channel.name, usage.variant, usage.country) if usage is not None else ("", "", "")


def _is_late_capture(command: Command, hold: Authorization) -> bool:
    return command.kind is Kind.CAPTURE and hold.state is AuthorizationState.EXPIRED
