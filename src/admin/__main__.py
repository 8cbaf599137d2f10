"""`python -m admin`: the back office's service, and what operators run by hand."""

import asyncio
import sys

import click
import psycopg

from admin.documents.cli import documents
from admin.rates.cli import rates
from admin.refunds.cli import refunds
from admin.settings import AdminSettings
from admin.statements.cli import transactions
from server.commands import Run, add_serving
from server.settings import read_settings
from wallet.domain.errors import WalletError
from wallet.ledger.migrate import UnfitDatabase
from wallet.ledger.migrate import migrate as bring_up_to_date
from wallet.settings import WalletSettings


@click.group()
def main() -> None:
    """Companies, top-ups, prices, statements and the ledger's proof. Settings come from the environment."""


@main.command()
def migrate() -> None:
    """Bring the database of DATABASE_URL to the present schema. Safe to run again, and by several at once."""
    try:
        applied = bring_up_to_date(read_settings(WalletSettings).database_url)
    except (psycopg.OperationalError, UnfitDatabase) as error:
        raise click.ClickException(f"DATABASE_URL: {error}") from error
    click.echo("\n".join(["applied:", *applied]) if applied else "the schema is up to date")


@main.command()
def verify() -> None:
    """Check the promises over the whole database, and Redis against it. Exit status 1 where one is broken."""
    sys.exit(0 if asyncio.run(_verify()) else 1)


async def _verify() -> bool:
    # The supervisor needs none of it.
    import asyncpg  # noqa: PLC0415

    from admin.ledger.verifier import verifier_of  # noqa: PLC0415
    from wallet.hot.connect import UnfitRedis  # noqa: PLC0415
    from wallet.installation import NotThisInstallation  # noqa: PLC0415
    from wallet.runtime import open_wallets  # noqa: PLC0415

    try:
        async with open_wallets(read_settings(WalletSettings), sweeps=False) as wallets:
            found = await verifier_of(wallets).run()
    except WalletError as error:
        raise click.ClickException(f"{error}; see DATABASE_URL and REDIS_URL") from error
    except (UnfitRedis, NotThisInstallation) as error:
        raise click.ClickException(str(error)) from error
    except asyncpg.UndefinedTableError as error:
        raise click.ClickException("The database has no tables yet: run `python -m admin migrate`.") from error
    for problem in found.problems:
        click.echo(f"companies/{problem.company}  {problem.check}  {problem.detail}")
    if found.problems_found > len(found.problems):
        click.echo(f"… and {found.problems_found - len(found.problems)} more")
    click.echo(
        f"{found.wallets_checked} wallets, {found.transactions_checked} transactions and "
        f"{found.hot_wallets_checked} hot wallets checked: "
        + (f"{found.problems_found} problems" if found.problems_found else "every promise holds")
    )
    return not found.problems_found


def _load() -> Run[AdminSettings]:
    from admin.app import run  # noqa: PLC0415  Only a worker needs all that.

    return run


main.add_command(documents)
main.add_command(rates)
main.add_command(refunds)
main.add_command(transactions)
add_serving(main, name="ADMIN", settings=AdminSettings, load=_load)

if __name__ == "__main__":
    main()
