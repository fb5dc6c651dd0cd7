"""Residents and volunteers: who is counted, where and when, whatever is moved, undone, decided or erased later."""

from __future__ import annotations

from datetime import datetime, timedelta

import time_machine
from sqlalchemy import Engine, insert, select

from models.checkins import Scan, ScanUndo
from models.reservations import Reservation
from models.residents import Erasure, Merging, MergingStatus, Resident, Role
from models.venues import BookingStatus, VenueBooking
from rules.clock import local_day
from rules.monitor.drilling import list_rows
from rules.monitor.measures import residents, volunteering
from rules.monitor.places import find_reach
from rules.monitor.reading import read_values
from rules.monitor.snapshots import make_snapshots
from rules.reservations.reserving import Wish, reserve_place
from rules.residents.profile import change_profile
from rules.rights.asking import ask_erasure
from rules.rights.erasing import erase_due, erase_rows
from rules.rulebook.versions import publish
from rules.volunteering.entries import Entry
from rules.volunteering.records import record_hours
from rules.volunteering.registration import STATEMENT_VERSION, register_volunteer, withdraw_volunteer
from rules.work import Work
from tests.build import ApiClient, Person, TownBuilder, add
from tests.monitor.agreeing import check_agreement, check_changes, check_touched, days_from, midnight, sums, total
from tests.monitor.plain import residents as plain_residents
from tests.monitor.plain import volunteering as plain_volunteering
from tests.monitor.small import days, moment, town_of_the_past
from tests.rewards.mall import open_mall, redeemed, reward, rich
from tests.rulebook.live import put_in_force
from tests.venues.halls import tomorrow
from tests.volunteering.serving import RULES, decide, entry, serve, void, written_down

PEOPLE = {measure.name: measure for measure in (*residents.MEASURES, *volunteering.MEASURES)}


def at(days: int, hour: int) -> time_machine.travel:
    return time_machine.travel(tomorrow(hour, days=days), tick=False)


def move(town: TownBuilder, person: Person, place_id: int) -> None:
    town.act(person, change_profile, town.house.keys, {"territory_id": place_id})


def let_in(town: TownBuilder, person: Person, session: int, occurred_at: datetime) -> int:
    """Somebody comes in, and the device tells of it now."""

    def deed(work: Work) -> int:
        reservation = work.core.scalar(
            select(Reservation.id).where(Reservation.town_id == town.id, Reservation.resident_id == person.id)
        )
        row = {
            "scanner_kind": "staff",
            "scanner_id": 1,
            "nonce": str(work.new_id()),
            "content_hash": b"",
            "offline": True,
        }
        row |= {"direction": "in", "method": "code", "result": "admitted", "is_evidence": True, "overridden": False}
        row |= {"answer": {}, "scanned_at": occurred_at, "occurred_at": occurred_at, "received_at": work.now}
        return add(work, Scan, session_id=session, resident_id=person.id, reservation_id=reservation, **row)

    return town.act(None, deed)


def undo(town: TownBuilder, scan_id: int) -> None:
    row = {
        "town_id": town.id,
        "scan_id": scan_id,
        "undone_by_kind": "staff",
        "undone_by_id": 1,
        "reason": "",
        "answer": {},
    }
    town.act(None, lambda work: work.db.execute(insert(ScanUndo), row | {"undone_at": work.now}))


def book(town: TownBuilder, person: Person) -> None:
    def deed(work: Work) -> None:
        begins = work.now + timedelta(days=1)
        row = {"venue_id": town.venue_id, "parts": [1], "starts_at": begins, "ends_at": begins + timedelta(hours=1)}
        row |= {"week": local_day(begins), "purpose": "", "party_size": 1, "status": BookingStatus.CONFIRMED}
        add(work, VenueBooking, resident_id=person.id, booked_at=work.now, cancellable_until=begins, **row)

    town.act(None, deed)


def join_records(town: TownBuilder, account: Person, record: Person) -> None:
    """Two records become one; the account is emptied."""

    def deed(work: Work) -> None:
        row = {"offered_at": work.now, "lapses_at": work.now + timedelta(days=1), "decided_at": work.now}
        add(work, Merging, resident_id=account.id, record_id=record.id, status=MergingStatus.DONE, **row)
        erase_rows(work, account.id)

    town.act(None, deed)


def test_residents_are_counted_where_they_lived_then_and_active_by_what_they_did(
    town: TownBuilder, api: ApiClient
) -> None:
    here, there = town.community_id, town.other_community_id
    with at(1, 9):
        open_mall(town)
        item = reward(town, price=10)
        anna, bo, cy, double = (town.resident(name) for name in ("安安", "波波", "聪聪", "聪聪"))
        rita = rich(town, 100)
    with at(1, 10):
        move(town, anna, there)
        session = town.session(begins_in=timedelta(days=2))
        for person in (anna, bo):
            town.act(person, reserve_place, session, Wish())
    with at(2, 9):
        redeemed(api.as_(rita), item)
        book(town, cy)
        town.act(bo, ask_erasure, "注销账号")
    came_at = tomorrow(9, days=2)
    with at(3, 12):
        move(town, anna, here)
        join_records(town, double, cy)
        wrong = let_in(town, bo, session, came_at)  # an upload, when that day is over
    with at(4, 12):
        undo(town, wrong)
    with at(20, 9):
        dora = town.resident("朵朵", territory_id=None)
        assert erase_due(town.database, town.id).residents == 1
        move(town, dora, here)

    days, end = days_from(tomorrow(0), 21), tomorrow(24, days=20)
    moments = [tomorrow(hour, days=day) for day, hour in ((1, 11), (2, 12), (3, 13), (4, 13), (20, 8), (20, 10))]
    check_agreement(town, residents, plain_residents, days[:5] + days[-2:], [*moments, end])
    families = [PEOPLE[name].family for name in ("residents.registered", "residents.active_days")]
    for first, last in ((0, 0), (0, 20), (2, 3), (19, 20)):
        check_changes(town, families[:1], days[first : last + 1], end)  # type: ignore[arg-type]
    check_touched(town, families[1:], days[:5], moments)  # type: ignore[arg-type]

    def number(name: str, day: int, hour: int = 24) -> int:
        return total(town, PEOPLE[name], days[day - 1], tomorrow(hour, days=day))

    assert [number("residents.registered", day) for day in (1, 2, 3, 19, 20)] == [5, 5, 4, 4, 4]
    assert (number("residents.new", 1), number("residents.new", 20), number("residents.erased", 20)) == (5, 1, 1)
    assert [number("residents.active_days", day) for day in (1, 2, 3)] == [2, 2, 0]
    assert total(town, PEOPLE["residents.active_days"], days[1], tomorrow(13, days=3)) == 3  # uploaded
    assert total(town, PEOPLE["residents.active_days"], days[1], tomorrow(13, days=4)) == 2  # and undone
    assert [number("residents.active_week", day) for day in (2, 8, 20)] == [4, 2, 0]
    assert total(town, PEOPLE["residents.kept"], days[20], end) == 0
    assert town.rows(Erasure.done_at)
    assert town.rows(Resident.territory_id, id=bo.id)[0].territory_id is None


def test_who_comes_again_within_thirty_days_is_kept(town: TownBuilder) -> None:
    with at(1, 9):
        stays, goes, comes = (town.resident(name) for name in ("安安", "波波", "聪聪"))
        for person in (stays, goes):
            book(town, person)
    with at(40, 9):
        for person in (stays, comes):
            book(town, person)
    days, end = days_from(tomorrow(0), 60), tomorrow(24, days=40)
    found = {
        name: total(town, PEOPLE[f"residents.{name}"], days[39], end)
        for name in ("active_week", "active_month", "active_before", "kept")
    }
    assert found == {"active_week": 2, "active_month": 2, "active_before": 2, "kept": 1}
    check_agreement(town, residents, plain_residents, [days[39], days[58]], [end])


def test_two_records_of_one_person_are_active_once_and_who_is_erased_is_active_no_more(town: TownBuilder) -> None:
    with at(1, 9):
        account, record, bo = (town.resident(name) for name in ("聪聪", "聪聪", "波波"))
        for person in (account, bo):
            book(town, person)
    with at(35, 9):
        for person in (record, bo):
            book(town, person)
        town.act(bo, ask_erasure, "注销账号")
    with at(36, 9):
        join_records(town, account, record)
    with at(60, 9):
        assert erase_due(town.database, town.id).residents == 1
    days = days_from(tomorrow(0), 61)

    def found(day: int, as_of: datetime) -> list[int]:
        names = ("active_month", "active_before", "kept", "registered")
        return [total(town, PEOPLE[f"residents.{name}"], days[day - 1], as_of) for name in names]

    assert found(35, tomorrow(24, days=35)) == [2, 2, 1, 3]
    assert found(36, tomorrow(24, days=36)) == [2, 2, 2, 2], "one person, who was here before and is again"
    assert found(60, tomorrow(24, days=60)) == [1, 2, 1, 1]
    check_agreement(town, residents, plain_residents, [days[34], days[35], days[59]], [tomorrow(24, days=60)])


def test_hours_belong_to_the_day_of_service_and_volunteers_to_their_homes(town: TownBuilder, api: ApiClient) -> None:
    days, end = days_from(tomorrow(0), 5), tomorrow(24, days=5)
    with at(1, 9):
        put_in_force(town, RULES)
        anna, bo = town.resident("安安", volunteer=True), town.resident("波波")
        town.act(bo, register_volunteer, STATEMENT_VERSION)
        session = town.session()
    with at(1, 11):
        serve(town, anna, session, 90)
        long, later = town.session(), town.session()
    with at(1, 12):
        serve(town, anna, long, 60)  # two hours and a half are a star
    with at(2, 9):
        staff, yesterday = api.as_(town.staff(Role.ORGANISER)), days[0]
        plain_one, long_one = written_down(
            staff, entry(bo, 60, served_on=yesterday), entry(anna, 13 * 60, served_on=yesterday)
        )
        assert long_one["status"] == "pending"
        move(town, anna, town.other_community_id)
    with at(3, 9):
        assert decide(api.as_(town.staff(Role.MANAGER)), long_one["id"], accepts=True, note="属实").status_code == 200
    with at(4, 9):
        assert void(api.as_(town.staff(Role.ORGANISER)), plain_one["id"]).status_code == 200
        town.act(bo, withdraw_volunteer)
    with at(5, 9):
        serve(town, anna, later, 8 * 60)  # ten and a half are two

    moments = [tomorrow(hour, days=day) for day, hour in ((1, 13), (2, 10), (3, 10), (4, 10))]
    check_agreement(town, volunteering, plain_volunteering, days, [*moments, end])
    check_touched(town, [volunteering.SERVICE], days, [tomorrow(1, days=day) for day in (2, 3, 4, 5)])
    for first, last in ((0, 4), (0, 0), (1, 1), (3, 4)):
        check_changes(town, [volunteering.VOLUNTEERS, volunteering.LEVELS], days[first : last + 1], end)
    stars = [
        {key[4]: amount for key, amount in sums(town, PEOPLE["levels.held"], midnight(day), midnight(day), end).items()}
        for day in (days[0], days[1], days[4], days[4] + timedelta(days=1))
    ]
    assert stars == [{}, {"star/star-1": 1}, {"star/star-1": 1}, {"star/star-2": 1}]
    minutes = [total(town, PEOPLE["service.hours"], days[0], moment) for moment in moments]
    assert minutes == [150, 150 + 60, 150 + 60 + 780, 150 + 780]
    registered = [total(town, PEOPLE["volunteers.registered"], day, end) for day in days]
    assert registered == [2, 2, 2, 1, 1]
    active = [total(town, PEOPLE["volunteers.active_month"], days[0], moment) for moment in moments]
    assert active == [1, 2, 2, 1]


def test_hours_served_before_the_town_had_a_day_are_counted_before_and_after_its_first_snapshot(engine: Engine) -> None:
    town, clock = town_of_the_past(engine, moment(3, 9))
    town.act(None, lambda work: publish(work, RULES, work.now - timedelta(days=9)))
    helper, organiser, auditor = town.resident(volunteer=True), town.staff(Role.ORGANISER), town.staff(Role.AUDITOR)

    def record(day: int, minutes: int) -> None:
        served = Entry(helper.id, minutes, local_day(moment(day)), "清扫楼道")
        town.act(organiser, record_hours, [served])
        clock.now += timedelta(hours=1)

    def told(as_of: datetime) -> tuple[float | int | None, int]:
        def look(work: Work) -> tuple[float | int | None, int]:
            reach = find_reach(work, None)
            value = read_values(work, reach, ["service.hours"], days(0, 5), as_of)[""]["service.hours"].value
            return value, sum(row.amount for row in list_rows(work, reach, "service.hours", days(0, 5), as_of).items)

        return town.database.read(town.id, town.actor(auditor), look)

    record(0, 90)
    record(3, 60)
    clock.now = moment(4, 9)
    before = clock.now - timedelta(minutes=1)
    assert told(before) == (2.5, 150)
    made = make_snapshots(town.database, town.id, as_of=clock.now, ready_in=timedelta(0))
    assert made.days == 1, "the town began on the fourth day"
    clock.now += timedelta(hours=1)
    assert told(clock.now - timedelta(minutes=1)) == (2.5, 150)
    record(1, 30)
    assert told(clock.now - timedelta(minutes=1)) == (3, 180)
    assert told(before) == (2.5, 150)


def test_sessions_before_the_first_resident_are_among_the_towns_days(engine: Engine) -> None:
    town, clock = town_of_the_past(engine, moment(0, 9))
    times = {"starts_at": moment(0, 10), "ends_at": moment(0, 11), "reservable_until": moment(0, 10)}
    town.session(activity_id=town.activity(), checkin_opens_at=moment(0, 10), made_at=clock.now, **times)
    clock.now = moment(2, 9)
    town.resident()
    clock.now = moment(3, 9)
    assert make_snapshots(town.database, town.id, as_of=clock.now, ready_in=timedelta(0)).days == 3
