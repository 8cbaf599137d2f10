"""Make the gRPC stubs under src/ from protos/, or check that the committed ones are up to date.

    python -m tools.stubs            write them
    python -m tools.stubs --check    exit 1 where a committed stub differs from a fresh one

`buf/validate/validate.proto` is not copied into this repository: protovalidate's wheel carries its descriptor, which
goes to protoc as a descriptor set.
"""

import filecmp
import sys
import tempfile
from pathlib import Path

import grpc_tools.protoc
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
)
from google.rpc import status_pb2
from protovalidate._gen.buf.validate.validate_pb import desc as validate_descriptor

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
SOURCES = ROOT / "src"
VALIDATE = "buf/validate/validate.proto"
GENERATED_FOLDERS = ("veloconnect", "buf")


def descriptor_set() -> descriptor_pb2.FileDescriptorSet:
    """Return every descriptor our protos import from elsewhere, dependencies first."""
    imported = descriptor_pb2.FileDescriptorSet()
    imports = (
        descriptor_pb2,
        duration_pb2,
        timestamp_pb2,
        field_mask_pb2,
        any_pb2,
        empty_pb2,
        struct_pb2,
        status_pb2,
    )
    for module in imports:
        module.DESCRIPTOR.CopyToProto(imported.file.add())
    imported.file.add().ParseFromString(validate_descriptor().proto.to_binary())
    return imported


def compile_protos(*options: str) -> None:
    """Call protoc on all our protos with these options."""
    call_protoc(*options, *sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto")))


def call_protoc(*arguments: str) -> None:
    """Call protoc, which finds our protos and all that they import; exit with its status where it fails."""
    with tempfile.NamedTemporaryFile(suffix=".binpb") as imported:
        imported.write(descriptor_set().SerializeToString())
        imported.flush()
        status = grpc_tools.protoc.main(["protoc", f"-I{PROTOS}", f"--descriptor_set_in={imported.name}", *arguments])
    if status:
        sys.exit(status)


def generate(output: Path) -> None:
    """Write all stubs below `output`."""
    compile_protos(f"--python_out={output}", f"--pyi_out={output}", f"--grpc_python_out={output}")
    call_protoc(f"--python_out={output}", f"--pyi_out={output}", VALIDATE)


def main() -> int:
    """Write or check; return the exit status."""
    if "--check" not in sys.argv[1:]:
        generate(SOURCES)
        return 0
    with tempfile.TemporaryDirectory() as fresh:
        generate(Path(fresh))
        made = {str(p.relative_to(fresh)) for p in Path(fresh).rglob("*_pb2*.py*")}
        kept = {
            str(p.relative_to(SOURCES))
            for folder in GENERATED_FOLDERS
            for p in (SOURCES / folder).rglob("*_pb2*.py*")
            if "__pycache__" not in p.parts
        }
        stale = sorted(
            name
            for name in made | kept
            if name not in made
            or name not in kept
            or not filecmp.cmp(Path(fresh) / name, SOURCES / name, shallow=False)
        )
    if stale:
        print("Stubs are out of date; run `make stubs` and commit:", *stale, sep="\n  ", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
