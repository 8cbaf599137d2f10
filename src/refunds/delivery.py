"""Delivery reports, the refund policy that applies to them, and the cases that people decide."""

from enum import IntEnum

import msgspec

from refunds.amounts import DeliveredShare
from refunds.domain import RefundReason
from wallet.domain.usage import Channel


class DeliveryStatus(IntEnum):
    """The result of a delivery. The values are stored: never renumber them."""

    DELIVERED = 1
    PARTIALLY_DELIVERED = 2
    FAILED = 3


class Action(IntEnum):
    """The action of a rule of the policy. The values are stored: never renumber them."""

    REFUND = 1
    OPEN_CASE = 2


class CaseState(IntEnum):
    """The states of a case. The values are stored: never renumber them."""

    OPEN = 1
    REFUNDING = 2
    """Decided; the refund is not known to be in the ledger."""
    REFUNDED = 3
    REJECTED = 4


class CaseOrigin(IntEnum):
    """The reasons for cases. The values are stored: never renumber them."""

    DELIVERY_REPORT = 1
    CONTRADICTION = 2
    REQUEST = 3


class RefundRule(msgspec.Struct, frozen=True):
    """A rule of the policy. `carrier_code` may end in *, which matches every code with that prefix; no channel: all."""

    carrier_code: str
    action: Action
    channel: Channel | None = None
    description: str = ""

    @property
    def prefix(self) -> str | None:
        """The prefix of the codes that match; None if the rule is for one code."""
        return self.carrier_code[:-1] if self.carrier_code.endswith("*") else None


class RefundPolicy(msgspec.Struct, frozen=True):
    """The rules, of which the first that matches decides; `updated_at` in microseconds since the epoch, 0: never."""

    rules: list[RefundRule]
    updated_at: int = 0


class DeliveryReport(msgspec.Struct, frozen=True):
    """A carrier's final report on the delivery of a whole charge."""

    company: str
    number: int
    status: DeliveryStatus
    carrier_code: str
    share: DeliveredShare


class RecordedReport(msgspec.Struct, frozen=True):
    """The first report of a charge, with its action and whether that is done."""

    report: DeliveryReport
    action: Action
    finished: bool
    refund_number: int | None
    """The number of the refund's transaction, if there is one."""


class CaseDecision(msgspec.Struct, frozen=True):
    """A person's decision of a case. `amount` in micros; None: all that is left."""

    refund: bool
    decided_by: str
    note: str = ""
    amount: int | None = None
    reason: RefundReason | None = None
    """Set if it is to refund."""


class RefundCase(msgspec.Struct, frozen=True):
    """A possible refund that a person decides. Times in microseconds since the epoch."""

    company: str
    id: str
    serial: int
    """Grows from case to case."""
    number: int
    """The number of the charge's transaction."""
    state: CaseState
    origin: CaseOrigin
    description: str
    requested_by: str
    report: DeliveryReport | None
    decision: CaseDecision | None
    refund_number: int | None
    created_at: int
    decided_at: int | None


class NewCase(msgspec.Struct, frozen=True):
    """A case to be opened."""

    company: str
    id: str
    number: int
    origin: CaseOrigin
    description: str
    requested_by: str = ""
    fingerprint: bytes = b""
    """The fingerprint of the request that opens it."""
    report: DeliveryReport | None = None
