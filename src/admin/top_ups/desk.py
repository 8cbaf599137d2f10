"""All that takes money in and sends it back, put together."""

from admin.payments.port import PaymentProvider
from admin.top_ups.chargebacks import Chargebacks, Opened
from admin.top_ups.customers import Customers
from admin.top_ups.provider_webhook import Notifications
from admin.top_ups.refunds import TopUpRefunds
from admin.top_ups.service import TopUps
from wallet.runtime import Wallets


class PaymentDesk:
    """What the servicers, the webhook and the sweep use; without `provider` there are no cards."""

    def __init__(self, wallets: Wallets, provider: PaymentProvider | None, *, chargeback_opened: Opened) -> None:
        """Use open wallets. `chargeback_opened` is told of each chargeback before its money is taken."""
        self.has_cards = provider is not None
        self.customers = Customers(wallets.top_ups, wallets.companies, provider)
        self.top_ups = TopUps(wallets.engine, wallets.top_ups, self.customers, provider)
        self.refunds = TopUpRefunds(wallets.engine, wallets.top_up_refunds, provider)
        self.chargebacks = Chargebacks(wallets.engine, wallets.chargebacks, self.top_ups, chargeback_opened)
        self.notifications = Notifications(provider, self.top_ups, self.refunds, self.chargebacks)
