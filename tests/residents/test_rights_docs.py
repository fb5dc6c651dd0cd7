"""The examples of docs/rights.md are what happens, and its numbers are the house's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rules.errors import RuleError
from rules.residents.households import MEMBERS_MAX, REQUESTS_A_MONTH
from rules.rights.asking import CONFIRMATIONS, REFLECTION_DAYS
from rules.rights.consents import WORDINGS
from rules.rights.exporting import EXPORT_HOURS, EXPORTS_A_DAY, PICTURES_IN_A_PART
from rules.rights.merging import TRIES
from tests.build import ApiClient, TownBuilder
from tests.residents.test_docs import play

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "rights.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```people\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_what_happens(town: TownBuilder, api: ApiClient, example: str) -> None:
    play(town, api, example)


def test_what_the_page_names_is_so() -> None:
    named = {code for code in re.findall(r"`([a-z_]+\.[a-z_]+)`", TEXT) if not code.endswith((".py", ".md"))}
    assert named <= set(RuleError.registry)
    assert set(re.findall(r"^\| `([a-z]+)` \|", TEXT, re.MULTILINE)) == set(WORDINGS)
    assert all(word in TEXT for word in CONFIRMATIONS)
    assert (REFLECTION_DAYS, EXPORT_HOURS, EXPORTS_A_DAY, PICTURES_IN_A_PART) == (7, 24, 3, 50)
    assert (TRIES, MEMBERS_MAX, REQUESTS_A_MONTH) == (3, 12, 5)
