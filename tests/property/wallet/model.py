"""A plain model of a wallet: one company, one command after the other, no Redis, no Postgres.

The engine must be indistinguishable from this, whatever is restarted, forgotten or retried behind it.
"""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tests.property.wallet.spending import Limit, Spending, counters, passed
from wallet.domain.commands import Command, Kind
from wallet.domain.entries import AuthorizationState, WalletState
from wallet.domain.errors import (
    AuthorizationClosed,
    AuthorizationNotExpired,
    AuthorizationNotFound,
    BalanceLimitReached,
    CompanyClosed,
    CompanySuspended,
    DestinationBlocked,
    IdempotencyKeyReused,
    InsufficientFunds,
    RateNotFound,
    RefundExceedsCharge,
    SpendLimitReached,
    TransactionNotFound,
)
from wallet.domain.limits import window_start
from wallet.domain.money import MICROS_MAX
from wallet.domain.usage import Channel, Usage

BEGINS = frozenset({Kind.CHARGE, Kind.AUTHORIZATION, Kind.INCREMENT})
"""The kinds that are refused to a suspended company, and to one that has blocked the destination."""
SPENDS = BEGINS | {Kind.CAPTURE, Kind.VOID, Kind.EXPIRY}
"""The kinds that spend limits count. Refunds do not reduce the spending."""


class Entry(NamedTuple):
    """The fields that an entry must have."""

    number: int
    kind: Kind
    amount: int
    held_delta: int
    balance_after: int
    held_after: int
    floor: int
    key: str
    authorization: str
    refunded_number: int


@dataclass(frozen=True)
class Hold:
    """An authorization. `due` when its time is up and no sweep has come yet; opened `at` a time, for a `usage`."""

    state: AuthorizationState
    amount: int
    captured: int
    held: int
    due: bool = False
    at: int = 0
    usage: Usage | None = None


class No(NamedTuple):
    """A decline or an error, with what it says besides."""

    error: type[Exception]
    facts: tuple[object, ...] = ()


class Change(NamedTuple):
    """The effect of a command: its entry's amount and held delta, and the authorization afterwards.

    It is `counted` at a time and as a usage: those of the authorization, where it is open. What is taken counts as
    the usage of the command, where it has one.
    """

    amount: int
    held_delta: int
    counted: tuple[int, Usage | None]
    hold: Hold | None = None


@dataclass
class Model:
    """One wallet."""

    floor: int = 0
    state: WalletState = WalletState.ACTIVE
    balance: int = 0
    entries: list[Entry] = field(default_factory=list)
    keys: dict[str, tuple[bytes, Entry]] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    blocked_channels: frozenset[Channel] = frozenset()
    blocked_countries: frozenset[str] = frozenset()
    limits: dict[str, Limit] = field(default_factory=dict)
    spendings: list[Spending] = field(default_factory=list)

    @property
    def held(self) -> int:
        """The sum of what open authorizations hold."""
        return sum(hold.held for hold in self.holds.values())

    @property
    def available(self) -> int:
        """The amount that can be spent, in micros."""
        return self.balance - self.held - self.floor

    def copy(self) -> "Model":
        """Return a model to try things on."""
        return replace(
            self,
            entries=list(self.entries),
            keys=dict(self.keys),
            holds=dict(self.holds),
            limits=dict(self.limits),
            spendings=list(self.spendings),
        )

    def spent(self, name: str, at: int) -> int:
        """Return the spending that a limit counts in its window at a time."""
        limit = self.limits[name]
        return counters(limit, self.spendings)[window_start(limit.window, at)]

    def counters(self, name: str) -> dict[int, int]:
        """Return the counters of a limit that are not 0, by the start of the window."""
        return {starts_at: spent for starts_at, spent in counters(self.limits[name], self.spendings).items() if spent}

    def submit(self, command: Command, at: int) -> Entry | No:
        """Return the entry that the command has, from this time or from an earlier try, or why it has none."""
        if known := self.keys.get(command.idempotency_key):
            fingerprint, entry = known
            return entry if fingerprint == command.fingerprint else No(IdempotencyKeyReused)
        change = self._change(command, at)
        if isinstance(change, No):
            return change
        if refusal := self._refusal(command, change):
            return refusal
        self.balance += change.amount
        if change.hold is not None:
            self.holds[command.authorization] = change.hold
        if command.kind in SPENDS:
            self.spendings += _parts(command, change, len(self.entries) + 1)
        entry = Entry(
            len(self.entries) + 1,
            command.kind,
            change.amount,
            change.held_delta,
            self.balance,
            self.held,
            self.floor,
            command.idempotency_key,
            command.authorization,
            command.refunded_number,
        )
        self.entries.append(entry)
        self.keys[command.idempotency_key] = command.fingerprint, entry
        return entry

    def _change(self, command: Command, at: int) -> Change | No:
        if self.state is WalletState.CLOSED:
            return No(CompanyClosed)
        now = at, command.usage
        match command.kind:
            case Kind.CHARGE:
                return Change(-command.amount, 0, now)
            case Kind.TOP_UP | Kind.ADJUSTMENT | Kind.REFUND:
                return Change(command.amount, 0, now)
            case Kind.AUTHORIZATION:
                hold = Hold(AuthorizationState.OPEN, command.amount, 0, command.amount, False, *now)
                return Change(0, command.amount, now, hold)
            case _:
                return self._change_of_hold(command, at)

    def _change_of_hold(self, command: Command, at: int) -> Change | No:
        hold = self.holds.get(command.authorization)
        if hold is None:
            return No(AuthorizationNotFound)
        if hold.state is AuthorizationState.EXPIRED and command.kind is Kind.CAPTURE:
            captured = hold.captured + command.amount
            after = replace(hold, captured=captured, amount=hold.amount + command.amount)
            return Change(-command.amount, 0, (at, command.usage or hold.usage), after)
        if hold.state is not AuthorizationState.OPEN:
            return No(AuthorizationClosed)
        taken = 0
        match command.kind:
            case Kind.INCREMENT:
                held = max(0, command.amount - hold.captured)
                after = replace(hold, amount=hold.captured + held, held=held, due=False)
            case Kind.CAPTURE:
                taken = command.amount
                released = min(taken, hold.held)
                after = replace(
                    hold,
                    amount=hold.amount + taken - released,
                    captured=hold.captured + taken,
                    held=hold.held - released,
                )
                if not command.keep_open:
                    after = replace(after, state=AuthorizationState.CAPTURED, held=0)
            case Kind.VOID:
                after = replace(hold, state=AuthorizationState.VOIDED, held=0)
            case _ if not hold.due:
                return No(AuthorizationNotExpired)
            case _:
                after = replace(hold, state=AuthorizationState.EXPIRED, held=0)
        return Change(-taken, after.held - hold.held, (hold.at, hold.usage), after)

    def _refusal(self, command: Command, change: Change) -> No | None:
        required = change.held_delta - change.amount
        credits_only = command.kind in (Kind.TOP_UP, Kind.REFUND, Kind.VOID, Kind.EXPIRY) or command.below_floor
        if refusal := self._refusal_of_usage(command, change):
            return refusal
        parts = _parts(command, change, len(self.entries) + 1)
        if not credits_only and command.kind in SPENDS and (limit := passed(self.limits, parts, self.spendings)):
            return No(SpendLimitReached, (*limit,))
        if not credits_only and required > 0 and self.available < required:
            return No(InsufficientFunds, (self.available, required, self.floor))
        if abs(self.balance + change.amount) > MICROS_MAX or self.held + change.held_delta > MICROS_MAX:
            return No(BalanceLimitReached)
        if command.kind is Kind.REFUND:
            return self._refusal_of_refund(command)
        return None

    def _refusal_of_usage(self, command: Command, change: Change) -> No | None:
        if command.kind in BEGINS and self.state is WalletState.SUSPENDED:
            return No(CompanySuspended)
        usage = None
        if command.kind in BEGINS:
            # What is not priced is not known to be the authorization's usage either.
            usage = command.usage if command.unpriced else change.counted[1]
        elif command.kind is Kind.CAPTURE and not command.unpriced and _is_elsewhere(command, change):
            usage = command.usage
        if usage and (usage.channel in self.blocked_channels or usage.country in self.blocked_countries):
            return No(DestinationBlocked, (usage.channel.name, usage.country))
        if command.unpriced:
            usage = command.usage or self.holds[command.authorization].usage
            assert usage is not None
            return No(RateNotFound, (usage.channel.name, usage.country))
        return None

    def _refusal_of_refund(self, command: Command) -> No | None:
        number = command.refunded_number
        if not 1 <= number <= len(self.entries) or self.entries[number - 1].kind not in (Kind.CHARGE, Kind.CAPTURE):
            return No(TransactionNotFound)
        refunded = sum(entry.amount for entry in self.entries if entry.refunded_number == number)
        refundable = -self.entries[number - 1].amount - refunded
        if command.amount > refundable:
            return No(RefundExceedsCharge, (refundable, command.amount))
        return None


def _parts(command: Command, change: Change, number: int) -> list[Spending]:
    """Return the micros that a command holds, and those that it takes."""
    at, usage = change.counted
    if change.hold is None or (change.hold.state is AuthorizationState.EXPIRED and command.kind is Kind.CAPTURE):
        return [Spending(at, command.usage or usage, -change.amount, number)]
    return [
        Spending(at, usage, change.held_delta, number, of_hold=True, taken=False),
        Spending(at, command.usage or usage, -change.amount, number, of_hold=True),
    ]


def _is_elsewhere(command: Command, change: Change) -> bool:
    """Whether a capture of an open authorization is of another channel or country."""
    hold, usage = change.hold, command.usage
    if usage is None or hold is None or hold.state is AuthorizationState.EXPIRED:
        return False
    return hold.usage is None or (usage.channel, usage.country) != (hold.usage.channel, hold.usage.country)
