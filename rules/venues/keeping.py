"""Rooms as staff set them up: their rules, their uses, their hours.

What is booked already stands, whatever is changed. Whoever changes a room has its row alone; names are unique within a
centre, so whoever gives one has the centre's row first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from models.residents import Role
from models.search import FoundKind
from models.venues import DayKind, OpeningHours, UseStatus, Venue, VenueUse
from rules.residents.identity import require_role
from rules.search.refreshing import refresh
from rules.venues.hours import Times, check_week, rows_of_week
from rules.venues.parts import divide_room
from rules.venues.places import find_venue, take_centre, take_venue
from rules.venues.refusals import UseTooLarge, UseUnknown, VenueNameTaken
from rules.work import Work

_names = select(Venue.id).where(
    Venue.town_id == bindparam("town"),
    Venue.service_centre_id == bindparam("centre"),
    Venue.name == bindparam("called"),
    Venue.id != bindparam("but"),
)
_use_names = select(VenueUse.id).where(
    VenueUse.town_id == bindparam("town"),
    VenueUse.venue_id == bindparam("venue"),
    VenueUse.name == bindparam("called"),
    VenueUse.id != bindparam("but"),
)
_large_uses = (
    select(VenueUse.name, VenueUse.parts_needed)
    .where(
        VenueUse.town_id == bindparam("town"),
        VenueUse.venue_id == bindparam("venue"),
        VenueUse.status == UseStatus.ACTIVE,
        VenueUse.parts_needed > bindparam("parts"),
    )
    .order_by(VenueUse.id)
)
_use = select(VenueUse.name, VenueUse.parts_needed).where(
    VenueUse.town_id == bindparam("town"), VenueUse.venue_id == bindparam("venue"), VenueUse.id == bindparam("use")
)
_clear_hours = delete(OpeningHours).where(
    OpeningHours.town_id == bindparam("town"), OpeningHours.venue_id == bindparam("venue")
)
_write_hours = insert(OpeningHours)


def create_venue(work: Work, service_centre_id: int, columns: Mapping[str, Any]) -> int:
    """Add a room to a centre. Raises CentreUnknown, Forbidden, VenueNameTaken."""
    centre = take_centre(work, service_centre_id)
    require_role(work, Role.MANAGER, centre.path)
    _check_name(work, service_centre_id, columns["name"], 0)
    venue_id = work.new_id()
    row = {"town_id": work.town_id, "id": venue_id, "service_centre_id": service_centre_id, **columns}
    work.core.execute(insert(Venue), row)
    refresh(work, FoundKind.VENUE, [venue_id])
    return venue_id


def change_venue(work: Work, venue_id: int, changes: Mapping[str, Any]) -> None:
    """Change what is given of a room's rules.

    Raises VenueUnknown, Forbidden, VenueNameTaken, UseTooLarge and PartsInUse (of a smaller number of parts).
    """
    centre_id = find_venue(work, venue_id).service_centre_id
    if "name" in changes:
        take_centre(work, centre_id)
    venue = take_venue(work, venue_id)
    require_role(work, Role.MANAGER, venue.path)
    if "name" in changes:
        _check_name(work, centre_id, changes["name"], venue_id)
    parts = changes.get("parts", venue.parts)
    if parts != venue.parts:
        _check_uses_fit(work, venue_id, parts)
        divide_room(work, venue, parts)
    if changes:
        work.core.execute(update(Venue).where(Venue.town_id == work.town_id, Venue.id == venue_id).values(**changes))
    if "name" in changes:
        refresh(work, FoundKind.VENUE, [venue_id])


def add_use(work: Work, venue_id: int, columns: Mapping[str, Any]) -> int:
    """Add a use to a room. Raises VenueUnknown, Forbidden, UseTooLarge, VenueNameTaken."""
    venue = take_venue(work, venue_id)
    require_role(work, Role.MANAGER, venue.path)
    _check_use(work, venue_id, venue.parts, 0, columns)
    use_id = work.new_id()
    work.core.execute(insert(VenueUse), {"town_id": work.town_id, "id": use_id, "venue_id": venue_id, **columns})
    refresh(work, FoundKind.VENUE, [venue_id])
    return use_id


def change_use(work: Work, venue_id: int, use_id: int, changes: Mapping[str, Any]) -> None:
    """Change a use of a room, or retire it. Raises VenueUnknown, Forbidden, UseUnknown, UseTooLarge, VenueNameTaken."""
    venue = take_venue(work, venue_id)
    require_role(work, Role.MANAGER, venue.path)
    use = work.core.execute(_use, {"town": work.town_id, "venue": venue_id, "use": use_id}).first()
    if use is None:
        raise UseUnknown
    _check_use(work, venue_id, venue.parts, use_id, {**use._mapping, **changes})
    if changes:
        changing = update(VenueUse).where(VenueUse.town_id == work.town_id, VenueUse.id == use_id)
        work.core.execute(changing.values(**changes))
        refresh(work, FoundKind.VENUE, [venue_id])


def set_hours(work: Work, venue_id: int, hours: Sequence[tuple[DayKind, Sequence[Times]]]) -> None:
    """Set a room's own hours in place of those it had; none at all: it is open as its centre is.

    A kind of day with an empty list is closed. Raises VenueUnknown, Forbidden, HoursInvalid (also of a day given twice).
    """
    venue = take_venue(work, venue_id)
    require_role(work, Role.MANAGER, venue.path)
    check_week(hours)
    rows = rows_of_week(hours, town_id=work.town_id, venue_id=venue_id)
    work.core.execute(_clear_hours, {"town": work.town_id, "venue": venue_id})
    if rows:
        work.core.execute(_write_hours, rows)


def _check_name(work: Work, centre_id: int, name: str, but: int) -> None:
    asked = {"town": work.town_id, "centre": centre_id, "called": name, "but": but}
    if work.core.execute(_names, asked).first() is not None:
        raise VenueNameTaken(name=name)


def _check_use(work: Work, venue_id: int, parts: int, but: int, use: Mapping[str, Any]) -> None:
    if use["parts_needed"] > parts:
        raise UseTooLarge(use=use["name"], parts_needed=use["parts_needed"], parts=parts)
    asked = {"town": work.town_id, "venue": venue_id, "called": use["name"], "but": but}
    if work.core.execute(_use_names, asked).first() is not None:
        raise VenueNameTaken(name=use["name"])


def _check_uses_fit(work: Work, venue_id: int, parts: int) -> None:
    large = work.core.execute(_large_uses, {"town": work.town_id, "venue": venue_id, "parts": parts}).first()
    if large is not None:
        raise UseTooLarge(use=large.name, parts_needed=large.parts_needed, parts=parts)
