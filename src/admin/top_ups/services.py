"""The services of top-ups, refunds, chargebacks and saved cards, made from their stores and the provider."""

from typing import NamedTuple, Self

import asyncpg

from admin.companies.store import Companies
from admin.payments.port import PaymentProvider
from admin.top_ups.bank_transfers import BankTransfers
from admin.top_ups.chargeback_service import Chargebacks, OnChargeback
from admin.top_ups.chargeback_store import ChargebackRecords
from admin.top_ups.crediting import Crediting
from admin.top_ups.customer_store import CustomerRecords
from admin.top_ups.customers import Customers
from admin.top_ups.provider_events import ProviderEvents
from admin.top_ups.refund_service import TopUpRefunds
from admin.top_ups.refund_store import TopUpRefundRecords
from admin.top_ups.service import TopUps
from admin.top_ups.store import TopUpRecords
from wallet.engine import Engine


class TopUpStores(NamedTuple):
    """The stores of the services, and that of the companies."""

    top_ups: TopUpRecords
    customers: CustomerRecords
    refunds: TopUpRefundRecords
    chargebacks: ChargebackRecords
    companies: Companies

    @classmethod
    def over(cls, pool: asyncpg.Pool) -> Self:
        """Return stores that use an open pool."""
        return cls(
            TopUpRecords(pool),
            CustomerRecords(pool),
            TopUpRefundRecords(pool),
            ChargebackRecords(pool),
            Companies(pool),
        )


class TopUpServices:
    """Top-ups, their refunds and chargebacks, and saved cards."""

    def __init__(
        self, engine: Engine, stores: TopUpStores, provider: PaymentProvider | None, *, on_chargeback: OnChargeback
    ) -> None:
        """Use an open engine; without `provider` there are no cards. See OnChargeback."""
        self.has_cards = provider is not None
        self.stores = stores
        self.customers = Customers(stores.customers, stores.companies, provider)
        crediting = Crediting(engine, stores.top_ups)
        self.top_ups = TopUps(crediting, stores.top_ups, self.customers, provider)
        self.bank_transfers = BankTransfers(crediting, stores.top_ups)
        self.refunds = TopUpRefunds(engine, stores.refunds, provider)
        self.chargebacks = Chargebacks(engine, stores.chargebacks, self.top_ups, on_chargeback)
        self.provider_events = ProviderEvents(provider, self.top_ups, self.refunds, self.chargebacks)
