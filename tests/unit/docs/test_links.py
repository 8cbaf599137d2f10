"""Links, anchors and paths in the documents lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.support.markdown import INLINE, anchors, pages, prose
from tests.support.paths import DOCS, ROOT

README_COLUMNS_MAX = 100
PROSE_COLUMNS_MAX = 120
PATH = re.compile(r"(?:src|tests|docs|benchmarks|demos|devstack|protos|tools)/[\w./*-]*")


def name_of(page: Path) -> str:
    """Return a page's path within the repository."""
    return str(page.relative_to(ROOT))


def links(page: Path) -> list[str]:
    """Return the targets of a page's links, without those to other sites."""
    found = re.findall(r"\]\(([^)\s]+)\)", INLINE.sub("", prose(page)))
    return [target for target in found if not target.startswith(("https://", "http://", "mailto:"))]


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_resolve(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target}: there is no such file"
        if anchor:
            assert anchor in anchors(found), f"{target}: there is no such heading"


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_named_paths_exist(page: Path) -> None:
    for word in INLINE.findall(prose(page)):
        if PATH.fullmatch(word) and "results" not in word:
            assert any(ROOT.glob(word.rstrip("/"))), f"`{word}` does not exist"


@pytest.mark.parametrize("folder", ["src", "protos", "devstack", "demos", "benchmarks", "tests", "tools"])
def test_pages_that_the_code_names_exist(folder: str) -> None:
    for file in (ROOT / folder).rglob("*.*"):
        if file.suffix in {".py", ".sql", ".lua", ".proto"}:
            for page in re.findall(r"docs/[\w/-]+\.md", file.read_text()):
                assert (ROOT / page).is_file(), f"{file} names {page}"


def test_readme_fits_narrow_windows() -> None:
    long = [line for line in (ROOT / "README.md").read_text().splitlines() if len(line) > README_COLUMNS_MAX]
    assert not long


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_prose_fits(page: Path) -> None:
    """Rows of tables are longer: Markdown cannot break them."""
    lines = prose(page).splitlines()
    assert not [line for line in lines if len(line) > PROSE_COLUMNS_MAX and not line.startswith("|")]


def test_the_index_lists_every_page() -> None:
    listed = {(DOCS / target).resolve() for target in links(DOCS / "README.md")}
    decisions = {(DOCS / "adr" / target).resolve() for target in links(DOCS / "adr" / "README.md")}
    assert {*DOCS.rglob("*.md")} - {DOCS / "README.md"} <= listed | decisions


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(page.name[:4]) for page in sorted((DOCS / "adr").glob("0*.md"))]
    assert numbers == [*range(1, len(numbers) + 1)]
    for page in (DOCS / "adr").glob("0*.md"):
        headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
        assert headings == ["Context", "Decision", "Why", "Consequences"], page.name
