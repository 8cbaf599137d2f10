"""What the month is played on: the service on fresh data, a payment provider, a mail server, a company's program."""

import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from demos.half_minute.local import empty
from demos.month.bank import WEBHOOK_PATH, Bank
from demos.month.mail_server import Post
from demos.month.webhook_receiver import Hook
from devstack.directory import DirectoryLock
from devstack.local_stripe import API_KEY, LocalStripe
from devstack.stack import Stack

SECRET = "whsec_of_the_demo"  # noqa: S105  It signs nothing but this demo's.
SENDER = "billing@charging.example"
STRIPE_EVENTS = ("payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled")


class Service:
    """All of it; `with` starts it, ready to use, and stops it."""

    def __init__(self, directory: Path, mails: Path) -> None:
        """Choose where data and logs go, and mails; nothing is started yet. What was in `directory` is removed."""
        self._directory = directory
        self._exit = ExitStack()
        self.post = Post(mails)
        self.hook = Hook()
        self.stripe: LocalStripe
        self.stack: Stack
        self.bank: Bank

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exit.close()

    def _start(self) -> None:
        lock = DirectoryLock(self._directory.absolute())
        lock.acquire()
        self._exit.callback(lock.release)
        empty(self._directory)
        # A name of its own: where Postgres must keep its data elsewhere, that place goes by the name.
        fresh = self._directory / time.strftime("%Y%m%d-%H%M%S")
        self._exit.enter_context(self.post)
        self._exit.enter_context(self.hook)
        self.stripe = self._exit.enter_context(LocalStripe(fresh / "stripe"))
        environment = {
            "SMTP_URL": self.post.url,
            "MAIL_FROM": SENDER,
            "STRIPE_API_KEY": API_KEY,
            "STRIPE_API_BASE": self.stripe.api_base,
            "STRIPE_WEBHOOK_SECRETS": SECRET,
            "WEBHOOK_ALLOW_PRIVATE": "true",
        }
        self.stack = self._exit.enter_context(Stack(fresh, environment=environment))
        self.bank = Bank(self.stack.ports.admin_http, SECRET)
        self.stripe.send_webhooks("month", self.stack.admin_http_url + WEBHOOK_PATH, SECRET, STRIPE_EVENTS)
