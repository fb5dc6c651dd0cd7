"""Protects what the monitoring answers over HTTP: whole boards of right numbers, for those who may see them."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask import Flask

from blueprints.edge.house import House
from models.monitor import Slice
from models.residents import Role
from models.territory import Scene, TerritoryKind
from rules.clock import utc_now
from rules.monitor import points_board, venues, venues_board
from rules.monitor.asking import Question, ask
from rules.monitor.communities import OF_COMMUNITIES, OF_ESTATES, PER_HEAD
from rules.monitor.measures import MEASURES
from rules.monitor.numbers import Value
from rules.monitor.reading import may_see, read_values
from rules.monitor.scenes import COLUMNS
from rules.work import Work
from tests.build import ApiClient, TownBuilder
from tests.edge.helpers import problem_of
from tests.monitor.boards import Numbers, numbers, snapshot, store, today
from tests.territory.test_communities import a_place

ATTENDED, NO_SHOWS = "reservations.attended", "reservations.no_show_rate"
BOARDS = ("/overview", "/scenes", "/operators", "/communities", "/estates", "/venues", "/points")


@pytest.fixture(scope="module")
def shown(app: Flask, house: House) -> Numbers:
    return numbers(app, house)


def test_boards_name_measures_that_there_are() -> None:
    assert {*COLUMNS, *OF_COMMUNITIES, *OF_ESTATES} <= MEASURES.keys()
    assert set(PER_HEAD) <= {*OF_COMMUNITIES, *OF_ESTATES}


def test_every_measure_is_told_with_its_meaning_and_confidential_ones_to_auditors_alone(shown: Numbers) -> None:
    told = {each["name"]: each for each in shown.auditor.get("/monitor/measures").json["items"]}
    assert told.keys() == MEASURES.keys()
    assert told[NO_SHOWS]["over"] == list(MEASURES[NO_SHOWS].over or ())
    assert all(each["title"] and each["meaning"] for each in told.values())
    less = {each["name"] for each in shown.manager.get("/monitor/measures").json["items"]}
    assert told.keys() - less == {measure.name for measure in MEASURES.values() if measure.confidential} != set()


def test_every_measure_can_be_asked_for_by_each_of_its_slices_of_the_town_and_of_a_place(shown: Numbers) -> None:
    town = shown.town

    def deed(work: Work, slice_: Slice, territory_id: int | None) -> set[str]:
        asked = ask(work, Question(territory_id, as_of=work.now))
        names = [each.name for each in MEASURES.values() if slice_ in each.slices and may_see(asked.reach, each)]
        values = read_values(work, asked.reach, names, asked.period, asked.as_of, slice=slice_)
        return {name for of_key in values.values() for name in of_key}

    auditor = town.staff(Role.AUDITOR)
    for place in (None, town.community_id):
        found = {slice_: town.act(auditor, deed, slice_, place) for slice_ in Slice}
        hidden = {each.name for each in MEASURES.values() if place and (each.town_only or each.confidential)}
        assert found[Slice.ALL] == MEASURES.keys() - hidden


def test_the_scene_board_has_nine_rows_in_their_order_with_numbers_where_something_happened(shown: Numbers) -> None:
    board = shown.ask("/scenes").json
    assert [row["key"] for row in board["rows"]] == list(Scene)
    cells = {row["key"]: row["cells"] for row in board["rows"]}
    assert (cells["education"]["sessions.held"], cells["education"][ATTENDED]) == (3, 11)
    assert (cells["health"][ATTENDED], cells["health"][NO_SHOWS]) == (2, 0.5)
    assert (cells["transport"][ATTENDED], cells["transport"][NO_SHOWS]) == (0, None)
    assert [row["previous"][ATTENDED] for row in board["rows"]] == [0] * 9
    assert board["place"] == {"id": None, "name": "测试街道"}


def test_communities_are_compared_per_thousand_residents_too(shown: Numbers) -> None:
    rows = {row["title"]: row["cells"] for row in shown.ask("/communities").json["rows"]}
    assert list(rows) == ["星民社区", "水电社区"]
    assert (rows["星民社区"][ATTENDED], rows["水电社区"][ATTENDED]) == (11, 2)
    assert rows["星民社区"][f"{ATTENDED}:per_thousand"] == pytest.approx(1000 * 11 / 12)
    assert rows["水电社区"][f"{ATTENDED}:per_thousand"] == pytest.approx(1000 * 2 / 4)


def test_a_series_adds_up_to_the_board_and_the_rows_to_both(shown: Numbers) -> None:
    [of_days] = shown.ask("/series", measure=ATTENDED).json["series"]
    assert sum(span["value"] for span in of_days["values"]) == 13
    [of_scene] = shown.ask("/series", measure=ATTENDED, scene="health", by="month").json["series"]
    assert sum(span["value"] for span in of_scene["values"]) == 2
    path, rows, cursor = f"/measures/{ATTENDED}/rows", [], {}
    while cursor.get("cursor", "") is not None:
        page = shown.ask(path, limit=5, **cursor).json
        rows += page["items"]
        cursor = {"cursor": page["next_cursor"]}
    assert (sum(row["amount"] for row in rows), len({row["id"] for row in rows})) == (13, 13)
    assert {(row["place"], row["scene"]) for row in rows} == {("星民社区", "education"), ("水电社区", "health")}
    below = shown.ask(f"/measures/{NO_SHOWS}/rows", part="below", scene="health").json["items"]
    assert sum(row["amount"] for row in below) == 4


def test_rows_name_no_building(town: TownBuilder, api: ApiClient) -> None:
    community = town.community_id
    building = a_place(town, community, TerritoryKind.BUILDING, "3 幢")
    person = town.resident(community_id=building)
    by, now = api.as_(town.staff(Role.AUDITOR, Role.MANAGER)), utc_now().isoformat()
    [row] = by.get("/monitor/measures/residents.new/rows", as_of=now).json["items"]
    assert (row["id"], row["territory_id"], row["place"]) == (str(person.id), str(community), "星民社区")
    problem_of(by.get("/monitor/overview", territory_id=building), 404, "territory.unknown")
    wish = {"measure": "repairs.done", "territory_id": str(building), "period_kind": "month", "from_day": str(today())}
    problem_of(by.post("/monitor/targets", wish | {"target": 5, "amber": 3}), 404, "territory.unknown")


def test_the_board_of_points_shows_the_rules_that_gave_most_and_a_file_all(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, now = today() - timedelta(days=1), utc_now() - timedelta(minutes=1)
    snapshot(town, day, now)
    for rule, points in (("less", 3), ("more", 9)):
        store(town, day, now, {"points.issued": points}, key=rule, slice=Slice.DETAIL)
    monkeypatch.setattr(points_board, "RULES_SHOWN_MAX", 1)
    by, asked = api.as_(town.staff(Role.AUDITOR)), {"period": "day", "first_day": str(day)}
    rows = by.get("/monitor/points", **asked).json["rules"]["rows"]
    assert [(row["key"], row["cells"]["points.issued"]) for row in rows] == [("more", 9)]
    lines = by.get("/monitor/points", **asked, format="csv", table="rules").text.splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["more", "less"]


@pytest.mark.parametrize(("found", "shown"), [(None, None), (0, 0), (1, 1)])
def test_a_room_is_idle_or_not_or_nobody_knows_yet(found: int | None, shown: int | None) -> None:
    values = dict.fromkeys(venues._OF_ROOMS, Value(4)) | {"venues.idle_rooms": Value(found)}
    room = SimpleNamespace(id=1, name="101", centre="邻里中心", territory_id=1, parts=1)
    row = venues_board._row(venues._room(cast(Any, room), values, None))
    assert row.cells["is_idle"] == shown
    assert (row.cells["venues.open_hours"], row.title) == (4.0, "101 · 邻里中心")


def test_patterns_are_looked_for_in_the_whole_town_alone(shown: Numbers) -> None:
    assert shown.ask("/patterns").status_code == 200
    for part in ({"territory_id": shown.town.community_id}, {"operator_id": shown.rival_id}):
        problem_of(shown.ask("/patterns", **part), 404, "monitor.measure_unknown")


def test_every_board_answers_for_the_town_and_for_a_place_and_knows_what_it_is_about(shown: Numbers) -> None:
    for board in BOARDS:
        for caller, place in ((shown.auditor, {}), (shown.manager, {"territory_id": shown.town.community_id})):
            answer = shown.ask(board, caller, **place)
            assert answer.status_code == 200, (board, answer.text)


def test_places_are_those_of_the_callers_roles_and_nobody_else_is_told_any(shown: Numbers) -> None:
    def seen(caller: ApiClient) -> list[str]:
        return [each["name"] for each in caller.get("/monitor/places").json["items"]]

    assert seen(shown.auditor) == ["测试街道", "测试街道", "星民社区", "水电社区"]
    assert seen(shown.manager) == ["星民社区"]
    scanner, resident = shown.town.staff(Role.SCANNER), shown.town.resident()
    for caller in map(shown.api.as_, (scanner, resident)):
        assert seen(caller) == []
        for board in (*BOARDS, f"/measures/{ATTENDED}/rows"):
            problem_of(shown.ask(board, caller), 403, "monitor.forbidden")
    problem_of(shown.ask("/scenes", shown.manager), 403, "monitor.forbidden")
    problem_of(shown.ask("/patterns", shown.manager), 403, "auth.forbidden")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"as_of": "2099-01-01"}, 422, "monitor.as_of_invalid"),
        ({"first_day": "2026-03-02", "last_day": "2026-03-01"}, 422, "monitor.period_invalid"),
        ({"period": "year"}, 422, "request.invalid"),
        ({"format": "exe"}, 422, "request.invalid"),
        ({"territory_id": "1"}, 404, "territory.unknown"),
        ({"operator_id": "1"}, 404, "operator.unknown"),
    ],
)
def test_a_question_that_cant_be_answered_is_refused_with_a_reason(
    shown: Numbers, query: dict[str, str], status: int, code: str
) -> None:
    problem_of(shown.ask("/overview", **query), status, code)


def test_measures_that_nobody_knows_and_splits_that_arent_kept_are_refused(shown: Numbers) -> None:
    problem_of(shown.ask("/measures/no.such/rows"), 404, "monitor.measure_unknown")
    problem_of(shown.ask("/series", measure="no.such"), 404, "monitor.measure_unknown")
    problem_of(shown.ask("/series", measure="repairs.opened", scene="health"), 422, "monitor.slice_unknown")
    for path in ("/series?measure=points.issued", "/measures/points.issued/rows?part=above"):
        problem_of(shown.auditor.call("GET", f"/monitor{path}&detail=a%00b"), 422, "request.invalid")
    problem_of(
        shown.ask("/measures/patterns.bulk_hours/rows", shown.manager, territory_id=shown.town.community_id),
        404,
        "monitor.measure_unknown",
    )


def test_snapshots_are_listed_the_latest_day_first_with_each_days_corrections(shown: Numbers) -> None:
    now = utc_now()
    for day, n in ((100, 1), (99, 1), (99, 2), (98, 1)):
        snapshot(shown.town, today() - timedelta(days=day), now + timedelta(seconds=n), n)
    first = shown.auditor.get("/monitor/snapshots", limit=3).json
    rest = shown.auditor.get("/monitor/snapshots", limit=3, cursor=first["next_cursor"]).json
    days = [each["day"] for each in (*first["items"], *rest["items"])]
    assert days == [str(today() - timedelta(days=n)) for n in (98, 99, 99, 100)]
    assert rest["next_cursor"] is None
    problem_of(shown.manager.get("/monitor/snapshots"), 403, "monitor.forbidden")
