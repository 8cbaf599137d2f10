"""WebhookService."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

from google.protobuf.empty_pb2 import Empty

from admin.notices.domain import Delivery
from admin.rpc.pages import Listing
from admin.webhooks.event_store import Events
from admin.webhooks.messages import event_message, webhook_change, webhook_company, webhook_message
from admin.webhooks.signing import new_secret
from admin.webhooks.store import Webhooks
from server.context import Context
from server.rejections import invalid
from veloconnect.admin.v1 import webhook_pb2, webhook_pb2_grpc
from wallet.domain.errors import WebhookNotFound
from wallet.domain.resource_names import COMPANY, EVENT, WEBHOOK


class WebhookServicer(webhook_pb2_grpc.WebhookServiceServicer):
    """The service. Errors are raised; server.boundary answers them."""

    def __init__(self, webhooks: Webhooks, events: Events, *, allow_private: bool) -> None:
        """Keep webhooks in `webhooks`, which may be at addresses that are not public where that is allowed."""
        self._webhooks = webhooks
        self._events = events
        self._allow_private = allow_private

    async def GetWebhook(self, request: webhook_pb2.GetWebhookRequest, context: Context) -> webhook_pb2.Webhook:
        """Read a webhook, without its secret."""
        return webhook_message(await self._webhooks.get(WEBHOOK.parse(request.name)))

    async def UpdateWebhook(self, request: webhook_pb2.UpdateWebhookRequest, context: Context) -> webhook_pb2.Webhook:
        """Change a webhook, or make it."""
        company = webhook_company(request)
        change = webhook_change(request, allow_private=self._allow_private)
        try:
            return webhook_message(await self._webhooks.change(company, change))
        except WebhookNotFound:
            if change.url is None:
                raise invalid("webhook.url", "is required, since there is no webhook yet") from None
        secret = new_secret()
        made = await self._webhooks.make(company, change, secret)
        if made is None:  # Somebody else was quicker, and has the secret.
            return webhook_message(await self._webhooks.change(company, change))
        return webhook_message(made, secret)

    async def RotateWebhookSecret(
        self, request: webhook_pb2.RotateWebhookSecretRequest, context: Context
    ) -> webhook_pb2.Webhook:
        """Make a new secret."""
        secret = new_secret()
        return webhook_message(await self._webhooks.rotate(WEBHOOK.parse(request.name), secret), secret)

    async def DeleteWebhook(self, request: webhook_pb2.DeleteWebhookRequest, context: Context) -> Empty:
        """Send nothing any more."""
        await self._webhooks.delete(WEBHOOK.parse(request.name))
        return Empty()

    async def SendTestEvent(self, request: webhook_pb2.SendTestEventRequest, context: Context) -> webhook_pb2.Event:
        """Make an event to try the webhook with."""
        return event_message(await self._events.test(WEBHOOK.parse(request.name)))

    async def GetEvent(self, request: webhook_pb2.GetEventRequest, context: Context) -> webhook_pb2.Event:
        """Read an event, and what became of it."""
        return event_message(await self._events.get(*EVENT.parse(request.name)))

    async def ListEvents(
        self, request: webhook_pb2.ListEventsRequest, context: Context
    ) -> webhook_pb2.ListEventsResponse:
        """Read a company's events, newest first."""
        state = Delivery(int(request.delivery_state)) if request.delivery_state else None
        listing = Listing(request, f"{request.parent}/events/{state.value if state else ''}")
        found = await self._events.page(COMPANY.parse(request.parent), listing.before, state, listing.limit)
        page, more = listing.page(found, lambda event: event.serial)
        return webhook_pb2.ListEventsResponse(events=map(event_message, page), next_page_token=more)

    async def RedeliverEvent(self, request: webhook_pb2.RedeliverEventRequest, context: Context) -> webhook_pb2.Event:
        """Send an event once more."""
        return event_message(await self._events.redeliver(*EVENT.parse(request.name)))
