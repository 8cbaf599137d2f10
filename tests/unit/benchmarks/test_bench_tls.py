"""Services that are reached over TLS, or under several addresses."""

from contextlib import AsyncExitStack
from pathlib import Path

import click
import grpc
import pytest
import trustme

from benchmarks.companies import Admin
from benchmarks.http2.client import TargetUnreachable
from benchmarks.http2.endpoint import Target
from benchmarks.loadgen.batches import StreamedBatches
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.closed_loop import ClosedLoop
from benchmarks.loadgen.stream_loop import StreamLoop
from benchmarks.loadgen.workloads import Charges
from benchmarks.remote import running_already
from benchmarks.servers import ServerRole
from tests.unit.benchmarks.bench_wallets import (
    AMOUNT_MICROS,
    COMPANIES,
    TOKEN,
    Wallets,
    by_company,
    endpoint,
    run_load,
    served,
)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def credentials(ca: trustme.CA) -> grpc.ServerCredentials:
    certificate = ca.issue_cert("127.0.0.1")
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    return grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])


@pytest.fixture
def books() -> Books:
    return Books(COMPANIES, AMOUNT_MICROS)


async def test_all_clients_speak_tls(ca: trustme.CA, credentials: grpc.ServerCredentials, books: Books) -> None:
    wallets = Wallets()
    async with served(wallets, credentials=credentials) as target:
        there = endpoint(target, ca=ca.cert_pem.bytes())
        unary = await run_load(ClosedLoop(Charges(books), there, in_flight=8, connections=2))
        streamed = await run_load(StreamLoop(StreamedBatches(books, size=10), there, streams=1, in_flight=2))
        async with Admin.at(there) as admin:
            assert len(await admin.make_companies(2)) == 2
    assert not unary.tally.errors
    assert not streamed.tally.errors
    assert unary.tally.units > 20
    assert streamed.tally.units > 20
    assert dict(zip(COMPANIES, books.acknowledged, strict=True)) == by_company(wallets.charges)


async def test_an_untrusted_certificate_is_rejected(credentials: grpc.ServerCredentials, books: Books) -> None:
    stranger = trustme.CA().cert_pem.bytes()
    async with served(Wallets(), credentials=credentials) as target:
        with pytest.raises(TargetUnreachable, match="certificate verify failed"):
            await run_load(
                ClosedLoop(Charges(books), endpoint(target, ca=stranger), in_flight=1, connections=1), seconds=0.1
            )


async def test_connections_are_spread_over_all_targets(books: Books) -> None:
    servers = [Wallets() for _ in range(3)]
    async with AsyncExitStack() as running:
        targets = [await running.enter_async_context(served(wallets)) for wallets in servers]
        await run_load(ClosedLoop(Charges(books), endpoint(*targets), in_flight=12, connections=6))
    assert all(len(wallets.charges) > 10 for wallets in servers)
    assert sum(books.acknowledged) == sum(len(wallets.charges) for wallets in servers)


def test_the_token_does_not_leave_this_machine_in_clear_text(tmp_path: Path, ca: trustme.CA) -> None:
    token_file, ca_file = tmp_path / "token", tmp_path / "ca.pem"
    token_file.write_text(f"{TOKEN}\nanother\n")
    ca.cert_pem.write_to_path(str(ca_file))
    far = Target("charging.example", 443)
    near = Target("127.0.0.1", 50052)

    def there(ca_file: Path | None, *, insecure: bool = False) -> dict[ServerRole, str | None]:
        with running_already(
            tmp_path, charging=[far], admin=near, token_file=token_file, ca_file=ca_file, insecure=insecure
        ) as service:
            return {place: server.endpoint.token for place, server in service.servers.items()}

    with pytest.raises(click.UsageError, match="clear text"):
        there(None)
    both = {ServerRole.CHARGING: TOKEN, ServerRole.ADMIN: TOKEN}
    assert there(ca_file) == there(None, insecure=True) == both
