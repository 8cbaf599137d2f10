"""ChargingService on Postgres alone, `python -m benchmarks.peers.naive`: Charge, BatchCharge and GetWallet.

It runs grpc.aio on uvloop in one process, like the service; `ledger` books the charges.
"""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

import asyncio
import signal
from pathlib import Path
from typing import Any

import click
import grpc
import uvloop

from benchmarks.peers.ledger import NaiveLedger, open_pool
from charging import decode
from charging.app import NAME
from charging.encode import charged, fill_charged
from charging.pricing import Pricing
from devstack.ports import LOOPBACK
from server import wire
from server.boundary import Boundary
from server.context import Context
from server.errors import answer
from server.rejections import InvalidRequest
from server.tokens import read_tokens
from server.validation import check
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.entries import Outcome
from wallet.domain.errors import WalletError
from wallet.domain.ratebook import RateBooks
from wallet.domain.resource_names import WALLET
from wallet.ledger.reader import Reader

CONNECTIONS = 32
"""Size of the pool. Of 8, 16, 32 and 64 the best overall: for many companies and for one, singly and in batches."""


class NaiveServicer(charging_pb2_grpc.ChargingServiceServicer):
    """ChargingService with one transaction for each charge."""

    def __init__(self, ledger: NaiveLedger, pricing: Pricing) -> None:
        """Decode by `pricing`, book by `ledger`."""
        self._ledger = ledger
        self._pricing = pricing

    async def Charge(self, request: charging_pb2.ChargeRequest, context: Context) -> charging_pb2.ChargeResponse:
        """Charge a usage."""
        return charged(await self._ledger.charge(decode.charge(request, self._pricing)))

    async def BatchCharge(
        self, request: charging_pb2.BatchChargeRequest, context: Context
    ) -> charging_pb2.BatchChargeResponse:
        """Make many charges, as many at once as there are connections."""
        response = charging_pb2.BatchChargeResponse()
        for outcome in await asyncio.gather(*(self._outcome(each) for each in request.requests)):
            if isinstance(outcome, Outcome):
                fill_charged(response.results.add().charge, outcome)
            else:
                response.results.add().status.CopyFrom(answer(outcome).status)
        return response

    async def GetWallet(self, request: charging_pb2.GetWalletRequest, context: Context) -> wallet_pb2.Wallet:
        """Return a wallet."""
        return wire.wallet(await self._ledger.wallet(WALLET.parse(request.name)))

    async def _outcome(self, request: charging_pb2.ChargeRequest) -> Outcome | WalletError | InvalidRequest:
        try:
            check(request)
            return await self._ledger.charge(decode.charge(request, self._pricing))
        except (WalletError, InvalidRequest) as error:
            return error


async def serve(database_url: str, port: int, token_file: Path, connections: int) -> None:
    """Serve on loopback until SIGTERM."""
    pool = await open_pool(database_url, connections)
    pricing = Pricing(lambda: RateBooks({}, {}, 0), Reader(pool))  # No rate cards: every charge names its amount.
    boundary: Any = Boundary(read_tokens(token_file), ours=frozenset({NAME}), open_services=frozenset())
    charging_pb2_grpc.add_ChargingServiceServicer_to_server(NaiveServicer(NaiveLedger(pool), pricing), boundary)
    server = grpc.aio.server(handlers=[boundary], options=[("grpc.so_reuseport", 0)])
    server.add_insecure_port(f"{LOOPBACK}:{port}")
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(0)
    pool.terminate()


@click.command(context_settings={"show_default": True})
@click.option("--database-url", required=True, help="A database with the tables of `benchmarks.peers.local.prepare`.")
@click.option("--port", type=click.IntRange(1, 65_535), required=True, help="On loopback.")
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--connections", type=click.IntRange(1, 100), default=CONNECTIONS, help="To Postgres.")
def main(*, database_url: str, port: int, token_file: Path, connections: int) -> None:
    """Serve until SIGTERM."""
    uvloop.run(serve(database_url, port, token_file, connections))


if __name__ == "__main__":
    main()
