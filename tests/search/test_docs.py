"""docs/search.md says what is so: each line of its table is tried, and its numbers are the house's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from blueprints.home.routes import room as home
from rules.home import COUNT_MAX as COUNTED_MAX
from rules.search.engines import FEW, SCANNED
from rules.search.finding import CANDIDATES, COUNT_MAX
from rules.search.terms import TEXT_MAX
from tests.build import ApiClient, TownBuilder
from tests.search.finding import found, groups_named

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "search.md").read_text(encoding="utf-8")
LINES = [re.split(r" *\| *", line.strip("| \n")) for line in TEXT.splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize(("title", "by", "not_by"), LINES)
def test_the_table_says_what_finds_what(town: TownBuilder, api: ApiClient, title: str, by: str, not_by: str) -> None:
    groups_named(town, title)
    assert [typed for typed in by.split(", ") if found(api, typed) != {"group": [title]}] == []
    assert [typed for typed in not_by.split(", ") if found(api, typed)] == []


def test_the_numbers_are_the_houses() -> None:
    assert LINES
    assert f"({COUNT_MAX} at most" in TEXT
    assert f"the newest {CANDIDATES} of" in TEXT
    assert f"first {TEXT_MAX} characters" in TEXT
    assert f"than {FEW:,} things" in TEXT
    assert f"the {SCANNED:,}\nnewest" in TEXT
    assert f"({COUNTED_MAX} at most)" in TEXT
    assert "show_home" in home.needs
