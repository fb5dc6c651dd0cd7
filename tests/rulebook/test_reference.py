"""docs/rulebook.md is the reference: every key with its meaning and an example that can be read, as it is declared now."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from typing import Any

import pytest

from rules.rulebook.reading import Key, keys_of
from rules.rulebook.reference import PAGE, reference, rewritten, sections

TEXT = PAGE.read_text(encoding="utf-8")
KEYS = [(f"{title}.{each.name}".removeprefix("."), each, key) for title, of in sections() for each, key in keys_of(of)]


def test_the_page_is_up_to_date() -> None:
    assert rewritten(TEXT) == TEXT, "python -m rules.rulebook.reference"


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, _, key in KEYS], ids=[name for name, _, _ in KEYS])
def test_a_key_has_a_meaning_and_an_example_that_its_reader_reads(name: str, key: Key) -> None:
    assert key.meaning.endswith((".", "…"))
    if re.fullmatch(r"\[{1,2}[a-z_.]+\]{1,2}", key.example):
        assert name.endswith(key.example.strip("[]")), "the header of the section itself"
        return
    [(given, value)] = tomllib.loads(key.example, parse_float=Decimal).items()
    assert given == name.rpartition(".")[2]
    key.reader.read(value)


def test_a_section_says_what_it_is() -> None:
    for _, section in sections():
        assert section.__doc__
        assert section.__doc__.strip()[0].isupper()
        assert not section.__doc__.startswith(f"{section.__name__}(")


def test_a_key_of_a_section_stands_in_the_reference_with_its_default() -> None:
    said = reference()
    assert (
        "| `objection_days` | For how many days it may be objected to. | a whole number from 0 to 366 | `0` |" in said
    )
    assert "| `id` | The word by which rules name it. | one word:" in said
    assert said.count("\n### ") + 1 == len(sections())


def anchors(text: str) -> list[str]:
    """The anchors of the page's headings, as a viewer makes them."""
    headings: list[Any] = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings]


def test_every_link_within_the_page_leads_to_one_heading() -> None:
    prose = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
    there = anchors(prose)
    for link in set(re.findall(r"\]\(#([^)]*)\)", prose)):
        assert there.count(link) == 1, link
