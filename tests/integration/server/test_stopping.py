"""A server that stops, or one of its workers, under load: callers get answers, never a cancelled call."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import count

import grpc
import psutil
import pytest
from grpc_status import rpc_status

from devstack import Stack
from tests.support.clients import Clients, Refusal
from tests.support.fronts import FRONTS, require
from tests.support.polling import until
from veloconnect.admin.v1 import company_pb2, top_up_pb2
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2

CALLERS = 64
CHANNELS = 8
ROUNDS = 2
CHARGES = 5 * CALLERS
"""So many of traffic before and after."""
DEADLINE_SECONDS = 10.0
WORKERS = 2

_numbers = count()


@pytest.fixture(scope="module", params=FRONTS)
def front(request: pytest.FixtureRequest) -> str:
    """The front of charging."""
    chosen = str(request.param)
    require(chosen)
    return chosen


@pytest.fixture(scope="module", params=[1, WORKERS], ids=["one worker", "two workers"])
def stack(request: pytest.FixtureRequest, front: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole service, behind a front."""
    directory = tmp_path_factory.mktemp("stack")
    with Stack(directory, workers=request.param, environment={"CHARGING_FRONT": front}) as running:
        with Clients.of(running) as clients:
            company = company_pb2.Company(currency_code="EUR")
            made = company_pb2.CreateCompanyRequest(company_id="acme", company=company)
            clients.call(clients.companies.CreateCompany, made)
            top_up = top_up_pb2.TopUp(amount_micros=10**12, currency_code="EUR", method=top_up_pb2.TopUp.METHOD_MANUAL)
            paid = top_up_pb2.CreateTopUpRequest(parent="companies/acme", idempotency_key="first", top_up=top_up)
            clients.call(clients.top_ups.CreateTopUp, paid)
        yield running


class Callers:
    """Callers that send the next charge when they have the answer to the last."""

    def __init__(self, stack: Stack) -> None:
        """Prepare; call nothing."""
        self.answered = 0
        self.failures: Counter[tuple[str, str, str]] = Counter()
        """Code, reason and `applied` of the calls that failed; the text instead of a reason where there is none."""
        self._stack = stack
        self._metadata = (("authorization", f"Bearer {stack.token}"),)
        self._stop = asyncio.Event()

    @asynccontextmanager
    async def calling(self, *, wait_for_ready: bool) -> AsyncIterator[None]:
        """Call until the block ends; with `wait_for_ready` a call waits for a connection."""
        async with AsyncExitStack() as opened, asyncio.TaskGroup() as tasks:
            for _ in range(CHANNELS):
                options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 100)]
                channel = grpc.aio.insecure_channel(self._stack.charging_address, options=options)
                stub = charging_pb2_grpc.ChargingServiceStub(await opened.enter_async_context(channel))
                for _ in range(CALLERS // CHANNELS):
                    tasks.create_task(self._call(stub, wait_for_ready=wait_for_ready))
            try:
                await self.more()
                yield
            finally:
                self._stop.set()

    async def more(self) -> None:
        """Return when some more charges are answered."""
        enough = self.answered + CHARGES
        await until(lambda: self.answered >= enough)

    async def _call(self, stub: charging_pb2_grpc.ChargingServiceStub, *, wait_for_ready: bool) -> None:
        usage = wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination="DE")
        while not self._stop.is_set():
            request = charging_pb2.ChargeRequest(
                company="companies/acme", idempotency_key=f"k{next(_numbers)}", usage=usage, amount_micros=1
            )
            try:
                await stub.Charge(
                    request, metadata=self._metadata, timeout=DEADLINE_SECONDS, wait_for_ready=wait_for_ready
                )
                self.answered += 1
            except grpc.aio.AioRpcError as error:
                status = rpc_status.from_call(error)  # type: ignore[arg-type]  # it reads what both kinds of call have
                refusal = Refusal(error.code().name, error.details() or "") if not status else Refusal.in_status(status)
                applied = (refusal.metadata or {}).get("applied", "")
                self.failures[refusal.code, refusal.reason or refusal.message, applied] += 1
                if not wait_for_ready:
                    return


def has_ended(process: psutil.Process) -> bool:
    """Return whether a process is gone."""
    return not process.is_running()


async def test_a_server_that_stops_answers_what_has_begun(stack: Stack) -> None:
    """Each caller's last call finds nobody who listens, which the client's library says itself."""
    for _ in range(ROUNDS):
        callers = Callers(stack)
        async with callers.calling(wait_for_ready=False):
            await asyncio.to_thread(stack.charging.stop)
        await asyncio.to_thread(stack.charging.start)
        assert all(
            code == "UNAVAILABLE" and (reason == "SERVER_STOPPING" or "onnect" in reason)
            for code, reason, _ in callers.failures
        ), callers.failures


async def test_a_worker_that_is_replaced_fails_no_call(stack: Stack) -> None:
    for _ in range(ROUNDS):
        callers = Callers(stack)
        async with callers.calling(wait_for_ready=True):
            stopped: psutil.Process = psutil.Process(stack.charging.pid).children()[0]
            stopped.terminate()
            await until(partial(has_ended, stopped))
            await callers.more()
        await until(stack.charging.is_healthy)
        assert not callers.failures
