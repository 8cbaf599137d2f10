"""The cardholder's bank, which disputes payments. The local Stripe server has none: it signs them itself."""

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
    """Sends events of disputes to the service's HTTP port, signed as Stripe signs them."""

    def __init__(self, port: int, secret: str) -> None:
        """Take the port on this machine, and the secret that signs webhooks."""
        self._port = port
        self._secret = secret

    def dispute(self, name: str, payment: str, cents: int, status: str) -> None:
        """Send the state of a dispute of a payment in EUR: "needs_response", "won" or "lost". Raise `DevstackError`."""
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
                raise DevstackError(f"the event of a dispute was answered with {response.status}: {response.read()!r}")
        finally:
            connection.close()
