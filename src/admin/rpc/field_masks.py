"""Field masks of updates (AIP-134): which fields of a resource are to be taken over."""

from typing import NamedTuple

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from server.rejections import invalid

EVERYTHING = "*"


class Fields(NamedTuple):
    """What an update may say of a resource."""

    kind: str
    """As in "a company"."""
    changing: frozenset[str]
    fixed: frozenset[str]
    """May be sent as they are: the servicer checks that they are so."""
    output_only: frozenset[str]
    """May stand in a mask, and are passed over (AIP-203)."""


def named(resource: Message, mask: FieldMask) -> frozenset[str]:
    """Return the fields that the caller speaks of: those of the mask; without one, or with "*", those that are set."""
    if not mask.paths or EVERYTHING in mask.paths:
        return frozenset(field.name for field, _ in resource.ListFields())
    return frozenset(mask.paths)


def taken_over(resource: Message, mask: FieldMask, fields: Fields) -> frozenset[str]:
    """Return the fields to take over: those of the mask, or without one those that are set. Raises InvalidRequest."""
    spoken_of = named(resource, mask)
    if not mask.paths:
        return spoken_of
    if EVERYTHING in mask.paths:
        if len(set(mask.paths)) > 1:
            raise invalid("update_mask", "* stands for all fields and must stand alone")
        return fields.changing | (spoken_of & fields.fixed)
    if unknown := spoken_of - fields.changing - fields.output_only - fields.fixed:
        raise invalid("update_mask", f"{min(unknown)[:64]} is no field of {fields.kind}")
    return spoken_of
