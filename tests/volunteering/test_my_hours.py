"""Protects what residents see of their own hours, and that nobody sees anybody else's."""

from __future__ import annotations

import pytest

from rules.clock import local_day, utc_now
from tests.build import ApiClient, TownBuilder
from tests.edge.helpers import problem_of
from tests.rulebook.live import put_in_force
from tests.volunteering.serving import (
    RULES,
    a_session,
    days_ago,
    entry,
    guardian_of,
    organiser,
    serve,
    void,
    written_down,
)
from tests.volunteering.test_imports import line, send


@pytest.fixture(autouse=True)
def rules(town: TownBuilder) -> None:
    put_in_force(town, RULES)


def test_who_has_served_nothing_has_zeros(town: TownBuilder, api: ApiClient) -> None:
    shown = api.as_(town.resident()).get("/me/hours").json
    assert shown["minutes"] == shown["hours"] == {"signed": 0, "staff": 0, "imported": 0, "total": 0}
    assert (shown["years"], shown["items"], shown["next_cursor"]) == ([], [], None)


def test_hours_are_shown_by_where_they_come_from_and_by_year(town: TownBuilder, api: ApiClient) -> None:
    volunteer, staff = town.resident(volunteer=True), organiser(town, api)
    serve(town, volunteer, a_session(town), 100)
    written_down(staff, entry(volunteer, 30))
    [pending] = written_down(staff, entry(volunteer, 500, days_ago(5)))
    [gone] = written_down(staff, entry(volunteer, 20))
    void(staff, gone["id"], "记错了")
    last_year = local_day(utc_now()).year - 1
    send(staff, line("ZJ-1", volunteer, 45, f"{last_year}-06-01"))
    shown = api.as_(volunteer).get("/me/hours").json
    assert shown["minutes"] == {"signed": 100, "staff": 30, "imported": 45, "total": 175}
    assert shown["hours"] == {"signed": 1.67, "staff": 0.5, "imported": 0.75, "total": 2.92}
    assert [(each["year"], each["minutes"]["total"]) for each in shown["years"]] == [
        (last_year + 1, 130),
        (last_year, 45),
    ]
    statuses = {item["id"]: (item["status"], item["void_reason"]) for item in shown["items"]}
    assert (statuses[pending["id"]], statuses[gone["id"]]) == (("pending", None), ("voided", "记错了"))
    assert len(shown["items"]) == 5


def test_stars_say_what_is_missing_and_other_ladders_are_left_out(town: TownBuilder, api: ApiClient) -> None:
    volunteer = town.resident(volunteer=True)
    serve(town, volunteer, a_session(town), 150)
    written_down(organiser(town, api), entry(volunteer, 60))
    [star] = api.as_(volunteer).get("/me/hours").json["stars"]
    assert (star["id"], star["level_title"], star["next_title"]) == ("star", "一星级志愿者", "二星级志愿者")
    assert star["missing"] == [{"measure": "tally.service-hours", "have": 2.5, "need": 10}]
    assert star["rights"][0]["title"] == "佩戴一星标识"


def test_a_town_without_a_rulebook_has_hours_and_no_stars(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, 'name = "别的"\n[expiry]\nyears = 1\n', days_ago=1)
    volunteer = town.resident(volunteer=True)
    serve(town, volunteer, a_session(town), 60)
    shown = api.as_(volunteer).get("/me/hours").json
    assert (shown["stars"], shown["minutes"]["signed"]) == ([], 60)


def test_records_come_in_pages_the_latest_first(town: TownBuilder, api: ApiClient) -> None:
    volunteer = town.resident(volunteer=True)
    ids = [each["id"] for each in written_down(organiser(town, api), *[entry(volunteer, 5)] * 5)]
    me, seen, cursor = api.as_(volunteer), [], None
    while True:
        page = me.get("/me/hours", limit=2, **({"cursor": cursor} if cursor else {})).json
        assert page["minutes"]["staff"] == 25
        seen += [item["id"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == ids[::-1]


def test_nobody_sees_the_hours_of_others(town: TownBuilder, api: ApiClient) -> None:
    volunteer, neighbour = town.resident(volunteer=True), town.resident()
    serve(town, volunteer, a_session(town), 60)
    whose = {"resident_id": str(volunteer.id)}
    assert api.as_(neighbour).get("/me/hours").json["minutes"]["total"] == 0
    problem_of(api.as_(neighbour).get("/me/hours", **whose), 403, "proxy.none")
    problem_of(organiser(town, api).get("/me/hours", **whose), 403, "auth.forbidden")
    problem_of(api.get("/me/hours", **whose), 401, "auth.required")
    for path in ("/volunteering/records", "/volunteering/reviews"):
        problem_of(api.as_(neighbour).get(path), 403, "auth.forbidden")
        problem_of(api.as_(volunteer).get(path), 403, "auth.forbidden")


def test_a_guardian_sees_the_hours_of_the_child(town: TownBuilder, api: ApiClient) -> None:
    child = town.resident(volunteer=True, born_on=days_ago(3650))
    serve(town, child, a_session(town), 150)
    shown = api.as_(guardian_of(town, child)).get("/me/hours", resident_id=str(child.id)).json
    assert (shown["minutes"]["signed"], shown["stars"][0]["level"]) == (150, "star-1")


def test_who_acts_for_somebody_is_not_told_of_the_points_that_a_star_asks_for(
    town: TownBuilder, api: ApiClient
) -> None:
    both = RULES.replace('{ "tally.service-hours" = 10 }', '{ "tally.service-hours" = 10, "balance.points" = 500 }')
    put_in_force(town, both, days_ago=1)
    child = town.resident(volunteer=True, born_on=days_ago(3650))
    serve(town, child, a_session(town), 150)
    [mine] = api.as_(child).get("/me/hours").json["stars"]
    [theirs] = api.as_(guardian_of(town, child)).get("/me/hours", resident_id=str(child.id)).json["stars"]
    assert [each["measure"] for each in mine["missing"]] == ["tally.service-hours", "balance.points"]
    assert [each["measure"] for each in theirs["missing"]] == ["tally.service-hours"]
