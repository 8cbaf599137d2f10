"""Which payment provider the back office has, by its settings."""

from admin.payments.stripe.provider import StripeProvider
from admin.settings import AdminSettings
from server.settings import Misconfigured


def provider_of(settings: AdminSettings) -> StripeProvider | None:
    """Return the provider, or None where none is set; close it at the end. Raises Misconfigured.

    It connects when it is first called, and belongs to the event loop that it is called in.
    """
    key, secrets = settings.stripe_api_key, settings.stripe_webhook_secrets
    if key is None and secrets is None:
        return None
    if key is None:
        raise Misconfigured("STRIPE_WEBHOOK_SECRETS is set and STRIPE_API_KEY is not: the key to call Stripe with.")
    signers = [] if secrets is None else [secret.strip() for secret in secrets.get_secret_value().split(",")]
    if not any(signers):
        raise Misconfigured(
            "STRIPE_API_KEY is set and STRIPE_WEBHOOK_SECRETS is not: without the signing secret of its webhook "
            "endpoint (whsec_…, see the dashboard) nobody here learns of chargebacks."
        )
    return StripeProvider(
        key.get_secret_value(), [secret for secret in signers if secret], api_base=settings.stripe_api_base
    )
