"""The service on fresh data, with a payment provider, a mail server and the company's webhook."""

import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from demos.half_minute.local import empty_directory
from demos.month.bank import WEBHOOK_PATH, Bank
from demos.month.mail_server import MailServer
from demos.month.webhook_receiver import WebhookReceiver
from devstack.directory import DirectoryLock
from devstack.local_stripe import API_KEY, LocalStripe
from devstack.stack import Stack

SECRET = "whsec_of_the_demo"  # noqa: S105  It signs only events of this demo.
SENDER = "billing@charging.example"
STRIPE_EVENTS = ("payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled")


class Service:
    """All servers of the demo; `with` starts and stops them."""

    def __init__(self, directory: Path, mails: Path) -> None:
        """Choose the directories of data, logs and mails; start nothing. Files in `directory` are removed at start."""
        self._directory = directory
        self._exit = ExitStack()
        self.mail_server = MailServer(mails)
        self.webhook_receiver = WebhookReceiver()
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
        empty_directory(self._directory)
        # A new name for each run: where Postgres keeps its data elsewhere, the place depends on the name.
        fresh = self._directory / time.strftime("%Y%m%d-%H%M%S")
        self._exit.enter_context(self.mail_server)
        self._exit.enter_context(self.webhook_receiver)
        self.stripe = self._exit.enter_context(LocalStripe(fresh / "stripe"))
        environment = {
            "SMTP_URL": self.mail_server.url,
            "MAIL_FROM": SENDER,
            "STRIPE_API_KEY": API_KEY,
            "STRIPE_API_BASE": self.stripe.api_base,
            "STRIPE_WEBHOOK_SECRETS": SECRET,
            "WEBHOOK_ALLOW_PRIVATE": "true",
        }
        self.stack = self._exit.enter_context(Stack(fresh, environment=environment))
        self.bank = Bank(self.stack.ports.admin_http, SECRET)
        self.stripe.send_webhooks("month", self.stack.admin_http_url + WEBHOOK_PATH, SECRET, STRIPE_EVENTS)
