"""`python -m charging serve`: the gateways' service."""

import click

from charging.settings import ChargingSettings
from server.commands import Hosting, Run, add_serving


@click.group()
def main() -> None:
    """Charge wallets over gRPC. Settings come from the environment; see server/settings.py."""


def _load() -> Run[ChargingSettings]:
    from charging.app import run  # noqa: PLC0415  Only a worker needs these modules.

    return run


add_serving(
    main,
    name="CHARGING",
    settings=ChargingSettings,
    load=_load,
    hosting=Hosting("charging.hosted:app", lambda settings: settings.front),
)

if __name__ == "__main__":
    main()
