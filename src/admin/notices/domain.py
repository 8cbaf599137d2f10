"""Notices to companies: an event for their programs (by webhook), and a mail for their people."""

from collections.abc import Mapping
from enum import IntEnum

import msgspec

from admin.notices.event_types import EventType


class Delivery(IntEnum):
    """The state of an event's delivery to the company's webhook. The values are stored: never renumber them."""

    NONE = 1
    """The company has no webhook for events of this type."""
    WAITING = 2
    DELIVERED = 3
    GIVEN_UP = 4


class Notice(msgspec.Struct, frozen=True):
    """Something that happened to a company, and its texts for programs and for people."""

    company: str
    cause: str
    """Unique within the company, such as "alert-7" or "top-up-succeeded-wire-1": a second notice of it is dropped."""
    type: EventType
    data: Mapping[str, str | int]
    """The event's data: names of resources, amounts in micros, times in RFC 3339."""
    template: str = ""
    """The base name of the mail's files in admin/mail/templates; empty: only an event, no mail."""
    variables: Mapping[str, str] = {}
    """The template's variables, formatted for people; `company` (its id) and `name` (its display name) are added."""
