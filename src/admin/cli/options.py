"""Options that several commands have: names of resources, and where to write."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from wallet.domain.resource_names import OneIdTemplate

CHANNELS = ("sms", "whatsapp", "voice", "phone_number")

output_option: Callable[..., Any] = click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it, when all of it is there; else to standard output.",
)


def named(template: OneIdTemplate) -> Callable[[click.Context, click.Parameter, str | None], str]:
    """Return what makes a name of an id; a name stays as it is, and what is not given is empty."""

    def name(_: click.Context, __: click.Parameter, value: str | None) -> str:
        if not value or value.startswith(f"{template.collection}/"):
            return value or ""
        return template.name(value)

    return name


@contextmanager
def written(output: Path | None) -> Iterator[IO[str]]:
    """Yield what to write to. A file is there when it is whole."""
    if output is None:
        yield sys.stdout
        return
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(output)
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)
