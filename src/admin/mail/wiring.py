"""Construct the feature `mail`: its stores, services, workers and routes."""

from admin.feature import Feature
from admin.mail.store import Mails
from admin.mail.worker import PAUSE_SECONDS, MailTransport, MailWorker
from admin.smtp_url import parse_smtp_url
from admin.work.runner import Worker
from server.settings import Misconfigured
from wallet.runtime import Wallets


def mail(wallets: Wallets, transport: MailTransport | None) -> Feature:
    """Return the worker that sends mails by `transport`; without one they wait in the outbox."""
    return Feature(workers=[Worker("mail", MailWorker(Mails(wallets.pool), transport).run_once, PAUSE_SECONDS)])


def mail_transport(smtp_url: str | None, mail_from: str | None) -> MailTransport | None:
    """Return the transport of SMTP_URL and MAIL_FROM; None without SMTP_URL.

    Raise Misconfigured if the URL is malformed, or MAIL_FROM is missing.
    """
    if smtp_url is None:
        return None
    if mail_from is None:
        raise Misconfigured("SMTP_URL is set and MAIL_FROM is not: the address that mails are from.")
    return MailTransport(parse_smtp_url(smtp_url), mail_from)
