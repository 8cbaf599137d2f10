"""Refund jobs in Postgres: what they are, how far they have come, and which charges come next.

Times become numbers by halving, since time never goes back from one number to the next; everything else is looked for
among the entries, slice by slice. So no index is needed that charges would have to write, and the place of a job is a
number.
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
    Failure,
    JobBatch,
    JobCharge,
    JobState,
    NewJob,
    Place,
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
"""As the place's number: the company is through."""
SLICE = 2_000
"""How many entries are looked at in one statement."""
LOOK_SECONDS_MAX = 0.25
"""After which time a look for the next charges ends, found or not: what is done so far is recorded then."""
LISTED_PER_STATEMENT = 5_000
COPY_SECONDS_MAX = 60.0
"""How long writing the names of charges may take."""

_SQL = load(__name__, JobState, Kind)


class RefundJobs:
    """Every method raises LedgerUnavailable where Postgres does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def find(self, job: NewJob) -> RefundJob | None:
        """Return the job that the same request made before; None: there is none. Raises IdempotencyKeyReused."""
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
        told = job.id, job.fingerprint, job.reason, job.requested_by, job.reference
        async with writing(self._pool) as connection:
            if not await connection.fetchval(_SQL["insert"], *told, *filters, len(job.listed), estimate.charges):
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
        """Return up to `limit` jobs that are not through, oldest first; without their amounts."""
        async with reading(self._pool) as connection:
            return [_job_of(row) for row in await connection.fetch(_SQL["running"], limit)]

    async def cancel(self, job: str) -> RefundJob:
        """End a job that is not through. Raises RefundJobNotFound."""
        async with autocommitting(self._pool) as connection:
            await connection.execute(_SQL["cancel"], job)
            return await _get(connection, job)

    async def estimate(self, job: NewJob) -> Estimate:
        """Return what a job would do now. Raises CompanyNotFound."""
        if job.where is None:
            return await self._estimate_listed(job.listed)
        if job.where.company:
            async with reading(self._pool) as connection:
                if not await connection.fetchval(_SQL["currency"], job.where.company):
                    raise CompanyNotFound(job.where.company)
        charges = already_refunded = 0
        amounts: Counter[str] = Counter()
        at, last = Place(), False
        while not last:
            batch = await self._filtered(job.where, at, None, SLICE)
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
        """Return the next charges of a job, `limit` at most; none, where it takes longer to find some."""
        if job.where is not None:
            return await self._filtered(job.where, job.at, system_keys.job_refunds(job.id), limit)
        async with reading(self._pool) as connection:
            rows = await connection.fetch(
                _SQL["listed"], job.id, job.at.company, job.at.number, system_keys.job_refunds(job.id), limit
            )
        charges = [_charge_of(row, row["company_id"], row["currency"]) for row in rows]
        after = Place(charges[-1].company, charges[-1].number) if charges else job.at
        return JobBatch(charges, after, last=len(charges) < limit)

    async def _filtered(self, where: ChargeFilter, at: Place, keys: str | None, limit: int) -> JobBatch:
        """Return the next charges of a filter. `keys` begins the keys of the job's refunds; None: there is no job."""
        give_up_at = time.monotonic() + LOOK_SECONDS_MAX
        async with reading(self._pool) as connection:
            while (company := await _company_at(connection, where, at)) is not None:
                end = await connection.fetchval(FIRST_NUMBER_SINCE, company, where.ends_at) - 1
                if company == at.company:
                    first = at.number + 1
                else:
                    first = await connection.fetchval(FIRST_NUMBER_SINCE, company, where.starts_at)
                while first <= end:
                    high = min(first + SLICE - 1, end)
                    rows = await connection.fetch(
                        _SQL["matching"], company, first, high, *_arguments(where), keys, limit
                    )
                    through = rows[-1]["number"] if len(rows) == limit else high
                    at = Place(company, through if through < end else NUMBER_MAX)
                    if rows:
                        currency = await connection.fetchval(_SQL["currency"], company)
                        return JobBatch([_charge_of(row, company, currency) for row in rows], at, last=False)
                    first = through + 1
                    if time.monotonic() > give_up_at:
                        return JobBatch([], at, last=False)
                at = Place(company, NUMBER_MAX)
                if time.monotonic() > give_up_at:
                    return JobBatch([], at, last=False)
        return JobBatch([], at, last=True)

    async def advance(self, job: RefundJob, batch: JobBatch, done: Progress) -> bool:
        """Move a job to the end of a batch and count what was done; return False where another process did.

        Both in one transaction, and only from the place where the batch began: whoever works on it, it counts once.
        """
        failures = msgspec.json.encode(done.failures[:FAILURES_KEPT_MAX]).decode()
        places = job.at.company, job.at.number, batch.after.company, batch.after.number
        counts = done.matched, done.refunded, done.already_refunded, done.failed
        async with writing(self._pool) as connection:
            moved = await connection.fetchval(
                _SQL["advance"], job.id, *places, *counts, failures, FAILURES_KEPT_MAX, batch.last
            )
            if moved:
                for currency, amount in done.amounts.items():
                    await connection.execute(_SQL["add_amount"], job.id, currency, amount)
        return bool(moved)


async def _company_at(connection: Connection, where: ChargeFilter, at: Place) -> str | None:
    """Return the company that a job at this place goes on with; None: it is through."""
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
        failures=msgspec.json.decode(row["failures"], type=list[Failure])[:FAILURES_KEPT_MAX],
    )
    expected = {currency: expected for currency, (expected, _) in amounts.items() if expected}
    return struct_of(
        row,
        RefundJob,
        id=row["job_id"],
        where=where,
        company=row["company_id"] or "",
        at=Place(row["at_company"], row["at_number"]),
        estimate=Estimate(row["expected"], 0, expected),
        progress=progress,
    )
