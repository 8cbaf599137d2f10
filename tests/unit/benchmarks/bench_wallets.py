"""Both services over a dictionary, on a real gRPC server: enough to be benchmarked."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import protovalidate
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message_factory import GetMessageClass
from google.rpc.code_pb2 import FAILED_PRECONDITION
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from benchmarks.echo_server import answer
from benchmarks.http2.endpoint import Endpoint, Target
from benchmarks.loadgen.closed_loop import ClosedLoop
from benchmarks.loadgen.cpu import Processes
from benchmarks.loadgen.loop import Load
from benchmarks.loadgen.measurement import Measurement, measure
from benchmarks.loadgen.workloads import CHARGE_PATH, Workload
from veloconnect.admin.v1 import company_pb2, rate_pb2, top_up_pb2, transaction_pb2
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

SERVICE = CHARGE_PATH.split("/")[1]
TOKEN = "a-token-of-forty-three-characters-as-usual-"
COMPANIES = [f"companies/bench-{number}" for number in range(20)]
AMOUNT_MICROS = 75_000


class Wallets:
    """A service in memory, with its requests and its answers."""

    def __init__(self) -> None:
        """Accept all requests."""
        self.charges: list[charging_pb2.ChargeRequest] = []
        self.tokens: set[str] = set()
        self.balances: Counter[str] = Counter()
        self.keys: set[tuple[str, str]] = set()
        """Amounts of acknowledged charges, by company."""
        self.replays = 0
        self.calls: Counter[str] = Counter()
        """Requests by method, except Charge."""
        self.held: dict[str, int] = {}
        """Open authorizations, by name."""
        self.closed: set[str] = set()
        self.decline: Callable[[charging_pb2.ChargeRequest], Status | None] = lambda _: None
        self.allows_debt = True
        """Without it, a charge beyond the balance is declined."""
        self.forgets_every = 0
        """One of this many charges is acknowledged and not booked."""
        self.loses_captures = False
        """Whether captures are rejected, which leaves the holds open."""
        self.pause_seconds = 0.0
        self.running = self.running_max = 0
        self.is_open = asyncio.Event()
        """Charges wait while it is not set."""
        self.is_open.set()

    def handlers(self) -> "list[grpc.GenericRpcHandler[Any, Any]]":
        """Return the handlers of a server."""
        charging = charging_pb2.DESCRIPTOR.services_by_name["ChargingService"]
        company = company_pb2.DESCRIPTOR.services_by_name["CompanyService"]
        top_up = top_up_pb2.DESCRIPTOR.services_by_name["TopUpService"]
        transaction = transaction_pb2.DESCRIPTOR.services_by_name["TransactionService"]
        rate = rate_pb2.DESCRIPTOR.services_by_name["RateService"]
        return [
            _handler(
                charging,
                Charge=self._answer,
                BatchCharge=self._answer_batch,
                StreamCharges=self._answer_stream,
                Authorize=self._authorize,
                IncrementAuthorization=self._increment,
                Capture=self._capture,
                Void=self._void,
            ),
            _handler(company, CreateCompany=self._create, GetWallet=self._read, CloseCompany=self._close),
            _handler(top_up, CreateTopUp=self._fund),
            _handler(rate, CreateRateCard=self._create_card, BatchUpdateRates=self._add_rates),
            _handler(transaction, ListTransactions=self._list),
        ]

    async def _answer(self, request: charging_pb2.ChargeRequest, context: Any) -> charging_pb2.ChargeResponse:
        self.tokens.add(dict(context.invocation_metadata())["authorization"])
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        await asyncio.sleep(self.pause_seconds)
        await self.is_open.wait()
        self.running -= 1
        result = self._charge(request)
        if result.HasField("status"):
            await context.abort_with_status(rpc_status.to_status(result.status))
        return result.charge

    async def _answer_batch(self, request: charging_pb2.BatchChargeRequest, _context: Any) -> Any:
        return charging_pb2.BatchChargeResponse(results=map(self._charge, request.requests))

    async def _answer_stream(self, requests: Any, _context: Any) -> Any:
        async for request in requests:
            self.calls["StreamCharges"] += 1
            results = map(self._charge, request.requests)
            yield charging_pb2.StreamChargesResponse(batch_id=request.batch_id, results=results)

    async def _authorize(self, request: charging_pb2.AuthorizeRequest, _context: Any) -> wallet_pb2.Authorization:
        protovalidate.validate(request)
        self.calls["Authorize"] += 1
        name = f"{request.company}/authorizations/{request.idempotency_key}"
        assert name not in self.held
        self.held[name] = request.amount_micros
        return wallet_pb2.Authorization(name=name)

    async def _increment(
        self, request: charging_pb2.IncrementAuthorizationRequest, _context: Any
    ) -> wallet_pb2.Authorization:
        protovalidate.validate(request)
        self.calls["IncrementAuthorization"] += 1
        assert request.amount_micros > self.held[request.authorization]
        self.held[request.authorization] = request.amount_micros
        return wallet_pb2.Authorization(name=request.authorization)

    async def _capture(self, request: charging_pb2.CaptureRequest, context: Any) -> charging_pb2.CaptureResponse:
        protovalidate.validate(request)
        self.calls["Capture"] += 1
        assert request.amount_micros < self.held[request.authorization]
        if self.loses_captures:
            await context.abort_with_status(rpc_status.to_status(unavailable(applied="no")))
        del self.held[request.authorization]
        self.balances[request.authorization.split("/authorizations/")[0]] -= request.amount_micros
        return charging_pb2.CaptureResponse()

    async def _void(self, request: charging_pb2.VoidRequest, context: Any) -> wallet_pb2.Authorization:
        protovalidate.validate(request)
        if request.authorization not in self.held:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such hold")
        del self.held[request.authorization]
        return wallet_pb2.Authorization(name=request.authorization)

    async def _create(self, request: company_pb2.CreateCompanyRequest, _context: Any) -> Any:
        protovalidate.validate(request)
        return company_pb2.Company(name=f"companies/{request.company_id}")

    async def _fund(self, request: top_up_pb2.CreateTopUpRequest, _context: Any) -> Any:
        protovalidate.validate(request)
        self.calls["CreateTopUp"] += 1
        self.balances[request.parent] += request.top_up.amount_micros
        return request.top_up

    async def _read(self, request: company_pb2.GetWalletRequest, _context: Any) -> wallet_pb2.Wallet:
        company = request.name.removesuffix("/wallet")
        balance = self.balances[company]
        held = sum(micros for name, micros in self.held.items() if name.startswith(f"{company}/"))
        return wallet_pb2.Wallet(
            name=request.name, balance_micros=balance, held_micros=held, available_micros=balance - held
        )

    async def _close(self, request: company_pb2.CloseCompanyRequest, context: Any) -> Any:
        if self.balances[request.name] or any(name.startswith(f"{request.name}/") for name in self.held):
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the wallet is not empty")
        self.closed.add(request.name)
        return company_pb2.Company(name=request.name)

    async def _list(self, request: transaction_pb2.ListTransactionsRequest, _context: Any) -> Any:
        protovalidate.validate(request)
        self.calls["ListTransactions"] += 1
        return transaction_pb2.ListTransactionsResponse()

    async def _create_card(self, request: rate_pb2.CreateRateCardRequest, _context: Any) -> rate_pb2.RateCard:
        protovalidate.validate(request)
        return rate_pb2.RateCard(name=f"rateCards/{request.rate_card_id}")

    async def _add_rates(self, request: rate_pb2.BatchUpdateRatesRequest, _context: Any) -> Any:
        protovalidate.validate(request)
        assert {rate.unit_price_micros for rate in request.rates} == {AMOUNT_MICROS}
        return rate_pb2.BatchUpdateRatesResponse()

    def _charge(self, request: charging_pb2.ChargeRequest) -> charging_pb2.ChargeResult:
        protovalidate.validate(request)
        acknowledged = charging_pb2.ChargeResult(charge=charging_pb2.ChargeResponse.FromString(answer()))
        key = (request.company, request.idempotency_key)
        if key in self.keys:
            self.replays += 1
            return acknowledged
        status = self.decline(request)
        amount_micros = request.amount_micros if request.HasField("amount_micros") else AMOUNT_MICROS
        if not self.allows_debt and self.balances[request.company] < amount_micros:
            status = insufficient()
        if status is not None:
            return charging_pb2.ChargeResult(status=status)
        self.charges.append(request)
        self.keys.add(key)
        if not self.forgets_every or len(self.charges) % self.forgets_every:
            self.balances[request.company] -= amount_micros
        return acknowledged


def _handler(service: Any, **methods: Callable[[Any, Any], Any]) -> "grpc.GenericRpcHandler[Any, Any]":
    """Return a handler for some methods of a service."""
    handlers = {}
    for name, method in methods.items():
        found = service.methods_by_name[name]
        kind = grpc.stream_stream_rpc_method_handler if found.client_streaming else grpc.unary_unary_rpc_method_handler
        handlers[name] = kind(
            method,
            request_deserializer=GetMessageClass(found.input_type).FromString,
            response_serializer=GetMessageClass(found.output_type).SerializeToString,
        )
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


@asynccontextmanager
async def served(
    wallets: Wallets, port: int = 0, credentials: grpc.ServerCredentials | None = None, **options: int
) -> AsyncIterator[Target]:
    """Serve on loopback, with gRPC's `options`."""
    server = grpc.aio.server(options=[(f"grpc.{name}", value) for name, value in options.items()])
    server.add_generic_rpc_handlers(wallets.handlers())
    address = f"127.0.0.1:{port}"
    port = server.add_insecure_port(address) if credentials is None else server.add_secure_port(address, credentials)
    await server.start()
    try:
        yield Target("127.0.0.1", port)
    finally:
        await server.stop(None)


def endpoint(*targets: Target, ca: bytes | None = None) -> Endpoint:
    """Return a service at these addresses, with the token of all tests."""
    return Endpoint(targets, TOKEN, ca)


async def run(
    workload: Workload,
    target: Target,
    *,
    in_flight: int = 16,
    connections: int = 3,
    warm_up_seconds: float = 0.1,
    seconds: float = 0.3,
) -> Measurement:
    """Run a closed loop and return its measurement."""
    loop = ClosedLoop(workload, endpoint(target), in_flight=in_flight, connections=connections)
    return await run_load(loop, warm_up_seconds=warm_up_seconds, seconds=seconds)


async def run_load(load: Load, *, warm_up_seconds: float = 0.1, seconds: float = 0.3) -> Measurement:
    """Run a load and return its measurement."""
    return await measure({"load": load}, warm_up_seconds=warm_up_seconds, seconds=seconds, processes=Processes())


def by_company(charges: Sequence[charging_pb2.ChargeRequest]) -> dict[str, int]:
    """Return the number of charges by company."""
    charged = Counter(request.company for request in charges)
    return {name: charged[name] for name in COMPANIES}


def insufficient() -> Status:
    return _status(FAILED_PRECONDITION, ErrorInfo(reason="INSUFFICIENT_FUNDS", metadata={"available": "1"}))


def unavailable(applied: str) -> Status:
    return _status(14, ErrorInfo(reason="LEDGER_UNAVAILABLE", metadata={"applied": applied}))


def _status(code: int, info: ErrorInfo) -> Status:
    detail = AnyMessage()
    detail.Pack(info)
    return Status(code=code, message="no", details=[detail])
