"""The cost of a call in the framing behind Envoy and at the boundary, counted instead of timed.

Each bound names the measurement of the day it was set, on Python 3.11; `pytest -s` shows the present numbers. Raise one
only for a reason that is worth it.
"""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

import asyncio
import cProfile
import pstats

import pytest

from server.boundary import Boundary
from server.context import Context
from server.envoy.calls import Calls
from server.envoy.framing import Event
from server.tokens import Tokens
from tests.support.asgi import Caller, request
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2

SERVICE = charging_pb2.DESCRIPTOR.services_by_name["ChargingService"].full_name
TOKEN = "t" * 43
CALLS = 200
FUNCTIONS_MAX = 98.0
"""For a call of one message and one answer, by cProfile. Measured 78; 25 % slack."""
WALLET = wallet_pb2.Wallet(name="companies/acme/wallet")


class Servicer(charging_pb2_grpc.ChargingServiceServicer):
    """Answers at once."""

    async def GetWallet(self, request: charging_pb2.GetWalletRequest, context: Context) -> wallet_pb2.Wallet:
        """Return the same every time."""
        return WALLET


@pytest.fixture
async def served() -> Calls:
    boundary = Boundary(Tokens([TOKEN]), ours=frozenset({SERVICE}), open_services=frozenset())
    charging_pb2_grpc.add_ChargingServiceServicer_to_server(Servicer(), boundary)
    return Calls(boundary)


async def test_a_call_takes_few_functions_and_events(served: Calls) -> None:
    asked = charging_pb2.GetWalletRequest(name="companies/acme/wallet").SerializeToString()
    headers = [(b"authorization", f"Bearer {TOKEN}".encode()), (b"grpc-timeout", b"10S")]
    scope = Caller(f"/{SERVICE}/GetWallet", headers=headers).scope
    part = request(asked)
    received, sent = 0, list[Event]()

    async def receive() -> Event:
        nonlocal received
        received += 1
        return part

    async def run() -> None:
        for _ in range(CALLS):
            await served.serve(scope, receive, sent.append)  # type: ignore[arg-type]  # nobody awaits it for one answer

    await run()
    received = 0
    sent.clear()
    tasks = len(asyncio.all_tasks())
    profile = cProfile.Profile()
    profile.enable()
    try:
        await run()
    finally:
        profile.disable()
    functions = pstats.Stats(profile).total_calls / CALLS  # type: ignore[attr-defined]  # missing in the stubs
    print(f"function calls in the framing and at the boundary for a call: {functions:.2f}, at most {FUNCTIONS_MAX:g}")
    assert functions <= FUNCTIONS_MAX
    assert received == CALLS, "one event is asked for"
    kinds = [event["type"] for event in sent]
    assert kinds == ["http.response.start", "http.response.body", "http.response.trailers"] * CALLS
    assert len(asyncio.all_tasks()) == tasks, "a call makes no task of its own"
