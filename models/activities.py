"""Activities, the series that repeat them, and their sessions."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, Json, RootInTown, one_of
from models.territory import Scene


class ActivityStatus(StrEnum):
    DRAFT = "draft"  #: seen by staff only
    PUBLISHED = "published"
    CANCELLED = "cancelled"
    FINISHED = "finished"


class Allocation(StrEnum):
    """How scarce places are given out."""

    FIRST_COME = "first_come"
    PRIORITY = "priority"  #: applications are collected, then sorted by the rulebook's priorities and by time
    LOTTERY = "lottery"  #: applications are collected, then sorted by priorities and by lot


class Audience(StrEnum):
    """For whom an activity is made. It keeps nobody out; ages do."""

    CHILDREN = "children"
    ELDERS = "elders"


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
    age_min: Mapped[int | None]  #: in full years on the day of the session
    age_max: Mapped[int | None]
    audience: Mapped[Audience | None] = mapped_column(one_of(Audience))  #: NULL: everybody
    price: Mapped[int] = mapped_column(default=0)  #: points a head, held at sign-up and captured at check-in
    allocation: Mapped[Allocation] = mapped_column(one_of(Allocation), default=Allocation.FIRST_COME)
    waiting_max: Mapped[int] = mapped_column(default=0)  #: parties that may wait for one session
    offer_minutes: Mapped[int] = mapped_column(default=0)  #: how long a freed place is offered; 0: it is given at once
    allows_reentry: Mapped[bool] = mapped_column(default=True)  #: who went out may come in again
    questions: Mapped[list[Any]] = mapped_column(Json, default=list)  #: what is asked at sign-up
    copied_from_id: Mapped[int | None]
    status: Mapped[ActivityStatus] = mapped_column(one_of(ActivityStatus), default=ActivityStatus.PUBLISHED)
    created_at: Mapped[datetime]
    versioned_at: Mapped[datetime | None]  #: when what `models.history` watches was last changed; NULL: never

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "community_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "eligible_territory_id"], ["territory.town_id", "territory.id"]),
        ForeignKeyConstraint(["town_id", "operator_id"], ["operator.town_id", "operator.id"]),
        ForeignKeyConstraint(["town_id", "copied_from_id"], ["activity.town_id", "activity.id"]),
        CheckConstraint("party_size_max > 0", name="party_size_max_positive"),
        CheckConstraint("age_min <= age_max", name="ages_in_order"),
        CheckConstraint("price >= 0 AND waiting_max >= 0 AND offer_minutes >= 0", name="numbers_not_negative"),
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
    ends_on: Mapped[date | None]  #: the last day that may have a session; NULL: it goes on
    skips_holidays: Mapped[bool] = mapped_column(default=False)
    skips: Mapped[list[Any]] = mapped_column(Json, default=list)  #: days left out, as ISO text
    expanded_until: Mapped[date | None]  #: sessions are made up to this day; NULL: none yet
    opens_minutes_before: Mapped[int | None]  #: sign-up opens so long before the beginning; NULL: at once
    closes_minutes_before: Mapped[int] = mapped_column(default=0)  #: and closes so long before it
    allocates_minutes_before: Mapped[int | None]  #: applications are sorted so long before; NULL: first come
    capacity_min: Mapped[int] = mapped_column(default=0)
    overbooking_max: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "activity_id"], ["activity.town_id", "activity.id"]),
        ForeignKeyConstraint(["town_id", "venue_id"], ["venue.town_id", "venue.id"]),
        CheckConstraint("duration_minutes > 0", name="duration_positive"),
        CheckConstraint("capacity > 0", name="capacity_positive"),
        CheckConstraint("capacity_min BETWEEN 0 AND capacity", name="capacity_min_within_capacity"),
        CheckConstraint("overbooking_max >= 0", name="overbooking_max_not_negative"),
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
    reservable_from: Mapped[datetime | None]  #: NULL: from the publication on
    reservable_until: Mapped[datetime]  #: places are taken until then, and the waiting list moves on until then
    allocates_at: Mapped[datetime | None]  #: when applications are sorted; NULL: first come, or it is done
    checkin_opens_at: Mapped[datetime]
    capacity: Mapped[int]
    capacity_min: Mapped[int] = mapped_column(default=0)  #: with fewer people by reservable_until it is called off
    overbooking_max: Mapped[int] = mapped_column(default=0)  #: how far beyond capacity the organiser lets us go
    overbooking: Mapped[int] = mapped_column(default=0)  #: how far we go, by what is known of no-shows
    taken: Mapped[int] = mapped_column(default=0)  #: places held by reservations, party sizes added up
    waiting: Mapped[int] = mapped_column(default=0)  #: parties on the waiting list
    tickets: Mapped[int] = mapped_column(default=0)  #: how many have ever asked to wait or to be drawn
    status: Mapped[SessionStatus] = mapped_column(one_of(SessionStatus), default=SessionStatus.SCHEDULED)
    revision: Mapped[int] = mapped_column(default=0)  #: grows with each change of time, room or status
    changed_at: Mapped[datetime | None]  #: when that was last; NULL: never
    attendance_complete_at: Mapped[datetime | None]  #: staff said then that all who came were checked in
    closed_at: Mapped[datetime | None]  #: when who didn't come was written down
    made_at: Mapped[datetime | None]  #: NULL: before this was kept
    versioned_at: Mapped[datetime | None]  #: when what `models.history` watches was last changed; NULL: never

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "activity_id"], ["activity.town_id", "activity.id"]),
        ForeignKeyConstraint(["town_id", "series_id"], ["series.town_id", "series.id"]),
        ForeignKeyConstraint(["town_id", "venue_id"], ["venue.town_id", "venue.id"]),
        UniqueConstraint("town_id", "series_id", "starts_at"),
        CheckConstraint("taken BETWEEN 0 AND capacity + overbooking", name="taken_within_capacity"),
        CheckConstraint("overbooking BETWEEN 0 AND overbooking_max", name="overbooking_within_bound"),
        CheckConstraint("waiting >= 0", name="waiting_not_negative"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        CheckConstraint("checkin_opens_at <= ends_at AND reservable_until <= ends_at", name="windows_close_by_the_end"),
        Index("ix_session_activity", "town_id", "activity_id", "starts_at"),
        Index("ix_session_activity_ends_at", "town_id", "activity_id", "ends_at"),
        Index("ix_session_ends_at", "town_id", "ends_at"),
        Index("ix_session_starts_at", "town_id", "starts_at"),
        Index("ix_session_venue", "town_id", "venue_id", "starts_at"),
    )
