"""The company of the tests of subscriptions."""

import asyncpg
import pytest

from tests.support.wallets import Wallets


@pytest.fixture(autouse=True)
async def _billing_address(acme: Wallets, database: asyncpg.Connection) -> None:
    """Give the company a billing address. It has 1 000 micros, ten times the price of a period."""
    await database.execute("UPDATE companies SET billing_email = 'people@acme.example'")
