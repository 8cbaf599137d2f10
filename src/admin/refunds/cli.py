"""`python -m admin refunds`: refund many charges by a job, and follow its progress."""

import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click

from admin.cli.connection import Connection, connection_options
from admin.cli.options import CHANNELS, resource_name
from admin.cli.service import CALL_SECONDS_MAX, service_stub
from admin.cli.times import parse_time_option
from veloconnect.admin.v1 import refund_pb2
from veloconnect.admin.v1.refund_pb2_grpc import RefundServiceStub
from wallet.domain.money import format_money
from wallet.domain.resource_names import COMPANY, REFUND_JOB

CREATION_SECONDS_MAX = 600.0
"""How long the creation of a job may take, which reads all charges that it matches."""
NAMES_PER_MESSAGE = 10_000

REASONS = (
    "carrier_outage",
    "failed_delivery",
    "partial_delivery",
    "duplicate_charge",
    "wrong_price",
    "goodwill",
    "other",
)

_job_argument = click.argument("job", callback=resource_name(REFUND_JOB))


@click.group()
def refunds() -> None:
    """Refunds of many charges, as after an outage."""


@refunds.command("create-job")
@click.argument("job_id", metavar="ID")
@click.option("--reason", type=click.Choice(REASONS), required=True, help="The reason, which the ledger records.")
@click.option("--requested-by", required=True, help="The person or system that requests it, such as ann.")
@click.option("--reference", default="", help="Text for each of the refunds, such as a ticket.")
@click.option("--company", callback=resource_name(COMPANY), help="Only charges of this company, such as acme.")
@click.option("--from", "start", help="Charged from this time on, in UTC: 2026-11-01 or 2026-11-01T08:30:00Z.")
@click.option("--to", "end", help="Charged before this time, such as 2026-11-01T09:15:00Z.")
@click.option("--channel", type=click.Choice(CHANNELS), help="Only this channel.")
@click.option("--country", default="", help="Only this country, such as DE.")
@click.option("--campaign", default="", help="Only this campaign.")
@click.option("--contact", default="", help="Only this contact.")
@click.option(
    "--names",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with names of charges, one per line, instead of times and a filter.",
)
@click.option("--validate-only", is_flag=True, help="Show the number and the amount of charges, and refund nothing.")
@connection_options
def create_job(connection: Connection, job_id: str, names: Path | None, **options: Any) -> None:
    """Refund all that is left of many charges, by a job of this ID.

    Begin with --validate-only. The same command under the same ID creates no second job.
    """
    settings = _settings(job_id, **options)
    requests = chain([refund_pb2.CreateRefundJobRequest(settings=settings)], _names(names) if names else ())
    with service_stub(connection, RefundServiceStub) as service:
        job = service.CreateRefundJob(requests, metadata=connection.metadata, timeout=CREATION_SECONDS_MAX)
    if settings.validate_only:
        click.echo("Nothing is refunded. The job would be for")
    _print(job)


@refunds.command("show-job")
@_job_argument
@connection_options
def show_job(connection: Connection, job: str) -> None:
    """Show the progress of a job, and its failures. Exit status 1 if there are any."""
    request = refund_pb2.GetRefundJobRequest(name=job)
    with service_stub(connection, RefundServiceStub) as service:
        found = service.GetRefundJob(request, metadata=connection.metadata, timeout=CALL_SECONDS_MAX)
    _print(found)
    if found.failed_count:
        sys.exit(1)


@refunds.command("cancel-job")
@_job_argument
@connection_options
def cancel_job(connection: Connection, job: str) -> None:
    """Cancel a job; what it has refunded stays refunded."""
    request = refund_pb2.CancelRefundJobRequest(name=job)
    with service_stub(connection, RefundServiceStub) as service:
        canceled = service.CancelRefundJob(request, metadata=connection.metadata, timeout=CALL_SECONDS_MAX)
    _print(canceled)


def _settings(job_id: str, **options: Any) -> refund_pb2.CreateRefundJobSettings:
    """Return the settings of a job from its options. Raises click.BadParameter."""
    where = refund_pb2.RefundFilter(
        company=options["company"],
        channel=f"CHANNEL_{options['channel'].upper()}" if options["channel"] else None,
        country_code=options["country"],
        campaign_id=options["campaign"],
        contact_id=options["contact"],
    )
    for field, option, text in (("start_time", "--from", options["start"]), ("end_time", "--to", options["end"])):
        if text:
            getattr(where, field).FromMicroseconds(parse_time_option(text, option))
    job = refund_pb2.RefundJob(
        filter=where,
        reason=f"REFUND_REASON_{options['reason'].upper()}",
        requested_by=options["requested_by"],
        reference=options["reference"],
    )
    return refund_pb2.CreateRefundJobSettings(
        refund_job_id=job_id, refund_job=job, validate_only=options["validate_only"]
    )


def _names(path: Path) -> Iterator[refund_pb2.CreateRefundJobRequest]:
    """Yield the names in a file, one per line, as messages; skip empty lines."""
    with path.open(encoding="utf-8") as file:
        names = (line.strip() for line in file if line.strip())
        while batch := list(islice(names, NAMES_PER_MESSAGE)):
            yield refund_pb2.CreateRefundJobRequest(names=refund_pb2.TransactionNames(transactions=batch))


def _print(job: refund_pb2.RefundJob) -> None:
    if job.name:
        click.echo(f"{job.name}: {refund_pb2.RefundJob.State.Name(job.state).removeprefix('STATE_').lower()}")
    charges = "1 charge" if job.expected_count == 1 else f"{job.expected_count} charges"
    click.echo(f"  {charges}, of which {_amounts(job.expected_amounts)} are left to refund")
    if job.listed_count > job.expected_count:
        click.echo(
            f"  {job.listed_count - job.expected_count} of the {job.listed_count} names are not of charges, and fail"
        )
    if job.name:
        click.echo(f"  {job.matched_count} done: {job.refunded_count} refunded, {_amounts(job.refunded_amounts)}")
    click.echo(f"  {job.already_refunded_count} were refunded before")
    if job.failed_count:
        click.echo(f"  {job.failed_count} failed:")
    for failure in job.failures:
        click.echo(f"    {failure.transaction}  {failure.reason}")


def _amounts(amounts: Any) -> str:
    return ", ".join(format_money(amount.amount_micros, amount.currency_code) for amount in amounts) or "nothing"
