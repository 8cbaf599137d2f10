"""The repository's Markdown pages, and what is in them: headings, links, code."""

import re
from functools import cache
from pathlib import Path

from tests.support.paths import ROOT

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")


@cache
def pages() -> tuple[Path, ...]:
    """Return the Markdown pages that people write, sorted by path; reports of benchmarks are printed."""
    folders = ("docs", "benchmarks", "demos", "devstack", "protos", "deploy")
    found = [*ROOT.glob("*.md"), *(page for folder in folders for page in (ROOT / folder).rglob("*.md"))]
    return tuple(sorted(page for page in found if ROOT / "benchmarks" / "results" not in page.parents))


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return FENCED.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(page: Path) -> list[str]:
    """Return the lines of fenced blocks, continued lines joined, and each inline code on one line."""
    blocks = "\n".join(body for _, body in FENCED.findall(page.read_text())).replace("\\\n", " ")
    return [*blocks.splitlines(), *(" ".join(each.split()) for each in INLINE.findall(prose(page)))]


def tables(page: Path) -> list[list[str]]:
    """Return the cells of each row of a page's tables, without heads and rules."""
    found: list[list[str]] = []
    for table in re.findall(r"(?:^\|.*\n)+", page.read_text(), re.MULTILINE):
        rows = table.splitlines()[2:]
        found += [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
    return found
