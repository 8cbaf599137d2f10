"""How deliveries ended, and what follows from it: a refund by policy, or a case for a person to decide."""

from enum import IntEnum

import msgspec

from refunds.domain import RefundReason, Share
from wallet.domain.usage import Channel


class DeliveryStatus(IntEnum):
    """How a delivery ended. The values are stored: never renumber them."""

    DELIVERED = 1
    PARTIALLY_DELIVERED = 2
    FAILED = 3


class Action(IntEnum):
    """What a rule of the policy says. The values are stored: never renumber them."""

    REFUND = 1
    OPEN_CASE = 2


class CaseState(IntEnum):
    """Where a case is in its life. The values are stored: never renumber them."""

    OPEN = 1
    REFUNDING = 2
    """Decided; the refund is not known to be recorded."""
    REFUNDED = 3
    REJECTED = 4


class CaseOrigin(IntEnum):
    """Who opened a case. The values are stored: never renumber them."""

    DELIVERY_REPORT = 1
    CONTRADICTION = 2
    REQUEST = 3


class RefundRule(msgspec.Struct, frozen=True):
    """A line of the policy. `carrier_code` may end in *, for all that begin so; no channel: all."""

    carrier_code: str
    action: Action
    channel: Channel | None = None
    description: str = ""

    @property
    def prefix(self) -> str | None:
        """What codes must begin with; None where it is one code."""
        return self.carrier_code[:-1] if self.carrier_code.endswith("*") else None


class RefundPolicy(msgspec.Struct, frozen=True):
    """The rules, of which the first that fits decides; `updated_at` in microseconds since the epoch, 0: never."""

    rules: list[RefundRule]
    updated_at: int = 0


class DeliveryReport(msgspec.Struct, frozen=True):
    """What a carrier says of a charge: final, and for all of it."""

    company: str
    number: int
    status: DeliveryStatus
    carrier_code: str
    share: Share


class RecordedReport(msgspec.Struct, frozen=True):
    """A report that is acted upon: what is done, and whether it is done."""

    report: DeliveryReport
    action: Action
    finished: bool
    refund_number: int | None
    """The refund, where there is one."""


class Decision(msgspec.Struct, frozen=True):
    """What a person decided of a case. `amount` in micros; None: all that is left."""

    refund: bool
    decided_by: str
    note: str = ""
    amount: int | None = None
    reason: RefundReason | None = None
    """Of a refund; not None there."""


class RefundCase(msgspec.Struct, frozen=True):
    """Something to decide. Times in microseconds since the epoch."""

    company: str
    id: str
    serial: int
    """Grows from case to case."""
    number: int
    """Of the charge."""
    state: CaseState
    origin: CaseOrigin
    description: str
    requested_by: str
    report: DeliveryReport | None
    decision: Decision | None
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
    """Of the request that opens it."""
    report: DeliveryReport | None = None
