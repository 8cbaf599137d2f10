"""Refund jobs in Postgres: their settings, their progress, and their next charges.

Times are converted to transaction numbers by binary search, since times never decrease from one number to the next. The
other criteria are compared entry by entry, in slices. So no index is needed that charges would have to maintain, and a
job's position is a number.
"""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from refunds.job import (
    FAILURES_KEPT_MAX,
    ChargeFilter,
    Estimate,
    JobBatch,
    JobCharge,
    JobFailure,
    JobPosition,
    JobState,
    NewJob,
    Progress,
    RefundJob,
)
from wallet.domain import system_keys
from wallet.domain.commands import Kind
from wallet.domain.errors import CompanyNotFound, IdempotencyKeyReused, RefundJobNotFound
from wallet.ledger.numbers import FIRST_NUMBER_SINCE
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import struct_of
from wallet.ledger.transactions import autocommitting, reading, writing

NUMBER_MAX = 2**63 - 1
"""As the number of a position: the company is done."""
SLICE_ENTRIES = 2_000
"""Number of entries that one statement reads."""
SEARCH_SECONDS_MAX = 0.25
"""Time after which a search for the next charges ends without any, so that the position so far is recorded."""
LISTED_PER_STATEMENT = 5_000
COPY_SECONDS_MAX = 60.0
"""How long writing the list of charges may take."""

_SQL = load(__name__, JobState, Kind)


class RefundJobs:
    """The tables of refund jobs. Every method raises LedgerUnavailable if Postgres does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def find(self, job: NewJob) -> RefundJob | None:
        """Return the job that the same request made before; None if there is none. Raises IdempotencyKeyReused."""
        async with reading(self._pool) as connection:
            fingerprint = await connection.fetchval(_SQL["fingerprint"], job.id)
            if fingerprint is None:
                return None
            if fingerprint != job.fingerprint:
                raise IdempotencyKeyReused(job.id)
            return await _get(connection, job.id)

    async def create(self, job: NewJob, estimate: Estimate) -> RefundJob:
        """Record a job, or return the one that the same request made before. Raises IdempotencyKeyReused."""
        filters: tuple[Any, ...] = (job.company or None, *(None,) * 6)
        if job.where is not None:
            where = job.where
            filters = where.company or None, where.starts_at, where.ends_at, *_arguments(where)
        values = job.id, job.fingerprint, job.reason, job.requested_by, job.reference
        async with writing(self._pool) as connection:
            if not await connection.fetchval(_SQL["insert"], *values, *filters, len(job.listed), estimate.charges):
                if await connection.fetchval(_SQL["fingerprint"], job.id) != job.fingerprint:
                    raise IdempotencyKeyReused(job.id)
                return await _get(connection, job.id)
            for currency, amount in estimate.amounts.items():
                await connection.execute(_SQL["insert_expected"], job.id, currency, amount)
            records = [(job.id, *charge) for charge in job.listed]
            await connection.copy_records_to_table("refund_job_charges", records=records, timeout=COPY_SECONDS_MAX)
            return await _get(connection, job.id)

    async def get(self, job: str) -> RefundJob:
        """Return a job. Raises RefundJobNotFound."""
        async with reading(self._pool) as connection:
            return await _get(connection, job)

    async def list(self, before: int | None, limit: int) -> list[RefundJob]:
        """Return up to `limit` jobs with serials below `before`, newest first."""
        async with reading(self._pool) as connection:
            return [_job_of(row) for row in await connection.fetch(_SQL["list"], before or NUMBER_MAX, limit)]

    async def running(self, limit: int) -> Sequence[RefundJob]:
        """Return up to `limit` running jobs, oldest first, without their amounts."""
        async with reading(self._pool) as connection:
            return [_job_of(row) for row in await connection.fetch(_SQL["running"], limit)]

    async def cancel(self, job: str) -> RefundJob:
        """Cancel a job if it is running; return it. Raises RefundJobNotFound."""
        async with autocommitting(self._pool) as connection:
            await connection.execute(_SQL["cancel"], job)
            return await _get(connection, job)

    async def estimate(self, job: NewJob) -> Estimate:
        """Return the expected result of a job if it ran now. Raises CompanyNotFound."""
        if job.where is None:
            return await self._estimate_listed(job.listed)
        if job.where.company:
            async with reading(self._pool) as connection:
                if not await connection.fetchval(_SQL["currency"], job.where.company):
                    raise CompanyNotFound(job.where.company)
        charges = already_refunded = 0
        amounts: Counter[str] = Counter()
        at, last = JobPosition(), False
        while not last:
            batch = await self._search(job.where, at, None, SLICE_ENTRIES)
            charges += len(batch.charges)
            for charge in batch.charges:
                assert charge.price is not None
                left = charge.price - charge.refunded
                already_refunded += not left
                amounts[charge.currency] += left
            at, last = batch.after, batch.last
        return Estimate(charges, already_refunded, dict(amounts))

    async def _estimate_listed(self, listed: Sequence[tuple[str, int]]) -> Estimate:
        charges = already_refunded = 0
        amounts: Counter[str] = Counter()
        async with reading(self._pool) as connection:
            for start in range(0, len(listed), LISTED_PER_STATEMENT):
                companies, numbers = zip(*listed[start : start + LISTED_PER_STATEMENT], strict=True)
                for row in await connection.fetch(_SQL["estimated"], companies, numbers):
                    charges += row["charges"]
                    already_refunded += row["already_refunded"]
                    amounts[row["currency"]] += row["amount"]
        return Estimate(charges, already_refunded, dict(amounts))

    async def next_batch(self, job: RefundJob, limit: int) -> JobBatch:
        """Return the next charges of a job, `limit` at most; none if it takes longer than SEARCH_SECONDS_MAX."""
        keys, position = system_keys.job_refunds(job.id), job.position
        if job.where is not None:
            return await self._search(job.where, position, keys, limit)
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["listed"], job.id, position.company, position.number, keys, limit)
        charges = [_charge_of(row, row["company_id"], row["currency"]) for row in rows]
        after = JobPosition(charges[-1].company, charges[-1].number) if charges else position
        return JobBatch(charges, after, last=len(charges) < limit)

    async def _search(self, where: ChargeFilter, at: JobPosition, keys: str | None, limit: int) -> JobBatch:
        """Return up to `limit` charges after a position.

        `keys` is the beginning of the keys of the job's refunds; None: there is no job yet.
        """
        give_up_at = time.monotonic() + SEARCH_SECONDS_MAX
        async with reading(self._pool) as connection:
            while (company := await _company_at(connection, where, at)) is not None:
                end = await connection.fetchval(FIRST_NUMBER_SINCE, company, where.ends_at) - 1
                if company == at.company:
                    first = at.number + 1
                else:
                    first = await connection.fetchval(FIRST_NUMBER_SINCE, company, where.starts_at)
                while first <= end:
                    high = min(first + SLICE_ENTRIES - 1, end)
                    rows = await connection.fetch(
                        _SQL["matching"], company, first, high, *_arguments(where), keys, limit
                    )
                    through = rows[-1]["number"] if len(rows) == limit else high
                    at = JobPosition(company, through if through < end else NUMBER_MAX)
                    if rows:
                        currency = await connection.fetchval(_SQL["currency"], company)
                        return JobBatch([_charge_of(row, company, currency) for row in rows], at, last=False)
                    first = through + 1
                    if time.monotonic() > give_up_at:
                        return JobBatch([], at, last=False)
                at = JobPosition(company, NUMBER_MAX)
                if time.monotonic() > give_up_at:
                    return JobBatch([], at, last=False)
        return JobBatch([], at, last=True)

    async def advance(self, job: RefundJob, batch: JobBatch, done: Progress) -> bool:
        """Move a job to the end of a batch and add `done` to its progress; return False if another process did.

        Both happen in one transaction, and only from the position where the batch began, so that it counts once.
        """
        failures = msgspec.json.encode(done.failures[:FAILURES_KEPT_MAX]).decode()
        places = job.position.company, job.position.number, batch.after.company, batch.after.number
        counts = done.matched, done.refunded, done.already_refunded, done.failed
        async with writing(self._pool) as connection:
            moved = await connection.fetchval(
                _SQL["advance"], job.id, *places, *counts, failures, FAILURES_KEPT_MAX, batch.last
            )
            if moved:
                for currency, amount in done.amounts.items():
                    await connection.execute(_SQL["add_amount"], job.id, currency, amount)
        return bool(moved)


async def _company_at(connection: Connection, where: ChargeFilter, at: JobPosition) -> str | None:
    """Return the company with which a job at this position continues; None: it is done."""
    if at.company and at.number < NUMBER_MAX:
        return at.company
    if where.company:
        return where.company if not at.company else None
    company: str | None = await connection.fetchval(_SQL["next_wallet"], at.company, where.starts_at)
    return company


async def _get(connection: Connection, job: str) -> RefundJob:
    row = await connection.fetchrow(_SQL["get"], job)
    if row is None:
        raise RefundJobNotFound(job)
    return _job_of(row)


def _arguments(where: ChargeFilter) -> tuple[Any, ...]:
    """Return $4 to $7 of the query `matching`."""
    return where.channel, where.country or None, where.campaign_id or None, where.contact_id or None


def _charge_of(row: asyncpg.Record, company: str, currency: str) -> JobCharge:
    return JobCharge(company, row["number"], currency, row["price"], row["refunded"], row["own"])


def _job_of(row: asyncpg.Record) -> RefundJob:
    where = None
    if not row["listed"]:
        texts = {name: row[name] or "" for name in ("country", "campaign_id", "contact_id")}
        where = struct_of(row, ChargeFilter, company=row["company_id"] or "", **texts)
    amounts: dict[str, list[int]] = msgspec.json.decode(row["amounts"] or "{}")
    progress = struct_of(
        row,
        Progress,
        amounts={currency: refunded for currency, (_, refunded) in amounts.items() if refunded},
        failures=msgspec.json.decode(row["failures"], type=list[JobFailure])[:FAILURES_KEPT_MAX],
    )
    expected = {currency: expected for currency, (expected, _) in amounts.items() if expected}
    return struct_of(
        row,
        RefundJob,
        id=row["job_id"],
        where=where,
        company=row["company_id"] or "",
        position=JobPosition(row["at_company"], row["at_number"]),
        estimate=Estimate(row["expected"], 0, expected),
        progress=progress,
    )
