"""A bare gRPC server without any work, as a baseline: `python -m benchmarks.echo_server PORT`.

grpc.aio on uvloop, one process; `Charge` answers with the same bytes each time, as many as a real
answer has. Nothing is decoded, so no service in Python can be faster.
"""

import asyncio
import signal
import sys

import grpc
import uvloop

from benchmarks.loadgen.workloads import CHARGE_PATH
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2


def answer() -> bytes:
    """Return a serialized `ChargeResponse` with all fields of a real one."""
    company = "companies/bench-00000000-0000"
    response = charging_pb2.ChargeResponse(
        transaction=wallet_pb2.Transaction(
            name=f"{company}/transactions/1042",
            kind=wallet_pb2.Transaction.KIND_CHARGE,
            amount_micros=-75_000,
            balance_after_micros=999_999_925_000,
            usage=wallet_pb2.Usage(
                channel=wallet_pb2.CHANNEL_SMS, destination="DE", quantity=1, campaign_id="spring-sale"
            ),
            idempotency_key="0" * 24,
            floor_micros=-1_000_000,
            currency_code="EUR",
        ),
        wallet=wallet_pb2.Wallet(
            name=f"{company}/wallet",
            currency_code="EUR",
            balance_micros=999_999_925_000,
            floor_micros=-1_000_000,
            available_micros=1_000_000_925_000,
            state=wallet_pb2.Wallet.STATE_ACTIVE,
        ),
    )
    response.transaction.create_time.GetCurrentTime()
    response.wallet.update_time.GetCurrentTime()
    return response.SerializeToString()


async def serve(port: int) -> None:
    """Serve on loopback until SIGTERM."""
    body = answer()

    async def echo(_request: bytes, _context: object) -> bytes:
        return body

    _, service, method = CHARGE_PATH.split("/")
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handlers = {method: grpc.unary_unary_rpc_method_handler(echo)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
