"""The list of a session's people, for those who run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, select

from models.activities import Activity, Session
from models.reservations import LIVE, Reservation, ReservationStatus
from models.residents import Resident, Role
from models.territory import Territory
from models.venues import Venue
from rules.activities.looking import may_see
from rules.keys import Keys
from rules.reservations.refusals import SessionUnknown
from rules.residents.identity import require_role
from rules.residents.phones import masked_phone
from rules.work import Work

#: Who is on the list: all whose matter isn't settled, and those who didn't come.
LISTED = (*LIVE, ReservationStatus.NO_SHOW)


@dataclass(frozen=True, slots=True)
class RosterLine:
    """One party."""

    name: str
    phone: str | None  #: masked
    party_size: int
    status: ReservationStatus
    answers: list[Any]  #: in the order of the questions; None where there is no answer
    reserved_at: datetime
    checked_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class Roster:
    """A session and who comes."""

    title: str
    venue: str
    starts_at: datetime
    ends_at: datetime
    questions: list[str]
    lines: Sequence[RosterLine]


_session = (
    select(
        Session.starts_at,
        Session.ends_at,
        Activity.title,
        Activity.questions,
        Activity.status.label("activity_status"),
        Venue.name.label("venue"),
        Territory.path,
    )
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .join(Venue, and_(Venue.town_id == Session.town_id, Venue.id == Session.venue_id))
    .join(Territory, and_(Territory.town_id == Activity.town_id, Territory.id == Activity.community_id))
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"))
)
_people = (
    select(
        Reservation.status,
        Reservation.party_size,
        Reservation.answers,
        Reservation.priority,
        Reservation.rank,
        Reservation.reserved_at,
        Reservation.checked_in_at,
        Resident.id.label("resident_id"),
        Resident.name,
        Resident.phone_sealed,
    )
    .join(Resident, and_(Resident.town_id == Reservation.town_id, Resident.id == Reservation.resident_id))
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.session_id == bindparam("session"),
        Reservation.status.in_(LISTED),
    )
    .order_by(Reservation.id)
)
#: Who has a place before who may get one.
_ORDER = (
    ReservationStatus.CHECKED_IN,
    ReservationStatus.CONFIRMED,
    ReservationStatus.OFFERED,
    ReservationStatus.APPLIED,
    ReservationStatus.WAITLISTED,
    ReservationStatus.NO_SHOW,
)


def read_roster(work: Work, keys: Keys, session_id: int) -> Roster:
    """A session's people with full names and masked phones, for organisers of its place.

    Raises SessionUnknown, Forbidden.
    """
    asked = {"town": work.town_id, "session": session_id}
    session = work.core.execute(_session, asked).first()
    if session is None or not may_see(work, session.activity_status, session.path):
        raise SessionUnknown
    require_role(work, Role.ORGANISER, session.path)
    questions = session.questions
    rows = sorted(
        work.core.execute(_people, asked).all(),
        key=lambda row: (_ORDER.index(row.status), row.priority, row.rank, row.reserved_at),
    )
    lines = [
        RosterLine(
            row.name,
            masked_phone(keys, work.town_id, row.resident_id, row.phone_sealed),
            row.party_size,
            row.status,
            [(row.answers or {}).get(question["key"]) for question in questions],
            row.reserved_at,
            row.checked_in_at,
        )
        for row in rows
    ]
    return Roster(
        session.title,
        session.venue,
        session.starts_at,
        session.ends_at,
        [question["text"] for question in questions],
        lines,
    )
