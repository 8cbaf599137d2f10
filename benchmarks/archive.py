"""The files of reports: in the repository for kept ones, else in .local/bench."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.comparison import Kept
from benchmarks.report import Report, markdown, plots

KEPT = Path("benchmarks/results")
NOT_KEPT = Path(".local/bench")
DATA = "report.json"
PAGE = "report.md"


def last_kept(directory: Path = KEPT) -> Kept | None:
    """Return the newest report under `directory` by the start of its run; None if there is none."""
    found: list[tuple[str, Path, Any]] = []
    for path in directory.glob(f"*/{DATA}"):
        data = json.loads(path.read_text())
        found.append((data["began"], path, data))
    if not found:
        return None
    _, path, data = max(found, key=lambda each: each[:2])
    return Kept(path.parent.name, data["machine"], data["figures"])


def write(report: Report, *, name: str, is_kept: bool, root: Path = Path()) -> Path:
    """Write page, plots and data; return their directory, "<date>-<name>".

    A second kept report of the same day and name replaces the first, which stays in the repository's
    history. Names of others include the time.
    """
    if is_kept:
        directory = root / KEPT / f"{report.began[:10]}-{name}"
    else:
        directory = root / NOT_KEPT / f"{report.began.replace(':', '')}-{name}"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / PAGE).write_text(markdown(report))
    for file, text in plots(report).items():
        (directory / file).write_text(text)
    data = {
        "began": report.began,
        "machine": dict(report.machine),
        "versions": dict(report.versions),
        "settings": dict(report.settings),
        "figures": dict(report.metrics),
    }
    (directory / DATA).write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    return directory


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
