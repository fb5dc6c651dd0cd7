"""Positions, hours, services and duty rosters of centres; for whom activities are; what residents keep.

What was there before has no position yet, and is open as it was.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import JSON, is_postgresql, make_anew

revision = "0010"
down_revision = "0009"

IS_WHOLE = "(latitude IS NULL) = (longitude IS NULL)"
IS_ON_THE_GLOBE = "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180"
#: What a new column holds in the centres of before.
ADDED = {"introduction": "''", "phones": "'[]'", "picture_ids": "'[]'"}


def upgrade() -> None:
    if is_postgresql():
        _change_on_postgresql()
    else:
        make_anew("territory", create_territory, {})
        make_anew("service_centre", create_service_centre, ADDED)
        make_anew("activity", create_activity, {})
        op.create_index("ix_activity_community", "activity", ["town_id", "community_id"], unique=False)
    create_centre_hours()
    create_centre_service()
    create_centre_staff()
    create_duty_hours()
    create_duty_day()
    create_favourite()
    create_indexes()


def _change_on_postgresql() -> None:
    for table in ("territory", "service_centre"):
        for name in ("latitude", "longitude"):
            op.add_column(table, sa.Column(name, sa.Double(), nullable=True))
        op.create_check_constraint(op.f(f"ck_{table}_position_whole"), table, IS_WHOLE)
        op.create_check_constraint(op.f(f"ck_{table}_position_on_the_globe"), table, IS_ON_THE_GLOBE)
    op.add_column("service_centre", sa.Column("introduction", sa.Text(), nullable=True))
    for name in ("phones", "picture_ids"):
        op.add_column("service_centre", sa.Column(name, JSON, nullable=True))
    for name, value in ADDED.items():
        op.execute(f"UPDATE service_centre SET {name} = {value}")  # noqa: S608  our own words
        op.alter_column("service_centre", name, nullable=False)
    op.add_column("activity", sa.Column("audience", sa.String(length=32), nullable=True))
    op.create_check_constraint(op.f("ck_activity_audience"), "activity", "audience IN ('children', 'elders')")


def create_territory(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "city",
                "street",
                "community",
                "estate",
                "grid",
                "building",
                name=op.f("ck_territory_territorykind"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("homes", sa.BigInteger(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_territory_position_whole")),
        sa.CheckConstraint("homes >= 0", name=op.f("ck_territory_homes_not_negative")),
        sa.CheckConstraint(
            "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180",
            name=op.f("ck_territory_position_on_the_globe"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "parent_id"], ["territory.town_id", "territory.id"], name=op.f("fk_territory_town_id_parent_id")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_territory_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_territory")),
        sa.UniqueConstraint("town_id", "parent_id", "name", name=op.f("uq_territory_town_id_parent_id_name")),
        sa.UniqueConstraint("town_id", "path", name=op.f("uq_territory_town_id_path")),
        info={"distribution": "distributed"},
    )


def create_service_centre(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("territory_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("opens_at", sa.Text(), nullable=False),
        sa.Column("closes_at", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("introduction", sa.Text(), nullable=False),
        sa.Column("phones", JSON, nullable=False),
        sa.Column("picture_ids", JSON, nullable=False),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_service_centre_position_whole")),
        sa.CheckConstraint(
            "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180",
            name=op.f("ck_service_centre_position_on_the_globe"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "territory_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_service_centre_town_id_territory_id"),
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_service_centre_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_service_centre")),
        sa.UniqueConstraint(
            "town_id", "territory_id", "name", name=op.f("uq_service_centre_town_id_territory_id_name")
        ),
        info={"distribution": "distributed"},
    )


def create_activity(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column(
            "scene",
            sa.Enum(
                "neighbourhood",
                "education",
                "health",
                "enterprise",
                "architecture",
                "transport",
                "low_carbon",
                "services",
                "governance",
                name=op.f("ck_activity_scene"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("operator_id", sa.BigInteger(), nullable=False),
        sa.Column("eligible_territory_id", sa.BigInteger(), nullable=True),
        sa.Column("volunteers_only", sa.Boolean(), nullable=False),
        sa.Column("party_size_max", sa.BigInteger(), nullable=False),
        sa.Column("age_min", sa.BigInteger(), nullable=True),
        sa.Column("age_max", sa.BigInteger(), nullable=True),
        sa.Column(
            "audience",
            sa.Enum(
                "children",
                "elders",
                name=op.f("ck_activity_audience"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column(
            "allocation",
            sa.Enum(
                "first_come",
                "priority",
                "lottery",
                name=op.f("ck_activity_allocation"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("waiting_max", sa.BigInteger(), nullable=False),
        sa.Column("offer_minutes", sa.BigInteger(), nullable=False),
        sa.Column("allows_reentry", sa.Boolean(), nullable=False),
        sa.Column("questions", JSON, nullable=False),
        sa.Column("copied_from_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "published",
                "cancelled",
                "finished",
                name=op.f("ck_activity_activitystatus"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("age_min <= age_max", name=op.f("ck_activity_ages_in_order")),
        sa.CheckConstraint("party_size_max > 0", name=op.f("ck_activity_party_size_max_positive")),
        sa.CheckConstraint(
            "price >= 0 AND waiting_max >= 0 AND offer_minutes >= 0", name=op.f("ck_activity_numbers_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "community_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_activity_town_id_community_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "copied_from_id"],
            ["activity.town_id", "activity.id"],
            name=op.f("fk_activity_town_id_copied_from_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "eligible_territory_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_activity_town_id_eligible_territory_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "operator_id"],
            ["operator.town_id", "operator.id"],
            name=op.f("fk_activity_town_id_operator_id"),
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_activity_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_activity")),
        info={"distribution": "distributed"},
    )


def create_centre_hours() -> None:
    op.create_table(
        "centre_hours",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("service_centre_id", sa.BigInteger(), autoincrement=False, nullable=False),
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
        sa.CheckConstraint("(opens_at IS NULL) = (closes_at IS NULL)", name=op.f("ck_centre_hours_both_or_neither")),
        sa.CheckConstraint("opens_at < closes_at", name=op.f("ck_centre_hours_opens_before_it_closes")),
        sa.ForeignKeyConstraint(
            ["town_id", "service_centre_id"],
            ["service_centre.town_id", "service_centre.id"],
            name=op.f("fk_centre_hours_town_id_service_centre_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "service_centre_id", "day_kind", "n", name=op.f("pk_centre_hours")),
        info={"distribution": "distributed"},
    )


def create_centre_service() -> None:
    op.create_table(
        "centre_service",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("service_centre_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column(
            "scene",
            sa.Enum(
                "neighbourhood",
                "education",
                "health",
                "enterprise",
                "architecture",
                "transport",
                "low_carbon",
                "services",
                "governance",
                name="scene",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("materials", JSON, nullable=False),
        sa.Column("fee_note", sa.Text(), nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum("active", "retired", name="listingstatus", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_centre_service_minutes_positive")),
        sa.ForeignKeyConstraint(
            ["town_id", "service_centre_id"],
            ["service_centre.town_id", "service_centre.id"],
            name=op.f("fk_centre_service_town_id_service_centre_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_centre_service")),
        sa.UniqueConstraint(
            "town_id", "service_centre_id", "name", name=op.f("uq_centre_service_town_id_service_centre_id_name")
        ),
        info={"distribution": "distributed"},
    )


def create_centre_staff() -> None:
    op.create_table(
        "centre_staff",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("service_centre_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("introduction", sa.Text(), nullable=False),
        sa.Column("picture_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum("active", "retired", name="listingstatus", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "service_centre_id"],
            ["service_centre.town_id", "service_centre.id"],
            name=op.f("fk_centre_staff_town_id_service_centre_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_centre_staff")),
        sa.UniqueConstraint(
            "town_id",
            "service_centre_id",
            "name",
            "title",
            name=op.f("uq_centre_staff_town_id_service_centre_id_name_title"),
        ),
        info={"distribution": "distributed"},
    )


def create_duty_hours() -> None:
    op.create_table(
        "duty_hours",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("centre_staff_id", sa.BigInteger(), autoincrement=False, nullable=False),
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
        sa.Column("starts_at", sa.Text(), nullable=True),
        sa.Column("ends_at", sa.Text(), nullable=True),
        sa.CheckConstraint("(starts_at IS NULL) = (ends_at IS NULL)", name=op.f("ck_duty_hours_both_or_neither")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_duty_hours_starts_before_it_ends")),
        sa.ForeignKeyConstraint(
            ["town_id", "centre_staff_id"],
            ["centre_staff.town_id", "centre_staff.id"],
            name=op.f("fk_duty_hours_town_id_centre_staff_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "centre_staff_id", "day_kind", "n", name=op.f("pk_duty_hours")),
        info={"distribution": "distributed"},
    )


def create_duty_day() -> None:
    op.create_table(
        "duty_day",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("centre_staff_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("starts_at", sa.Text(), nullable=True),
        sa.Column("ends_at", sa.Text(), nullable=True),
        sa.CheckConstraint("(starts_at IS NULL) = (ends_at IS NULL)", name=op.f("ck_duty_day_both_or_neither")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_duty_day_starts_before_it_ends")),
        sa.ForeignKeyConstraint(
            ["town_id", "centre_staff_id"],
            ["centre_staff.town_id", "centre_staff.id"],
            name=op.f("fk_duty_day_town_id_centre_staff_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "centre_staff_id", "day", "n", name=op.f("pk_duty_day")),
        info={"distribution": "distributed"},
    )


def create_favourite() -> None:
    op.create_table(
        "favourite",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "activity",
                "venue",
                "centre",
                "group",
                "reward",
                name="favouritekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_favourite_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_favourite")),
        sa.UniqueConstraint(
            "town_id",
            "resident_id",
            "kind",
            "subject_id",
            name=op.f("uq_favourite_town_id_resident_id_kind_subject_id"),
        ),
        info={"distribution": "distributed"},
    )


def create_indexes() -> None:
    op.create_index("ix_centre_service_scene", "centre_service", ["town_id", "scene", "id"], unique=False)
    op.create_index("ix_favourite_resident", "favourite", ["town_id", "resident_id", "id"], unique=False)
