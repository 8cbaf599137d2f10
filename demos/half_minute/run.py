"""The whole demo: create companies, run the gateways until the time is over, compare all books."""

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
from demos.half_minute.gateways.answers import DemoFailed
from demos.half_minute.gateways.campaigns import AuthorizedCampaigns, BatchedCampaigns, ChargedCampaigns
from demos.half_minute.gateways.gateway import Gateway, Session
from demos.half_minute.gateways.one_time_codes import OneTimeCodes
from demos.half_minute.gateways.parcel_alerts import ParcelAlerts
from demos.half_minute.gateways.rented_numbers import RentedNumbers
from demos.half_minute.gateways.voice import Calls
from demos.half_minute.gateways.whatsapp import MarketingTemplates, UtilityTemplates
from demos.half_minute.metrics import Metrics
from demos.half_minute.payer import Payer
from demos.half_minute.progress import Progress
from demos.half_minute.report import company_report, is_good, latency_report, verdict_text
from devstack.errors import DirectoryUnusable

OVERTIME_SECONDS_MAX = 120.0
"""The time for operations that began before the end; a service that does not answer at all ends the demo earlier."""

GATEWAYS: Sequence[tuple[Company, Sequence[tuple[str, type[Gateway]]]]] = (
    (companies.SHOP, (("sms", ChargedCampaigns), ("bulk", BatchedCampaigns), ("whatsapp", MarketingTemplates))),
    (companies.BANK, (("codes", OneTimeCodes),)),
    (companies.AIRLINE, (("templates", UtilityTemplates), ("offers", AuthorizedCampaigns))),
    (companies.CALL_CENTRE, (("numbers", RentedNumbers), ("calls", Calls))),
    (companies.COURIER, (("alerts", ParcelAlerts),)),
)
"""The gateways of each company, by name."""


@dataclass(frozen=True, slots=True)
class Service:
    """The addresses of a running service."""

    target: str
    """The address of charging, host:port."""

    admin_target: str
    token_file: Path

    @property
    def token(self) -> str:
        """The bearer token. Raises `DirectoryUnusable` if the file cannot be read."""
        try:
            return self.token_file.read_text().strip()
        except OSError as error:
            raise DirectoryUnusable(f"no token in {self.token_file} ({error}); say where with --token-file") from error


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run."""

    seconds: float
    seed: int
    suffix: str
    """Appended to the companies' ids, so that they are new on a service that had a demo before."""


async def run(service: Service, settings: Settings) -> int:
    """Run the demo; return 0 if all books agree and VerifyLedger finds nothing, else 1."""
    try:
        return await _run(service, settings)
    except* DemoFailed as refusals:
        stopped = refusals
    for refusal in _leaves(stopped):
        print(f"The demo stopped: {refusal}")
    return 1


async def _run(service: Service, settings: Settings) -> int:
    """Create companies, run the gateways, compare the books. Raise `DemoFailed`, alone or in a group."""
    metrics = Metrics()
    progress = Progress(metrics, sys.stdout, settings.seconds)
    async with BackOffice(service.admin_target, service.token) as back_office:
        payers = [Payer(company.named(settings.suffix), back_office, metrics, progress.say) for company, _ in GATEWAYS]
        for payer in payers:
            await back_office.create(payer.company)
            await payer.top_up()
        gateways = await _run_gateways(service, settings, payers, progress)
        audits = [
            await _report(payer, [each for each in gateways if each.payer is payer], back_office) for payer in payers
        ]
        print(latency_report(metrics))
        verified = await back_office.verify()
    print(verdict_text(audits, verified, metrics))
    return 0 if is_good(audits, verified) else 1


async def _run_gateways(
    service: Service, settings: Settings, payers: Sequence[Payer], progress: Progress
) -> list[Gateway]:
    """Run all gateways to the end and return them with their books."""
    phone_book = PhoneBook(Random(settings.seed))
    metrics = progress.metrics
    began = asyncio.get_running_loop().time()
    session = Session(
        service.target, service.token, settings.seed, began, began + settings.seconds, phone_book, metrics
    )
    gateways = [
        kind(name, session, payer) for payer, (_, kinds) in zip(payers, GATEWAYS, strict=True) for name, kind in kinds
    ]
    metrics.start()
    showing = asyncio.create_task(progress.run())
    try:
        async with asyncio.timeout(settings.seconds + OVERTIME_SECONDS_MAX), asyncio.TaskGroup() as group:
            for gateway in gateways:
                group.create_task(gateway.run())
    except TimeoutError as error:
        raise DemoFailed(f"the gateways were not done {OVERTIME_SECONDS_MAX:g} s after the end") from error
    finally:
        metrics.end()
        showing.cancel()
        with suppress(asyncio.CancelledError):
            await showing
        for gateway in gateways:
            await gateway.client.close()
    return gateways


async def _report(payer: Payer, gateways: Sequence[Gateway], back_office: BackOffice) -> Audit:
    """Print the company's wallet and last transactions; return the comparison of its books with the service."""
    company = payer.company
    wallet = await back_office.read_wallet(company)
    statement = await back_office.list_transactions(company)
    print(f"\n{company_report(company, wallet, statement)}", end="")
    return audit(company.name, [payer.books, *(each.books for each in gateways)], statement, wallet)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """Return the errors of a group of groups."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
