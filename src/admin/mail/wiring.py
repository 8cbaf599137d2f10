"""Put mail together."""

from admin.feature import Feature
from admin.mail.smtp_url import parse_smtp_url
from admin.mail.store import Mails
from admin.mail.worker import PAUSE_SECONDS, MailWorker, Post
from admin.settings import AdminSettings
from admin.work.runner import Worker
from server.settings import Misconfigured
from wallet.runtime import Wallets


def mail(wallets: Wallets, post: Post | None) -> Feature:
    """Return the worker that sends mails by `post`; without it they wait."""
    return Feature(workers=[Worker("mail", MailWorker(Mails(wallets.pool), post).run_once, PAUSE_SECONDS)])


def post_of(settings: AdminSettings) -> Post | None:
    """Return how mail is sent, or None where it is not. Raises Misconfigured."""
    if settings.smtp_url is None:
        return None
    if settings.mail_from is None:
        raise Misconfigured("SMTP_URL is set and MAIL_FROM is not: the address that mails are from.")
    return Post(parse_smtp_url(settings.smtp_url), settings.mail_from)
