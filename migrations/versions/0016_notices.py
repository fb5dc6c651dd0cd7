"""Announcements, inboxes, what residents grant for messages by WeChat; who has a message of the outbox, and until when.

Until here messages were written and nobody delivered them. Those that have waited for more than a day are put aside, or
the first worker would tell people of places and offers of long ago.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from migrations.steps import JSON

revision = "0016"
down_revision = "0015"

WAITED_TOO_LONG = timedelta(days=1)
IS_WAITING = sa.text("delivered_at IS NULL AND failed_at IS NULL")
IS_DEAD = sa.text("failed_at IS NOT NULL AND dismissed_at IS NULL")


def upgrade() -> None:
    change_outbox()
    put_aside_what_is_out_of_date()
    create_notice()
    create_staff_notice()
    create_notice_settings()
    create_subscription_grant()
    create_subscription_send()
    create_announcement()
    create_announcement_target()
    create_announcement_read()
    create_indexes()


def change_outbox() -> None:
    op.add_column("outbox", sa.Column("claimed_until", sa.DateTime(timezone=True)))
    op.add_column("outbox", sa.Column("failed_at", sa.DateTime(timezone=True)))
    op.add_column("outbox", sa.Column("failure", sa.Text()))
    op.add_column("outbox", sa.Column("dismissed_at", sa.DateTime(timezone=True)))
    op.add_column("outbox", sa.Column("dismissed_by", sa.BigInteger()))
    op.drop_index("ix_outbox_waiting", "outbox")
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["town_id", "available_at"],
        unique=False,
        sqlite_where=IS_WAITING,
        postgresql_where=IS_WAITING,
    )
    op.create_index(
        "ix_outbox_dead", "outbox", ["town_id", "id"], unique=False, sqlite_where=IS_DEAD, postgresql_where=IS_DEAD
    )


def put_aside_what_is_out_of_date() -> None:
    now = datetime.now(UTC)
    moments = ("available_at", "delivered_at", "failed_at", "dismissed_at")
    columns = [sa.column(name, sa.DateTime(timezone=True)) for name in moments]
    outbox = sa.table("outbox", sa.column("failure", sa.Text()), *columns)
    waits_too_long = outbox.c.delivered_at.is_(None) & (outbox.c.available_at < now - WAITED_TOO_LONG)
    op.execute(outbox.update().where(waits_too_long).values(failure="before_delivery", failed_at=now, dismissed_at=now))


def create_notice() -> None:
    op.create_table(
        "notice",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("about_id", sa.BigInteger(), nullable=True),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["town_id", "about_id"], ["resident.town_id", "resident.id"], name=op.f("fk_notice_town_id_about_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"], ["resident.town_id", "resident.id"], name=op.f("fk_notice_town_id_resident_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_notice")),
        sa.UniqueConstraint(
            "town_id", "topic", "key", "resident_id", name=op.f("uq_notice_town_id_topic_key_resident_id")
        ),
        info={"distribution": "distributed"},
    )


def create_staff_notice() -> None:
    op.create_table(
        "staff_notice",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("path", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_staff_notice_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_staff_notice")),
        sa.UniqueConstraint("town_id", "topic", "key", name=op.f("uq_staff_notice_town_id_topic_key")),
        info={"distribution": "distributed"},
    )


def create_notice_settings() -> None:
    op.create_table(
        "notice_settings",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("quiet_from", sa.Text(), nullable=True),
        sa.Column("quiet_until", sa.Text(), nullable=True),
        sa.Column("kinds_off", JSON, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(quiet_from IS NULL) = (quiet_until IS NULL)", name=op.f("ck_notice_settings_both_or_neither")
        ),
        sa.CheckConstraint("quiet_from <> quiet_until", name=op.f("ck_notice_settings_quiet_for_a_while")),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_notice_settings_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "resident_id", name=op.f("pk_notice_settings")),
        info={"distribution": "distributed"},
    )


def create_subscription_grant() -> None:
    op.create_table(
        "subscription_grant",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("template_id", sa.Text(), nullable=False),
        sa.Column("accepted_in_app", sa.BigInteger(), nullable=False),
        sa.Column("accepted_by_push", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("given_back", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "accepted_in_app >= 0 AND accepted_by_push >= 0 AND given_back BETWEEN 0 AND used",
            name=op.f("ck_subscription_grant_counts_not_negative"),
        ),
        sa.CheckConstraint(
            "used - given_back <= accepted_in_app OR used - given_back <= accepted_by_push",
            name=op.f("ck_subscription_grant_used_within_granted"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_subscription_grant_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "resident_id", "template_id", name=op.f("pk_subscription_grant")),
        info={"distribution": "distributed"},
    )


def create_subscription_send() -> None:
    op.create_table(
        "subscription_send",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("notice_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("template_id", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "claimed",
                "waiting",
                "sent",
                "unknown",
                "refused",
                "failed",
                "dropped",
                name="sendstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["town_id", "notice_id"],
            ["notice.town_id", "notice.id"],
            name=op.f("fk_subscription_send_town_id_notice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id", "template_id"],
            ["subscription_grant.town_id", "subscription_grant.resident_id", "subscription_grant.template_id"],
            name=op.f("fk_subscription_send_town_id_resident_id_template_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "notice_id", name=op.f("pk_subscription_send")),
        info={"distribution": "distributed"},
    )


def create_announcement() -> None:
    op.create_table(
        "announcement",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("pictures", JSON, nullable=False),
        sa.Column("publishes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("confirmation_needed", sa.Boolean(), nullable=False),
        sa.Column("pushed", sa.Boolean(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "published",
                "withdrawn",
                name="announcementstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("written_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name=op.f("ck_announcement_withdrawn_at_a_time")
        ),
        sa.CheckConstraint(
            "status <> 'published' OR published_at IS NOT NULL", name=op.f("ck_announcement_published_at_a_time")
        ),
        sa.CheckConstraint("publishes_at < ends_at", name=op.f("ck_announcement_published_before_it_ends")),
        sa.ForeignKeyConstraint(
            ["town_id", "written_by"], ["staff.town_id", "staff.id"], name=op.f("fk_announcement_town_id_written_by")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_announcement")),
        info={"distribution": "distributed"},
    )


def create_announcement_target() -> None:
    op.create_table(
        "announcement_target",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("announcement_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("territory_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "announcement_id"],
            ["announcement.town_id", "announcement.id"],
            name=op.f("fk_announcement_target_town_id_announcement_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "territory_id"],
            ["territory.town_id", "territory.id"],
            name=op.f("fk_announcement_target_town_id_territory_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "announcement_id", "territory_id", name=op.f("pk_announcement_target")),
        info={"distribution": "distributed"},
    )


def create_announcement_read() -> None:
    op.create_table(
        "announcement_read",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("announcement_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["town_id", "announcement_id"],
            ["announcement.town_id", "announcement.id"],
            name=op.f("fk_announcement_read_town_id_announcement_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_announcement_read_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "announcement_id", "resident_id", name=op.f("pk_announcement_read")),
        info={"distribution": "distributed"},
    )


def create_indexes() -> None:
    op.create_index("ix_staff_notice_path", "staff_notice", ["town_id", "path", "id"], unique=False)
    op.create_index(
        "ix_notice_removed",
        "notice",
        ["town_id", "removed_at"],
        unique=False,
        sqlite_where=sa.text("removed_at IS NOT NULL"),
        postgresql_where=sa.text("removed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_notice_inbox",
        "notice",
        ["town_id", "resident_id", "id"],
        unique=False,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_index(
        "ix_notice_unread",
        "notice",
        ["town_id", "resident_id", "id"],
        unique=False,
        sqlite_where=sa.text("read_at IS NULL AND removed_at IS NULL"),
        postgresql_where=sa.text("read_at IS NULL AND removed_at IS NULL"),
    )
    op.create_index(
        "ix_subscription_send_grant", "subscription_send", ["town_id", "resident_id", "template_id"], unique=False
    )
    op.create_index(
        "ix_announcement_status", "announcement", ["town_id", "status", "pinned", "publishes_at", "id"], unique=False
    )
    op.create_index(
        "ix_announcement_target_territory",
        "announcement_target",
        ["town_id", "territory_id", "announcement_id"],
        unique=False,
    )
    op.create_index(
        "ix_announcement_read_resident",
        "announcement_read",
        ["town_id", "resident_id", "announcement_id"],
        unique=False,
    )
