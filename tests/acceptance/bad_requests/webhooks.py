"""Requests of WebhookService that must be refused."""

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from tests.acceptance.bad_requests.makers import UNKNOWN, BadRequest, RefusedRequest
from veloconnect.admin.v1 import webhook_pb2

WEBHOOK = "companies/bad/webhook"


def change(*paths: str, name: str = WEBHOOK, **fields: Any) -> webhook_pb2.UpdateWebhookRequest:
    """Return a change of a webhook."""
    return webhook_pb2.UpdateWebhookRequest(
        webhook=webhook_pb2.Webhook(name=name, **fields), update_mask=FieldMask(paths=paths)
    )


def listed(parent: str = "companies/bad", **fields: Any) -> webhook_pb2.ListEventsRequest:
    """Return the reading of events."""
    return webhook_pb2.ListEventsRequest(parent=parent, **fields)


BAD_URLS = {
    "in plain HTTP": "http://acme.example/",
    "in plain HTTP on this machine": "http://127.0.0.1/",
    "of another scheme": "ftp://acme.example/",
    "without a host": "https:///hooks",
    "without a scheme": "acme.example/hooks",
    "with a password": "https://user:secret@acme.example/",
    "with a fragment": "https://acme.example/#here",
    "with a port that is none": "https://acme.example:99999/",
    "on this machine": "https://127.0.0.1/",
    "on this machine, by IPv6": "https://[::1]/",
    "on this machine, by IPv4 in IPv6": "https://[::ffff:127.0.0.1]/",
    "in a private network": "https://10.1.2.3/",
    "of a cloud's metadata": "https://169.254.169.254/latest/meta-data/",
    "with a line break": "https://acme.example/\nX: y",
    "too long": "https://acme.example/" + "x" * 2048,
}

BAD: dict[str, BadRequest] = {
    **{f"webhook {what}": ("webhooks.UpdateWebhook", change(url=url), "webhook.url") for what, url in BAD_URLS.items()},
    "webhook without a url": ("webhooks.UpdateWebhook", change(event_types=["webhook.paused"]), "webhook.url"),
    "webhook whose url is taken away": ("webhooks.UpdateWebhook", change("url"), "webhook.url"),
    "webhook that is none": ("webhooks.UpdateWebhook", webhook_pb2.UpdateWebhookRequest(), "webhook"),
    "webhook without a name": ("webhooks.UpdateWebhook", change(name="", url="https://acme.example"), "webhook.name"),
    "webhook of a bad name": ("webhooks.UpdateWebhook", change(name="companies/bad"), "webhook.name"),
    "webhook with an unknown event": (
        "webhooks.UpdateWebhook",
        change(url="https://acme.example", event_types=["webhook.paused", "balance.gone"]),
        "webhook.event_types[1]",
    ),
    "webhook with an event twice": (
        "webhooks.UpdateWebhook",
        change(event_types=["webhook.paused"] * 2),
        "webhook.event_types",
    ),
    "webhook paused by hand": (
        "webhooks.UpdateWebhook",
        change(state=webhook_pb2.Webhook.STATE_PAUSED),
        "webhook.state",
    ),
    "webhook in an unknown state": ("webhooks.UpdateWebhook", change(state=77), "webhook.state"),
    "webhook with an unknown path": ("webhooks.UpdateWebhook", change("colour"), "update_mask"),
    "webhook read of a bad name": ("webhooks.GetWebhook", webhook_pb2.GetWebhookRequest(name="bad"), "name"),
    "secret of a bad name": (
        "webhooks.RotateWebhookSecret",
        webhook_pb2.RotateWebhookSecretRequest(name="companies/bad"),
        "name",
    ),
    "webhook deleted of a bad name": ("webhooks.DeleteWebhook", webhook_pb2.DeleteWebhookRequest(), "name"),
    "test of a bad name": ("webhooks.SendTestEvent", webhook_pb2.SendTestEventRequest(name="x"), "name"),
    "event of a bad name": (
        "webhooks.GetEvent",
        webhook_pb2.GetEventRequest(name="companies/bad/events/first"),
        "name",
    ),
    "event sent again of a bad name": (
        "webhooks.RedeliverEvent",
        webhook_pb2.RedeliverEventRequest(name="companies/bad/events/0"),
        "name",
    ),
    "events of a bad name": ("webhooks.ListEvents", listed("bad"), "parent"),
    "events of fewer than none": ("webhooks.ListEvents", listed(page_size=-1), "page_size"),
    "events in an unknown state": ("webhooks.ListEvents", listed(delivery_state=77), "delivery_state"),
    "events by a forged token": ("webhooks.ListEvents", listed(page_token="x"), "page_token"),
}
"""Case → method, request, invalid field."""

REFUSED: dict[str, RefusedRequest] = {
    "webhook of an unknown company": (
        "webhooks.UpdateWebhook",
        change(name=f"{UNKNOWN}/webhook", url="https://acme.example"),
        "COMPANY_NOT_FOUND",
    ),
    "webhook of a closed company": (
        "webhooks.UpdateWebhook",
        change(name="companies/closed/webhook", url="https://acme.example"),
        "COMPANY_CLOSED",
    ),
    "webhook read that is none": (
        "webhooks.GetWebhook",
        webhook_pb2.GetWebhookRequest(name=WEBHOOK),
        "WEBHOOK_NOT_FOUND",
    ),
    "webhook read of an unknown company": (
        "webhooks.GetWebhook",
        webhook_pb2.GetWebhookRequest(name=f"{UNKNOWN}/webhook"),
        "COMPANY_NOT_FOUND",
    ),
    "secret of no webhook": (
        "webhooks.RotateWebhookSecret",
        webhook_pb2.RotateWebhookSecretRequest(name=WEBHOOK),
        "WEBHOOK_NOT_FOUND",
    ),
    "webhook deleted that is none": (
        "webhooks.DeleteWebhook",
        webhook_pb2.DeleteWebhookRequest(name=WEBHOOK),
        "WEBHOOK_NOT_FOUND",
    ),
    "test of no webhook": (
        "webhooks.SendTestEvent",
        webhook_pb2.SendTestEventRequest(name=WEBHOOK),
        "WEBHOOK_NOT_FOUND",
    ),
    "event that is none": (
        "webhooks.GetEvent",
        webhook_pb2.GetEventRequest(name=f"companies/bad/events/{10**17}"),
        "EVENT_NOT_FOUND",
    ),
    "event sent again that is none": (
        "webhooks.RedeliverEvent",
        webhook_pb2.RedeliverEventRequest(name=f"companies/bad/events/{10**17}"),
        "EVENT_NOT_FOUND",
    ),
    "events of an unknown company": ("webhooks.ListEvents", listed(UNKNOWN), "COMPANY_NOT_FOUND"),
}
"""Case → method, request, reason."""
