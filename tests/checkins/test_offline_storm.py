"""Two devices without a network see 180 people come and go; whatever order their scans arrive in, what happened is the same.

More than 500 scans, clocks five minutes fast and five minutes slow, people whom both devices scanned, items that stand twice
in a batch, and every batch sent twice. What must come out is told beforehand, from the plan and not from the code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert

from models.checkins import Scan, Visit
from models.ledger import Event
from models.reservations import Reservation, ReservationStatus
from rules.checkins.codes import issue_code
from rules.clock import utc_now
from rules.work import SYSTEM, Actor, ActorKind, Work
from tests.build import ApiClient, Person, TownBuilder
from tests.checkins.doors import HOUR, MINUTE, Device, Door, points_of

PEOPLE = 180
BATCH = 120
HALL, STUDIO = 0, 1
FAST, SLOW = 0, 1

#: Somebody's day: (minute, room, direction, device), the visits that it makes, and how often it pays.
Step = tuple[float, int, str, int]
Stay = tuple[int, float, float, str]
DAYS: tuple[tuple[list[Step], list[Stay], int], ...] = (
    ([(0, HALL, "in", FAST), (50, HALL, "out", SLOW)], [(HALL, 0, 50, "scan")], 1),
    (
        [(0, HALL, "in", SLOW), (70, STUDIO, "in", FAST), (110, STUDIO, "out", SLOW)],
        [(HALL, 0, 70, "other_room"), (STUDIO, 70, 110, "scan")],
        2,
    ),
    ([(5, HALL, "in", FAST)], [(HALL, 5, 120, "session_end")], 1),
    (
        [(0, HALL, "in", FAST), (20, HALL, "out", SLOW), (23, HALL, "in", SLOW), (26, HALL, "out", FAST)],
        [(HALL, 0, 20, "scan"), (HALL, 23, 26, "scan")],
        1,
    ),
    (
        [(0, HALL, "in", FAST), (0.5, HALL, "in", SLOW), (40, HALL, "out", SLOW), (40.5, HALL, "out", FAST)],
        [(HALL, 0, 40, "scan")],
        1,
    ),
)


@dataclass
class Plan:
    """What everybody does."""

    town: TownBuilder
    begins: datetime
    rooms: tuple[int, int]
    people: list[Person]

    def moment(self, person: int, minute: float) -> datetime:
        """People come one after the other, seven seconds apart."""
        return self.begins + minute * MINUTE + timedelta(seconds=7 * person)

    def stays(self) -> set[tuple[Any, ...]]:
        """The visits that have to come out."""
        return {
            (
                person.id,
                self.rooms[room],
                self.moment(n, came),
                self.begins + 2 * HOUR if by == "session_end" else self.moment(n, went),
                by,
            )
            for n, person in enumerate(self.people)
            for room, came, went, by in DAYS[n % len(DAYS)][1]
        }

    def items(self, device: int, skew: timedelta) -> list[Any]:
        """What a device stored, in order."""
        steps = [
            (self.moment(n, minute), person, room, direction)
            for n, person in enumerate(self.people)
            for minute, room, direction, by in DAYS[n % len(DAYS)][0]
            if by == device
        ]

        def deed(work: Work) -> list[Any]:
            return [
                {
                    "code": self._code(work, person, when),
                    "session_id": str(self.rooms[room]),
                    "direction": direction,
                    "nonce": f"storm-{device}-{n:05}",
                    "scanned_at": (when + skew).isoformat(),
                }
                for n, (when, person, room, direction) in enumerate(sorted(steps, key=lambda step: step[0]))
            ]

        return self.town.database.read(self.town.id, SYSTEM, deed)

    def _code(self, work: Work, person: Person, when: datetime) -> str:
        shown = replace(work, now=when, actor=Actor(ActorKind.RESIDENT, person.id))
        return issue_code(shown, self.town.house.keys).code


def planned(town: TownBuilder, people: int = PEOPLE) -> Plan:
    """Everybody has a place in both rooms; the second begins an hour after the first."""
    begins = utc_now().replace(microsecond=0)
    hall, studio = (
        town.session(
            starts_at=starts_at,
            ends_at=starts_at + 2 * HOUR,
            reservable_until=starts_at,
            checkin_opens_at=starts_at - HOUR / 2,
            capacity=people,
        )
        for starts_at in (begins, begins + HOUR)
    )
    plan = Plan(town, begins, (hall, studio), [town.resident() for _ in range(people)])

    def place(work: Work) -> None:
        rows = [
            {
                "town_id": town.id,
                "id": work.new_id(),
                "session_id": room,
                "resident_id": person.id,
                "party_size": 1,
                "status": ReservationStatus.CONFIRMED,
                "reserved_at": work.now,
            }
            for room in plan.rooms
            for person in plan.people
        ]
        work.db.execute(insert(Reservation), rows)

    town.database.write(town.id, SYSTEM, place)
    return plan


def in_any_order(random: Random, of_devices: list[tuple[Device, list[Any]]]) -> list[tuple[Device, list[Any]]]:
    """Batches of both devices, mixed up within and among each other; some items stand twice in theirs."""
    batches = []
    for device, items in of_devices:
        mixed = [*items, *random.sample(items, len(items) // 10)]
        random.shuffle(mixed)
        batches += [(device, mixed[n : n + BATCH]) for n in range(0, len(mixed), BATCH)]
    random.shuffle(batches)
    return batches


def visits_in(town: TownBuilder) -> set[tuple[Any, ...]]:
    columns = (Visit.resident_id, Visit.session_id, Visit.entered_at, Visit.left_at, Visit.closed_by)
    rows = [tuple(row) for row in town.rows(*columns)]
    assert len(set(rows)) == len(rows)
    return set(rows)


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_order_scans_arrive_in_what_happened_is_the_same(town: TownBuilder, api: ApiClient, seed: int) -> None:
    random, plan = Random(seed), planned(town)
    devices = [Device(Door(town, api), 5 * MINUTE), Device(Door(town, api), -5 * MINUTE)]
    stored = [(device, plan.items(n, device.skew)) for n, device in enumerate(devices)]
    total = sum(len(items) for _, items in stored)
    assert total > 500
    when = plan.begins + 6 * HOUR
    for device, batch in in_any_order(random, stored):
        device.answers(batch, when)
    assert visits_in(town) == plan.stays()
    first = town.contents()
    for device, batch in in_any_order(random, stored):
        assert all(answer["replayed"] for answer in device.answers(batch, when + HOUR))
    assert town.contents() == first

    log = town.rows(Scan.is_evidence, Scan.scanner_id, Scan.nonce)
    assert len(log) == len({(row.scanner_id, row.nonce) for row in log}) == total
    assert all(row.is_evidence for row in log)
    pays = [DAYS[n % len(DAYS)][2] for n in range(PEOPLE)]
    assert [points_of(town, person) for person in plan.people] == [5 * times for times in pays]
    assert len(town.rows(Event.id, source="checkin")) == sum(pays)
    used = town.rows(Reservation.id, status=ReservationStatus.CHECKED_IN)
    assert len(used) == sum(pays)


def test_when_nothing_tells_that_the_clocks_were_off_everybody_still_came_once(
    town: TownBuilder, api: ApiClient
) -> None:
    """The devices' clocks were put right before they sent. Times are as wrong as the clocks were; nothing else is."""
    plan = planned(town, 40)
    devices = [Device(Door(town, api)), Device(Door(town, api))]
    stored = [(devices[0], plan.items(0, 4 * MINUTE)), (devices[1], plan.items(1, -4 * MINUTE))]
    for device, batch in in_any_order(Random(3), stored):
        device.answers(batch, plan.begins + 6 * HOUR)
    stays = sorted(visits_in(town), key=lambda visit: (visit[0], visit[2]))
    assert all(one[3] <= other[2] for one, other in pairwise(stays) if one[0] == other[0])
    pays = [DAYS[n % len(DAYS)][2] for n in range(40)]
    assert [points_of(town, person) for person in plan.people] == [5 * times for times in pays]
    came = {(visit[0], visit[1]) for visit in stays}
    assert len(came) == sum(pays)
    apart = 8 * MINUTE
    for visit in stays:
        assert any(
            visit[:2] == truth[:2] and abs(visit[2] - truth[2]) <= apart and visit[3] <= truth[3] + apart
            for truth in plan.stays()
        )
