"""What the back office is made of, beside the wallets themselves."""

from admin.documents.printing import Printing
from admin.payments.port import PaymentProvider
from admin.settings import AdminSettings
from admin.statements.export import Exports
from admin.top_ups.desk import PaymentDesk
from wallet.runtime import Wallets


class Office:
    """What its services, its pages over HTTP and its background work share."""

    def __init__(self, wallets: Wallets, settings: AdminSettings, provider: PaymentProvider | None = None) -> None:
        """Use open wallets; without `provider` there are no cards."""
        self.wallets = wallets
        self.exports = Exports(wallets.statements)
        self.printing = Printing(wallets.receipts, wallets.monthly_statements, wallets.billing, wallets.companies)
        self.desk = PaymentDesk(wallets, provider, chargeback_opened=wallets.auto_top_ups.pause_for_dispute)
        self.manual_micros_max = settings.manual_micros_max
        self.webhook_allow_private = settings.webhook_allow_private
