"""SubscriptionService."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

from admin.rpc.pages import Listing, check_company
from admin.subscriptions.domain import SubscriptionState
from admin.subscriptions.lifecycle import Renewals
from admin.subscriptions.messages import change_of, new_of, subscription_message, updated_name
from admin.subscriptions.store import Subscriptions
from server.context import Context
from server.rejections import invalid
from veloconnect.admin.v1 import subscription_pb2, subscription_pb2_grpc
from wallet.domain.resource_names import ALL_COMPANIES, COMPANY, SUBSCRIPTION
from wallet.ledger.reader import Reader

STARTS_US_MAX = 10 * 366 * 86_400_000_000
"""How far ahead a subscription may begin."""


class SubscriptionServicer(subscription_pb2_grpc.SubscriptionServiceServicer):
    """The service. Errors are raised; server.boundary answers them."""

    def __init__(self, store: Subscriptions, renewals: Renewals, reader: Reader) -> None:
        """Keep subscriptions in `store`, and charge them by `renewals`."""
        self._store = store
        self._renewals = renewals
        self._reader = reader

    async def CreateSubscription(
        self, request: subscription_pb2.CreateSubscriptionRequest, context: Context
    ) -> subscription_pb2.Subscription:
        """Make a subscription."""
        asked = new_of(request)
        now = await self._store.now()
        # One that was made before may have begun meanwhile.
        if asked.starts_at is not None and await self._store.find(asked.company, asked.id) is None:
            if asked.starts_at <= now:
                raise invalid("subscription.start_time", "must be in the future; leave it out to begin at once")
            if asked.starts_at > now + STARTS_US_MAX:
                raise invalid("subscription.start_time", "must be within ten years")
        made = await self._renewals.create(asked, now=now, timeout=context.time_remaining())
        return subscription_message(made)

    async def GetSubscription(
        self, request: subscription_pb2.GetSubscriptionRequest, context: Context
    ) -> subscription_pb2.Subscription:
        """Read a subscription."""
        return subscription_message(await self._store.get(*SUBSCRIPTION.parse(request.name)))

    async def ListSubscriptions(
        self, request: subscription_pb2.ListSubscriptionsRequest, context: Context
    ) -> subscription_pb2.ListSubscriptionsResponse:
        """Read subscriptions, oldest first."""
        company = "" if request.parent == ALL_COMPANIES else COMPANY.parse(request.parent)
        listing = Listing(request, f"{request.parent}/subscriptions/{request.state}")
        state = SubscriptionState(int(request.state)) if request.state else None
        found = await self._store.page(company=company, state=state, after=listing.after, limit=listing.limit)
        await check_company(self._reader, company, found)
        page, more = listing.page(found, lambda subscription: subscription.serial)
        return subscription_pb2.ListSubscriptionsResponse(
            subscriptions=map(subscription_message, page), next_page_token=more
        )

    async def UpdateSubscription(
        self, request: subscription_pb2.UpdateSubscriptionRequest, context: Context
    ) -> subscription_pb2.Subscription:
        """Change what the periods to come are charged for."""
        company, subscription = updated_name(request)
        change = change_of(request, await self._store.get(company, subscription))
        return subscription_message(await self._renewals.update(company, subscription, change))

    async def CancelSubscription(
        self, request: subscription_pb2.CancelSubscriptionRequest, context: Context
    ) -> subscription_pb2.Subscription:
        """End a subscription."""
        company, subscription = SUBSCRIPTION.parse(request.name)
        canceled = await self._renewals.cancel(company, subscription, at_period_end=request.at_period_end)
        return subscription_message(canceled)

    async def ResumeSubscription(
        self, request: subscription_pb2.ResumeSubscriptionRequest, context: Context
    ) -> subscription_pb2.Subscription:
        """Let a subscription go on."""
        company, subscription = SUBSCRIPTION.parse(request.name)
        resumed = await self._renewals.resume(company, subscription, timeout=context.time_remaining())
        return subscription_message(resumed)
