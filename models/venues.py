"""Rooms and courts: when they are open, what they are used for, who has them when.

A room is divided into parts (the courts of a hall), numbered from 1; most rooms have one. Time is a grid of 15 minutes.
Whoever has a part for a quarter of an hour, a booking or a session of an activity, owns the one row of `venue_slot` that
this part and quarter can have, so two can't overlap on any engine, whatever a rule forgets.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, InTown, Json, RootInTown, one_of

#: The largest number of parts of one room.
PARTS_MAX = 32
DAY_QUARTERS = 24 * 4


class DayKind(StrEnum):
    """What kind of day a day is. A public holiday isn't its weekday, nor is a weekend day on which people work."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    HOLIDAY = "holiday"
    MAKEUP_WORKDAY = "makeup_workday"


class UseStatus(StrEnum):
    ACTIVE = "active"
    RETIRED = "retired"  #: bookings for it stand, new ones are refused


class BookingStatus(StrEnum):
    PENDING = "pending"  #: waits for approval and keeps its slots meanwhile
    CONFIRMED = "confirmed"
    CHECKED_IN = "checked_in"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    RELEASED = "released"  #: nobody came in time, so others may have the room
    EXPIRED = "expired"  #: nobody decided before it began


class BookingCancelledBy(StrEnum):
    """Who cancelled a booking."""

    RESIDENT = "resident"  #: the resident, or who acts for them
    STAFF = "staff"
    CLOSURE = "closure"  #: the room was closed


class HolderKind(StrEnum):
    """On whose account a booking counts."""

    PERSON = "person"
    HOUSEHOLD = "household"
    ORGANISATION = "organisation"


#: The states in which a booking has slots.
HAVING_SLOTS = (BookingStatus.PENDING, BookingStatus.CONFIRMED, BookingStatus.CHECKED_IN)
IS_PENDING = text("status = 'pending'")
IS_KEPT_UNTIL = text("status = 'confirmed' AND release_at IS NOT NULL")
IS_OF_BOOKING = text("booking_id IS NOT NULL")
IS_OF_SESSION = text("session_id IS NOT NULL")


class Venue(RootInTown, Base):
    """A room or a court of a service centre, and the rules by which it is booked."""

    __tablename__ = "venue"

    service_centre_id: Mapped[int]
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(default="room")  #: the town's word for it: room, court, hall
    capacity: Mapped[int]  #: people at once
    parts: Mapped[int] = mapped_column(default=1)
    bookable: Mapped[bool] = mapped_column(default=False)  #: by residents; sessions take place in any room
    needs_approval: Mapped[bool] = mapped_column(default=False)
    slot_minutes: Mapped[int] = mapped_column(default=60)  #: bookings are whole slots, from the opening on
    booking_minutes_max: Mapped[int | None]  #: of one booking; NULL: as long as it is open
    opens_days_before: Mapped[int] = mapped_column(default=14)  #: booked from midnight so many days before
    closes_minutes_before: Mapped[int] = mapped_column(default=0)  #: and until so long before the beginning
    cancel_minutes_before: Mapped[int] = mapped_column(default=0)  #: cancelled until so long before the beginning
    grace_minutes: Mapped[int | None]  #: who hasn't come so long after the beginning loses it; NULL: kept
    person_week_max: Mapped[int | None]  #: bookings for a calendar week, the week of their day; NULL: no limit
    household_week_max: Mapped[int | None]
    organisation_week_max: Mapped[int | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "service_centre_id"], ["service_centre.town_id", "service_centre.id"]),
        UniqueConstraint("town_id", "service_centre_id", "name"),
        CheckConstraint("capacity > 0", name="capacity_positive"),
        CheckConstraint(f"parts BETWEEN 1 AND {PARTS_MAX}", name="parts_within_bound"),
        CheckConstraint("slot_minutes > 0 AND slot_minutes % 15 = 0", name="slots_on_the_grid"),
        CheckConstraint("booking_minutes_max > 0", name="booking_minutes_max_positive"),
        CheckConstraint(
            "opens_days_before >= 0 AND closes_minutes_before >= 0 AND cancel_minutes_before >= 0",
            name="windows_not_negative",
        ),
        CheckConstraint("grace_minutes >= 0", name="grace_not_negative"),
        CheckConstraint(
            "person_week_max > 0 AND household_week_max > 0 AND organisation_week_max > 0", name="limits_positive"
        ),
    )


class VenueUse(InTown, Base):
    """One of the things that a room is used for 一室多用: badminton on a court of the hall, a film in all of it."""

    __tablename__ = "venue_use"

    venue_id: Mapped[int]
    name: Mapped[str]
    capacity: Mapped[int]  #: people in one booking
    parts_needed: Mapped[int]
    status: Mapped[UseStatus] = mapped_column(one_of(UseStatus), default=UseStatus.ACTIVE)

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "venue_id"], ["venue.town_id", "venue.id"]),
        UniqueConstraint("town_id", "venue_id", "name"),
        CheckConstraint("capacity > 0 AND parts_needed > 0", name="numbers_positive"),
    )


class OpeningHours(Base):
    """A span in which a room is open on days of a kind.

    A room without any is open as its centre is. A weekday without a span is closed; a holiday or a make-up workday
    without a row is as its weekday, and with one row without times it is closed.
    """

    __tablename__ = "opening_hours"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    venue_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day_kind: Mapped[DayKind] = mapped_column(one_of(DayKind), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  #: the spans of a day in their order
    opens_at: Mapped[str | None]  #: "09:00", local time; NULL: closed all day
    closes_at: Mapped[str | None]  #: "24:00" at the latest

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "venue_id"], ["venue.town_id", "venue.id"]),
        CheckConstraint("(opens_at IS NULL) = (closes_at IS NULL)", name="both_or_neither"),
        CheckConstraint("opens_at < closes_at", name="opens_before_it_closes"),
    )


class Closure(RootInTown, Base):
    """A time in which a room, or a whole centre, is closed whatever its hours say."""

    __tablename__ = "closure"

    venue_id: Mapped[int | None]
    service_centre_id: Mapped[int | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str]
    closed_by: Mapped[int]
    closed_at: Mapped[datetime]
    lifted_by: Mapped[int | None]
    lifted_at: Mapped[datetime | None]  #: from then on it never was; bookings that it cancelled stay cancelled

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "venue_id"], ["venue.town_id", "venue.id"]),
        ForeignKeyConstraint(["town_id", "service_centre_id"], ["service_centre.town_id", "service_centre.id"]),
        ForeignKeyConstraint(["town_id", "closed_by"], ["staff.town_id", "staff.id"]),
        ForeignKeyConstraint(["town_id", "lifted_by"], ["staff.town_id", "staff.id"]),
        CheckConstraint("(venue_id IS NULL) <> (service_centre_id IS NULL)", name="of_a_room_or_a_centre"),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        CheckConstraint("(lifted_by IS NULL) = (lifted_at IS NULL)", name="lifted_by_somebody"),
        Index("ix_closure_venue", "town_id", "venue_id", "ends_at"),
        Index("ix_closure_centre", "town_id", "service_centre_id", "ends_at"),
    )


class CalendarDay(Base):
    """The town's own word on a day, above the calendar of public holidays."""

    __tablename__ = "calendar_day"

    town_id: Mapped[int] = mapped_column(ForeignKey("town.id"), primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    is_working_day: Mapped[bool]
    name: Mapped[str]  #: why: "运动会调休"
    set_by: Mapped[int]
    set_at: Mapped[datetime]

    __table_args__ = (ForeignKeyConstraint(["town_id", "set_by"], ["staff.town_id", "staff.id"]),)


class VenueBooking(InTown, Base):
    """A resident has a room, or some of its parts, for some time; or asks for it."""

    __tablename__ = "venue_booking"

    venue_id: Mapped[int]
    use_id: Mapped[int | None]
    resident_id: Mapped[int]
    booked_by_kind: Mapped[str | None]  #: who booked, where it wasn't the resident: resident, staff
    booked_by_id: Mapped[int | None]
    household_id: Mapped[int | None]  #: the resident's at the booking
    organisation_id: Mapped[int | None]  #: in whose name
    parts: Mapped[list[Any]] = mapped_column(Json)  #: the numbers of the parts that it has, or had
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    week: Mapped[date]  #: the Monday of the local week that it counts in
    purpose: Mapped[str]
    party_size: Mapped[int]
    price: Mapped[int] = mapped_column(default=0)  #: points, held at the booking and captured on arrival
    hold_txn_id: Mapped[int | None]  #: the hold of these points
    status: Mapped[BookingStatus] = mapped_column(one_of(BookingStatus))
    booked_at: Mapped[datetime]
    cancellable_until: Mapped[datetime]  #: fixed at the booking, as is `release_at`
    release_at: Mapped[datetime | None]  #: who hasn't come by then loses it; NULL: it is kept
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str | None]
    cancelled_by: Mapped[BookingCancelledBy | None] = mapped_column(one_of(BookingCancelledBy))
    cancelled_at: Mapped[datetime | None]
    checked_in_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]  #: when it was released or expired

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "venue_id"], ["venue.town_id", "venue.id"]),
        ForeignKeyConstraint(["town_id", "use_id"], ["venue_use.town_id", "venue_use.id"]),
        ForeignKeyConstraint(["town_id", "resident_id"], ["resident.town_id", "resident.id"]),
        ForeignKeyConstraint(["town_id", "household_id"], ["household.town_id", "household.id"]),
        ForeignKeyConstraint(["town_id", "organisation_id"], ["organisation.town_id", "organisation.id"]),
        ForeignKeyConstraint(["town_id", "decided_by"], ["staff.town_id", "staff.id"]),
        CheckConstraint("starts_at < ends_at", name="starts_before_it_ends"),
        CheckConstraint("party_size > 0", name="party_size_positive"),
        CheckConstraint("price >= 0", name="price_not_negative"),
        CheckConstraint("(status = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled_at_a_time"),
        CheckConstraint("(status = 'checked_in') = (checked_in_at IS NOT NULL)", name="checked_in_at_a_time"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_by_somebody"),
        Index("ix_venue_booking_resident", "town_id", "resident_id", "id"),
        Index("ix_venue_booking_venue", "town_id", "venue_id", "starts_at", "id"),
        Index("ix_venue_booking_starts", "town_id", "starts_at"),
        Index("ix_venue_booking_pending", "town_id", "starts_at", sqlite_where=IS_PENDING, postgresql_where=IS_PENDING),
        Index(
            "ix_venue_booking_release",
            "town_id",
            "release_at",
            sqlite_where=IS_KEPT_UNTIL,
            postgresql_where=IS_KEPT_UNTIL,
        ),
    )


class VenueSlot(Base):
    """A part of a room for a quarter of an hour, and who has it. What is free has no row."""

    __tablename__ = "venue_slot"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    venue_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    part: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)  #: on the grid of 15 minutes
    booking_id: Mapped[int | None]
    session_id: Mapped[int | None]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "venue_id"], ["venue.town_id", "venue.id"]),
        ForeignKeyConstraint(["town_id", "booking_id"], ["venue_booking.town_id", "venue_booking.id"]),
        ForeignKeyConstraint(["town_id", "session_id"], ["session.town_id", "session.id"]),
        CheckConstraint("part > 0", name="part_positive"),
        CheckConstraint("(booking_id IS NULL) <> (session_id IS NULL)", name="of_a_booking_or_a_session"),
        Index("ix_venue_slot_time", "town_id", "venue_id", "starts_at"),
        Index(
            "ix_venue_slot_booking", "town_id", "booking_id", sqlite_where=IS_OF_BOOKING, postgresql_where=IS_OF_BOOKING
        ),
        Index(
            "ix_venue_slot_session", "town_id", "session_id", sqlite_where=IS_OF_SESSION, postgresql_where=IS_OF_SESSION
        ),
    )


class VenueDay(Base):
    """When a room was open on a day by its hours, and into how many parts it was divided: fixed once, for the monitoring.

    Hours are changed, and say nothing of the day before. Closures are apart: they know themselves when they were made.
    """

    __tablename__ = "venue_day"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    begins_at: Mapped[datetime] = mapped_column(primary_key=True)  #: midnight of the community's day
    venue_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    territory_id: Mapped[int]  #: of its centre
    parts: Mapped[int]
    open_quarters: Mapped[str]  #: a character for each quarter of an hour from midnight on: 1 open, 0 closed
    recorded_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "venue_id"], ["venue.town_id", "venue.id"]),
        ForeignKeyConstraint(["town_id", "territory_id"], ["territory.town_id", "territory.id"]),
        CheckConstraint(f"parts BETWEEN 1 AND {PARTS_MAX}", name="parts_within_bound"),
        CheckConstraint(f"length(open_quarters) = {DAY_QUARTERS}", name="a_day_has_24_hours"),
        Index("ix_venue_day_recorded", "town_id", "recorded_at"),
    )


class BookingUsage(Base):
    """How many bookings of a room count on somebody's account in a week. A limit is held against it when one is added."""

    __tablename__ = "booking_usage"

    town_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    holder_kind: Mapped[HolderKind] = mapped_column(one_of(HolderKind), primary_key=True)
    holder_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    venue_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    week: Mapped[date] = mapped_column(primary_key=True)  #: its Monday, local
    used: Mapped[int]

    __table_args__ = (
        ForeignKeyConstraint(["town_id", "venue_id"], ["venue.town_id", "venue.id"]),
        CheckConstraint("used >= 0", name="used_not_negative"),
    )
