"""Rooms: what was open and used is told as of any moment, however slots and hours have changed since."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
import time_machine
from sqlalchemy import insert

from models.residents import Role
from models.venues import DayKind, Venue, VenueBooking, VenueDay
from rules.clock import local_day, utc_now
from rules.errors import RuleError
from rules.ids import first_id_at
from rules.monitor.measures import venues
from rules.monitor.periods import Period, PeriodKind
from rules.monitor.places import find_reach
from rules.monitor.venues import show_venues
from rules.venues.booking import BookingWish, book_venue
from rules.venues.closures import ClosureWish, close_centre, close_venue, lift_closure
from rules.venues.days import fix_days, fix_missing
from rules.venues.deciding import decide_booking, record_arrival
from rules.venues.endings import cancel_booking
from rules.venues.keeping import change_venue
from rules.venues.lapsing import lapse_bookings
from rules.work import SYSTEM, Work
from tests.build import ApiClient, TownBuilder, add
from tests.monitor.agreeing import check_agreement, check_changed, check_touched, sums
from tests.monitor.facts import facts, touched
from tests.monitor.plain import venues as plain
from tests.venues.halls import HOUR, booked, hall, resident_of, sports_hall, tomorrow

MINUTE = timedelta(minutes=1)
A_MOMENT = timedelta(seconds=20)


class Clock:
    """Times of tomorrow, as seen from when the test began."""

    def __init__(self) -> None:
        self.midnight = tomorrow(0)
        self.day = local_day(self.midnight)

    def __call__(self, hour: int, minute: int = 0) -> datetime:
        return self.midnight + timedelta(hours=hour, minutes=minute)


def at(moment: datetime) -> time_machine.travel:
    return time_machine.travel(moment, tick=False)


def a_busy_day(town: TownBuilder, api: ApiClient, on: Clock) -> Iterator[tuple[int, datetime]]:
    """A day of a hall with four courts, to its end: the hall, and moments at which something has just changed."""
    venue, badminton, meeting, film = sports_hall(town, grace_minutes=15)
    came = booked(resident_of(town, api), venue, on(10), use_id=badminton)
    booked(resident_of(town, api), venue, on(10), use_id=meeting)  # nobody comes
    cancelled = booked(resident_of(town, api), venue, on(11), 2 * HOUR, use_id=meeting)
    kept = booked(resident_of(town, api), venue, on(13), use_id=film)
    town.session(venue_id=venue, starts_at=on(16), ends_at=on(18, 20), reservable_until=on(16))
    town.session(venue_id=venue, starts_at=on(9, 15), ends_at=on(9, 50), reservable_until=on(9))  # though it is closed
    with at(on(0, 5)):
        assert fix_missing(town.database, town.id) > 0
    staff = town.staff(Role.MANAGER, Role.ORGANISER, Role.SCANNER)
    centre = town.rows(Venue.service_centre_id, id=venue)[0].service_centre_id
    closures = {
        f"/venues/{venue}": {"starts_at": on(9), "ends_at": on(9, 40), "reason": "漏水"},
        f"/service-centres/{centre}": {"starts_at": on(9, 10), "ends_at": on(9, 35), "reason": "停电"},
    }
    with at(on(8)):
        ids = [
            api.as_(staff).post(f"{place}/closures", json_of(closure)).json["id"] for place, closure in closures.items()
        ]
    with at(on(9, 20)):
        yield venue, utc_now()
        assert api.as_(staff).delete(f"/closures/{ids[0]}").status_code == 204
    with at(on(10, 5)):
        assert api.as_(staff).post(f"/bookings/{came['id']}/arrival").status_code == 200
    with at(on(10, 35)):
        yield venue, utc_now()
    with at(on(10, 40)):
        lapse_bookings(town.database, town.id)
        yield venue, utc_now()
    with at(on(11, 30)):
        yield venue, on(11, 29)
        assert api.as_(staff).delete(f"/bookings/{cancelled['id']}").status_code == 200
        yield venue, utc_now()
    with at(on(13, 10)):
        assert api.as_(staff).post(f"/bookings/{kept['id']}/arrival").status_code == 200
        yield venue, utc_now()
    with at(on(24)):
        yield venue, utc_now()


def json_of(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in body.items()}


def all_sums(town: TownBuilder, on: Clock, as_of: datetime) -> list[Counter[Any]]:
    counted = [measure for measure in venues.MEASURES if measure.family is not None]
    return [sums(town, measure, on(-24), on(24), as_of) for measure in counted]


def test_a_day_is_told_as_of_every_moment_as_it_was_told_then(town: TownBuilder, api: ApiClient) -> None:
    on = Clock()
    told, rooms = {}, set()
    for room, moment in a_busy_day(town, api, on):
        rooms.add(room)
        told[moment] = all_sums(town, on, moment)
    assert len(set(map(repr, told.values()))) == len(told)
    assert {moment: all_sums(town, on, moment) for moment in told} == told
    check_agreement(town, venues, plain, [on.day - timedelta(days=1), on.day], told)
    check_touched(town, [venues.DAYS, venues.HOURS, venues.BOOKINGS], [on.day], list(told))
    [whole] = [fact for fact in facts(town, venues.DAYS, on.day, on.day, on(24)) if fact["id"] in rooms]
    # Eight hours of four courts less three quarters of closures; used: one court for an hour, the hall for an hour, an hour
    # of the evening's session and a quarter of the morning's; the rest of these is outside.
    assert (whole["open_quarters"], whole["closed_quarters"]) == (4 * (32 - 3), 4 * 3)
    assert (whole["used_quarters"], whole["outside_quarters"]) == (4 + 16 + 16 + 4, 4 * (6 + 2))
    # A meeting had two courts beside the one that was used, until nobody had come for it.
    used = venues.MEASURES[1]
    told_used = [sum(sums(town, used, on(0), on(24), at).values()) for at in (on(9, 20), on(10, 35), on(10, 40))]
    assert told_used == [0, 4 + 6, 4 + 2]


def test_new_hours_and_parts_say_nothing_of_days_that_have_begun(town: TownBuilder, api: ApiClient) -> None:
    on, venue = Clock(), hall(town)
    manager = api.as_(town.staff(Role.MANAGER))
    assert fix_missing(town.database, town.id) == 2  # the town's room and this one
    hours = [{"day": kind.value, "spans": [{"opens_at": "08:00", "closes_at": "09:00"}]} for kind in tuple(DayKind)[:7]]
    assert manager.call("PUT", f"/venues/{venue}/hours", {"hours": hours}).status_code in (200, 204)
    assert manager.call("PATCH", f"/venues/{venue}", {"parts": 2}).status_code == 200
    with at(on(0, 5)):
        assert fix_missing(town.database, town.id) == 2
        assert fix_missing(town.database, town.id) == 0
        yesterday = on.day - timedelta(days=1)
        town.database.write(town.id, SYSTEM, fix_days, yesterday, on.day)  # as when two write down a day at once
    rows = {
        row.begins_at: row
        for row in town.rows(VenueDay.begins_at, VenueDay.parts, VenueDay.open_quarters, venue_id=venue)
    }
    then, now = rows[on(0) - timedelta(days=1)], rows[on(0)]
    assert (then.parts, then.open_quarters.count("1"), then.open_quarters.index("1")) == (1, 32, 36)
    assert (now.parts, now.open_quarters.count("1"), now.open_quarters.index("1")) == (2, 4, 32)


def test_a_room_counts_from_the_day_on_which_it_was_added(town: TownBuilder) -> None:
    on = Clock()
    [(centre,)] = town.rows(Venue.service_centre_id, id=town.venue_id)
    # Other tests have been in days to come, and the ids that are made go on from there.
    room = {"id": first_id_at(utc_now()) + 1, "service_centre_id": centre, "name": "新厅", "capacity": 20}
    venue = town.act(None, lambda work: add(work, Venue, **room))
    town.session(begins_in=timedelta(days=-5))  # so far back days are made up
    with at(on(0, 5)):
        fix_missing(town.database, town.id)
    begins = [row.begins_at for row in town.rows(VenueDay.begins_at, venue_id=venue)]
    assert sorted(begins) == [on(0) - timedelta(days=1), on(0)]


def test_a_booking_that_has_begun_used_what_it_began_with_however_the_room_is_divided(
    town: TownBuilder, api: ApiClient
) -> None:
    on, venue = Clock(), hall(town, parts=2)
    later = [booked(resident_of(town, api), venue, on(hour)) for hour in (10, 12)]
    with at(on(0, 5)):
        fix_missing(town.database, town.id)
    with at(on(10, 30)):
        assert api.as_(town.staff(Role.MANAGER)).call("PATCH", f"/venues/{venue}", {"parts": 1}).status_code == 200
    parts = [town.rows(VenueBooking.parts, id=int(each["id"]))[0].parts for each in later]
    assert parts == [[1, 2], [1]]
    [fact] = [each for each in facts(town, venues.DAYS, on.day, on.day, on(11)) if each["id"] == venue]
    assert fact["used_quarters"] == 8


def test_what_is_recorded_late_names_its_day(town: TownBuilder, api: ApiClient) -> None:
    on, venue = Clock(), hall(town, grace_minutes=15)
    booked(resident_of(town, api), venue, on(10))
    with at(on(0, 5)):
        fix_missing(town.database, town.id)
    snapshot, late = on(24, 40), on(26)
    assert touched(town, venues.DAYS, snapshot, late) == touched(town, venues.BOOKINGS, snapshot, late) == set()
    with at(late):
        lapse_bookings(town.database, town.id)  # the job was away since the morning
        centre = town.rows(Venue.service_centre_id, id=venue)[0].service_centre_id
        closed = {"starts_at": on(12).isoformat(), "ends_at": on(40).isoformat(), "reason": "检修"}
        staff = api.as_(town.staff(Role.MANAGER, Role.ORGANISER))
        assert staff.post(f"/service-centres/{centre}/closures", closed).status_code == 201
    assert touched(town, venues.DAYS, snapshot, late) == touched(town, venues.BOOKINGS, snapshot, late) == {on.day}
    assert touched(town, venues.DAYS, late, late + HOUR) == set()
    for moment, used in ((snapshot, 4), (late, 0)):
        [fact] = [each for each in facts(town, venues.DAYS, on.day, on.day, moment) if each["id"] == venue]
        assert (fact["used_quarters"], fact["closed_quarters"]) == (used, 0 if used else 20)


def test_a_day_that_is_written_down_late_changes_its_rooms(town: TownBuilder) -> None:
    on = Clock()
    hall(town)
    with at(on(10, 20)):
        assert fix_missing(town.database, town.id)
    check_changed(town, [venues.DAYS], [on.day], [on(10, 19), on(10, 21)])


def test_a_room_is_idle_that_was_open_for_weeks_and_hardly_used(town: TownBuilder) -> None:
    on, used, idle, seldom_open = Clock(), hall(town), hall(town), hall(town)
    last, pattern = on.day, "0" * 36 + "1" * 32 + "0" * 28

    def write(work: Work) -> None:
        for venue, days in ((used, 3), (idle, 3), (seldom_open, 2)):
            for n in range(days):
                row = {"town_id": town.id, "begins_at": on(0) - timedelta(days=9 * n), "venue_id": venue}
                row |= {"territory_id": town.community_id, "parts": 1, "open_quarters": pattern}
                work.db.execute(insert(VenueDay), row | {"recorded_at": on(0)})

    town.act(None, write)
    for venue, hours in ((used, 2), (idle, 1), (seldom_open, 0)):  # of 24 hours
        times = {"starts_at": on(9), "ends_at": on(9) + hours * HOUR, "reservable_until": on(9)}
        if hours:
            town.session(venue_id=venue, **times)
    found = {fact["id"]: (fact["rooms"], fact["idle"]) for fact in facts(town, venues.ROOMS, last, last, on(24))}
    assert found == {used: (1, 0), idle: (1, 1)}
    check_agreement(town, venues, plain, [on.day - timedelta(days=1), on.day], [on(12), on(24)])
    assert facts(town, venues.ROOMS, last + timedelta(days=28), last + timedelta(days=28), on(24)) == []


def test_the_board_shows_the_hours_of_the_week_and_each_room(town: TownBuilder) -> None:
    on, busy, empty = Clock(), hall(town), hall(town)
    town.session(venue_id=busy, starts_at=on(9), ends_at=on(10, 30), reservable_until=on(9))
    with at(on(0, 5)):
        fix_missing(town.database, town.id)
    auditor, period = town.staff(Role.AUDITOR), Period(PeriodKind.DAY, on.day, on.day)
    with at(on(20)):
        board = town.database.read(
            town.id, town.actor(auditor), lambda work: show_venues(work, find_reach(work, None), period, on(19))
        )
    rooms = {room.venue_id: room for room in board.rooms}
    assert [room.venue_id for room in board.rooms][-1] == busy
    assert (rooms[busy].open_hours, rooms[busy].used_hours, rooms[busy].share) == (8.0, 1.5, 1.5 / 8)
    assert (rooms[empty].used_hours, rooms[empty].share, rooms[empty].previous_share) == (0.0, 0.0, None)
    assert (rooms[busy].centre, rooms[busy].territory_id) == ("党群服务中心", town.community_id)
    cells = {(cell.weekday, cell.hour): cell for cell in board.heat}
    assert len(board.heat) == len(cells) == 7 * 24
    weekday = on.day.weekday()
    shown = [(cells[weekday, hour].open_hours, cells[weekday, hour].used_hours) for hour in (8, 9, 10, 11)]
    assert shown == [(0.0, 0.0), (3.0, 1.0), (3.0, 0.5), (3.0, 0.0)]  # of three rooms
    assert cells[weekday, 8].share is None


class Days:
    """Some days of two halls: people book, come, don't come, cancel; rooms are closed, opened, divided anew."""

    def __init__(self, town: TownBuilder, seed: int) -> None:
        self.town, self.random, self.now = town, Random(seed), tomorrow(0) + A_MOMENT
        self.halls = [
            hall(town, parts=parts, capacity=200, grace_minutes=15, needs_approval=n) for n, parts in ((0, 2), (1, 1))
        ]
        self.staff = town.staff(Role.MANAGER, Role.ORGANISER, Role.SCANNER)
        self.bookings: list[int] = []
        self.closures: list[int] = []

    def live(self) -> None:
        """Do something by chance, an hour or so later; what the rules refuse is left."""
        self.now += timedelta(minutes=self.random.choice((5, 20, 40, 100)))
        deed = self.random.choice(
            (self.book, self.book, self.book, self.end, self.come, self.shut, self.meet, self.divide)
        )
        with at(self.now):
            with contextlib.suppress(RuleError):
                deed()
            if self.random.random() < 0.7:  # the jobs are away at times
                lapse_bookings(self.town.database, self.town.id)
                fix_missing(self.town.database, self.town.id)

    def a_time(self) -> datetime:
        begins = self.now.replace(minute=0, second=0) + self.random.randint(1, 20) * HOUR
        return begins.replace(hour=self.random.randint(1, 7)) if self.random.random() < 0.6 else begins

    def book(self) -> None:
        begins, resident = self.a_time(), self.town.resident()
        wish = BookingWish(begins, begins + self.random.randint(1, 2) * HOUR, "下棋")
        self.bookings.append(self.town.act(resident, book_venue, self.random.choice(self.halls), wish).id)

    def end(self) -> None:
        if self.bookings and self.random.random() < 0.5:
            self.town.act(self.staff, cancel_booking, self.random.choice(self.bookings))
        elif self.bookings:
            for booking in self.bookings:
                with contextlib.suppress(RuleError):
                    self.town.act(self.staff, decide_booking, booking, self.random.random() < 0.7, "")

    def come(self) -> None:
        for booking in self.bookings:
            with contextlib.suppress(RuleError):
                self.town.act(self.staff, record_arrival, booking)

    def shut(self) -> None:
        if self.closures and self.random.random() < 0.4:
            self.town.act(self.staff, lift_closure, self.closures[-1])
            return
        wish = ClosureWish(self.a_time() - self.random.randint(0, 30) * HOUR, self.a_time() + 5 * HOUR, "检修")
        centre = self.town.rows(Venue.service_centre_id, id=self.halls[0])[0].service_centre_id
        where = (close_centre, centre) if self.random.random() < 0.3 else (close_venue, self.random.choice(self.halls))
        self.closures.append(self.town.act(self.staff, *where, wish).id)

    def meet(self) -> None:
        begins = self.now + timedelta(minutes=self.random.choice((-600, 30, 200)))
        times = {"starts_at": begins, "ends_at": begins + timedelta(minutes=70), "reservable_until": begins}
        times |= {"checkin_opens_at": begins}
        self.town.session(venue_id=self.town.venue_id, made_at=self.now, **times)

    def divide(self) -> None:
        self.town.act(self.staff, change_venue, self.halls[0], {"parts": self.random.randint(1, 3)})


@pytest.mark.parametrize("seed", range(40) if os.environ.get("BINFEN_LONG") == "1" else [21])
def test_days_by_chance_are_told_as_they_were_told(town: TownBuilder, seed: int) -> None:
    on, days = Clock(), Days(town, seed)
    told: dict[datetime, list[Counter[Any]]] = {}
    moments: list[datetime] = []
    for n in range(36):
        days.live()
        moments += [days.now - A_MOMENT / 2, days.now + A_MOMENT / 2]
        if n % 12 == 11:
            told[days.now] = all_sums(town, on, days.now)
    assert {moment: all_sums(town, on, moment) for moment in told} == told
    spent = [on.day + timedelta(days=n) for n in range((days.now - on(0)).days + 1)]
    check_agreement(town, venues, plain, [*spent, spent[-1] + timedelta(days=1)], told)
    check_touched(town, [venues.DAYS, venues.HOURS, venues.BOOKINGS], spent, list(told))
    check_changed(town, [venues.DAYS], spent, moments)
