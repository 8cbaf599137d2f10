"""The HTTP route of the payment provider's webhook."""

from collections.abc import Mapping

from aiohttp import web

from admin.http.route import Route, webhook
from admin.payments.port import ForgedWebhook
from admin.top_ups.provider_events import ProviderEvents
from server.rejections import InvalidRequest


def routes(events: ProviderEvents) -> list[Route]:
    """Return the one route; the signature of a webhook authenticates the provider."""

    async def receive(body: bytes, headers: Mapping[str, str]) -> web.Response:
        try:
            await events.receive(body, headers)
        except ForgedWebhook as error:
            raise InvalidRequest(str(error)) from error
        return web.Response(status=204)

    return [webhook("/v1/webhooks/stripe", receive)]
