"""Working days: public holidays, make-up workdays, and the town's own word above them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from models.residents import Role
from models.venues import DayKind
from rules.working_days import KNOWN_UNTIL, Calendar, day_kind, working_days
from tests.build import ApiClient, TownBuilder
from tests.venues.halls import refused

NOTHING_SAID = Calendar({})


@pytest.mark.parametrize(
    ("day", "kind", "works"),
    [
        (date(2026, 10, 1), DayKind.HOLIDAY, False),
        (date(2026, 10, 3), DayKind.HOLIDAY, False),  # a Saturday of the holidays
        (date(2026, 10, 10), DayKind.MAKEUP_WORKDAY, True),  # a Saturday
        (date(2026, 10, 12), DayKind.MONDAY, True),
        (date(2026, 10, 17), DayKind.SATURDAY, False),
        (date(2003, 10, 1), DayKind.WEDNESDAY, True),  # before the first year that is known
    ],
)
def test_days_are_what_the_state_council_has_published(day: date, kind: DayKind, works: bool) -> None:
    assert (NOTHING_SAID.kind_of(day), NOTHING_SAID.is_working_day(day)) == (kind, works)


def test_beyond_the_last_year_that_is_known_a_day_is_as_its_weekday() -> None:
    day = KNOWN_UNTIL + timedelta(days=1)
    week = [day + timedelta(days=n) for n in range(7)]
    assert [NOTHING_SAID.is_working_day(each) for each in week] == [each.weekday() < 5 for each in week]
    assert {NOTHING_SAID.kind_of(each) for each in week} == set(list(DayKind)[:7])


def test_the_town_may_say_otherwise(town: TownBuilder, api: ApiClient) -> None:
    manager = api.as_(town.staff(Role.MANAGER))
    off, on = date(2026, 10, 12), date(2026, 10, 3)  # a Monday; a Saturday of the National Day holidays
    said = {"day": off.isoformat(), "is_working_day": False, "name": "运动会放假"}
    assert manager.post("/working-days", said).json["kind"] == "holiday"
    manager.post("/working-days", {"day": on.isoformat(), "is_working_day": True, "name": "社区值班"})

    def judged(work):  # type: ignore[no-untyped-def]
        is_working_day = working_days(work, off)
        return is_working_day(off), is_working_day(on), day_kind(work, on), day_kind(work, off + timedelta(days=1))

    assert town.act(None, judged) == (False, True, DayKind.MAKEUP_WORKDAY, DayKind.TUESDAY)
    listed = api.get("/working-days", **{"from": "2026-10-01", "to": "2026-10-31"}).json["items"]
    assert [each["day"] for each in listed if each["is_set_by_town"]] == [on.isoformat(), off.isoformat()]
    named = {each["day"]: each["name"] for each in listed}
    assert (named["2026-10-01"], named["2026-10-10"], named["2026-10-12"]) == ("国庆节", "国庆节调休上班", "运动会放假")


def test_a_day_is_set_anew_and_left_to_the_public_calendar_again(town: TownBuilder, api: ApiClient) -> None:
    manager = api.as_(town.staff(Role.ADMIN))
    for works in (False, True):
        assert (
            manager.post("/working-days", {"day": "2026-10-12", "is_working_day": works, "name": "改期"}).json[
                "is_working_day"
            ]
            is works
        )
    assert manager.call("DELETE", "/working-days", query_string={"day": "2026-10-12"}).status_code == 204
    answer = manager.call("DELETE", "/working-days", query_string={"day": "2026-10-12"})
    refused(answer, 404, "calendar.day_unset")
    assert town.act(None, lambda work: day_kind(work, date(2026, 10, 12))) is DayKind.MONDAY


def test_only_managers_of_the_whole_town_change_its_calendar(town: TownBuilder, api: ApiClient) -> None:
    said = {"day": "2026-10-12", "is_working_day": False, "name": "放假"}
    for staff in (town.staff(Role.MANAGER, at=town.community_id), town.staff(Role.ORGANISER)):
        refused(api.as_(staff).post("/working-days", said), 403, "auth.forbidden")
    assert api.get("/working-days", **{"from": "2026-10-12", "to": "2026-10-12"}).json["items"] == []


@pytest.mark.parametrize("period", [("2026-10-02", "2026-10-01"), ("2026-01-01", "2027-12-31")])
def test_a_period_of_the_calendar_has_an_end(api: ApiClient, period: tuple[str, str]) -> None:
    refused(api.get("/working-days", **{"from": period[0], "to": period[1]}), 422, "calendar.period_invalid")


def test_without_a_period_the_coming_year_is_listed(api: ApiClient) -> None:
    assert api.get("/working-days").status_code == 200
