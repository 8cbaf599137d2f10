"""The composition root of the back office's service."""

from contextlib import AsyncExitStack

from admin.background import workers
from admin.documents import http as documents
from admin.http.routes import Route
from admin.http.server import serving
from admin.mail.smtp_url import parse_smtp_url
from admin.mail.worker import Post
from admin.office import Office
from admin.payments.measured import MeasuredProvider
from admin.payments.opening import provider_of
from admin.services import services
from admin.settings import AdminSettings
from admin.statements import http as statements
from admin.top_ups import http as payments
from admin.work.runner import running
from server.lifecycle import serve
from server.lifetime import Lifetime
from server.settings import Misconfigured
from server.worker import run_worker
from wallet.runtime import Wallets


def run(settings: AdminSettings, tether: int | None) -> int:
    """Serve in this process until it is told to stop; return its exit status. Raises Misconfigured."""
    post = post_of(settings)

    async def work(wallets: Wallets, lifetime: Lifetime) -> None:
        async with AsyncExitStack() as stack:
            provider = provider_of(settings)
            if provider is not None:
                stack.push_async_callback(provider.close)
            office = Office(wallets, settings, None if provider is None else MeasuredProvider(provider))
            await stack.enter_async_context(running(workers(office, post), wallets.leases))
            await stack.enter_async_context(serving(settings, routes(office), lifetime))
            await serve(settings, services(office), healthy=wallets.healthy, lifetime=lifetime)

    return run_worker(work, tether=tether)


def routes(office: Office) -> list[Route]:
    """Return what the back office serves over HTTP."""
    return [
        *statements.routes(office.exports),
        *documents.routes(office.printing),
        *payments.routes(office.desk.notifications),
    ]


def post_of(settings: AdminSettings) -> Post | None:
    """Return how mail is sent, or None where it is not. Raises Misconfigured."""
    if settings.smtp_url is None:
        return None
    if settings.mail_from is None:
        raise Misconfigured("SMTP_URL is set and MAIL_FROM is not: the address that mails are from.")
    return Post(parse_smtp_url(settings.smtp_url), settings.mail_from)
