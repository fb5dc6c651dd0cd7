"""Distances: the true one in Python, and the one that both engines sort by."""

from __future__ import annotations

from math import isclose

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from models.territory import ServiceCentre
from rules.geography import FAR, Position, bounding_box, distance_metres, metres_of, near_parameters, squared_metres
from tests.build import ApiClient, TownBuilder
from tests.territory.centres import HERE, centre_of, place

PLACES = st.builds(Position, st.floats(-85, 85), st.floats(-179, 179))


def test_known_distances_are_right() -> None:
    hangzhou, shanghai = Position(30.2741, 120.1551), Position(31.2304, 121.4737)
    assert round(distance_metres(hangzhou, shanghai), -3) == 165_000
    assert distance_metres(hangzhou, hangzhou) == 0


@settings(max_examples=60, deadline=None)
@given(PLACES, PLACES, st.floats(1, 50_000))
def test_a_box_holds_all_that_is_within_reach(middle: Position, other: Position, metres: float) -> None:
    box = bounding_box(middle, metres)
    is_inside = box.latitude_min <= other.latitude <= box.latitude_max and (
        box.longitude_min <= other.longitude <= box.longitude_max
        or box.longitude_min <= other.longitude - 360 <= box.longitude_max
        or box.longitude_min <= other.longitude + 360 <= box.longitude_max
    )
    assert is_inside or distance_metres(middle, other) > metres * (1 - 1e-9)


def test_what_lists_sort_by_is_the_distance_to_a_part_in_a_thousand(town: TownBuilder, api: ApiClient) -> None:
    here, centre = Position(*HERE), centre_of(town)
    squared = select(squared_metres(ServiceCentre.latitude, ServiceCentre.longitude)).where(
        ServiceCentre.town_id == town.id
    )

    def found() -> int:
        return int(town.act(None, lambda work: work.core.scalar(squared, near_parameters(here))))

    assert found() == FAR
    assert metres_of(FAR) is None
    for north, east in ((0.0, 0.0), (0.01, 0.0), (0.0, 0.05), (-0.04, 0.07), (0.09, -0.01)):
        there = Position(here.latitude + north, here.longitude + east)
        place(town, centre, *there)
        metres = metres_of(found())
        assert metres is not None
        assert isclose(metres, distance_metres(here, there), rel_tol=1e-3, abs_tol=1.0)
