"""Translation of the payment provider's errors into errors that callers of the API receive."""

from collections.abc import Iterator
from contextlib import contextmanager

from admin.payments.port import PaymentProvider, ProviderRefused, ProviderUnavailable
from wallet.domain.errors import PaymentProviderRefuses, PaymentProviderUnavailable, PaymentsNotConfigured


@contextmanager
def unavailability_translated() -> Iterator[None]:
    """Turn ProviderUnavailable into PaymentProviderUnavailable; the caller records a refusal."""
    try:
        yield
    except ProviderUnavailable as error:
        raise PaymentProviderUnavailable(str(error), applied=error.applied) from error


@contextmanager
def errors_translated() -> Iterator[None]:
    """Turn ProviderUnavailable and ProviderRefused into PaymentProviderUnavailable and PaymentProviderRefuses.

    It is for calls that only read, or whose refusal says nothing about the payment.
    """
    try:
        with unavailability_translated():
            yield
    except ProviderRefused as error:
        raise PaymentProviderRefuses(str(error), code=error.code) from error


def configured(provider: PaymentProvider | None) -> PaymentProvider:
    """Return the provider. Raises PaymentsNotConfigured."""
    if provider is None:
        raise PaymentsNotConfigured
    return provider
