"""What takes money in and sends it back, put together."""

from typing import NamedTuple, Self

import asyncpg

from admin.companies.store import Companies
from admin.payments.port import PaymentProvider
from admin.top_ups.chargeback_store import ChargebackRecords
from admin.top_ups.chargebacks import Chargebacks, Opened
from admin.top_ups.customers import Customers
from admin.top_ups.provider_events import ProviderEvents
from admin.top_ups.refund_store import TopUpRefundRecords
from admin.top_ups.refunds import TopUpRefunds
from admin.top_ups.service import TopUps
from admin.top_ups.store import TopUpRecords
from wallet.engine import Engine


class TopUpStores(NamedTuple):
    """What the services keep in Postgres, and the companies whose customers pay."""

    top_ups: TopUpRecords
    refunds: TopUpRefundRecords
    chargebacks: ChargebackRecords
    companies: Companies

    @classmethod
    def over(cls, pool: asyncpg.Pool) -> Self:
        """Return stores that use an open pool."""
        return cls(TopUpRecords(pool), TopUpRefundRecords(pool), ChargebackRecords(pool), Companies(pool))


class TopUpServices:
    """Top-ups, their refunds and chargebacks, and the customers who pay by card."""

    def __init__(
        self, engine: Engine, stores: TopUpStores, provider: PaymentProvider | None, *, chargeback_opened: Opened
    ) -> None:
        """Use an open engine; without `provider` there are no cards.

        `chargeback_opened` is told of each chargeback before its money is taken.
        """
        self.has_cards = provider is not None
        self.stores = stores
        self.customers = Customers(stores.top_ups, stores.companies, provider)
        self.top_ups = TopUps(engine, stores.top_ups, self.customers, provider)
        self.refunds = TopUpRefunds(engine, stores.refunds, provider)
        self.chargebacks = Chargebacks(engine, stores.chargebacks, self.top_ups, chargeback_opened)
        self.provider_events = ProviderEvents(provider, self.top_ups, self.refunds, self.chargebacks)
