"""docs/moderation.md says what is so: its table of texts is handed in, its numbers and routes held against the house."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from models.moderation import ContentKind, ContentState
from rules.moderation.checking import ANSWER_MINUTES_MAX
from rules.moderation.refusals import ContentRefused
from rules.moderation.terms import Terms
from tests.build import TownBuilder
from tests.moderation.hands import state_of, write

TEXT = (Path(__file__).resolve().parents[2] / "docs/moderation.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\| (post|repair|complaint) \| (.+?) \| (.+?) \|$", TEXT, re.MULTILINE)


@pytest.mark.parametrize(("kind", "text", "outcome"), EXAMPLES)
def test_what_the_page_says_of_a_text_happens(town: TownBuilder, kind: str, text: str, outcome: str) -> None:
    author = town.resident()
    if outcome.startswith("refused: "):
        with pytest.raises(ContentRefused) as refused:
            write(town, author, text, kind=ContentKind(kind))
        assert f"：{outcome.removeprefix('refused: ')}。" in refused.value.sentence("zh")
        return
    expected = {"goes on to WeChat": ContentState.PENDING, "waits for staff": ContentState.REVIEW}[outcome]
    assert state_of(town, write(town, author, text, kind=ContentKind(kind))) is expected


def test_its_numbers_and_routes_are_the_houses(app: Flask) -> None:
    assert len(EXAMPLES) == 7
    assert f"**{Terms().review_hours} hours**" in TEXT
    assert ("**three**", Terms().reporters_to_hide) == (re.findall(r"\*\*three\*\*", TEXT)[0], 3)
    assert f"within {ANSWER_MINUTES_MAX} minutes" in TEXT
    rules = {re.sub(r"<[^>]*>", "{id}", rule.rule.removeprefix("/api/v1")) for rule in app.url_map.iter_rules()}
    named = set(re.findall(r"`(?:GET|POST)(?:`, `POST)? (/[^ `?]*)", TEXT))
    assert named
    assert named <= rules
