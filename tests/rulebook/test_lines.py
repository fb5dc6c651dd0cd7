"""Where a key stands in a document: the line that a clerk is sent to."""

from __future__ import annotations

import tomllib

import pytest

from rules.rulebook.lines import Lines, key_of, line_of_syntax_error

DOCUMENT = """\
name = "x"
account.holder = "household"

[expiry]
  years = 1 # a comment

[[earn]]
id = "a"
amount = 5
where = { late = false,
  hours = 2 }

  [[earn.limits]]
  points = 20
  per = "day"

  [[earn.limits]]
  points = 100

[[earn]]  # the second
id = "b"
"quoted key" = 1
amount = { min = 1, max = 2 }

  [[earn.limits]]
  points = 3

[[ladder]]
id = "star"
[[ladder.level]]
id = "one"
[ladder.level.at]
"balance.points" = 3
[[ladder.level]]
id = "two"
at."tally.days" = 4
"""
LINES = [
    ((), 1),
    (("name",), 1),
    (("account", "holder"), 2),
    (("account",), 2),
    (("expiry",), 4),
    (("expiry", "years"), 5),
    (("earn", 0), 7),
    (("earn", 0, "amount"), 9),
    (("earn", 0, "where"), 10),
    (("earn", 0, "limits", 0, "points"), 14),
    (("earn", 0, "limits", 1), 17),
    (("earn", 0, "limits", 1, "points"), 18),
    (("earn", 1), 20),
    (("earn", 1, "quoted key"), 22),
    (("earn", 1, "limits", 0, "points"), 26),
    (("ladder", 0, "level", 0, "at", "balance.points"), 33),
    (("ladder", 0, "level", 1), 34),
    (("ladder", 0, "level", 1, "at", "tally.days"), 36),
]


@pytest.mark.parametrize(("path", "line"), LINES)
def test_a_key_has_the_line_on_which_it_is_written(path: tuple[str | int, ...], line: int) -> None:
    assert Lines(DOCUMENT).line_of(path) == line
    assert Lines(DOCUMENT.replace("\n", "\r\n")).line_of(path) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("earn", 0, "where", "late"), 10),
        (("earn", 1, "amount", "min"), 23),
        (("earn", 1, "title"), 20),
        (("earn", 0, "limits", 1, "per"), 17),
        (("expiry", "months"), 4),
        (("limit", 0, "id"), 1),
        (("booking",), 1),
    ],
)
def test_what_cannot_be_found_has_the_line_of_what_is_nearest_around_it(path: tuple[str | int, ...], line: int) -> None:
    assert Lines(DOCUMENT).line_of(path) == line


def test_a_list_has_the_line_of_its_first_item() -> None:
    assert Lines(DOCUMENT).line_of(("earn",)) == 7


def test_what_stands_in_a_text_is_no_key() -> None:
    document = "name = \"\"\"\nyears = 1\n[expiry]\n\"\"\"\nsource = '''\nyears = 2\n'''\n[expiry]\nyears = 3\n"
    assert Lines(document).line_of(("expiry",)) == 8
    assert Lines(document).line_of(("expiry", "years")) == 9


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ((), "rulebook"),
        (("name",), "name"),
        (("earn", 1, "amount"), "earn[2].amount"),
        (("ladder", 0, "level", 9, "at", "balance.points"), "ladder[1].level[10].at.balance.points"),
    ],
)
def test_a_key_is_written_with_items_from_1(path: tuple[str | int, ...], key: str) -> None:
    assert key_of(path) == key


@pytest.mark.parametrize(
    ("text", "line"), [("a = ", 1), ("a = 1\nb = ]", 2), ("a = 1\n[b\n", 2), ('a = 1\n\nb = "', 3)]
)
def test_the_line_of_a_syntax_error_is_the_one_that_the_reader_names_or_the_last(text: str, line: int) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as error:
        tomllib.loads(text)
    assert line_of_syntax_error(error.value, text) == line
