"""Mails that wait to be sent, and when one that could not be is tried again."""

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum

import msgspec

from wallet.domain.backoff import Backoff

BACKOFF = Backoff(seconds_min=10, factor=2, seconds_max=600, age_seconds_max=5 * 86_400.0)
"""A mail that is not refused is tried for as long as mail servers try."""
REFUSALS_MAX = 5
"""How often a mail may be refused for good: some servers say so while they only greylist."""


class MailState(IntEnum):
    """Where a mail is on its way. The values are stored: never renumber them."""

    WAITING = 1
    SENT = 2
    GIVEN_UP = 3


class NewMail(msgspec.Struct, frozen=True):
    """A mail to be put into the outbox."""

    company: str
    cause: str
    """One cause of a company makes one mail, however often it is put."""
    recipient: str
    template: str
    """Of admin/mail/templates."""
    words: Mapping[str, str]
    """What the template asks for: as people read it."""


class ClaimedMail(msgspec.Struct, frozen=True):
    """A mail that somebody is sending."""

    serial: int
    company: str
    cause: str
    recipient: str
    template: str
    words: Mapping[str, str]
    failures: int
    """Tries in vain so far, `refusals` included."""
    refusals: int
    created_at: datetime
    claimed_until: datetime
    """Names the claim: nobody else's ends then."""
    age_seconds: float
    """When it was claimed."""


class Waiting(msgspec.Struct, frozen=True):
    """What is in the outbox and not sent."""

    mails: int
    oldest_seconds: float


def next_try_seconds(mail: ClaimedMail, *, refused: bool) -> int | None:
    """Return in how many seconds a mail that failed now is tried again, or None where it is given up."""
    if refused and mail.refusals + 1 >= REFUSALS_MAX:
        return None
    return BACKOFF.next_try(mail.failures + 1, mail.age_seconds)
