"""Put mail together."""

from admin.feature import Feature
from admin.mail.store import Mails
from admin.mail.worker import PAUSE_SECONDS, MailWorker, Post
from admin.smtp_url import parse_smtp_url
from admin.work.runner import Worker
from server.settings import Misconfigured
from wallet.runtime import Wallets


def mail(wallets: Wallets, post: Post | None) -> Feature:
    """Return the worker that sends mails by `post`; without it they wait."""
    return Feature(workers=[Worker("mail", MailWorker(Mails(wallets.pool), post).run_once, PAUSE_SECONDS)])


def post_of(smtp_url: str | None, mail_from: str | None) -> Post | None:
    """Return how mail is sent, or None without a server. Raises Misconfigured where a server has no sender."""
    if smtp_url is None:
        return None
    if mail_from is None:
        raise Misconfigured("SMTP_URL is set and MAIL_FROM is not: the address that mails are from.")
    return Post(parse_smtp_url(smtp_url), mail_from)
