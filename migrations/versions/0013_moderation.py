"""What people wrote and whether others see it; rankings, and who wants to be seen in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import make_append_only

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    create_content()
    create_content_decision()
    create_content_report()
    create_content_trace()
    create_moderation_terms()
    create_ranking_choice()
    create_ranking_tally()
    create_community_tally()
    create_ranking_refresh()
    create_indexes()
    for table in ("content_decision", "moderation_terms"):
        make_append_only(table)


def create_content() -> None:
    op.create_table(
        "content",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "profile",
                "group",
                "post",
                "comment",
                "application",
                "rating",
                "repair",
                "complaint",
                "picture",
                name="contentkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("resident_id", sa.BigInteger(), nullable=True),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("upload_id", sa.BigInteger(), nullable=True),
        sa.Column("place_path", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "passed",
                "review",
                "refused",
                name="contentstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("review_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("open_reports", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("appeal", sa.Text(), nullable=True),
        sa.Column("appealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(kind = 'picture') = (upload_id IS NOT NULL)", name=op.f("ck_content_a_picture_is_an_upload")
        ),
        sa.CheckConstraint("state <> 'review' OR due_at IS NOT NULL", name=op.f("ck_content_a_review_is_due")),
        sa.CheckConstraint("(appeal IS NULL) = (appealed_at IS NULL)", name=op.f("ck_content_appealed_at_a_moment")),
        sa.CheckConstraint("due_at IS NULL OR review_since IS NOT NULL", name=op.f("ck_content_due_since_a_moment")),
        sa.CheckConstraint("open_reports >= 0", name=op.f("ck_content_reports_not_negative")),
        sa.CheckConstraint("resident_id IS NULL OR staff_id IS NULL", name=op.f("ck_content_one_author")),
        sa.ForeignKeyConstraint(
            ["town_id", "decided_by"], ["staff.town_id", "staff.id"], name=op.f("fk_content_town_id_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"], ["resident.town_id", "resident.id"], name=op.f("fk_content_town_id_resident_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "staff_id"], ["staff.town_id", "staff.id"], name=op.f("fk_content_town_id_staff_id")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_content_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_content")),
    )


def create_content_decision() -> None:
    op.create_table(
        "content_decision",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "local",
                "wechat",
                "clock",
                "reports",
                "staff",
                "author",
                name="decisionsource",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "passed",
                "review",
                "refused",
                name="contentstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("waited_seconds", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(source = 'staff') = (staff_id IS NOT NULL)", name=op.f("ck_content_decision_staff_by_name")
        ),
        sa.CheckConstraint("waited_seconds >= 0", name=op.f("ck_content_decision_waited_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "content_id"],
            ["content.town_id", "content.id"],
            name=op.f("fk_content_decision_town_id_content_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "staff_id"], ["staff.town_id", "staff.id"], name=op.f("fk_content_decision_town_id_staff_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_content_decision")),
    )


def create_content_report() -> None:
    op.create_table(
        "content_report",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column("reporter_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "spam",
                "fraud",
                "abuse",
                "indecent",
                "privacy",
                "false",
                "other",
                name="reportreason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "pending",
                "upheld",
                "dismissed",
                name="reportoutcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(outcome = 'pending') = (decided_at IS NULL)", name=op.f("ck_content_report_decided_at_a_moment")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "content_id"],
            ["content.town_id", "content.id"],
            name=op.f("fk_content_report_town_id_content_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "reporter_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_content_report_town_id_reporter_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_content_report")),
        sa.UniqueConstraint(
            "town_id", "content_id", "reporter_id", name=op.f("uq_content_report_town_id_content_id_reporter_id")
        ),
    )


def create_content_trace() -> None:
    op.create_table(
        "content_trace",
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("town_id", sa.BigInteger(), nullable=True),
        sa.Column("content_id", sa.BigInteger(), nullable=True),
        sa.Column("suggestion", sa.Text(), nullable=True),
        sa.Column("label", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(town_id IS NULL) = (content_id IS NULL)", name=op.f("ck_content_trace_a_town_and_its_content")
        ),
        sa.CheckConstraint(
            "(suggestion IS NULL) = (answered_at IS NULL)", name=op.f("ck_content_trace_answered_at_a_moment")
        ),
        sa.CheckConstraint("(suggestion IS NULL) = (label IS NULL)", name=op.f("ck_content_trace_an_answer_is_whole")),
        sa.CheckConstraint(
            "town_id IS NOT NULL OR suggestion IS NOT NULL", name=op.f("ck_content_trace_asked_or_answered")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_content_trace_town_id")),
        sa.PrimaryKeyConstraint("trace_id", name=op.f("pk_content_trace")),
    )


def create_moderation_terms() -> None:
    op.create_table(
        "moderation_terms",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("review_hours", sa.BigInteger(), nullable=False),
        sa.Column("reporters_to_hide", sa.BigInteger(), nullable=False),
        sa.Column("set_by", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "reporters_to_hide BETWEEN 1 AND 100", name=op.f("ck_moderation_terms_reporters_within_bounds")
        ),
        sa.CheckConstraint(
            "review_hours BETWEEN 1 AND 168", name=op.f("ck_moderation_terms_review_hours_within_bounds")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "set_by"], ["staff.town_id", "staff.id"], name=op.f("fk_moderation_terms_town_id_set_by")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_moderation_terms_town_id")),
        sa.PrimaryKeyConstraint("town_id", "effective_from", name=op.f("pk_moderation_terms")),
    )


def create_ranking_choice() -> None:
    op.create_table(
        "ranking_choice",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("is_shown", sa.Boolean(), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_ranking_choice_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "resident_id", name=op.f("pk_ranking_choice")),
    )


def create_ranking_tally() -> None:
    op.create_table(
        "ranking_tally",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ranking", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("scene", sa.Text(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("is_shown", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "community_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_ranking_tally_town_id_community_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_ranking_tally_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "ranking", "period", "scene", "resident_id", name=op.f("pk_ranking_tally")),
    )


def create_community_tally() -> None:
    op.create_table(
        "community_tally",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("scene", sa.Text(), nullable=False),
        sa.Column("community_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("residents", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("residents >= 0", name=op.f("ck_community_tally_residents_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "community_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_community_tally_town_id_community_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "period", "scene", "community_id", name=op.f("pk_community_tally")),
    )


def create_ranking_refresh() -> None:
    op.create_table(
        "ranking_refresh",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_ranking_refresh_town_id")),
        sa.PrimaryKeyConstraint("town_id", name=op.f("pk_ranking_refresh")),
    )


def create_indexes() -> None:
    op.create_index(
        "ix_content_trace_early",
        "content_trace",
        ["answered_at"],
        unique=False,
        sqlite_where=sa.text("town_id IS NULL"),
        postgresql_where=sa.text("town_id IS NULL"),
    )
    op.create_index(
        "ix_content_awaited",
        "content",
        ["town_id", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_content_pending",
        "content",
        ["town_id", "written_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("ix_content_resident", "content", ["town_id", "resident_id", "id"], unique=False)
    op.create_index("ix_content_decision_content", "content_decision", ["town_id", "content_id", "id"], unique=False)
    op.create_index("ix_content_decision_day", "content_decision", ["town_id", "decided_at"], unique=False)
    op.create_index("ix_content_report_reporter", "content_report", ["town_id", "reporter_id", "id"], unique=False)
    op.create_index("ix_ranking_tally_resident", "ranking_tally", ["town_id", "resident_id"], unique=False)
    op.create_index(
        "ix_ranking_tally_seen",
        "ranking_tally",
        ["town_id", "ranking", "period", "scene", "amount", "resident_id"],
        unique=False,
        sqlite_where=sa.text("is_shown = 1 AND amount > 0"),
        postgresql_where=sa.text("is_shown AND amount > 0"),
    )
    op.create_index(
        "ix_ranking_tally_seen_in_community",
        "ranking_tally",
        ["town_id", "ranking", "period", "scene", "community_id", "amount", "resident_id"],
        unique=False,
        sqlite_where=sa.text("is_shown = 1 AND amount > 0"),
        postgresql_where=sa.text("is_shown AND amount > 0"),
    )
