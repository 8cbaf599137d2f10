"""Bytes to a message that keeps the rules of its proto."""

from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from protovalidate import Validator
from protovalidate import Violation as BrokenRule

from server.rejections import InvalidRequest, Violation

MESSAGE_BYTES_MAX = 4 * 1024 * 1024

Request = TypeVar("Request", bound=Message)

_validator = Validator()


def read(deserialize: Callable[[bytes], Request], raw: bytes) -> Request:
    """Return the message that `raw` is, checked. Raises InvalidRequest."""
    if len(raw) > MESSAGE_BYTES_MAX:
        raise InvalidRequest(f"The message has {len(raw)} bytes, more than {MESSAGE_BYTES_MAX}: send fewer at a time.")
    try:
        request = deserialize(raw)
    except DecodeError as error:
        raise InvalidRequest(f"The bytes are not such a message: {error}.") from error
    check(request)
    return request


def check(request: Message) -> None:
    """Raise InvalidRequest with every field that breaks a rule of the proto."""
    if broken := _validator.collect_violations(request):
        raise InvalidRequest(violations=[_violation(rule) for rule in broken])


def _violation(rule: BrokenRule) -> Violation:
    proto = rule.proto
    path = ""
    for element in proto.field.elements if proto.field else ():
        subscript = element.subscript
        index = f"[{subscript.value}]" if subscript is not None and subscript.field == "index" else ""
        path += f".{element.field_name}{index}"
    return Violation(path.removeprefix("."), proto.message or proto.rule_id)
