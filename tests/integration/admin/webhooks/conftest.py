"""A company and the receiver of its webhook."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from admin.webhooks.domain import (
    WebhookChange,
)
from tests.support.builders import make_company
from tests.support.wallets import Wallets
from tests.support.webhooks import SECRET, Receiver, run_receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with run_receiver() as opened:
        yield opened


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection, receiver: Receiver) -> Wallets:
    """A company whose webhook is the receiver."""
    await make_company(database)
    await wallets.webhooks.create("acme", WebhookChange(url=receiver.url), SECRET)
    return wallets
