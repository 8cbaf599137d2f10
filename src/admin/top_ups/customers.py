"""The customer of each company at the payment provider, and its saved cards."""

from uuid import uuid4

from admin.companies.store import Companies
from admin.payments.port import Card, PaymentMethodUnknown, PaymentProvider
from admin.payments.provider_errors import configured, errors_translated
from admin.top_ups.customer_store import CustomerRecords
from wallet.domain.errors import PaymentMethodNotFound
from wallet.domain.resource_names import COMPANY


class Customers:
    """Creates customers; lists and removes saved cards.

    Methods that call the provider raise PaymentProviderUnavailable and PaymentProviderRefuses, and
    PaymentsNotConfigured without one.
    """

    def __init__(self, records: CustomerRecords, companies: Companies, provider: PaymentProvider | None) -> None:
        """Store the ids of customers in `records`."""
        self._records = records
        self._companies = companies
        self._provider = provider

    async def known(self, company: str) -> str:
        """Return the id of a company's customer; empty if there is none yet."""
        return await self._records.get(company)

    async def ensured(self, company: str) -> str:
        """Return the id of a company's customer, which is created if necessary. Raises CompanyNotFound.

        Two concurrent calls may create two customers. Both return the one that is stored, and the other is never used.
        """
        known = await self.known(company)
        if known:
            return known
        found = await self._companies.get(company)
        with errors_translated():
            customer = await configured(self._provider).create_customer(
                COMPANY.name(company),
                name=found.display_name or company,
                email=found.billing_email,
                idempotency_key=str(uuid4()),
            )
        return await self._records.add(company, customer)

    async def cards(self, company: str) -> list[Card]:
        """Return the saved cards of a company, newest first. Raises CompanyNotFound."""
        provider = configured(self._provider)
        customer = await self.known(company)
        if not customer:
            await self._companies.get(company)
            return []
        with errors_translated():
            return await provider.cards(customer)

    async def remove_card(self, company: str, card: str) -> None:
        """Remove a saved card. Raises PaymentMethodNotFound."""
        provider = configured(self._provider)
        customer = await self.known(company)
        if not customer:
            raise PaymentMethodNotFound(card)
        try:
            with errors_translated():
                await provider.remove_card(customer, card)
        except PaymentMethodUnknown as error:
            raise PaymentMethodNotFound(card) from error
