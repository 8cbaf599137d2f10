"""Goes from company to company, by id: what background work does that looks at each that has something to be done."""

import time
from collections.abc import Awaitable, Callable

RUN_SECONDS_MAX = 10.0
COMPANIES_PER_LOOK = 500

Behind = Callable[[str, int], Awaitable[list[str]]]
"""Returns up to so many companies, by id from one on, that have something to be done."""
Visit = Callable[[str], Awaitable[bool]]
"""Does a bounded part of it for one company; returns whether there is more."""


class Rounds:
    """Remembers where it was: a run goes on where the one before had no time left."""

    def __init__(self, behind: Behind) -> None:
        """Visit whom `behind` finds."""
        self._behind = behind
        self._after = ""

    async def go(self, visit: Visit) -> None:
        """Visit each company, again while one had more, or for RUN_SECONDS_MAX."""
        give_up_at = time.monotonic() + RUN_SECONDS_MAX
        more = False
        while True:
            companies = await self._behind(self._after, COMPANIES_PER_LOOK)
            for company in companies:
                # First, so that the next run goes on behind a company that cannot be worked on.
                self._after = company
                more |= await visit(company)
                if time.monotonic() > give_up_at:
                    return
            if len(companies) < COMPANIES_PER_LOOK:
                self._after = ""
                # What came meanwhile is left to the next run: there is always something.
                if not more:
                    return
                more = False
