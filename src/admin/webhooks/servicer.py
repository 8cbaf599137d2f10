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
    """The RPCs. They raise domain errors, which server.boundary turns into statuses."""

    def __init__(self, webhooks: Webhooks, events: Events, *, allow_private: bool) -> None:
        """Use the stores; `allow_private` allows URLs whose addresses are not public."""
        self._webhooks = webhooks
        self._events = events
        self._allow_private = allow_private

    async def GetWebhook(self, request: webhook_pb2.GetWebhookRequest, context: Context) -> webhook_pb2.Webhook:
        """Return a webhook, without its secret."""
        return webhook_message(await self._webhooks.get(WEBHOOK.parse(request.name)))

    async def UpdateWebhook(self, request: webhook_pb2.UpdateWebhookRequest, context: Context) -> webhook_pb2.Webhook:
        """Update a webhook, or create it if the company has none."""
        company = webhook_company(request)
        change = webhook_change(request, allow_private=self._allow_private)
        try:
            return webhook_message(await self._webhooks.update(company, change))
        except WebhookNotFound:
            if change.url is None:
                raise invalid("webhook.url", "is required, since there is no webhook yet") from None
        secret = new_secret()
        created = await self._webhooks.create(company, change, secret)
        if created is None:  # A concurrent request has created it, and has its secret.
            return webhook_message(await self._webhooks.update(company, change))
        return webhook_message(created, secret)

    async def RotateWebhookSecret(
        self, request: webhook_pb2.RotateWebhookSecretRequest, context: Context
    ) -> webhook_pb2.Webhook:
        """Replace the secret, and return the new one."""
        secret = new_secret()
        return webhook_message(await self._webhooks.rotate(WEBHOOK.parse(request.name), secret), secret)

    async def DeleteWebhook(self, request: webhook_pb2.DeleteWebhookRequest, context: Context) -> Empty:
        """Delete a webhook: no more events are sent."""
        await self._webhooks.delete(WEBHOOK.parse(request.name))
        return Empty()

    async def SendTestEvent(self, request: webhook_pb2.SendTestEventRequest, context: Context) -> webhook_pb2.Event:
        """Create a test event, which is sent at once."""
        return event_message(await self._events.create_test_event(WEBHOOK.parse(request.name)))

    async def GetEvent(self, request: webhook_pb2.GetEventRequest, context: Context) -> webhook_pb2.Event:
        """Return an event, and the state of its delivery."""
        return event_message(await self._events.get(*EVENT.parse(request.name)))

    async def ListEvents(
        self, request: webhook_pb2.ListEventsRequest, context: Context
    ) -> webhook_pb2.ListEventsResponse:
        """Return a company's events, newest first."""
        state = Delivery(int(request.delivery_state)) if request.delivery_state else None
        listing = Listing(request, f"{request.parent}/events/{state.value if state else ''}")
        found = await self._events.list_events(COMPANY.parse(request.parent), listing.before, state, listing.limit)
        page, more = listing.page(found, lambda event: event.serial)
        return webhook_pb2.ListEventsResponse(events=map(event_message, page), next_page_token=more)

    async def RedeliverEvent(self, request: webhook_pb2.RedeliverEventRequest, context: Context) -> webhook_pb2.Event:
        """Send an event again."""
        return event_message(await self._events.redeliver(*EVENT.parse(request.name)))
