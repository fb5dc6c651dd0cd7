"""What residents keep here: calendars, cards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    create_card()
    create_resident_registration()
    create_mobile_holder()
    create_calendar_feed()


def create_card() -> None:
    op.create_table(
        "card",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("issued_by", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_by", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name=op.f("ck_card_revoked_by_somebody")),
        sa.ForeignKeyConstraint(
            ["town_id", "issued_by"], ["staff.town_id", "staff.id"], name=op.f("fk_card_town_id_issued_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"], ["resident.town_id", "resident.id"], name=op.f("fk_card_town_id_resident_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "revoked_by"], ["staff.town_id", "staff.id"], name=op.f("fk_card_town_id_revoked_by")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_card")),
        info={"distribution": "distributed"},
    )
    op.create_index("ix_card_resident", "card", ["town_id", "resident_id"])
    op.create_index(
        "uq_card_live",
        "card",
        ["town_id", "resident_id"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def create_resident_registration() -> None:
    op.create_table(
        "resident_registration",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("registered_by_kind", sa.Text(), nullable=False),
        sa.Column("registered_by_id", sa.BigInteger(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=True),
        sa.Column("consent_note", sa.Text(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_resident_registration_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "resident_id", name=op.f("pk_resident_registration")),
        info={"distribution": "distributed"},
    )


def create_mobile_holder() -> None:
    op.create_table(
        "mobile_holder",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_mobile_holder_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "phone_index", name=op.f("pk_mobile_holder")),
        sa.UniqueConstraint("town_id", "resident_id", name=op.f("uq_mobile_holder_town_id_resident_id")),
        info={"distribution": "distributed"},
    )


def create_calendar_feed() -> None:
    op.create_table(
        "calendar_feed",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_calendar_feed_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("town_id", "secret_hash", name=op.f("uq_calendar_feed_town_id_secret_hash")),
        info={"distribution": "distributed"},
    )
    op.create_index(
        "uq_calendar_feed_live",
        "calendar_feed",
        ["town_id", "resident_id"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
