"""Pictures, links that are shared, and events that WeChat pushed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    create_upload()
    create_upload_day()
    create_share_code()
    create_wechat_event()
    create_indexes()


def create_upload() -> None:
    op.create_table(
        "upload",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=True),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "purpose",
            sa.Enum(
                "repair",
                "complaint",
                "group",
                "post",
                "profile",
                "staff",
                "centre",
                "estate",
                "reward",
                "announcement",
                name="uploadpurpose",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "storing",
                "ready",
                "discarded",
                name="uploadstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("source_hash", sa.LargeBinary(), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attached_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("attached_at IS NULL OR state = 'ready'", name=op.f("ck_upload_attached_when_ready")),
        sa.CheckConstraint("state <> 'ready' OR content_id IS NOT NULL", name=op.f("ck_upload_moderated_when_ready")),
        sa.CheckConstraint("(resident_id IS NULL) <> (staff_id IS NULL)", name=op.f("ck_upload_sent_by_one")),
        sa.CheckConstraint("width > 0 AND height > 0 AND byte_count > 0", name=op.f("ck_upload_has_a_size")),
        sa.ForeignKeyConstraint(
            ["town_id", "content_id"], ["content.town_id", "content.id"], name=op.f("fk_upload_town_id_content_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"], ["resident.town_id", "resident.id"], name=op.f("fk_upload_town_id_resident_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "staff_id"], ["staff.town_id", "staff.id"], name=op.f("fk_upload_town_id_staff_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_upload")),
        sa.UniqueConstraint("town_id", "storage_key", name=op.f("uq_upload_town_id_storage_key")),
        info={"distribution": "distributed"},
    )


def create_upload_day() -> None:
    op.create_table(
        "upload_day",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "uploader_kind",
            sa.Enum("resident", "staff", name="uploaderkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("uploader_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("uploads", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("uploads > 0", name=op.f("ck_upload_day_uploads_positive")),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_upload_day_town_id")),
        sa.PrimaryKeyConstraint("town_id", "uploader_kind", "uploader_id", "day", name=op.f("pk_upload_day")),
        info={"distribution": "distributed"},
    )


def create_share_code() -> None:
    op.create_table(
        "share_code",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "activity",
                "venue",
                "centre",
                "group",
                "reward",
                name="sharekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("scene", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("link_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(link IS NULL) = (link_until IS NULL)", name=op.f("ck_share_code_link_until_a_moment")),
        sa.CheckConstraint("length(scene) BETWEEN 8 AND 32", name=op.f("ck_share_code_scene_fits_a_code_image")),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_share_code_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_share_code")),
        sa.UniqueConstraint("town_id", "kind", "subject_id", name=op.f("uq_share_code_town_id_kind_subject_id")),
        sa.UniqueConstraint("town_id", "scene", name=op.f("uq_share_code_town_id_scene")),
        info={"distribution": "distributed"},
    )


def create_wechat_event() -> None:
    op.create_table(
        "wechat_event",
        sa.Column("event_hash", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_hash", name=op.f("pk_wechat_event")),
        info={"distribution": "reference"},
    )


def create_indexes() -> None:
    op.create_index("ix_upload_resident", "upload", ["town_id", "resident_id", "source_hash"], unique=False)
    op.create_index("ix_upload_staff", "upload", ["town_id", "staff_id", "source_hash"], unique=False)
    op.create_index(
        "ix_upload_unused",
        "upload",
        ["town_id", "created_at"],
        unique=False,
        sqlite_where=sa.text("attached_at IS NULL"),
        postgresql_where=sa.text("attached_at IS NULL"),
    )
