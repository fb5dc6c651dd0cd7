"""Protects a resident's calendar: what they have and wait for, nothing of others, by token or by a secret address."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from icalendar import Event

from models.activities import SessionStatus
from models.calendars import CalendarFeed
from models.reservations import CancelledBy, ReservationStatus
from models.residents import Role
from models.venues import BookingCancelledBy, BookingStatus
from rules.calendars import feeds
from rules.clock import ZONE, utc_now
from tests.build import ApiClient, Person, TownBuilder, new_town
from tests.calendars.reading import (
    booked,
    calendar_in,
    change_session,
    events_in,
    reserved,
    summaries,
    the_event,
)
from tests.edge.helpers import open_at, problem_of, twin
from tests.races import from_threads
from tests.residents.people import register_child

MINE = "/me/calendar.ics"
FEED = "/me/calendar-feed"


def session(town: TownBuilder, title: str, days: int = 1) -> int:
    return town.session(activity_id=town.activity(title=title), begins_in=timedelta(days=days))


# What is in it


@pytest.mark.parametrize(
    ("status", "shown", "summary"),
    [
        (ReservationStatus.CONFIRMED, "CONFIRMED", "太极"),
        (ReservationStatus.CHECKED_IN, "CONFIRMED", "太极"),
        (ReservationStatus.WAITLISTED, "TENTATIVE", "候补：太极"),
        (ReservationStatus.APPLIED, "TENTATIVE", "申请中：太极"),
        (ReservationStatus.OFFERED, "TENTATIVE", "待确认：太极"),
    ],
)
def test_what_i_have_or_wait_for_is_in_my_calendar(
    town: TownBuilder, api: ApiClient, status: ReservationStatus, shown: str, summary: str
) -> None:
    me, session_id, until = town.resident(), session(town, "太极"), utc_now() + timedelta(hours=3)
    reserved(town, me, session_id, status, party_size=2, offer_expires_at=until)
    answer = api.as_(me).get(MINE)
    event = the_event(answer)
    assert (event["STATUS"], event["SUMMARY"]) == (shown, summary)
    assert event["UID"] == f"session-{session_id}@{town.code}.binfen"
    assert "2 人" in event["DESCRIPTION"]
    told_until = f"请在 {until.astimezone(ZONE):%m-%d %H:%M} 前确认" in event["DESCRIPTION"]
    assert told_until == (status is ReservationStatus.OFFERED)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert calendar_in(answer)["X-WR-CALNAME"] == "我的缤纷日程"


@pytest.mark.parametrize(
    ("status", "by"),
    [
        (ReservationStatus.CANCELLED, CancelledBy.RESIDENT),
        (ReservationStatus.CANCELLED, None),
        (ReservationStatus.NO_SHOW, None),
        (ReservationStatus.LAPSED, None),
    ],
)
def test_what_i_gave_back_or_missed_is_not(
    town: TownBuilder, api: ApiClient, status: ReservationStatus, by: CancelledBy | None
) -> None:
    me = town.resident()
    reserved(town, me, session(town, "太极"), status, cancelled_by=by, cancelled_at=utc_now())
    assert events_in(api.as_(me).get(MINE)) == []


@pytest.mark.parametrize("by", [CancelledBy.ORGANISER, CancelledBy.STAFF])
def test_what_was_taken_from_me_is_shown_as_cancelled(town: TownBuilder, api: ApiClient, by: CancelledBy) -> None:
    me, session_id = town.resident(), session(town, "太极")
    reserved(town, me, session_id, ReservationStatus.CANCELLED, cancelled_by=by, cancelled_at=utc_now())
    event = the_event(api.as_(me).get(MINE))
    assert (event["STATUS"], event["SUMMARY"]) == ("CANCELLED", "太极")
    reserved(town, me, session_id, ReservationStatus.CONFIRMED)
    assert the_event(api.as_(me).get(MINE))["STATUS"] == "CONFIRMED"


def test_the_number_of_an_entry_grows_with_every_change(town: TownBuilder, api: ApiClient) -> None:
    me, session_id = town.resident(), session(town, "太极")
    mine = api.as_(me)
    reserved(town, me, session_id, ReservationStatus.CONFIRMED)
    seen: list[Event] = [the_event(mine.get(MINE))]
    later = utc_now() + timedelta(days=4)
    change_session(town, session_id, starts_at=later, ends_at=later + timedelta(hours=1))
    seen.append(the_event(mine.get(MINE)))
    change_session(town, session_id, status=SessionStatus.CANCELLED)
    seen.append(the_event(mine.get(MINE)))
    assert len({event["UID"] for event in seen}) == 1
    numbers = [event["SEQUENCE"] for event in seen]
    assert numbers == sorted(set(numbers))
    assert [event["STATUS"] for event in seen] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]


def test_from_the_waiting_list_to_the_end_the_entry_tells_it(town: TownBuilder, api: ApiClient) -> None:
    """The whole way through the API, as the mini-program and an organiser go it."""
    activity = town.activity(title="太极", waiting_max=5)
    session_id = town.session(activity_id=activity, capacity=1, begins_in=timedelta(days=2))
    first, second = api.as_(town.resident()), api.as_(town.resident())
    held = first.post(f"/sessions/{session_id}/reservations", {}).json
    assert second.post(f"/sessions/{session_id}/reservations", {}).json["status"] == "waitlisted"
    seen = [the_event(second.get(MINE))]
    assert first.delete(f"/reservations/{held['id']}").status_code == 200
    seen.append(the_event(second.get(MINE)))
    organiser = api.as_(town.staff(Role.ORGANISER))
    called_off = organiser.post(f"/sessions/{session_id}/cancellation", {"reason": "老师生病"})
    assert called_off.status_code == 200, called_off.text
    seen.append(the_event(second.get(MINE)))
    assert [(event["STATUS"], event["SUMMARY"]) for event in seen] == [
        ("TENTATIVE", "候补：太极"),
        ("CONFIRMED", "太极"),
        ("CANCELLED", "太极"),
    ]
    numbers = [event["SEQUENCE"] for event in seen]
    assert numbers == sorted(set(numbers))
    assert events_in(first.get(MINE)) == []
    assert the_event(api.get(f"/venues/{town.venue_id}/calendar.ics"))["STATUS"] == "CANCELLED"


def test_rooms_that_i_booked_are_in_it(town: TownBuilder, api: ApiClient) -> None:
    me = town.resident()
    in_days = [utc_now() + timedelta(days=n) for n in range(1, 8)]
    booked(town, me, starts_at=in_days[0])
    booked(town, me, BookingStatus.PENDING, starts_at=in_days[1], purpose="生日会")
    booked(town, me, BookingStatus.CANCELLED, starts_at=in_days[2], cancelled_by=BookingCancelledBy.CLOSURE)
    booked(town, me, BookingStatus.CANCELLED, starts_at=in_days[3], cancelled_by=BookingCancelledBy.RESIDENT)
    booked(town, me, BookingStatus.REJECTED, starts_at=in_days[4])
    booked(town, town.resident(), starts_at=in_days[5])
    events = events_in(api.as_(me).get(MINE))
    assert [(event["SUMMARY"], event["STATUS"]) for event in events] == [
        ("多功能厅：业主委员会开会", "CONFIRMED"),
        ("多功能厅：生日会", "TENTATIVE"),
        ("多功能厅：业主委员会开会", "CANCELLED"),
    ]


def test_what_was_long_ago_is_left_out_and_what_is_far_away_is_not(town: TownBuilder, api: ApiClient) -> None:
    me = town.resident()
    for title, days in {"太久": -31, "上周": -7, "明年": 300}.items():
        reserved(town, me, session(town, title, days), ReservationStatus.CONFIRMED)
    assert summaries(api.as_(me).get(MINE)) == ["上周", "明年"]


def test_nothing_of_anybody_else_is_in_it(town: TownBuilder, api: ApiClient) -> None:
    me, neighbour, session_id = town.resident("王小明"), town.resident("欧阳邻居"), session(town, "太极")
    reserved(town, me, session_id, ReservationStatus.CONFIRMED)
    reserved(town, neighbour, session_id, ReservationStatus.CONFIRMED)
    reserved(town, neighbour, session(town, "邻居的课"), ReservationStatus.CONFIRMED)
    answer = api.as_(me).get(MINE)
    assert summaries(answer) == ["太极"]
    for secret in ("欧阳", "王小明", str(neighbour.id), str(me.id)):
        assert secret not in answer.text


def test_a_neighbour_of_the_same_number_in_another_town_has_another_calendar(
    town: TownBuilder, api: ApiClient, app: Flask
) -> None:
    me, elsewhere = town.resident(), new_town(town.house)
    same = twin(elsewhere, me)
    reserved(town, me, session(town, "这里"), ReservationStatus.CONFIRMED)
    reserved(elsewhere, same, session(elsewhere, "那里"), ReservationStatus.CONFIRMED)
    assert summaries(api.as_(me).get(MINE)) == ["这里"]
    assert summaries(ApiClient(app, elsewhere).as_(same).get(MINE)) == ["那里"]


def test_a_guardian_reads_the_childs_calendar_and_nobody_else_does(town: TownBuilder, api: ApiClient) -> None:
    mother = town.resident()
    child = register_child(api.as_(mother)).json["id"]
    reserved(town, Person(int(child), mother.kind, "小宝"), session(town, "少儿围棋"), ReservationStatus.CONFIRMED)
    assert summaries(api.as_(mother).get(MINE, resident_id=child)) == ["少儿围棋"]
    assert summaries(api.as_(mother).get(MINE)) == []
    problem_of(api.as_(town.resident()).get(MINE, resident_id=child), 403, "proxy.none")


def test_my_calendar_is_for_residents(town: TownBuilder, api: ApiClient) -> None:
    problem_of(api.get(MINE), 401, "auth.required")
    problem_of(api.as_(town.staff()).get(MINE), 403, "auth.forbidden")
    problem_of(api.post(FEED), 401, "auth.required")
    problem_of(api.as_(town.staff()).post(FEED), 403, "auth.forbidden")


# The secret address


def address_of(caller: ApiClient) -> str:
    answer = caller.post(FEED)
    assert answer.status_code == 201, answer.text
    return answer.json["path"]


def test_whoever_knows_the_address_reads_the_calendar_without_a_token(
    town: TownBuilder, api: ApiClient, app: Flask
) -> None:
    me = town.resident()
    path = address_of(api.as_(me))
    assert path.startswith("/api/v1/calendars/")
    assert path.endswith(f".ics?town={town.code}")
    reserved(town, me, session(town, "太极"), ReservationStatus.CONFIRMED)
    answer = open_at(app, path)
    assert summaries(answer) == ["太极"]
    assert answer.data == api.as_(me).get(MINE).data
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert open_at(app, path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_the_address_is_shown_once_and_only_its_hash_is_kept(town: TownBuilder, api: ApiClient, app: Flask) -> None:
    secret = address_of(api.as_(town.resident())).split("/")[-1].partition(".ics")[0]
    assert len(secret) >= 43  # 256 bits
    assert secret not in repr(town.contents())
    (row,) = town.rows(CalendarFeed.secret_hash)
    assert len(row.secret_hash) == 32


def test_a_new_address_ends_the_one_before(town: TownBuilder, api: ApiClient, app: Flask) -> None:
    me, neighbour = api.as_(town.resident()), api.as_(town.resident())
    first, theirs = address_of(me), address_of(neighbour)
    second = address_of(me)
    assert first != second
    problem_of(open_at(app, first), 404, "calendar.unknown")
    assert open_at(app, second).status_code == 200
    assert me.delete(FEED).status_code == 204
    problem_of(open_at(app, second), 404, "calendar.unknown")
    assert open_at(app, theirs).status_code == 200
    assert me.delete(FEED).status_code == 204
    assert open_at(app, address_of(me)).status_code == 200


def test_an_address_that_is_nobodys_or_another_towns_is_unknown(town: TownBuilder, api: ApiClient, app: Flask) -> None:
    path, elsewhere = address_of(api.as_(town.resident())), new_town(town.house)
    problem_of(open_at(app, path.replace(town.code, elsewhere.code)), 404, "calendar.unknown")
    problem_of(open_at(app, path.replace(town.code, "no-such-town")), 404, "town.unknown")
    for secret in ("x", "%00", "%ff%fe", "中文", "a" * 2000, path.split("/")[-1].partition(".ics")[0][:-1]):
        problem_of(api.get(f"/calendars/{secret}.ics"), 404, "calendar.unknown")


def test_many_requests_at_once_leave_one_address(town: TownBuilder, api: ApiClient, app: Flask) -> None:
    me = api.as_(town.resident())
    answers = from_threads(lambda: me.post(FEED), [()] * 12, threads=12)
    assert {answer.status_code for answer in answers} <= {201, 503}
    paths = [answer.json["path"] for answer in answers if answer.status_code == 201]
    assert [open_at(app, path).status_code for path in paths].count(200) == 1
    assert len(town.rows(CalendarFeed, revoked_at=None)) == 1


def test_the_address_opens_nothing_but_the_calendar(town: TownBuilder, api: ApiClient) -> None:
    secret = address_of(api.as_(town.resident())).split("/")[-1].partition(".ics")[0]
    problem_of(api.with_token(secret).get("/me"), 401, "auth.token_invalid")
    problem_of(api.with_token(secret).get(MINE), 401, "auth.token_invalid")
    assert feeds.SECRET_BYTES == 32
