"""A random life in a town: people come and move, reserve, stay away, redeem and serve, by the rules of the house.

A deed that the rules refuse is none. The clock goes forward by some hours between deeds, and jobs run now and then.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from models.residents import Role
from models.rewards import Reward, RewardKind, RewardStatus
from models.territory import HostKind, Scene, Town
from rules.activities.authoring import change_activity
from rules.activities.changing import Scope, cancel_sessions, change_sessions
from rules.clock import local_day
from rules.errors import RuleError
from rules.ledger.expiring import expire
from rules.monitor.snapshots import make_snapshots
from rules.reservations.attending import check_in, revive_no_show, undo_check_in
from rules.reservations.cancelling import cancel_reservation
from rules.reservations.reserving import Wish, reserve_place
from rules.reservations.settling import settle_places_of
from rules.residents.profile import change_profile
from rules.rewards.ending import cancel_redemption
from rules.rewards.fulfilling import fulfil
from rules.rewards.lapsing import tend_redemptions
from rules.rewards.redeeming import RedemptionWish, redeem
from rules.rights.asking import ask_erasure
from rules.rights.erasing import erase_due
from rules.rulebook.versions import publish
from rules.volunteering.entries import Entry
from rules.volunteering.records import record_hours, void_record
from rules.volunteering.registration import STATEMENT_VERSION, register_volunteer, withdraw_volunteer
from tests.build import RULEBOOK, Person, TownBuilder, add
from tests.monitor.small import Clock
from tests.points.hands import give
from tests.rewards.mall import MALL, merchant

HOUR = timedelta(hours=1)


@dataclass
class Life:
    """What has come of a town so far. Deeds take numbers, by which they choose among what is there."""

    town: TownBuilder
    clock: Clock
    places: Sequence[int]
    people: list[Person] = field(default_factory=list)
    sessions: dict[int, datetime] = field(default_factory=dict)  #: and when they begin
    reservations: dict[int, Person] = field(default_factory=dict)  #: and whose they are
    begins: dict[int, datetime] = field(default_factory=dict)  #: when the session of a reservation does
    redemptions: list[Any] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    activities: list[int] = field(default_factory=list)
    rewards: list[int] = field(default_factory=list)
    snapshots: int = 0
    done: list[str] = field(default_factory=list)  #: deeds that weren't refused

    def __post_init__(self) -> None:
        town = self.town
        town.act(None, lambda work: publish(work, RULEBOOK + MALL, work.now - timedelta(days=1)))
        government = update(Town).where(Town.id == town.id).values(host_kind=HostKind.OPERATOR)
        town.act(None, lambda work: work.core.execute(government))
        self.manager, self.organiser, self.merchant = (
            town.staff(Role.MANAGER),
            town.staff(Role.ORGANISER),
            merchant(town),
        )
        for n, place in enumerate(self.places):
            activity = {"community_id": place, "scene": list(Scene)[n], "waiting_max": 3, "offer_minutes": 60 * n}
            self.activities.append(town.activity(**activity))
        for operator in (None, town.operator_id):
            row = {"operator_id": operator, "territory_id": town.street_id, "kind": RewardKind.GOODS, "price": 10}
            row |= {"upload_ids": [], "limits": [], "quantity_max": 3, "status": RewardStatus.PUBLISHED}
            title = f"纸巾 {operator}"
            self.rewards.append(town.act(None, lambda work, row=row, title=title: self._reward(work, title, row)))

    @staticmethod
    def _reward(work: Any, title: str, row: dict[str, Any]) -> int:
        return add(work, Reward, title=title, created_at=work.now, **row)

    def live(self, deed: str, a: int, b: int, c: int) -> None:
        """Do something, some hours after what was done before."""
        self.clock.now += HOUR * (1 + a % 5)
        with contextlib.suppress(RuleError, LookupError, ZeroDivisionError):
            getattr(self, deed)(a, b, c)
            self.done.append(deed)

    # People

    def come(self, a: int, b: int, _c: int) -> None:
        self.people.append(self.town.resident(community_id=self.places[b % len(self.places)], volunteer=bool(a % 2)))

    def move(self, a: int, b: int, _c: int) -> None:
        place = {"territory_id": self.places[b % len(self.places)]}
        self.act(self.one(a), change_profile, self.town.house.keys, place)

    def leave(self, a: int, _b: int, c: int) -> None:
        if c % 3 == 0:
            self.act(self.one(a), ask_erasure, "注销账号")

    def volunteer(self, a: int, _b: int, c: int) -> None:
        if c % 3:
            self.act(self.one(a), register_volunteer, STATEMENT_VERSION)
        else:
            self.act(self.one(a), withdraw_volunteer)

    # Sessions

    def plan(self, a: int, b: int, c: int) -> None:
        starts_at = self.clock.now.replace(minute=0, second=0) + HOUR * (6 + 4 * b)
        times = {"starts_at": starts_at, "ends_at": starts_at + 2 * HOUR, "reservable_until": starts_at}
        columns = times | {"checkin_opens_at": starts_at - HOUR, "capacity": 2 + c % 3, "made_at": self.clock.now}
        activity = self.activities[a % len(self.activities)]
        self.sessions[self.town.session(activity_id=activity, **columns)] = starts_at

    def reserve(self, a: int, b: int, c: int) -> None:
        session = self.upcoming(b)
        booked = self.act(self.one(a), reserve_place, session, Wish(1 + c % 2))
        self.reservations[booked.id], self.begins[booked.id] = self.one(a), self.sessions[session]

    def cancel(self, _a: int, b: int, _c: int) -> None:
        reservation = self.reserved(b)
        self.act(self.reservations[reservation], cancel_reservation, reservation)

    def attend(self, _a: int, b: int, c: int) -> None:
        """Somebody comes in at the door while the session is on; else an upload tells of it later."""
        reservation = self.reserved(b)
        is_on = self.begins[reservation] - HOUR <= self.clock.now < self.begins[reservation] + 2 * HOUR
        self.act(None, check_in, reservation, self.clock.now - HOUR * (0 if is_on else 1 + c % 3))

    def unattend(self, _a: int, b: int, c: int) -> None:
        self.act(None, undo_check_in if c % 2 else revive_no_show, self.reserved(b))

    def call_off(self, _a: int, b: int, c: int) -> None:
        session = self.upcoming(b)
        if c % 2:
            self.act(self.organiser, cancel_sessions, session, Scope.ONE, "下雨")
        else:
            self.act(self.organiser, change_sessions, session, Scope.ONE, {"capacity": 1 + c % 4})

    def shift(self, _a: int, b: int, c: int) -> None:
        session = self.upcoming(b)
        starts_at = self.sessions[session] + HOUR * (c - 4)
        self.act(self.organiser, change_sessions, session, Scope.ONE, {"starts_at": starts_at})
        self.sessions[session] = starts_at

    def alter(self, a: int, b: int, c: int) -> None:
        """An activity comes under another scene, or another community."""
        change = {"scene": list(Scene)[b % 4]} if c % 2 else {"community_id": self.places[b % len(self.places)]}
        self.act(self.organiser, change_activity, self.activities[a % len(self.activities)], change)

    # Points

    def gain(self, a: int, b: int, _c: int) -> None:
        give(self.town, self.one(a), 15 + 5 * b, local_day(self.clock.now) + timedelta(days=1 + b % 4))

    def redeem(self, a: int, b: int, c: int) -> None:
        made = self.act(self.one(a), redeem, self.rewards[b % 2], RedemptionWish(1 + c % 2))
        self.redemptions.append((made, self.one(a)))

    def pick_up(self, _a: int, b: int, c: int) -> None:
        redemption, owner = self.redemptions[b % len(self.redemptions)]
        if c % 3:
            self.town.act(self.merchant, lambda work: fulfil(work, redemption.code, fee_paid=True))
        else:
            self.act(owner, cancel_redemption, redemption.id)

    # Hours

    def serve(self, a: int, b: int, c: int) -> None:
        served_on = local_day(self.clock.now) - timedelta(days=b % 3)
        entry = Entry(self.one(a).id, 30 * (1 + c % 4), served_on, "清扫楼道")
        batch = self.act(self.organiser, record_hours, [entry])
        self.records += [record.id for record in batch.items]

    def unserve(self, _a: int, b: int, _c: int) -> None:
        self.town.act(
            self.organiser,
            lambda work: void_record(work, self.records[b % len(self.records)], "记错了", keeps_points=False),
        )

    # Jobs

    def tend(self, _a: int, _b: int, _c: int) -> None:
        database, town_id = self.town.database, self.town.id
        settle_places_of(database, town_id, self.town.house.keys)
        tend_redemptions(database, town_id)
        expire(database, town_id, local_day(self.clock.now))
        erase_due(database, town_id)

    def snapshot(self, _a: int, _b: int, _c: int) -> None:
        make_snapshots(self.town.database, self.town.id)
        self.snapshots += 1

    def upcoming(self, n: int) -> int:
        """A session that hasn't begun."""
        waiting = [session for session, starts_at in self.sessions.items() if starts_at > self.clock.now]
        if not waiting:
            self.plan(n, n, n)
            return self.upcoming(n)
        return waiting[n % len(waiting)]

    def reserved(self, n: int) -> int:
        """One of the last reservations."""
        return list(self.reservations)[-1 - n % min(len(self.reservations), 5)]

    def one(self, n: int) -> Person:
        return self.people[-1 - n % min(len(self.people), 6)]

    def act(self, person: Person | None, deed: Callable[..., Any], *args: Any) -> Any:
        return self.town.act(person, deed, *args)


DEEDS: dict[str, int] = {
    "come": 2,
    "move": 1,
    "leave": 1,
    "volunteer": 1,
    "plan": 3,
    "reserve": 6,
    "cancel": 1,
    "attend": 4,
    "unattend": 1,
    "call_off": 1,
    "shift": 1,
    "alter": 1,
    "gain": 3,
    "redeem": 2,
    "pick_up": 1,
    "serve": 2,
    "unserve": 1,
    "tend": 2,
    "snapshot": 2,
}
