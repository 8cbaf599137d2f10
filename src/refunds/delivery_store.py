"""The refund policy and delivery reports in Postgres."""

import asyncpg

from refunds.case_store import insert_case, report_of
from refunds.delivery import (
    Action,
    CaseOrigin,
    DeliveryReport,
    NewCase,
    RecordedReport,
    RefundPolicy,
    RefundRule,
)
from wallet.domain import system_keys
from wallet.domain.usage import Channel
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import micros_of
from wallet.ledger.transactions import autocommitting, reading, snapshot, writing

NO_RULE = "No rule of the refund policy says that this is on our side."

_SQL = load(__name__)


class RefundPolicyStore:
    """The table of the refund policy. Every method raises LedgerUnavailable if Postgres does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def get(self) -> RefundPolicy:
        """Return the policy."""
        async with snapshot(self._pool) as connection:
            return await _policy(connection)

    async def replace(self, rules: list[RefundRule]) -> RefundPolicy:
        """Replace all rules by these; return the new policy."""
        records = [
            (place, rule.channel, *_code(rule), rule.action, rule.description) for place, rule in enumerate(rules)
        ]
        async with writing(self._pool) as connection:
            await connection.execute(_SQL["lock_policy"])
            await connection.execute(_SQL["delete_rules"])
            await connection.executemany(_SQL["insert_rule"], records)
            return await _policy(connection)


class DeliveryReportStore:
    """The table of delivery reports. Every method raises LedgerUnavailable if Postgres does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def get(self, company: str, number: int) -> RecordedReport | None:
        """Return the first report of a charge; None if there is none."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["report"], company, number)
        return None if row is None else _recorded(row)

    async def record(self, report: DeliveryReport, channel: Channel | None, *, refundable: bool) -> RecordedReport:
        """Record a report with the present policy's action and return it; or return the charge's first report.

        If the action is a case, the case is opened in the same transaction. If it is a refund and the charge is not
        `refundable`, because nothing is left of it, the report is finished.
        """
        values = report.company, report.number, report.status, report.carrier_code, *_share(report)
        async with writing(self._pool) as connection:
            action = Action(await connection.fetchval(_SQL["action"], channel, report.carrier_code) or Action.OPEN_CASE)
            finished = action is Action.OPEN_CASE or not refundable
            if await connection.fetchval(_SQL["insert_report"], *values, action, finished):
                if action is Action.OPEN_CASE:
                    await insert_case(connection, case_of(report))
                return RecordedReport(report, action, finished, None)
            first = await connection.fetchrow(_SQL["report"], report.company, report.number)
            assert first is not None, "the insert conflicted with it"
            return _recorded(first)

    async def finish(self, report: DeliveryReport, refund_number: int | None) -> None:
        """Record that a report's refund is done, with its number; None: there was nothing to refund."""
        async with autocommitting(self._pool) as connection:
            await connection.execute(_SQL["finish_report"], report.company, report.number, Action.REFUND, refund_number)

    async def open_case_instead(self, report: DeliveryReport, why: str) -> None:
        """Open a case instead of a refund that the ledger declines."""
        async with writing(self._pool) as connection:
            await connection.execute(_SQL["finish_report"], report.company, report.number, Action.OPEN_CASE, None)
            await insert_case(connection, case_of(report, why))

    async def unfinished(self, *, age_seconds_min: float, limit: int) -> list[RecordedReport]:
        """Return up to `limit` reports whose refund is not known to be in the ledger, oldest first.

        The reports are at least `age_seconds_min` old.
        """
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["unfinished"], age_seconds_min, limit)
        return [_recorded(row) for row in rows]


def case_of(report: DeliveryReport, why: str = NO_RULE) -> NewCase:
    """Return the case that a report opens; `why` is the second sentence of its description."""
    return NewCase(
        report.company,
        system_keys.delivery_case(report.number),
        report.number,
        CaseOrigin.DELIVERY_REPORT,
        f"{_sentence(report)} {why}",
        report=report,
    )


def contradiction_of(report: DeliveryReport, first: RecordedReport) -> NewCase:
    """Return the case that a report opens if it contradicts the first one."""
    acted = "was refunded by" if first.action is Action.REFUND else "has a case for"
    return NewCase(
        report.company,
        system_keys.contradiction_case(report.number),
        report.number,
        CaseOrigin.CONTRADICTION,
        f"{_sentence(report)} The charge {acted} an earlier report: {_sentence(first.report)}",
        report=report,
    )


def _sentence(report: DeliveryReport) -> str:
    code = f", code {report.carrier_code}" if report.carrier_code else ""
    return f"The carrier reports {report.share.delivered} of {report.share.total} delivered{code}."


async def _policy(connection: Connection) -> RefundPolicy:
    rows = await connection.fetch(_SQL["rules"])
    changed = await connection.fetchval(_SQL["policy_changed_at"])
    rules = [
        RefundRule(
            carrier_code=row["carrier_code"] + ("*" if row["is_prefix"] else ""),
            action=Action(row["action"]),
            channel=None if row["channel"] is None else Channel(row["channel"]),
            description=row["description"],
        )
        for row in rows
    ]
    return RefundPolicy(rules, 0 if changed is None else micros_of(changed))


def _code(rule: RefundRule) -> tuple[str, bool]:
    """Return a rule's columns carrier_code and is_prefix."""
    return (rule.carrier_code, False) if rule.prefix is None else (rule.prefix, True)


def _share(report: DeliveryReport) -> tuple[int, int]:
    return report.share.delivered, report.share.total


def _recorded(row: asyncpg.Record) -> RecordedReport:
    return RecordedReport(report_of(row), Action(row["action"]), row["finished"], row["refund_number"])
