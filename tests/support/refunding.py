"""Refunds for tests, with defaults for what a test does not care about, and simulated crashes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from refunds.amounts import DeliveredShare
from refunds.delivery import DeliveryReport, DeliveryStatus
from refunds.domain import RefundReason, RefundRequest
from refunds.job import ChargeFilter, NewJob, RefundJob
from tests.support.builders import fingerprint, fresh
from tests.support.wallets import Wallets

FOREVER = ChargeFilter(starts_at=0, ends_at=2**62)


class Crashed(Exception):
    """The process has died here."""


def refund_request(number: int, *, key: str | None = None, company: str = "acme", **fields: Any) -> RefundRequest:
    """Ask for a refund of charge `number`."""
    key = key or fresh("refund")
    return RefundRequest(
        company, number, key, fingerprint(number, fields), RefundReason.GOODWILL, "ann", "ticket 7", **fields
    )


async def make_job(
    wallets: Wallets,
    where: ChargeFilter | None = FOREVER,
    *,
    listed: list[tuple[str, int]] | None = None,
    job: str | None = None,
) -> RefundJob:
    """Record a job for the charges of a filter, or for those that are listed."""
    new = NewJob(
        job or fresh("job"),
        fingerprint(where, listed),
        RefundReason.CARRIER_OUTAGE,
        "ann",
        "outage 7",
        None if listed else where,
        listed or [],
    )
    return await wallets.refund_jobs.create(new, await wallets.refund_jobs.estimate(new))


def report(number: int, delivered: int, total: int, *, code: str = "500", company: str = "acme") -> DeliveryReport:
    """Return a carrier's report of charge `number`."""
    status = DeliveryStatus.PARTIALLY_DELIVERED if delivered else DeliveryStatus.FAILED
    status = DeliveryStatus.DELIVERED if delivered == total else status
    return DeliveryReport(company, number, status, code, DeliveredShare(delivered, total))


@contextmanager
def crashing_at(target: Any, method: str, *, after: bool = False) -> Iterator[None]:
    """Let the process crash in a method: before it does anything, or after all of it."""
    whole = getattr(target, method)

    async def die(*arguments: Any, **options: Any) -> None:
        if after:
            await whole(*arguments, **options)
        raise Crashed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(target, method, die)
        with pytest.raises(Crashed):
            yield
