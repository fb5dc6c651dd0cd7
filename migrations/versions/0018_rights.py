"""Consents that end, copies of everything, erasures, merged records, households that residents join."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import change_words, is_postgresql, make_anew, make_append_only

revision = "0018"
down_revision = "0017"

PURPOSES = ("account", "volunteering", "ranking", "profile", "phone")


def upgrade() -> None:
    if is_postgresql():
        change_words("consent", "purpose", PURPOSES, check="purpose")
    else:
        make_anew("consent", create_consent, {})
    create_consent_withdrawal()
    create_data_export()
    create_erasure()
    create_merging()
    create_household_request()
    create_indexes()
    make_append_only("consent_withdrawal")


def create_consent(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "account",
                "volunteering",
                "ranking",
                "profile",
                "phone",
                name=op.f("ck_consent_purpose"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"], ["resident.town_id", "resident.id"], name=op.f("fk_consent_town_id_resident_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_consent")),
        sa.UniqueConstraint(
            "town_id", "resident_id", "purpose", "version", name=op.f("uq_consent_town_id_resident_id_purpose_version")
        ),
        info={"distribution": "distributed"},
    )


def create_consent_withdrawal() -> None:
    op.create_table(
        "consent_withdrawal",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "account",
                "volunteering",
                "ranking",
                "profile",
                "phone",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_consent_withdrawal_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_consent_withdrawal")),
        info={"distribution": "distributed"},
    )


def create_data_export() -> None:
    op.create_table(
        "data_export",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("parts", sa.BigInteger(), nullable=False),
        sa.Column("fetched", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("asked_at < expires_at", name=op.f("ck_data_export_asked_before_it_expires")),
        sa.CheckConstraint("parts > 0 AND fetched >= 0", name=op.f("ck_data_export_counts_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_data_export_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_data_export")),
        info={"distribution": "distributed"},
    )


def create_erasure() -> None:
    op.create_table(
        "erasure",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("points_forfeited", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "begun_at IS NULL OR withdrawn_at IS NULL", name=op.f("ck_erasure_not_taken_back_once_begun")
        ),
        sa.CheckConstraint("done_at IS NULL OR begun_at IS NOT NULL", name=op.f("ck_erasure_done_after_it_began")),
        sa.CheckConstraint("points_forfeited >= 0", name=op.f("ck_erasure_points_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"], ["resident.town_id", "resident.id"], name=op.f("fk_erasure_town_id_resident_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_erasure")),
        info={"distribution": "distributed"},
    )


def create_merging() -> None:
    op.create_table(
        "merging",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "offered",
                "asked",
                "done",
                "declined",
                "withdrawn",
                name="mergingstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("wrong_names", sa.BigInteger(), nullable=False),
        sa.Column("points_moved", sa.BigInteger(), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status IN ('offered', 'asked')) = (decided_at IS NULL)", name=op.f("ck_merging_decided_at_a_moment")
        ),
        sa.CheckConstraint("resident_id <> record_id", name=op.f("ck_merging_two_records")),
        sa.CheckConstraint("wrong_names >= 0 AND points_moved >= 0", name=op.f("ck_merging_counts_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "decided_by"], ["staff.town_id", "staff.id"], name=op.f("fk_merging_town_id_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "record_id"], ["resident.town_id", "resident.id"], name=op.f("fk_merging_town_id_record_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"], ["resident.town_id", "resident.id"], name=op.f("fk_merging_town_id_resident_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_merging")),
        info={"distribution": "distributed"},
    )


def create_household_request() -> None:
    op.create_table(
        "household_request",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=True),
        sa.Column("household_id", sa.BigInteger(), nullable=True),
        sa.Column("building_id", sa.BigInteger(), nullable=False),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "accepted",
                "declined",
                "withdrawn",
                name="householdrequeststatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_kind", sa.Text(), nullable=True),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(status = 'pending') = (decided_at IS NULL)", name=op.f("ck_household_request_decided_at_a_moment")
        ),
        sa.CheckConstraint(
            "(decided_by_kind IS NULL) = (decided_by_id IS NULL)", name=op.f("ck_household_request_decided_by_somebody")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "building_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_household_request_town_id_building_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "household_id"],
            ["household.town_id", "household.id"],
            name=op.f("fk_household_request_town_id_household_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_household_request_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_household_request")),
        info={"distribution": "distributed"},
    )


def create_indexes() -> None:
    op.create_index(
        "ix_consent_withdrawal_resident", "consent_withdrawal", ["town_id", "resident_id", "id"], unique=False
    )
    op.create_index("ix_data_export_resident", "data_export", ["town_id", "resident_id", "asked_at"], unique=False)
    op.create_index(
        "ix_erasure_due",
        "erasure",
        ["town_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("withdrawn_at IS NULL AND done_at IS NULL"),
        postgresql_where=sa.text("withdrawn_at IS NULL AND done_at IS NULL"),
    )
    op.create_index("ix_erasure_resident", "erasure", ["town_id", "resident_id", "id"], unique=False)
    op.create_index(
        "uq_erasure_open",
        "erasure",
        ["town_id", "resident_id"],
        unique=True,
        sqlite_where=sa.text("withdrawn_at IS NULL AND done_at IS NULL"),
        postgresql_where=sa.text("withdrawn_at IS NULL AND done_at IS NULL"),
    )
    op.create_index(
        "ix_merging_pending",
        "merging",
        ["town_id", "id"],
        unique=False,
        sqlite_where=sa.text("status IN ('offered', 'asked')"),
        postgresql_where=sa.text("status IN ('offered', 'asked')"),
    )
    op.create_index("ix_merging_record", "merging", ["town_id", "record_id", "id"], unique=False)
    op.create_index(
        "uq_merging_pending",
        "merging",
        ["town_id", "resident_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('offered', 'asked')"),
        postgresql_where=sa.text("status IN ('offered', 'asked')"),
    )
    op.create_index(
        "ix_household_request_door",
        "household_request",
        ["town_id", "building_id", "door"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_household_request_resident", "household_request", ["town_id", "resident_id", "id"], unique=False
    )
    op.create_index(
        "ix_household_request_waiting",
        "household_request",
        ["town_id", "id"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "uq_household_request_pending",
        "household_request",
        ["town_id", "resident_id"],
        unique=True,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
