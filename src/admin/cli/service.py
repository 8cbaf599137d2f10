"""Calls of the back office's service. Their errors become one sentence on the command line."""

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
"""How long a call may take. Imports and exports have longer bounds of their own."""


class RequestRefused(click.ClickException):
    """The service refused a request. The text is the service's own message, with the reason in parentheses."""

    def __init__(self, message: str, *, fields: tuple[str, ...]) -> None:
        """`fields` are the fields of the request that the service names."""
        super().__init__(message)
        self.fields = fields


@contextmanager
def service_stub(connection: Connection, stub: Callable[[grpc.Channel], Stub]) -> Iterator[Stub]:
    """Yield a stub on a channel of its own. Raises RequestRefused or another ClickException for the error of a call."""
    with _channel(connection) as channel:
        try:
            yield stub(channel)
        except grpc.RpcError as error:
            raise _click_error(error, connection.target) from error


def _channel(connection: Connection) -> grpc.Channel:
    if connection.authority is None:
        return grpc.insecure_channel(connection.target)
    return grpc.secure_channel(connection.target, grpc.ssl_channel_credentials(connection.authority or None))


def _click_error(error: grpc.RpcError, target: str) -> click.ClickException:
    assert isinstance(error, grpc.Call)
    status = rpc_status.from_call(error)
    if status is None:
        description = f"{error.code().name}: {error.details()}"
        if error.code() is grpc.StatusCode.UNAVAILABLE:
            description = f"no service answers there; check the address, and whether it needs --tls ({description})"
        return click.ClickException(f"{target}: {description}")
    info, bad = ErrorInfo(), BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    fields = tuple(violation.field for violation in bad.field_violations)
    return RequestRefused(f"{status.message} ({info.reason})", fields=fields)
