"""While Postgres is away nothing is taken, and when it is back everything goes on."""

import pytest
import redis

from tests.builders import charge, top_up
from tests.engine_steps import settled, until
from tests.redis_copies import keys_of
from tests.tcp_proxy import Proxy, through
from wallet.domain.errors import Applied, LedgerUnavailable
from wallet.runtime import Wallets, open_wallets
from wallet.settings import WalletSettings

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_p3_while_postgres_is_away_commands_are_refused_before_they_touch_redis(
    acme: Wallets, postgres_proxy: Proxy, settings: WalletSettings, hot: redis.Redis
) -> None:
    url = through(settings.database_url, postgres_proxy)
    async with open_wallets(settings.model_copy(update={"database_url": url}), sweeps=False) as cut_off:
        await cut_off.engine.submit(charge(100))
        await settled(cut_off)
        await postgres_proxy.shut()
        first = charge(100)
        with pytest.raises(LedgerUnavailable) as raised:
            await cut_off.engine.submit(first)
        assert raised.value.applied is Applied.UNKNOWN  # Nobody knew it before this one.
        before = {key: hot.dump(key) for key in keys_of(hot)}
        for refused in (charge(100), top_up(5), charge(1, company="cold")):
            with pytest.raises(LedgerUnavailable) as raised:
                await cut_off.engine.submit(refused)
            assert raised.value.applied is Applied.NO
        assert {key: hot.dump(key) for key in keys_of(hot)} == before
        await postgres_proxy.open()
        await until(cut_off.healthy)
        assert (await cut_off.engine.submit(first)).entry.number == 3
