"""Receipts in Postgres: one for each top-up and each correction of one, with gapless numbers.

A receipt is issued in one transaction. It holds the lock of its company's row in `receipt_marks`, so that concurrent
requests issue one receipt per top-up. Then it takes a number under the lock of the series. If the transaction fails or
its process is killed, neither the receipt nor the number exists.
"""

from contextlib import suppress
from datetime import UTC, datetime

import asyncpg
import msgspec

from admin.documents.billing_store import read_profile, read_seller
from admin.documents.receipts import (
    CORRECTING_REASONS,
    Receipt,
    ReceiptKind,
    correction,
    serial_text,
    tax_within,
)
from wallet.domain import system_keys
from wallet.domain.commands import Kind
from wallet.domain.errors import CompanyNotFound, ReceiptNotFound, SellerNotSet
from wallet.domain.resource_names import TOP_UP_REFERENCE
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.transactions import autocommitting, reading

_LOCK_SETTINGS = "SET LOCAL lock_timeout = '4s'"
"""Another process may be issuing receipts, which takes less than this."""

_SQL = load(__name__, Kind)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Receipt).decode


class Receipts:
    """Issues and reads receipts. Every method raises LedgerUnavailable if Postgres does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def companies_behind(self, after: str, limit: int) -> list[str]:
        """Return up to `limit` companies after id `after`, by id, that have top-ups without receipts."""
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["companies_behind"], after, limit, CORRECTING_REASONS)
        return [row["company_id"] for row in rows]

    async def issue_next(self, company: str, limit: int) -> int:
        """Issue the receipts of a company's next top-ups, up to `limit`; return the number of entries examined.

        Raises SellerNotSet.
        """
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["next"], company, limit, CORRECTING_REASONS)
        numbers = [row["number"] for row in rows]
        for number in numbers:
            # A correction of an entry without a receipt has none either.
            with suppress(ReceiptNotFound):
                await self.get(company, number)
        if numbers:
            # Last: after a crash before it, the next run examines these again, and finds their receipts.
            async with autocommitting(self._pool) as connection:
                await connection.execute(_SQL["advance"], company, numbers[-1])
        return len(numbers)

    async def get(self, company: str, number: int, *, at: int | None = None) -> Receipt:
        """Return the receipt of a top-up or a correction, and issue it at `at` (default: now) if it has none.

        Raises ReceiptNotFound if the transaction is neither, SellerNotSet.
        """
        async with autocommitting(self._pool) as connection:
            issued = await _read(connection, company, number)
            return issued or await _issue(connection, company, number, at)

    async def list(self, company: str, *, before: int, limit: int) -> list[Receipt]:
        """Return up to `limit` issued receipts of transactions below number `before`, newest first.

        Raises CompanyNotFound.
        """
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["list"], company, before, limit)
            if not rows and not await connection.fetchval(_SQL["company_exists"], company):
                raise CompanyNotFound(company)
        return [_decode(row["content"]) for row in rows]

    async def find(self, prefix: str, year: int, serial: int) -> Receipt | None:
        """Return the receipt with this serial number, of any company, or None."""
        async with reading(self._pool) as connection:
            content = await connection.fetchval(_SQL["find"], prefix, year, serial)
        return None if content is None else _decode(content)


async def _read(connection: Connection, company: str, number: int) -> Receipt | None:
    content = await connection.fetchval(_SQL["get"], company, number)
    return None if content is None else _decode(content)


async def _issue(connection: Connection, company: str, number: int, at: int | None) -> Receipt:
    async with connection.transaction():
        await connection.execute(_LOCK_SETTINGS)
        source = await _read_source(connection, company, number)
        await connection.execute(_SQL["begin"], company)
        await connection.execute(_SQL["lock"], company)
        # A separate statement sees everything that was committed while the previous one waited for the lock.
        if issued := await _read(connection, company, number):
            return issued
        now: int = source["now"] if at is None else at
        if source["kind"] == Kind.TOP_UP:
            return await _issue_original(connection, company, number, source, now)
        return await _issue_correction(connection, company, number, source, now)


async def _read_source(connection: Connection, company: str, number: int) -> asyncpg.Record:
    """Return the data of a receipt. Raises ReceiptNotFound if the entry has none."""
    source = await connection.fetchrow(_SQL["source"], company, number)
    if source is None or not (source["kind"] == Kind.TOP_UP or _corrects(source)):
        raise ReceiptNotFound(f"{number}")
    return source


def _corrects(source: asyncpg.Record) -> bool:
    """Return whether an entry is an adjustment by the service itself (not a person) that corrects a top-up."""
    return (
        source["kind"] == Kind.ADJUSTMENT
        and source["reason"] in CORRECTING_REASONS
        and source["idempotency_key"].startswith(system_keys.PREFIX)
    )


async def _issue_original(
    connection: Connection, company: str, number: int, source: asyncpg.Record, now: int
) -> Receipt:
    seller = await read_seller(connection)
    if not seller.name:
        raise SellerNotSet
    buyer = await read_profile(connection, company)
    if not buyer.legal_name:
        buyer = msgspec.structs.replace(buyer, legal_name=source["display_name"] or company)
    tax = tax_within(source["amount"], source["currency"], buyer)
    return await _insert(
        connection,
        Receipt(
            company=company,
            number=number,
            kind=ReceiptKind.TOP_UP,
            serial_text="",
            issued_at=now,
            paid_at=source["created_at"],
            currency=source["currency"],
            amount=source["amount"],
            net=tax.net,
            tax=tax.tax,
            reference=source["reference"] or "",
            seller=seller,
            buyer=buyer,
            method=source["method"] or 0,
            card_brand=source["card_brand"] or "",
            card_last4=source["card_last4"] or "",
        ),
    )


async def _issue_correction(
    connection: Connection, company: str, number: int, source: asyncpg.Record, now: int
) -> Receipt:
    """Issue a correction of a receipt, with its parties, tax and series. Issue that receipt first if need be."""
    top_up = TOP_UP_REFERENCE.parse_optional(source["reference"] or "")
    original_number = await connection.fetchval(_SQL["original"], company, top_up, source["idempotency_key"])
    if original_number is None:
        raise ReceiptNotFound(f"{number}")
    original = await _read(connection, company, original_number)
    if original is None:
        paid = await _read_source(connection, company, original_number)
        original = await _issue_original(connection, company, original_number, paid, now)
    amount = source["amount"]
    remaining = await connection.fetchval(_SQL["remaining"], company, original_number)
    tax = correction(remaining, amount, source["currency"], original.buyer)
    return await _insert(
        connection,
        msgspec.structs.replace(
            original,
            number=number,
            kind=ReceiptKind.CREDIT_NOTE if amount < 0 else ReceiptKind.REINSTATEMENT,
            issued_at=now,
            paid_at=source["created_at"],
            amount=amount,
            net=tax.net,
            tax=tax.tax,
            reference=source["reason"],
            original_number=original_number,
            original_text=original.serial_text,
        ),
    )


async def _insert(connection: Connection, receipt: Receipt) -> Receipt:
    """Insert a receipt with the next number of its series."""
    prefix = receipt.seller.number_prefix
    year = datetime.fromtimestamp(receipt.issued_at // 1_000_000, UTC).year
    series = await connection.fetchrow(_SQL["take_serial"], prefix, year, receipt.issued_at)
    assert series is not None
    receipt = msgspec.structs.replace(
        receipt, serial_text=serial_text(prefix, year, series["last"]), issued_at=series["issued_at"]
    )
    await connection.execute(
        _SQL["insert"],
        receipt.company,
        receipt.number,
        receipt.kind,
        prefix,
        year,
        series["last"],
        receipt.issued_at,
        _encode(receipt).decode(),
        receipt.original_number or None,
    )
    return receipt
