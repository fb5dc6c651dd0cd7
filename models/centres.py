"""What a service centre tells its visitors: when it is open, what it does for them, who is there."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, Json, one_of
from models.territory import Scene
from models.venues import DayKind

BOTH_OR_NEITHER = "(starts_at IS NULL) = (ends_at IS NULL)"


class ListingStatus(StrEnum):
    """Whether something is shown to residents."""

    ACTIVE = "active"
    RETIRED = "retired"


class CentreHours(Base):
    """A span in which a centre is open on days of a kind; read as `models.venues.OpeningHours` is for a room."""

    __tablename__ = "centre_hours"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    service_centre_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day_kind: Mapped[DayKind] = mapped_column(one_of(DayKind), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  #: the spans of a day in their order
    opens_at: Mapped[str | None]  #: "09:00", local time; NULL: closed all day
    closes_at: Mapped[str | None]  #: "24:00" at the latest

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "service_centre_id"], ["service_centre.town_id", "service_centre.id"]),
        CheckConstraint("(opens_at IS NULL) = (closes_at IS NULL)", name="both_or_neither"),
        CheckConstraint("opens_at < closes_at", name="opens_before_it_closes"),
    )


class CentreService(InTown, Base):
    """Something that a centre does for people: a certificate, a blood pressure check, a repair of clothes."""

    __tablename__ = "centre_service"

    service_centre_id: Mapped[int]
    name: Mapped[str]
    description: Mapped[str]
    scene: Mapped[Scene] = mapped_column(one_of(Scene))
    audience: Mapped[str] = mapped_column(default="")  #: who it is for, in words: "60 岁以上居民"; empty: everybody
    materials: Mapped[list[Any]] = mapped_column(Json, default=list)  #: what to bring, a line each: "身份证原件"
    fee_note: Mapped[str] = mapped_column(default="")  #: "免费", "工本费 10 元"
    minutes: Mapped[int | None]  #: that it takes on the average
    status: Mapped[ListingStatus] = mapped_column(one_of(ListingStatus), default=ListingStatus.ACTIVE)

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "service_centre_id"], ["service_centre.town_id", "service_centre.id"]),
        UniqueConstraint("town_id", "service_centre_id", "name"),
        CheckConstraint("minutes > 0", name="minutes_positive"),
        Index("ix_centre_service_scene", "town_id", "scene", "id"),
    )


class CentreStaff(InTown, Base):
    """Somebody who is on duty at a centre, as visitors see them: needs no account here."""

    __tablename__ = "centre_staff"

    service_centre_id: Mapped[int]
    name: Mapped[str]
    title: Mapped[str]  #: "网格员", "全科医生"
    introduction: Mapped[str] = mapped_column(default="")
    picture_id: Mapped[int | None]  #: an upload
    status: Mapped[ListingStatus] = mapped_column(one_of(ListingStatus), default=ListingStatus.ACTIVE)

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "service_centre_id"], ["service_centre.town_id", "service_centre.id"]),
        UniqueConstraint("town_id", "service_centre_id", "name", "title"),
    )


class DutyHours(Base):
    """When somebody is on duty on days of a kind: the pattern of every week."""

    __tablename__ = "duty_hours"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    centre_staff_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day_kind: Mapped[DayKind] = mapped_column(one_of(DayKind), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    starts_at: Mapped[str | None]  #: "09:00", local time; NULL: off on such days
    ends_at: Mapped[str | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "centre_staff_id"], ["centre_staff.town_id", "centre_staff.id"]),
        CheckConstraint(BOTH_OR_NEITHER, name="both_or_neither"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
    )


class DutyDay(Base):
    """When somebody is on duty on one day, whatever the pattern says."""

    __tablename__ = "duty_day"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    centre_staff_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    starts_at: Mapped[str | None]  #: "09:00", local time; NULL: off that day
    ends_at: Mapped[str | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "centre_staff_id"], ["centre_staff.town_id", "centre_staff.id"]),
        CheckConstraint(BOTH_OR_NEITHER, name="both_or_neither"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
    )
