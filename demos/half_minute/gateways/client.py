"""A gateway's client of the service: each call is sent at least once, and makes exactly one entry."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Generic, TypeVar

import grpc

from demos.half_minute.books import Books
from demos.half_minute.gateways.answers import (
    RETRYABLE_CODES,
    Declined,
    DemoFailed,
    Retryable,
    from_error,
)
from demos.half_minute.metrics import Metrics
from veloconnect.charging.v1 import charging_pb2
from veloconnect.charging.v1.charging_pb2_grpc import ChargingServiceStub
from veloconnect.wallet.v1 import wallet_pb2

RETRIED = 0.02
"""The part of the calls that is sent again; half of these after an answer that the client did not wait for."""

ANSWER_SECONDS_MAX = 5.0
DEFINITE_SECONDS_MAX = 60.0
"""The time that a client retries a call before the demo fails."""

PATIENCE_SECONDS_MIN, PATIENCE_SECONDS_MAX = 0.000_5, 0.008
"""The time after which an answer is discarded on purpose: before the request is sent, during the call, or after it."""

PAUSE_SECONDS_FIRST, PAUSE_SECONDS_MAX = 0.02, 1.0

Request = TypeVar("Request")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Rpc(Generic[Request, Answer]):
    """A method with its name and `identity`, the part of an answer that is the same for all answers under one key."""

    name: str
    method: "grpc.aio.UnaryUnaryMultiCallable[Request, Answer]"
    identity: Callable[[Any], str] = str


class Client:
    """One connection to charging, with at-least-once calls."""

    def __init__(self, target: str, token: str, random: Random, metrics: Metrics, books: Books) -> None:
        """Connect when first used. Differences between answers under one key are noted in `books`."""
        self.random = random
        self.metrics = metrics
        self.books = books
        self.metadata = (("authorization", f"Bearer {token}"),)
        # A pool of its own: otherwise gRPC shares one connection among all clients.
        self._channel = grpc.aio.insecure_channel(target, [("grpc.use_local_subchannel_pool", 1)])
        self.stub = ChargingServiceStub(self._channel)
        stub = self.stub
        self._charge: Rpc[charging_pb2.ChargeRequest, charging_pb2.ChargeResponse]
        self._charge = Rpc("Charge", stub.Charge, _transaction)
        self._batch: Rpc[charging_pb2.BatchChargeRequest, charging_pb2.BatchChargeResponse]
        self._batch = Rpc("BatchCharge", stub.BatchCharge)
        self._authorize: Rpc[charging_pb2.AuthorizeRequest, wallet_pb2.Authorization]
        self._authorize = Rpc("Authorize", stub.Authorize, _authorization)
        self._increment: Rpc[charging_pb2.IncrementAuthorizationRequest, wallet_pb2.Authorization]
        self._increment = Rpc("IncrementAuthorization", stub.IncrementAuthorization, _authorization)
        self._capture: Rpc[charging_pb2.CaptureRequest, charging_pb2.CaptureResponse]
        self._capture = Rpc("Capture", stub.Capture, _transaction)
        self._void: Rpc[charging_pb2.VoidRequest, wallet_pb2.Authorization]
        self._void = Rpc("Void", stub.Void, _authorization)
        self._wallet: Rpc[charging_pb2.GetWalletRequest, wallet_pb2.Wallet]
        self._wallet = Rpc("GetWallet", stub.GetWallet)

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close(grace=None)

    async def charge(self, request: charging_pb2.ChargeRequest) -> charging_pb2.ChargeResponse:
        """Charge. This and the calls below raise `Declined`, and `DemoFailed` for an unexpected error."""
        return await self._at_least_once(self._charge, request)

    async def authorize(self, request: charging_pb2.AuthorizeRequest) -> wallet_pb2.Authorization:
        """Authorize."""
        return await self._at_least_once(self._authorize, request)

    async def increment(self, request: charging_pb2.IncrementAuthorizationRequest) -> wallet_pb2.Authorization:
        """Change an authorization to another total."""
        return await self._at_least_once(self._increment, request)

    async def capture(self, request: charging_pb2.CaptureRequest) -> charging_pb2.CaptureResponse:
        """Capture from an authorization."""
        return await self._at_least_once(self._capture, request)

    async def void(self, request: charging_pb2.VoidRequest) -> wallet_pb2.Authorization:
        """Void an authorization."""
        return await self._at_least_once(self._void, request)

    async def read_wallet(self, name: str) -> wallet_pb2.Wallet:
        """Return a wallet."""
        return await self.until_definite(self._wallet, charging_pb2.GetWalletRequest(name=name))

    async def batch(self, request: charging_pb2.BatchChargeRequest) -> charging_pb2.BatchChargeResponse:
        """Return the results of one BatchCharge."""
        return await self.until_definite(self._batch, request)

    async def send_batch_and_lose_answer(self, request: charging_pb2.BatchChargeRequest) -> None:
        """Send a batch and discard its answer."""
        await self._send_and_lose_answer(self._batch, request)

    async def until_definite(self, rpc: Rpc[Request, Answer], request: Request) -> Answer:
        """Send the request until it succeeds or is declined. Raise `DemoFailed` after DEFINITE_SECONDS_MAX."""
        until = time.monotonic() + DEFINITE_SECONDS_MAX
        pause = PAUSE_SECONDS_FIRST
        while True:
            try:
                return await self._once(rpc, request)
            except Retryable as error:
                self.metrics.interruptions += 1
                if time.monotonic() > until:
                    raise DemoFailed(f"no definite answer in {DEFINITE_SECONDS_MAX:g} s: {error}") from error
                await asyncio.sleep(max(error.seconds, pause * self.random.uniform(0.5, 1.5)))
                pause = min(2 * pause, PAUSE_SECONDS_MAX)
                self.metrics.retries += 1

    def wants_retry(self) -> bool:
        """Return whether to send this call again, at random."""
        return self.random.random() < RETRIED

    def loses_answer(self) -> bool:
        """Return whether to discard the first answer of a call that is sent again, at random."""
        return self.random.random() < 0.5

    def compare(self, rpc: str, key: str, first: str, again: str) -> None:
        """Count a second answer under a key, and record a problem unless it has the same identity."""
        self.metrics.same_answers += 1
        if first != again:
            self.books.add_problem(f"{rpc} under {key} named {first}, and then {again}")

    async def _at_least_once(self, rpc: Rpc[Request, Answer], request: Request) -> Answer:
        """Send the request; for the part RETRIED send it again, and compare the answers."""
        if not self.wants_retry():
            return await self.until_definite(rpc, request)
        key = getattr(request, "idempotency_key", "")
        answers = []
        if self.loses_answer():
            if (early := await self._send_and_lose_answer(rpc, request)) is not None:
                answers.append(early)
            self.metrics.retries += 1
        answers.append(await self._again(rpc, request, key, is_recorded=bool(answers)))
        self.metrics.retries += 1
        answers.append(await self._again(rpc, request, key, is_recorded=True))
        for again in answers[1:]:
            self.compare(rpc.name, key, rpc.identity(answers[0]), rpc.identity(again))
        return answers[0]

    async def _again(self, rpc: Rpc[Request, Answer], request: Request, key: str, *, is_recorded: bool) -> Answer:
        """Send the request. Raise `DemoFailed` if it is declined after it was recorded."""
        try:
            return await self.until_definite(rpc, request)
        except Declined as error:
            if is_recorded:
                raise DemoFailed(f"{rpc.name} under {key} was answered, and then declined: {error}") from error
            raise

    async def _once(self, rpc: Rpc[Request, Answer], request: Request) -> Answer:
        began = time.perf_counter()
        try:
            answer: Answer = await rpc.method(request, timeout=ANSWER_SECONDS_MAX, metadata=self.metadata)
        except grpc.aio.AioRpcError as error:
            meaning = from_error(error, f"{rpc.name} {getattr(request, 'idempotency_key', '')}")
            if isinstance(meaning, Declined):
                self.metrics.record_answer(rpc.name, time.perf_counter() - began)
                self.metrics.declines += 1
            raise meaning from error
        self.metrics.record_answer(rpc.name, time.perf_counter() - began)
        return answer

    async def _send_and_lose_answer(self, rpc: Rpc[Request, Answer], request: Request) -> Answer | None:
        """Send the request with a short deadline, or cancel it; return the answer if it came in time."""
        patience = self.random.uniform(PATIENCE_SECONDS_MIN, PATIENCE_SECONDS_MAX)
        cancels = self.random.random() < 0.5
        call = rpc.method(request, timeout=ANSWER_SECONDS_MAX if cancels else patience, metadata=self.metadata)
        if cancels:
            await asyncio.sleep(patience)
            call.cancel()
        code = await call.code()
        if code is grpc.StatusCode.OK:
            return await call
        if code in RETRYABLE_CODES:
            self.metrics.lost_answers += 1
        return None


def _transaction(answer: charging_pb2.ChargeResponse | charging_pb2.CaptureResponse) -> str:
    return answer.transaction.name


def _authorization(answer: wallet_pb2.Authorization) -> str:
    """Return the name with the transaction that opened it: there is one, and always the same."""
    return f"{answer.name} of {answer.transaction}"
