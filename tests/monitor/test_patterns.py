"""Suspicious patterns: found where there are some, not where there are none, and shown to the town's auditors alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from sqlalchemy import insert

from models.adjustments import Adjustment, DecisionStatus
from models.reservations import Reservation
from models.residents import Role, SignInDevice
from models.volunteering import Provenance, ServiceBatch, ServiceRecord, ServiceStatus
from rules.clock import local_day, utc_now
from rules.keys import generate
from rules.keys import read as read_keys
from rules.monitor.measures import patterns
from rules.monitor.patterns import Finding, list_findings
from rules.monitor.periods import Period, PeriodKind
from rules.paging import Page, Position
from rules.points.transfers import give_points
from rules.residents.devices import clear_devices, note_device
from rules.residents.identity import Forbidden
from rules.work import Work
from tests.build import ApiClient, Person, TownBuilder, add, new_town
from tests.monitor.agreeing import check_agreement, days_from
from tests.monitor.facts import facts
from tests.monitor.plain import patterns as plain
from tests.points.hands import allow_hands, give, household
from tests.residents.signing import fresh_openid, owner_of, refusal, sign_in
from tests.venues.halls import tomorrow

DEVICE = "a-word-of-an-app-0001"
A_DAY = timedelta(days=1)


def at(moment: datetime) -> time_machine.travel:
    return time_machine.travel(moment, tick=False)


def findings(
    town: TownBuilder, auditor: Person, first: datetime, last: datetime, after: Position | None = None, limit: int = 20
) -> Page[Finding]:
    period = Period(PeriodKind.CUSTOM, local_day(first), local_day(last))

    def read(work: Work) -> Page[Finding]:
        return list_findings(work, period, last + A_DAY, after, limit)

    return town.database.read(town.id, town.actor(auditor), read)


def test_a_device_that_signs_in_more_than_a_family_is_found(town: TownBuilder, api: ApiClient) -> None:
    openids = [fresh_openid() for _ in range(6)]
    people = [owner_of(town, sign_in(api, openid, device=DEVICE).json).id for openid in openids]
    for openid in openids[:5]:
        assert sign_in(api, openid, device=DEVICE).status_code == 200  # again, on the same day
        sign_in(api, openid, device=DEVICE[::-1])  # a family's other telephone
        sign_in(api, openid)
    rows = town.rows(SignInDevice.resident_id, SignInDevice.device_index, SignInDevice.signed_in_at)
    assert len(rows) == 6 + 5
    by_device = {row.device_index: {each.resident_id for each in rows if each[1] == row.device_index} for row in rows}
    assert sorted(map(len, by_device.values())) == [5, 6]
    assert all(DEVICE.encode() not in index and len(index) == 32 for index in by_device)
    today = local_day(utc_now())
    [found] = facts(town, patterns.DEVICES, today, today, utc_now())
    assert (found["residents"], found["findings"], found["day"]) == (6, 1, today)
    before_the_last = max(row.signed_in_at for row in rows if row.resident_id == people[-1]) - timedelta(microseconds=1)
    assert facts(town, patterns.DEVICES, today, today, before_the_last) == []
    in_thirty_days = today + timedelta(days=30)
    assert facts(town, patterns.DEVICES, in_thirty_days, in_thirty_days, tomorrow(24, days=40)) == []
    check_agreement(town, patterns, plain, [today - A_DAY, today], [before_the_last, utc_now()])
    [shown] = findings(town, town.staff(Role.AUDITOR), utc_now(), utc_now()).items
    assert (shown.measure, shown.amount, shown.who) == ("patterns.shared_devices", 6, None)
    assert {person.id for row in shown.rows for person in row.people} == set(people)
    with at(utc_now() + timedelta(days=93)):
        assert (town.act(None, clear_devices), town.act(None, clear_devices)) == (11, 0)


@pytest.mark.parametrize("device", ["short", "x" * 65, "with a space in it", f"{DEVICE}\n"])
def test_a_device_that_is_no_word_is_refused(api: ApiClient, device: str) -> None:
    assert refusal(sign_in(api, fresh_openid(), device=device)) == (422, "request.invalid")


def test_one_device_in_two_towns_is_two_devices(town: TownBuilder, api: ApiClient, app) -> None:  # type: ignore[no-untyped-def]
    other = new_town(town.house)
    sign_in(api, fresh_openid(), device=DEVICE)
    sign_in(ApiClient(app, other), fresh_openid(), device=DEVICE)
    [here], [there] = (each.rows(SignInDevice.device_index) for each in (town, other))
    assert here != there


def test_who_has_the_word_of_a_device_and_no_key_does_not_find_it(town: TownBuilder) -> None:
    person = town.resident()
    for keys in (town.house.keys, read_keys(generate())):
        town.act(None, note_device, keys, person.id, DEVICE)
    assert len(set(town.rows(SignInDevice.device_index))) == 2


def test_points_that_come_back_make_a_ring(town: TownBuilder) -> None:
    allow_hands(town)
    home = household(town)
    anna, bo, cy = (town.resident(name, household_id=home) for name in ("安安", "波波", "聪聪"))
    for person in (anna, bo, cy):
        give(town, person, 50)
    gifts = [
        (1, 9, anna, bo),
        (1, 10, bo, anna),  # a ring of two
        (10, 9, anna, bo),
        (11, 9, bo, cy),
        (12, 9, cy, anna),  # a ring of three
        (20, 9, anna, cy),  # nothing came back within a week
    ]
    for days, hour, giver, receiver in gifts:
        with at(tomorrow(hour, days=days)):
            town.act(giver, give_points, receiver.id, 3)
    first, last = local_day(tomorrow(0)), local_day(tomorrow(0, days=20))
    found = facts(town, patterns.RINGS, first, last, tomorrow(24, days=20))
    assert sorted((fact["day"], fact["detail"]) for fact in found) == [
        (first, "2"),
        (local_day(tomorrow(0, days=12)), "3"),
    ]
    assert facts(town, patterns.RINGS, first, last, tomorrow(9, 59)) == []
    check_agreement(town, patterns, plain, days_from(tomorrow(0), 20), [tomorrow(9, 59), tomorrow(24, days=15)])
    auditor = town.staff(Role.AUDITOR)
    three, two = findings(town, auditor, tomorrow(0), tomorrow(0, days=20)).items
    assert (three.amount, two.amount) == (3, 2)
    assert [[person.id for person in row.people] for row in three.rows] == [
        [anna.id, bo.id],
        [bo.id, cy.id],
        [cy.id, anna.id],
    ]
    assert {row.amount for row in (*three.rows, *two.rows)} == {3}
    assert {person.name for row in three.rows for person in row.people} == {"安*", "波*", "聪*"}


def by_hand(town: TownBuilder, busy: Person, calm: Person) -> None:
    """21 records of hours, and 21 awards, by one member of staff on one day; 20 by another; and 21 on two days."""
    resident = town.resident()

    def write(work: Work, staff: Person, count: int) -> None:
        batch = add(
            work,
            ServiceBatch,
            provenance=Provenance.STAFF,
            rows_total=count,
            recorded_by=staff.id,
            recorded_at=work.now,
        )
        for n in range(count):
            add(
                work,
                ServiceRecord,
                resident_id=resident.id,
                provenance=Provenance.STAFF,
                source_ref=f"{batch}:{n}",
                batch_id=batch,
                minutes=60,
                served_on=local_day(work.now),
                description="清扫楼道",
                status=ServiceStatus.PENDING,
                recorded_by=staff.id,
                recorded_at=work.now,
            )
            add(
                work,
                Adjustment,
                resident_id=resident.id,
                amount=5,
                reason="补发",
                needs_second_person=True,
                status=DecisionStatus.PENDING,
                requested_by=staff.id,
                requested_at=work.now,
            )

    for moment, staff, count in ((10, busy, 21), (11, calm, 20), (24 + 11, calm, 1)):
        with at(tomorrow(moment)):
            town.act(None, write, staff, count)


def test_one_member_of_staff_who_writes_down_a_great_deal_is_found(town: TownBuilder) -> None:
    busy, calm = town.staff(Role.ORGANISER), town.staff(Role.ORGANISER)
    by_hand(town, busy, calm)
    day, end = local_day(tomorrow(0)), tomorrow(48)
    [hours] = facts(town, patterns.BULK_HOURS, day, day + A_DAY, end)
    [awards] = facts(town, patterns.BULK_AWARDS, day, day + A_DAY, end)
    assert (hours["id"], hours["day"], hours["records"], hours["minutes"]) == (busy.id, day, 21, 21 * 60)
    assert (awards["id"], awards["day"], awards["awards"], awards["points"]) == (busy.id, day, 21, 105)
    assert facts(town, patterns.BULK_HOURS, day, day + A_DAY, tomorrow(9)) == []
    check_agreement(town, patterns, plain, [day, day + A_DAY], [tomorrow(9), tomorrow(12), end])
    auditor = town.staff(Role.AUDITOR)
    page = findings(town, auditor, tomorrow(0), tomorrow(24), limit=1)
    rest = findings(town, auditor, tomorrow(0), tomorrow(24), after=page.next_after)
    both = [*page.items, *rest.items]
    assert [(each.measure, each.who and each.who.id) for each in both] == [
        ("patterns.bulk_hours", busy.id),
        ("patterns.bulk_awards", busy.id),
    ]
    assert [len(each.rows) for each in both] == [21, 21]
    for nobody in (town.staff(Role.MANAGER), town.staff(Role.AUDITOR, at=town.community_id)):
        with pytest.raises(Forbidden):
            findings(town, nobody, tomorrow(0), tomorrow(24))


def test_who_books_for_more_than_a_family_is_found(town: TownBuilder) -> None:
    agent, helper = town.resident("王大明"), town.resident("李小红")
    session = town.session(capacity=100)

    people = [(who, [*(town.resident() for _ in range(count)), who]) for who, count in ((agent, 6), (helper, 5))]

    def write(work: Work) -> None:
        for who, booked_for in people:
            for whom in booked_for:
                row = {"town_id": town.id, "id": work.new_id(), "session_id": session, "resident_id": whom.id}
                row |= {"booked_by_kind": "resident", "booked_by_id": who.id, "reserved_at": work.now, "party_size": 1}
                work.db.execute(insert(Reservation), row)

    town.act(None, write)
    today = local_day(utc_now())
    [found] = facts(town, patterns.AGENTS, today, today, utc_now())
    check_agreement(town, patterns, plain, [today, today + A_DAY], [utc_now()])
    assert (found["id"], found["residents"], found["bookings"]) == (agent.id, 6, 6)
    [shown] = findings(town, town.staff(Role.AUDITOR), utc_now(), utc_now()).items
    assert shown.who is not None
    assert (shown.who.id, shown.who.name, len(shown.rows)) == (agent.id, "王**", 6)
