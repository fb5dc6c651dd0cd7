"""Protects how files of people are read: as text, line by line, and never as something that computes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.csv_text import LineUnreadable, read_day, read_lines, read_number


def test_lines_keep_their_numbers_and_cells_lose_the_spaces_around_them() -> None:
    text = '\ufeffa, b ,c\r\n\r\n"x\ny",2\n,,\nlast,"=1+1"'
    assert read_lines(text) == [(1, ["a", "b", "c"]), (3, ["x\ny", "2"]), (6, ["last", "=1+1"])]


@pytest.mark.parametrize(("text", "line"), [('a\n"b', 2), ("a\nb\x00", 2), ("a\x7f", 1), ('a\nb\n"c"d', 3)])
def test_a_line_that_is_none_is_named(text: str, line: int) -> None:
    with pytest.raises(LineUnreadable) as refused:
        read_lines(text)
    assert refused.value.line == line


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("100", 100),
        ("101", None),
        ("0", None),
        ("01", None),
        ("-1", None),
        ("1.0", None),
        ("一", None),
        ("", None),
    ],
)
def test_a_number_is_whole_and_within_its_bound(text: str, number: int | None) -> None:
    assert read_number(text, 100) == number


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-05", date(2026, 3, 5)),
        ("2026/3/5", date(2026, 3, 5)),
        ("2026-3/5", None),
        ("2026-02-30", None),
        ("05-03-2026", None),
        ("2026年3月5日", None),
    ],
)
def test_a_day_is_written_in_two_ways(text: str, day: date | None) -> None:
    assert read_day(text) == day


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        lines = read_lines(text)
    except LineUnreadable:
        return
    assert all(any(cells) for _, cells in lines)
