"""What each of the Stripe SDK's errors means to us: in one table, and a test holds that none is missing."""

from collections.abc import Callable, Mapping
from typing import Any

import stripe
import structlog
from stripe import oauth_error

from admin.payments.port import ProviderError, ProviderRefused, ProviderUnavailable
from wallet.domain.errors import Applied

_log = structlog.get_logger()

Meaning = Callable[[stripe.StripeError, Applied], ProviderError]
"""Of an error, and whether a call that got no answer may have worked."""


def _refused(error: stripe.StripeError, _applied: Applied) -> ProviderError:
    return ProviderRefused(code_of(error), error.user_message or "Stripe gives no reason.")


def _unavailable(error: stripe.StripeError, applied: Applied) -> ProviderError:
    """No answer, or none for now. The SDK may have tried twice: that the last try did nothing says too little."""
    return ProviderUnavailable(f"Stripe does not answer: {type(error).__name__}: {error}", applied=applied)


def _not_let_in(error: stripe.StripeError, _applied: Applied) -> ProviderError:
    """Our key is no good: nothing is wrong with the payment, and it goes on when somebody has mended the setting."""
    text = "Stripe does not take STRIPE_API_KEY, or that key may not do this: see its permissions in the dashboard."
    _log.error("stripe_key_refused", text=text, status=error.http_status, request_id=error.request_id)
    return ProviderUnavailable(text, applied=Applied.NO)


def _key_in_use(error: stripe.StripeError, applied: Applied) -> ProviderError:
    """Another request has our idempotency key: it is under way, or has worked. So this is no refusal."""
    _log.error("stripe_idempotency_key_in_use", text=error.user_message, request_id=error.request_id)
    return _unavailable(error, applied)


MEANINGS: Mapping[type[stripe.StripeError], Meaning] = {
    stripe.APIConnectionError: _unavailable,
    stripe.APIError: _unavailable,  # 5xx, 409, and what is no JSON
    stripe.RateLimitError: _unavailable,
    stripe.AuthenticationError: _not_let_in,
    stripe.PermissionError: _not_let_in,
    stripe.IdempotencyError: _key_in_use,
    stripe.InvalidRequestError: _refused,
    stripe.CardError: _refused,  # without a payment; one that has one is a payment that failed
    stripe.SignatureVerificationError: _refused,  # no call's, a notification's
    # Of OAuth and of the API's second version, which nothing here calls: so nothing is known of them.
    oauth_error.OAuthError: _unavailable,
    stripe.AlreadyCanceledError: _unavailable,
    stripe.BlockedByStripeError: _unavailable,
    stripe.CannotProceedError: _unavailable,
    stripe.CapabilityNotEnabledError: _unavailable,
    stripe.ControlledByAlternateResourceError: _unavailable,
    stripe.FeatureNotEnabledError: _unavailable,
    stripe.FinancialAccountNotOpenError: _unavailable,
    stripe.FxQuoteNeedsRefreshError: _unavailable,
    stripe.InsufficientFundsError: _unavailable,
    stripe.InvalidPaymentMethodError: _unavailable,
    stripe.InvalidPayoutMethodError: _unavailable,
    stripe.InvalidVaultedCredentialError: _unavailable,
    stripe.NotCancelableError: _unavailable,
    stripe.QuotaExceededError: _unavailable,
    stripe.RecipientNotNotifiableError: _unavailable,
    stripe.TemporarySessionExpiredError: _unavailable,
    stripe.VerificationAttemptFailedError: _unavailable,
    stripe.VerificationExpiredError: _unavailable,
    stripe.VerificationNotInitiatedError: _unavailable,
}


def meaning(error: stripe.StripeError, applied: Applied) -> ProviderError:
    """Return what an error says. `applied` is whether the call may have worked where it got no answer."""
    for kind in type(error).__mro__:
        if kind in MEANINGS:
            return MEANINGS[kind](error, applied)
    return _unavailable(error, applied)


def code_of(error: stripe.StripeError) -> str:
    """Return Stripe's code for an error, or its type where it has none."""
    details: Any = error.error
    return error.code or (details.type if details is not None and details.type else type(error).__name__)
