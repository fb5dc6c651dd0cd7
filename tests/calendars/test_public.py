"""Protects the calendars of centres and rooms: what is published is in them, and nobody's name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from models.activities import ActivityStatus, SessionStatus
from models.reservations import ReservationStatus
from models.territory import ServiceCentre
from models.venues import BookingStatus, Venue
from rules.calendars import entries
from rules.clock import ZONE, utc_now
from rules.work import Work
from tests.build import ApiClient, TownBuilder, add, new_town
from tests.calendars.reading import (
    booked,
    calendar_in,
    change_session,
    events_in,
    reserved,
    summaries,
    the_event,
)
from tests.edge.helpers import open_at, problem_of


def centre_of(town: TownBuilder) -> str:
    (row,) = town.rows(Venue.service_centre_id, id=town.venue_id)
    return f"/service-centres/{row.service_centre_id}/calendar.ics"


def venue_of(town: TownBuilder) -> str:
    return f"/venues/{town.venue_id}/calendar.ics"


def test_a_published_session_is_in_both_calendars(town: TownBuilder, api: ApiClient) -> None:
    activity = town.activity(title="亲子早教, 第二期; 周末", category="亲子早教", summary="和孩子一起玩\n请穿袜子")
    session_id = town.session(activity_id=activity, begins_in=timedelta(days=3))
    for path, name in ((centre_of(town), "党群服务中心"), (venue_of(town), "党群服务中心 多功能厅")):
        answer = api.get(path)
        assert calendar_in(answer)["X-WR-CALNAME"] == name
        event = the_event(answer)
        assert event["UID"] == f"session-{session_id}@{town.code}.binfen"
        assert event["SUMMARY"] == "亲子早教, 第二期; 周末"
        assert event["DESCRIPTION"] == "和孩子一起玩\n请穿袜子"
        assert event["LOCATION"] == "党群服务中心 多功能厅，测试路 1 号"
        assert event["STATUS"] == "CONFIRMED"
        assert event["DTEND"].dt - event["DTSTART"].dt == timedelta(hours=2)
        assert event["DTSTART"].params["TZID"] == ZONE.key
        assert abs(event["DTSTART"].dt - utc_now() - timedelta(days=3)) < timedelta(minutes=1)


def test_what_is_no_longer_to_be_is_shown_as_cancelled(town: TownBuilder, api: ApiClient) -> None:
    off, moved = town.session(begins_in=timedelta(days=1)), town.session(begins_in=timedelta(days=2))
    of_cancelled = town.session(activity_id=town.activity(status=ActivityStatus.CANCELLED))
    before = {str(event["UID"]): event for event in events_in(api.get(venue_of(town)))}
    change_session(town, off, status=SessionStatus.CANCELLED)
    later = utc_now() + timedelta(days=5)
    change_session(town, moved, starts_at=later, ends_at=later + timedelta(hours=1))
    after = {str(event["UID"]): event for event in events_in(api.get(venue_of(town)))}
    uids = [f"session-{id_}@{town.code}.binfen" for id_ in (off, moved, of_cancelled)]
    assert set(before) == set(after) == set(uids)
    assert [after[uid]["STATUS"] for uid in uids] == ["CANCELLED", "CONFIRMED", "CANCELLED"]
    assert after[uids[0]]["SEQUENCE"] > before[uids[0]]["SEQUENCE"]
    assert after[uids[1]]["SEQUENCE"] > before[uids[1]]["SEQUENCE"]
    assert after[uids[2]]["SEQUENCE"] == before[uids[2]]["SEQUENCE"]
    assert after[uids[1]]["DTSTART"].dt == later.replace(microsecond=0)
    assert after[uids[1]]["LAST-MODIFIED"].dt >= before[uids[1]]["LAST-MODIFIED"].dt


def test_drafts_and_what_is_far_away_are_left_out(town: TownBuilder, api: ApiClient) -> None:
    town.session(activity_id=town.activity(title="草稿", status=ActivityStatus.DRAFT))
    days = {"太久以前": -31, "上月": -29, "下周": 7, "季末": 89, "明年": 91}
    for title, number in days.items():
        activity = town.activity(title=title)
        town.session(activity_id=activity, begins_in=timedelta(days=number))
    finished = town.activity(title="结束了", status=ActivityStatus.FINISHED)
    town.session(activity_id=finished, begins_in=timedelta(days=-2))
    assert summaries(api.get(venue_of(town))) == ["上月", "结束了", "下周", "季末"]
    assert summaries(api.get(centre_of(town))) == ["上月", "结束了", "下周", "季末"]


def test_a_centre_has_its_own_rooms_and_a_room_its_own_sessions(town: TownBuilder, api: ApiClient) -> None:
    def build(work: Work) -> tuple[int, int]:
        place = {"territory_id": town.other_community_id, "name": "水电中心", "address": "水电路 2 号"}
        centre = add(work, ServiceCentre, opens_at="09:00", closes_at="17:00", **place)
        return centre, add(work, Venue, service_centre_id=centre, name="棋牌室", capacity=20)

    centre, venue = town.act(None, build)
    town.session(activity_id=town.activity(title="这里"))
    town.session(activity_id=town.activity(title="那里"), venue_id=venue)
    assert summaries(api.get(f"/service-centres/{centre}/calendar.ics")) == ["那里"]
    assert summaries(api.get(f"/venues/{venue}/calendar.ics")) == ["那里"]
    assert summaries(api.get(centre_of(town))) == summaries(api.get(venue_of(town))) == ["这里"]


def test_a_booked_room_is_booked_and_nothing_more(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident("欧阳小明")
    id_ = booked(town, resident)
    booked(town, resident, BookingStatus.PENDING, starts_at=utc_now() + timedelta(days=2))
    for status in (BookingStatus.CANCELLED, BookingStatus.REJECTED, BookingStatus.RELEASED, BookingStatus.EXPIRED):
        booked(town, resident, status, starts_at=utc_now() + timedelta(days=3))
    answer = api.get(venue_of(town))
    events = events_in(answer)
    assert [(event["SUMMARY"], event["STATUS"]) for event in events] == [
        ("已预订", "CONFIRMED"),
        ("已预订", "TENTATIVE"),
    ]
    assert events[0]["UID"] == f"booking-{id_}@{town.code}.binfen"
    for event in events:
        assert "DESCRIPTION" not in event
    for secret in ("欧阳", "业主", "12 人", str(resident.id)):
        assert secret not in answer.text
    assert summaries(api.get(centre_of(town))) == []


def test_nobody_who_comes_is_in_a_public_calendar(town: TownBuilder, api: ApiClient) -> None:
    resident, session = town.resident("欧阳小明"), town.session()
    before = api.get(venue_of(town)).data
    reserved(town, resident, session, ReservationStatus.CONFIRMED, party_size=3, answers={"diet": "素食"})
    assert api.get(venue_of(town)).data == before
    assert api.as_(resident).get(venue_of(town)).data == before


def test_a_program_that_has_it_already_is_told_so(town: TownBuilder, api: ApiClient) -> None:
    session = town.session(begins_in=timedelta(days=1))
    first = api.get(venue_of(town))
    assert first.headers["Cache-Control"] == "public, max-age=300"
    assert "filename*=UTF-8''" in first.headers["Content-Disposition"]
    has = {"If-None-Match": first.headers["ETag"]}
    again = api.call("GET", venue_of(town), headers=has)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert api.call("GET", venue_of(town), headers={"If-None-Match": f"W/{first.headers['ETag']}"}).status_code == 304
    assert api.call("GET", venue_of(town), headers={"If-None-Match": '"another"'}).data == first.data
    change_session(town, session, status=SessionStatus.CANCELLED)
    changed = api.call("GET", venue_of(town), headers=has)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_what_does_not_exist_here_is_unknown(town: TownBuilder, api: ApiClient) -> None:
    elsewhere = new_town(town.house)
    elsewhere.session()
    problem_of(api.get("/venues/1/calendar.ics"), 404, "venue.unknown")
    problem_of(api.get("/service-centres/1/calendar.ics"), 404, "service_centre.unknown")
    problem_of(api.get(venue_of(elsewhere)), 404, "venue.unknown")
    problem_of(api.get(centre_of(elsewhere)), 404, "service_centre.unknown")


def test_everybody_sees_the_same(town: TownBuilder, api: ApiClient, app: Flask) -> None:
    town.session()
    seen = {caller.get(venue_of(town)).data for caller in (api, api.as_(town.resident()), api.as_(town.staff()))}
    assert len(seen) == 1
    answer = open_at(app, f"/api/v1{venue_of(town)}?town={town.code}", method="HEAD")
    assert (answer.status_code, answer.data) == (200, b"")


def test_a_full_calendar_keeps_what_is_to_come(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "_sessions_of_venue", entries._sessions_of_venue.limit(2))
    for title, number in {"过去": -5, "明天": 1, "后天": 2}.items():
        town.session(activity_id=town.activity(title=title), begins_in=timedelta(days=number))
    assert summaries(api.get(venue_of(town))) == ["明天", "后天"]
