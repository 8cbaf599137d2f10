"""A company that floods the service does not keep other companies waiting, and is not refused item by item."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from devstack import Stack
from tests.support.clients import Clients
from tests.support.flood import USAGE
from veloconnect.admin.v1 import company_pb2, top_up_pb2
from veloconnect.charging.v1 import charging_pb2

BALANCE = 10**12
WAIT_SECONDS_MAX = 0.25
"""How long a single charge may take beside the flood, which was 1 to 6 s when refused batches were answered at once."""
FLOOD_SECONDS = 4.0
WARM_UP_SECONDS = 1.5
CHARGES_MIN = 10
Reasons = dict[str, int]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole service, charging with one worker, and the companies honest, flood and poor."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        with Clients.of(running) as clients:
            for company, balance in (("honest", BALANCE), ("flood", BALANCE), ("poor", 0)):
                _create(clients, company, balance)
        yield running


@pytest.fixture
def clients(stack: Stack) -> Iterator[Clients]:
    """Connections of the test's own, and a verified ledger in the end."""
    with Clients.of(stack) as opened:
        yield opened
        opened.assert_ledger_clean()


def _create(clients: Clients, company: str, balance: int) -> None:
    create = company_pb2.CreateCompanyRequest(company_id=company, company=company_pb2.Company(currency_code="EUR"))
    clients.call(clients.companies.CreateCompany, create)
    if balance:
        paid = top_up_pb2.TopUp(amount_micros=balance, currency_code="EUR", method=top_up_pb2.TopUp.METHOD_MANUAL)
        request = top_up_pb2.CreateTopUpRequest(parent=f"companies/{company}", idempotency_key="first", top_up=paid)
        clients.call(clients.top_ups.CreateTopUp, request)


@contextmanager
def flooding(stack: Stack, *options: str) -> Iterator[Reasons]:
    """Flood the charging server from another process; afterwards the number of charges by reason is there."""
    command = [sys.executable, "-m", "tests.support.flood", f"--address={stack.charging_address}"]
    command += [f"--token={stack.token}", f"--seconds={FLOOD_SECONDS}", *options]
    reasons: Reasons = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as flood:
        try:
            yield reasons
            output, _ = flood.communicate(timeout=60)
            assert flood.returncode == 0
            reasons.update(json.loads(output.splitlines()[-1]))
        finally:
            flood.kill()


def charge_seconds(clients: Clients, name: str) -> list[float]:
    """Charge one by one while the flood lasts; return how long each charge took, in seconds, sorted."""
    time.sleep(WARM_UP_SECONDS)  # Until the flood has begun: what is measured is its effect, not a state to poll for.
    end = time.monotonic() + FLOOD_SECONDS - WARM_UP_SECONDS
    took: list[float] = []
    while time.monotonic() < end:
        started = time.perf_counter()
        request = charging_pb2.ChargeRequest(
            company="companies/honest", idempotency_key=f"{name}-{len(took)}", usage=USAGE, amount_micros=1
        )
        clients.call(clients.charging.Charge, request)
        took.append(time.perf_counter() - started)
    return sorted(took)


@pytest.mark.parametrize(
    ("options", "answered"),
    [
        pytest.param(["--method=stream", "--company=flood"], "OK", id="streams"),
        pytest.param(["--method=stream", "--company=poor"], "INSUFFICIENT_FUNDS", id="declined streams"),
        pytest.param(["--method=batch", "--company=flood", "--batch=1000"], "OK", id="batches"),
        pytest.param(["--method=stream", "--company=invented-*"], "COMPANY_NOT_FOUND", id="streams of invented names"),
        pytest.param(["--method=stream", "--company=invented"], "COMPANY_NOT_FOUND", id="streams of one invented name"),
        pytest.param(["--method=unread", "--company=flood"], None, id="streams whose answers are not received"),
    ],
)
def test_a_flooding_company_does_not_keep_others_waiting(
    stack: Stack, clients: Clients, options: list[str], answered: str | None, request: pytest.FixtureRequest
) -> None:
    """Half of the single charges of another company take at most WAIT_SECONDS_MAX, and none fails.

    On a quiet machine nearly all do; here whatever else runs takes its share of the processors too. The flood waits for
    room in its company's queue: nothing of it is OVERLOADED.
    """
    with flooding(stack, *options) as reasons:
        took = charge_seconds(clients, str(hash(request.node.name)))
    assert len(took) >= CHARGES_MIN
    assert took[len(took) // 2] <= WAIT_SECONDS_MAX, took
    assert set(reasons) == ({answered} if answered else set())
