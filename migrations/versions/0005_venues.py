"""Rooms: opening hours, what a room is used for, closures, slots, bookings, and the town's own calendar.

Rooms of before are one room each, open as their centres are, and not booked by residents until staff say so.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import JSON, is_postgresql, make_anew

revision = "0005"
down_revision = "0004"

#: What a new column holds in the rooms of before.
ADDED = {
    "kind": "'room'",
    "parts": "1",
    "bookable": "false",
    "needs_approval": "false",
    "slot_minutes": "60",
    "opens_days_before": "14",
    "closes_minutes_before": "0",
    "cancel_minutes_before": "0",
}


def upgrade() -> None:
    if is_postgresql():
        _change_venue_on_postgresql()
    else:
        make_anew("venue", create_venue, ADDED)
    create_venue_use()
    create_opening_hours()
    create_closure()
    create_calendar_day()
    create_venue_booking()
    create_venue_slot()
    create_booking_usage()
    create_indexes()


def _change_venue_on_postgresql() -> None:
    for column in COLUMNS:
        op.add_column("venue", column)
    for name, value in ADDED.items():
        op.execute(f"UPDATE venue SET {name} = {value}")  # noqa: S608  our own words
        op.alter_column("venue", name, nullable=False)
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_venue_{name}"), "venue", condition)


COLUMNS = (
    sa.Column("kind", sa.Text()),
    sa.Column("parts", sa.BigInteger()),
    sa.Column("bookable", sa.Boolean()),
    sa.Column("needs_approval", sa.Boolean()),
    sa.Column("slot_minutes", sa.BigInteger()),
    sa.Column("booking_minutes_max", sa.BigInteger()),
    sa.Column("opens_days_before", sa.BigInteger()),
    sa.Column("closes_minutes_before", sa.BigInteger()),
    sa.Column("cancel_minutes_before", sa.BigInteger()),
    sa.Column("grace_minutes", sa.BigInteger()),
    sa.Column("person_week_max", sa.BigInteger()),
    sa.Column("household_week_max", sa.BigInteger()),
    sa.Column("organisation_week_max", sa.BigInteger()),
)
CHECKS = {
    "parts_within_bound": "parts BETWEEN 1 AND 32",
    "slots_on_the_grid": "slot_minutes > 0 AND slot_minutes % 15 = 0",
    "booking_minutes_max_positive": "booking_minutes_max > 0",
    "windows_not_negative": "opens_days_before >= 0 AND closes_minutes_before >= 0 AND cancel_minutes_before >= 0",
    "grace_not_negative": "grace_minutes >= 0",
    "limits_positive": "person_week_max > 0 AND household_week_max > 0 AND organisation_week_max > 0",
}


def create_venue(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("service_centre_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.BigInteger(), nullable=False),
        sa.Column("bookable", sa.Boolean(), nullable=False),
        sa.Column("needs_approval", sa.Boolean(), nullable=False),
        sa.Column("slot_minutes", sa.BigInteger(), nullable=False),
        sa.Column("booking_minutes_max", sa.BigInteger(), nullable=True),
        sa.Column("opens_days_before", sa.BigInteger(), nullable=False),
        sa.Column("closes_minutes_before", sa.BigInteger(), nullable=False),
        sa.Column("cancel_minutes_before", sa.BigInteger(), nullable=False),
        sa.Column("grace_minutes", sa.BigInteger(), nullable=True),
        sa.Column("person_week_max", sa.BigInteger(), nullable=True),
        sa.Column("household_week_max", sa.BigInteger(), nullable=True),
        sa.Column("organisation_week_max", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("booking_minutes_max > 0", name=op.f("ck_venue_booking_minutes_max_positive")),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_venue_capacity_positive")),
        sa.CheckConstraint("grace_minutes >= 0", name=op.f("ck_venue_grace_not_negative")),
        sa.CheckConstraint(
            "opens_days_before >= 0 AND closes_minutes_before >= 0 AND cancel_minutes_before >= 0",
            name=op.f("ck_venue_windows_not_negative"),
        ),
        sa.CheckConstraint("parts BETWEEN 1 AND 32", name=op.f("ck_venue_parts_within_bound")),
        sa.CheckConstraint(
            "person_week_max > 0 AND household_week_max > 0 AND organisation_week_max > 0",
            name=op.f("ck_venue_limits_positive"),
        ),
        sa.CheckConstraint("slot_minutes > 0 AND slot_minutes % 15 = 0", name=op.f("ck_venue_slots_on_the_grid")),
        sa.ForeignKeyConstraint(
            ["town_id", "service_centre_id"],
            ["service_centre.town_id", "service_centre.id"],
            name=op.f("fk_venue_town_id_service_centre_id"),
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_venue_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_venue")),
        sa.UniqueConstraint(
            "town_id", "service_centre_id", "name", name=op.f("uq_venue_town_id_service_centre_id_name")
        ),
        info={"distribution": "distributed"},
    )


def create_venue_use() -> None:
    op.create_table(
        "venue_use",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("venue_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.Column("parts_needed", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("active", "retired", name="usestatus", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.CheckConstraint("capacity > 0 AND parts_needed > 0", name=op.f("ck_venue_use_numbers_positive")),
        sa.ForeignKeyConstraint(
            ["town_id", "venue_id"], ["venue.town_id", "venue.id"], name=op.f("fk_venue_use_town_id_venue_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_venue_use")),
        sa.UniqueConstraint("town_id", "venue_id", "name", name=op.f("uq_venue_use_town_id_venue_id_name")),
        info={"distribution": "distributed"},
    )


def create_opening_hours() -> None:
    op.create_table(
        "opening_hours",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("venue_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "day_kind",
            sa.Enum(
                "monday",
                "tuesday",
                "wednesday",
                "thursday",
                "friday",
                "saturday",
                "sunday",
                "holiday",
                "makeup_workday",
                name="daykind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("opens_at", sa.Text(), nullable=True),
        sa.Column("closes_at", sa.Text(), nullable=True),
        sa.CheckConstraint("(opens_at IS NULL) = (closes_at IS NULL)", name=op.f("ck_opening_hours_both_or_neither")),
        sa.CheckConstraint("opens_at < closes_at", name=op.f("ck_opening_hours_opens_before_it_closes")),
        sa.ForeignKeyConstraint(
            ["town_id", "venue_id"], ["venue.town_id", "venue.id"], name=op.f("fk_opening_hours_town_id_venue_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "venue_id", "day_kind", "n", name=op.f("pk_opening_hours")),
        info={"distribution": "distributed"},
    )


def create_closure() -> None:
    op.create_table(
        "closure",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("venue_id", sa.BigInteger(), nullable=True),
        sa.Column("service_centre_id", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("closed_by", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.BigInteger(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(lifted_by IS NULL) = (lifted_at IS NULL)", name=op.f("ck_closure_lifted_by_somebody")),
        sa.CheckConstraint(
            "(venue_id IS NULL) <> (service_centre_id IS NULL)", name=op.f("ck_closure_of_a_room_or_a_centre")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_closure_starts_before_it_ends")),
        sa.ForeignKeyConstraint(
            ["town_id", "closed_by"], ["staff.town_id", "staff.id"], name=op.f("fk_closure_town_id_closed_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "lifted_by"], ["staff.town_id", "staff.id"], name=op.f("fk_closure_town_id_lifted_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "service_centre_id"],
            ["service_centre.town_id", "service_centre.id"],
            name=op.f("fk_closure_town_id_service_centre_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "venue_id"], ["venue.town_id", "venue.id"], name=op.f("fk_closure_town_id_venue_id")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_closure_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_closure")),
        info={"distribution": "distributed"},
    )


def create_calendar_day() -> None:
    op.create_table(
        "calendar_day",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("is_working_day", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("set_by", sa.BigInteger(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "set_by"], ["staff.town_id", "staff.id"], name=op.f("fk_calendar_day_town_id_set_by")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_calendar_day_town_id")),
        sa.PrimaryKeyConstraint("town_id", "day", name=op.f("pk_calendar_day")),
        info={"distribution": "distributed"},
    )


def create_venue_booking() -> None:
    op.create_table(
        "venue_booking",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("venue_id", sa.BigInteger(), nullable=False),
        sa.Column("use_id", sa.BigInteger(), nullable=True),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("booked_by_kind", sa.Text(), nullable=True),
        sa.Column("booked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("household_id", sa.BigInteger(), nullable=True),
        sa.Column("organisation_id", sa.BigInteger(), nullable=True),
        sa.Column("parts", JSON, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("party_size", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("hold_txn_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "confirmed",
                "checked_in",
                "cancelled",
                "rejected",
                "released",
                "expired",
                name="bookingstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancellable_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("release_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=True),
        sa.Column(
            "cancelled_by",
            sa.Enum(
                "resident",
                "staff",
                "closure",
                name="bookingcancelledby",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'cancelled') = (cancelled_at IS NOT NULL)", name=op.f("ck_venue_booking_cancelled_at_a_time")
        ),
        sa.CheckConstraint(
            "(status = 'checked_in') = (checked_in_at IS NOT NULL)", name=op.f("ck_venue_booking_checked_in_at_a_time")
        ),
        sa.CheckConstraint(
            "(decided_by IS NULL) = (decided_at IS NULL)", name=op.f("ck_venue_booking_decided_by_somebody")
        ),
        sa.CheckConstraint("party_size > 0", name=op.f("ck_venue_booking_party_size_positive")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_venue_booking_price_not_negative")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_venue_booking_starts_before_it_ends")),
        sa.ForeignKeyConstraint(
            ["town_id", "decided_by"], ["staff.town_id", "staff.id"], name=op.f("fk_venue_booking_town_id_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "household_id"],
            ["household.town_id", "household.id"],
            name=op.f("fk_venue_booking_town_id_household_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "organisation_id"],
            ["organisation.town_id", "organisation.id"],
            name=op.f("fk_venue_booking_town_id_organisation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_venue_booking_town_id_resident_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "use_id"], ["venue_use.town_id", "venue_use.id"], name=op.f("fk_venue_booking_town_id_use_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "venue_id"], ["venue.town_id", "venue.id"], name=op.f("fk_venue_booking_town_id_venue_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_venue_booking")),
        info={"distribution": "distributed"},
    )


def create_venue_slot() -> None:
    op.create_table(
        "venue_slot",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("venue_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("part", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=True),
        sa.Column("session_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(booking_id IS NULL) <> (session_id IS NULL)", name=op.f("ck_venue_slot_of_a_booking_or_a_session")
        ),
        sa.CheckConstraint("part > 0", name=op.f("ck_venue_slot_part_positive")),
        sa.ForeignKeyConstraint(
            ["town_id", "booking_id"],
            ["venue_booking.town_id", "venue_booking.id"],
            name=op.f("fk_venue_slot_town_id_booking_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "session_id"], ["session.town_id", "session.id"], name=op.f("fk_venue_slot_town_id_session_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "venue_id"], ["venue.town_id", "venue.id"], name=op.f("fk_venue_slot_town_id_venue_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "venue_id", "part", "starts_at", name=op.f("pk_venue_slot")),
        info={"distribution": "distributed"},
    )


def create_booking_usage() -> None:
    op.create_table(
        "booking_usage",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "holder_kind",
            sa.Enum(
                "person",
                "household",
                "organisation",
                name="holderkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("holder_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("venue_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_booking_usage_used_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "venue_id"], ["venue.town_id", "venue.id"], name=op.f("fk_booking_usage_town_id_venue_id")
        ),
        sa.PrimaryKeyConstraint(
            "town_id", "holder_kind", "holder_id", "venue_id", "week", name=op.f("pk_booking_usage")
        ),
        info={"distribution": "distributed"},
    )


def create_indexes() -> None:
    op.create_index("ix_closure_centre", "closure", ["town_id", "service_centre_id", "ends_at"], unique=False)
    op.create_index("ix_closure_venue", "closure", ["town_id", "venue_id", "ends_at"], unique=False)
    op.create_index(
        "ix_venue_booking_pending",
        "venue_booking",
        ["town_id", "starts_at"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_venue_booking_release",
        "venue_booking",
        ["town_id", "release_at"],
        unique=False,
        sqlite_where=sa.text("status = 'confirmed' AND release_at IS NOT NULL"),
        postgresql_where=sa.text("status = 'confirmed' AND release_at IS NOT NULL"),
    )
    op.create_index("ix_venue_booking_resident", "venue_booking", ["town_id", "resident_id", "id"], unique=False)
    op.create_index("ix_venue_booking_venue", "venue_booking", ["town_id", "venue_id", "starts_at", "id"], unique=False)
    op.create_index(
        "ix_venue_slot_booking",
        "venue_slot",
        ["town_id", "booking_id"],
        unique=False,
        sqlite_where=sa.text("booking_id IS NOT NULL"),
        postgresql_where=sa.text("booking_id IS NOT NULL"),
    )
    op.create_index(
        "ix_venue_slot_session",
        "venue_slot",
        ["town_id", "session_id"],
        unique=False,
        sqlite_where=sa.text("session_id IS NOT NULL"),
        postgresql_where=sa.text("session_id IS NOT NULL"),
    )
    op.create_index("ix_venue_slot_time", "venue_slot", ["town_id", "venue_id", "starts_at"], unique=False)
