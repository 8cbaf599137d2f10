"""The seller and the billing profiles of companies in Postgres."""

from collections.abc import Callable

import asyncpg

from admin.documents.receipts import BillingProfile, Seller, TaxTreatment
from wallet.domain.errors import CompanyNotFound
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.transactions import reading, writing

_SQL = load(__name__)


class Billing:
    """Reads and changes the seller and billing profiles.

    Every method raises LedgerUnavailable if Postgres does not answer; a change may still have been made.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def seller(self) -> Seller:
        """Return the seller, which has no name until it is set."""
        async with reading(self._pool) as connection:
            return await read_seller(connection)

    async def change_seller(self, change: Callable[[Seller], Seller]) -> Seller:
        """Replace the seller by the result of `change`. Concurrent changes are made one after the other."""
        async with writing(self._pool) as connection:
            await connection.execute(_SQL["lock_sellers"])
            seller = change(await read_seller(connection))
            await connection.execute(
                _SQL["upsert_seller"],
                seller.name,
                seller.address_lines,
                seller.tax_id,
                seller.email,
                seller.number_prefix,
                seller.footer,
            )
        return seller

    async def profile(self, company: str) -> BillingProfile:
        """Return a company's billing profile. Raises CompanyNotFound."""
        async with reading(self._pool) as connection:
            return await read_profile(connection, company)

    async def change_profile(self, company: str, change: Callable[[BillingProfile], BillingProfile]) -> BillingProfile:
        """Replace a company's profile by the result of `change`. Raises CompanyNotFound, and the errors of `change`."""
        async with writing(self._pool) as connection:
            await connection.execute(_SQL["lock_company"], company)
            profile = change(await read_profile(connection, company))
            await connection.execute(
                _SQL["upsert_profile"],
                company,
                profile.legal_name,
                profile.address_lines,
                profile.country,
                profile.tax_id,
                profile.treatment,
                profile.rate_basis_points,
                profile.tax_label,
                profile.note,
            )
        return profile


async def read_seller(connection: Connection) -> Seller:
    """Return the seller, which has no name until it is set."""
    row = await connection.fetchrow(_SQL["get_seller"])
    if row is None:
        return Seller()
    return Seller(
        row["name"], tuple(row["address_lines"]), row["tax_id"], row["email"], row["number_prefix"], row["footer"]
    )


async def read_profile(connection: Connection, company: str) -> BillingProfile:
    """Return a company's billing profile. Raises CompanyNotFound."""
    row = await connection.fetchrow(_SQL["get_profile"], company)
    if row is None:
        raise CompanyNotFound(company)
    if row["company_id"] is None:
        return BillingProfile()
    return BillingProfile(
        legal_name=row["legal_name"],
        address_lines=tuple(row["address_lines"]),
        country=row["country"],
        tax_id=row["tax_id"],
        treatment=TaxTreatment(row["treatment"]),
        rate_basis_points=row["rate_basis_points"],
        tax_label=row["tax_label"],
        note=row["note"],
    )
