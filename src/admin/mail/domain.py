"""Mails that wait to be sent, and when one that could not be is tried again."""

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum

import msgspec

DELAY_SECONDS_MIN = 10.0
"""After the first failure; it doubles with each further one."""
DELAY_SECONDS_MAX = 600.0
REFUSALS_MAX = 5
"""How often a mail may be refused for good: some servers say so while they only greylist."""
AGE_SECONDS_MAX = 5 * 86_400.0
"""How long a mail is tried that is not refused, as mail servers do."""


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


def delay_seconds(failures: int) -> float:
    """Return how long a mail rests after so many failures, at least 1."""
    return min(DELAY_SECONDS_MIN * 2.0 ** min(failures - 1, 16), DELAY_SECONDS_MAX)


def next_try_seconds(mail: ClaimedMail, *, refused: bool) -> float | None:
    """Return in how many seconds a mail that failed now is tried again, or None where it is given up."""
    if refused and mail.refusals + 1 >= REFUSALS_MAX:
        return None
    if mail.age_seconds > AGE_SECONDS_MAX:
        return None
    return delay_seconds(mail.failures + 1)
