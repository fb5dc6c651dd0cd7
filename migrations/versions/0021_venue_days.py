"""When rooms were open on each day; from which device residents signed in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import make_append_only

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    create_venue_day()
    create_sign_in_device()
    op.create_index("ix_venue_day_recorded", "venue_day", ["town_id", "recorded_at"], unique=False)
    op.create_index("ix_sign_in_device_day", "sign_in_device", ["town_id", "day"], unique=False)
    op.create_index("ix_venue_booking_starts", "venue_booking", ["town_id", "starts_at"], unique=False)
    make_append_only("venue_day")


def create_venue_day() -> None:
    op.create_table(
        "venue_day",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("venue_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("territory_id", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.BigInteger(), nullable=False),
        sa.Column("open_quarters", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(open_quarters) = 96", name=op.f("ck_venue_day_a_day_has_24_hours")),
        sa.CheckConstraint("parts BETWEEN 1 AND 32", name=op.f("ck_venue_day_parts_within_bound")),
        sa.ForeignKeyConstraint(
            ["town_id", "territory_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_venue_day_town_id_territory_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "venue_id"], ["venue.town_id", "venue.id"], name=op.f("fk_venue_day_town_id_venue_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "begins_at", "venue_id", name=op.f("pk_venue_day")),
        info={"distribution": "distributed"},
    )


def create_sign_in_device() -> None:
    op.create_table(
        "sign_in_device",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("device_index", sa.LargeBinary(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_sign_in_device_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_sign_in_device")),
        sa.UniqueConstraint(
            "town_id",
            "resident_id",
            "device_index",
            "day",
            name=op.f("uq_sign_in_device_town_id_resident_id_device_index_day"),
        ),
        info={"distribution": "distributed"},
    )
