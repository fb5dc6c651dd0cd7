"""The town's tree, homes, centres, rooms and operators, from `places.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from demo.making import RisingIds, Row, Rows
from models.centres import CentreHours, CentreService, CentreStaff, DutyHours, ListingStatus
from models.residents import Household
from models.territory import Operator, Scene, ServiceCentre, Territory, TerritoryKind
from models.venues import DayKind, OpeningHours, UseStatus, Venue, VenueUse

FILE = Path(__file__).with_name("places.toml")
#: The rules of a room of which the file says nothing: residents don't book it.
UNLENT: dict[str, Any] = {
    "kind": "room",
    "parts": 1,
    "bookable": False,
    "needs_approval": False,
    "slot_minutes": 60,
    "booking_minutes_max": None,
    "opens_days_before": 14,
    "closes_minutes_before": 0,
    "cancel_minutes_before": 0,
    "grace_minutes": None,
    "person_week_max": None,
    "household_week_max": None,
    "organisation_week_max": None,
}
SAID_OF_CENTRE = ("name", "address", "introduction", "phones", "opens_at", "closes_at")
#: What `hours` may name besides the kinds of day themselves.
SEVERAL_DAYS = {"weekdays": tuple(DayKind)[:5], "weekend": (DayKind.SATURDAY, DayKind.SUNDAY)}


@dataclass(frozen=True, slots=True)
class Home:
    """A dwelling that people can live in."""

    id: int
    building_id: int
    community_id: int


@dataclass(slots=True)
class Places:
    """Where things are, by name, and the rows of it all."""

    town_id: int
    city_id: int = 0  #: the root of the tree
    street_id: int = 0
    communities: dict[str, int] = field(default_factory=dict)
    homes: list[Home] = field(default_factory=list)  #: community by community
    rooms: dict[str, int] = field(default_factory=dict)  #: "centre/room"
    operators: dict[str, int] = field(default_factory=dict)
    rows: Rows = field(default_factory=dict)


def make_places(town_id: int, opened_at: datetime) -> Places:
    """All places, as they were when the town opened."""
    document = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return _PlaceMaker(Places(town_id), opened_at).make(document)


class _PlaceMaker:
    def __init__(self, places: Places, opened_at: datetime) -> None:
        self._places = places
        self._opened_at = opened_at
        tables = (
            Territory,
            Household,
            ServiceCentre,
            CentreHours,
            CentreService,
            CentreStaff,
            DutyHours,
            Venue,
            VenueUse,
            OpeningHours,
            Operator,
        )
        self._ids = {table: RisingIds() for table in tables}
        self._rows: dict[type[Any], list[Row]] = {table: [] for table in tables}
        places.rows = self._rows

    def make(self, document: dict[str, Any]) -> Places:
        places = self._places
        city = self._add_node(None, TerritoryKind.CITY, document["city"])
        street = self._add_node(city, TerritoryKind.STREET, document["street"])
        places.city_id, places.street_id = city["id"], street["id"]
        communities = [
            self._add_node(street, TerritoryKind.COMMUNITY, each["name"], each["position"])
            for each in document["community"]
        ]
        for node, described in zip(communities, document["community"], strict=True):
            places.communities[node["name"]] = node["id"]
            for estate in described["estate"]:
                self._add_estate(node, estate)
            for centre in described["centre"]:
                self._add_centre(node, centre)
        self._sum_up_homes()
        for name in document["operators"]:
            places.operators[name] = self._add(Operator, name=name)["id"]
        return places

    def _add_estate(self, community: Row, described: dict[str, Any]) -> None:
        estate = self._add_node(community, TerritoryKind.ESTATE, described["name"], described["position"])
        layouts = [layout for layout in described["buildings"] for _ in range(layout["count"])]
        for number, layout in enumerate(layouts, start=1):
            building = self._add_node(estate, TerritoryKind.BUILDING, f"{number}幢")
            for door in _doors(layout):
                home = self._add(Household, building_id=building["id"], door=door)
                self._places.homes.append(Home(home["id"], building["id"], community["id"]))
                building["homes"] += 1

    def _add_centre(self, community: Row, described: dict[str, Any]) -> None:
        columns = {key: described[key] for key in SAID_OF_CENTRE} | _position(described["position"])
        centre = self._add(ServiceCentre, territory_id=community["id"], picture_ids=[], **columns)
        self._add_spans(
            CentreHours, {"service_centre_id": centre["id"]}, described.get("hours", {}), ("opens_at", "closes_at")
        )
        for each in described["services"]:
            said = each | {"scene": Scene(each["scene"])}
            self._add(CentreService, service_centre_id=centre["id"], status=ListingStatus.ACTIVE, **said)
        for each in described["staff"]:
            self._add_staff(centre, each)
        lent = {each.pop("room"): each for each in described.get("lent", ())}
        assert set(lent) <= set(described["rooms"]), "a room that is lent is one of the centre's"
        for name, capacity in described["rooms"].items():
            rules = lent.get(name)
            room = self._add_room(centre, name, capacity, rules or {}, bookable=rules is not None)
            self._places.rooms[f"{centre['name']}/{name}"] = room["id"]

    def _add_room(self, centre: Row, name: str, capacity: int, rules: dict[str, Any], *, bookable: bool) -> Row:
        uses, hours = rules.pop("uses", ()), rules.pop("hours", {})
        columns = UNLENT | rules | {"bookable": bookable}
        room = self._add(Venue, service_centre_id=centre["id"], name=name, capacity=capacity, **columns)
        for each in uses:
            self._add(VenueUse, venue_id=room["id"], status=UseStatus.ACTIVE, **each)
        self._add_spans(OpeningHours, {"venue_id": room["id"]}, hours, ("opens_at", "closes_at"))
        return room

    def _add_staff(self, centre: Row, described: dict[str, Any]) -> None:
        duty = described.pop("duty")
        columns = {"picture_id": None, "status": ListingStatus.ACTIVE, **described}
        staff = self._add(CentreStaff, service_centre_id=centre["id"], **columns)
        self._add_spans(DutyHours, {"centre_staff_id": staff["id"]}, duty, ("starts_at", "ends_at"))

    def _add_spans(self, table: type[Any], of: Row, hours: dict[str, Any], ends: tuple[str, str]) -> None:
        """The spans of each kind of day; `of` names whose they are, `ends` the columns of their ends."""
        for days, spans in hours.items():
            for day in SEVERAL_DAYS.get(days) or (DayKind(days),):
                for n, span in enumerate(spans):
                    row = {"town_id": self._places.town_id, "day_kind": day, "n": n}
                    self._rows[table].append(row | of | dict(zip(ends, span, strict=True)))

    def _add_node(self, parent: Row | None, kind: TerritoryKind, name: str, position: list[float] | None = None) -> Row:
        columns = {"kind": kind, "name": name, "path": "", "homes": 0, **_position(position)}
        node = self._add(Territory, parent_id=parent["id"] if parent else None, **columns)
        node["path"] = f"{parent['path'] if parent else ''}{node['id']}/"
        return node

    def _add(self, table: type[Any], **columns: Any) -> Row:
        row = {"town_id": self._places.town_id, "id": self._ids[table].at(self._opened_at), **columns}
        self._rows[table].append(row)
        return row

    def _sum_up_homes(self) -> None:
        """Children were added after their parents, so backwards each node is whole before it is added to its parent."""
        nodes = self._rows[Territory]
        by_id = {node["id"]: node for node in nodes}
        for node in reversed(nodes):
            if node["parent_id"] is not None:
                by_id[node["parent_id"]]["homes"] += node["homes"]


def _position(position: list[float] | None) -> Row:
    latitude, longitude = position or (None, None)
    return {"latitude": latitude, "longitude": longitude}


def _doors(layout: dict[str, int]) -> Iterator[str]:
    for unit in range(1, layout["units"] + 1):
        for floor in range(1, layout["floors"] + 1):
            for door in range(1, layout["doors"] + 1):
                yield f"{unit}单元{floor}{door:02}室"
