"""A room is divided into another number of parts.

Who has the whole room at a time to come keeps the whole room, however it is divided. Who has some of its parts keeps
these; a part that somebody has can't go.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, delete, func, insert, select, update

from models.venues import VenueBooking, VenueSlot
from rules.rows import AnyRow
from rules.venues.refusals import PartsInUse
from rules.venues.slots import floor_of
from rules.work import Work

_to_come = (
    VenueSlot.town_id == bindparam("town"),
    VenueSlot.venue_id == bindparam("venue"),
    VenueSlot.starts_at >= bindparam("from_"),
)
#: Who has which quarters to come, and how many parts in each.
_holdings = (
    select(
        VenueSlot.booking_id,
        VenueSlot.session_id,
        VenueSlot.starts_at,
        func.count().label("parts"),
        func.max(VenueSlot.part).label("last_part"),
    )
    .where(*_to_come)
    .group_by(VenueSlot.booking_id, VenueSlot.session_id, VenueSlot.starts_at)
    .order_by(VenueSlot.starts_at)
)
_add = insert(VenueSlot)
_drop = delete(VenueSlot).where(*_to_come, VenueSlot.part > bindparam("parts"))
#: A booking that has begun keeps in its row what it began with: how much of the day's room was used doesn't change.
_note = (
    update(VenueBooking)
    .where(
        VenueBooking.town_id == bindparam("town"),
        VenueBooking.id == bindparam("booking"),
        VenueBooking.starts_at > bindparam("now"),
    )
    .values(parts=bindparam("has"))
)


def divide_room(work: Work, venue: AnyRow, parts: int) -> None:
    """Make the slots to come fit another number of parts. The caller has the room's row alone. Raises PartsInUse."""
    asked = {"town": work.town_id, "venue": venue.id, "from_": floor_of(work.now), "parts": parts}
    holdings = work.core.execute(_holdings, asked).all()
    whole = [each for each in holdings if each.parts == venue.parts]
    if any(each.last_part > parts for each in holdings if each.parts < venue.parts):
        raise PartsInUse
    if parts < venue.parts:
        work.core.execute(_drop, asked)
    else:
        _extend(work, venue, whole, range(venue.parts + 1, parts + 1))
    for booking_id in sorted({each.booking_id for each in whole if each.booking_id is not None}):
        note = {"booking": booking_id, "has": list(range(1, parts + 1))}
        work.core.execute(_note, {"town": work.town_id, "now": work.now} | note)


def _extend(work: Work, venue: AnyRow, whole: Iterable[AnyRow], added: range) -> None:
    rows = [
        {
            "town_id": work.town_id,
            "venue_id": venue.id,
            "part": part,
            "starts_at": each.starts_at,
            "booking_id": each.booking_id,
            "session_id": each.session_id,
        }
        for part in added
        for each in whole
    ]
    if rows:
        work.core.execute(_add, rows)
