"""Targets for measures, and the weights of the operators' ranking."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import JSON, is_postgresql, make_append_only

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    create_monitor_target()
    create_ranking_weights()
    create_indexes()
    make_append_only("monitor_target")
    make_append_only("ranking_weights")
    keep_stars_with_ratings()
    create_indexes_of_measures()
    keep_levels()


def create_monitor_target() -> None:
    op.create_table(
        "monitor_target",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("territory_id", sa.BigInteger(), nullable=False),
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
        sa.Column(
            "period_kind",
            sa.Enum("day", "week", "month", name="targetperiod", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("target", sa.Double(), nullable=True),
        sa.Column("amber", sa.Double(), nullable=True),
        sa.Column("set_by", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(target IS NULL) = (amber IS NULL)", name=op.f("ck_monitor_target_amber_with_a_target")),
        sa.CheckConstraint("target >= 0 AND amber >= 0", name=op.f("ck_monitor_target_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "set_by"], ["staff.town_id", "staff.id"], name=op.f("fk_monitor_target_town_id_set_by")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_monitor_target_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_monitor_target")),
        info={"distribution": "distributed"},
    )


def create_ranking_weights() -> None:
    op.create_table(
        "ranking_weights",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("weights", JSON, nullable=False),
        sa.Column("sessions_min", sa.BigInteger(), nullable=False),
        sa.Column("set_by", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("sessions_min >= 1", name=op.f("ck_ranking_weights_sessions_min_positive")),
        sa.ForeignKeyConstraint(
            ["town_id", "set_by"], ["staff.town_id", "staff.id"], name=op.f("fk_ranking_weights_town_id_set_by")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_ranking_weights_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_ranking_weights")),
        info={"distribution": "distributed"},
    )


def create_indexes() -> None:
    op.create_index(
        "ix_monitor_target_place",
        "monitor_target",
        ["town_id", "territory_id", "measure", "period_kind", "from_day"],
        unique=False,
    )
    op.create_index("ix_ranking_weights_day", "ranking_weights", ["town_id", "from_day"], unique=False)


def keep_stars_with_ratings() -> None:
    """Write with each rating of a repair how many stars it was; of those that were changed since, the last is known."""
    op.add_column("repair_event", sa.Column("stars", sa.BigInteger(), nullable=True))
    fill = """
        UPDATE repair_event SET stars = (
            SELECT rating FROM repair WHERE repair.town_id = repair_event.town_id AND repair.id = repair_event.repair_id
        )
        WHERE deed = 'rated'
    """
    if is_postgresql():
        op.execute("ALTER TABLE repair_event DISABLE TRIGGER repair_event_is_append_only")
        op.execute(fill)
        op.execute("ALTER TABLE repair_event ENABLE TRIGGER repair_event_is_append_only")
        return
    [(refusal,)] = (
        op.get_bind()
        .execute(
            sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'repair_event_refuses_update'")
        )
        .all()
    )
    op.execute("DROP TRIGGER repair_event_refuses_update")
    op.execute(fill)
    op.execute(refusal)


def create_indexes_of_measures() -> None:
    """By the moments at which records are decided, taken back or answered, which is rare."""
    for table, column in (
        ("service_record", "decided_at"),
        ("service_record", "voided_at"),
        ("complaint", "answered_at"),
    ):
        is_set = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_{table}_{column}",
            table,
            ["town_id", column],
            unique=False,
            sqlite_where=is_set,
            postgresql_where=is_set,
        )
    op.create_index(
        "ix_volunteer_registration_day", "volunteer_registration", ["town_id", "registered_at"], unique=False
    )
    is_dismissed = sa.text("dismissed_at IS NOT NULL")
    op.create_index(
        "ix_outbox_dismissed",
        "outbox",
        ["town_id", "dismissed_at"],
        unique=False,
        sqlite_where=is_dismissed,
        postgresql_where=is_dismissed,
    )


def keep_levels() -> None:
    """Let each level that a resident reaches leave the one before it."""
    op.create_table(
        "standing_level_version",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ladder", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("cycle", sa.BigInteger(), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["standing.town_id", "standing.resident_id"],
            name=op.f("fk_standing_level_version_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "resident_id", "ladder", "until", name=op.f("pk_standing_level_version")),
        info={"distribution": "distributed"},
    )
    op.create_index("ix_standing_level_version_until", "standing_level_version", ["town_id", "until"], unique=False)
    op.create_index("ix_standing_level_reached", "standing_level", ["town_id", "reached_at"], unique=False)
    columns = "town_id, resident_id, ladder, until, level, cycle, reached_at"
    key = "OLD.town_id, OLD.resident_id, OLD.ladder"
    old = f"{key}, {{later}}(NEW.reached_at, OLD.reached_at), OLD.level, OLD.cycle, OLD.reached_at"
    insert = f"INSERT INTO standing_level_version ({columns}) VALUES ({old}) ON CONFLICT DO NOTHING;"  # noqa: S608
    on_change = "UPDATE OF level, cycle ON standing_level"
    if is_postgresql():
        op.execute(
            "CREATE FUNCTION keep_standing_level_version() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"{insert.format(later='greatest')} RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER standing_level_keeps_versions AFTER {on_change} FOR EACH ROW "
            "WHEN (OLD.level <> NEW.level OR OLD.cycle <> NEW.cycle) EXECUTE FUNCTION keep_standing_level_version()"
        )
    else:
        op.execute(
            f"CREATE TRIGGER standing_level_keeps_versions AFTER {on_change} "
            f"WHEN OLD.level <> NEW.level OR OLD.cycle <> NEW.cycle BEGIN {insert.format(later='max')} END"
        )
    make_append_only("standing_level_version")
