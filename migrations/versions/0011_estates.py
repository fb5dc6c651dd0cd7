"""Property companies, repairs, complaints and praise."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import JSON, make_append_only

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    create_property_company()
    create_estate_management()
    create_estate_contact()
    create_repair_list()
    create_service_terms()
    create_repair()
    create_repair_event()
    create_repair_note()
    create_complaint()
    create_indexes()
    make_append_only("repair_event")


def create_property_company() -> None:
    op.create_table(
        "property_company",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("credit_code", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_property_company_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_property_company")),
        sa.UniqueConstraint("town_id", "name", name=op.f("uq_property_company_town_id_name")),
        info={"distribution": "distributed"},
    )


def create_estate_management() -> None:
    op.create_table(
        "estate_management",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("estate_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=True),
        sa.Column("recorded_by", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("until_day >= from_day", name=op.f("ck_estate_management_days_in_order")),
        sa.ForeignKeyConstraint(
            ["town_id", "company_id"],
            ["property_company.town_id", "property_company.id"],
            name=op.f("fk_estate_management_town_id_company_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "estate_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_estate_management_town_id_estate_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "recorded_by"],
            ["staff.town_id", "staff.id"],
            name=op.f("fk_estate_management_town_id_recorded_by"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_estate_management")),
        sa.UniqueConstraint(
            "town_id", "estate_id", "from_day", name=op.f("uq_estate_management_town_id_estate_id_from_day")
        ),
        info={"distribution": "distributed"},
    )


def create_estate_contact() -> None:
    op.create_table(
        "estate_contact",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("estate_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "office",
                "security",
                "water",
                "power",
                "gas",
                "lift",
                "other",
                name="contactkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("is_emergency", sa.Boolean(), nullable=False),
        sa.Column("opens_at", sa.Text(), nullable=True),
        sa.Column("closes_at", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("(opens_at IS NULL) = (closes_at IS NULL)", name=op.f("ck_estate_contact_hours_whole")),
        sa.ForeignKeyConstraint(
            ["town_id", "estate_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_estate_contact_town_id_estate_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "estate_id", "n", name=op.f("pk_estate_contact")),
        info={"distribution": "distributed"},
    )


def create_repair_list() -> None:
    op.create_table(
        "repair_list",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("estate_id", sa.BigInteger(), nullable=True),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("content", JSON, nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("estate_id IS NULL OR company_id IS NULL", name=op.f("ck_repair_list_one_scope")),
        sa.ForeignKeyConstraint(
            ["town_id", "company_id"],
            ["property_company.town_id", "property_company.id"],
            name=op.f("fk_repair_list_town_id_company_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "estate_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_repair_list_town_id_estate_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "recorded_by"], ["staff.town_id", "staff.id"], name=op.f("fk_repair_list_town_id_recorded_by")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_repair_list_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_repair_list")),
        sa.UniqueConstraint("town_id", "scope", "from_day", name=op.f("uq_repair_list_town_id_scope_from_day")),
        info={"distribution": "distributed"},
    )


def create_service_terms() -> None:
    op.create_table(
        "service_terms",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("assign_minutes", sa.BigInteger(), nullable=False),
        sa.Column("start_minutes", sa.BigInteger(), nullable=False),
        sa.Column("finish_minutes", sa.BigInteger(), nullable=False),
        sa.Column("confirm_minutes", sa.BigInteger(), nullable=False),
        sa.Column("answer_minutes", sa.BigInteger(), nullable=False),
        sa.Column("in_working_days", sa.Boolean(), nullable=False),
        sa.Column("reopen_days", sa.BigInteger(), nullable=False),
        sa.Column("reopens_max", sa.BigInteger(), nullable=False),
        sa.Column("rating_days", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "assign_minutes > 0 AND start_minutes > 0 AND finish_minutes > 0 AND confirm_minutes > 0 AND answer_minutes > 0",
            name=op.f("ck_service_terms_minutes_positive"),
        ),
        sa.CheckConstraint(
            "reopen_days >= 0 AND reopens_max >= 0 AND rating_days >= 0",
            name=op.f("ck_service_terms_bounds_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "company_id"],
            ["property_company.town_id", "property_company.id"],
            name=op.f("fk_service_terms_town_id_company_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "recorded_by"], ["staff.town_id", "staff.id"], name=op.f("fk_service_terms_town_id_recorded_by")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_service_terms_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_service_terms")),
        sa.UniqueConstraint("town_id", "scope", "from_day", name=op.f("uq_service_terms_town_id_scope_from_day")),
        info={"distribution": "distributed"},
    )


def create_repair() -> None:
    op.create_table(
        "repair",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("estate_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("household_id", sa.BigInteger(), nullable=True),
        sa.Column("submitted_by_kind", sa.Text(), nullable=True),
        sa.Column("submitted_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "place",
            sa.Enum("home", "public", name="repairplace", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("territory_id", sa.BigInteger(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("category_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=True),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("wanted_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wanted_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "submitted",
                "assigned",
                "in_progress",
                "done",
                "confirmed",
                "reopened",
                "cancelled",
                "rejected",
                name="repairstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("worker_staff_id", sa.BigInteger(), nullable=True),
        sa.Column("worker_name", sa.Text(), nullable=True),
        sa.Column("worker_phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("visit_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("steps_late", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("was_confirmed_by_time", sa.Boolean(), nullable=False),
        sa.Column("reopens", sa.BigInteger(), nullable=False),
        sa.Column("reopens_max", sa.BigInteger(), nullable=False),
        sa.Column("reopen_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rating_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rating", sa.BigInteger(), nullable=True),
        sa.Column("rating_words", sa.Text(), nullable=True),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("forget_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status IN ('cancelled', 'rejected')) = (closed_at IS NOT NULL)", name=op.f("ck_repair_closed_at_a_moment")
        ),
        sa.CheckConstraint(
            "status IN ('confirmed', 'cancelled', 'rejected') OR due_at IS NOT NULL",
            name=op.f("ck_repair_a_step_is_due"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('assigned', 'in_progress', 'done') OR worker_name IS NOT NULL",
            name=op.f("ck_repair_by_someone"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('done', 'confirmed', 'reopened') OR done_at IS NOT NULL",
            name=op.f("ck_repair_done_at_a_moment"),
        ),
        sa.CheckConstraint("(rating IS NULL) = (rated_at IS NULL)", name=op.f("ck_repair_rated_at_a_moment")),
        sa.CheckConstraint("(wanted_from IS NULL) = (wanted_until IS NULL)", name=op.f("ck_repair_wanted_whole")),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name=op.f("ck_repair_rating_within_stars")),
        sa.CheckConstraint(
            "reopens >= 0 AND steps_late >= 0 AND revision > 0", name=op.f("ck_repair_counts_not_negative")
        ),
        sa.CheckConstraint("wanted_from < wanted_until", name=op.f("ck_repair_wanted_in_order")),
        sa.ForeignKeyConstraint(
            ["town_id", "company_id"],
            ["property_company.town_id", "property_company.id"],
            name=op.f("fk_repair_town_id_company_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "estate_id"], ["territory.town_id", "territory.id"], name=op.f("fk_repair_town_id_estate_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "household_id"],
            ["household.town_id", "household.id"],
            name=op.f("fk_repair_town_id_household_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"], ["resident.town_id", "resident.id"], name=op.f("fk_repair_town_id_resident_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "territory_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_repair_town_id_territory_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "worker_staff_id"],
            ["staff.town_id", "staff.id"],
            name=op.f("fk_repair_town_id_worker_staff_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_repair")),
        info={"distribution": "distributed"},
    )


def create_repair_event() -> None:
    op.create_table(
        "repair_event",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("repair_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "deed",
            sa.Enum(
                "submitted",
                "assigned",
                "reassigned",
                "visit_set",
                "started",
                "done",
                "confirmed",
                "confirmed_by_time",
                "reopened",
                "cancelled",
                "rejected",
                "rated",
                "overdue",
                name="repairdeed",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("by_kind", sa.Text(), nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["town_id", "repair_id"], ["repair.town_id", "repair.id"], name=op.f("fk_repair_event_town_id_repair_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_repair_event")),
        info={"distribution": "distributed"},
    )


def create_repair_note() -> None:
    op.create_table(
        "repair_note",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("photos", JSON, nullable=True),
        sa.ForeignKeyConstraint(
            ["town_id", "event_id"],
            ["repair_event.town_id", "repair_event.id"],
            name=op.f("fk_repair_note_town_id_event_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "event_id", name=op.f("pk_repair_note")),
        info={"distribution": "distributed"},
    )


def create_complaint() -> None:
    op.create_table(
        "complaint",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "kind",
            sa.Enum("complaint", "praise", name="complaintkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column(
            "addressee",
            sa.Enum("company", "street", name="addressee", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("estate_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("repair_id", sa.BigInteger(), nullable=True),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("is_anonymous", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("photos", JSON, nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "answered",
                "withdrawn",
                name="complaintstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'answered') = (answer IS NOT NULL)", name=op.f("ck_complaint_answered_in_words")),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name=op.f("ck_complaint_answered_at_a_moment")),
        sa.ForeignKeyConstraint(
            ["town_id", "answered_by"], ["staff.town_id", "staff.id"], name=op.f("fk_complaint_town_id_answered_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "company_id"],
            ["property_company.town_id", "property_company.id"],
            name=op.f("fk_complaint_town_id_company_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "estate_id"], ["territory.town_id", "territory.id"], name=op.f("fk_complaint_town_id_estate_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "repair_id"], ["repair.town_id", "repair.id"], name=op.f("fk_complaint_town_id_repair_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_complaint_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_complaint")),
        info={"distribution": "distributed"},
    )


def create_indexes() -> None:
    op.create_index("ix_estate_management_company", "estate_management", ["town_id", "company_id", "id"], unique=False)
    op.create_index(
        "uq_estate_management_open",
        "estate_management",
        ["town_id", "estate_id"],
        unique=True,
        sqlite_where=sa.text("until_day IS NULL"),
        postgresql_where=sa.text("until_day IS NULL"),
    )
    op.create_index("ix_repair_company", "repair", ["town_id", "company_id", "submitted_at"], unique=False)
    op.create_index(
        "ix_repair_done",
        "repair",
        ["town_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("status = 'done'"),
        postgresql_where=sa.text("status = 'done'"),
    )
    op.create_index("ix_repair_estate", "repair", ["town_id", "estate_id", "id"], unique=False)
    op.create_index(
        "ix_repair_forget",
        "repair",
        ["town_id", "forget_at"],
        unique=False,
        sqlite_where=sa.text("forget_at IS NOT NULL"),
        postgresql_where=sa.text("forget_at IS NOT NULL"),
    )
    op.create_index("ix_repair_household", "repair", ["town_id", "household_id", "id"], unique=False)
    op.create_index(
        "ix_repair_open",
        "repair",
        ["town_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("status IN ('submitted', 'assigned', 'in_progress', 'reopened')"),
        postgresql_where=sa.text("status IN ('submitted', 'assigned', 'in_progress', 'reopened')"),
    )
    op.create_index(
        "ix_repair_public",
        "repair",
        ["town_id", "estate_id", "id"],
        unique=False,
        sqlite_where=sa.text("place = 'public'"),
        postgresql_where=sa.text("place = 'public'"),
    )
    op.create_index("ix_repair_resident", "repair", ["town_id", "resident_id", "id"], unique=False)
    op.create_index("ix_repair_event_repair", "repair_event", ["town_id", "repair_id", "id"], unique=False)
    op.create_index("ix_complaint_estate", "complaint", ["town_id", "estate_id", "id"], unique=False)
    op.create_index(
        "ix_complaint_open",
        "complaint",
        ["town_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_complaint_resident", "complaint", ["town_id", "resident_id", "id"], unique=False)
