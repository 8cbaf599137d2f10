"""Before the first message: prices, the company, and what it wants to be told."""

from demos.half_minute.money import MICROS
from demos.month.demo import (
    BILLING_EMAIL,
    COMPANY,
    COMPANY_ID,
    DISPLAY_NAME,
    Stage,
)
from demos.month.prices import (
    CARD,
    CURRENCY,
    Sold,
    deck,
    told,
)
from veloconnect.admin.v1 import company_pb2, document_pb2, rate_pb2, refund_pb2, rule_pb2, webhook_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import ALERT_POLICY, BILLING_PROFILE, WEBHOOK

WARNING = 40 * MICROS
CRITICAL = 15 * MICROS
TAX_BASIS_POINTS = 1_900


def import_prices(stage: Stage) -> None:
    """Say who sells, and import a rate card from a deck in CSV."""
    seller = document_pb2.Seller(
        legal_name="Velo Connect Example", address_lines=["Radweg 1", "10115 Berlin"], tax_id="DE000000000"
    )
    stage.clients.ask(stage.clients.documents.UpdateSeller, document_pb2.UpdateSellerRequest(seller=seller))
    parts = [
        rate_pb2.ImportRatesRequest(settings=rate_pb2.ImportRatesSettings(parent=CARD, currency_code=CURRENCY)),
        rate_pb2.ImportRatesRequest(chunk=deck().encode()),
    ]
    answer = stage.clients.stream(stage.clients.rates.ImportRates, parts)
    stage.say(f"{CARD} imported: {answer.rows} rates, such as {told(Sold.SMS_GERMANY.cost())} an SMS segment to DE")


def make_company(stage: Stage) -> None:
    """Make the company, with its address and tax, its webhook, and when it is to be warned."""
    ask, clients = stage.clients.ask, stage.clients
    company = company_pb2.Company(
        display_name=DISPLAY_NAME, currency_code=CURRENCY, billing_email=BILLING_EMAIL, rate_card=CARD
    )
    ask(clients.companies.CreateCompany, company_pb2.CreateCompanyRequest(company_id=COMPANY_ID, company=company))
    profile = document_pb2.BillingProfile(
        name=BILLING_PROFILE.name(COMPANY_ID),
        legal_name=f"{DISPLAY_NAME} Example",
        address_lines=["Marktplatz 3", "04109 Leipzig"],
        country_code="DE",
        tax_treatment=document_pb2.TAX_TREATMENT_INCLUDED,
        tax_rate_basis_points=TAX_BASIS_POINTS,
        tax_label="VAT",
    )
    ask(clients.documents.UpdateBillingProfile, document_pb2.UpdateBillingProfileRequest(billing_profile=profile))
    webhook = webhook_pb2.Webhook(name=WEBHOOK.name(COMPANY_ID), url=stage.service.hook.url)
    made = ask(clients.webhooks.UpdateWebhook, webhook_pb2.UpdateWebhookRequest(webhook=webhook))
    stage.service.hook.secret = made.secret
    threshold = rule_pb2.AlertPolicy.Threshold
    policy = rule_pb2.AlertPolicy(
        name=ALERT_POLICY.name(COMPANY_ID),
        warning=threshold(amount_micros=WARNING),
        critical=threshold(amount_micros=CRITICAL),
    )
    ask(clients.rules.UpdateAlertPolicy, rule_pb2.UpdateAlertPolicyRequest(alert_policy=policy))
    stage.say(f"{COMPANY} made, with its billing address, 19 % VAT, and a signed webhook")
    stage.say(
        f"to be warned below {told(WARNING)}, and urgently below {told(CRITICAL)}: by amount, since a rate of usage "
        "takes days to know"
    )


def set_refund_policy(stage: Stage) -> None:
    """Say what is given back unasked: codes 5… of SMS carriers are on our side."""
    rule = refund_pb2.RefundRule(
        channel=wallet_pb2.CHANNEL_SMS,
        carrier_code="5*",
        action=refund_pb2.RefundRule.ACTION_REFUND,
        description="the carrier's network failed",
    )
    policy = refund_pb2.RefundPolicy(name="refundPolicy", rules=[rule])
    stage.clients.ask(
        stage.clients.refunds.UpdateRefundPolicy, refund_pb2.UpdateRefundPolicyRequest(refund_policy=policy)
    )
    stage.say("refund policy: carrier codes 5* of SMS are given back at once, everything else is a case for a person")
