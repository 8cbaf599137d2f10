"""Webhooks and events to and from messages."""

from collections.abc import Mapping
from typing import cast

from google.protobuf.json_format import ParseDict

from admin.notices.domain import Delivery
from admin.notices.event_types import EventType
from admin.rpc.field_masks import ResourceFields, fields_to_update
from admin.webhooks.domain import (
    Event,
    Webhook,
    WebhookChange,
    WebhookState,
)
from admin.webhooks.targets import url_problem
from server import wire
from server.rejections import invalid
from server.validation import check_name
from veloconnect.admin.v1 import webhook_pb2
from wallet.domain.resource_names import EVENT, WEBHOOK

_FIELDS = ResourceFields(
    "a webhook",
    mutable=frozenset({"url", "event_types", "state"}),
    immutable=frozenset(),
    output_only=frozenset(
        {"name", "secret", "previous_secret_expire_time", "failing_since_time", "create_time", "update_time"}
    ),
)
_TYPES = frozenset(EventType)
_STATES = cast(
    "Mapping[WebhookState, webhook_pb2.Webhook.State]",
    {state: webhook_pb2.Webhook.State.Value(f"STATE_{state.name}") for state in WebhookState},
)
_DELIVERIES = cast(
    "Mapping[Delivery, webhook_pb2.Event.DeliveryState]",
    {state: webhook_pb2.Event.DeliveryState.Value(f"DELIVERY_STATE_{state.name}") for state in Delivery},
)


def webhook_company(request: webhook_pb2.UpdateWebhookRequest) -> str:
    """Return the company whose webhook is updated. Raises InvalidRequest."""
    name = request.webhook.name
    check_name(WEBHOOK, name, "webhook.name", "a webhook, such as companies/acme/webhook")
    return WEBHOOK.parse(name)


def webhook_change(request: webhook_pb2.UpdateWebhookRequest, *, allow_private: bool) -> WebhookChange:
    """Return the changes that a request asks for. Raises InvalidRequest."""
    webhook = request.webhook
    paths = fields_to_update(webhook, request.update_mask, _FIELDS)
    if "url" in paths:
        problem = (
            url_problem(webhook.url, allow_private=allow_private) if webhook.url else "is required: an https:// URL"
        )
        if problem is not None:
            raise invalid("webhook.url", problem)
    if "event_types" in paths:
        for index, event_type in enumerate(webhook.event_types):
            if event_type not in _TYPES:
                raise invalid(f"webhook.event_types[{index}]", f"must be one of {', '.join(sorted(_TYPES))}")
    state = None
    if "state" in paths:
        state = WebhookState(int(webhook.state) or WebhookState.ENABLED)
        if state is WebhookState.PAUSED:
            raise invalid("webhook.state", "is STATE_PAUSED only by itself: use STATE_DISABLED")
    return WebhookChange(
        url=webhook.url if "url" in paths else None,
        event_types=tuple(webhook.event_types) if "event_types" in paths else None,
        state=state,
    )


def webhook_message(webhook: Webhook, secret: str = "") -> webhook_pb2.Webhook:
    """Return a webhook as a message; `secret` only in the answer to the call that made it."""
    message = webhook_pb2.Webhook(
        name=WEBHOOK.name(webhook.company),
        url=webhook.url,
        event_types=webhook.event_types,
        state=_STATES[webhook.state],
        secret=secret,
        create_time=wire.timestamp(webhook.created_at),
        update_time=wire.timestamp(webhook.updated_at),
    )
    if webhook.previous_secret_until is not None:
        message.previous_secret_expire_time.CopyFrom(wire.timestamp(webhook.previous_secret_until))
    if webhook.failing_since is not None:
        message.failing_since_time.CopyFrom(wire.timestamp(webhook.failing_since))
    return message


def event_message(event: Event) -> webhook_pb2.Event:
    """Return an event as a message."""
    message = webhook_pb2.Event(
        name=EVENT.name(event.company, event.serial),
        type=event.type,
        create_time=wire.timestamp(event.created_at),
        delivery_state=_DELIVERIES[event.delivery],
        attempts=event.attempts,
        last_error=event.error,
    )
    ParseDict(dict(event.data), message.data)
    if event.attempted_at is not None:
        message.last_attempt_time.CopyFrom(wire.timestamp(event.attempted_at))
    if event.delivered_at is not None:
        message.deliver_time.CopyFrom(wire.timestamp(event.delivered_at))
    if event.delivery is Delivery.WAITING:
        message.next_attempt_time.CopyFrom(wire.timestamp(event.due_at))
    return message
