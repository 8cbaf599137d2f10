"""SubscriptionService."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

from admin.rpc.pages import Listing, check_company
from admin.subscriptions.domain import SubscriptionState
from admin.subscriptions.lifecycle import SubscriptionLifecycle
from admin.subscriptions.messages import new_subscription_of, subscription_message, terms_change_of, updated_name
from admin.subscriptions.store import Subscriptions
from server.context import Context
from server.rejections import invalid
from veloconnect.admin.v1 import subscription_pb2, subscription_pb2_grpc
from wallet.domain.resource_names import ALL_COMPANIES, COMPANY, SUBSCRIPTION
from wallet.ledger.reader import Reader

STARTS_US_MAX = 10 * 366 * 86_400_000_000
"""The limit of start_time from now: ten years, in microseconds."""


class SubscriptionServicer(subscription_pb2_grpc.SubscriptionServiceServicer):
    """The RPCs. They raise domain errors, which server.boundary turns into statuses."""

    def __init__(self, store: Subscriptions, lifecycle: SubscriptionLifecycle, reader: Reader) -> None:
        """Read subscriptions from `store`, and change them by `lifecycle`."""
        self._store = store
        self._lifecycle = lifecycle
        self._reader = reader

    async def CreateSubscription(
        self, request: subscription_pb2.CreateSubscriptionRequest, context: Context
    ) -> subscription_pb2.Subscription:
        """Create a subscription, and charge its first period if it begins at once."""
        new = new_subscription_of(request)
        now = await self._store.now()
        # A retry may find a subscription whose start_time has passed meanwhile.
        if new.starts_at is not None and await self._store.find(new.company, new.id) is None:
            if new.starts_at <= now:
                raise invalid("subscription.start_time", "must be in the future; leave it out to begin at once")
            if new.starts_at > now + STARTS_US_MAX:
                raise invalid("subscription.start_time", "must be within ten years")
        created = await self._lifecycle.create(new, now=now, timeout=context.time_remaining())
        return subscription_message(created)

    async def GetSubscription(
        self, request: subscription_pb2.GetSubscriptionRequest, context: Context
    ) -> subscription_pb2.Subscription:
        """Return a subscription."""
        return subscription_message(await self._store.get(*SUBSCRIPTION.parse(request.name)))

    async def ListSubscriptions(
        self, request: subscription_pb2.ListSubscriptionsRequest, context: Context
    ) -> subscription_pb2.ListSubscriptionsResponse:
        """Return subscriptions, oldest first."""
        company = "" if request.parent == ALL_COMPANIES else COMPANY.parse(request.parent)
        listing = Listing(request, f"{request.parent}/subscriptions/{request.state}")
        state = SubscriptionState(int(request.state)) if request.state else None
        found = await self._store.list_subscriptions(
            company=company, state=state, after=listing.after, limit=listing.limit
        )
        await check_company(self._reader, company, found)
        page, more = listing.page(found, lambda subscription: subscription.serial)
        return subscription_pb2.ListSubscriptionsResponse(
            subscriptions=map(subscription_message, page), next_page_token=more
        )

    async def UpdateSubscription(
        self, request: subscription_pb2.UpdateSubscriptionRequest, context: Context
    ) -> subscription_pb2.Subscription:
        """Change the terms of the periods to come."""
        company, subscription = updated_name(request)
        change = terms_change_of(request, await self._store.get(company, subscription))
        return subscription_message(await self._lifecycle.update(company, subscription, change))

    async def CancelSubscription(
        self, request: subscription_pb2.CancelSubscriptionRequest, context: Context
    ) -> subscription_pb2.Subscription:
        """Cancel a subscription, now or at the end of its period."""
        company, subscription = SUBSCRIPTION.parse(request.name)
        canceled = await self._lifecycle.cancel(company, subscription, at_period_end=request.at_period_end)
        return subscription_message(canceled)

    async def ResumeSubscription(
        self, request: subscription_pb2.ResumeSubscriptionRequest, context: Context
    ) -> subscription_pb2.Subscription:
        """Resume a subscription: charge the period that is due, or take back its cancellation."""
        company, subscription = SUBSCRIPTION.parse(request.name)
        resumed = await self._lifecycle.resume(company, subscription, timeout=context.time_remaining())
        return subscription_message(resumed)
