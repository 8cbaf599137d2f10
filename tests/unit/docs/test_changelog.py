"""The changelog keeps its form, and agrees with the version that is built."""

import re
import tomllib
from datetime import date

from tests.support.paths import ROOT

KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}

CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_newest_version_is_the_one_that_is_built() -> None:
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", CHANGELOG, re.MULTILINE)
    assert released[0][0] == PROJECT["version"]
    days = [date.fromisoformat(day) for _, day in released]
    assert days == sorted(days, reverse=True)


def test_sections_are_those_of_keep_a_changelog() -> None:
    headings = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert len(headings) == len(set(headings))
    assert set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE)) <= KINDS


def test_the_licence_is_the_one_that_the_package_names() -> None:
    assert PROJECT["license"] == "LicenseRef-Proprietary"
    assert PROJECT["license-files"] == ["LICENSE"]
    assert "All rights reserved" in (ROOT / "LICENSE").read_text()
