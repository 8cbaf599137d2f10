"""Resource names (AIP-122): one table of templates, which names are formatted by and parsed by.

    TRANSACTION.name("acme", 1042)                           "companies/acme/transactions/1042"
    TRANSACTION.parse("companies/acme/transactions/1042")    ("acme", 1042)

Parsing raises ValueError where a name does not have the template's segments. Whether its ids have the characters that
they may have is for the pattern of the proto to say, which a name has kept before it comes here, or for `matches`.
"""

import re
from collections.abc import Mapping
from typing import Final

_SLUG = r"[a-z0-9][a-z0-9_-]{0,62}"
_KEY = r"[!-}][!-~]{0,127}"
_NUMBER = r"[1-9][0-9]{0,17}"

ID_PATTERNS: Final[Mapping[str, str]] = {
    "company": _SLUG,
    "rate_card": _SLUG,
    "rate": r"[^/]+",
    "spend_limit": _SLUG,
    "subscription": _SLUG,
    "job": _SLUG,
    "case": r"[~a-z0-9][a-z0-9_-]{0,62}",
    "number": _NUMBER,
    "serial": _NUMBER,
    "authorization": _KEY,
    "top_up": _KEY,
    "refund": _KEY,
    "chargeback": r"[^/]+",
    "payment_method": r"[A-Za-z0-9_]{1,64}",
    "month": r"[0-9]{4}-(0[1-9]|1[0-2])",
}
"""Variable of a template → the regular expression of its ids, as the protos have it."""

_VARIABLE = re.compile(r"\{(\w+)(=\*\*)?\}")


class Template:
    """A template such as `companies/{company}/topUps/{top_up=**}`: an id marked `=**` may have slashes (AIP-127)."""

    __slots__ = ("_matches", "collection", "pattern", "template")

    def __init__(self, template: str) -> None:
        """Take a template whose variables are in ID_PATTERNS."""
        self.template = template
        """As a route of HTTP or `str.format` takes it, if no id has slashes."""
        self.pattern = _VARIABLE.sub(lambda variable: ID_PATTERNS[variable[1]], template)
        """The regular expression of such names, without anchors."""
        self.collection = template.split("/")[-2] if template.endswith("}") else template.rsplit("/", maxsplit=1)[-1]
        """The segment before the last id, such as "transactions"; of a singleton the last one, such as "wallet"."""
        self._matches = re.compile(self.pattern).fullmatch

    def __repr__(self) -> str:
        return f"<{self.template}>"

    def matches(self, name: str) -> bool:
        """Return whether `name` is such a name, ids included."""
        return self._matches(name) is not None

    def _malformed(self, name: str) -> ValueError:
        return ValueError(f"{name[:200]!r} is not of the form {self.template}")


class OneIdTemplate(Template):
    """A name with one id: `companies/{company}`, `companies/{company}/wallet`."""

    __slots__ = ("_head", "_id", "_slashes", "_tail")

    def __init__(self, template: str) -> None:
        """Take a template with one variable."""
        super().__init__(template)
        self._head, _, slashes, self._tail = _VARIABLE.split(template)
        self._slashes = bool(slashes)
        self._id = slice(len(self._head), -len(self._tail) or None)

    def name(self, id_: str) -> str:
        """Return the name of an id."""
        return f"{self._head}{id_}{self._tail}"

    def parse(self, name: str) -> str:
        """Return the id in a name. Raises ValueError."""
        id_ = name[self._id]
        if not id_ or f"{self._head}{id_}{self._tail}" != name or ("/" in id_ and not self._slashes):
            raise self._malformed(name)
        return id_

    def parse_optional(self, name: str) -> str:
        """Return the id in a name, or "" of an empty name, which stands for none. Raises ValueError."""
        return self.parse(name) if name else ""


class TwoIdTemplate(Template):
    """A name with two ids: `companies/{company}/spendLimits/{spend_limit}`."""

    __slots__ = ("_head", "_last", "_middle", "_root", "_splits")

    def __init__(self, template: str) -> None:
        """Take a template of four segments, of which the second and the last are variables."""
        super().__init__(template)
        self._head, _, _, self._middle, _, slashes, _ = _VARIABLE.split(template)
        self._root, self._last = self._head[:-1], self._middle[1:-1]
        self._splits = 3 if slashes else -1

    def name(self, parent: str, id_: str) -> str:
        """Return the name of an id within a parent, both without their collections."""
        return f"{self._head}{parent}{self._middle}{id_}"

    def parse(self, name: str) -> tuple[str, str]:
        """Return the parent's id and the own one in a name. Raises ValueError."""
        try:
            root, parent, collection, id_ = name.split("/", self._splits)
        except ValueError:
            raise self._malformed(name) from None
        if root != self._root or collection != self._last or not parent or not id_:
            raise self._malformed(name)
        return parent, id_


class NumberedTemplate(Template):
    """A name whose last id is a number from 1 on: `companies/{company}/transactions/{number}`."""

    __slots__ = ("_head", "_middle")

    def __init__(self, template: str) -> None:
        """Take a template of four segments, of which the second and the last are variables."""
        super().__init__(template)
        self._head, _, _, self._middle, _, _, _ = _VARIABLE.split(template)

    def name(self, parent: str, number: int) -> str:
        """Return the name of a number within a parent, whose id stands without its collection."""
        return f"{self._head}{parent}{self._middle}{number}"

    def parse(self, name: str) -> tuple[str, int]:
        """Return the parent's id and the number in a name. Raises ValueError."""
        try:
            _, parent, _, digits = name.split("/")
            number = int(digits)
        except ValueError:
            raise self._malformed(name) from None
        # Formatted again, as int() also takes +7, 007, 1_000, blanks and the digits of other scripts.
        if number < 1 or not parent or f"{self._head}{parent}{self._middle}{number}" != name:
            raise self._malformed(name)
        return parent, number


ALL_COMPANIES: Final = "companies/-"
"""The parent of what all companies have (AIP-159)."""
SELLER: Final = "seller"
REFUND_POLICY: Final = "refundPolicy"

COMPANY: Final = OneIdTemplate("companies/{company}")
WALLET: Final = OneIdTemplate("companies/{company}/wallet")
ALERT_POLICY: Final = OneIdTemplate("companies/{company}/alertPolicy")
AUTO_TOP_UP: Final = OneIdTemplate("companies/{company}/autoTopUp")
BILLING_PROFILE: Final = OneIdTemplate("companies/{company}/billingProfile")
WEBHOOK: Final = OneIdTemplate("companies/{company}/webhook")
TRANSACTION: Final = NumberedTemplate("companies/{company}/transactions/{number}")
REFUND: Final = NumberedTemplate("companies/{company}/refunds/{number}")
ADJUSTMENT: Final = NumberedTemplate("companies/{company}/adjustments/{number}")
RECEIPT: Final = NumberedTemplate("companies/{company}/receipts/{number}")
EVENT: Final = NumberedTemplate("companies/{company}/events/{serial}")
AUTHORIZATION: Final = TwoIdTemplate("companies/{company}/authorizations/{authorization=**}")
TOP_UP: Final = TwoIdTemplate("companies/{company}/topUps/{top_up=**}")
TOP_UP_REFUND: Final = TwoIdTemplate("companies/{company}/topUpRefunds/{refund=**}")
CHARGEBACK: Final = TwoIdTemplate("companies/{company}/chargebacks/{chargeback}")
PAYMENT_METHOD: Final = TwoIdTemplate("companies/{company}/paymentMethods/{payment_method}")
SPEND_LIMIT: Final = TwoIdTemplate("companies/{company}/spendLimits/{spend_limit}")
SUBSCRIPTION: Final = TwoIdTemplate("companies/{company}/subscriptions/{subscription}")
REFUND_CASE: Final = TwoIdTemplate("companies/{company}/refundCases/{case}")
STATEMENT: Final = TwoIdTemplate("companies/{company}/statements/{month}")
RATE_CARD: Final = OneIdTemplate("rateCards/{rate_card}")
RATE: Final = TwoIdTemplate("rateCards/{rate_card}/rates/{rate}")
REFUND_JOB: Final = OneIdTemplate("refundJobs/{job}")
TOP_UP_REFERENCE: Final = OneIdTemplate("topUps/{top_up=**}")
"""A top-up's name within its company, which is the reference of what corrects it."""
SUBSCRIPTION_REFERENCE: Final = OneIdTemplate("subscriptions/{subscription}")
"""A subscription's name within its company, which is the reference of its charges and refunds."""
