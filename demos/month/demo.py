"""The state that all days share: clients, the demo's own books, and waiting for the service's own actions."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from demos.half_minute.books import Books
from demos.half_minute.gateways.answers import DemoFailed
from demos.month.clients import Clients
from demos.month.prices import money_text
from demos.month.service import Service
from veloconnect.admin.v1 import company_pb2, transaction_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain import resource_names

COMPANY_ID = "bakery"
COMPANY = resource_names.COMPANY.name(COMPANY_ID)
DISPLAY_NAME = "Corner Bakery"
BILLING_EMAIL = "books@bakery.example"
WAIT_SECONDS_MAX = 30.0
POLL_SECONDS = 0.05
LABEL_WIDTH = 8

Found = TypeVar("Found")


@dataclass(slots=True)
class Demo:
    """The state of the demo so far."""

    service: Service
    clients: Clients
    books: Books = field(default_factory=lambda: Books(DISPLAY_NAME))
    """The effect of each key, by the demo's own calculation."""
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    secrets: dict[str, str] = field(default_factory=dict)
    """Top-up by card → the client secret of its payment."""
    bulk_campaigns: dict[str, Sequence[str]] = field(default_factory=dict)
    """Campaign → the names of its charges."""
    amounts: dict[str, int] = field(default_factory=dict)
    """Charge → its amount, in micros."""

    automatic_top_ups: set[str] = field(default_factory=set)
    """Automatic top-ups that are recorded already."""

    @property
    def available(self) -> int:
        """The available amount in micros, by the books; the floor is 0."""
        return self.books.balance - self.books.held

    def day(self, number: int, text: str) -> None:
        """Print the title of a day."""
        print(f"{f'Day {number}':<{LABEL_WIDTH}}{text}", flush=True)

    def say(self, text: str) -> None:
        """Print an event of the day."""
        print(f"{'':{LABEL_WIDTH}}{text}", flush=True)

    def say_balance(self) -> None:
        """Print the wallet's balance. Raise `DemoFailed` if the books differ."""
        wallet = self.wallet()
        if (wallet.balance_micros, wallet.held_micros) != (self.books.balance, self.books.held):
            raise DemoFailed(
                f"the wallet has {money_text(wallet.balance_micros)} and holds {money_text(wallet.held_micros)}; "
                f"by the books it is {money_text(self.books.balance)} and {money_text(self.books.held)}"
            )
        self.say(f"balance {wallet_text(wallet)}")

    def wallet(self) -> wallet_pb2.Wallet:
        """Return the wallet."""
        found: wallet_pb2.Wallet = self.clients.call(
            self.clients.companies.GetWallet, company_pb2.GetWalletRequest(name=resource_names.WALLET.name(COMPANY_ID))
        )
        return found

    def record_row(self, transaction: str, amount: int) -> wallet_pb2.Transaction:
        """Record a transaction that the service made under its own key, with the expected amount; return it."""
        row: wallet_pb2.Transaction = self.clients.call(
            self.clients.transactions.GetTransaction, transaction_pb2.GetTransactionRequest(name=transaction)
        )
        self.books.post(row.idempotency_key, amount, transaction)
        return row

    def mail(self, text: str) -> str:
        """Wait for a mail whose subject contains `text`; print and return the subject."""

        def poll() -> str | None:
            return next((mail.subject for mail in self.service.mail_server.mails if text in mail.subject), None)

        subject = self.wait_for(f'the mail "{text}"', poll)
        self.say(f'mail to {BILLING_EMAIL}: "{subject}"')
        return subject

    def wait_for(self, what: str, poll: Callable[[], Found | None]) -> Found:
        """Return the first result of `poll` that is not empty. Raise `DemoFailed` after WAIT_SECONDS_MAX."""
        until = time.monotonic() + WAIT_SECONDS_MAX
        while not (found := poll()):
            self.service.stack.check()
            if time.monotonic() > until:
                raise DemoFailed(f"{what} did not come within {WAIT_SECONDS_MAX:g} s")
            time.sleep(POLL_SECONDS)
        return found


def wallet_text(wallet: wallet_pb2.Wallet) -> str:
    """Return a wallet's balance and alert state as text."""
    state = wallet_pb2.Wallet.AlertState.Name(wallet.alert_state).removeprefix("ALERT_STATE_")
    return f"{money_text(wallet.balance_micros)} ({state})"
