"""A room with its centre, and who of the staff may do what there."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from models.residents import Role
from models.territory import ServiceCentre, Territory
from models.venues import Venue
from rules.residents.identity import Forbidden
from rules.rows import AnyRow
from rules.venues.refusals import CentreUnknown, VenueUnknown
from rules.work import Work

#: Who books for residents, and sees who has booked.
DESK = (Role.SCANNER, Role.ORGANISER, Role.MANAGER)
#: Who sees full names there, approves, and closes rooms.
OFFICE = (Role.ORGANISER, Role.MANAGER)
#: Who sees how much a room is used.
WATCHING = (Role.ORGANISER, Role.OPERATOR, Role.MANAGER, Role.AUDITOR)

COLUMNS = (
    Venue.id,
    Venue.name,
    Venue.kind,
    Venue.capacity,
    Venue.parts,
    Venue.bookable,
    Venue.needs_approval,
    Venue.slot_minutes,
    Venue.booking_minutes_max,
    Venue.opens_days_before,
    Venue.closes_minutes_before,
    Venue.cancel_minutes_before,
    Venue.grace_minutes,
    Venue.person_week_max,
    Venue.household_week_max,
    Venue.organisation_week_max,
    Venue.service_centre_id,
    ServiceCentre.name.label("centre"),
    ServiceCentre.address,
    ServiceCentre.opens_at,
    ServiceCentre.closes_at,
    ServiceCentre.territory_id.label("community_id"),
    Territory.name.label("community"),
    Territory.path,
)
VENUES = (
    select(*COLUMNS)
    .join(ServiceCentre, (ServiceCentre.town_id == Venue.town_id) & (ServiceCentre.id == Venue.service_centre_id))
    .join(Territory, (Territory.town_id == ServiceCentre.town_id) & (Territory.id == ServiceCentre.territory_id))
    .where(Venue.town_id == bindparam("town"))
)
_venue = VENUES.where(Venue.id == bindparam("venue"))
_shared = _venue.with_for_update(read=True, of=Venue)
_alone = _venue.with_for_update(key_share=True, of=Venue)
_centre = (
    select(ServiceCentre.id, Territory.path)
    .join(Territory, (Territory.town_id == ServiceCentre.town_id) & (Territory.id == ServiceCentre.territory_id))
    .where(ServiceCentre.town_id == bindparam("town"), ServiceCentre.id == bindparam("centre"))
    .with_for_update(key_share=True, of=ServiceCentre)
)


def find_venue(work: Work, venue_id: int) -> AnyRow:
    """A room, for looking at. Raises VenueUnknown."""
    return _found(work.core.execute(_venue, {"town": work.town_id, "venue": venue_id}).first())


def share_venue(work: Work, venue_id: int) -> AnyRow:
    """A room whose rules stand still until the transaction ends: for whoever changes its bookings. Raises VenueUnknown."""
    return _found(work.core.execute(_shared, {"town": work.town_id, "venue": venue_id}).first())


def take_venue(work: Work, venue_id: int) -> AnyRow:
    """A room that nobody books until the transaction ends: for whoever changes its rules. Raises VenueUnknown."""
    return _found(work.core.execute(_alone, {"town": work.town_id, "venue": venue_id}).first())


def take_centre(work: Work, centre_id: int) -> AnyRow:
    """A service centre to which nobody else adds rooms meanwhile. Raises CentreUnknown."""
    centre = work.core.execute(_centre, {"town": work.town_id, "centre": centre_id}).first()
    if centre is None:
        raise CentreUnknown
    return centre


def holds_any(work: Work, roles: tuple[Role, ...], path: str) -> bool:
    """Whether the actor has one of the roles on the node of this path."""
    return any(work.actor.may(role, path) for role in roles)


def require_any(work: Work, roles: tuple[Role, ...], path: str) -> None:
    """Raises Forbidden unless the actor has one of the roles on the node of this path."""
    if not holds_any(work, roles, path):
        raise Forbidden


def _found(venue: AnyRow | None) -> AnyRow:
    if venue is None:
        raise VenueUnknown
    return venue
