"""Field masks of updates (AIP-134): the fields of a resource that an update changes."""

from typing import NamedTuple

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from server.rejections import invalid

EVERYTHING = "*"


class ResourceFields(NamedTuple):
    """The fields that the mask of an update may name, by field behavior (AIP-203)."""

    kind: str
    """The resource with its article, such as "a company"."""
    mutable: frozenset[str]
    immutable: frozenset[str]
    """Accepted if the value is the present one, which the servicer checks."""
    output_only: frozenset[str]
    """Accepted in a mask, and ignored."""


def requested_fields(resource: Message, mask: FieldMask) -> frozenset[str]:
    """Return the fields of the mask; those that are set in `resource` if the mask is empty or has "*"."""
    if not mask.paths or EVERYTHING in mask.paths:
        return frozenset(field.name for field, _ in resource.ListFields())
    return frozenset(mask.paths)


def fields_to_update(resource: Message, mask: FieldMask, fields: ResourceFields) -> frozenset[str]:
    """Return the fields to update: those of the mask, or those that are set if it is empty; "*" is all mutable fields.

    Raises InvalidRequest if the mask names a field that the resource does not have, or "*" and another one.
    """
    requested = requested_fields(resource, mask)
    if not mask.paths:
        return requested
    if EVERYTHING in mask.paths:
        if len(set(mask.paths)) > 1:
            raise invalid("update_mask", "* stands for all fields and must stand alone")
        return fields.mutable | (requested & fields.immutable)
    if unknown := requested - fields.mutable - fields.output_only - fields.immutable:
        raise invalid("update_mask", f"{min(unknown)[:64]} is not a field of {fields.kind}")
    return requested
