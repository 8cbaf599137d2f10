"""Creates, changes and cancels subscriptions, and charges each of their periods once, through the engine.

The idempotency key of a period's charge follows from the subscription and the period's number. So every process that
charges it (the request that asks for it, a worker, two at once, or another one after the first was killed) gets the
same entry, and saves it over the version that it has read. If a process is killed before the charge, the row still
says that the period is due; if after it, the next process finds the entry under its key.
"""

from admin.subscriptions import transitions
from admin.subscriptions.domain import (
    FINGERPRINT,
    NewSubscription,
    Subscription,
    SubscriptionState,
    Terms,
    TermsChange,
    prorated,
)
from admin.subscriptions.store import Subscriptions
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
from wallet.rate_snapshot import RateSnapshot

SAVE_ATTEMPTS_MAX = 8
"""How often a change is tried while other processes change the subscription, too."""


class SubscriptionLifecycle:
    """The operations of requests and workers on subscriptions.

    Every method may raise LedgerUnavailable. `now` is in microseconds since the epoch; None: Postgres's time. `timeout`
    is in seconds.
    """

    def __init__(self, engine: Engine, refunds: Refunds, rating: RateSnapshot, subscriptions: Subscriptions) -> None:
        """Use an open engine and ledger."""
        self._engine = engine
        self._refunds = refunds
        self._rating = rating
        self._store = subscriptions

    async def create(
        self, new: NewSubscription, *, now: int | None = None, timeout: float | None = None
    ) -> Subscription:
        """Create a subscription, or return the one that the same request has created; charge it if it begins at once.

        Raises CompanyNotFound, CompanyClosed, IdempotencyKeyReused; Declined if the first charge is declined: then it
        is pending, and the same request tries again; Unavailable, after which a worker continues.
        """
        now = await self._now(now)
        current = await self._store.create(new, now)
        for _ in range(SAVE_ATTEMPTS_MAX):
            if current.state is not SubscriptionState.PENDING or not current.at_once:
                return current
            if current.due_at is not None:
                return await self._charge(current, now, timeout)
            # Its charge was declined. As with a new one, a worker finishes it if this process dies from here on.
            again = await self._store.save(current, transitions.restart(current, new.schedule(now), now))
            current = again or await self._store.get(current.company, current.id)
        raise _contention_error(current)

    async def update(
        self, company: str, subscription: str, change: TermsChange, *, now: int | None = None
    ) -> Subscription:
        """Change the terms of the periods that are not charged yet.

        Raises SubscriptionNotFound, SubscriptionCanceled; RateNotFound or BalanceLimitReached if there is no price by
        the new terms, or it is too high.
        """
        now = await self._now(now)
        for _ in range(SAVE_ATTEMPTS_MAX):
            before = await self._open(company, subscription)
            terms = change.apply(before.terms)
            await self._check_priced(company, terms, now)
            after = await self._store.save(before, transitions.change_terms(before, terms))
            if after is not None:
                return after
        raise _contention_error(before)

    async def cancel(
        self, company: str, subscription: str, *, at_period_end: bool, now: int | None = None
    ) -> Subscription:
        """Cancel a subscription, now or at the end of the paid period; a canceled one is returned unchanged.

        Raises SubscriptionNotFound.
        """
        now = await self._now(now)
        for _ in range(SAVE_ATTEMPTS_MAX):
            before = await self._store.get(company, subscription)
            if before.state is SubscriptionState.CANCELED:
                return before
            ends_at = before.period_ends_at
            if at_period_end and before.state is SubscriptionState.ACTIVE and ends_at is not None and now < ends_at:
                after = await self._store.save(before, transitions.set_cancel_at_period_end(before, at_period_end=True))
            else:
                # Nothing more is charged. If another process has read it before and charges it, `_settle` refunds.
                after = await self._store.save(before, *transitions.cancel(before, now))
            if after is not None:
                return after
        raise _contention_error(before)

    async def resume(
        self, company: str, subscription: str, *, now: int | None = None, timeout: float | None = None
    ) -> Subscription:
        """Resume a subscription: charge the period that is due, or take back its cancellation; else do nothing.

        Raises SubscriptionNotFound, SubscriptionCanceled; Declined if the charge is declined, and then it is past due
        or suspended as before; Unavailable, after which a worker continues.
        """
        now = await self._now(now)
        for _ in range(SAVE_ATTEMPTS_MAX):
            before = await self._open(company, subscription)
            match before.state:
                case SubscriptionState.PAST_DUE:
                    return await self._charge(before, now, timeout)
                case SubscriptionState.SUSPENDED:
                    # The intent is saved first, with its time: a worker that takes over charges the same period.
                    ready = await self._store.save(before, transitions.start_resumption(before, now))
                    if ready is not None:
                        return await self._charge(ready, now, timeout)
                case _ if not before.cancel_at_period_end:
                    return before
                case _:
                    after = await self._store.save(
                        before, transitions.set_cancel_at_period_end(before, at_period_end=False)
                    )
                    if after is not None:
                        return after
        raise _contention_error(before)

    async def step(self, subscription: Subscription, now: int, *, timeout: float | None = None) -> Subscription:
        """Process a due subscription, charging at most one period, and return it as it is then.

        Raises Unavailable, after which it is due as before; EntryQuarantined.
        """
        if subscription.state is SubscriptionState.CANCELED:
            return await self._settle(subscription, timeout)
        if subscription.cancel_at_period_end:
            ended_at = now if subscription.period_ends_at is None else subscription.period_ends_at
            saved = await self._store.save(subscription, *transitions.cancel(subscription, ended_at))
            return saved or await self._store.get(subscription.company, subscription.id)
        try:
            return await self._charge(subscription, now, timeout)
        except Declined:
            return await self._store.get(subscription.company, subscription.id)

    async def _charge(self, subscription: Subscription, now: int, timeout: float | None) -> Subscription:
        """Charge the next period and save the result. Raises Declined, Unavailable."""
        period, terms = subscription.next_period, subscription.terms
        amount, price, unpriced = await self._quote(subscription.company, terms, now)
        if period.cut:
            # A prorated amount is not the price of the rate, so the entry does not name the rate.
            amount, price = prorated(amount, period), None
        try:
            outcome = await self._engine.submit(_command(subscription, Quote(amount, price, unpriced)), timeout=timeout)
        except Declined as error:
            # If another process has changed it, this is not saved: that process decided otherwise, or it is still due.
            await self._store.save(subscription, *transitions.apply_decline(subscription, error, now))
            raise
        return await self._save_charge(subscription, outcome.entry)

    async def _save_charge(self, subscription: Subscription, entry: Entry) -> Subscription:
        """Save the charge of the next period, also over a concurrent change: the money has been taken."""
        number = subscription.next_number
        for _ in range(SAVE_ATTEMPTS_MAX):
            after = await self._store.save(subscription, *transitions.apply_charge(subscription, entry))
            if after is not None:
                return after
            subscription = await self._store.get(subscription.company, subscription.id)
            if subscription.charged >= number:
                return subscription
        raise _contention_error(subscription)

    async def _settle(self, subscription: Subscription, timeout: float | None) -> Subscription:
        """Refund the next period of a canceled subscription, if it was charged concurrently with the cancellation.

        The charge is submitted without a price: it finds an entry that its key has in Redis or the ledger, and never
        makes one.
        """
        try:
            found = await self._engine.submit(_command(subscription, Quote(0, None, Unpriced.NO_RATE)), timeout=timeout)
            await self._refunds.refund(_refund_request(subscription, found.entry), timeout=timeout)
        except Declined:
            pass  # It was never charged, or is refunded already, or the company is closed and has no balance.
        saved = await self._store.save(subscription, transitions.mark_settled(subscription))
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


def _contention_error(subscription: Subscription) -> WalletUnavailable:
    text = f"the subscription {subscription.id} was changed {SAVE_ATTEMPTS_MAX} times meanwhile"
    return WalletUnavailable(text, applied=Applied.UNKNOWN)
