"""Positions on the map.

All coordinates are GCJ-02, what `wx.getLocation({type: "gcj02"})` gives and WeChat's maps draw. The same shift applies to
both ends of a distance, so distances between them are right to a part in a thousand; nothing is converted here. Distances
are great circles of a sphere.

Lists are sorted by `squared_metres`, whole square metres on the plane that touches the globe where the asker stands: both
engines reckon it with sums and products alone, and a whole number pages by keyset. It is right to a part in a thousand up
to 10 km and sorts what is farther well enough; what has no position comes last.
"""

from __future__ import annotations

from math import asin, cos, degrees, isqrt, radians, sin, sqrt
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Double, bindparam, cast, func
from sqlalchemy.orm import InstrumentedAttribute

EARTH_RADIUS_METRES = 6_371_008.8
DEGREE_METRES = radians(1) * EARTH_RADIUS_METRES
#: Where what has no position is: beyond the largest square of a distance on the plane, below the bound of a cursor.
FAR = 4 * 10**15
#: Keeps nothing out, not even what has no position.
FARTHEST = FAR


class Position(NamedTuple):
    """A point, in degrees."""

    latitude: float
    longitude: float


class Box(NamedTuple):
    """What lies between two parallels and two meridians, in degrees."""

    latitude_min: float
    latitude_max: float
    longitude_min: float
    longitude_max: float


def distance_metres(a: Position, b: Position) -> float:
    """How far it is from one point to another over the ground."""
    north, east = radians(b.latitude - a.latitude) / 2, radians(b.longitude - a.longitude) / 2
    chord = sin(north) ** 2 + cos(radians(a.latitude)) * cos(radians(b.latitude)) * sin(east) ** 2
    return 2 * EARTH_RADIUS_METRES * asin(min(1.0, sqrt(chord)))


def bounding_box(position: Position, metres: float) -> Box:
    """A box that holds every point up to so many metres away; whole circles of latitude where a pole is near."""
    angle = metres / EARTH_RADIUS_METRES
    south = max(position.latitude - degrees(angle), -90.0)
    north = min(position.latitude + degrees(angle), 90.0)
    if south == -90.0 or north == 90.0:
        return Box(south, north, -180.0, 180.0)
    width = degrees(asin(min(1.0, sin(angle) / cos(radians(position.latitude)))))
    return Box(south, north, position.longitude - width, position.longitude + width)


def squared_metres(
    latitude: InstrumentedAttribute[float | None], longitude: InstrumentedAttribute[float | None]
) -> ColumnElement[int]:
    """How far a row is from the asker, squared, in whole square metres; FAR without a position.

    The statement is given `near_parameters`.
    """
    north = (latitude - bindparam("near_latitude", type_=Double)) * DEGREE_METRES
    east = (longitude - bindparam("near_longitude", type_=Double)) * bindparam("near_degree", type_=Double)
    return func.coalesce(cast(north * north + east * east, BigInteger), FAR, type_=BigInteger)


def near_parameters(near: Position) -> dict[str, Any]:
    """Where the asker stands, for statements with `squared_metres`."""
    return {
        "near_latitude": near.latitude,
        "near_longitude": near.longitude,
        "near_degree": DEGREE_METRES * cos(radians(near.latitude)),
    }


def metres_of(squared: int) -> int | None:
    """The distance that a row of `squared_metres` has; None without a position."""
    return None if squared >= FAR else isqrt(squared)


def page_key(near: Position | None, squared: int) -> int:
    """The first number of a page's position: 0 in a list that isn't sorted by distance, else above 0."""
    return 0 if near is None else squared + 1
