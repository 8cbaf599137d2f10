"""Check the Lua scripts in src/wallet/hot/scripts: they parse, have no global of their own, and list their inputs.

    python -m tools.lua    exit 1 where a script breaks a rule

Redis refuses an undeclared global only when a call comes to it, so a script that loads may still fail on a rare path.
"""

import re
import sys
from collections.abc import Iterator

from luaparser import ast, astnodes

from tools.stubs import ROOT
from wallet.hot.script import Script

SCRIPTS = ROOT / "src" / "wallet" / "hot" / "scripts"

GLOBALS = {"KEYS", "ARGV", "redis", "ipairs", "math", "pairs", "string", "table", "tonumber", "unpack"}
"""The globals that a script may use."""

HEADINGS = ("KEYS", "ARGV", "Reply")
"""The parts that the comment at the top of a script lists."""


def scripts() -> dict[str, str]:
    """Return the source of each script by its name, with what it includes."""
    return {path.stem: Script(path.stem).source for path in sorted(SCRIPTS.glob("*.lua"))}


def header(source: str) -> str:
    """Return the comment that a script, or a function in SQL, begins with."""
    lines = []
    for line in source.splitlines():
        if not line.startswith("--"):
            if line:
                break
            continue
        lines.append(line.removeprefix("--"))
    return "\n".join(lines)


def faults(source: str) -> Iterator[str]:
    """Yield each rule that a script breaks, as a sentence."""
    try:
        tree = ast.parse(source)
    except ast.SyntaxException as error:
        yield f"does not parse: {error}"
        return
    for name in sorted(set(_used(tree)) - set(_declared(tree)) - GLOBALS):
        yield f"uses the global {name}"
    top = header(source)
    for heading in HEADINGS:
        if not re.search(rf"^ {heading}\b", top, re.MULTILINE):
            yield f"has no {heading} in its header"


def _declared(tree: ast.Node) -> Iterator[str]:
    """Yield the names that a script declares: local variables and functions, parameters, and variables of loops."""
    for node in ast.walk(tree):
        match node:
            case astnodes.LocalAssign(targets=names) | astnodes.Forin(targets=names):
                yield from (name.id for name in names)
            case astnodes.Fornum(target=name):
                yield name.id
            case astnodes.LocalFunction(name=function, args=names):
                yield function.id
                yield from (name.id for name in names if isinstance(name, astnodes.Name))
            case astnodes.Function(args=names) | astnodes.AnonymousFunction(args=names):
                yield from (name.id for name in names if isinstance(name, astnodes.Name))


def _used(tree: ast.Node) -> Iterator[str]:
    """Yield the names that a script uses as variables: neither members, as in `string.sub`, nor keys of tables."""
    members = set()
    for node in ast.walk(tree):
        match node:
            case astnodes.Index(idx=member, notation=astnodes.IndexNotation.DOT) | astnodes.Field(key=member):
                members.add(id(member))
    yield from (node.id for node in ast.walk(tree) if isinstance(node, astnodes.Name) and id(node) not in members)


def main() -> int:
    """Check every script; return the exit status."""
    found = [f"{name}.lua {fault}" for name, source in scripts().items() for fault in faults(source)]
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
