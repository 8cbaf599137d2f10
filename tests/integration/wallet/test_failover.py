"""Failovers of Redis, and calls that reach it late."""

from pathlib import Path

import asyncpg
import pytest

import devstack
from tests.support.builders import charge, make_company, top_up
from tests.support.engine_steps import settled
from tests.support.tcp_proxy import Proxy, through
from tests.support.wallets import Wallets, open_wallets
from wallet.domain.entries import Outcome
from wallet.domain.errors import Applied, WalletUnavailable
from wallet.hot.replies import Proposal, Reply
from wallet.hot.store import Batch
from wallet.settings import WalletSettings

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_p3_calls_that_are_late_by_redis_clock_run_again_in_order(
    acme: Wallets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3: calls that Redis finds late, since its clock was put forward, run again in their order."""
    replies: list[Reply] = []
    apply = acme.hot.apply

    async def recorded(partition: int, batch: Batch) -> list[Proposal]:
        proposals = await apply(partition, batch)
        replies.extend(proposal.reply for proposal in proposals)
        return proposals

    monkeypatch.setattr(acme.hot, "apply", recorded)
    clock = acme.hot._clocks[0]
    assert clock._ahead is not None
    clock._ahead -= 3_600_000_000
    results = await acme.engine.submit_many([charge(1_000), top_up(300), charge(300)])
    assert [result.entry.number for result in results if isinstance(result, Outcome)] == [2, 3, 4]
    assert replies == [Reply.LATE] * 3 + [Reply.APPLIED] * 3


async def test_p3_a_demoted_redis_is_replaced_by_the_new_primary(
    database: asyncpg.Connection, settings: WalletSettings, tmp_path: Path
) -> None:
    """P3: a Redis that was demoted is left for the server to which its name resolves now."""
    await make_company(database)
    with devstack.Valkey(tmp_path / "new") as new, devstack.Valkey(tmp_path / "old") as old:
        async with Proxy(old.port) as proxy:
            url = through(old.url, proxy)
            async with open_wallets(settings.model_copy(update={"redis_url": url}), sweeps=False) as moved:
                await moved.engine.submit(top_up(1_000))
                await settled(moved)
                proxy.server_port = new.port
                with old.connect() as client:
                    client.replicaof("127.0.0.1", new.port)
                for number in range(2, 5):
                    assert (await moved.engine.submit(charge(100))).entry.number == number
                with new.connect() as client:
                    assert client.hget("{w:0}:wallet:acme", "balance") == b"700"
                await settled(moved)


async def test_p3_a_redis_that_was_read_only_is_used_again(
    database: asyncpg.Connection, settings: WalletSettings, tmp_path: Path
) -> None:
    """P3: a Redis that accepts no writes for a while has applied nothing, and is used again afterwards."""
    await make_company(database)
    with devstack.Valkey(tmp_path / "server") as server, server.connect() as client:
        async with open_wallets(settings.model_copy(update={"redis_url": server.url}), sweeps=False) as demoted:
            await demoted.engine.submit(top_up(1_000))
            await settled(demoted)
            client.replicaof("127.0.0.1", 1)
            request = charge(100)
            for _ in range(2):
                with pytest.raises(WalletUnavailable) as raised:
                    await demoted.engine.submit(request)
            client.replicaof("NO", "ONE")
            assert (await demoted.engine.submit(request)).entry.number == 2
            assert raised.value.applied is Applied.NO
            await settled(demoted)
