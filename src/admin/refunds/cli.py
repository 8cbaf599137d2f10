"""`python -m admin refunds`: give many charges back, and see how far that is."""

from pathlib import Path
from typing import Any

import click

from admin.cli.connection import Connection, connection_options
from admin.cli.options import CHANNELS, named

REASONS = (
    "carrier_outage",
    "failed_delivery",
    "partial_delivery",
    "duplicate_charge",
    "wrong_price",
    "goodwill",
    "other",
)

_job_argument = click.argument("job", callback=named("refundJobs"))


@click.group()
def refunds() -> None:
    """Refunds of many charges, as after an outage."""


@refunds.command("create-job")
@click.argument("job_id", metavar="ID")
@click.option("--reason", type=click.Choice(REASONS), required=True, help="Why; the ledger keeps it.")
@click.option("--requested-by", required=True, help="Who asks for it, such as ann or a ticket system.")
@click.option("--reference", default="", help="Text for each of the refunds, such as a ticket.")
@click.option("--company", callback=named("companies"), help="Whose charges, such as acme; else everybody's.")
@click.option("--from", "start", help="Charged from this time on, in UTC: 2026-11-01 or 2026-11-01T08:30:00Z.")
@click.option("--to", "end", help="Charged before this time, such as 2026-11-01T09:15:00Z.")
@click.option("--channel", type=click.Choice(CHANNELS), help="Only this channel.")
@click.option("--country", default="", help="Only this country, such as DE.")
@click.option("--campaign", default="", help="Only this campaign.")
@click.option("--contact", default="", help="Only this contact.")
@click.option(
    "--names",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the names of charges, one a line, in the place of times and a filter.",
)
@click.option("--validate-only", is_flag=True, help="Say how many charges and how much it would be; refund nothing.")
@connection_options
def create_job(connection: Connection, job_id: str, names: Path | None, **options: Any) -> None:
    """Refund all that is left of many charges, by a job of this ID.

    Begin with --validate-only. The same command again under the same ID makes no second job.
    """
    # Nothing else of this command line needs gRPC.
    from admin.refunds.cli_calls import make_job, settings_of  # noqa: PLC0415

    make_job(connection, settings_of(job_id, **options), names)


@refunds.command("show-job")
@_job_argument
@connection_options
def show_job(connection: Connection, job: str) -> None:
    """Show how far a job is, and what failed. Exit status 1 where something did."""
    from admin.refunds.cli_calls import show  # noqa: PLC0415  As above.

    show(connection, job)


@refunds.command("cancel-job")
@_job_argument
@connection_options
def cancel_job(connection: Connection, job: str) -> None:
    """End a job before its time; what is refunded stays refunded."""
    from admin.refunds.cli_calls import cancel  # noqa: PLC0415  As above.

    cancel(connection, job)
