"""Protects how old somebody is: a birthday is a birthday, leap years too."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.residents.ages import age_on, is_minor

DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        ("2008-05-01", "2026-04-30", 17),
        ("2008-05-01", "2026-05-01", 18),
        ("2008-05-01", "2026-05-02", 18),
        ("2008-02-29", "2026-02-28", 17),
        ("2008-02-29", "2026-03-01", 18),
        ("2008-02-29", "2028-02-28", 19),
        ("2008-02-29", "2028-02-29", 20),
        ("2026-05-01", "2026-05-01", 0),
        ("2026-05-02", "2026-05-01", -1),
        ("1940-12-31", "2026-01-01", 85),
    ],
)
def test_a_year_is_full_on_the_birthday(born: str, day: str, age: int) -> None:
    assert age_on(date.fromisoformat(born), date.fromisoformat(day)) == age


@given(DAYS, DAYS)
def test_an_age_grows_by_one_a_year_and_never_shrinks(born: date, day: date) -> None:
    tomorrow = day + timedelta(days=1)
    assert age_on(born, tomorrow) - age_on(born, day) in (0, 1)
    assert age_on(born, born) == 0


def test_who_told_no_birthday_is_not_taken_for_a_child() -> None:
    assert is_minor(None, date(2026, 5, 1)) is False
    assert is_minor(date(2008, 5, 2), date(2026, 5, 1)) is True
    assert is_minor(date(2008, 5, 1), date(2026, 5, 1)) is False
