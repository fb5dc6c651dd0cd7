"""Activities, the series that repeat them, and their sessions."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, RootInTown, one_of
from models.territory import Scene


class ActivityStatus(StrEnum):
    PUBLISHED = "published"
    CANCELLED = "cancelled"


class SessionStatus(StrEnum):
    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"


class Activity(RootInTown, Base):
    """What is offered, and to whom."""

    __tablename__ = "activity"

    title: Mapped[str]
    summary: Mapped[str]
    category: Mapped[str]  #: the centre's own word for it: 亲子早教, 瑜伽, 老人陪护
    scene: Mapped[Scene] = mapped_column(one_of(Scene))
    community_id: Mapped[int]  #: the node of the tree that the activity belongs to
    operator_id: Mapped[int]
    eligible_territory_id: Mapped[int | None]  #: only residents of this node and below; NULL: the whole town
    volunteers_only: Mapped[bool] = mapped_column(default=False)
    party_size_max: Mapped[int] = mapped_column(default=1)
    status: Mapped[ActivityStatus] = mapped_column(one_of(ActivityStatus), default=ActivityStatus.PUBLISHED)
    created_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "community_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "eligible_territory_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "operator_id"], ["operator.town_id", "operator.id"]),
        CheckConstraint("party_size_max > 0", name="party_size_max_positive"),
        Index("ix_activity_community", "town_id", "community_id"),
    )


class Series(InTown, Base):
    """A recurrence of one activity in one room, as an RFC 5545 rule in the community's local time."""

    __tablename__ = "series"

    activity_id: Mapped[int]
    venue_id: Mapped[int]
    rrule: Mapped[str]  #: "FREQ=WEEKLY;BYDAY=MO,WE"
    starts_on: Mapped[date]
    starts_at: Mapped[str]  #: "09:00", local time
    duration_minutes: Mapped[int]
    capacity: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "activity_id"], ["activity.town_id", "activity.id"]),
        ForeignKeyConstraint(["town_id", "venue_id"], ["venue.town_id", "venue.id"]),
        CheckConstraint("duration_minutes > 0", name="duration_positive"),
        CheckConstraint("capacity > 0", name="capacity_positive"),
        Index("ix_series_activity", "town_id", "activity_id"),
    )


class Session(InTown, Base):
    """One occurrence of an activity: a time, a room, a number of places."""

    __tablename__ = "session"

    activity_id: Mapped[int]
    series_id: Mapped[int | None]
    venue_id: Mapped[int]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reservable_until: Mapped[datetime]  #: places are taken and given back until then
    checkin_opens_at: Mapped[datetime]
    capacity: Mapped[int]
    taken: Mapped[int] = mapped_column(default=0)  #: places held by live reservations, party sizes added up
    status: Mapped[SessionStatus] = mapped_column(one_of(SessionStatus), default=SessionStatus.SCHEDULED)

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "activity_id"], ["activity.town_id", "activity.id"]),
        ForeignKeyConstraint(["town_id", "series_id"], ["series.town_id", "series.id"]),
        ForeignKeyConstraint(["town_id", "venue_id"], ["venue.town_id", "venue.id"]),
        UniqueConstraint("town_id", "series_id", "starts_at"),
        CheckConstraint("taken BETWEEN 0 AND capacity", name="taken_within_capacity"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        CheckConstraint("checkin_opens_at <= ends_at AND reservable_until <= ends_at", name="windows_close_by_the_end"),
        Index("ix_session_activity", "town_id", "activity_id", "starts_at"),
        Index("ix_session_ends_at", "town_id", "ends_at"),
    )
