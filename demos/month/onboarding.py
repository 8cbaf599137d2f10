"""Before the first message: prices, the company, its webhook and its alerts."""

from demos.half_minute.money import MICROS
from demos.month.demo import (
    BILLING_EMAIL,
    COMPANY,
    COMPANY_ID,
    DISPLAY_NAME,
    Demo,
)
from demos.month.prices import (
    CARD,
    CURRENCY,
    Product,
    deck,
    money_text,
)
from veloconnect.admin.v1 import company_pb2, document_pb2, rate_pb2, refund_pb2, rule_pb2, webhook_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import ALERT_POLICY, BILLING_PROFILE, WEBHOOK

WARNING = 40 * MICROS
CRITICAL = 15 * MICROS
TAX_BASIS_POINTS = 1_900


def import_prices(demo: Demo) -> None:
    """Set the seller, and import a rate card from a deck in CSV."""
    seller = document_pb2.Seller(
        legal_name="Velo Connect Example", address_lines=["Radweg 1", "10115 Berlin"], tax_id="DE000000000"
    )
    demo.clients.call(demo.clients.documents.UpdateSeller, document_pb2.UpdateSellerRequest(seller=seller))
    parts = [
        rate_pb2.ImportRatesRequest(settings=rate_pb2.ImportRatesSettings(parent=CARD, currency_code=CURRENCY)),
        rate_pb2.ImportRatesRequest(chunk=deck().encode()),
    ]
    answer = demo.clients.stream(demo.clients.rates.ImportRates, parts)
    demo.say(
        f"{CARD} imported: {answer.rows} rates, such as {money_text(Product.SMS_GERMANY.cost())} an SMS segment to DE"
    )


def make_company(demo: Demo) -> None:
    """Create the company with its billing profile, webhook and alert policy."""
    call, clients = demo.clients.call, demo.clients
    company = company_pb2.Company(
        display_name=DISPLAY_NAME, currency_code=CURRENCY, billing_email=BILLING_EMAIL, rate_card=CARD
    )
    call(clients.companies.CreateCompany, company_pb2.CreateCompanyRequest(company_id=COMPANY_ID, company=company))
    profile = document_pb2.BillingProfile(
        name=BILLING_PROFILE.name(COMPANY_ID),
        legal_name=f"{DISPLAY_NAME} Example",
        address_lines=["Marktplatz 3", "04109 Leipzig"],
        country_code="DE",
        tax_treatment=document_pb2.TAX_TREATMENT_INCLUDED,
        tax_rate_basis_points=TAX_BASIS_POINTS,
        tax_label="VAT",
    )
    call(clients.documents.UpdateBillingProfile, document_pb2.UpdateBillingProfileRequest(billing_profile=profile))
    webhook = webhook_pb2.Webhook(name=WEBHOOK.name(COMPANY_ID), url=demo.service.webhook_receiver.url)
    made = call(clients.webhooks.UpdateWebhook, webhook_pb2.UpdateWebhookRequest(webhook=webhook))
    demo.service.webhook_receiver.secret = made.secret
    threshold = rule_pb2.AlertPolicy.Threshold
    policy = rule_pb2.AlertPolicy(
        name=ALERT_POLICY.name(COMPANY_ID),
        warning=threshold(amount_micros=WARNING),
        critical=threshold(amount_micros=CRITICAL),
    )
    call(clients.rules.UpdateAlertPolicy, rule_pb2.UpdateAlertPolicyRequest(alert_policy=policy))
    demo.say(f"{COMPANY} made, with its billing address, 19 % VAT, and a signed webhook")
    demo.say(
        f"alerts: warning below {money_text(WARNING)}, critical below {money_text(CRITICAL)}; by amount, "
        "since a forecast takes days of usage"
    )


def set_refund_policy(demo: Demo) -> None:
    """Set the refund policy: carrier codes 5… of SMS are failures of the network and refunded automatically."""
    rule = refund_pb2.RefundRule(
        channel=wallet_pb2.CHANNEL_SMS,
        carrier_code="5*",
        action=refund_pb2.RefundRule.ACTION_REFUND,
        description="the carrier's network failed",
    )
    policy = refund_pb2.RefundPolicy(name="refundPolicy", rules=[rule])
    demo.clients.call(
        demo.clients.refunds.UpdateRefundPolicy, refund_pb2.UpdateRefundPolicyRequest(refund_policy=policy)
    )
    demo.say("refund policy: carrier codes 5* of SMS are refunded at once, everything else is a case for a person")
