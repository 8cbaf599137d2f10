"""Refund cases in Postgres."""

from collections.abc import Sequence

import asyncpg

from refunds.amounts import DeliveredShare
from refunds.delivery import (
    CaseDecision,
    CaseState,
    DeliveryReport,
    DeliveryStatus,
    NewCase,
    RefundCase,
)
from wallet.domain.errors import RefundCaseNotFound
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import struct_of
from wallet.ledger.transactions import autocommitting, reading

_SQL = load(__name__, CaseState)


class RefundCases:
    """The table of refund cases. Every method raises LedgerUnavailable if Postgres does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def create(self, case: NewCase) -> tuple[RefundCase, bytes]:
        """Open a case; return it, or the case that has the id already, with its request's fingerprint."""
        async with autocommitting(self._pool) as connection:
            return await insert_case(connection, case)

    async def get(self, company: str, case: str) -> RefundCase:
        """Return a case. Raises RefundCaseNotFound."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["get"], company, case)
        if row is None:
            raise RefundCaseNotFound(case)
        return _case_of(row)

    async def list(
        self, *, company: str = "", state: CaseState | None = None, number: int | None = None, after: int, limit: int
    ) -> list[RefundCase]:
        """Return up to `limit` cases with serials above `after`, oldest first, that match every given filter."""
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["list"], company or None, state, number, after, limit)
        return [_case_of(row) for row in rows]

    async def decide(self, company: str, case: str, decision: CaseDecision) -> RefundCase:
        """Record a decision and return the case; if it is not open, return it unchanged. Raises RefundCaseNotFound."""
        state = CaseState.REFUNDING if decision.refund else CaseState.REJECTED
        values = decision.refund, decision.amount, decision.reason, decision.decided_by, decision.note
        async with autocommitting(self._pool) as connection:
            row = await connection.fetchrow(_SQL["decide"], company, case, state, *values)
        return await self.get(company, case) if row is None else _case_of(row)

    async def mark_refunded(self, company: str, case: str, refund_number: int) -> RefundCase:
        """Record that a case's refund is in the ledger; return the case."""
        async with autocommitting(self._pool) as connection:
            row = await connection.fetchrow(_SQL["mark_refunded"], company, case, refund_number)
        return await self.get(company, case) if row is None else _case_of(row)

    async def reopen(self, company: str, case: str) -> None:
        """Revert a decision whose refund was declined."""
        async with autocommitting(self._pool) as connection:
            await connection.execute(_SQL["reopen"], company, case)

    async def unfinished(self, *, age_seconds_min: float, limit: int) -> Sequence[RefundCase]:
        """Return up to `limit` cases whose refund is decided and not known to be in the ledger, oldest first.

        The decisions are at least `age_seconds_min` old.
        """
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["unfinished"], age_seconds_min, limit)
        return [_case_of(row) for row in rows]


async def insert_case(connection: Connection, case: NewCase) -> tuple[RefundCase, bytes]:
    """Open a case over a connection; return it, or the case that has the id already, with its request's fingerprint."""
    report = case.report
    reported: tuple[object, ...] = (None,) * 4
    if report is not None:
        reported = report.status, report.carrier_code, report.share.delivered, report.share.total
    row = await connection.fetchrow(
        _SQL["insert"],
        case.company,
        case.id,
        case.number,
        case.origin,
        case.description,
        case.requested_by,
        case.fingerprint,
        *reported,
    )
    if row is None:
        row = await connection.fetchrow(_SQL["get"], case.company, case.id)
    assert row is not None, "cases are never deleted"
    return _case_of(row), row["fingerprint"]


def _case_of(row: asyncpg.Record) -> RefundCase:
    decision = None
    if row["decided_refund"] is not None:
        decision = struct_of(row, CaseDecision, refund=row["decided_refund"])
    return struct_of(
        row,
        RefundCase,
        company=row["company_id"],
        id=row["case_id"],
        report=None if row["status"] is None else report_of(row),
        decision=decision,
    )


def report_of(row: asyncpg.Record) -> DeliveryReport:
    """Return the report in a row of delivery_reports, or in the same columns of a case."""
    return DeliveryReport(
        row["company_id"],
        row["number"],
        DeliveryStatus(row["status"]),
        row["carrier_code"],
        DeliveredShare(row["delivered"], row["total"]),
    )
