"""The two servers in operation: TLS, addresses, health, metrics over processes, and the end of a process."""

import http.client
import os
import queue
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
import redis
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from devstack import Server, Stack
from devstack.ports import LOOPBACK
from server.lifetime import BEAT_SECONDS
from server.settings import Misconfigured
from tests.support.clients import Clients, Refusal
from tests.support.fronts import ON_BOTH_FRONTS, Fronts, on_each_front, serving
from tests.support.polling import wait_until
from veloconnect.admin.v1 import company_pb2, top_up_pb2, transaction_pb2, webhook_pb2
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

WORKERS = 2
CONNECTIONS = 12
"""So many that both workers have some: the kernel deals them out."""
CHARGES = 60
BALANCE = 10**12
PAUSE_MS_MAX = 1900
"""Redis is held up for less than the service waits for it."""
POLL_SECONDS_MAX = 20.0
START_REFUSED_SECONDS_MAX = 20.0
START_CPU_MAX = 4.0
"""CPU time of a worker until it serves, in that of an import of its packages alone; it is about 2 with each front."""
PACKAGES = on_each_front({"charging": "charging", "admin": "admin"}, both=lambda package: package == "charging")
ON_EACH = pytest.mark.parametrize(("front", "package"), PACKAGES, indirect=["front"])

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
"""(sample, its labels) → value."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole service, each server with two workers."""
    directory = tmp_path_factory.mktemp("stack")
    environment = {"WORKERS": str(WORKERS), "WEBHOOK_ALLOW_PRIVATE": "true"}
    with Stack(directory, workers=WORKERS, environment=environment) as running:
        with Clients.of(running) as clients:
            clients.call(
                clients.companies.CreateCompany,
                company_pb2.CreateCompanyRequest(company_id="acme", company=company_pb2.Company(currency_code="EUR")),
            )
            clients.call(
                clients.top_ups.CreateTopUp,
                top_up_pb2.CreateTopUpRequest(
                    parent="companies/acme",
                    idempotency_key="first",
                    top_up=top_up_pb2.TopUp(
                        amount_micros=BALANCE, currency_code="EUR", method=top_up_pb2.TopUp.METHOD_MANUAL
                    ),
                ),
            )
        yield running


@pytest.fixture(scope="module")
def fronts(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronts]:
    """The gateways' servers."""
    with Fronts(stack, tmp_path_factory.mktemp("front"), workers=WORKERS) as servers:
        yield servers


@pytest.fixture
def charging(fronts: Fronts, front: str) -> Server:
    """The gateways' server with one of the fronts."""
    return fronts.server(front)


@pytest.fixture
def clients(fronts: Fronts, front: str) -> Iterator[Clients]:
    """Connections of the test's own, and a verified ledger in the end."""
    with fronts.connect(front) as opened:
        yield opened
        opened.assert_ledger_clean()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of a server with a certificate for this machine."""
    directory = tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert(LOOPBACK, "localhost")
    certificate, key = directory / "cert.pem", directory / "key.pem"
    for pem in issued.cert_chain_pems:
        pem.write_to_path(certificate, append=True)
    issued.private_key_pem.write_to_path(key)
    return {"TLS_CERT_FILE": str(certificate), "TLS_KEY_FILE": str(key)}


def charge(key: str, amount: int = 1) -> charging_pb2.ChargeRequest:
    return charging_pb2.ChargeRequest(
        company="companies/acme",
        idempotency_key=key,
        usage=wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination="DE"),
        amount_micros=amount,
    )


def read_wallet(clients: Clients, package: str) -> wallet_pb2.Wallet:
    """Read the wallet from one of the two servers."""
    wallet: wallet_pb2.Wallet
    if package == "charging":
        request = charging_pb2.GetWalletRequest(name="companies/acme/wallet")
        wallet = clients.call(clients.charging.GetWallet, request)
    else:
        wallet = clients.call(clients.companies.GetWallet, company_pb2.GetWalletRequest(name="companies/acme/wallet"))
    return wallet


@ON_EACH
def test_tls_works_end_to_end_and_nothing_else_is_spoken_there(
    stack: Stack, authority: trustme.CA, tls: Mapping[str, str], tmp_path: Path, package: str, front: str
) -> None:
    trusted = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    distrusted = grpc.ssl_channel_credentials(trustme.CA().cert_pem.bytes())
    with serving(stack, package, tmp_path, CHARGING_FRONT=front, **tls) as server, ExitStack() as opened:

        def connect(credentials: grpc.ChannelCredentials | None) -> Clients:
            return opened.enter_context(Clients(server.address, server.address, stack.token, credentials=credentials))

        assert read_wallet(connect(trusted), package).currency_code == "EUR"
        for credentials in (None, distrusted):
            with pytest.raises(grpc.RpcError) as refused:
                read_wallet(connect(credentials), package)
            assert Refusal.of(refused.value).code == "UNAVAILABLE"


@ON_EACH
@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_server_refuses_to_serve_outside_without_tls(stack: Stack, package: str, front: str, host: str) -> None:
    started = subprocess.run(
        [sys.executable, "-m", package, "serve"],
        capture_output=True,
        text=True,
        check=False,
        timeout=START_REFUSED_SECONDS_MAX,
        env={**stack.environment(), "LISTEN_HOST": host, "CHARGING_FRONT": front},
    )
    assert started.returncode == Misconfigured.exit_code == os.EX_CONFIG
    assert f"LISTEN_HOST={host}" in started.stderr
    assert "--insecure" in started.stderr
    assert "Traceback" not in started.stderr


@ON_BOTH_FRONTS
def test_outside_of_loopback_reflection_wants_a_token_and_health_does_not(
    stack: Stack, tmp_path: Path, front: str
) -> None:
    environment = {"LISTEN_HOST": "0.0.0.0", "CHARGING_FRONT": front}
    with (
        serving(stack, "charging", tmp_path, "--insecure", **environment) as server,
        Clients(server.address, server.address, stack.token) as clients,
    ):
        assert health_of(clients.charging_channel) == "SERVING"
        with pytest.raises(grpc.RpcError) as refused:
            reflected(clients.charging_channel, metadata=[])
        assert Refusal.of(refused.value).reason == "UNAUTHENTICATED"
        assert "veloconnect.charging.v1.ChargingService" in reflected(
            clients.charging_channel, metadata=clients.metadata
        )
        refusal = clients.refused(clients.charging.Charge, charge("outside"), metadata=[])
        assert refusal.reason == "UNAUTHENTICATED"


@ON_BOTH_FRONTS
def test_a_server_on_all_addresses_is_reached_by_ipv4_as_well(stack: Stack, front: str, tmp_path: Path) -> None:
    listening = {"LISTEN_HOST": "::", "CHARGING_FRONT": front}
    with (
        serving(stack, "charging", tmp_path, "--insecure", **listening) as server,
        Clients(server.address, stack.admin_address, stack.token) as clients,
    ):
        assert server.address.startswith(LOOPBACK)
        assert read_wallet(clients, "charging").currency_code == "EUR"


@ON_BOTH_FRONTS
def test_on_loopback_reflection_is_open(clients: Clients) -> None:
    for channel in (clients.charging_channel, clients.admin_channel):
        assert "grpc.health.v1.Health" in reflected(channel, metadata=[])


@ON_EACH
def test_a_server_says_over_http_that_it_is_well_and_what_it_did(
    stack: Stack, charging: Server, clients: Clients, package: str
) -> None:
    read_wallet(clients, package)
    server = charging if package == "charging" else stack.admin
    for _ in range(2):  # One answer's length is not the next one's.
        assert get(server, "/healthz") == (200, "ok\n")
        assert get(server, "/other") == (404, "/metrics and /healthz are here\n")
    found = metrics_of(server)
    assert found["server_workers", ()] == WORKERS
    assert found["server_workers_serving", ()] == WORKERS
    assert found["server_worker_restarts", ()] == 0
    assert any(name == "rpc_requests_total" for name, _ in found)
    assert "acme" not in get(server, "/metrics")[1], "no label is a company's"


def test_the_back_office_serves_downloads_beside_grpc_from_every_worker(stack: Stack) -> None:
    path = "/v1/companies/acme/transactions:export?filter.kinds=KIND_TOP_UP"
    for _ in range(CONNECTIONS):
        for token, status in ((stack.token, 200), ("an unknown token", 401)):
            connection = http.client.HTTPConnection(LOOPBACK, stack.ports.admin_http, timeout=POLL_SECONDS_MAX)
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            assert (answer.status, b"CLOSING_BALANCE" in answer.read()) == (status, status == 200)
            connection.close()
    requests = {labels: value for (name, labels), value in settled_metrics(stack.admin).items() if "http_req" in name}
    route = "/v1/companies/{company}/transactions:export"
    assert requests == {
        (("route", route), ("status", "200")): CONNECTIONS,
        (("route", route), ("status", "401")): CONNECTIONS,
    }


def test_an_event_gets_to_the_companys_webhook_by_itself(clients: Clients) -> None:
    got: queue.Queue[tuple[str, bytes]] = queue.Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.put((self.headers["webhook-id"], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  The name is the base class's.
            """Say nothing."""

    with HTTPServer((LOOPBACK, 0), Receiver) as receiver:
        thread = threading.Thread(target=receiver.serve_forever)
        thread.start()
        try:
            hook = webhook_pb2.Webhook(name="companies/acme/webhook", url=f"http://{LOOPBACK}:{receiver.server_port}/")
            clients.call(clients.webhooks.UpdateWebhook, webhook_pb2.UpdateWebhookRequest(webhook=hook))
            asked = webhook_pb2.SendTestEventRequest(name=hook.name)
            event = clients.call(clients.webhooks.SendTestEvent, asked)
            event_id, body = got.get(timeout=POLL_SECONDS_MAX)
        finally:
            receiver.shutdown()
            thread.join()
            clients.call(clients.webhooks.DeleteWebhook, webhook_pb2.DeleteWebhookRequest(name=hook.name))
    assert event_id == f"evt_{event.name.rpartition('/')[2]}"
    assert b'"type":"webhook.test"' in body


@ON_BOTH_FRONTS
def test_calls_are_counted_once_over_all_workers_by_method_code_and_reason(
    charging: Server, fronts: Fronts, front: str
) -> None:
    before = settled_metrics(charging)
    with ExitStack() as opened:
        callers = [opened.enter_context(fronts.connect(front)) for _ in range(CONNECTIONS)]
        for number in range(CHARGES):
            caller = callers[number % CONNECTIONS]
            caller.call(caller.charging.Charge, charge(f"{front}-{number}"))
        for caller in callers:
            caller.refused(caller.charging.Charge, charge(f"{front}-0"), metadata=[])
            caller.refused(caller.charging.Charge, charge("bad", amount=0))
            caller.refused(caller.charging.Charge, charge("dear", amount=2 * BALANCE))
            batch = charging_pb2.BatchChargeRequest(
                requests=[charge(f"{front}-0"), charge("bad", 0), charge(f"{front}-1")]
            )
            caller.call(caller.charging.BatchCharge, batch)
            stream = [
                charging_pb2.StreamChargesRequest(batch_id=str(i), requests=[charge(f"{front}-0")]) for i in (1, 2)
            ]
            answers = caller.charging.StreamCharges(iter(stream), metadata=caller.metadata, timeout=10)
            assert len(list(answers)) == 2
        used = {pid for pid in worker_pids(charging) if connections(pid, charging)}
    assert used == set(worker_pids(charging)), "both workers had calls"

    grown = growth(before, settled_metrics(charging))

    def calls(method: str, code: str, reason: str = "") -> float:
        labels = {"service": "ChargingService", "method": method, "code": code, "reason": reason}
        return grown["rpc_requests_total", tuple(sorted(labels.items()))]

    def items(method: str, reason: str) -> float:
        return grown["rpc_batch_items_total", (("method", method), ("reason", reason))]

    assert calls("Charge", "OK") == CHARGES
    assert calls("Charge", "UNAUTHENTICATED", "UNAUTHENTICATED") == CONNECTIONS
    assert calls("Charge", "INVALID_ARGUMENT", "INVALID_REQUEST") == CONNECTIONS
    assert calls("Charge", "FAILED_PRECONDITION", "INSUFFICIENT_FUNDS") == CONNECTIONS
    assert calls("BatchCharge", "OK") == CONNECTIONS
    assert calls("StreamCharges", "OK") == CONNECTIONS
    assert items("BatchCharge", "OK") == 2 * CONNECTIONS
    assert items("BatchCharge", "INVALID_REQUEST") == CONNECTIONS
    assert items("StreamCharges", "OK") == 2 * CONNECTIONS
    assert sum(value for (name, _), value in grown.items() if name == "rpc_requests_total") == CHARGES + 5 * CONNECTIONS
    timed = (("method", "Charge"), ("service", "ChargingService"))
    assert grown["rpc_seconds_count", timed] == CHARGES + 3 * CONNECTIONS


@ON_BOTH_FRONTS
def test_what_a_killed_worker_counted_stays_counted(charging: Server, fronts: Fronts, front: str) -> None:
    labels = {"service": "ChargingService", "method": "Charge", "code": "OK", "reason": ""}
    charged = ("rpc_requests_total", tuple(sorted(labels.items())))
    with fronts.connect(front) as caller:
        caller.call(caller.charging.Charge, charge(f"{front}-before-the-kill"))
    before = settled_metrics(charging)
    killed = worker_pids(charging)
    for pid in killed:
        psutil.Process(pid).kill()
    wait_until(lambda: len(worker_pids(charging)) == WORKERS and not {*killed} & {*worker_pids(charging)})
    wait_until(charging.is_healthy)
    with fronts.connect(front) as caller:
        caller.call(caller.charging.Charge, charge(f"{front}-after-the-kill"))
        caller.assert_ledger_clean()
    after = settled_metrics(charging)
    assert growth(before, after)[charged] == 1
    assert after["server_worker_restarts", ()] == before["server_worker_restarts", ()] + WORKERS


@ON_BOTH_FRONTS
def test_a_worker_serves_after_little_cpu_time(stack: Stack, front: str, tmp_path: Path) -> None:
    """The bound is relative to an import of the packages that it serves with: it holds on a slow machine too."""
    packages = "import asyncpg, grpc, phonenumbers, protovalidate, redis, time; print(time.process_time())"
    packages_alone = min(float(subprocess.check_output([sys.executable, "-c", packages])) for _ in range(3))
    with serving(stack, "charging", tmp_path, CHARGING_FRONT=front) as server:
        (pid,) = worker_pids(server)
        spent = psutil.Process(pid).cpu_times()
    assert spent.user + spent.system < START_CPU_MAX * packages_alone


@ON_BOTH_FRONTS
def test_health_is_not_serving_while_postgres_is_paused(
    stack: Stack, charging: Server, clients: Clients, front: str
) -> None:
    """Seen by the worker that charges; /healthz wants all of them well. What was asked meanwhile is charged once."""
    request = charge(f"{front}-while-paused")
    channel = clients.charging_channel
    assert health_of(channel) == "SERVING"
    # This worker knows the company then, and asks Redis; of one it does not know it would ask Postgres first.
    clients.call(clients.charging.Charge, charge(f"{front}-before-the-pause"))
    stack.postgres.pause()
    try:
        first = clients.refused(clients.charging.Charge, request)
        assert (first.code, first.reason) == ("UNAVAILABLE", "LEDGER_UNAVAILABLE")
        assert first.metadata == {"applied": "unknown"}
        wait_until(lambda: health_of(channel) == "NOT_SERVING")
        wait_until(lambda: get(charging, "/healthz") == (503, "not all workers serve\n"))
        second = clients.refused(clients.charging.Charge, charge(f"{front}-not-begun"))
        assert (second.reason, second.metadata) == ("LEDGER_UNAVAILABLE", {"applied": "no"})
        assert metrics_of(charging)["wallet_ledger_away", ()] >= 1
    finally:
        stack.postgres.resume()
    wait_until(lambda: health_of(channel) == "SERVING")
    wait_until(charging.is_healthy)
    answers = [clients.call(clients.charging.Charge, request) for _ in range(2)]
    assert answers[0].transaction == answers[1].transaction
    assert recorded(clients, request.idempotency_key) == 1
    assert recorded(clients, f"{front}-not-begun") == 0


@ON_BOTH_FRONTS
def test_a_server_that_stops_answers_what_was_begun(stack: Stack, tmp_path: Path, front: str) -> None:
    """Charges and a stream are under way, held up in Redis, when SIGTERM comes; every one of them is answered."""
    sent, stopped = threading.Event(), threading.Event()

    def batches() -> Iterator[charging_pb2.StreamChargesRequest]:
        for number in range(3):
            yield charging_pb2.StreamChargesRequest(
                batch_id=str(number), requests=[charge(f"{front}-stream-{number}-{i}") for i in range(5)]
            )
        sent.set()
        stopped.wait(POLL_SECONDS_MAX)  # The caller would send more.

    with (
        serving(stack, "charging", tmp_path, CHARGING_FRONT=front) as server,
        Clients(server.address, stack.admin_address, stack.token) as clients,
        redis.Redis.from_url(stack.redis_url) as hot,
    ):
        clients.call(clients.charging.Charge, charge("warm"))
        channel = clients.charging_channel
        hot.execute_command("CLIENT", "PAUSE", str(PAUSE_MS_MAX), "WRITE")
        begun = [
            clients.charging.Charge.future(charge(f"{front}-begun-{number}"), metadata=clients.metadata, timeout=10)
            for number in range(20)
        ]
        stream = iter(clients.charging.StreamCharges(batches(), metadata=clients.metadata, timeout=10))
        wait_until(lambda: hot.info("clients")["blocked_clients"] >= 1)
        assert sent.wait(POLL_SECONDS_MAX)
        for _ in range(5):  # What came after all that over the same connection is answered, so all that was read.
            assert health_of(channel) == "SERVING"
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        wait_until(lambda: health_of(channel) != "SERVING")
        hot.execute_command("CLIENT", "UNPAUSE")

        names = {future.result().transaction.name for future in begun}
        assert len(names) == len(begun)
        answered = {next(stream).batch_id: "answered" for _ in range(3)}
        assert answered.keys() == {"0", "1", "2"}
        with pytest.raises(grpc.RpcError) as ended:
            next(stream)
        refusal = Refusal.of(ended.value)
        assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "STREAM_ENDED")
        assert refusal.metadata == {"applied": "no"}
        stopped.set()
        stopping.join(POLL_SECONDS_MAX)
        assert server.child.exit_status == 0
        assert clients.refused(clients.charging.Charge, charge("too-late"), timeout=1).code in {
            "UNAVAILABLE",
            "DEADLINE_EXCEEDED",
        }
        clients.assert_ledger_clean()


def get(server: Server, path: str) -> tuple[int, str]:
    """Return the status and the text of a path of a server's monitoring port."""
    address, _, _ = server.metrics_url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def metrics_of(server: Server) -> Samples:
    """Return a server's metrics: sample and labels → value."""
    status, text = get(server, "/metrics")
    assert status == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def settled_metrics(server: Server) -> Samples:
    """Return the metrics after all counts are written, which workers do with every beat."""
    seen = metrics_of(server)
    since = time.monotonic()
    while time.monotonic() < since + 3 * BEAT_SECONDS:
        time.sleep(BEAT_SECONDS / 5)  # Nothing shows that all is written but that nothing comes for some beats.
        if (now := metrics_of(server)) != seen:
            seen, since = now, time.monotonic()
    return seen


def growth(before: Samples, after: Samples) -> Mapping[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return the growth of each metric; 0 for a missing one."""
    return defaultdict(float, {key: value - before.get(key, 0) for key, value in after.items()})


def health_of(channel: grpc.Channel) -> str:
    """Return the health status of a server; UNAVAILABLE if it does not answer."""
    try:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    except grpc.RpcError as error:
        return Refusal.of(error).code
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def reflected(channel: grpc.Channel, *, metadata: list[tuple[str, str]]) -> set[str]:
    """Return the services that reflection lists."""
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = stub.ServerReflectionInfo(iter([request]), metadata=metadata, timeout=10)
    return {service.name for service in answer.list_services_response.service}


def recorded(clients: Clients, key: str) -> int:
    """Return the number of transactions with a key, among the newest thousand."""
    request = transaction_pb2.ListTransactionsRequest(parent="companies/acme", page_size=1000)
    rows = clients.call(clients.transactions.ListTransactions, request).transactions
    return sum(row.idempotency_key == key for row in rows)


def worker_pids(server: Server) -> list[int]:
    """Return a server's worker processes."""
    return [child.pid for child in psutil.Process(server.pid).children()]


def connections(pid: int, server: Server) -> list[Any]:
    """Return the connections that a worker has with callers."""
    port = int(server.address.rpartition(":")[2])
    return [
        each
        for each in psutil.Process(pid).net_connections("tcp")
        if each.status == psutil.CONN_ESTABLISHED and each.laddr.port == port
    ]
