"""Hours of volunteers come from their visits: from a scan in to a scan out, whenever the scans arrive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from jobs.schedule import JOBS_BY_NAME, Errand, Means
from models.ledger import Book, Txn
from rules.clock import utc_now
from rules.ledger.transactions import POINTS
from rules.volunteering.book import HOURS
from tests.build import ApiClient, TownBuilder, fresh_key
from tests.checkins.doors import DAY, HOUR, MINUTE, Device, Door, at, with_place
from tests.rulebook.live import put_in_force

RULES = """
name = "志愿服务积分"
[expiry]
years = 1
[[earn]]
id = "service"
event = "service"
title = "志愿服务"
each = "hours"
amount = 10
unit = "小时"
step = { of = 0.5, round = "down" }
"""
Settled = list[tuple[int, int, int]]


@pytest.fixture
def door(town: TownBuilder, api: ApiClient) -> Door:
    return Door(town, api)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> Settled:
    """Resident, session and minutes of each time that volunteering was told."""
    told: Settled = []

    def tell(_work: Any, resident_id: int, minutes_of: Mapping[int, int]) -> tuple[()]:
        told.extend((resident_id, *sum_) for sum_ in sorted(minutes_of.items()))
        return ()

    monkeypatch.setattr("rules.checkins.presence.tell_signed_hours", tell)
    return told


@pytest.fixture
def service(town: TownBuilder) -> Callable[..., int]:
    """Makes a session for volunteers."""
    activity = town.activity(volunteers_only=True, category="老人陪护")
    return lambda **columns: town.session(activity_id=activity, **columns)


def test_going_out_signs_for_the_minutes(
    town: TownBuilder, api: ApiClient, door: Door, settled: Settled, service: Callable[..., int]
) -> None:
    session, now = service(), utc_now()
    resident = with_place(town, api, session, volunteer=True)
    door.come(resident, session, now)
    assert settled == []
    door.go(resident, session, now + 90 * MINUTE)
    assert settled == [(resident.id, session, 90)]


def test_coming_back_adds_up_and_undoing_takes_away(
    town: TownBuilder, api: ApiClient, door: Door, settled: Settled, service: Callable[..., int]
) -> None:
    session, now = service(), utc_now()
    resident = with_place(town, api, session, volunteer=True)
    last = fresh_key()
    door.come(resident, session, now)
    door.go(resident, session, now + 30 * MINUTE)
    door.come(resident, session, now + 40 * MINUTE)
    door.go(resident, session, now + 60 * MINUTE, nonce=last)
    door.undo(last, now + 61 * MINUTE)
    assert [minutes for _, _, minutes in settled] == [30, 30, 50, 30], "the sum, whenever the visits change"


def test_undoing_the_entry_withdraws_the_hours(
    town: TownBuilder, api: ApiClient, door: Door, settled: Settled, service: Callable[..., int]
) -> None:
    session, now = service(), utc_now()
    resident, first = with_place(town, api, session, volunteer=True), fresh_key()
    door.come(resident, session, now, nonce=first)
    door.go(resident, session, now + 10 * MINUTE)
    door.undo(first, now + 11 * MINUTE)
    assert [minutes for _, _, minutes in settled] == [10, 0]


def test_entering_another_room_signs_for_the_first_one(
    town: TownBuilder, api: ApiClient, door: Door, settled: Settled, service: Callable[..., int]
) -> None:
    session, other, now = service(), town.session(), utc_now()
    resident = with_place(town, api, session, other, volunteer=True)
    door.come(resident, session, now)
    door.come(resident, other, now + 45 * MINUTE)
    assert settled == [(resident.id, session, 45)]


def test_a_late_upload_corrects_the_hours(
    town: TownBuilder, api: ApiClient, door: Door, settled: Settled, service: Callable[..., int]
) -> None:
    session, now, device = service(), utc_now(), Device(door)
    resident = with_place(town, api, session, volunteer=True)
    door.come(resident, session, now + 30 * MINUTE)
    device.answers([device.item(resident, session, now + 90 * MINUTE, "out")], now + 5 * HOUR)
    device.answers([device.item(resident, session, now)], now + 6 * HOUR)
    assert [minutes for _, _, minutes in settled] == [60, 90]


def test_hours_begin_half_an_hour_before_and_end_half_an_hour_after_at_most(
    town: TownBuilder, api: ApiClient, door: Door, settled: Settled, service: Callable[..., int]
) -> None:
    begins = utc_now().replace(microsecond=0) + HOUR
    session = service(
        starts_at=begins,
        ends_at=begins + HOUR,
        reservable_until=begins,
        checkin_opens_at=begins - HOUR,
    )
    resident = with_place(town, api, session, volunteer=True)
    door.come(resident, session, begins - 50 * MINUTE)
    door.go(resident, session, begins + HOUR + 29 * MINUTE)
    assert [minutes for _, _, minutes in settled] == [30 + 60 + 29]


def test_who_nobody_saw_leave_signed_for_nothing(
    town: TownBuilder, api: ApiClient, door: Door, settled: Settled, service: Callable[..., int]
) -> None:
    session, now = service(), utc_now()
    resident = with_place(town, api, session, volunteer=True)
    door.come(resident, session, now)
    with at(now + DAY):
        JOBS_BY_NAME["visits"].deed(Errand(Means(town.database, town.house.keys), town.id, utc_now()))
    assert settled == []


def test_other_activities_sign_for_nothing(town: TownBuilder, api: ApiClient, door: Door, settled: Settled) -> None:
    session, now = town.session(), utc_now()
    resident = with_place(town, api, session, volunteer=True)
    door.come(resident, session, now)
    door.go(resident, session, now + timedelta(minutes=90))
    assert settled == []


def test_the_hours_are_on_record_when_the_volunteer_leaves_and_gone_when_that_is_undone(
    town: TownBuilder, api: ApiClient, door: Door, service: Callable[..., int]
) -> None:
    """With volunteering itself, not with a stand-in."""
    session, now, last = service(), utc_now(), fresh_key()
    resident = with_place(town, api, session, volunteer=True)

    def signed() -> Any:
        with at(now + 91 * MINUTE):
            return api.as_(resident).get("/me/hours").json["minutes"]["signed"]

    door.come(resident, session, now)
    assert signed() == 0
    answer = door.go(resident, session, now + 90 * MINUTE, nonce=last)
    assert (answer["result"], answer["visit"]["minutes"], signed()) == ("admitted", 90, 90)
    assert door.undo(last, now + 91 * MINUTE).status_code == 200
    assert signed() == 0


def test_what_the_rulebook_gives_for_the_hours_is_told_at_the_door(
    town: TownBuilder, api: ApiClient, door: Door, service: Callable[..., int]
) -> None:
    put_in_force(town, RULES)
    session, now = service(), utc_now()
    resident = with_place(town, api, session, volunteer=True)
    assert door.come(resident, session, now)["points"]["awarded"] == 0
    left = door.go(resident, session, now + 90 * MINUTE)["points"]
    assert (left["awarded"], left["balance"]) == (15, 15)
    assert "志愿服务" in left["explanation"]
    assert api.as_(resident).get("/me/points").json["balance"] == 15


def test_what_the_door_pays_comes_before_the_hours_in_one_scan(
    town: TownBuilder, api: ApiClient, door: Door, service: Callable[..., int]
) -> None:
    """Everybody locks the pool of points before the one of hours; else two who hold one of them wait for the other."""
    put_in_force(town, RULES + '[[earn]]\nid = "entry"\nevent = "checkin"\ntitle = "签到"\namount = 5\n')
    session, other, now, entry = service(), town.session(), utc_now(), fresh_key()

    def books_since(txns: int) -> list[str]:
        code_of = {row.id: row.code for row in town.rows(Book.id, Book.code)}
        return [code_of[row.book_id] for row in sorted(town.rows(Txn.id, Txn.book_id))[txns:]]

    leaving = with_place(town, api, session, other, volunteer=True)
    door.come(leaving, session, now)
    before = len(town.rows(Txn.id))
    door.come(leaving, other, now + 20 * MINUTE)
    assert books_since(before) == [POINTS, HOURS]
    undone = with_place(town, api, session, volunteer=True)
    door.come(undone, session, now, nonce=entry)
    door.go(undone, session, now + 8 * MINUTE)
    before = len(town.rows(Txn.id))
    assert door.undo(entry, now + 9 * MINUTE).status_code == 200
    assert books_since(before) == [POINTS, HOURS]
