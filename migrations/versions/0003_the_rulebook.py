"""The rulebook: drafts that a second person publishes, and where residents stand in the eyes of the rules."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def upgrade() -> None:
    create_rulebook_draft()
    create_standing()
    _create_of_standing(
        "standing_count",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        key=("name", "bucket"),
    )
    _create_of_standing(
        "standing_level",
        sa.Column("ladder", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("cycle", sa.BigInteger(), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cycle >= 0", name=op.f("ck_standing_level_cycle_not_negative")),
        key=("ladder",),
    )
    _create_of_standing(
        "standing_freeze",
        sa.Column("freeze", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("collected", JSON, nullable=False),
        key=("freeze",),
    )
    _create_of_standing(
        "standing_suspension",
        sa.Column("penalty", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        key=("penalty", "what"),
    )
    op.create_index(
        "ix_standing_suspension_what", "standing_suspension", ["town_id", "resident_id", "what", "until"], unique=False
    )


def create_rulebook_draft() -> None:
    status = sa.Enum("pending", "published", "declined", name="draftstatus", native_enum=False, length=32)
    op.create_table(
        "rulebook_draft",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("status", status, nullable=False),
        sa.Column("requested_by", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'published', 'declined')", name=op.f("ck_rulebook_draft_draftstatus")
        ),
        sa.CheckConstraint("decided_by <> requested_by", name=op.f("ck_rulebook_draft_second_person_is_not_the_first")),
        sa.CheckConstraint(
            "(status = 'pending') = (decided_by IS NULL)", name=op.f("ck_rulebook_draft_decided_by_somebody")
        ),
        sa.CheckConstraint(
            "(status = 'published') = (version_id IS NOT NULL)",
            name=op.f("ck_rulebook_draft_published_with_its_version"),
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_rulebook_draft_town_id")),
        sa.ForeignKeyConstraint(
            ["town_id", "requested_by"],
            ["staff.town_id", "staff.id"],
            name=op.f("fk_rulebook_draft_town_id_requested_by"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "decided_by"], ["staff.town_id", "staff.id"], name=op.f("fk_rulebook_draft_town_id_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "version_id"],
            ["rulebook_version.town_id", "rulebook_version.id"],
            name=op.f("fk_rulebook_draft_town_id_version_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_rulebook_draft")),
        info={"distribution": "distributed"},
    )


def create_standing() -> None:
    op.create_table(
        "standing",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("events > 0", name=op.f("ck_standing_events_positive")),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_standing_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "resident_id", name=op.f("pk_standing")),
        info={"distribution": "distributed"},
    )


def _create_of_standing(table: str, *columns: sa.Column | sa.CheckConstraint, key: tuple[str, ...]) -> None:
    """A table whose rows hang on a resident's standing."""
    op.create_table(
        table,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["standing.town_id", "standing.resident_id"],
            name=op.f(f"fk_{table}_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "resident_id", *key, name=op.f(f"pk_{table}")),
        info={"distribution": "distributed"},
    )
