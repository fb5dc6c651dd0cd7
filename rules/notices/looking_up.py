"""What a message leaves out and its words need: what an activity and a room are called, when a session begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Executable, bindparam, select

from models.activities import Activity, Session
from models.reservations import Appeal, Reservation
from models.territory import ServiceCentre, Territory
from models.venues import Venue
from rules.work import Work

_session = (
    select(
        Session.id.label("session_id"),
        Session.starts_at,
        Session.ends_at,
        Activity.title.label("activity"),
        Venue.name.label("venue"),
        Territory.path,
    )
    .join(Activity, (Activity.town_id == Session.town_id) & (Activity.id == Session.activity_id))
    .join(Venue, (Venue.town_id == Session.town_id) & (Venue.id == Session.venue_id))
    .join(Territory, (Territory.town_id == Activity.town_id) & (Territory.id == Activity.community_id))
    .where(Session.town_id == bindparam("town"))
)
_by_session = _session.where(Session.id == bindparam("id"))
_by_reservation = (
    _session.add_columns(Reservation.id.label("reservation_id"))
    .join(Reservation, (Reservation.town_id == Session.town_id) & (Reservation.session_id == Session.id))
    .where(Reservation.id == bindparam("id"))
)
_by_appeal = (
    _session.add_columns(Reservation.id.label("reservation_id"))
    .join(Reservation, (Reservation.town_id == Session.town_id) & (Reservation.session_id == Session.id))
    .join(Appeal, (Appeal.town_id == Reservation.town_id) & (Appeal.reservation_id == Reservation.id))
    .add_columns(Appeal.decision_note.label("note"))
    .where(Appeal.id == bindparam("id"))
)
_by_activity = (
    select(Activity.title.label("activity"), Territory.path)
    .join(Territory, (Territory.town_id == Activity.town_id) & (Territory.id == Activity.community_id))
    .where(Activity.town_id == bindparam("town"), Activity.id == bindparam("id"))
)
_by_venue = (
    select(Venue.name.label("venue"), Territory.path)
    .join(ServiceCentre, (ServiceCentre.town_id == Venue.town_id) & (ServiceCentre.id == Venue.service_centre_id))
    .join(Territory, (Territory.town_id == ServiceCentre.town_id) & (Territory.id == ServiceCentre.territory_id))
    .where(Venue.town_id == bindparam("town"), Venue.id == bindparam("id"))
)
#: The first field that a payload has is looked up.
LOOK_UPS: tuple[tuple[str, Executable], ...] = (
    ("appeal_id", _by_appeal),
    ("session_id", _by_session),
    ("reservation_id", _by_reservation),
    ("venue_id", _by_venue),
    ("activity_id", _by_activity),
)


def look_up(work: Work, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with what its words need. What the message says itself stands."""
    for name, statement in LOOK_UPS:
        if payload.get(name) is None:
            continue
        row = work.core.execute(statement, {"town": work.town_id, "id": int(payload[name])}).first()
        if row is None:
            return dict(payload)
        found = {key: _as_text(value) for key, value in row._mapping.items()}
        return found | {key: value for key, value in payload.items() if value is not None}
    return dict(payload)


def _as_text(value: Any) -> Any:
    if isinstance(value, int):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
