"""Protects what becomes of sessions that were planned: each scope, each refusal, and what those who have places get."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from models.activities import Activity, ActivityStatus, Series, Session, SessionStatus
from models.jobs import Outbox
from models.reservations import Reservation, ReservationStatus
from models.residents import Role
from models.venues import VenueSlot
from rules.clock import ZONE
from tests.activities.organising import Desk, a_night, a_room, code_of, local_days, session_body, what_stands
from tests.activities.plan import DAY, HOUR, NOW, a_session, at_nine
from tests.build import ApiClient, TownBuilder


@pytest.fixture
def desk(town: TownBuilder, api: ApiClient) -> Desk:
    return Desk(town, api)


@pytest.fixture
def weekly(desk: Desk) -> int:
    """An activity with five Wednesdays at half past ten: 4, 11, 18, 25 June and 2 July."""
    activity = desk.activity(waiting_max=5)
    planned = desk.series(activity, rrule="FREQ=WEEKLY;BYDAY=WE;COUNT=5", starts_on="2025-06-04", capacity=2)
    assert planned.status_code == 201, planned.json
    return activity


def starts(desk: Desk, activity: int) -> list[str]:
    """When the sessions begin that take place, in local time."""
    return [
        row.starts_at.astimezone(ZONE).strftime("%m-%d %H:%M")
        for row in desk.sessions(activity)
        if row.status is SessionStatus.SCHEDULED
    ]


def reservation(town: TownBuilder, id_: object, *columns: Any) -> Any:
    [row] = town.rows(*columns, id=int(str(id_)))
    return row[0] if len(columns) == 1 else row


def told(town: TownBuilder, topic: str) -> list[dict[str, Any]]:
    return [row.payload for row in town.rows(Outbox.payload, topic=topic)]


def all_series(town: TownBuilder) -> list[Any]:
    columns = (Series.id, Series.rrule, Series.starts_on, Series.starts_at, Series.ends_on, Series.capacity)
    return sorted(town.rows(*columns, Series.venue_id, Series.expanded_until))


# One session


def test_one_session_is_moved_and_the_others_stay(desk: Desk, town: TownBuilder, weekly: int) -> None:
    second = desk.sessions(weekly)[1]
    resident = town.resident()
    held = desk.reserve(second.id, resident).json["id"]
    changed = desk.patch(f"/sessions/{second.id}", {"starts_at": "2025-06-12T14:00:00+08:00", "duration_minutes": 90})
    assert changed.status_code == 200, changed.json
    [shown] = changed.json["items"]
    assert (shown["id"], shown["starts_at"], shown["ends_at"]) == (
        str(second.id),
        "2025-06-12T14:00:00+08:00",
        "2025-06-12T15:30:00+08:00",
    )
    assert (shown["reservable_until"], shown["checkin_opens_at"]) == (
        "2025-06-12T14:00:00+08:00",
        "2025-06-12T13:30:00+08:00",
    )
    assert starts(desk, weekly) == ["06-04 10:30", "06-12 14:00", "06-18 10:30", "06-25 10:30", "07-02 10:30"]
    assert [each["reservation_id"] for each in told(town, "session.moved")] == [held]
    assert reservation(town, held, Reservation.status) is ReservationStatus.CONFIRMED
    assert reservation(town, second.id, Session.revision) == 1
    assert len(all_series(town)) == 1
    slots = sorted(row.starts_at for row in town.rows(VenueSlot.starts_at, session_id=second.id))
    assert (slots[0].astimezone(ZONE).hour, len(slots)) == (14, 6)


def test_the_room_that_a_session_leaves_is_free(desk: Desk, town: TownBuilder, weekly: int) -> None:
    first = desk.sessions(weekly)[0]
    other = session_body(town, datetime(2025, 6, 4, 10, 30, tzinfo=ZONE))
    path = f"/activities/{desk.activity()}/sessions"
    assert code_of(desk.post(path, other)) == (409, "session.venue_clash")
    assert desk.patch(f"/sessions/{first.id}", {"venue_id": str(a_room(town))}).status_code == 200
    assert desk.post(path, other).status_code == 201


def test_a_session_may_move_within_its_own_time(desk: Desk, weekly: int) -> None:
    first = desk.sessions(weekly)[0]
    moved = desk.patch(f"/sessions/{first.id}", {"starts_at": "2025-06-04T10:45:00+08:00"})
    assert moved.status_code == 200, moved.json


def test_nothing_said_changes_nothing(desk: Desk, town: TownBuilder, weekly: int) -> None:
    first = desk.sessions(weekly)[0]
    before = what_stands(town)
    for body in ({}, {"scope": "all"}):
        assert desk.patch(f"/sessions/{first.id}", body).status_code == 200
    assert what_stands(town) == before


def test_a_session_of_no_series_is_changed_by_itself_alone(desk: Desk, town: TownBuilder) -> None:
    activity = desk.activity()
    session_id = desk.post(f"/activities/{activity}/sessions", session_body(town, NOW + DAY)).json["id"]
    for scope in ("following", "all"):
        for path, body in ((f"/sessions/{session_id}", {"scope": scope, "capacity": 5}),):
            assert code_of(desk.patch(path, body)) == (422, "session.not_in_series")
        off = desk.post(f"/sessions/{session_id}/cancellation", {"scope": scope, "reason": "x"})
        assert code_of(off) == (422, "session.not_in_series")
    assert desk.patch(f"/sessions/{session_id}", {"capacity": 5}).json["items"][0]["capacity"] == 5


# All, and this and those that follow


def test_all_sessions_to_come_take_the_new_time_and_room(desk: Desk, town: TownBuilder, weekly: int) -> None:
    third, room = desk.sessions(weekly)[2], a_room(town)
    said = {"scope": "all", "starts_at": "2025-06-18T14:00:00+08:00", "venue_id": str(room), "capacity": 3}
    changed = desk.patch(f"/sessions/{third.id}", said)
    assert changed.status_code == 200, changed.json
    assert len(changed.json["items"]) == 5
    assert starts(desk, weekly) == ["06-04 14:00", "06-11 14:00", "06-18 14:00", "06-25 14:00", "07-02 14:00"]
    assert {(row.venue_id, row.capacity) for row in desk.sessions(weekly)} == {(room, 3)}
    [series] = all_series(town)
    assert (series.starts_at, series.venue_id, series.capacity) == ("14:00", room, 3)


def test_this_and_the_following_become_a_series_of_their_own(desk: Desk, town: TownBuilder, weekly: int) -> None:
    before = desk.sessions(weekly)
    third = before[2]
    changed = desk.patch(f"/sessions/{third.id}", {"scope": "following", "starts_at": "2025-06-18T14:00:00+08:00"})
    assert changed.status_code == 200, changed.json
    assert starts(desk, weekly) == ["06-04 10:30", "06-11 10:30", "06-18 14:00", "06-25 14:00", "07-02 14:00"]
    first, second = all_series(town)
    assert (first.ends_on, first.starts_at) == (date(2025, 6, 17), "10:30")
    assert (second.starts_on, second.rrule, second.starts_at) == (
        date(2025, 6, 18),
        "FREQ=WEEKLY;COUNT=3;BYDAY=WE",
        "14:00",
    )
    assert (second.ends_on, second.expanded_until) == (date(2025, 7, 2), first.expanded_until)
    assert [row.series_id for row in desk.sessions(weekly)] == [first.id] * 2 + [second.id] * 3
    assert [row.id for row in desk.sessions(weekly)] == [row.id for row in before]


def test_a_change_from_the_first_session_on_needs_no_second_series(desk: Desk, town: TownBuilder, weekly: int) -> None:
    first = desk.sessions(weekly)[0]
    assert desk.patch(f"/sessions/{first.id}", {"scope": "following", "capacity": 9}).status_code == 200
    [series] = all_series(town)
    assert series.capacity == 9
    assert {row.capacity for row in desk.sessions(weekly)} == {9}


def test_the_nights_go_on_with_the_second_series_and_not_with_the_first(desk: Desk, town: TownBuilder) -> None:
    activity = desk.activity()
    desk.series(activity, rrule="FREQ=WEEKLY;INTERVAL=2;BYDAY=MO")
    sessions = desk.sessions(activity)
    whole = local_days(desk, activity)
    said = {"scope": "following", "duration_minutes": 30}
    assert desk.patch(f"/sessions/{sessions[3].id}", said).status_code == 200
    assert local_days(desk, activity) == whole
    a_night(town, NOW + 30 * DAY)
    later = local_days(desk, activity)[len(whole) :]
    assert later == [whole[-1] + 14 * DAY, whole[-1] + 28 * DAY]
    assert {row.ends_at - row.starts_at for row in desk.sessions(activity)[3:]} == {timedelta(minutes=30)}


def test_a_session_that_was_moved_past_the_last_day_can_still_begin_a_change(
    desk: Desk, town: TownBuilder, weekly: int
) -> None:
    last = desk.sessions(weekly)[-1]
    assert desk.patch(f"/sessions/{last.id}", {"starts_at": "2025-07-09T10:30:00+08:00"}).status_code == 200
    changed = desk.patch(f"/sessions/{last.id}", {"scope": "following", "capacity": 9})
    assert changed.status_code == 200, changed.json
    assert [row.capacity for row in desk.sessions(weekly)] == [2, 2, 2, 2, 9]
    assert [row.ends_on for row in all_series(town)] == [date(2025, 7, 2), date(2025, 7, 9)]


@pytest.mark.parametrize("scope", ["following", "all"])
def test_several_sessions_keep_their_days(desk: Desk, town: TownBuilder, weekly: int, scope: str) -> None:
    first = desk.sessions(weekly)[0]
    before = what_stands(town)
    refused = desk.patch(f"/sessions/{first.id}", {"scope": scope, "starts_at": "2025-06-05T10:30:00+08:00"})
    assert code_of(refused) == (422, "session.plan_invalid")
    assert list(refused.json["errors"]) == ["starts_at"]
    assert what_stands(town) == before


def test_two_sessions_of_a_series_do_not_begin_at_once(desk: Desk, town: TownBuilder, weekly: int) -> None:
    first, second = desk.sessions(weekly)[:2]
    room = str(a_room(town))
    onto = {"starts_at": "2025-06-11T10:30:00+08:00", "venue_id": room}
    assert code_of(desk.patch(f"/sessions/{first.id}", onto)) == (409, "session.coincide")
    beside = {"starts_at": "2025-06-11T12:00:00+08:00", "venue_id": room}
    assert desk.patch(f"/sessions/{first.id}", beside).status_code == 200
    all_at_one = {"scope": "all", "starts_at": "2025-06-11T13:00:00+08:00"}
    assert code_of(desk.patch(f"/sessions/{second.id}", all_at_one)) == (409, "session.coincide")
    assert starts(desk, weekly)[:2] == ["06-11 10:30", "06-11 12:00"]


def test_rooms_are_had_for_all_or_for_none_and_every_clash_is_told(desk: Desk, town: TownBuilder, weekly: int) -> None:
    other = desk.activity()
    for day in (11, 25):
        desk.post(f"/activities/{other}/sessions", session_body(town, datetime(2025, 6, day, 14, 30, tzinfo=ZONE)))
    first = desk.sessions(weekly)[0]
    before = what_stands(town)
    clash = desk.patch(f"/sessions/{first.id}", {"scope": "all", "starts_at": "2025-06-04T14:00:00+08:00"})
    assert code_of(clash) == (409, "session.venue_clash")
    assert clash.json["errors"] == {"days": ["2025-06-11 14:00", "2025-06-25 14:00"]}
    assert what_stands(town) == before


# Places


def test_more_places_go_to_those_who_wait(desk: Desk, town: TownBuilder, weekly: int) -> None:
    first = desk.sessions(weekly)[0]
    people = [town.resident() for _ in range(4)]
    ids = [desk.reserve(first.id, person).json["id"] for person in people]
    assert [reservation(town, each, Reservation.status).value for each in ids] == ["confirmed"] * 2 + ["waitlisted"] * 2
    raised = desk.patch(f"/sessions/{first.id}", {"capacity": 3})
    assert (
        raised.json["items"][0].items() >= {"capacity": 3, "taken": 3, "waiting": 1, "status": "waiting_list"}.items()
    )
    assert [reservation(town, each, Reservation.status).value for each in ids] == ["confirmed"] * 3 + ["waitlisted"]
    assert told(town, "session.moved") == []


def test_there_are_never_fewer_places_than_are_taken(desk: Desk, town: TownBuilder, weekly: int) -> None:
    first, second = desk.sessions(weekly)[:2]
    for person in (town.resident(), town.resident()):
        assert desk.reserve(second.id, person).status_code == 201
    before = what_stands(town)
    for session_id, scope in ((second.id, "one"), (first.id, "all"), (second.id, "following")):
        refused = desk.patch(f"/sessions/{session_id}", {"scope": scope, "capacity": 1})
        assert code_of(refused) == (409, "session.capacity_below_taken")
        assert "2025-06-11" in refused.json["detail"]
        assert "2" in refused.json["detail"]
    assert what_stands(town) == before
    assert desk.patch(f"/sessions/{first.id}", {"capacity": 1}).status_code == 200
    assert desk.patch(f"/sessions/{second.id}", {"capacity": 2}).status_code == 200


def test_what_is_overbooked_keeps_its_places(desk: Desk, town: TownBuilder) -> None:
    activity = desk.activity()
    session_id = a_session(town, activity, NOW + DAY, capacity=4, overbooking_max=2, overbooking=2, taken=5)
    assert code_of(desk.patch(f"/sessions/{session_id}", {"capacity": 3})) == (409, "session.capacity_below_taken")
    refused = desk.patch(f"/sessions/{session_id}", {"overbooking_max": 0})
    assert code_of(refused) == (409, "session.capacity_below_taken")
    assert desk.patch(f"/sessions/{session_id}", {"overbooking_max": 1}).status_code == 200
    assert town.rows(Session.overbooking, Session.overbooking_max) == [(1, 1)]
    assert desk.patch(f"/sessions/{session_id}", {"capacity": 5, "overbooking_max": 0}).status_code == 200


# Calling off


def test_one_session_is_called_off_and_its_people_are_told_why(desk: Desk, town: TownBuilder, weekly: int) -> None:
    first, second = desk.sessions(weekly)[:2]
    people = [town.resident() for _ in range(3)]
    ids = [desk.reserve(first.id, person).json["id"] for person in people]
    other = desk.reserve(second.id, people[0]).json["id"]
    off = desk.post(f"/sessions/{first.id}/cancellation", {"reason": "老师生病"})
    assert off.status_code == 200, off.json
    assert [(item["id"], item["status"]) for item in off.json["items"]] == [(str(first.id), "cancelled")]
    assert {reservation(town, each, Reservation.status) for each in ids} == {ReservationStatus.CANCELLED}
    assert reservation(town, other, Reservation.status) is ReservationStatus.CONFIRMED
    messages = told(town, "session.cancelled")
    assert {each["reservation_id"] for each in messages} == set(ids)
    assert {each["reason"] for each in messages} == {"老师生病"}
    assert town.rows(VenueSlot.session_id, session_id=first.id) == []
    assert len(town.rows(VenueSlot.session_id, session_id=second.id)) > 0
    assert (reservation(town, first.id, Session.taken), reservation(town, first.id, Session.waiting)) == (0, 0)
    again = desk.post(f"/sessions/{first.id}/cancellation", {"reason": "老师生病"})
    assert code_of(again) == (409, "session.called_off")
    assert len(told(town, "session.cancelled")) == 3
    assert starts(desk, weekly) == ["06-11 10:30", "06-18 10:30", "06-25 10:30", "07-02 10:30"]


@pytest.mark.parametrize(
    ("scope", "left", "last_day"),
    [("following", ["06-04 10:30"], date(2025, 6, 10)), ("all", [], date(2025, 6, 2))],
)
def test_a_series_ends_where_it_is_called_off(
    desk: Desk, town: TownBuilder, scope: str, left: list[str], last_day: date
) -> None:
    activity = desk.activity()
    desk.series(activity, rrule="FREQ=WEEKLY;BYDAY=WE")
    second = desk.sessions(activity)[1]
    person = town.resident()
    held = desk.reserve(second.id, person).json["id"]
    off = desk.post(f"/sessions/{second.id}/cancellation", {"scope": scope, "reason": "停课"})
    assert off.status_code == 200, off.json
    assert starts(desk, activity) == left
    assert [row.ends_on for row in all_series(town)] == [last_day]
    assert reservation(town, held, Reservation.status) is ReservationStatus.CANCELLED
    assert a_night(town, NOW + 30 * DAY).sessions == 0
    assert starts(desk, activity) == left


def test_a_session_that_was_called_off_stays_off_whatever_happens_to_the_others(
    desk: Desk, town: TownBuilder, weekly: int
) -> None:
    first, second = desk.sessions(weekly)[:2]
    desk.post(f"/sessions/{second.id}/cancellation", {"reason": "老师生病"})
    changed = desk.patch(f"/sessions/{first.id}", {"scope": "all", "capacity": 7})
    assert [item["id"] for item in changed.json["items"]] == [
        str(row.id) for row in desk.sessions(weekly) if row.id != second.id
    ]
    row = desk.sessions(weekly)[1]
    assert (row.id, row.capacity, row.status) == (second.id, 2, SessionStatus.CANCELLED)
    assert code_of(desk.patch(f"/sessions/{second.id}", {"capacity": 7})) == (409, "session.called_off")


def test_the_same_cancellation_sent_twice_tells_once(
    desk: Desk, town: TownBuilder, api: ApiClient, weekly: int
) -> None:
    first = desk.sessions(weekly)[0]
    desk.reserve(first.id, town.resident())
    with at_nine():
        client = api.as_(desk.person, at=NOW)
        answers = [
            client.post(f"/sessions/{first.id}/cancellation", {"reason": "停电"}, key="twice-the-same")
            for _ in range(2)
        ]
    assert answers[0].json == answers[1].json
    assert len(told(town, "session.cancelled")) == 1


# What can't be changed


@pytest.mark.parametrize("begun", [NOW, NOW - HOUR])
def test_what_has_begun_is_never_changed(desk: Desk, town: TownBuilder, begun: datetime) -> None:
    activity = desk.activity()
    session_id = a_session(town, activity, begun)
    before = what_stands(town)
    for scope in ("one",):
        body = {"scope": scope, "capacity": 50}
        assert code_of(desk.patch(f"/sessions/{session_id}", body)) == (409, "session.begun")
    off = desk.post(f"/sessions/{session_id}/cancellation", {"reason": "x"})
    assert code_of(off) == (409, "session.begun")
    assert what_stands(town) == before


def test_the_sessions_of_a_series_that_have_begun_stay_as_they_were(desk: Desk, town: TownBuilder) -> None:
    activity = desk.activity()
    desk.series(activity, rrule="FREQ=DAILY;COUNT=4", starts_at="10:00")
    first = desk.sessions(activity)[0]
    begun = {
        "starts_at": NOW - HOUR / 2,
        "ends_at": NOW + HOUR,
        "reservable_until": NOW - HOUR / 2,
        "versioned_at": NOW,
    }
    change = update(Session).where(Session.town_id == town.id, Session.id == first.id).values(begun)
    town.act(None, lambda work: work.db.execute(change))
    second = desk.sessions(activity)[1]
    assert code_of(desk.patch(f"/sessions/{first.id}", {"scope": "all", "capacity": 9})) == (409, "session.begun")
    changed = desk.patch(f"/sessions/{second.id}", {"scope": "all", "capacity": 9})
    assert len(changed.json["items"]) == 3
    assert [row.capacity for row in desk.sessions(activity)] == [20, 9, 9, 9]
    assert len(desk.post(f"/sessions/{second.id}/cancellation", {"scope": "all", "reason": "x"}).json["items"]) == 3
    assert [row.status.value for row in desk.sessions(activity)] == ["scheduled"] + ["cancelled"] * 3


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"scope": "some"}, "scope"),
        ({"scope": None}, "scope"),
        ({"starts_at": "2025-06-02T09:00:00+08:00"}, "starts_at"),
        ({"starts_at": "2027-06-02T09:00:00+08:00"}, "starts_at"),
        ({"starts_at": None}, "starts_at"),
        ({"starts_at": "14:00"}, "starts_at"),
        ({"capacity": 0}, "capacity"),
        ({"capacity": None}, "capacity"),
        ({"capacity": "many"}, "capacity"),
        ({"capacity": 1e3}, "capacity"),
        ({"capacity_min": 3}, "capacity_min"),
        ({"capacity_min": 1}, "closes_minutes_before"),
        ({"overbooking_max": 3}, "overbooking_max"),
        ({"duration_minutes": -5}, "duration_minutes"),
        ({"closes_minutes_before": -61}, "closes_minutes_before"),
        ({"opens_minutes_before": 10, "closes_minutes_before": 10}, "opens_minutes_before"),
        ({"allocates_minutes_before": "x"}, "allocates_minutes_before"),
        ({"venue_id": None}, "venue_id"),
        ({"status": "scheduled"}, "status"),
        ({"taken": 0}, "taken"),
        ({"rrule": "FREQ=DAILY"}, "rrule"),
    ],
    ids=str,
)
@pytest.mark.parametrize("scope", ["one", "following", "all"])
def test_nonsense_is_refused_with_its_field_and_changes_nothing(
    desk: Desk, town: TownBuilder, weekly: int, scope: str, said: dict[str, Any], field: str
) -> None:
    second = desk.sessions(weekly)[1]
    before = what_stands(town)
    answer = desk.patch(f"/sessions/{second.id}", {"scope": scope, **said})
    assert answer.status_code == 422, answer.json
    assert list(answer.json["errors"]) == [field]
    assert what_stands(town) == before


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "x" * 201}, {"reason": "x", "scope": "none"}, []], ids=str
)
def test_a_cancellation_says_why(desk: Desk, town: TownBuilder, weekly: int, body: Any) -> None:
    first = desk.sessions(weekly)[0]
    assert desk.post(f"/sessions/{first.id}/cancellation", body).status_code == 422
    assert starts(desk, weekly)[0] == "06-04 10:30"


@pytest.mark.parametrize("status", [ActivityStatus.CANCELLED, ActivityStatus.FINISHED])
def test_sessions_of_what_is_over_stay_as_they_are(
    desk: Desk, town: TownBuilder, weekly: int, status: ActivityStatus
) -> None:
    first = desk.sessions(weekly)[0]
    change = update(Activity).where(Activity.town_id == town.id).values(status=status, versioned_at=NOW)
    town.act(None, lambda work: work.db.execute(change))
    assert code_of(desk.patch(f"/sessions/{first.id}", {"capacity": 9})) == (409, "activity.over")
    assert code_of(desk.post(f"/sessions/{first.id}/cancellation", {"reason": "x"})) == (409, "activity.over")


def test_only_organisers_of_the_place_change_sessions(
    desk: Desk, town: TownBuilder, api: ApiClient, weekly: int
) -> None:
    first = desk.sessions(weekly)[0]
    before = what_stands(town)
    people = [
        (town.staff(Role.ORGANISER, at=town.other_community_id), 403),
        (town.staff(Role.SCANNER, at=town.community_id), 403),
        (town.staff(Role.MANAGER), 403),
        (town.staff(Role.AUDITOR), 403),
        (town.resident(), 403),
    ]
    before = what_stands(town)
    for person, status in people:
        other = Desk(town, api, person)
        assert other.patch(f"/sessions/{first.id}", {"capacity": 9}).status_code == status
        assert other.post(f"/sessions/{first.id}/cancellation", {"reason": "x"}).status_code == status
        assert other.get(f"/sessions/{first.id}/roster.xlsx").status_code == status
    for method, path in (("PATCH", ""), ("POST", "/cancellation"), ("GET", "/roster.xlsx")):
        assert api.call(method, f"/sessions/{first.id}{path}", key="a-key-of-a-visitor").status_code == 401
    assert what_stands(town) == before
    street = Desk(town, api, town.staff(Role.ORGANISER))
    assert street.patch(f"/sessions/{first.id}", {"capacity": 9}).status_code == 200
    for path in ("", "/cancellation"):
        assert code_of(
            desk.patch("/sessions/1", {}) if not path else desk.post(f"/sessions/1{path}", {"reason": "x"})
        ) == (
            404,
            "session.unknown",
        )


# Draws


def test_a_draw_moves_with_its_session_and_what_was_drawn_stays_drawn(desk: Desk, town: TownBuilder) -> None:
    activity = desk.activity(allocation="lottery")
    desk.series(activity, rrule="FREQ=WEEKLY;BYDAY=FR;COUNT=3", allocates_minutes_before=24 * 60)
    first, second, _ = desk.sessions(activity)
    drawn = update(Session).where(Session.town_id == town.id, Session.id == first.id).values(allocates_at=None)
    town.act(None, lambda work: work.db.execute(drawn))
    said = {"scope": "all", "starts_at": "2025-06-06T15:00:00+08:00", "allocates_minutes_before": 120}
    assert desk.patch(f"/sessions/{first.id}", said).status_code == 200
    rows = desk.sessions(activity)
    assert rows[0].allocates_at is None
    assert [row.starts_at - row.allocates_at for row in rows[1:]] == [2 * HOUR, 2 * HOUR]
    alone = desk.patch(f"/sessions/{second.id}", {"starts_at": "2025-06-14T15:00:00+08:00"})
    assert alone.json["items"][0]["allocates_at"] == "2025-06-14T13:00:00+08:00"
