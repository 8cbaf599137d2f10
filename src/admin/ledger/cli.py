"""`python -m admin migrate` and `verify`: migrate the database, and verify the ledger."""

import asyncio
import sys

import asyncpg
import click
import psycopg

from admin.ledger.verifier import verifier_of
from server.settings import read_settings
from wallet.domain.errors import WalletError
from wallet.domain.resource_names import COMPANY
from wallet.hot.connect import UnfitRedis
from wallet.installation import NotThisInstallation
from wallet.ledger.migrate import UnfitDatabase
from wallet.ledger.migrate import migrate as migrate_database
from wallet.runtime import open_wallets
from wallet.settings import WalletSettings
from wallet.verification.verifier import Verification


@click.command()
def migrate() -> None:
    """Migrate the database of DATABASE_URL. Safe to run again, and by several processes at once."""
    try:
        applied = migrate_database(read_settings(WalletSettings).database_url)
    except (psycopg.OperationalError, UnfitDatabase) as error:
        raise click.ClickException(f"DATABASE_URL: {error}") from error
    click.echo("\n".join(["applied:", *applied]) if applied else "the schema is up to date")


@click.command()
def verify() -> None:
    """Check the promises over the whole database, and Redis against it. Exit status 1 if one is broken."""
    try:
        result = asyncio.run(_verify())
    except WalletError as error:
        raise click.ClickException(f"{error}; see DATABASE_URL and REDIS_URL") from error
    except (UnfitRedis, NotThisInstallation) as error:
        raise click.ClickException(str(error)) from error
    except asyncpg.UndefinedTableError as error:
        raise click.ClickException("The database has no tables yet: run `python -m admin migrate`.") from error
    for problem in result.problems:
        click.echo(f"{COMPANY.name(problem.company)}  {problem.check}  {problem.detail}")
    if result.problems_found > len(result.problems):
        click.echo(f"… and {result.problems_found - len(result.problems)} more")
    click.echo(
        f"{result.wallets_checked} wallets, {result.transactions_checked} transactions and "
        f"{result.hot_wallets_checked} hot wallets checked: "
        + (f"{result.problems_found} problems" if result.problems_found else "every promise holds")
    )
    sys.exit(1 if result.problems_found else 0)


async def _verify() -> Verification:
    async with open_wallets(read_settings(WalletSettings), sweeps=False) as wallets:
        return await verifier_of(wallets).run()
