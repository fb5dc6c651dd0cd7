"""Who has which room when: sessions, slot by slot, as `rules.venues.occupancy` would write them one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, exists, select

from demo.making import Row, Rows
from demo.places import Places
from demo.season import PlannedSession
from models import Base
from models.activities import Session, SessionStatus
from models.venues import Venue, VenueSlot
from rules.bulk import insert_rows
from rules.venues.slots import quarters_of
from rules.work import Work

_without_slots = (
    select(Session.id, Session.venue_id, Session.starts_at, Session.ends_at, Venue.parts)
    .join(Venue, and_(Venue.town_id == Session.town_id, Venue.id == Session.venue_id))
    .where(
        Session.town_id == bindparam("town"),
        Session.status == SessionStatus.SCHEDULED,
        Session.ends_at > bindparam("now"),
        ~exists().where(VenueSlot.town_id == Session.town_id, VenueSlot.session_id == Session.id),
    )
)


def make_slots(places: Places, sessions: Sequence[PlannedSession]) -> Rows:
    """A row for each part of a room and each quarter that one of its sessions touches; no two sessions meet."""
    parts = {room["id"]: room["parts"] for room in places.rows[Venue]}
    slots: list[Row] = []
    for each in sessions:
        slots += _slots(places.town_id, each.id, each.venue_id, parts[each.venue_id], (each.starts_at, each.ends_at))
    return {VenueSlot: slots}


def occupy_rooms(work: Work) -> int:
    """Give the sessions to come that have no slots yet theirs, where nobody else has them; returns how many they were."""
    rows: list[Row] = []
    sessions = work.core.execute(_without_slots, {"town": work.town_id, "now": work.now}).all()
    for each in sessions:
        rows += _slots(work.town_id, each.id, each.venue_id, each.parts, (each.starts_at, each.ends_at))
    insert_rows(work.core, Base.metadata.tables["venue_slot"], rows, skip_conflicts=True)
    return len(sessions)


def _slots(town_id: int, session_id: int, venue_id: int, parts: int, times: tuple[datetime, datetime]) -> Iterator[Row]:
    for part in range(1, parts + 1):
        for at in quarters_of(*times):
            row = {"town_id": town_id, "venue_id": venue_id, "part": part, "starts_at": at}
            yield row | {"booking_id": None, "session_id": session_id}
