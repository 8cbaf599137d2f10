"""A service that runs already, here or on other machines."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from benchmarks.http2.endpoint import Endpoint, Target
from benchmarks.loadgen.cpu import Processes
from benchmarks.local import echo_server
from benchmarks.servers import Server, ServerRole, Service


@contextmanager
def running_already(  # noqa: PLR0913 as many as there are options
    directory: Path,
    *,
    charging: Sequence[Target],
    admin: Target,
    token_file: Path,
    ca_file: Path | None,
    insecure: bool,
) -> Iterator[Service]:
    """Yield the service at these addresses. The bare handler is started here if the service is on this machine.

    Raise `click.UsageError` if the token would leave this machine in clear text.
    """
    for target in (*charging, admin):
        if not (ca_file or insecure or target.is_loopback):
            raise click.UsageError(
                f"{target} is not on this machine: the token would go there in clear text (--ca-file, or --insecure)"
            )
    token = token_file.read_text().split("\n", 1)[0].strip()
    ca = ca_file.read_bytes() if ca_file else None
    servers = {
        ServerRole.CHARGING: Server(Endpoint(tuple(charging), token, ca)),
        ServerRole.ADMIN: Server(Endpoint((admin,), token, ca)),
    }
    with ExitStack() as more:
        if all(target.is_loopback for target in charging):
            echo, echo_pid = more.enter_context(echo_server(directory))
            servers[ServerRole.ECHO] = Server(Endpoint((echo,), token), Processes({"echo": echo_pid}))
        yield Service(
            servers=servers,
            settings={"service": "runs already; how it is set up is not known", "TLS": "yes" if ca else "no"},
        )
