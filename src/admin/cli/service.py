"""Calls of the back office's service, whose errors are one sentence on the command line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click
import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status

from admin.cli.connection import Connection

Stub = TypeVar("Stub")

CALL_SECONDS_MAX = 30.0
"""How long a call may take; an import takes as long as it takes within its own bound."""


class Refused(click.ClickException):
    """The service said no. The text is the service's own, with the reason behind it."""

    def __init__(self, message: str, *, fields: tuple[str, ...]) -> None:
        """`fields` are the fields of the request that it names."""
        super().__init__(message)
        self.fields = fields


@contextmanager
def calling(connection: Connection, stub: Callable[[grpc.Channel], Stub]) -> Iterator[Stub]:
    """Yield a stub on a channel of its own. Every error of a call within becomes Refused or another ClickException."""
    with _channel(connection) as channel:
        try:
            yield stub(channel)
        except grpc.RpcError as error:
            raise _in_words(error, connection.target) from error


def _channel(connection: Connection) -> grpc.Channel:
    if connection.authority is None:
        return grpc.insecure_channel(connection.target)
    return grpc.secure_channel(connection.target, grpc.ssl_channel_credentials(connection.authority or None))


def _in_words(error: grpc.RpcError, target: str) -> click.ClickException:
    assert isinstance(error, grpc.Call)
    status = rpc_status.from_call(error)
    if status is None:
        said = f"{error.code().name}: {error.details()}"
        if error.code() is grpc.StatusCode.UNAVAILABLE:
            said = f"nobody answers there, or not in this way, with or without --tls ({said})"
        return click.ClickException(f"{target}: {said}")
    info, bad = ErrorInfo(), BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    fields = tuple(violation.field for violation in bad.field_violations)
    return Refused(f"{status.message} ({info.reason})", fields=fields)
