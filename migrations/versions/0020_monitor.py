"""Numbers of past days, and what was corrected since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import make_append_only

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    create_monitor_snapshot()
    create_monitor_snapshot_value()
    make_append_only("monitor_snapshot")
    make_append_only("monitor_snapshot_value")
    op.add_column("redemption", sa.Column("replaced_at", sa.DateTime(timezone=True)))
    create_indexes_of_endings()


def create_monitor_snapshot() -> None:
    op.create_table(
        "monitor_snapshot",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("as_of <= recorded_at", name=op.f("ck_monitor_snapshot_knows_no_future")),
        sa.CheckConstraint("n > 0", name=op.f("ck_monitor_snapshot_is_counted_from_one")),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_monitor_snapshot_town_id")),
        sa.PrimaryKeyConstraint("town_id", "day", "recorded_at", name=op.f("pk_monitor_snapshot")),
        sa.UniqueConstraint("town_id", "day", "n", name=op.f("uq_monitor_snapshot_town_id_day_n")),
        info={"distribution": "distributed"},
    )


def create_monitor_snapshot_value() -> None:
    op.create_table(
        "monitor_snapshot_value",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("territory_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "slice",
            sa.Enum(
                "all",
                "scene",
                "operator",
                "detail",
                name="slice",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("change <> 0", name=op.f("ck_monitor_snapshot_value_changes_something")),
        sa.ForeignKeyConstraint(
            ["town_id", "day", "recorded_at"],
            ["monitor_snapshot.town_id", "monitor_snapshot.day", "monitor_snapshot.recorded_at"],
            name=op.f("fk_monitor_snapshot_value_town_id_day_recorded_at"),
        ),
        sa.PrimaryKeyConstraint(
            "town_id",
            "measure",
            "territory_id",
            "slice",
            "day",
            "key",
            "recorded_at",
            name=op.f("pk_monitor_snapshot_value"),
        ),
        info={"distribution": "distributed"},
    )


def create_indexes_of_endings() -> None:
    """What ended today is found without a look at all that ever was."""
    for table, name, column in (
        ("redemption", "ix_redemption_ended", "ended_at"),
        ("donation", "ix_donation_returned", "returned_at"),
    ):
        has_ended = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            name, table, ["town_id", column], unique=False, sqlite_where=has_ended, postgresql_where=has_ended
        )
