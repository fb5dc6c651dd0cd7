"""Towns, their tree of places, their service centres and their operators."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Json, Path, RootInTown, one_of

#: A position is whole and on the globe, or there is none. GCJ-02, in degrees.
IS_WHOLE = "(latitude IS NULL) = (longitude IS NULL)"
IS_ON_THE_GLOBE = "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180"


class HostKind(StrEnum):
    """Who hosts the mini-program; under `government` the rankings of persons and merchants' offers are off."""

    GOVERNMENT = "government"
    OPERATOR = "operator"


class TerritoryKind(StrEnum):
    CITY = "city"
    STREET = "street"
    COMMUNITY = "community"
    ESTATE = "estate"
    GRID = "grid"
    BUILDING = "building"


class Scene(StrEnum):
    """The nine scenes of a future community 未来社区九大场景, in their published order."""

    NEIGHBOURHOOD = "neighbourhood"
    EDUCATION = "education"
    HEALTH = "health"
    ENTERPRISE = "enterprise"
    ARCHITECTURE = "architecture"
    TRANSPORT = "transport"
    LOW_CARBON = "low_carbon"
    SERVICES = "services"
    GOVERNANCE = "governance"


class Town(Base):
    """One street or future community: what shares a ledger, a rulebook, a tree and its operators."""

    __tablename__ = "town"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(unique=True)  #: the word in `?town=`
    name: Mapped[str]
    host_kind: Mapped[HostKind] = mapped_column(one_of(HostKind))
    is_demo: Mapped[bool] = mapped_column(default=False)  #: has accounts that everybody knows; refused in production


class Territory(RootInTown, Base):
    """A node of the town's tree, from the city down to the building."""

    __tablename__ = "territory"

    parent_id: Mapped[int | None]
    kind: Mapped[TerritoryKind] = mapped_column(one_of(TerritoryKind))
    name: Mapped[str]
    path: Mapped[str] = mapped_column(Path)  #: ids from the root to this node, each followed by a slash
    homes: Mapped[int] = mapped_column(default=0)  #: dwellings in and below this node
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "parent_id"], ["territory.town_id", "territory.id"]),
        UniqueConstraint("town_id", "path"),
        UniqueConstraint("town_id", "parent_id", "name"),
        CheckConstraint("homes >= 0", name="homes_not_negative"),
        CheckConstraint(IS_WHOLE, name="position_whole"),
        CheckConstraint(IS_ON_THE_GLOBE, name="position_on_the_globe"),
    )


class ServiceCentre(RootInTown, Base):
    """A place with a door and staff: a party and community service centre, a reading room, a health house."""

    __tablename__ = "service_centre"

    territory_id: Mapped[int]
    name: Mapped[str]
    address: Mapped[str]
    opens_at: Mapped[str]  #: "09:00", local time: of every day, unless there are hours by the kind of day
    closes_at: Mapped[str]  #: "17:00", local time
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    introduction: Mapped[str] = mapped_column(default="")
    phones: Mapped[list[Any]] = mapped_column(Json, default=list)  #: [{"label": "值班", "number": "0571-…"}]
    picture_ids: Mapped[list[Any]] = mapped_column(Json, default=list)  #: ids of uploads, as text

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "territory_id"], ["territory.town_id", "territory.id"]),
        UniqueConstraint("town_id", "territory_id", "name"),
        CheckConstraint(IS_WHOLE, name="position_whole"),
        CheckConstraint(IS_ON_THE_GLOBE, name="position_on_the_globe"),
    )


class Operator(RootInTown, Base):
    """An organisation that runs activities, venues or a shop for the town."""

    __tablename__ = "operator"

    name: Mapped[str]

    __table_args__ = (UniqueConstraint("town_id", "name"),)
