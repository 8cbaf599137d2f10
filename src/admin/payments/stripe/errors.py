"""The table that maps each error of the Stripe SDK to an error of the port; a test holds that none is missing."""

from collections.abc import Callable, Mapping
from typing import Any

import stripe
import structlog
from stripe import oauth_error

from admin.payments.port import ProviderError, ProviderRefused, ProviderUnavailable
from wallet.domain.errors import Applied

_log = structlog.get_logger()

Meaning = Callable[[stripe.StripeError, Applied], ProviderError]
"""Maps an error; the second argument says whether a call without an answer may have had its effect."""


def _refused(error: stripe.StripeError, _applied: Applied) -> ProviderError:
    return ProviderRefused(code_of(error), error.user_message or "Stripe gives no reason.")


def _unavailable(error: stripe.StripeError, applied: Applied) -> ProviderError:
    # The SDK may have sent the request twice, so that the error of the last attempt says nothing about the first.
    return ProviderUnavailable(f"Stripe does not answer: {type(error).__name__}: {error}", applied=applied)


def _unauthorized(error: stripe.StripeError, _applied: Applied) -> ProviderError:
    # The fault is in the API key and not in the payment, which continues once the setting is corrected.
    text = "Stripe does not take STRIPE_API_KEY, or that key may not do this: see its permissions in the dashboard."
    _log.error("stripe_key_refused", text=text, status=error.http_status, request_id=error.request_id)
    return ProviderUnavailable(text, applied=Applied.NO)


def _key_in_use(error: stripe.StripeError, applied: Applied) -> ProviderError:
    # Another request with the same idempotency key is in progress or has succeeded, so this is not a refusal.
    _log.error("stripe_idempotency_key_in_use", text=error.user_message, request_id=error.request_id)
    return _unavailable(error, applied)


MEANINGS: Mapping[type[stripe.StripeError], Meaning] = {
    stripe.APIConnectionError: _unavailable,
    stripe.APIError: _unavailable,  # 5xx, 409, and bodies that are not JSON
    stripe.RateLimitError: _unavailable,
    stripe.AuthenticationError: _unauthorized,
    stripe.PermissionError: _unauthorized,
    stripe.IdempotencyError: _key_in_use,
    stripe.InvalidRequestError: _refused,
    stripe.CardError: _refused,  # only if it has no payment: with one it is a payment that FAILED
    stripe.SignatureVerificationError: _refused,  # raised for webhooks, not for calls
    # The errors of OAuth and of version 2 of the API, neither of which is called here.
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
    """Return the port's error. `applied` says whether a call without an answer may have had its effect."""
    for kind in type(error).__mro__:
        if kind in MEANINGS:
            return MEANINGS[kind](error, applied)
    return _unavailable(error, applied)


def code_of(error: stripe.StripeError) -> str:
    """Return Stripe's code for an error, or its type if it has no code."""
    details: Any = error.error
    return error.code or (details.type if details is not None and details.type else type(error).__name__)
