"""A Stripe server on this machine, for tests and the demo, and what its customers do in their browsers.

It is localstripe, completed and contained: local_stripe_server.py says what it can show and what it cannot.
"""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from devstack.errors import DevstackError, PortTaken, StartFailed
from devstack.ports import LOOPBACK, free_port
from devstack.process import Child

API_KEY = "sk_test_local"
START_SECONDS_MAX = 30.0
CALL_SECONDS_MAX = 10.0
PORT_ATTEMPTS_MAX = 5
SECRET_SEPARATOR = "_secret_"  # noqa: S105  It parts a payment's id from its secret.

GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
POOR_CARD = "4000000000009995"
"""Declined with insufficient_funds."""
THREE_D_SECURE_CARD = "4000002500003155"
"""Its holder is asked when it is entered; saved, it can be charged."""
ALWAYS_THREE_D_SECURE_CARD = "4000002760003184"
"""Its holder is asked for every payment."""
DECLINED_LATER_CARD = "4000000000000341"
"""It can be saved, and is declined whenever it is charged."""


class CardDeclined(DevstackError):
    """What a front end is told when a card is not taken."""


class LocalStripe:
    """The server; `with` starts and stops it. What it was told is gone when it stops."""

    def __init__(self, directory: Path) -> None:
        """Choose where its log goes; nothing is started yet."""
        self._directory = directory.absolute()
        self._child: Child | None = None
        self.port = 0

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def api_base(self) -> str:
        """As STRIPE_API_BASE has it."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def child(self) -> Child:
        """The process, to see whether it still runs and what it logged."""
        if self._child is None:
            raise StartFailed("the local Stripe server is not started")
        return self._child

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for attempt in range(PORT_ATTEMPTS_MAX):
            self.port = free_port()
            self._child = self._prepare(self.port)
            try:
                self.child.start()
                self.child.wait_ready(lambda: self._answers(self.child.pid), START_SECONDS_MAX)
            except PortTaken:
                if attempt == PORT_ATTEMPTS_MAX - 1:
                    raise
            else:
                return

    def close(self) -> None:
        """Stop it."""
        if self._child is not None:
            self._child.stop()

    def send_webhooks(self, name: str, url: str, secret: str, events: Sequence[str] | None = None) -> None:
        """Have events sent to a URL, signed, a second after they happen; all events unless some are named."""
        self._call("POST", f"/_config/webhooks/{name}", {"url": url, "secret": secret, "events": events})

    def enter_card(self, client_secret: str, number: str = GOOD_CARD) -> str:
        """Do as a customer who enters a card for a payment, and return the payment's status.

        It is "requires_action" where the bank wants to ask the customer, see `authenticate`. Raises CardDeclined.
        """
        return self._confirm(client_secret, self._new_card(number))

    def attach_card(self, customer: str, number: str) -> str:
        """Save a card without a payment, as the dashboard does, and return its id."""
        card = self._new_card(number)
        self._call("POST", f"/v1/payment_methods/{card}/attach", {"customer": customer})
        return card

    def confirm_card(self, client_secret: str, card: str) -> str:
        """Do as a customer who is asked to pay by a card that is saved, and return the payment's status."""
        return self._confirm(client_secret, card)

    def authenticate(self, client_secret: str, *, success: bool = True) -> str:
        """Do as a customer in the bank's 3-D Secure dialogue, and return the payment's status. Raises CardDeclined."""
        words = {"client_secret": client_secret, "success": success}
        return str(self._call("POST", f"/v1/payment_intents/{_id(client_secret)}/_authenticate", words)["status"])

    def customer_of(self, client_secret: str) -> str:
        """Return the id of the customer whose payment it is, as the dashboard shows it."""
        return str(self._call("GET", f"/v1/payment_intents/{_id(client_secret)}")["customer"])

    def _confirm(self, client_secret: str, card: str) -> str:
        words = {"payment_method": card}
        return str(self._call("POST", f"/v1/payment_intents/{_id(client_secret)}/confirm", words)["status"])

    def _new_card(self, number: str) -> str:
        card = {"number": number, "exp_month": "12", "exp_year": "2035", "cvc": "123"}
        return str(self._call("POST", "/v1/payment_methods", {"type": "card", "card": card})["id"])

    def _prepare(self, port: int) -> Child:
        script = Path(__file__).with_name("local_stripe_server.py")
        return Child(
            name="Local Stripe",
            # Without the script's directory in the path: its modules are no packages of everybody's.
            command=[sys.executable, "-P", str(script), str(port)],
            environment={
                "LC_ALL": "C.UTF-8",
                "HOME": str(self._directory),
                "TMPDIR": str(self._directory),
                "TZ": "UTC",
            },
            log_path=self._directory / "stripe.log",
            working_directory=self._directory,
        )

    def _answers(self, pid: int) -> bool:
        """Whether it answers, and not something else that has the port."""
        try:
            with urllib.request.urlopen(f"{self.api_base}/_config/pid", timeout=CALL_SECONDS_MAX) as response:  # noqa: S310
                return bool(int(response.read()) == pid)
        except (OSError, ValueError):
            return False

    def _call(self, method: str, path: str, words: Mapping[str, Any] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  It is ours, on loopback.
            self.api_base + path,
            data=None if words is None else json.dumps(words).encode(),
            method=method,
            headers={"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=CALL_SECONDS_MAX) as response:  # noqa: S310
                body = response.read()
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            raise (CardDeclined if error.code == 402 else DevstackError)(text) from error
        return json.loads(body) if body else None


def _id(client_secret: str) -> str:
    return client_secret.split(SECRET_SEPARATOR, 1)[0]
