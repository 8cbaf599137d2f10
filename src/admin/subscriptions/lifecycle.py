"""Charges subscriptions: each period once, through the engine as everything that changes a balance.

A period's charge has a key that follows from the subscription and the period's number. So whoever charges it (the
request that asks for it, a worker, two at once, or another one after the first was killed) gets the one entry that
there is, and records it over the version that it has seen. Killed before the charge, the row still says that it is due;
killed after it, the next one finds the entry under its key.
"""

from admin.subscriptions.domain import (
    FINGERPRINT,
    NewSubscription,
    Subscription,
    SubscriptionState,
    Terms,
    TermsChange,
    share_of,
)
from admin.subscriptions.store import Subscriptions
from admin.subscriptions.transitions import (
    armed,
    begun_anew,
    canceled,
    declined,
    ending,
    paid,
    settled,
    with_terms,
)
from refunds.domain import RefundReason, RefundRequest
from refunds.service import Refunds
from wallet.domain import system_keys
from wallet.domain.commands import Command, Kind, Unpriced
from wallet.domain.entries import Entry
from wallet.domain.errors import (
    Applied,
    BalanceLimitReached,
    Declined,
    RateNotFound,
    SubscriptionCanceled,
    WalletUnavailable,
)
from wallet.domain.ratebook import Quote
from wallet.domain.resource_names import SUBSCRIPTION_REFERENCE
from wallet.engine import Engine
from wallet.rating import Rating

ROUNDS_MAX = 8
"""How often a change is tried again, since somebody else changed the subscription meanwhile."""


class Renewals:
    """What people and workers do to subscriptions.

    Every method raises LedgerUnavailable. `now` is Postgres's time unless it is given, in microseconds since the epoch.
    `timeout` in seconds.
    """

    def __init__(self, engine: Engine, refunds: Refunds, rating: Rating, subscriptions: Subscriptions) -> None:
        """Use an open engine and ledger."""
        self._engine = engine
        self._refunds = refunds
        self._rating = rating
        self._store = subscriptions

    async def create(
        self, new: NewSubscription, *, now: int | None = None, timeout: float | None = None
    ) -> Subscription:
        """Make a subscription, or return the one that the same request made; where it begins at once, charge it.

        Raises CompanyNotFound, CompanyClosed, IdempotencyKeyReused; what the ledger declines the first charge with:
        then it is pending, and the same request tries again; Unavailable, after which a worker goes on.
        """
        now = await self._now(now)
        made = await self._store.create(new, now)
        for _ in range(ROUNDS_MAX):
            if made.state is not SubscriptionState.PENDING or not made.at_once:
                return made
            if made.due_at is not None:
                return await self._charge(made, now, timeout)
            # It was declined. From here on a worker would finish it, as if it were new.
            again = await self._store.save(made, begun_anew(made, new.schedule(now), now))
            made = again or await self._store.get(made.company, made.id)
        raise _restless(made)

    async def update(
        self, company: str, subscription: str, change: TermsChange, *, now: int | None = None
    ) -> Subscription:
        """Change the terms of the periods that are not charged yet.

        Raises SubscriptionNotFound, SubscriptionCanceled; RateNotFound or BalanceLimitReached where they could not be
        charged.
        """
        now = await self._now(now)
        for _ in range(ROUNDS_MAX):
            before = await self._open(company, subscription)
            terms = change.applied(before.terms)
            await self._check_priced(company, terms, now)
            after = await self._store.save(before, with_terms(before, terms))
            if after is not None:
                return after
        raise _restless(before)

    async def cancel(
        self, company: str, subscription: str, *, at_period_end: bool, now: int | None = None
    ) -> Subscription:
        """End a subscription, now or when the period that is paid is over; one that is canceled is left as it is.

        Raises SubscriptionNotFound.
        """
        now = await self._now(now)
        for _ in range(ROUNDS_MAX):
            before = await self._store.get(company, subscription)
            if before.state is SubscriptionState.CANCELED:
                return before
            ends_at = before.period_ends_at
            if at_period_end and before.state is SubscriptionState.ACTIVE and ends_at is not None and now < ends_at:
                after = await self._store.save(before, ending(before, at_period_end=True))
            else:
                # What is due is not charged any more. Who read it before, and is about to, is undone by `_settle`.
                after = await self._store.save(before, *canceled(before, now))
            if after is not None:
                return after
        raise _restless(before)

    async def resume(
        self, company: str, subscription: str, *, now: int | None = None, timeout: float | None = None
    ) -> Subscription:
        """Let a subscription go on: charge the period that is due, take back that it is to end. Else it stays as it is.

        Raises SubscriptionNotFound, SubscriptionCanceled; what the ledger declines the charge with, and then it is past
        due or suspended as before; Unavailable, after which a worker goes on.
        """
        now = await self._now(now)
        for _ in range(ROUNDS_MAX):
            before = await self._open(company, subscription)
            match before.state:
                case SubscriptionState.PAST_DUE:
                    return await self._charge(before, now, timeout)
                case SubscriptionState.SUSPENDED:
                    # The intent first, with its time: whoever goes on charges the same period.
                    ready = await self._store.save(before, armed(before, now))
                    if ready is not None:
                        return await self._charge(ready, now, timeout)
                case _ if not before.cancel_at_period_end:
                    return before
                case _:
                    after = await self._store.save(before, ending(before, at_period_end=False))
                    if after is not None:
                        return after
        raise _restless(before)

    async def step(self, subscription: Subscription, now: int, *, timeout: float | None = None) -> Subscription:
        """Do what is due for a subscription, and return it as it is then: at most one period is charged.

        Raises Unavailable, after which it is due as before; EntryQuarantined.
        """
        if subscription.state is SubscriptionState.CANCELED:
            return await self._settle(subscription, timeout)
        if subscription.cancel_at_period_end:
            ended_at = now if subscription.period_ends_at is None else subscription.period_ends_at
            saved = await self._store.save(subscription, *canceled(subscription, ended_at))
            return saved or await self._store.get(subscription.company, subscription.id)
        try:
            return await self._charge(subscription, now, timeout)
        except Declined:
            return await self._store.get(subscription.company, subscription.id)

    async def _charge(self, subscription: Subscription, now: int, timeout: float | None) -> Subscription:
        """Charge the next period and record what came of it. Raises Declined, Unavailable."""
        period, terms = subscription.next_period, subscription.terms
        amount, price, unpriced = await self._quote(subscription.company, terms, now)
        if period.cut:
            # A part of the price is not what the rate alone says.
            amount, price = share_of(amount, period), None
        try:
            outcome = await self._engine.submit(_command(subscription, Quote(amount, price, unpriced)), timeout=timeout)
        except Declined as error:
            # Not recorded where somebody changed it meanwhile: who did, knows better, or it is still due.
            await self._store.save(subscription, *declined(subscription, error, now))
            raise
        return await self._recorded(subscription, outcome.entry)

    async def _recorded(self, subscription: Subscription, entry: Entry) -> Subscription:
        """Record that the next period is charged. Whoever changed the subscription meanwhile, it is."""
        number = subscription.next_number
        for _ in range(ROUNDS_MAX):
            after = await self._store.save(subscription, *paid(subscription, entry))
            if after is not None:
                return after
            subscription = await self._store.get(subscription.company, subscription.id)
            if subscription.charged >= number:
                return subscription
        raise _restless(subscription)

    async def _settle(self, subscription: Subscription, timeout: float | None) -> Subscription:
        """Give back what was charged while the subscription was canceled, if anything was.

        A charge without a price only asks for what its key has recorded, in Redis and in the ledger.
        """
        try:
            found = await self._engine.submit(_command(subscription, Quote(0, None, Unpriced.NO_RATE)), timeout=timeout)
            await self._refunds.refund(_refund_request(subscription, found.entry), timeout=timeout)
        except Declined:
            pass  # It was never charged; or all of it is given back, or the company is closed and has no balance.
        saved = await self._store.save(subscription, settled(subscription))
        return saved or await self._store.get(subscription.company, subscription.id)

    async def _quote(self, company: str, terms: Terms, now: int) -> Quote:
        if terms.amount is not None:
            return Quote(terms.amount, None)
        await self._rating.refresh()
        return self._rating.books.quote(company, terms.usage, terms.number, now)

    async def _check_priced(self, company: str, terms: Terms, now: int) -> None:
        usage, unpriced = terms.usage, (await self._quote(company, terms, now)).unpriced
        if unpriced is Unpriced.TOO_MUCH:
            raise BalanceLimitReached(company)
        if unpriced is not None:
            has_card = unpriced is not Unpriced.NO_CARD
            raise RateNotFound(
                channel=usage.channel.name, variant=usage.variant, country=usage.country, has_card=has_card
            )

    async def _open(self, company: str, subscription: str) -> Subscription:
        found = await self._store.get(company, subscription)
        if found.state is SubscriptionState.CANCELED:
            raise SubscriptionCanceled(subscription)
        return found

    async def _now(self, now: int | None) -> int:
        return await self._store.now() if now is None else now


def _command(subscription: Subscription, quote: Quote) -> Command:
    """Return the command that charges the next period."""
    return Command(
        Kind.CHARGE,
        subscription.company,
        subscription.next_key,
        FINGERPRINT,
        quote.amount,
        subscription.terms.usage,
        reference=SUBSCRIPTION_REFERENCE.name(subscription.id),
        price=quote.price,
        unpriced=quote.unpriced,
    )


def _refund_request(subscription: Subscription, entry: Entry) -> RefundRequest:
    return RefundRequest(
        subscription.company,
        entry.number,
        system_keys.subscription_refund(subscription.id, subscription.next_number),
        FINGERPRINT,
        RefundReason.OTHER,
        system_keys.SUBSCRIPTIONS,
        f"{SUBSCRIPTION_REFERENCE.name(subscription.id)} was canceled",
    )


def _restless(subscription: Subscription) -> WalletUnavailable:
    text = f"the subscription {subscription.id} was changed {ROUNDS_MAX} times meanwhile"
    return WalletUnavailable(text, applied=Applied.UNKNOWN)
