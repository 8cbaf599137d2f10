"""Redis's memory for an idle company and for a remembered charge, as Redis counts it."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from benchmarks.companies import Admin, each
from benchmarks.company_groups import AMOUNT_MICROS
from benchmarks.loadgen.templates import charge_request
from benchmarks.servers import ServerRole, Service
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc

COMPANIES = 1_000
COMPANIES_BEFORE = 100
"""Companies charged before the first reading, so that scripts, connections and buffers do not count."""
CHARGES_EACH = 20
BATCH_SIZE = 100
CALL_SECONDS_MAX = 30.0
SETTLED_SECONDS = 0.5
SETTLED_READS_MAX = 20
SETTLED_BYTES = 2_000
"""Readings that differ by less count as equal: all entries are settled."""


@dataclass(frozen=True, slots=True)
class RedisMemory:
    """Bytes, including keys and tables, without connections and scripts."""

    bytes_per_company: float
    """An idle company's wallet, without the key of its first top-up."""
    bytes_per_charge: float
    """The keys of one charge, for the time that they are kept."""


async def measure_memory(service: Service) -> RedisMemory:
    """Create, fund and charge companies; return the growth of Redis's memory per company and per charge.

    The result is best on a nearly empty Redis: a large table grows by more than this at once.

    Raise `AdminFailed` or `grpc.RpcError`.
    """
    assert service.redis_url is not None
    admin_endpoint = service.servers[ServerRole.ADMIN].endpoint
    async with redis.asyncio.Redis.from_url(service.redis_url) as client, Admin.at(admin_endpoint) as admin:
        await _charge(service, await admin.make_companies(COMPANIES_BEFORE))
        before = await _settled_bytes(client)
        companies = await admin.make_companies(COMPANIES)
        await _charge(service, companies)  # loads the wallets that are not in Redis yet
        idle = await _settled_bytes(client)
        await _charge(service, companies * CHARGES_EACH)
        charged = await _settled_bytes(client)
    per_charge = (charged - idle) / (COMPANIES * CHARGES_EACH)
    # A top-up is remembered as a charge is: two keys of each idle company.
    per_company = (idle - before) / COMPANIES - 2 * per_charge
    return RedisMemory(bytes_per_company=per_company, bytes_per_charge=per_charge)


def live_bytes(stats: Mapping[str, Any]) -> int:
    """Return the bytes of values and of their tables, by `MEMORY STATS`."""
    tables = (value for name, value in stats.items() if name.startswith("db.") and isinstance(value, Mapping))
    return int(stats["dataset.bytes"]) + sum(sum(map(int, table.values())) for table in tables)


async def _settled_bytes(client: "redis.asyncio.Redis") -> int:
    """Return the bytes once two readings are equal, or after SETTLED_READS_MAX readings."""
    last = await _bytes(client)
    for _ in range(SETTLED_READS_MAX):
        await asyncio.sleep(SETTLED_SECONDS)
        now = await _bytes(client)
        if abs(now - last) < SETTLED_BYTES:
            return now
        last = now
    return last


async def _bytes(client: "redis.asyncio.Redis") -> int:
    return live_bytes(await client.memory_stats())


async def _charge(service: Service, companies: Sequence[str]) -> None:
    """Charge each company once for each time that it is listed."""
    endpoint = service.servers[ServerRole.CHARGING].endpoint
    batches = [companies[place : place + BATCH_SIZE] for place in range(0, len(companies), BATCH_SIZE)]
    async with endpoint.channel() as channel:
        stub = charging_pb2_grpc.ChargingServiceStub(channel)

        async def charge(batch: Sequence[str]) -> None:
            requests = [charge_request(company, AMOUNT_MICROS) for company in batch]
            for request in requests:
                request.idempotency_key = secrets.token_hex(12)
            response = await stub.BatchCharge(
                charging_pb2.BatchChargeRequest(requests=requests),
                metadata=endpoint.metadata,
                timeout=CALL_SECONDS_MAX,
            )
            assert all(result.HasField("charge") for result in response.results)

        await each(batches, charge)
