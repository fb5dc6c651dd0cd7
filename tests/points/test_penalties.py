"""Who doesn't come again and again, or falls below a bound, may not reserve for a while."""

from __future__ import annotations

from datetime import timedelta

import time_machine

from models.reservations import Reservation
from models.residents import Role
from models.rulebook import StandingFreeze, StandingSuspension
from rules.clock import ZONE, local_day, local_moment
from rules.rulebook.versions import publish
from tests.build import ApiClient, TownBuilder
from tests.edge.helpers import problem_of, reserve
from tests.ledger.keeping import audit
from tests.points.staff_events import HEAD, NO_SHOWS, SERVICE, THEN, at, standing, under
from tests.rulebook.live import explained, lines, organiser, recorded


def test_who_does_not_come_three_times_can_not_reserve_until_the_suspension_is_over(
    town: TownBuilder, api: ApiClient
) -> None:
    under(town, NO_SHOWS)
    resident, other, someone = town.resident(), town.resident(), town.staff(Role.ORGANISER)
    until = local_moment(local_day(THEN) + timedelta(days=32), "00:00").astimezone(ZONE)
    with at(0):
        assert lines(recorded(api.as_(someone), resident, "absent")) == []
    with at(1):
        assert lines(recorded(api.as_(someone), resident, "absent", excused=True)) == []
        assert lines(recorded(api.as_(someone), resident, "absent")) == [("warning", "no-show", 0)]
        assert reserve(api.as_(resident), town.session()).status_code == 201, "a warning keeps nobody out"
    with at(2):
        [line] = recorded(api.as_(someone), resident, "absent")["lines"]
        assert (line["kind"], line["until"]) == ("suspension", until.isoformat())
        assert line["explanation"] == f"爽约：第 3 次，暂停预约至 {until.date().isoformat()}"
        document = problem_of(reserve(api.as_(resident), town.session()), 403, "reservation.suspended_until")
        assert until.date().isoformat() in document["detail"]
        assert standing(api, resident)["blocks"] == [
            {"title": "爽约", "what": ["booking"], "since": None, "until": until.isoformat(), "ways_out": []}
        ]
        assert reserve(api.as_(other), town.session()).status_code == 201
    with time_machine.travel(until - timedelta(seconds=1), tick=False):
        problem_of(reserve(api.as_(resident), town.session()), 403, "reservation.suspended_until")
    with time_machine.travel(until, tick=False):
        assert reserve(api.as_(resident), town.session()).status_code == 201
        assert standing(api, resident)["blocks"] == []
    assert len(town.rows(Reservation.id, resident_id=resident.id)) == 2


def test_a_suspension_for_good_says_so(town: TownBuilder, api: ApiClient) -> None:
    under(town, NO_SHOWS.replace("{ days = 30 }", "{ for_good = true }"))
    resident, staff = town.resident(), organiser(town, api)
    for _ in range(3):
        outcome = recorded(staff, resident, "absent")
    assert [(line["kind"], line["until"]) for line in outcome["lines"]] == [("suspension", None)]
    assert "直至工作人员恢复" in explained(outcome)
    problem_of(reserve(api.as_(resident), town.session()), 403, "reservation.frozen")
    assert standing(api, resident)["blocks"][0]["until"] is None


def test_a_suspension_that_forbids_something_else_keeps_nobody_from_reserving(
    town: TownBuilder, api: ApiClient
) -> None:
    under(town, NO_SHOWS.replace("per =", 'blocks = ["earning", "redemption"]\nper ='), SERVICE)
    resident, staff = town.resident(), organiser(town, api)
    for _ in range(3):
        recorded(staff, resident, "absent")
    assert reserve(api.as_(resident), town.session()).status_code == 201
    outcome = recorded(staff, resident, "care", hours=1)
    assert (outcome["awarded"], lines(outcome)) == (0, [("nothing", "care", 0)])
    assert "爽约" in explained(outcome)


FREEZE = """
[[deduct]]
id = "fault"
event = "fault"
title = "违规"
amount = 10
[[freeze]]
id = "booking"
title = "积分扣完，暂停预约"
where = { balance.points = { max = 0 } }
blocks = ["booking"]
"""
BY_SERVICE = """
[[freeze.exit]]
title = "服务满 2 小时"
collects = { events = ["care"], quantity = "hours", amount = 2 }
"""


def test_a_freeze_forbids_reserving_until_a_way_out_is_taken(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, FREEZE, BY_SERVICE)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", hours=1)
    assert reserve(api.as_(resident), town.session()).status_code == 201
    assert lines(recorded(staff, resident, "fault")) == [("deduction", "fault", 10), ("frozen", "booking", 0)]
    problem_of(reserve(api.as_(resident), town.session()), 403, "reservation.frozen")
    [block] = standing(api, resident)["blocks"]
    assert (block["title"], block["what"], block["until"]) == ("积分扣完，暂停预约", ["booking"], None)
    assert block["ways_out"] == ["服务满 2 小时"]
    assert block["since"] is not None
    recorded(staff, resident, "care", hours=1)
    problem_of(reserve(api.as_(resident), town.session()), 403, "reservation.frozen")
    assert [line["kind"] for line in recorded(staff, resident, "care", hours=1)["lines"]] == ["award", "unfrozen"]
    assert reserve(api.as_(resident), town.session()).status_code == 201
    assert standing(api, resident)["blocks"] == []
    assert (town.rows(StandingFreeze), town.rows(StandingSuspension)) == ([], [])
    audit(town)


def test_a_freeze_that_ends_after_some_days_ends_though_nothing_happens(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, FREEZE, BY_SERVICE, '[[freeze.exit]]\ntitle = "60 天后"\nafter_days = 60\n')
    resident, someone = town.resident(), town.staff(Role.ORGANISER)
    until = local_moment(local_day(THEN) + timedelta(days=60), "00:00").astimezone(ZONE)
    with at(0):
        recorded(api.as_(someone), resident, "care", hours=1)
        recorded(api.as_(someone), resident, "fault")
        assert [block["until"] for block in standing(api, resident)["blocks"]] == [until.isoformat()]
    with time_machine.travel(until - timedelta(seconds=1), tick=False):
        assert reserve(api.as_(resident), town.session()).status_code == 403
    with time_machine.travel(until, tick=False):
        assert reserve(api.as_(resident), town.session()).status_code == 201
        assert standing(api, resident)["blocks"] == []
        outcome = recorded(api.as_(someone), resident, "care", hours=1)
        assert [line["kind"] for line in outcome["lines"]] == ["unfrozen", "award"]
    assert town.rows(StandingFreeze) == []


def test_a_freeze_that_the_next_rules_know_nothing_of_is_over_and_a_suspension_runs_to_its_end(
    town: TownBuilder, api: ApiClient
) -> None:
    under(town, NO_SHOWS, SERVICE, FREEZE, BY_SERVICE)
    frozen, suspended, someone = town.resident(), town.resident(), town.staff(Role.ORGANISER)
    town.act(None, publish, HEAD + SERVICE, THEN + timedelta(days=2))
    with at(0):
        recorded(api.as_(someone), frozen, "care", hours=1)
        recorded(api.as_(someone), frozen, "fault")
        for _ in range(3):
            recorded(api.as_(someone), suspended, "absent")
    with at(1):
        problem_of(reserve(api.as_(frozen), town.session()), 403, "reservation.frozen")
        problem_of(reserve(api.as_(suspended), town.session()), 403, "reservation.suspended_until")
    with at(3):
        assert reserve(api.as_(frozen), town.session()).status_code == 201
        assert standing(api, frozen)["blocks"] == []
        problem_of(reserve(api.as_(suspended), town.session()), 403, "reservation.suspended_until")
    with at(31):
        assert reserve(api.as_(suspended), town.session()).status_code == 201
