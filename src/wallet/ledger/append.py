"""Send attempts to Postgres and read its answers: the one place where entries are written."""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg
import structlog

from wallet.domain.attempts import Answer, Attempt, Question, Verdict
from wallet.domain.commands import Kind
from wallet.domain.entries import Entry
from wallet.ledger.failures import data_refused, unavailable
from wallet.ledger.pool import Connection, open_connection
from wallet.ledger.rows import authorization_of, entry_of, limit_passed_of, price_text, wallet_of

log = structlog.get_logger(__name__)

_APPEND = "SELECT * FROM ledger_append($1::ledger_attempt[], $2, $3, $4)"
_WITH_ENTRY = (Verdict.ALREADY, Verdict.DUPLICATE)
_READ_ONLY = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"


class LedgerAttempt(NamedTuple):
    """An attempt as the composite type `ledger_attempt` of Postgres, whose fields these are, in order.

    A field that may be None is NULL where the command does not say it.
    """

    asked: str
    company_id: str
    idempotency_key: str
    fingerprint: bytes
    kind: int
    epoch: int
    seq: int
    amount: int
    held_delta: int
    checked: bool
    closes: bool
    late: bool
    applied_at: int
    """When Redis applied or declined it."""
    authorization_id: str | None
    ttl_seconds: int
    refunded_number: int | None
    channel: int | None
    variant: str | None
    country: str | None
    quantity: int | None
    campaign_id: str | None
    contact_id: str | None
    reference: str | None
    reason: str | None
    requested_by: str | None
    price: str | None
    """As JSON."""


class Appender:
    """Appends over one connection to Postgres. Not for concurrent use."""

    def __init__(self, database_url: str) -> None:
        """Prepare to connect at the first call."""
        self._database_url = database_url
        self._connection: asyncpg.Connection | None = None

    async def append(self, attempts: Sequence[Attempt]) -> list[Answer]:
        """Judge and write `attempts`; return an answer each, in order.

        Raises asyncpg's errors (see `failures`), after which nothing or everything is written, and it is unknown which.
        The connection is closed then, so that a late answer cannot be read as the next one.
        """
        try:
            return await append_over(await self._connected(), attempts)
        except BaseException as error:
            if not isinstance(error, asyncpg.PostgresError) or unavailable(error):
                self.close()
            raise

    async def probe(self) -> None:
        """Return if Postgres answers and accepts writes. Raises asyncpg's errors, and ConnectionError."""
        try:
            read_only = await (await self._connected()).fetchval(_READ_ONLY)
        except BaseException:
            self.close()
            raise
        if read_only:
            self.close()  # Its name may resolve to the new primary next time.
            raise asyncpg.ReadOnlySQLTransactionError("a standby, or set to be read-only")

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await open_connection(self._database_url)
            except asyncpg.PostgresError as error:
                # For every reason (a changed password, a dropped database), Postgres does not answer us.
                raise ConnectionError(f"no connection to Postgres: {error}") from error
        return self._connection

    def close(self) -> None:
        """Close the connection at once."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def append_over(connection: Connection, attempts: Sequence[Attempt]) -> list[Answer]:
    """Judge and write `attempts` over a connection that is in no transaction; return an answer each, in order.

    If Postgres refuses the data of one of them, the rest is still written: the batch is halved until the refused
    attempt is alone. A refused call has written nothing.
    """
    try:
        return await _append(connection, attempts)
    except asyncpg.PostgresError as error:
        if not data_refused(error):
            raise
        if len(attempts) == 1:
            await _quarantine(connection, attempts[0], error)
            return [Answer(Verdict.QUARANTINED)]
    half = len(attempts) // 2
    return await append_over(connection, attempts[:half]) + await append_over(connection, attempts[half:])


async def _append(connection: Connection, attempts: Sequence[Attempt]) -> list[Answer]:
    order = sorted(range(len(attempts)), key=lambda i: _judging_order(attempts[i]))
    judged = [attempts[i] for i in order]
    companies = list(dict.fromkeys([attempt.command.company for attempt in judged]))
    keys = {(attempt.command.company, attempt.command.idempotency_key) for attempt in judged}
    parameters = [_parameters(attempt) for attempt in judged], companies, len(keys) < len(judged)
    try:
        rows: list[asyncpg.Record] = await connection.fetch(_APPEND, *parameters, False)
    except asyncpg.LockNotAvailableError:
        # Another session holds a wallet's lock. Leave that company out rather than delay all others.
        rows = await connection.fetch(_APPEND, *parameters, True)
    answers: list[Answer] = [_NO_ANSWER] * len(attempts)
    for i, row in zip(order, rows, strict=True):
        answers[i] = _answer(attempts[i], row)
    return answers


async def _quarantine(connection: Connection, attempt: Attempt, error: asyncpg.PostgresError) -> None:
    """Store an attempt that Postgres refused as bytes, which it never refuses."""
    log.error("entry_quarantined", company=attempt.command.company, attempt=attempt.name, error=str(error))
    await connection.execute(
        "INSERT INTO quarantine (company, attempt, command, error) VALUES ($1, $2, $3, $4)",
        attempt.command.company.encode(errors="surrogateescape"),
        attempt.name,
        repr(attempt.command).encode(errors="backslashreplace"),
        type(error).__name__,
    )


_VERDICTS = {verdict.value: verdict for verdict in Verdict}
_NO_ANSWER = Answer(Verdict.BUSY)


def _judging_order(attempt: Attempt) -> tuple[str, bool, int]:
    return attempt.command.company, attempt.question is not Question.APPLIED, attempt.seq


def _parameters(attempt: Attempt) -> LedgerAttempt:
    command = attempt.command
    usage = command.usage
    amount = attempt.amount
    if command.kind is Kind.INCREMENT and attempt.question is not Question.APPLIED:
        amount = command.amount  # The total: the ledger computes what it adds from the hold.
    # By position, and a test holds each to its name: 26 keyword arguments would cost another microsecond an entry.
    return LedgerAttempt(
        attempt.question,
        command.company,
        command.idempotency_key,
        command.fingerprint,
        command.kind,
        attempt.epoch,
        attempt.seq,
        amount,
        attempt.held_delta,
        command.checked,
        command.closes,
        command.late,
        attempt.applied_at or attempt.declined_at,
        command.authorization or None,
        command.ttl_seconds,
        command.refunded_number or None,
        None if usage is None else usage.channel,
        None if usage is None else usage.variant or None,
        None if usage is None else usage.country or None,
        None if usage is None else usage.quantity,
        None if usage is None else usage.campaign_id or None,
        None if usage is None else usage.contact_id or None,
        command.reference or None,
        command.reason or None,
        command.requested_by or None,
        None if command.price is None else price_text(command.price),
    )


def _answer(attempt: Attempt, row: asyncpg.Record) -> Answer:
    verdict = _VERDICTS[row["answer"]]
    if row["currency"] is None:
        return Answer(verdict)
    currency: str = row["currency"]
    entry = None
    if verdict is Verdict.WRITTEN:
        entry = _written(attempt, row, currency)
    elif verdict in _WITH_ENTRY:
        entry = entry_of(row["recorded"], currency)
    hold = row["hold"]
    return Answer(
        verdict=verdict,
        epoch=row["epoch"],
        last_seq=row["last_seq"],
        wallet=wallet_of(row, attempt.command.company),
        entry=entry,
        authorization=authorization_of(hold, currency) if hold is not None and hold["company_id"] else None,
        refundable=row["refundable"] or 0,
        passed=limit_passed_of(row),
        passed_by=row["passed_delta"] or 0,
        required=row["required"] or 0,
    )


def _written(attempt: Attempt, row: asyncpg.Record, currency: str) -> Entry:
    """Return the entry that was written just now: the attempt's fields, and those that Postgres added."""
    command = attempt.command
    return Entry(
        company=command.company,
        number=row["number"],
        kind=command.kind,
        amount=attempt.amount,
        held_delta=attempt.held_delta,
        balance_after=row["balance_after"],
        held_after=row["held_after"],
        floor=row["floor"],
        idempotency_key=command.idempotency_key,
        created_at=row["created_at"],
        currency=currency,
        authorization=command.authorization,
        refunded_number=command.refunded_number,
        reference=command.reference,
        usage=command.usage,
        price=command.price,
        reason=command.reason,
        requested_by=command.requested_by,
    )
