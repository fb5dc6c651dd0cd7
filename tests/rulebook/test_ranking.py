"""Rankings: equal numbers share a place, and all who share the last one are in it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.rulebook.periods import Calendar
from rules.rulebook.ranking import Place, rank
from rules.rulebook.sections.standing import Ranking


def ranking(**said: Any) -> Ranking:
    return Ranking(id="star", title="每月之星", measure="balance.points", every=Calendar.MONTH, **said)


def places(numbers: dict[int, Any], **said: Any) -> list[tuple[int, int]]:
    return [(each.place, each.holder_id) for each in rank(ranking(**said), {n: Decimal(x) for n, x in numbers.items()})]


def test_the_highest_come_first() -> None:
    assert rank(ranking(top=2), {1: Decimal(5), 2: Decimal(9), 3: Decimal("7.5")}) == [
        Place(1, 2, Decimal(9)),
        Place(2, 3, Decimal("7.5")),
    ]


def test_equal_numbers_share_a_place_and_the_next_is_as_much_lower() -> None:
    assert places({1: 5, 2: 9, 3: 9, 4: "9.0", 5: 7}, top=9) == [(1, 2), (1, 3), (1, 4), (4, 5), (5, 1)]


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        (1, [(1, 1)]),
        (2, [(1, 1), (2, 2), (2, 3)]),
        (3, [(1, 1), (2, 2), (2, 3)]),
        (4, [(1, 1), (2, 2), (2, 3), (4, 4)]),
    ],
)
def test_all_who_share_the_last_place_are_in_it(top: int, expected: list[tuple[int, int]]) -> None:
    assert places({1: 9, 2: 5, 3: 5, 4: 1}, top=top) == expected


def test_who_has_less_than_the_least_or_nothing_at_all_is_not_ranked() -> None:
    assert places({1: 100, 2: "99.9", 3: 0, 4: -5}, top=9, least=Decimal(100)) == [(1, 1)]
    assert places({1: 1, 2: 0, 3: -5}, top=9) == [(1, 1)]
    assert places({}, top=9) == []


@given(st.dictionaries(st.integers(1, 30), st.integers(-3, 5).map(Decimal)), st.integers(1, 12))
def test_a_place_is_one_more_than_the_number_of_those_who_have_more(numbers: dict[int, Decimal], top: int) -> None:
    expected = {
        holder: 1 + sum(other > number for other in numbers.values())
        for holder, number in numbers.items()
        if number > 0
    }
    ranked = rank(ranking(top=top), numbers)
    assert {each.holder_id: each.place for each in ranked} == {
        n: place for n, place in expected.items() if place <= top
    }
    assert [each.place for each in ranked] == sorted(each.place for each in ranked)
