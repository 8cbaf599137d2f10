"""Check protos/ with buf: the format, the rules of buf.yaml, and that nothing breaks callers of the released version.

    python -m tools.protos             exit 1 where a check fails
    python -m tools.protos --format    write the format
    python -m tools.protos --release   make protos/released.binpb of the protos as they are, when a version is released

buf would fetch buf/validate/validate.proto from its registry. Here it needs no network: protoc compiles the protos with
the descriptors of tools/stubs.py, and buf reads the result as an image.

protos/released.binpb has the descriptors of the released version. It is a file and not a tag of git: a shallow clone
and an unpacked archive are checked as well, and a release that breaks callers shows in review, as a change of it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import click
from google.protobuf import descriptor_pb2

from tools.stubs import PROTOS, ROOT, compile_protos, descriptor_set

BUF = Path(sys.executable).with_name("buf")
RELEASED = PROTOS / "released.binpb"

IS_IMPORT = b"\xd2\xf6\x03\x02\x08\x01"
"""Marks a file of an image as imported, which is not checked: buf_extension (8042) with is_import (1) true."""


def buf(*arguments: str) -> bool:
    """Run buf at the top of the repository; return whether it found nothing."""
    return subprocess.run([BUF, *arguments], check=False, cwd=ROOT).returncode == 0


def compiled(*options: str) -> bytes:
    """Return the descriptors of our protos, without those that they import."""
    with tempfile.NamedTemporaryFile(suffix=".binpb") as output:
        compile_protos(f"--descriptor_set_out={output.name}", *options)
        return Path(output.name).read_bytes()


def imports() -> bytes:
    """Return the descriptors that our protos import, marked as imports."""
    imported = descriptor_pb2.FileDescriptorSet()
    for file in descriptor_set().file:
        imported.file.add().ParseFromString(file.SerializeToString() + IS_IMPORT)
    return imported.SerializeToString()


def check() -> bool:
    """Run all checks; return whether they found nothing."""
    with tempfile.TemporaryDirectory() as folder:
        image, released = Path(folder) / "image.binpb", Path(folder) / "released.binpb"
        # Sets of descriptors are appended by appending their bytes.
        image.write_bytes(imports() + compiled("--include_source_info"))
        released.write_bytes(imports() + RELEASED.read_bytes())
        found_nothing = [
            buf("format", "--diff", "--exit-code"),
            buf("lint", str(image), "--config", "buf.yaml"),
            buf("breaking", str(image), "--against", str(released), "--config", "buf.yaml"),
        ]
    return all(found_nothing)


@click.command()
@click.option("--format", "write_format", is_flag=True, help="Write the format.")
@click.option("--release", is_flag=True, help="Make protos/released.binpb of the protos as they are.")
def main(*, write_format: bool, release: bool) -> None:
    """Check protos/ with buf. Exit status 1 where a check fails."""
    if release:
        RELEASED.write_bytes(compiled())
    elif not (buf("format", "--write") if write_format else check()):
        sys.exit(1)


if __name__ == "__main__":
    main()
