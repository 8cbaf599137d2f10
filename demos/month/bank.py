"""The cardholder's bank, which takes payments back: the local Stripe server has no disputes, so we sign their news."""

import hashlib
import hmac
import http.client
import json
import time

from devstack.errors import DevstackError
from devstack.ports import LOOPBACK

WEBHOOK_PATH = "/v1/webhooks/stripe"
CALL_SECONDS_MAX = 30.0


class Bank:
    """Tells the service of disputes as Stripe does: an event, signed, to its HTTP port."""

    def __init__(self, port: int, secret: str) -> None:
        """Take the port on this machine, and what webhooks are signed with."""
        self._port = port
        self._secret = secret

    def dispute(self, name: str, payment: str, cents: int, status: str) -> None:
        """Tell how a dispute of a payment in EUR stands: "needs_response", "won", "lost"."""
        dispute = {"id": name, "object": "dispute", "amount": cents, "currency": "eur", "status": status}
        dispute |= {"reason": "fraudulent", "payment_intent": payment}
        event = {"id": f"evt_{name}_{status}", "object": "event", "type": "charge.dispute.updated", "livemode": False}
        body = json.dumps({**event, "data": {"object": dispute}}).encode()
        at = int(time.time())
        signature = hmac.new(self._secret.encode(), b"%d.%s" % (at, body), hashlib.sha256).hexdigest()
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=CALL_SECONDS_MAX)
        try:
            connection.request("POST", WEBHOOK_PATH, body, {"Stripe-Signature": f"t={at},v1={signature}"})
            response = connection.getresponse()
            if response.status != 204:
                raise DevstackError(f"the news of a dispute was answered with {response.status}: {response.read()!r}")
        finally:
            connection.close()
