"""A limit on how long a caller may take to send or to receive."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from server.rejections import CallerTooSlow
from wallet.domain.errors import Applied


@asynccontextmanager
async def in_time(seconds: float, late: str, *, applied: Applied = Applied.NO) -> AsyncGenerator[None, None]:
    """Raise CallerTooSlow if the block takes longer than `seconds`; `late` says what did not happen.

    A TimeoutError of the block itself passes.
    """
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise CallerTooSlow(f"{late} within {seconds:g} s", applied=applied) from error
