"""Companies: the owners of wallets."""

import msgspec

from wallet.domain.entries import WalletState
from wallet.domain.usage import Channel


class Company(msgspec.Struct, frozen=True):
    """A company and the settings of its wallet. `floor` in micros; times in microseconds since the epoch."""

    id: str
    display_name: str
    currency: str
    billing_email: str
    floor: int
    state: WalletState
    created_at: int
    updated_at: int
    rate_card: str = ""
    """The rate card that prices its usage; empty: none."""
    blocked_channels: tuple[Channel, ...] = ()
    blocked_countries: tuple[str, ...] = ()
    """No new charges and holds are accepted for blocked channels and countries."""


class CompanyChange(msgspec.Struct, frozen=True):
    """Changes to a company; None keeps a field. `floor` in micros."""

    display_name: str | None = None
    billing_email: str | None = None
    floor: int | None = None
    rate_card: str | None = None
    blocked_channels: tuple[Channel, ...] | None = None
    blocked_countries: tuple[str, ...] | None = None
