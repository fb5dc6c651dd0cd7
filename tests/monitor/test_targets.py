"""Protects targets: whose they are, from when they hold, and which light a number gets."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from models.monitor import WHOLE_TOWN
from models.monitor_wishes import MonitorTarget, TargetPeriod
from models.residents import Role
from models.territory import Scene
from rules.clock import local_day, local_moment, utc_now
from rules.monitor.numbers import Value
from rules.monitor.periods import Period, PeriodKind
from rules.monitor.places import find_reach
from rules.monitor.targets import Color, lights
from rules.work import SYSTEM, Work
from tests.build import ApiClient, Person, TownBuilder, add
from tests.edge.helpers import problem_of

HELD, NO_SHOWS = "sessions.held", "reservations.no_show_rate"
DAY = timedelta(days=1)
WEEK = Period(PeriodKind.WEEK, date(2099, 6, 1), date(2099, 6, 7))
SOON = WEEK.first - DAY
SOON_AFTER = local_moment(WEEK.last + DAY, "09:00")


class Desk:
    """The targets of a town, and who sets them."""

    def __init__(self, town: TownBuilder, api: ApiClient) -> None:
        self.town = town
        self.auditor, self.manager = town.staff(Role.AUDITOR), town.staff(Role.MANAGER)
        self.local = town.staff(Role.MANAGER, at=town.community_id)
        self.api = api

    def set(self, target: float, amber: float, *, by: Person | None = None, **more: Any) -> Any:
        body = {"measure": HELD, "period_kind": "week", "from_day": str(SOON), "target": target, "amber": amber}
        body |= {name: str(value) for name, value in more.items()}
        return self.api.as_(by or self.manager).post("/monitor/targets", body)

    def light(
        self,
        name: str,
        number: float | None,
        *,
        at: int | None = None,
        today: date = WEEK.last + DAY,
        scene: Scene | None = None,
    ) -> Color | str | None:
        """The light of a number of WEEK on a day; "none" where there is no target."""
        light = self._light(name, number, at, local_moment(today, "09:00"), scene)
        return "none" if light is None else light.light

    def target(self, as_of: datetime) -> float:
        """The target of HELD, as it was known at a moment."""
        return self._light(HELD, 0, None, as_of, None).target

    def _light(self, name: str, number: float | None, at: int | None, as_of: datetime, scene: Scene | None) -> Any:
        def deed(work: Work) -> Any:
            reach = find_reach(work, at)
            return lights(work, reach, WEEK, {name: Value(number)}, as_of, scene).get(name)

        return self.town.act(self.auditor, deed)


@pytest.fixture
def desk(town: TownBuilder, api: ApiClient) -> Desk:
    return Desk(town, api)


def test_a_number_is_green_from_its_target_on_amber_on_the_way_there_and_red_before(desk: Desk) -> None:
    assert desk.light(HELD, 100) == "none"
    assert desk.set(10, 8).status_code == 201
    assert [desk.light(HELD, n) for n in (10, 9, 8, 7)] == [Color.GREEN, Color.AMBER, Color.AMBER, Color.RED]
    assert desk.set(0.1, 0.2, measure=NO_SHOWS).status_code == 201
    shown = [desk.light(NO_SHOWS, rate) for rate in (0.1, 0.11, 0.2, 0.21, None)]
    assert shown == [Color.GREEN, Color.AMBER, Color.AMBER, Color.RED, None]


def test_a_running_periods_number_is_held_against_the_days_that_are_over(desk: Desk) -> None:
    assert desk.set(14, 7).status_code == 201
    assert desk.light(HELD, 5, today=WEEK.first) is None
    assert desk.light(HELD, 4, today=WEEK.first + 2 * DAY) is Color.GREEN  # two days of seven: 4 of 14
    assert desk.light(HELD, 3, today=WEEK.first + 2 * DAY) is Color.AMBER
    assert desk.light(HELD, 4, today=WEEK.last + DAY) is Color.RED
    assert desk.set(0.1, 0.2, measure=NO_SHOWS).status_code == 201
    assert desk.light(NO_SHOWS, 0.1, today=WEEK.first) is Color.GREEN  # a rate has no days


def test_the_latest_target_of_the_latest_day_counts_and_what_counted_then_can_still_be_told(desk: Desk) -> None:
    assert desk.set(10, 5).status_code == 201
    assert desk.set(20, 10, from_day=WEEK.last + DAY).status_code == 201
    assert desk.light(HELD, 10) is Color.GREEN  # the harder one begins after this week
    assert desk.set(30, 10).status_code == 201
    assert desk.light(HELD, 10) is Color.AMBER
    [first] = desk.town.rows(MonitorTarget.recorded_at, target=10.0)
    assert desk.target(as_of=first.recorded_at) == 10.0
    assert desk.target(as_of=utc_now()) == 30.0


def test_a_rates_target_holds_below_its_place_and_a_numbers_does_not(desk: Desk) -> None:
    town = desk.town
    assert desk.set(0.1, 0.2, measure=NO_SHOWS).status_code == 201
    assert desk.set(10, 5).status_code == 201
    assert desk.light(NO_SHOWS, 0.05, at=town.community_id) is Color.GREEN
    assert desk.light(HELD, 10, at=town.community_id) == "none"
    assert desk.light(NO_SHOWS, 0.05, scene=Scene.HEALTH) is Color.GREEN
    assert desk.light(HELD, 10, scene=Scene.HEALTH) == "none"
    own = desk.set(0.01, 0.02, measure=NO_SHOWS, territory_id=town.community_id, by=desk.local)
    assert own.status_code == 201
    assert desk.light(NO_SHOWS, 0.05, at=town.community_id) is Color.RED
    assert desk.light(NO_SHOWS, 0.05, at=town.other_community_id) is Color.GREEN


def test_a_number_that_is_wished_low_may_be_as_high_as_today_asks_for(desk: Desk) -> None:
    assert desk.set(7, 14, measure="sessions.cancelled").status_code == 201
    shown = [desk.light("sessions.cancelled", n, today=WEEK.first + DAY) for n in (2, 3, 4, 5)]
    assert shown == [Color.GREEN, Color.AMBER, Color.AMBER, Color.RED]  # yesterday's one and today's
    assert desk.light("sessions.cancelled", 0, today=WEEK.first) is None
    assert [desk.light("sessions.cancelled", n) for n in (7, 8)] == [Color.GREEN, Color.AMBER]


def test_one_operators_number_is_not_held_against_the_target_of_all(desk: Desk) -> None:
    assert desk.set(100, 80).status_code == 201
    assert desk.set(0.1, 0.2, measure=NO_SHOWS).status_code == 201

    def deed(work: Work) -> Any:
        reach = find_reach(work, None, desk.town.operator_id)
        values = {HELD: Value(3), NO_SHOWS: Value(0.3)}
        return {name: light.light for name, light in lights(work, reach, WEEK, values, SOON_AFTER).items()}

    assert desk.town.act(desk.auditor, deed) == {NO_SHOWS: Color.RED}


def test_an_ended_target_gives_no_light_and_stays_in_the_history(desk: Desk) -> None:
    target = desk.set(10, 5).json
    by = desk.api.as_(desk.manager)
    assert by.delete(f"/monitor/targets/{target['id']}").json["target"] is None
    assert desk.light(HELD, 10) == "none"
    assert by.get("/monitor/targets").json["items"] == []
    past = by.get("/monitor/targets", with_past="true").json["items"]
    assert [(each["target"], each["is_current"]) for each in past] == [(None, False), (10.0, False)]
    problem_of(by.delete(f"/monitor/targets/{target['id']}"), 404, "target.unknown")


def test_a_target_that_no_number_can_be_held_against_is_refused(desk: Desk) -> None:
    def refused(target: float, amber: float, **more: Any) -> tuple[int, str]:
        answer = desk.set(target, amber, **more)
        return answer.status_code, answer.json["code"]

    unfit = (422, "target.unfit")
    assert refused(10, 11) == unfit  # amber would be better than green
    assert refused(0.2, 0.1, measure=NO_SHOWS) == unfit
    assert refused(1.5, 2, measure=NO_SHOWS) == unfit
    assert refused(10, 5, measure="points.issued") == unfit
    assert refused(10, 5, measure="repairs.done", scene="health") == unfit
    assert refused(10, 5, measure="patterns.bulk_hours") == (404, "monitor.measure_unknown")
    assert refused(-1, -2) == (422, "request.invalid")
    assert refused(10, 5, from_day=local_day(utc_now()) - DAY) == (422, "monitor.set_in_the_past")
    assert desk.town.rows(MonitorTarget) == []


def test_targets_are_set_by_managers_of_the_place_alone(desk: Desk) -> None:
    town = desk.town
    problem_of(desk.set(10, 5, by=desk.local), 403, "auth.forbidden")
    problem_of(desk.set(10, 5, by=desk.local, territory_id=town.other_community_id), 403, "auth.forbidden")
    problem_of(desk.set(10, 5, by=desk.auditor), 403, "auth.forbidden")
    assert town.rows(MonitorTarget) == []
    mine = desk.set(10, 5, by=desk.local, territory_id=town.community_id).json
    assert desk.api.as_(desk.local).delete(f"/monitor/targets/{mine['id']}").status_code == 200


def test_the_scene_board_shows_the_lights(desk: Desk) -> None:
    yesterday = local_day(utc_now()) - DAY
    row = {"measure": HELD, "territory_id": WHOLE_TOWN, "scene": Scene.HEALTH, "period_kind": TargetPeriod.DAY}
    row |= {"from_day": yesterday, "target": 1.0, "amber": 1.0}
    town = desk.town
    town.database.write(town.id, SYSTEM, lambda work: add(work, MonitorTarget, recorded_at=work.now, **row))
    asked = {"as_of": utc_now().isoformat(), "period": "day", "first_day": str(yesterday)}
    rows = desk.api.as_(desk.auditor).get("/monitor/scenes", **asked).json["rows"]
    shown = {each["key"]: each["lights"] for each in rows if each["lights"]}
    assert shown == {"health": [{"measure": HELD, "target": 1.0, "amber": 1.0, "light": "red"}]}
