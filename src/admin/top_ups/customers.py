"""Who companies are to the payment provider, and the cards that they have saved there."""

from uuid import uuid4

from admin.companies.store import Companies
from admin.payments.port import Card, PaymentMethodUnknown, PaymentProvider
from admin.payments.provider_errors import configured, errors_translated
from admin.top_ups.store import TopUpRecords
from wallet.domain.errors import PaymentMethodNotFound
from wallet.domain.resource_names import COMPANY


class Customers:
    """Methods that ask the provider raise PaymentProviderUnavailable and PaymentProviderRefuses.

    And PaymentsNotConfigured without one.
    """

    def __init__(self, records: TopUpRecords, companies: Companies, provider: PaymentProvider | None) -> None:
        """Remember customers in `records`."""
        self._records = records
        self._companies = companies
        self._provider = provider

    async def known(self, company: str) -> str:
        """Return the customer that a company is; empty: none yet."""
        return await self._records.customer(company)

    async def ensured(self, company: str) -> str:
        """Return the customer that a company is, made now if need be. Raises CompanyNotFound.

        Two who make one at once make two; one of them is remembered before anything is paid by it, and the other has
        nothing.
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
        return await self._records.add_customer(company, customer)

    async def cards(self, company: str) -> list[Card]:
        """Return the cards that a company has saved, the latest first. Raises CompanyNotFound."""
        provider = configured(self._provider)
        customer = await self.known(company)
        if not customer:
            await self._companies.get(company)
            return []
        with errors_translated():
            return await provider.cards(customer)

    async def remove_card(self, company: str, card: str) -> None:
        """Forget a card. Raises PaymentMethodNotFound."""
        provider = configured(self._provider)
        customer = await self.known(company)
        if not customer:
            raise PaymentMethodNotFound(card)
        try:
            with errors_translated():
                await provider.remove_card(customer, card)
        except PaymentMethodUnknown as error:
            raise PaymentMethodNotFound(card) from error
