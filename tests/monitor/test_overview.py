"""The overview: the main numbers of a place with the period before and the trend, in few statements; and the commands."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from models.monitor import Snapshot
from models.residents import Role
from rules.clock import utc_now
from rules.monitor import overview
from rules.monitor.asking import Question, ask
from rules.monitor.overview import Overview, show_overview
from rules.monitor.periods import PeriodKind
from tests.build import Person, TownBuilder
from tests.monitor.small import DAY, FIRST, Past


@pytest.fixture
def tiles(past: Past, monkeypatch: pytest.MonkeyPatch) -> Past:
    names = ("tests.places", "tests.made", "tests.size", "tests.recent", "tests.secret")
    monkeypatch.setattr(overview, "OVERVIEW", names)
    monkeypatch.setattr(overview, "FUNNEL", ("tests.places", "tests.sessions"))
    past.at(0)
    past.plan(1, places=10)
    past.plan(8, places=30)
    past.at(9, 1)
    past.snapshot()
    past.at(9, 2)
    past.plan(9, places=5, at=past.town.other_community_id)
    past.at(9, 12)
    return past


def show(past: Past, person: Person, **question: Any) -> Overview:
    asked = Question(period=PeriodKind.WEEK, **question)
    return past.read(person, lambda work: show_overview(work, ask(work, asked)))


def test_a_tile_shows_the_number_the_period_before_and_thirty_days(tiles: Past, auditor: Person) -> None:
    shown = show(tiles, auditor)
    assert (shown.period.first, shown.period.last) == (FIRST + 7 * DAY, FIRST + 9 * DAY)
    assert (shown.previous.first, shown.previous.last) == (FIRST, FIRST + 2 * DAY)
    assert shown.snapshot_day == FIRST + 8 * DAY
    found = {tile.measure.name.removeprefix("tests."): tile for tile in shown.tiles}
    assert {name: (tile.value, tile.previous, tile.change) for name, tile in found.items()} == {
        "places": (35, 10, 2.5),
        "made": (3, 2, 0.5),
        "size": (17.5, 10, 0.75),
        "recent": (0, 0, None),
        "secret": (2, 1, 1),
    }
    trend = found["places"].trend
    assert len(trend) == 30
    assert [point.value for point in trend[-10:]] == [0, 10, 0, 0, 0, 0, 0, 0, 30, 5]
    assert [point.value for point in found["made"].trend[-3:]] == [2, 2, 3]
    assert [(step.measure.name, step.value) for step in shown.funnel] == [("tests.places", 35), ("tests.sessions", 2)]


def test_a_manager_of_a_place_sees_its_tiles(tiles: Past) -> None:
    manager = tiles.town.staff(Role.MANAGER, at=tiles.town.community_id)
    shown = show(tiles, manager, territory_id=tiles.town.community_id)
    assert [tile.measure.name for tile in shown.tiles] == ["tests.places", "tests.made", "tests.size", "tests.recent"]
    assert shown.tiles[0].value == 30


def test_it_takes_one_statement_for_each_family_and_two_for_the_snapshots(tiles: Past, auditor: Person) -> None:
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    engine = tiles.town.database.engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        show(tiles, auditor)
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    about_facts = [statement for statement in heard if "AS fact" in statement]
    about_snapshots = [statement for statement in heard if "monitor_snapshot_value" in statement]
    assert len(about_facts) == 2  # sessions of today; what was made since the last snapshot
    assert len(about_snapshots) == 3  # flows, states, and states as of the last snapshot


def test_the_commands_make_and_prove_snapshots(app: Flask, town: TownBuilder) -> None:
    town.resident(registered_at=utc_now() - 3 * DAY)
    runner = app.test_cli_runner()
    made = runner.invoke(args=["monitor", "snapshot", "--town", town.code])
    assert (made.exit_code, made.output.split(",")[0]) == (0, f"{town.code}: {len(town.rows(Snapshot.day))} days")
    proved = runner.invoke(args=["monitor", "verify", "--town", town.code, "--days", "2"])
    assert (proved.exit_code, "0 differ" in proved.output) == (0, True), proved.output
