"""A gateway that floods the service for a while: `python -m tests.support.flood --help`.

It is a process of its own, so that its work does not delay the honest caller whose latency a test measures. The last
line of its output is JSON: the number of charges by reason.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count
from uuid import uuid4

import grpc
from google.rpc.error_details_pb2 import ErrorInfo

from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2

USAGE = wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination="DE")
CONNECTIONS = 10
BATCHES_UNREAD = 20


class Flood:
    """Sends batches of new charges until the time is over."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Flood as the options say."""
        self._options = options
        self._metadata = (("authorization", f"Bearer {options.token}"),)
        self._numbers = count()
        self._run = uuid4().hex[:8]
        self._until = 0.0
        self.reasons: Counter[str] = Counter()

    async def run(self) -> None:
        """Flood over several connections, and count the results."""
        self._until = asyncio.get_running_loop().time() + self._options.seconds
        flood = {"stream": self._stream, "batch": self._batches, "unread": self._unread}[self._options.method]
        channels = [
            grpc.aio.insecure_channel(self._options.address, [("grpc.use_local_subchannel_pool", 1)])
            for _ in range(min(CONNECTIONS, self._options.calls))
        ]
        stubs = [charging_pb2_grpc.ChargingServiceStub(channel) for channel in channels]
        await asyncio.gather(*(flood(stubs[place % len(stubs)]) for place in range(self._options.calls)))
        for channel in channels:
            await channel.close(None)

    def _is_over(self) -> bool:
        return asyncio.get_running_loop().time() >= self._until

    def _requests(self) -> list[charging_pb2.ChargeRequest]:
        requests = []
        for _ in range(self._options.batch):
            number = next(self._numbers)
            company = self._options.company.replace("*", f"{self._run}{number}")
            requests.append(
                charging_pb2.ChargeRequest(
                    company=f"companies/{company}",
                    idempotency_key=f"{self._run}-{number}",
                    usage=USAGE,
                    amount_micros=1,
                )
            )
        return requests

    def _count(self, results: list[charging_pb2.ChargeResult]) -> None:
        for result in results:
            reason = "OK"
            if result.HasField("status"):
                info = ErrorInfo()
                result.status.details[0].Unpack(info)
                reason = info.reason
            self.reasons[reason] += 1

    async def _stream(self, stub: charging_pb2_grpc.ChargingServiceStub) -> None:
        unanswered = asyncio.Semaphore(self._options.unanswered)

        async def batches() -> AsyncIterator[charging_pb2.StreamChargesRequest]:
            while not self._is_over():
                await unanswered.acquire()
                yield charging_pb2.StreamChargesRequest(requests=self._requests())

        async for response in stub.StreamCharges(batches(), metadata=self._metadata):
            unanswered.release()
            self._count(response.results)

    async def _unread(self, stub: charging_pb2_grpc.ChargingServiceStub) -> None:
        """Send more batches than a stream may have unanswered, and receive no answer."""

        async def batches() -> AsyncIterator[charging_pb2.StreamChargesRequest]:
            for _ in range(BATCHES_UNREAD):
                yield charging_pb2.StreamChargesRequest(requests=self._requests())
            await asyncio.sleep(self._options.seconds)

        call = stub.StreamCharges(batches(), metadata=self._metadata)
        await asyncio.sleep(self._options.seconds)
        call.cancel()

    async def _batches(self, stub: charging_pb2_grpc.ChargingServiceStub) -> None:
        while not self._is_over():
            request = charging_pb2.BatchChargeRequest(requests=self._requests())
            try:
                response = await stub.BatchCharge(request, metadata=self._metadata, timeout=30)
            except grpc.aio.AioRpcError as error:
                self.reasons[error.code().name] += self._options.batch
                await asyncio.sleep(0.25)
            else:
                self._count(response.results)


def main() -> None:
    """Flood, and print what came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--company", required=True, help="with * for another name each time")
    parser.add_argument("--method", choices=["stream", "batch", "unread"], default="stream")
    parser.add_argument("--calls", type=int, default=10, help="concurrent streams or calls")
    parser.add_argument("--batch", type=int, default=500, help="charges in a batch")
    parser.add_argument("--unanswered", type=int, default=16, help="batches that a stream sends before it waits")
    parser.add_argument("--seconds", type=float, default=5)
    flood = Flood(parser.parse_args())
    asyncio.run(flood.run())
    sys.stdout.write(json.dumps(flood.reasons) + "\n")


if __name__ == "__main__":
    main()
