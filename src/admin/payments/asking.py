"""What a provider's silence is to callers."""

from collections.abc import Iterator
from contextlib import contextmanager

from admin.payments.provider import PaymentProvider, ProviderUnavailable
from wallet.domain.errors import PaymentProviderUnavailable, PaymentsNotConfigured


@contextmanager
def asking() -> Iterator[None]:
    """Turn ProviderUnavailable into PaymentProviderUnavailable."""
    try:
        yield
    except ProviderUnavailable as error:
        raise PaymentProviderUnavailable(str(error), applied=error.applied) from error


def configured(provider: PaymentProvider | None) -> PaymentProvider:
    """Return the provider. Raises PaymentsNotConfigured."""
    if provider is None:
        raise PaymentsNotConfigured
    return provider
