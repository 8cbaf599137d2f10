"""A local Stripe server for tests and the demo, and the actions of customers in their browsers.

It is localstripe with additions; local_stripe_server.py says what it covers and what it does not.
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
SECRET_SEPARATOR = "_secret_"  # noqa: S105  It separates a payment's id from its secret.

GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
INSUFFICIENT_FUNDS_CARD = "4000000000009995"
"""Declined with insufficient_funds."""
THREE_D_SECURE_CARD = "4000002500003155"
"""Requires authentication when it is entered; once saved, it can be charged."""
ALWAYS_THREE_D_SECURE_CARD = "4000002760003184"
"""Requires authentication for every payment."""
DECLINED_LATER_CARD = "4000000000000341"
"""Can be saved, and is declined at every charge."""


class CardDeclined(DevstackError):
    """The card was declined; a front end sees this error."""


class LocalStripe:
    """The server; `with` starts and stops it. Its data are lost when it stops."""

    def __init__(self, directory: Path) -> None:
        """Choose the directory of its log; start nothing."""
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
        """The value for STRIPE_API_BASE."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def child(self) -> Child:
        """The process, with its state and its log."""
        if self._child is None:
            raise StartFailed("the local Stripe server is not started")
        return self._child

    def start(self) -> None:
        """Start, and wait until it answers. Raise `StartFailed`."""
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
        """Send signed events to a URL, one second after they happen; all events unless some are named."""
        self._call("POST", f"/_config/webhooks/{name}", {"url": url, "secret": secret, "events": events})

    def enter_card(self, client_secret: str, number: str = GOOD_CARD) -> str:
        """Enter a card for a payment, as a customer does; return the payment's status.

        It is "requires_action" if the bank requires authentication, see `authenticate`. Raise `CardDeclined`.
        """
        return self._confirm(client_secret, self._new_card(number))

    def attach_card(self, customer: str, number: str) -> str:
        """Save a card without a payment, as the dashboard does; return its id."""
        card = self._new_card(number)
        self._call("POST", f"/v1/payment_methods/{card}/attach", {"customer": customer})
        return card

    def confirm_card(self, client_secret: str, card: str) -> str:
        """Confirm a payment with a saved card, as a customer does; return the payment's status."""
        return self._confirm(client_secret, card)

    def authenticate(self, client_secret: str, *, success: bool = True) -> str:
        """Answer the bank's 3-D Secure dialogue as a customer; return the payment's status. Raise `CardDeclined`."""
        fields = {"client_secret": client_secret, "success": success}
        return str(
            self._call("POST", f"/v1/payment_intents/{_payment_id(client_secret)}/_authenticate", fields)["status"]
        )

    def customer_of(self, client_secret: str) -> str:
        """Return the id of a payment's customer."""
        return str(self._call("GET", f"/v1/payment_intents/{_payment_id(client_secret)}")["customer"])

    def _confirm(self, client_secret: str, card: str) -> str:
        fields = {"payment_method": card}
        return str(self._call("POST", f"/v1/payment_intents/{_payment_id(client_secret)}/confirm", fields)["status"])

    def _new_card(self, number: str) -> str:
        card = {"number": number, "exp_month": "12", "exp_year": "2035", "cvc": "123"}
        return str(self._call("POST", "/v1/payment_methods", {"type": "card", "card": card})["id"])

    def _prepare(self, port: int) -> Child:
        script = Path(__file__).with_name("local_stripe_server.py")
        return Child(
            name="Local Stripe",
            # -P: the script's directory is not in the path, since its modules are not top-level packages.
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
        """Return whether this server answers, and not another program on the port."""
        try:
            with urllib.request.urlopen(f"{self.api_base}/_config/pid", timeout=CALL_SECONDS_MAX) as response:  # noqa: S310
                return bool(int(response.read()) == pid)
        except (OSError, ValueError):
            return False

    def _call(self, method: str, path: str, fields: Mapping[str, Any] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  The URL is this server's, on loopback.
            self.api_base + path,
            data=None if fields is None else json.dumps(fields).encode(),
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


def _payment_id(client_secret: str) -> str:
    return client_secret.split(SECRET_SEPARATOR, 1)[0]
