"""The calls that the commands of `refunds` make."""

import sys
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click

from admin.cli.calling import CALL_SECONDS_MAX, calling
from admin.cli.connection import Connection
from admin.cli.times import micros_in
from veloconnect.admin.v1 import refund_pb2
from wallet.domain.money import words

CREATION_SECONDS_MAX = 600.0
"""How long a job may take to be made: all that it is to refund is looked through."""
NAMES_PER_MESSAGE = 10_000


def settings_of(job_id: str, **options: Any) -> refund_pb2.CreateRefundJobSettings:
    """Return the settings of a job as its options say. Raises click.BadParameter."""
    where = refund_pb2.RefundFilter(
        company=options["company"],
        channel=f"CHANNEL_{options['channel'].upper()}" if options["channel"] else None,
        country_code=options["country"],
        campaign_id=options["campaign"],
        contact_id=options["contact"],
    )
    for field, option, text in (("start_time", "--from", options["start"]), ("end_time", "--to", options["end"])):
        if text:
            getattr(where, field).FromMicroseconds(micros_in(text, option))
    job = refund_pb2.RefundJob(
        filter=where,
        reason=f"REFUND_REASON_{options['reason'].upper()}",
        requested_by=options["requested_by"],
        reference=options["reference"],
    )
    return refund_pb2.CreateRefundJobSettings(
        refund_job_id=job_id, refund_job=job, validate_only=options["validate_only"]
    )


def make_job(connection: Connection, settings: refund_pb2.CreateRefundJobSettings, names: Path | None) -> None:
    """Make a job, or say what it would be; print it."""
    first = refund_pb2.CreateRefundJobRequest(settings=settings)
    with calling(connection) as caller:
        job = caller.refunds.CreateRefundJob(
            chain([first], _names(names) if names else ()), metadata=caller.metadata, timeout=CREATION_SECONDS_MAX
        )
    if settings.validate_only:
        click.echo("Nothing is refunded. The job would be for")
    _print(job)


def show(connection: Connection, name: str) -> None:
    """Print a job; end with status 1 where some of its charges failed."""
    with calling(connection) as caller:
        job = caller.refunds.GetRefundJob(
            refund_pb2.GetRefundJobRequest(name=name), metadata=caller.metadata, timeout=CALL_SECONDS_MAX
        )
    _print(job)
    if job.failed_count:
        sys.exit(1)


def cancel(connection: Connection, name: str) -> None:
    """End a job and print it."""
    with calling(connection) as caller:
        job = caller.refunds.CancelRefundJob(
            refund_pb2.CancelRefundJobRequest(name=name), metadata=caller.metadata, timeout=CALL_SECONDS_MAX
        )
    _print(job)


def _names(path: Path) -> Iterator[refund_pb2.CreateRefundJobRequest]:
    """Yield the names of a file, one a line, as messages; empty lines are passed over."""
    with path.open(encoding="utf-8") as file:
        names = (line.strip() for line in file if line.strip())
        while some := list(islice(names, NAMES_PER_MESSAGE)):
            yield refund_pb2.CreateRefundJobRequest(names=refund_pb2.TransactionNames(transactions=some))


def _print(job: refund_pb2.RefundJob) -> None:
    if job.name:
        click.echo(f"{job.name}: {refund_pb2.RefundJob.State.Name(job.state).removeprefix('STATE_').lower()}")
    charges = "1 charge" if job.expected_count == 1 else f"{job.expected_count} charges"
    click.echo(f"  {charges}, of which {_amounts(job.expected_amounts)} are left to refund")
    if job.listed_count > job.expected_count:
        click.echo(
            f"  {job.listed_count - job.expected_count} of the {job.listed_count} names are of no charge: they fail"
        )
    if job.name:
        click.echo(f"  {job.matched_count} done: {job.refunded_count} refunded, {_amounts(job.refunded_amounts)}")
    click.echo(f"  {job.already_refunded_count} were refunded before")
    if job.failed_count:
        click.echo(f"  {job.failed_count} failed:")
    for failure in job.failures:
        click.echo(f"    {failure.transaction}  {failure.reason}")


def _amounts(amounts: Any) -> str:
    return ", ".join(words(amount.amount_micros, amount.currency_code) for amount in amounts) or "nothing"
