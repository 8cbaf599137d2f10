"""`python -m admin`: the back office's service, and commands for operators."""

import click

from admin.cli.lazy import LazyGroup
from admin.settings import AdminSettings
from server.commands import Run, add_serving

LAZY_COMMANDS = {
    "documents": "admin.documents.cli:documents",
    "migrate": "admin.ledger.cli:migrate",
    "rates": "admin.rates.cli:rates",
    "refunds": "admin.refunds.cli:refunds",
    "transactions": "admin.statements.cli:transactions",
    "verify": "admin.ledger.cli:verify",
}


@click.group(cls=LazyGroup, lazy_commands=LAZY_COMMANDS)
def main() -> None:
    """Companies, top-ups, prices, statements and the ledger's proof. Settings come from the environment."""


def _load() -> Run[AdminSettings]:
    from admin.app import run  # noqa: PLC0415  Only a worker needs these modules.

    return run


add_serving(main, name="ADMIN", settings=AdminSettings, load=_load)

if __name__ == "__main__":
    main()
