"""Mails of the outbox, and when a mail that could not be sent is tried again."""

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum

import msgspec

from wallet.domain.backoff import Backoff

BACKOFF = Backoff(seconds_min=10, factor=2, seconds_max=600, age_seconds_max=5 * 86_400.0)
"""Delays after failures. A mail is tried for five days, as long as mail servers themselves try."""
REFUSALS_MAX = 5
"""After so many permanent refusals (5xx) a mail is given up. One is not enough: some servers greylist with a 5xx."""


class MailState(IntEnum):
    """The state of a mail. The values are stored: never renumber them."""

    WAITING = 1
    SENT = 2
    GIVEN_UP = 3


class NewMail(msgspec.Struct, frozen=True):
    """A mail to be added to the outbox."""

    company: str
    cause: str
    """Unique within the company: a second mail with the same cause is not added."""
    recipient: str
    template: str
    """The base name of its files in admin/mail/templates."""
    variables: Mapping[str, str]
    """The template's variables, formatted for people: "12.50 EUR", "2026-11-26 14:00 UTC"."""


class ClaimedMail(msgspec.Struct, frozen=True):
    """A mail that a worker has claimed, to send it."""

    serial: int
    company: str
    cause: str
    recipient: str
    template: str
    variables: Mapping[str, str]
    failures: int
    """Failed attempts so far, including `refusals`."""
    refusals: int
    """Permanent refusals (5xx) so far."""
    created_at: datetime
    claimed_until: datetime
    """Identifies the claim: no other claim of this mail ends at the same time."""
    age_seconds: float
    """The age of the mail when it was claimed."""


class MailBacklog(msgspec.Struct, frozen=True):
    """The mails that wait in the outbox."""

    mails: int
    oldest_seconds: float
    """The age of the oldest; 0.0 if there is none."""


def retry_delay_seconds(mail: ClaimedMail, *, refused: bool) -> int | None:
    """Return the delay until a mail that has just failed is tried again; None if it is given up."""
    if refused and mail.refusals + 1 >= REFUSALS_MAX:
        return None
    return BACKOFF.next_try(mail.failures + 1, mail.age_seconds)
