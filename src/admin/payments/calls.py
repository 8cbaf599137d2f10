"""What a provider's silence, and its no, are to callers."""

from collections.abc import Iterator
from contextlib import contextmanager

from admin.payments.port import PaymentProvider, ProviderRefused, ProviderUnavailable
from wallet.domain.errors import PaymentProviderRefuses, PaymentProviderUnavailable, PaymentsNotConfigured


@contextmanager
def ordering() -> Iterator[None]:
    """Turn ProviderUnavailable into PaymentProviderUnavailable; a no is the caller's to record."""
    try:
        yield
    except ProviderUnavailable as error:
        raise PaymentProviderUnavailable(str(error), applied=error.applied) from error


@contextmanager
def asking() -> Iterator[None]:
    """Do as `ordering`, and turn ProviderRefused into PaymentProviderRefuses: it says nothing of any money."""
    try:
        with ordering():
            yield
    except ProviderRefused as error:
        raise PaymentProviderRefuses(str(error), code=error.code) from error


def configured(provider: PaymentProvider | None) -> PaymentProvider:
    """Return the provider. Raises PaymentsNotConfigured."""
    if provider is None:
        raise PaymentsNotConfigured
    return provider
