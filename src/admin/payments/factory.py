"""The payment provider that the settings of the back office select."""

from admin.payments.stripe.provider import StripeProvider
from admin.settings import AdminSettings
from server.settings import Misconfigured


def make_provider(settings: AdminSettings) -> StripeProvider | None:
    """Return the provider, or None if none is configured. Raises Misconfigured.

    It connects on its first call, and belongs to the event loop of that call. The caller closes it.
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
            "endpoint (whsec_…, see the dashboard) the service does not learn of chargebacks."
        )
    return StripeProvider(
        key.get_secret_value(), [secret for secret in signers if secret], api_base=settings.stripe_api_base
    )
