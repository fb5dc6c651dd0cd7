"""One session and the people who want its places, told step by step at moments that the teller chooses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from models.activities import Allocation, Session
from models.jobs import Outbox
from models.reservations import HOLDING, LIVE, Reservation, ReservationStatus
from rules.clock import utc_now
from rules.errors import RuleError
from rules.reservations.allocating import allocate_places, commit_to_draw
from rules.reservations.attending import check_in
from rules.reservations.cancelling import cancel_reservation
from rules.reservations.closing import close_session, mark_no_show, reservations_missing
from rules.reservations.offers import confirm_offer, expire_offers
from rules.reservations.reserving import Wish, reserve_place
from rules.work import Work
from tests.build import Person, TownBuilder


@dataclass
class Story:
    """A session of a town. Everything is done at `now`, which only moves on when it is told to."""

    town: TownBuilder
    session: int
    now: datetime
    begins: datetime
    ends: datetime
    held: dict[int, int] = field(default_factory=dict)  #: the last reservation of each resident

    @classmethod
    def of(
        cls,
        town: TownBuilder,
        *,
        capacity: int = 2,
        waiting_max: int = 10,
        offer_minutes: int = 0,
        begins_in: timedelta = timedelta(days=2),
        session: dict[str, Any] | None = None,
        **activity: Any,
    ) -> Story:
        """A session in two days, with a waiting list, for parties up to 4, sign-up until it begins."""
        activity_id = town.activity(waiting_max=waiting_max, offer_minutes=offer_minutes, **activity)
        now = utc_now().replace(microsecond=0)
        begins = now + begins_in
        columns = {
            "starts_at": begins,
            "ends_at": begins + timedelta(hours=2),
            "reservable_until": begins,
            "checkin_opens_at": begins - timedelta(minutes=30),
        }
        id_ = town.session(activity_id=activity_id, capacity=capacity, **(columns | (session or {})))
        return cls(town, id_, now, begins, begins + timedelta(hours=2))

    @classmethod
    def of_draw(cls, town: TownBuilder, allocation: Allocation = Allocation.LOTTERY, **options: Any) -> Story:
        """A session whose places are given out a day before it begins."""
        at = utc_now().replace(microsecond=0) + timedelta(days=1)
        story = cls.of(town, allocation=allocation, session={"allocates_at": at}, **options)
        story.act(None, commit_to_draw, town.house.keys, story.session)
        return story

    def act(self, person: Person | None, deed: Callable[..., Any], *args: Any) -> Any:
        """Run a rule as somebody, now."""
        now = self.now
        return self.town.act(person, lambda work: deed(replace(work, now=now), *args))

    def pass_time(self, **span: float) -> None:
        self.now += timedelta(**span)

    def reserve(self, person: Person, party_size: int = 1, **wish: Any) -> ReservationStatus:
        booked = self.act(person, reserve_place, self.session, Wish(party_size, **wish))
        self.held[booked.resident_id] = booked.id
        return ReservationStatus(booked.status)

    def cancel(self, person: Person) -> None:
        self.act(person, cancel_reservation, self.held[person.id])

    def confirm(self, person: Person) -> None:
        self.act(person, confirm_offer, self.held[person.id])

    def expire(self) -> int:
        return int(self.act(None, expire_offers, self.session))

    def come(self, person: Person) -> bool:
        return bool(self.act(None, check_in, self.held[person.id], self.now))

    def allocate(self) -> int:
        return int(self.act(None, allocate_places, self.town.house.keys, self.session))

    def look_for_no_shows(self) -> list[int]:
        """What the job does: all who should have come by now are marked."""
        missing = self.act(None, lambda work: reservations_missing(work, self.begins - timedelta(days=7), 1000))
        return [id_ for id_ in missing if self.act(None, mark_no_show, id_)]

    def close(self) -> Any:
        return self.act(None, close_session, self.session)

    def status(self, person: Person) -> ReservationStatus:
        [row] = self.town.rows(Reservation.status, id=self.held[person.id])
        return ReservationStatus(row.status)

    def reservation(self, person: Person) -> Any:
        [row] = self.town.rows(Reservation, id=self.held[person.id])
        return row[0]

    def counters(self) -> tuple[int, int]:
        """What the session says is taken, and how many parties wait."""
        [row] = self.town.rows(Session.taken, Session.waiting, id=self.session)
        return row.taken, row.waiting

    def added_up(self) -> tuple[int, int]:
        """The same, from the reservations."""
        rows = self.town.rows(Reservation.party_size, Reservation.status, session_id=self.session)
        taken = sum(row.party_size for row in rows if row.status in HOLDING)
        return taken, sum(row.status is ReservationStatus.WAITLISTED for row in rows)

    def told(self, topic: str) -> set[int]:
        """The residents to whom messages of a topic go."""
        rows = self.town.rows(Outbox.payload, topic=topic)
        return {int(row.payload["resident_id"]) for row in rows if row.payload.get("session_id") == str(self.session)}

    def refusal(self, person: Person, deed: Callable[..., Any], *args: Any) -> str:
        """The code with which a deed is refused; every table is as before."""
        before = self.town.contents()
        try:
            self.act(person, deed, *args)
        except RuleError as refused:
            assert self.town.contents() == before
            return refused.code
        raise AssertionError("it was not refused")


def run_at(now: datetime, deed: Callable[..., Any], *args: Any) -> Callable[[Work], Any]:
    """A deed at a moment of one's choice, for the units of work of races."""
    return lambda work: deed(replace(work, now=now), *args)


__all__ = ["HOLDING", "LIVE", "Story", "run_at"]
