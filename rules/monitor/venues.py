"""How rooms are used, for those who plan their hours: by hour of the week, and room by room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, select

from models.monitor import Slice
from models.territory import ServiceCentre
from models.venues import Venue
from rules.monitor.numbers import Value
from rules.monitor.periods import Period, previous
from rules.monitor.places import Reach
from rules.monitor.reading import read_values
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.work import Work

DAYS_OF_WEEK = 7
HOURS_OF_DAY = 24
_OPEN, _USED, _SHARE = "venues.open_hours", "venues.used_hours", "venues.utilisation"
_OUTSIDE, _CLOSED, _IDLE = "venues.outside_hours", "venues.closed_hours", "venues.idle_rooms"
_OPEN_BY_HOUR, _USED_BY_HOUR = "venues.open_by_hour", "venues.used_by_hour"
_SHARE_BY_HOUR = "venues.utilisation_by_hour"
_OF_HOURS = (_OPEN_BY_HOUR, _USED_BY_HOUR, _SHARE_BY_HOUR)
_OF_ROOMS = (_OPEN, _USED, _SHARE, _OUTSIDE, _CLOSED, _IDLE)


@dataclass(frozen=True, slots=True)
class HourCell:
    """An hour of a weekday in all weeks of the period. Hours are of parts of rooms (`rules.monitor.measures.venues`)."""

    weekday: int  #: 0: Monday
    hour: int
    open_hours: float
    used_hours: float
    share: float | None  #: None: nothing was open


@dataclass(frozen=True, slots=True)
class RoomRow:
    """A room in the period."""

    venue_id: int
    name: str
    centre: str
    territory_id: int
    parts: int
    open_hours: float
    used_hours: float
    share: float | None
    previous_share: float | None  #: of the period before
    outside_hours: float
    closed_hours: float
    #: At the end of the period, over `rules.monitor.measures.venues.IDLE_DAYS`; None: not known before the first snapshot.
    is_idle: bool | None


@dataclass(frozen=True, slots=True)
class VenuesBoard:
    """All 168 hours of the week, Monday's first; and the rooms that were open or used, the least used first."""

    heat: Sequence[HourCell]
    rooms: Sequence[RoomRow]


_rooms = (
    select(Venue.id, Venue.name, Venue.parts, ServiceCentre.name.label("centre"), ServiceCentre.territory_id)
    .join(ServiceCentre, and_(ServiceCentre.town_id == Venue.town_id, ServiceCentre.id == Venue.service_centre_id))
    .where(Venue.town_id == bindparam("town"), is_id_in(Venue.id, "venues"))
)


def show_venues(work: Work, reach: Reach, period: Period, as_of: datetime) -> VenuesBoard:
    """How the rooms of a place were used in a period. Raises MeasureUnknown (of an operator's reach)."""
    hours = read_values(work, reach, _OF_HOURS, period, as_of, Slice.DETAIL)
    rooms = read_values(work, reach, _OF_ROOMS, period, as_of, Slice.DETAIL)
    before = read_values(work, reach, (_SHARE,), previous(period), as_of, Slice.DETAIL)
    asked = {"town": work.town_id, "venues": [int(key) for key in rooms]}
    found = [_room(row, rooms[str(row.id)], before.get(str(row.id))) for row in work.send(_rooms, asked).all()]
    found.sort(key=lambda room: (room.share is None, room.share, -room.open_hours, room.venue_id))
    return VenuesBoard(_heat(hours), found)


def _heat(hours: Mapping[str, Mapping[str, Value]]) -> list[HourCell]:
    return [
        HourCell(
            weekday,
            hour,
            _hours(values, _OPEN_BY_HOUR),
            _hours(values, _USED_BY_HOUR),
            values[_SHARE_BY_HOUR].value if values else None,
        )
        for weekday in range(DAYS_OF_WEEK)
        for hour in range(HOURS_OF_DAY)
        for values in (hours.get(f"{weekday}-{hour:02}", {}),)
    ]


def _room(row: AnyRow, values: Mapping[str, Value], before: Mapping[str, Value] | None) -> RoomRow:
    return RoomRow(
        row.id,
        row.name,
        row.centre,
        row.territory_id,
        row.parts,
        _hours(values, _OPEN),
        _hours(values, _USED),
        values[_SHARE].value,
        before[_SHARE].value if before else None,
        _hours(values, _OUTSIDE),
        _hours(values, _CLOSED),
        None if values[_IDLE].value is None else bool(values[_IDLE].value),
    )


def _hours(values: Mapping[str, Value], name: str) -> float:
    return float(values[name].value or 0) if values else 0.0
