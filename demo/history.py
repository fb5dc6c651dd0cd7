"""What has happened in the town until last midnight: who reserved what, who cancelled, who came, who was turned away.

Nothing here depends on the hour, so a day's town is the same whenever it is made: of today's sessions places are
taken, and nobody has come yet. Nobody is in two places at once, nobody reserves before registering or while the rules
forbid it, and a session never has more takers than places.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any, ClassVar

from demo.making import RisingIds, Row, Rows, dice, moment_between
from demo.people import Circle, Neighbour, People
from demo.season import PlannedActivity, PlannedSession, Season
from models.checkins import ClosedBy, RefusalReason
from models.history import ReservationVersion, watched
from models.reservations import CancelledBy, Reservation, ReservationStatus
from models.territory import Scene
from models.volunteering import Provenance
from rules.checkins.scans import SOURCE, facts_of
from rules.checkins.visits import Room, Stay, signed_minutes
from rules.clock import local_day
from rules.reservations.desk import NO_SHOW
from rules.reservations.eligibility import wanted_of
from rules.reservations.reserving import SOURCE as RESERVATION
from rules.rulebook.decision import Happening
from rules.rulebook.evaluation import evaluate
from rules.rulebook.plan import Plan
from rules.rulebook.standing import Standing, apply
from rules.volunteering.counting import SOURCE as SERVICE
from rules.volunteering.counting import Service

AHEAD = timedelta(days=7)  #: how long before a session its first places are taken
CANCELLED_SHARE = 0.07
ABSENT_SHARE = 0.08
FULL_SHARE = 0.06
#: How many come from the activity's own community, where others may come too.
NEAR_SHARE = 0.6
PARTY_WEIGHTS = (60, 28, 9, 3)
#: Draws for each place wanted. Some meet people who have something else on, or who cancel.
DRAWS = 4
LATE = timedelta(minutes=10)
LINGER = timedelta(minutes=10)  #: how long before or after the end volunteers leave
FORGETFUL_SHARE = 0.03
#: One in so many entries, or cancellations, is followed by a scan that is refused.
TWICE_EVERY, EXPIRED_EVERY, STRANGER_EVERY, CANCELLED_EVERY = 900, 800, 1000, 60

#: What a reservation is that waited for nothing, cost nothing, and that its resident made.
NOTHING_SPECIAL: dict[str, Any] = {
    "priority": 0,
    "rank": 0,
    "price": 0,
    **dict.fromkeys(("waiting_reason", "waiting_free", "answers", "hold_txn_id", "booked_by_kind", "booked_by_id")),
    **dict.fromkeys(("offer_expires_at", "cancellable_until", "release_at")),
}

#: Activities of which a day's limit pays for three, and the category that it doesn't limit.
FULL_DAY, DELIBERATION = 4, "民主协商"
FIRST_CHECKINS = 9
FIRST_VOLUNTEERED = 3


@dataclass(slots=True)
class Booking:
    """A reservation and what became of it."""

    session: PlannedSession
    activity: PlannedActivity
    neighbour: Neighbour
    party_size: int
    reserved_at: datetime
    cancelled_at: datetime | None = None
    checked_in_at: datetime | None = None
    left_at: datetime | None = None  #: of volunteers, who are scanned out
    no_show_at: datetime | None = None
    id: int = 0

    @property
    def status(self) -> ReservationStatus:
        if self.cancelled_at is not None:
            return ReservationStatus.CANCELLED
        if self.no_show_at is not None:
            return ReservationStatus.NO_SHOW
        return ReservationStatus.CONFIRMED if self.checked_in_at is None else ReservationStatus.CHECKED_IN

    @property
    def lost_at(self) -> datetime | None:
        """When the place was given back, or nobody had come for it."""
        return self.cancelled_at or self.no_show_at

    def row(self, town_id: int) -> Row:
        return {
            "town_id": town_id,
            "id": self.id,
            "session_id": self.session.id,
            "resident_id": self.neighbour.id,
            "party_size": self.party_size,
            "status": self.status,
            **NOTHING_SPECIAL,
            "reserved_at": self.reserved_at,
            "confirmed_at": self.reserved_at,
            "cancelled_at": self.cancelled_at,
            "cancelled_by": CancelledBy.RESIDENT if self.cancelled_at is not None else None,
            "checked_in_at": self.checked_in_at,
            "no_show_at": self.no_show_at,
            "versioned_at": self.lost_at,
        }

    def version(self, town_id: int) -> Row:
        """What it was until its place was lost."""
        row = self.row(town_id)
        was: Row = {"status": ReservationStatus.CONFIRMED, "until": self.lost_at}
        was |= dict.fromkeys(("cancelled_at", "cancelled_by", "checked_in_at", "no_show_at"))
        return {name: row[name] for name in ("town_id", "id", *watched(Reservation))} | was


@dataclass(frozen=True, slots=True)
class Door:
    """What a scan knows of a session."""

    scene: Scene
    category: str
    volunteers_only: bool
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Checkin:
    """A reservation that was used."""

    at: datetime
    booking: Booking
    source: ClassVar[str] = SOURCE

    @property
    def ref(self) -> str:
        """What its source calls it."""
        return f"{self.booking.session.id}:{self.booking.neighbour.id}"

    @property
    def happening(self) -> Happening:
        """The event, as a scan at the door tells it."""
        activity, session = self.booking.activity, self.booking.session
        words = activity.scene, activity.category, activity.volunteers_only
        facts = facts_of(Door(*words, session.starts_at, session.ends_at), self.booking.party_size)
        return Happening(SOURCE, self.at, activity.title, facts)


@dataclass(frozen=True, slots=True)
class Checkout:
    """A volunteer who was scanned out: the visit signs for hours."""

    at: datetime
    booking: Booking
    source: ClassVar[str] = SERVICE

    @property
    def ref(self) -> str:
        """What its source calls it."""
        return f"{self.booking.session.id}:{self.booking.neighbour.id}"

    def service(self, record_id: int) -> Service:
        """The record of service that follows."""
        booking, activity, session = self.booking, self.booking.activity, self.booking.session
        assert booking.checked_in_at is not None, "who goes out came in"
        stay = Stay(session.id, booking.id, booking.checked_in_at, 0, self.at, ClosedBy.SCAN)
        words = session.id, session.checkin_opens_at, session.starts_at, session.ends_at
        return Service(
            id=record_id,
            resident_id=booking.neighbour.id,
            provenance=Provenance.SIGNED,
            ref=self.ref,
            minutes=signed_minutes([stay], Room(*words, allows_reentry=True, volunteers_only=True)),
            served_on=local_day(session.starts_at),
            occurred_at=session.starts_at,
            recorded_at=self.at,
            description=activity.title,
            category=activity.category,
            scene=activity.scene,
            community_id=activity.community_id,
            operator_id=activity.operator_id,
            session_id=session.id,
        )


@dataclass(frozen=True, slots=True)
class Absence:
    """A reservation of a session that is over, which nobody used or cancelled."""

    booking: Booking
    source: ClassVar[str] = RESERVATION

    @property
    def ref(self) -> str:
        """What its source calls it."""
        return f"{self.booking.id}:{NO_SHOW}"

    @property
    def at(self) -> datetime:
        return self.booking.session.ends_at

    @property
    def happening(self) -> Happening:
        """The event, as the closing of a session tells it. Nobody had a reason that staff knew of."""
        activity, session = self.booking.activity, self.booking.session
        offer = SimpleNamespace(starts_at=session.starts_at, ends_at=session.ends_at, **asdict(activity))
        wanted = wanted_of(offer, self.booking.neighbour.id, self.booking.party_size)
        return Happening(NO_SHOW, self.at, activity.title, wanted.facts)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A scan at a door that let nobody in."""

    at: datetime
    session: PlannedSession
    reason: RefusalReason
    neighbour: Neighbour | None = None  #: None where the code named nobody
    booking: Booking | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What has happened, each list in order of time."""

    bookings: list[Booking]
    checkins: list[Checkin]
    checkouts: list[Checkout]
    absences: list[Absence]
    refusals: list[Refusal]

    def rows(self, town_id: int) -> Rows:
        lost = [booking for booking in self.bookings if booking.lost_at is not None]
        return {
            Reservation: [booking.row(town_id) for booking in self.bookings],
            ReservationVersion: [booking.version(town_id) for booking in lost],
        }


def make_history(random: Random, season: Season, people: People, rules: Plan, midnight: datetime) -> History:
    """Give out the places of the season's sessions, as it went until midnight."""
    return _HistoryMaker(random, season, people, rules, midnight).make()


class _HistoryMaker:
    def __init__(self, random: Random, season: Season, people: People, rules: Plan, midnight: datetime) -> None:
        self._random = random
        self._leaving = dice("leaving", midnight.isoformat())  #: of its own, so that it disturbs nothing else
        self._season = season
        self._people = people
        self._keen = people.circles[None, False].members[0]
        self._rules = rules
        self._midnight = midnight
        self._bookings: list[Booking] = []
        self._engagements: dict[int, list[PlannedSession]] = {}  #: by resident
        self._absences: dict[int, list[Absence]] = {}  #: by resident

    def make(self) -> History:
        reservable = [session for session in self._season.sessions if self._is_asked_for(session)]
        self._tell_of_the_first(reservable)
        self._tell_of_a_full_day(reservable)
        for session in reservable:
            self._fill(session)
        self._bookings.sort(key=lambda booking: (booking.reserved_at, booking.session.id, booking.neighbour.id))
        ids = RisingIds()
        for booking in self._bookings:
            booking.id = ids.at(booking.reserved_at)
        used = [Checkin(each.checked_in_at, each) for each in self._bookings if each.checked_in_at is not None]
        used.sort(key=lambda checkin: (checkin.at, checkin.booking.id))
        served = [Checkout(each.left_at, each) for each in self._bookings if each.left_at is not None]
        served.sort(key=lambda checkout: (checkout.at, checkout.booking.id))
        missed = [absence for of_one in self._absences.values() for absence in of_one]
        missed.sort(key=lambda absence: (absence.at, absence.booking.id))
        for absence in missed:
            absence.booking.no_show_at = absence.at
            absence.booking.session.taken -= absence.booking.party_size
        return History(self._bookings, used, served, missed, self._refusals(used))

    def _is_asked_for(self, session: PlannedSession) -> bool:
        """Whether somebody has reserved: the week before has begun, and the activity isn't a new one."""
        is_new = self._season.activities[session.activity_id].fill == 0
        return session.starts_at - AHEAD < self._midnight and not is_new

    # --- resident-00001 ---

    def _tell_of_the_first(self, sessions: list[PlannedSession]) -> None:
        """Past check-ins, some of them as a volunteer; one reservation cancelled; one for the days to come.

        None of today or tomorrow, and none in the reading room: whoever walks through the product as this resident
        reserves there.
        """
        open_to = [session for session in sessions if self._is_open_to_the_first(session)]
        past = [session for session in open_to if session.ends_at <= self._midnight]
        as_volunteer = [session for session in past if self._season.activities[session.activity_id].volunteers_only]
        came = self._attend(as_volunteer, FIRST_VOLUNTEERED) + self._attend(past, FIRST_CHECKINS - FIRST_VOLUNTEERED)
        for session in came:
            self._come(self._book_first(session), forgetful=False)
        for session in self._attend(past, 1):
            self._cancel(self._book_first(session))
        soon = [session for session in open_to if session.starts_at >= self._midnight + timedelta(days=2)]
        for session in self._attend(soon, 1):
            self._book_first(session)

    def _book_first(self, session: PlannedSession) -> Booking:
        return self._book(session, self._people.first, 1, self._time_of_booking(session))

    def _is_open_to_the_first(self, session: PlannedSession) -> bool:
        activity = self._season.activities[session.activity_id]
        return not session.is_drop_in and activity.eligible_territory_id in (None, self._people.first.community_id)

    def _attend(self, sessions: list[PlannedSession], count: int) -> list[PlannedSession]:
        """Some sessions at which resident-00001 has nothing else on."""
        chosen: list[PlannedSession] = []
        for session in self._random.sample(sessions, len(sessions)):
            if len(chosen) == count:
                break
            if self._engage(self._people.first, session):
                chosen.append(session)
        assert len(chosen) == count, "a season has something for everybody"
        return chosen

    # --- somebody who goes to everything ---

    def _tell_of_a_full_day(self, sessions: list[PlannedSession]) -> None:
        """One more activity on one day than a day's limit pays for. Nothing else is told of this neighbour."""
        by_day: dict[date, list[PlannedSession]] = {}
        for session in sessions:
            if session.ends_at <= self._midnight and self._counts_for_the_day(session):
                by_day.setdefault(local_day(session.starts_at), []).append(session)
        for day in sorted(by_day, reverse=True):
            one_by_one: list[PlannedSession] = []
            for session in sorted(by_day[day], key=lambda each: (each.ends_at, each.id)):
                if not one_by_one or one_by_one[-1].ends_at <= session.checkin_opens_at:
                    one_by_one.append(session)
            if len(one_by_one) >= FULL_DAY:
                for session in one_by_one[:FULL_DAY]:
                    self._engage(self._keen, session)
                    self._come(self._book(session, self._keen, 1, self._time_of_booking(session)), forgetful=False)
                return

    def _counts_for_the_day(self, session: PlannedSession) -> bool:
        activity = self._season.activities[session.activity_id]
        is_limited = not activity.volunteers_only and activity.category != DELIBERATION
        return is_limited and activity.eligible_territory_id is None

    # --- everybody else ---

    def _fill(self, session: PlannedSession) -> None:
        activity = self._season.activities[session.activity_id]
        circles = self._circles(activity, session.starts_at - AHEAD)
        wanted = self._wanted(session, activity)
        for _ in range(DRAWS * wanted):
            if session.taken >= wanted:
                return
            circle, count = circles[self._random.random() < NEAR_SHARE]
            neighbour, at = circle.draw(self._random, count), self._time_of_booking(session)
            is_free = neighbour is not self._keen and not self._is_suspended(neighbour, at)
            if is_free and self._engage(neighbour, session):
                party_size = min(self._party_size(activity), session.capacity - session.taken)
                self._decide(self._book(session, neighbour, party_size, at))

    def _circles(self, activity: PlannedActivity, at: datetime) -> tuple[tuple[Circle, int], tuple[Circle, int]]:
        """Who may come from anywhere and from near by, with how many of them had registered."""
        anywhere, near = (
            self._people.circles[community_id, activity.volunteers_only]
            for community_id in (activity.eligible_territory_id, activity.community_id)
        )
        return (anywhere, anywhere.count_at(at)), (near, near.count_at(at))

    def _wanted(self, session: PlannedSession, activity: PlannedActivity) -> int:
        """How many places are taken in the end; of the days to come some are not taken yet."""
        if not session.is_drop_in and self._random.random() < FULL_SHARE:
            return session.capacity
        share = activity.fill * self._random.uniform(0.7, 1.15)
        ahead = (session.starts_at - self._midnight) / AHEAD
        if ahead > 0:
            share *= 1 - 0.8 * ahead
        return min(round(session.capacity * share), session.capacity)

    def _party_size(self, activity: PlannedActivity) -> int:
        sizes = range(1, activity.party_size_max + 1)
        return self._random.choices(sizes, PARTY_WEIGHTS[: len(sizes)])[0]

    def _decide(self, booking: Booking) -> None:
        """Some cancel; of those who didn't and whose session is over, most came."""
        fate = self._random.random()
        if fate < CANCELLED_SHARE:
            self._cancel(booking)
        elif booking.session.ends_at > self._midnight:
            return
        elif fate < CANCELLED_SHARE + ABSENT_SHARE:
            self._absences.setdefault(booking.neighbour.id, []).append(Absence(booking))
        else:
            self._come(booking, forgetful=self._leaving.random() < FORGETFUL_SHARE)

    def _come(self, booking: Booking, *, forgetful: bool) -> None:
        """Check in; and volunteers check out, unless they forget to."""
        booking.checked_in_at = self._arrival(booking.session)
        if booking.activity.volunteers_only and not forgetful:
            ends_at = booking.session.ends_at
            booking.left_at = moment_between(self._leaving, ends_at - LINGER, min(ends_at + LINGER, self._midnight))

    def _is_suspended(self, neighbour: Neighbour, at: datetime) -> bool:
        """Whether absences forbid it to reserve at a moment: those from sessions that were over by then.

        All of these are known, since sessions are filled in the order in which they begin.
        """
        missed = [absence for absence in self._absences.get(neighbour.id, ()) if absence.at <= at]
        if not missed:
            return False
        standing = Standing()
        for absence in sorted(missed, key=lambda absence: absence.at):
            apply(standing, evaluate(self._rules, absence.happening, standing).changes)
        return any(until > at for until in standing.suspended.values())

    def _engage(self, neighbour: Neighbour, session: PlannedSession) -> bool:
        """Note that the session is in the neighbour's diary, unless something else is there at that time."""
        diary = self._engagements.setdefault(neighbour.id, [])
        if any(self._meet(session, other) for other in diary):
            return False
        diary.append(session)
        return True

    def _meet(self, session: PlannedSession, other: PlannedSession) -> bool:
        """Whether nobody can be at both: two at the same time, or one that volunteers come to early or leave late."""
        if any(self._season.activities[each.activity_id].volunteers_only for each in (session, other)):
            ends = session.ends_at + LINGER
            return other.checkin_opens_at < ends and session.checkin_opens_at < other.ends_at + LINGER
        return other.starts_at < session.ends_at and session.starts_at < other.ends_at

    def _time_of_booking(self, session: PlannedSession) -> datetime:
        latest = min(session.checkin_opens_at, session.reservable_until, self._midnight)
        return moment_between(self._random, session.starts_at - AHEAD, latest)

    def _book(self, session: PlannedSession, neighbour: Neighbour, party_size: int, reserved_at: datetime) -> Booking:
        activity = self._season.activities[session.activity_id]
        booking = Booking(session, activity, neighbour, party_size, reserved_at)
        session.taken += party_size
        self._bookings.append(booking)
        return booking

    def _cancel(self, booking: Booking) -> None:
        latest = min(booking.session.starts_at, self._midnight)
        booking.cancelled_at = moment_between(self._random, booking.reserved_at, latest)
        booking.session.taken -= booking.party_size

    def _arrival(self, session: PlannedSession) -> datetime:
        latest = session.ends_at - timedelta(hours=1) if session.is_drop_in else session.starts_at + LATE
        return moment_between(self._random, session.checkin_opens_at, latest)

    # --- refused at the door ---

    def _refusals(self, checkins: list[Checkin]) -> list[Refusal]:
        refusals = [
            *(self._scanned_twice(checkin) for checkin in checkins[::TWICE_EVERY]),
            *(self._showed_an_old_code(checkin) for checkin in checkins[::EXPIRED_EVERY]),
            *(self._came_unreserved(checkin) for checkin in checkins[::STRANGER_EVERY]),
            *(self._came_after_all(booking) for booking in self._cancelled_and_over()[::CANCELLED_EVERY]),
        ]
        return sorted(refusals, key=lambda refusal: (refusal.at, refusal.session.id))

    def _scanned_twice(self, checkin: Checkin) -> Refusal:
        at, booking = checkin.at + timedelta(seconds=40), checkin.booking
        return Refusal(at, booking.session, RefusalReason.ALREADY_IN, booking.neighbour, booking)

    def _showed_an_old_code(self, checkin: Checkin) -> Refusal:
        return Refusal(checkin.at - timedelta(seconds=15), checkin.booking.session, RefusalReason.EXPIRED_CODE)

    def _came_unreserved(self, checkin: Checkin) -> Refusal:
        circle, session = self._people.circles[None, False], checkin.booking.session
        count = circle.count_at(checkin.booking.reserved_at)
        strangers = (circle.draw(self._random, count) for _ in itertools.count())
        stranger = next(each for each in strangers if self._engage(each, session))
        return Refusal(checkin.at + timedelta(minutes=2), session, RefusalReason.NOT_RESERVED, stranger)

    def _came_after_all(self, booking: Booking) -> Refusal:
        return Refusal(booking.session.starts_at, booking.session, RefusalReason.CANCELLED, booking.neighbour, booking)

    def _cancelled_and_over(self) -> list[Booking]:
        return [
            booking
            for booking in self._bookings
            if booking.cancelled_at is not None and booking.session.ends_at <= self._midnight
        ]
