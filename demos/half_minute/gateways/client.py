"""A gateway's line to the service: every call goes out at least once, and exactly one entry comes of it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Generic, TypeVar

import grpc

from demos.half_minute.books import Books
from demos.half_minute.gateways.answers import (
    ASK_AGAIN,
    AskAgain,
    Declined,
    Refused,
    from_error,
)
from demos.half_minute.metrics import Measures
from veloconnect.charging.v1 import charging_pb2 as charging
from veloconnect.charging.v1.charging_pb2_grpc import ChargingServiceStub
from veloconnect.wallet.v1 import wallet_pb2 as wallet

RETRIED = 0.02
"""The part of its calls that an at-least-once gateway sends again: half after an answer it did not wait for."""

ANSWER_SECONDS_MAX = 5.0
DEFINITE_SECONDS_MAX = 60.0
"""How long a gateway asks again before it gives up and the play fails."""

PATIENCE_SECONDS_MIN, PATIENCE_SECONDS_MAX = 0.000_5, 0.008
"""After which an answer is lost on purpose: before the request is sent, on its way, or when it has come."""

PAUSE_SECONDS_FIRST, PAUSE_SECONDS_MAX = 0.02, 1.0

Request = TypeVar("Request")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Rpc(Generic[Request, Answer]):
    """A method with its name, and what all answers under one key have in common."""

    name: str
    method: "grpc.aio.UnaryUnaryMultiCallable[Request, Answer]"
    identity: Callable[[Any], str] = str


class Line:
    """One connection, used at least once for every call."""

    def __init__(self, target: str, token: str, random: Random, measures: Measures, books: Books) -> None:
        """Connect when first used. Differences between answers under one key are noted in `books`."""
        self.random = random
        self.measures = measures
        self.books = books
        self.metadata = (("authorization", f"Bearer {token}"),)
        # A pool of its own: otherwise gRPC shares one connection among all lines.
        self._channel = grpc.aio.insecure_channel(target, [("grpc.use_local_subchannel_pool", 1)])
        self.stub = ChargingServiceStub(self._channel)
        stub = self.stub
        self._charge: Rpc[charging.ChargeRequest, charging.ChargeResponse]
        self._charge = Rpc("Charge", stub.Charge, _transaction)
        self._batch: Rpc[charging.BatchChargeRequest, charging.BatchChargeResponse]
        self._batch = Rpc("BatchCharge", stub.BatchCharge)
        self._authorize: Rpc[charging.AuthorizeRequest, wallet.Authorization]
        self._authorize = Rpc("Authorize", stub.Authorize, _authorization)
        self._increment: Rpc[charging.IncrementAuthorizationRequest, wallet.Authorization]
        self._increment = Rpc("IncrementAuthorization", stub.IncrementAuthorization, _authorization)
        self._capture: Rpc[charging.CaptureRequest, charging.CaptureResponse]
        self._capture = Rpc("Capture", stub.Capture, _transaction)
        self._void: Rpc[charging.VoidRequest, wallet.Authorization]
        self._void = Rpc("Void", stub.Void, _authorization)
        self._wallet: Rpc[charging.GetWalletRequest, wallet.Wallet]
        self._wallet = Rpc("GetWallet", stub.GetWallet)

    async def close(self) -> None:
        """Hang up."""
        await self._channel.close(grace=None)

    async def charge(self, request: charging.ChargeRequest) -> charging.ChargeResponse:
        """Charge. This and the calls below raise `Declined`, and `Refused` where the play cannot go on."""
        return await self._at_least_once(self._charge, request)

    async def authorize(self, request: charging.AuthorizeRequest) -> wallet.Authorization:
        """Hold money."""
        return await self._at_least_once(self._authorize, request)

    async def increment(self, request: charging.IncrementAuthorizationRequest) -> wallet.Authorization:
        """Change a hold to another total."""
        return await self._at_least_once(self._increment, request)

    async def capture(self, request: charging.CaptureRequest) -> charging.CaptureResponse:
        """Take held money."""
        return await self._at_least_once(self._capture, request)

    async def void(self, request: charging.VoidRequest) -> wallet.Authorization:
        """Give held money back."""
        return await self._at_least_once(self._void, request)

    async def read_wallet(self, name: str) -> wallet.Wallet:
        """Read a wallet."""
        return await self.until_definite(self._wallet, charging.GetWalletRequest(name=name))

    async def batch(self, request: charging.BatchChargeRequest) -> charging.BatchChargeResponse:
        """Make one batch call; what became of each charge is in the results."""
        return await self.until_definite(self._batch, request)

    async def lose_batch(self, request: charging.BatchChargeRequest) -> None:
        """Send a batch and lose its answer."""
        await self._lose(self._batch, request)

    async def until_definite(self, rpc: Rpc[Request, Answer], request: Request) -> Answer:
        """Send the request until the answer is yes or no."""
        until = time.monotonic() + DEFINITE_SECONDS_MAX
        pause = PAUSE_SECONDS_FIRST
        while True:
            try:
                return await self._once(rpc, request)
            except AskAgain as error:
                self.measures.interruptions += 1
                if time.monotonic() > until:
                    raise Refused(f"no definite answer in {DEFINITE_SECONDS_MAX:g} s: {error}") from error
                await asyncio.sleep(max(error.seconds, pause * self.random.uniform(0.5, 1.5)))
                pause = min(2 * pause, PAUSE_SECONDS_MAX)
                self.measures.retries += 1

    def wants_retry(self) -> bool:
        """Whether this call is one of those that are sent again."""
        return self.random.random() < RETRIED

    def loses_answer(self) -> bool:
        """Whether a call that is sent again is so because its first answer was lost."""
        return self.random.random() < 0.5

    def compare(self, rpc: str, key: str, first: str, again: str) -> None:
        """Note that a second answer under a key has come, and complain unless it names the same thing."""
        self.measures.same_answers += 1
        if first != again:
            self.books.complain(f"{rpc} under {key} named {first}, and then {again}")

    async def _at_least_once(self, rpc: Rpc[Request, Answer], request: Request) -> Answer:
        """Send it; two calls in a hundred more often than that, each time with the same answer."""
        if not self.wants_retry():
            return await self.until_definite(rpc, request)
        key = getattr(request, "idempotency_key", "")
        answers = []
        if self.loses_answer():
            if (early := await self._lose(rpc, request)) is not None:
                answers.append(early)
            self.measures.retries += 1
        answers.append(await self._again(rpc, request, key, is_recorded=bool(answers)))
        self.measures.retries += 1
        answers.append(await self._again(rpc, request, key, is_recorded=True))
        for again in answers[1:]:
            self.compare(rpc.name, key, rpc.identity(answers[0]), rpc.identity(again))
        return answers[0]

    async def _again(self, rpc: Rpc[Request, Answer], request: Request, key: str, *, is_recorded: bool) -> Answer:
        """Ask, perhaps once more: what is recorded cannot be declined any more."""
        try:
            return await self.until_definite(rpc, request)
        except Declined as error:
            if is_recorded:
                raise Refused(f"{rpc.name} under {key} was answered, and then declined: {error}") from error
            raise

    async def _once(self, rpc: Rpc[Request, Answer], request: Request) -> Answer:
        began = time.perf_counter()
        try:
            answer: Answer = await rpc.method(request, timeout=ANSWER_SECONDS_MAX, metadata=self.metadata)
        except grpc.aio.AioRpcError as error:
            meaning = from_error(error, f"{rpc.name} {getattr(request, 'idempotency_key', '')}")
            if isinstance(meaning, Declined):
                self.measures.answered(rpc.name, time.perf_counter() - began)
                self.measures.declines += 1
            raise meaning from error
        self.measures.answered(rpc.name, time.perf_counter() - began)
        return answer

    async def _lose(self, rpc: Rpc[Request, Answer], request: Request) -> Answer | None:
        """Send it and do not wait for the answer for long: a short deadline, or the call is cancelled."""
        patience = self.random.uniform(PATIENCE_SECONDS_MIN, PATIENCE_SECONDS_MAX)
        cancels = self.random.random() < 0.5
        call = rpc.method(request, timeout=ANSWER_SECONDS_MAX if cancels else patience, metadata=self.metadata)
        if cancels:
            await asyncio.sleep(patience)
            call.cancel()
        code = await call.code()
        if code is grpc.StatusCode.OK:
            return await call
        if code in ASK_AGAIN:
            self.measures.lost_answers += 1
        return None


def _transaction(answer: charging.ChargeResponse | charging.CaptureResponse) -> str:
    return answer.transaction.name


def _authorization(answer: wallet.Authorization) -> str:
    """Name the row that opened it too: there must be one, and always the same."""
    return f"{answer.name} of {answer.transaction}"
