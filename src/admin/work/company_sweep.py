"""Background work company by company, in the order of their ids."""

import time
from collections.abc import Awaitable, Callable

RUN_SECONDS_MAX = 10.0
COMPANIES_PER_QUERY = 500

FindCompanies = Callable[[str, int], Awaitable[list[str]]]
"""Returns up to a number of companies with work to do, in the order of their ids, after an id ("" for the first)."""
ProcessCompany = Callable[[str], Awaitable[bool]]
"""Does a bounded part of a company's work; returns whether more is left."""


class CompanySweep:
    """Sweeps over companies with work to do. A run continues where the previous one ran out of time."""

    def __init__(self, find: FindCompanies) -> None:
        """Process the companies that `find` returns."""
        self._find = find
        self._after = ""

    async def run(self, process: ProcessCompany) -> None:
        """Process each company, and again while one has more left, for about RUN_SECONDS_MAX."""
        give_up_at = time.monotonic() + RUN_SECONDS_MAX
        more = False
        while True:
            companies = await self._find(self._after, COMPANIES_PER_QUERY)
            for company in companies:
                # Before it is processed, so that the next run goes past a company that fails.
                self._after = company
                more |= await process(company)
                if time.monotonic() > give_up_at:
                    return
            if len(companies) < COMPANIES_PER_QUERY:
                self._after = ""
                # Work that arrived meanwhile is left to the next run: a busy system always has some.
                if not more:
                    return
                more = False
