"""Service hours and certificates; consent to volunteering."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import JSON, change_words, is_postgresql, make_anew

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    if is_postgresql():
        _change_on_postgresql()
    else:
        make_anew("consent", create_consent, {})
        make_anew("volunteer_registration", create_volunteer_registration, {})
    create_volunteer_withdrawal()
    create_service_batch()
    create_service_record()
    create_service_day()
    create_service_entry_day()
    create_certificate()
    create_indexes()


def _change_on_postgresql() -> None:
    change_words("consent", "purpose", ("account", "volunteering"), check="purpose")
    op.add_column("volunteer_registration", sa.Column("statement_version", sa.Text(), nullable=True))
    op.add_column("volunteer_registration", sa.Column("agreed_by", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_volunteer_registration_town_id_agreed_by"),
        "volunteer_registration",
        "resident",
        ["town_id", "agreed_by"],
        ["town_id", "id"],
    )


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


def create_volunteer_registration(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("statement_version", sa.Text(), nullable=True),
        sa.Column("agreed_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["town_id", "agreed_by"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_volunteer_registration_town_id_agreed_by"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_volunteer_registration_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "resident_id", name=op.f("pk_volunteer_registration")),
        info={"distribution": "distributed"},
    )


def create_volunteer_withdrawal() -> None:
    op.create_table(
        "volunteer_withdrawal",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("statement_version", sa.Text(), nullable=True),
        sa.Column("agreed_by", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_volunteer_withdrawal_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_volunteer_withdrawal")),
        info={"distribution": "distributed"},
    )


def create_service_batch() -> None:
    op.create_table(
        "service_batch",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "provenance",
            sa.Enum(
                "signed", "staff", "imported", name="provenance", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("file_hash", sa.LargeBinary(), nullable=True),
        sa.Column("rows_total", sa.BigInteger(), nullable=False),
        sa.Column(
            "problems",
            JSON,
            nullable=False,
        ),
        sa.Column("recorded_by", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(provenance = 'imported') = (file_hash IS NOT NULL)", name=op.f("ck_service_batch_a_file_is_imported")
        ),
        sa.CheckConstraint("provenance <> 'signed'", name=op.f("ck_service_batch_written_down")),
        sa.ForeignKeyConstraint(
            ["town_id", "recorded_by"], ["staff.town_id", "staff.id"], name=op.f("fk_service_batch_town_id_recorded_by")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_service_batch_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_service_batch")),
        sa.UniqueConstraint("town_id", "file_hash", name=op.f("uq_service_batch_town_id_file_hash")),
        info={"distribution": "distributed"},
    )


def create_service_record() -> None:
    op.create_table(
        "service_record",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "provenance",
            sa.Enum(
                "signed", "staff", "imported", name="provenance", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("source_ref", sa.Text(), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.Column("served_on", sa.Date(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
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
            nullable=True,
        ),
        sa.Column("community_id", sa.BigInteger(), nullable=True),
        sa.Column("operator_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "counted",
                "declined",
                "voided",
                name="servicestatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("txn_id", sa.BigInteger(), nullable=True),
        sa.Column("recorded_by", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=True),
        sa.Column("voided_by", sa.BigInteger(), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(provenance = 'signed') = (batch_id IS NULL)", name=op.f("ck_service_record_written_down_in_a_batch")
        ),
        sa.CheckConstraint(
            "(provenance = 'signed') = (session_id IS NOT NULL)", name=op.f("ck_service_record_signed_for_in_a_session")
        ),
        sa.CheckConstraint(
            "(status = 'voided') = (voided_at IS NOT NULL)", name=op.f("ck_service_record_voided_at_a_moment")
        ),
        sa.CheckConstraint(
            "provenance = 'signed' OR minutes <= 1440", name=op.f("ck_service_record_a_day_has_24_hours")
        ),
        sa.CheckConstraint(
            "status <> 'counted' OR txn_id IS NOT NULL", name=op.f("ck_service_record_counted_in_the_ledger")
        ),
        sa.CheckConstraint(
            "status <> 'declined' OR decided_by IS NOT NULL", name=op.f("ck_service_record_declined_by_somebody")
        ),
        sa.CheckConstraint(
            "status NOT IN ('pending', 'declined') OR txn_id IS NULL",
            name=op.f("ck_service_record_undecided_not_in_the_ledger"),
        ),
        sa.CheckConstraint("decided_by <> recorded_by", name=op.f("ck_service_record_second_person_is_not_the_first")),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_service_record_minutes_positive")),
        sa.ForeignKeyConstraint(
            ["town_id", "batch_id"],
            ["service_batch.town_id", "service_batch.id"],
            name=op.f("fk_service_record_town_id_batch_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "community_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_service_record_town_id_community_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "decided_by"], ["staff.town_id", "staff.id"], name=op.f("fk_service_record_town_id_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "event_id"], ["event.town_id", "event.id"], name=op.f("fk_service_record_town_id_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "operator_id"],
            ["operator.town_id", "operator.id"],
            name=op.f("fk_service_record_town_id_operator_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "recorded_by"],
            ["staff.town_id", "staff.id"],
            name=op.f("fk_service_record_town_id_recorded_by"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_service_record_town_id_resident_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "session_id"],
            ["session.town_id", "session.id"],
            name=op.f("fk_service_record_town_id_session_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "txn_id"], ["txn.town_id", "txn.id"], name=op.f("fk_service_record_town_id_txn_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "voided_by"], ["staff.town_id", "staff.id"], name=op.f("fk_service_record_town_id_voided_by")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_service_record")),
        info={"distribution": "distributed"},
    )


def create_service_day() -> None:
    op.create_table(
        "service_day",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("served_on", sa.Date(), nullable=False),
        sa.Column("signed", sa.BigInteger(), nullable=False),
        sa.Column("entered", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("entered BETWEEN 0 AND 1440", name=op.f("ck_service_day_a_day_has_24_hours")),
        sa.CheckConstraint("signed >= 0", name=op.f("ck_service_day_signed_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_service_day_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "resident_id", "served_on", name=op.f("pk_service_day")),
        info={"distribution": "distributed"},
    )


def create_service_entry_day() -> None:
    op.create_table(
        "service_entry_day",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("staff_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("records > 0 AND minutes > 0", name=op.f("ck_service_entry_day_totals_positive")),
        sa.ForeignKeyConstraint(
            ["town_id", "staff_id"], ["staff.town_id", "staff.id"], name=op.f("fk_service_entry_day_town_id_staff_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "staff_id", "day", name=op.f("pk_service_entry_day")),
        info={"distribution": "distributed"},
    )


def create_certificate() -> None:
    op.create_table(
        "certificate",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("signed_minutes", sa.BigInteger(), nullable=False),
        sa.Column("staff_minutes", sa.BigInteger(), nullable=False),
        sa.Column("imported_minutes", sa.BigInteger(), nullable=False),
        sa.Column("star", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.BigInteger(), nullable=True),
        sa.Column("withdrawal_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name=op.f("ck_certificate_withdrawn_by_somebody")
        ),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_certificate_days_in_order")),
        sa.CheckConstraint(
            "signed_minutes >= 0 AND staff_minutes >= 0 AND imported_minutes >= 0 "
            "AND signed_minutes + staff_minutes + imported_minutes > 0",
            name=op.f("ck_certificate_certifies_something"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_certificate_town_id_resident_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "withdrawn_by"], ["staff.town_id", "staff.id"], name=op.f("fk_certificate_town_id_withdrawn_by")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_certificate")),
        sa.UniqueConstraint("town_id", "code", name=op.f("uq_certificate_town_id_code")),
        info={"distribution": "distributed"},
    )


def create_indexes() -> None:
    op.create_index(
        "ix_volunteer_withdrawal_resident", "volunteer_withdrawal", ["town_id", "resident_id", "id"], unique=False
    )
    op.create_index("ix_service_record_batch", "service_record", ["town_id", "batch_id", "id"], unique=False)
    op.create_index("ix_service_record_day", "service_record", ["town_id", "resident_id", "served_on"], unique=False)
    op.create_index(
        "ix_service_record_pending",
        "service_record",
        ["town_id", "id"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("ix_service_record_resident", "service_record", ["town_id", "resident_id", "id"], unique=False)
    op.create_index(
        "uq_service_record_live",
        "service_record",
        ["town_id", "provenance", "source_ref"],
        unique=True,
        sqlite_where=sa.text("status IN ('pending', 'counted')"),
        postgresql_where=sa.text("status IN ('pending', 'counted')"),
    )
    op.create_index("ix_certificate_resident", "certificate", ["town_id", "resident_id", "id"], unique=False)
