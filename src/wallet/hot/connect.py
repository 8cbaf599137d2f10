"""Connect to Redis or Valkey, one server or a cluster, and refuse what would lose money."""

import asyncio
from typing import Any

import hiredis
from redis.asyncio import Connection, ConnectionPool, Redis, RedisCluster, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from wallet.domain.errors import Applied, WalletUnavailable

SOCKET_SECONDS_MAX = 2.0
REDIS_VERSION_MIN = (7, 0)
VALKEY_VERSION_MIN = (8, 0)

Client = Redis | RedisCluster


class UnfitRedis(Exception):
    """The server's version or settings would lose money. The text says what to change."""


async def connect(redis_url: str) -> Client:
    """Return a client for the server or, if it runs in cluster mode, for the cluster.

    Raises UnfitRedis, and WalletUnavailable if it does not answer.
    """
    client: Client = Redis.from_pool(_pool(redis_url))
    try:
        info: dict[str, Any] = await client.info()
        _check(info)
        if info.get("cluster_enabled"):
            await client.aclose()
            client = RedisCluster.from_url(redis_url, **_options())
            await client.initialize()
            for node_info in (await client.info(target_nodes=RedisCluster.PRIMARIES)).values():
                if isinstance(node_info, dict):
                    _check(node_info)
    except RedisError as error:
        await client.aclose()
        raise WalletUnavailable(f"Redis does not answer: {type(error).__name__}", applied=Applied.NO) from error
    except UnfitRedis:
        await client.aclose()
        raise
    return client


class Direct:
    """One connection for consecutive scripts, such as those of a lane's cycles. Not for concurrent use.

    The client gets a connection from its pool for each call, and wraps each step in a task with a time-out, which is
    more work than the call itself.
    """

    def __init__(self, client: Redis) -> None:
        """Prepare to connect at the first call."""
        self._pool = client.connection_pool
        self._connection: Connection | None = None
        self.busy = False

    async def run(self, *arguments: Any) -> Any:
        """Send one command; return its reply. Raises RedisError, OSError, TimeoutError."""
        assert not self.busy
        self.busy = True
        try:
            async with asyncio.timeout(SOCKET_SECONDS_MAX):
                connection = self._connection
                if connection is None:
                    connection = self._connection = self._pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py has none
                    await connection.connect()
                    connection.socket_timeout = None  # The time-out above is for the whole call.
                await connection.send_packed_command([hiredis.pack_command(arguments)], check_health=False)
                return await connection.read_response()
        except ResponseError:
            raise
        except BaseException:
            # A late reply must not be read as the next command's.
            await self.close()
            raise
        finally:
            self.busy = False

    async def close(self) -> None:
        """Close the connection at once."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.disconnect(nowait=True)


class _Packed:
    """Encodes commands in C: a cycle's script has thousands of arguments, which redis-py would encode one by one."""

    def pack_command(self, *arguments: Any) -> list[bytes]:
        return [hiredis.pack_command(arguments)]


class _PackedConnection(_Packed, Connection):
    pass


class _PackedSSLConnection(_Packed, SSLConnection):
    pass


class _PackedUnixConnection(_Packed, UnixDomainSocketConnection):
    pass


_PACKED: dict[type, type] = {
    Connection: _PackedConnection,
    SSLConnection: _PackedSSLConnection,
    UnixDomainSocketConnection: _PackedUnixConnection,
}


def _pool(redis_url: str) -> ConnectionPool:
    pool = ConnectionPool.from_url(redis_url, **_options())
    pool.connection_class = _PACKED[pool.connection_class]
    return pool


def _options() -> dict[str, Any]:
    return {
        "socket_timeout": SOCKET_SECONDS_MAX,
        "socket_connect_timeout": SOCKET_SECONDS_MAX,
        # Not every script may run twice, so HotStore decides which calls are tried again.
        "retry": Retry(NoBackoff(), 0),
    }


def _check(info: dict[str, Any]) -> None:
    if (policy := info.get("maxmemory_policy", "noeviction")) != "noeviction":
        raise UnfitRedis(f"maxmemory-policy is {policy}: Redis would throw wallets away. Set it to noeviction.")
    name, floor = ("valkey", VALKEY_VERSION_MIN) if "valkey_version" in info else ("redis", REDIS_VERSION_MIN)
    version = tuple(int(part) for part in str(info[f"{name}_version"]).split(".")[:2])
    if version < floor:
        raise UnfitRedis(f"{name} {info[f'{name}_version']} is too old: {floor[0]}.{floor[1]} or newer is needed.")
