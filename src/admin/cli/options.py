"""Options that several commands have: names of resources, and an output file."""

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
    help="The file to write, which appears when it is complete; default: standard output.",
)


def resource_name(template: OneIdTemplate) -> Callable[[click.Context, click.Parameter, str | None], str]:
    """Return a callback that turns an id into a resource name. It keeps a name, and returns "" for None."""

    def name(_: click.Context, __: click.Parameter, value: str | None) -> str:
        if not value or value.startswith(f"{template.collection}/"):
            return value or ""
        return template.name(value)

    return name


@contextmanager
def output_file(output: Path | None) -> Iterator[IO[str]]:
    """Yield a file to write to, standard output for None. The file appears under its name when it is complete."""
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
