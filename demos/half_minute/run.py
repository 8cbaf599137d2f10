"""The whole play: companies with credit, gateways at work until the time is over, the comparison of all books."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from demos.half_minute import companies
from demos.half_minute.back_office import BackOffice
from demos.half_minute.books import Audit, audit
from demos.half_minute.companies import Company
from demos.half_minute.destinations import PhoneBook
from demos.half_minute.gateways.answers import Refused
from demos.half_minute.gateways.campaigns import AuthorizedCampaigns, BatchedCampaigns, ChargedCampaigns
from demos.half_minute.gateways.gateway import Gateway, Scene
from demos.half_minute.gateways.one_time_codes import OneTimeCodes
from demos.half_minute.gateways.parcel_alerts import ParcelAlerts
from demos.half_minute.gateways.rented_numbers import RentedNumbers
from demos.half_minute.gateways.voice import Calls
from demos.half_minute.gateways.whatsapp import MarketingTemplates, UtilityTemplates
from demos.half_minute.metrics import Measures
from demos.half_minute.payer import Treasury
from demos.half_minute.progress import Progress
from demos.half_minute.report import company_report, is_good, latency_report, verdict
from devstack.errors import DirectoryUnusable

OVERTIME_SECONDS_MAX = 120.0
"""For what was begun before the end; a service that does not answer at all ends the play earlier."""

CAST: Sequence[tuple[Company, Sequence[tuple[str, type[Gateway]]]]] = (
    (companies.SHOP, (("sms", ChargedCampaigns), ("bulk", BatchedCampaigns), ("whatsapp", MarketingTemplates))),
    (companies.BANK, (("codes", OneTimeCodes),)),
    (companies.AIRLINE, (("templates", UtilityTemplates), ("offers", AuthorizedCampaigns))),
    (companies.CALL_CENTRE, (("numbers", RentedNumbers), ("calls", Calls))),
    (companies.COURIER, (("alerts", ParcelAlerts),)),
)
"""Which gateways work for whom."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service that is running."""

    target: str
    """Of charging: host:port."""

    admin_target: str
    token_file: Path

    @property
    def token(self) -> str:
        """The bearer token; `DirectoryUnusable` where there is none."""
        try:
            return self.token_file.read_text().strip()
        except OSError as error:
            raise DirectoryUnusable(f"no token in {self.token_file} ({error}); say where with --token-file") from error


@dataclass(frozen=True, slots=True)
class Script:
    """How to play."""

    seconds: float
    seed: int
    suffix: str
    """What makes the companies' ids new ones on a service that has played before."""


async def play(service: Service, script: Script) -> int:
    """Play, and return 0 if every book is right, else 1."""
    try:
        return await _play(service, script)
    except* Refused as refusals:
        stopped = refusals
    for refusal in _leaves(stopped):
        print(f"The play stopped: {refusal}")
    return 1


async def _play(service: Service, script: Script) -> int:
    """Make companies, let the gateways play, compare; refusals come alone or in groups."""
    measures = Measures()
    progress = Progress(measures, sys.stdout, script.seconds)
    async with BackOffice(service.admin_target, service.token) as back_office:
        treasuries = [
            Treasury(company.named(script.suffix), back_office, measures, progress.say) for company, _ in CAST
        ]
        for treasury in treasuries:
            await back_office.create(treasury.company)
            await treasury.pay_in()
        gateways = await _perform(service, script, treasuries, progress)
        audits = [
            await _report(treasury, [each for each in gateways if each.treasury is treasury], back_office)
            for treasury in treasuries
        ]
        print(latency_report(measures))
        verified = await back_office.verify()
    print(verdict(audits, verified, measures))
    return 0 if is_good(audits, verified) else 1


async def _perform(
    service: Service, script: Script, treasuries: Sequence[Treasury], progress: Progress
) -> list[Gateway]:
    """Let all gateways play to the end, and return them with their books."""
    phone_book = PhoneBook(Random(script.seed))
    measures = progress.measures
    began = asyncio.get_running_loop().time()
    scene = Scene(service.target, service.token, script.seed, began, began + script.seconds, phone_book, measures)
    gateways = [
        kind(name, scene, treasury) for treasury, (_, cast) in zip(treasuries, CAST, strict=True) for name, kind in cast
    ]
    measures.start()
    showing = asyncio.create_task(progress.run())
    try:
        async with asyncio.timeout(script.seconds + OVERTIME_SECONDS_MAX), asyncio.TaskGroup() as group:
            for gateway in gateways:
                group.create_task(gateway.play())
    except TimeoutError as error:
        raise Refused(f"the gateways were not done {OVERTIME_SECONDS_MAX:g} s after the end") from error
    finally:
        measures.end()
        showing.cancel()
        with suppress(asyncio.CancelledError):
            await showing
        for gateway in gateways:
            await gateway.line.close()
    return gateways


async def _report(treasury: Treasury, gateways: Sequence[Gateway], back_office: BackOffice) -> Audit:
    """Tell how the company has done, and compare its books with the service's."""
    company = treasury.company
    purse = await back_office.read_wallet(company)
    statement = await back_office.statement(company)
    print(f"\n{company_report(company, purse, statement)}", end="")
    return audit(company.name, [treasury.books, *(each.books for each in gateways)], statement, purse)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """Return the errors of a group of groups."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
