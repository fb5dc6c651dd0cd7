"""docs/activities.md says what is so: its examples are played, its tables held against the house."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from flask import Flask

from blueprints.activities.desk_schemas import ActivityRequest, SessionRequest
from jobs.schedule import JOBS_BY_NAME
from rules.activities.changing import Scope
from rules.activities.looking import SessionState
from rules.activities.overbooking import Attendance, overbooking_of
from rules.activities.questions import QuestionKind
from rules.activities.series import Pattern, check_length, parse_rule
from rules.errors import RuleError

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "activities.md").read_text(encoding="utf-8")
EXAMPLES = [line for block in re.findall(r"```rrule\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]


def table(heading: str) -> list[list[str]]:
    """The rows of the table whose first line begins like this."""
    found = re.search(rf"^\| {re.escape(heading)} \|.*?\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert found, heading
    lines = found.group(1).splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def words(rows: list[list[str]], column: int = 0) -> set[str]:
    return {word for row in rows for word in re.findall(r"`(\w+)`", row[column])}


def outcome_of(rule: str, starts_on: date) -> list[str]:
    """The days of a rule, or the code with which it is refused."""
    try:
        return [day.isoformat() for day in check_length(Pattern(parse_rule(rule), starts_on))]
    except RuleError as refusal:
        return [refusal.code]


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_rule_has_the_days_that_the_page_says(example: str) -> None:
    said, _, outcome = example.partition(" -> ")
    starts_on, _, rule = said.partition(" ")
    listed = outcome.split()
    assert outcome_of(rule, date.fromisoformat(starts_on))[: len(listed)] == listed


def test_overbooking_is_what_the_page_reckons() -> None:
    rows = [list(map(int, row)) for row in table("capacity")]
    assert len(rows) == 5
    for capacity, most, sessions, used, missed, places in rows:
        assert overbooking_of(capacity, most, Attendance(sessions, used, missed)) == places


def fields_in(part: str) -> set[str]:
    rows = re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)} - {each.value for each in QuestionKind}


def test_the_fields_of_an_activity_and_a_session_are_documented() -> None:
    of_activity, of_session = TEXT.partition("## A series")[0].split("## A session")
    assert fields_in(of_activity) == set(ActivityRequest().fields)
    assert fields_in(of_session) == set(SessionRequest().fields)


def test_the_words_of_the_page_are_those_of_the_house() -> None:
    assert words(table("kind")) == {each.value for each in QuestionKind}
    assert words(table("scope")) == {each.value for each in Scope}
    for state in SessionState:
        assert f"`{state.value}`" in TEXT
    for code in re.findall(r"`((?:session|series|activity)\.\w+)`", TEXT):
        assert code in RuleError.registry or code == "series.clash", code
    assert {"season", "minimum-to-run"} <= JOBS_BY_NAME.keys()


def test_every_route_of_the_page_is_there_and_every_route_is_on_the_page(app: Flask) -> None:
    said = set(re.findall(r"`((?:GET|POST|PATCH|PUT|DELETE) /\S+)`", "\n".join(map(str, table("who")))))
    rooms = ("activities", "organising")
    there = {
        f"{method} {re.sub(r'<id:[a-z_]+>', '{id}', rule.rule).removeprefix('/api/v1')}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.endpoint.split(".")[0] in rooms
    }
    assert said == there
