"""What every day of the month has: clients, the demo's own books, and waiting for what the service does by itself."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from demos.half_minute.books import Books
from demos.half_minute.gateways.answers import Refused
from demos.month.clients import Clients
from demos.month.prices import told
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
class Stage:
    """The company's month so far."""

    service: Service
    clients: Clients
    books: Books = field(default_factory=lambda: Books(DISPLAY_NAME))
    """What each key must have done, by the demo's own reckoning."""
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    secrets: dict[str, str] = field(default_factory=dict)
    """Top-up by card → what the front end finishes the payment with."""
    bulk_campaigns: dict[str, Sequence[str]] = field(default_factory=dict)
    """Campaign → the names of its charges."""
    amounts: dict[str, int] = field(default_factory=dict)
    """Charge → what it took, in micros."""

    fired: set[str] = field(default_factory=set)
    """Automatic top-ups that were seen."""

    @property
    def available(self) -> int:
        """What can be spent, in micros, by the books: the floor is 0."""
        return self.books.balance - self.books.held

    def day(self, number: int, text: str) -> None:
        """Begin to tell of a day."""
        print(f"{f'Day {number}':<{LABEL_WIDTH}}{text}", flush=True)

    def say(self, text: str) -> None:
        """Tell more of it."""
        print(f"{'':{LABEL_WIDTH}}{text}", flush=True)

    def say_balance(self) -> None:
        """Tell what is left, as the wallet says; the books must say the same. Raises Refused."""
        purse = self.wallet()
        if (purse.balance_micros, purse.held_micros) != (self.books.balance, self.books.held):
            raise Refused(
                f"the wallet has {told(purse.balance_micros)} and holds {told(purse.held_micros)}; by the books it is "
                f"{told(self.books.balance)} and {told(self.books.held)}"
            )
        self.say(f"balance {described(purse)}")

    def wallet(self) -> wallet_pb2.Wallet:
        """Return the wallet as the back office sees it."""
        found: wallet_pb2.Wallet = self.clients.ask(
            self.clients.companies.GetWallet, company_pb2.GetWalletRequest(name=resource_names.WALLET.name(COMPANY_ID))
        )
        return found

    def post_row(self, transaction: str, amount: int) -> wallet_pb2.Transaction:
        """Write down a row that the service made under a key of its own, and what it must have moved."""
        row: wallet_pb2.Transaction = self.clients.ask(
            self.clients.transactions.GetTransaction, transaction_pb2.GetTransactionRequest(name=transaction)
        )
        self.books.post(row.idempotency_key, amount, transaction)
        return row

    def mail(self, words: str) -> str:
        """Wait for a mail whose subject has these words, tell of it, and return its subject."""

        def look() -> str | None:
            return next((mail.subject for mail in self.service.post.taken if words in mail.subject), None)

        subject = self.wait(f'the mail "{words}"', look)
        self.say(f'mail to {BILLING_EMAIL}: "{subject}"')
        return subject

    def wait(self, what: str, look: Callable[[], Found | None]) -> Found:
        """Return what a look finds, as soon as it finds something. Raises Refused after WAIT_SECONDS_MAX."""
        until = time.monotonic() + WAIT_SECONDS_MAX
        while not (found := look()):
            self.service.stack.check()
            if time.monotonic() > until:
                raise Refused(f"{what} did not come within {WAIT_SECONDS_MAX:g} s")
            time.sleep(POLL_SECONDS)
        return found


def described(purse: wallet_pb2.Wallet) -> str:
    """Return what a wallet has, and how near its end that is."""
    state = wallet_pb2.Wallet.AlertState.Name(purse.alert_state).removeprefix("ALERT_STATE_")
    return f"{told(purse.balance_micros)} ({state})"
