"""Receipts in Postgres: one for each top-up, with numbers that have no gaps.

A receipt is issued in one transaction: under the lock of its company's row in `receipt_marks`, so that one top-up gets
one receipt whoever asks and however many at once; then its number is taken under the lock of the series, and given back
where the transaction fails or its process dies. Whatever ends it, the receipt is there with its number, or neither is.
"""

from datetime import UTC, datetime

import asyncpg
import msgspec

from wallet.domain.commands import Kind
from wallet.domain.errors import Applied, CompanyNotFound, ReceiptNotFound, SellerNotSet
from wallet.domain.receipts import Receipt, ReceiptKind, serial_text, tax_within
from wallet.ledger.billing import read_profile, read_seller
from wallet.ledger.failures import translated
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load

_LOCK_SETTINGS = "SET LOCAL lock_timeout = '4s'"
"""Somebody else may be issuing, which is soon over."""

_SQL = load("receipts")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Receipt).decode


class Receipts:
    """Every method raises LedgerUnavailable where Postgres does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def behind(self, after: str, limit: int) -> list[str]:
        """Return up to `limit` companies, by id from `after` on, that have top-ups without receipts."""
        with translated():
            rows = await self._pool.fetch(_SQL["behind"], after, limit)
        return [row["company_id"] for row in rows]

    async def issue_next(self, company: str, limit: int) -> int:
        """Issue the receipts of a company's next top-ups, up to `limit`; return how many there were to look at.

        Raises SellerNotSet where nobody has said who sells.
        """
        with translated(Applied.UNKNOWN):
            numbers = [row["number"] for row in await self._pool.fetch(_SQL["next_top_ups"], company, limit)]
            for number in numbers:
                await self.get(company, number)
            if numbers:
                # Only now: who dies before it looks at these again, and finds their receipts.
                await self._pool.execute(_SQL["advance"], company, numbers[-1])
        return len(numbers)

    async def get(self, company: str, number: int, *, at: int | None = None) -> Receipt:
        """Return the receipt of a top-up; issue it where it has none, at a time other than now if it is given.

        Raises ReceiptNotFound where there is no such top-up, SellerNotSet.
        """
        with translated(Applied.UNKNOWN):
            async with self._pool.acquire() as connection:
                issued = await _read(connection, company, number)
                return issued or await _issue(connection, company, number, at)

    async def page(self, company: str, *, before: int, limit: int) -> list[Receipt]:
        """Return up to `limit` receipts that are issued, below transaction `before`, newest first.

        Raises CompanyNotFound.
        """
        with translated():
            async with self._pool.acquire() as connection:
                rows = await connection.fetch(_SQL["list"], company, before, limit)
                if not rows and not await connection.fetchval(_SQL["company_exists"], company):
                    raise CompanyNotFound(company)
        return [_decode(row["content"]) for row in rows]

    async def find(self, prefix: str, year: int, serial: int) -> Receipt | None:
        """Return the receipt that has this number of its own, whosever it is."""
        with translated():
            content = await self._pool.fetchval(_SQL["find"], prefix, year, serial)
        return None if content is None else _decode(content)


async def _read(connection: Connection, company: str, number: int) -> Receipt | None:
    content = await connection.fetchval(_SQL["get"], company, number)
    return None if content is None else _decode(content)


async def _issue(connection: Connection, company: str, number: int, at: int | None) -> Receipt:
    async with connection.transaction():
        await connection.execute(_LOCK_SETTINGS)
        source = await connection.fetchrow(_SQL["source"], company, number)
        if source is None or source["kind"] != Kind.TOP_UP:
            raise ReceiptNotFound(f"{number}")
        await connection.execute(_SQL["begin"], company)
        await connection.execute(_SQL["lock"], company)
        # A statement of its own: it sees what was committed while the lock was waited for.
        if issued := await _read(connection, company, number):
            return issued
        seller = await read_seller(connection)
        if not seller.name:
            raise SellerNotSet
        buyer = await read_profile(connection, company)
        if not buyer.legal_name:
            buyer = msgspec.structs.replace(buyer, legal_name=source["display_name"] or company)
        tax = tax_within(source["amount"], source["currency"], buyer)
        now: int = source["now"] if at is None else at
        year = datetime.fromtimestamp(now // 1_000_000, UTC).year
        taken = await connection.fetchrow(_SQL["take_serial"], seller.number_prefix, year, now)
        assert taken is not None
        receipt = Receipt(
            company=company,
            number=number,
            kind=ReceiptKind.TOP_UP,
            serial_text=serial_text(seller.number_prefix, year, taken["last"]),
            issued_at=taken["issued_at"],
            paid_at=source["created_at"],
            currency=source["currency"],
            amount=source["amount"],
            net=tax.net,
            tax=tax.tax,
            reference=source["reference"] or "",
            seller=seller,
            buyer=buyer,
        )
        await connection.execute(
            _SQL["insert"],
            company,
            number,
            receipt.kind,
            seller.number_prefix,
            year,
            taken["last"],
            receipt.issued_at,
            _encode(receipt).decode(),
        )
    return receipt
