"""Protects how sessions come to be: one by one, in series, and night by night; each with its room, or none at all."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import update

from jobs.runner import run_job
from jobs.schedule import JOBS_BY_NAME, Means
from models.activities import Activity, ActivityStatus, Series, Session, SessionStatus
from models.jobs import Outbox
from models.reservations import Draw
from models.residents import Role
from models.venues import CalendarDay, VenueSlot
from rules.clock import ZONE
from tests.activities.organising import (
    Desk,
    a_night,
    a_room,
    code_of,
    local_days,
    series_body,
    session_body,
    what_stands,
)
from tests.activities.plan import DAY, HOUR, NOW, at_nine
from tests.build import ApiClient, TownBuilder


@pytest.fixture
def desk(town: TownBuilder, api: ApiClient) -> Desk:
    return Desk(town, api)


# One session


def test_a_session_is_planned_with_its_windows(desk: Desk, town: TownBuilder) -> None:
    activity = desk.activity()
    body = session_body(
        town,
        NOW + 10 * DAY,
        duration_minutes=90,
        capacity=12,
        capacity_min=4,
        overbooking_max=3,
        opens_minutes_before=7 * 24 * 60,
        closes_minutes_before=120,
    )
    planned = desk.post(f"/activities/{activity}/sessions", body)
    assert planned.status_code == 201, planned.json
    assert (
        planned.json.items()
        >= {
            "activity_id": str(activity),
            "series_id": None,
            "starts_at": "2025-06-12T09:00:00+08:00",
            "ends_at": "2025-06-12T10:30:00+08:00",
            "reservable_from": "2025-06-05T09:00:00+08:00",
            "reservable_until": "2025-06-12T07:00:00+08:00",
            "allocates_at": None,
            "checkin_opens_at": "2025-06-12T08:30:00+08:00",
            "capacity": 12,
            "capacity_min": 4,
            "taken": 0,
            "waiting": 0,
            "status": "not_open",
        }.items()
    )
    [row] = town.rows(Session.overbooking_max, Session.overbooking, Session.status)
    assert row == (3, 0, SessionStatus.SCHEDULED)
    assert {slot.starts_at.astimezone(ZONE).strftime("%H:%M") for slot in town.rows(VenueSlot.starts_at)} == {
        "09:00",
        "09:15",
        "09:30",
        "09:45",
        "10:00",
        "10:15",
    }


def test_people_who_come_and_go_can_sign_up_during_the_session(desk: Desk, town: TownBuilder) -> None:
    body = session_body(town, NOW + DAY, duration_minutes=240, closes_minutes_before=-240)
    planned = desk.post(f"/activities/{desk.activity()}/sessions", body)
    assert planned.json["reservable_until"] == planned.json["ends_at"]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"duration_minutes": 0}, "duration_minutes"),
        ({"duration_minutes": 24 * 60 + 1}, "duration_minutes"),
        ({"capacity": 0}, "capacity"),
        ({"capacity": True}, "capacity"),
        ({"capacity": None}, "capacity"),
        ({"capacity_min": 21, "closes_minutes_before": 60}, "capacity_min"),
        ({"capacity_min": 1}, "closes_minutes_before"),
        ({"overbooking_max": 21}, "overbooking_max"),
        ({"closes_minutes_before": -61}, "closes_minutes_before"),
        ({"opens_minutes_before": 0}, "opens_minutes_before"),
        ({"allocates_minutes_before": 60}, "allocates_minutes_before"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"starts_at": "2025-06-02T09:00:00+08:00"}, "starts_at"),
        ({"starts_at": "2025-06-02T09:00:00"}, "starts_at"),
        ({"starts_at": "2026-06-04T09:00:00"}, "starts_at"),
        ({"scope": "one"}, "scope"),
    ],
    ids=str,
)
def test_a_session_that_cannot_be_planned_is_refused(
    desk: Desk, town: TownBuilder, said: dict[str, Any], field: str
) -> None:
    activity = desk.activity()
    before = what_stands(town)
    answer = desk.post(f"/activities/{activity}/sessions", session_body(town, NOW + DAY) | said)
    assert answer.status_code == 422, answer.json
    assert list(answer.json["errors"]) == [field]
    assert what_stands(town) == before


def test_a_room_must_be_there_be_ones_own_and_be_large_enough(desk: Desk, town: TownBuilder, api: ApiClient) -> None:
    path, small = f"/activities/{desk.activity()}/sessions", a_room(town, capacity=10)
    said = session_body(town, NOW + DAY)
    assert code_of(desk.post(path, said | {"venue_id": "1"})) == (404, "venue.unknown")
    too_small = desk.post(path, said | {"venue_id": str(small), "capacity": 11})
    assert code_of(too_small) == (422, "session.venue_too_small")
    assert desk.post(path, said | {"venue_id": str(small), "capacity": 10}).status_code == 201
    other = town.activity(community_id=town.other_community_id)
    elsewhere = Desk(town, api, town.staff(Role.ORGANISER, at=town.other_community_id))
    assert code_of(elsewhere.post(f"/activities/{other}/sessions", said)) == (403, "auth.forbidden")


def test_two_sessions_do_not_meet_in_one_room(desk: Desk, town: TownBuilder) -> None:
    path = f"/activities/{desk.activity()}/sessions"
    assert desk.post(path, session_body(town, NOW + DAY)).status_code == 201
    clash = desk.post(path, session_body(town, NOW + DAY + HOUR / 2))
    assert code_of(clash) == (409, "session.venue_clash")
    assert clash.json["errors"] == {"days": ["2025-06-03 09:30"]}
    assert desk.post(path, session_body(town, NOW + DAY + HOUR)).status_code == 201
    elsewhere = session_body(town, NOW + DAY, venue_id=str(a_room(town)))
    assert desk.post(path, elsewhere).status_code == 201
    assert len(town.rows(Session)) == 3


# A series


def test_a_series_has_the_sessions_of_its_next_ninety_days(desk: Desk, town: TownBuilder) -> None:
    activity = desk.activity()
    planned = desk.series(activity, opens_minutes_before=24 * 60, closes_minutes_before=30)
    assert planned.status_code == 201, planned.json
    assert (
        planned.json.items()
        >= {
            "rrule": "FREQ=WEEKLY;BYDAY=MO,WE",
            "starts_on": "2025-06-02",
            "starts_at": "10:30",
            "ends_on": None,
            "expanded_until": "2025-08-31",
            "duration_minutes": 60,
            "opens_minutes_before": 24 * 60,
            "closes_minutes_before": 30,
        }.items()
    )
    sessions = desk.sessions(activity)
    found = local_days(desk, activity)
    assert found[:3] == [date(2025, 6, 2), date(2025, 6, 4), date(2025, 6, 9)]
    assert found[-1] == date(2025, 8, 27)
    assert {day.weekday() for day in found} == {0, 2}
    assert {row.starts_at.astimezone(ZONE).strftime("%H:%M") for row in sessions} == {"10:30"}
    assert {row.series_id for row in sessions} == {int(planned.json["id"])}
    assert {row.starts_at - row.reservable_from for row in sessions} == {DAY}
    assert {row.starts_at - row.reservable_until for row in sessions} == {timedelta(minutes=30)}


def test_a_session_of_today_that_would_have_begun_is_not_made(desk: Desk) -> None:
    activity = desk.activity()
    desk.series(activity, starts_at="09:00")
    assert local_days(desk, activity)[0] == date(2025, 6, 4)


def test_a_series_that_begins_beyond_the_horizon_has_no_sessions_yet(desk: Desk) -> None:
    activity = desk.activity()
    assert desk.series(activity, starts_on="2025-09-01").status_code == 201
    assert desk.sessions(activity) == []


@pytest.mark.parametrize(
    ("said", "ends_on", "found"),
    [
        ({"rrule": "FREQ=WEEKLY;BYDAY=MO;COUNT=3"}, "2025-06-16", [2, 9, 16]),
        ({"rrule": "FREQ=WEEKLY;BYDAY=MO;UNTIL=20250612"}, "2025-06-09", [2, 9]),
        ({"rrule": "FREQ=WEEKLY;BYDAY=MO", "ends_on": "2025-06-15"}, "2025-06-09", [2, 9]),
        ({"rrule": "FREQ=MONTHLY;BYMONTHDAY=-1", "ends_on": "2025-06-30"}, "2025-06-30", [30]),
        ({"rrule": "FREQ=DAILY;INTERVAL=10", "ends_on": "2025-06-30"}, "2025-06-22", [2, 12, 22]),
    ],
)
def test_a_series_ends_where_it_says(desk: Desk, said: dict[str, Any], ends_on: str, found: list[int]) -> None:
    activity = desk.activity()
    planned = desk.series(activity, **said)
    assert planned.json["ends_on"] == ends_on
    assert local_days(desk, activity) == [date(2025, 6, number) for number in found]


def test_days_that_are_listed_and_holidays_have_no_session(desk: Desk, town: TownBuilder) -> None:
    """The Dragon Boat festival of 2025 is a long weekend: Saturday 31 May to Monday 2 June."""
    with at_nine():
        row = {"is_working_day": False, "name": "社区运动会", "set_by": desk.person.id, "set_at": NOW}
        town.act(
            None,
            lambda work: work.db.execute(
                CalendarDay.__table__.insert(), {"town_id": town.id, "day": date(2025, 6, 4), **row}
            ),
        )
    skipping, all_days = desk.activity(), desk.activity()
    said = {"rrule": "FREQ=DAILY", "ends_on": "2025-06-07", "skip": ["2025-06-05", "2026-01-01"]}
    planned = desk.series(skipping, **said, skips_holidays=True)
    assert planned.json["skips"] == ["2025-06-05", "2026-01-01"]
    assert local_days(desk, skipping) == [date(2025, 6, number) for number in (3, 6, 7)]
    desk.series(all_days, **said, venue_id=str(a_room(town)))
    assert local_days(desk, all_days) == [date(2025, 6, number) for number in (2, 3, 4, 6, 7)]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"rrule": "FREQ=YEARLY"}, "series.rule_invalid"),
        ({"rrule": "FREQ=DAILY;BYSETPOS=1"}, "series.rule_invalid"),
        ({"rrule": "FREQ=DAILY;INTERVAL=7;BYDAY=TU"}, "series.empty"),
        ({"rrule": "FREQ=DAILY", "ends_on": "2026-12-31"}, "series.too_long"),
        ({"rrule": "FREQ=DAILY;UNTIL=20280101"}, "series.too_long"),
        ({"rrule": "FREQ=DAILY;UNTIL=20250601"}, "series.empty"),
        ({"starts_on": "2025-06-01"}, "session.plan_invalid"),
        ({"starts_on": "2026-06-04"}, "session.plan_invalid"),
        ({"ends_on": "2025-06-01"}, "session.plan_invalid"),
        ({"capacity_min": 30}, "session.plan_invalid"),
        ({"starts_at": "24:00"}, "request.invalid"),
        ({"starts_at": "9:00"}, "request.invalid"),
        ({"starts_at": "09:00\n"}, "request.invalid"),
        ({"starts_on": "2025-02-29"}, "request.invalid"),
        ({"rrule": "x" * 201}, "request.invalid"),
        ({"skip": ["2025-06-01"] * 201}, "request.invalid"),
        ({"skip": "2025-06-01"}, "request.invalid"),
        ({"skips_holidays": "perhaps"}, "request.invalid"),
        ({"count": 5}, "request.invalid"),
    ],
    ids=str,
)
def test_a_series_that_cannot_be_is_refused_in_the_preview_as_well(
    desk: Desk, town: TownBuilder, said: dict[str, Any], code: str
) -> None:
    activity = desk.activity()
    before = what_stands(town)
    for path in ("series", "series/preview"):
        answer = desk.post(f"/activities/{activity}/{path}", series_body(town, **said))
        assert code_of(answer) == (422, code), path
    assert what_stands(town) == before


def test_a_series_that_clashes_is_refused_whole_with_every_day(desk: Desk, town: TownBuilder) -> None:
    taken = desk.activity()
    for moment in (NOW + 2 * DAY + HOUR, NOW + 9 * DAY + 2 * HOUR):
        assert desk.post(f"/activities/{taken}/sessions", session_body(town, moment)).status_code == 201
    activity = desk.activity()
    before = what_stands(town)
    clash = desk.series(activity)
    assert code_of(clash) == (409, "session.venue_clash")
    assert clash.json["errors"] == {"days": ["2025-06-04 10:30", "2025-06-11 10:30"]}
    assert what_stands(town) == before
    assert desk.series(activity, skip=["2025-06-04", "2025-06-11"]).status_code == 201


def test_a_preview_shows_what_would_be_and_writes_nothing(desk: Desk, town: TownBuilder) -> None:
    activity, taken = desk.activity(), desk.activity()
    desk.post(f"/activities/{taken}/sessions", session_body(town, NOW + 9 * DAY + HOUR))
    before = what_stands(town)
    body = series_body(town, ends_on="2025-06-15", skip=["2025-06-04"], skips_holidays=True)
    preview = desk.post(f"/activities/{activity}/series/preview", body)
    assert preview.status_code == 200, preview.json
    assert {k: preview.json[k] for k in ("rrule", "ends_on", "expanded_until")} == {
        "rrule": "FREQ=WEEKLY;BYDAY=MO,WE",
        "ends_on": "2025-06-11",
        "expanded_until": "2025-08-31",
    }
    assert [(day["day"], day["skipped"], day["is_venue_taken"]) for day in preview.json["items"]] == [
        ("2025-06-02", "holiday", False),
        ("2025-06-04", "listed", False),
        ("2025-06-09", None, False),
        ("2025-06-11", None, True),
    ]
    assert preview.json["items"][2]["ends_at"] == "2025-06-09T11:30:00+08:00"
    assert what_stands(town) == before


def test_a_lottery_says_when_it_is_drawn(desk: Desk, town: TownBuilder) -> None:
    activity = desk.activity(allocation="lottery")
    assert code_of(desk.series(activity)) == (422, "session.plan_invalid")
    planned = desk.series(activity, rrule="FREQ=WEEKLY;BYDAY=FR;COUNT=2", allocates_minutes_before=24 * 60)
    assert planned.status_code == 201, planned.json
    sessions = desk.sessions(activity)
    assert [row.starts_at - row.allocates_at for row in sessions] == [DAY, DAY]
    assert {row.session_id for row in town.rows(Draw.session_id)} == {row.id for row in sessions}


# Night by night


def test_each_night_moves_the_horizon_on_and_no_session_is_made_twice(desk: Desk) -> None:
    activity = desk.activity()
    desk.series(activity)
    made = len(desk.sessions(activity))
    tonight = NOW + timedelta(hours=17)  # two in the morning
    assert a_night(desk.town, tonight).sessions == 1  # Monday 1 September comes into sight
    assert a_night(desk.town, tonight).sessions == 0
    assert a_night(desk.town, tonight + 7 * DAY).sessions == 2
    found = local_days(desk, activity)
    assert len(found) == len(set(found)) == made + 3
    assert found[-2:] == [date(2025, 9, 3), date(2025, 9, 8)]


def test_the_job_of_the_night_runs_for_the_town(desk: Desk, town: TownBuilder) -> None:
    activity = desk.activity()
    desk.series(activity)
    made = len(desk.sessions(activity))
    moment = datetime(2025, 6, 3, 2, 0, tzinfo=ZONE)
    with time_machine.travel(moment + HOUR, tick=False):
        outcomes = run_job(Means(town.database, town.house.keys), JOBS_BY_NAME["season"], moment)
    assert outcomes[town.code] == "ok"
    assert len(desk.sessions(activity)) == made + 1


@pytest.mark.parametrize("status", [ActivityStatus.DRAFT, ActivityStatus.CANCELLED, ActivityStatus.FINISHED])
def test_what_is_not_published_gets_no_more_sessions(desk: Desk, status: ActivityStatus) -> None:
    activity = desk.activity()
    desk.series(activity)
    made = len(desk.sessions(activity))
    change = update(Activity).where(Activity.town_id == desk.town.id).values(status=status, versioned_at=NOW)
    desk.town.act(None, lambda work: work.db.execute(change))
    assert a_night(desk.town, NOW + 10 * DAY).sessions == 0
    assert len(desk.sessions(activity)) == made


def test_a_day_on_which_the_room_is_taken_is_left_out_by_night_and_told(desk: Desk, town: TownBuilder) -> None:
    activity, other = desk.activity(), desk.activity()
    desk.series(activity)
    # The room's first of September is taken before it comes into the sight of the series.
    body = session_body(town, datetime(2025, 9, 1, 10, 0, tzinfo=ZONE))
    assert desk.post(f"/activities/{other}/sessions", body).status_code == 201
    tended = a_night(town, NOW + timedelta(days=3))
    assert (tended.sessions, tended.clashes) == (1, 1)
    assert local_days(desk, activity)[-2:] == [date(2025, 8, 27), date(2025, 9, 3)]
    [told] = town.rows(Outbox.payload, topic="series.clash")
    assert told.payload["starts_at"] == "2025-09-01T02:30:00+00:00"
    assert a_night(town, NOW + timedelta(days=3)).clashes == 0
    slots = {row.session_id for row in town.rows(VenueSlot.session_id)}
    assert slots == {row.id for row in town.rows(Session.id)}


def test_a_series_that_has_run_out_is_given_its_last_day(desk: Desk) -> None:
    """One without an end has 400 sessions and then no more; here from ten years ago on."""
    activity = desk.activity()
    desk.series(activity, rrule="FREQ=WEEKLY;BYDAY=MO")
    long_ago = update(Series).where(Series.town_id == desk.town.id).values(starts_on=date(2018, 1, 1))
    desk.town.act(None, lambda work: work.db.execute(long_ago))
    assert desk.town.rows(Series.ends_on) == [(None,)]
    a_night(desk.town, NOW + 60 * DAY)
    [row] = desk.town.rows(Series.ends_on, Series.starts_on)
    assert row.ends_on == row.starts_on + 399 * 7 * DAY
    made = len(desk.sessions(activity))
    assert (a_night(desk.town, NOW + 80 * DAY).sessions, len(desk.sessions(activity))) == (0, made)


def test_a_night_that_was_missed_is_made_up_for(desk: Desk) -> None:
    activity = desk.activity()
    desk.series(activity, rrule="FREQ=WEEKLY;BYDAY=MO")
    before = local_days(desk, activity)
    a_night(desk.town, NOW + 120 * DAY)
    after = local_days(desk, activity)
    assert after[: len(before)] == before
    made = after[len(before) :]
    assert made[0] == date(2025, 10, 6), "sessions of the past aren't made up"
    assert made[-1] == date(2025, 12, 29)


def test_a_series_that_cannot_be_read_does_not_keep_the_others_from_their_sessions(desk: Desk) -> None:
    broken, fine = desk.activity(), desk.activity()
    first = desk.series(broken).json["id"]
    desk.series(fine, starts_at="14:00")
    change = update(Series).where(Series.town_id == desk.town.id, Series.id == int(first)).values(rrule="FREQ=YEARLY")
    desk.town.act(None, lambda work: work.db.execute(change))
    tended = a_night(desk.town, NOW + timedelta(hours=17))
    assert (tended.series_failed, tended.sessions) == (1, 1)
