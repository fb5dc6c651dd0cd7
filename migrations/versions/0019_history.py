"""What rows of activities, sessions, reservations and residents were, before they changed.

The triggers are the ones that the head of `models/history.py` describes. They run after the change: PostgreSQL locks a row
once more for a trigger that runs before, whatever column is changed, and most changes are none of theirs.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import is_postgresql, make_append_only

revision = "0019"
down_revision = "0018"

WATCHED = {
    "activity": ("scene", "community_id", "operator_id", "status"),
    "session": ("venue_id", "starts_at", "ends_at", "reservable_until", "capacity", "status"),
    "reservation": (
        "party_size",
        "status",
        "confirmed_at",
        "cancellable_until",
        "cancelled_at",
        "cancelled_by",
        "checked_in_at",
        "no_show_at",
    ),
    "resident": ("territory_id", "status"),
}
#: Changes that the row itself tells of, where nobody said that they came late.
TELLING = {"reservation": "OLD.status = 'confirmed' AND NEW.status = 'checked_in'"}
#: An id begins with the milliseconds since 2024 (`rules.ids`).
MADE_AT = {
    True: "timestamptz '2024-01-01 00:00:00+00' + (id >> 22) * interval '1 millisecond'",
    False: "strftime('%Y-%m-%d %H:%M:%S', 1704067200 + (id >> 22) / 1000, 'unixepoch') || '.000000'",
}


def upgrade() -> None:
    for table in WATCHED:
        op.add_column(table, sa.Column("versioned_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("session", sa.Column("made_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(f"UPDATE session SET made_at = {MADE_AT[is_postgresql()]}")  # noqa: S608  our own words
    create_activity_version()
    create_session_version()
    create_reservation_version()
    create_resident_version()
    create_indexes()
    for table, columns in WATCHED.items():
        keep_versions(table, columns)
    for table in ("activity", "session", "reservation"):  # of who is erased, what tells too much is written over
        make_append_only(f"{table}_version")


def keep_versions(table: str, columns: tuple[str, ...]) -> None:
    """Let each change of one of these columns leave what the row was."""
    make = _keep_on_postgresql if is_postgresql() else _keep_on_sqlite
    differs = "IS DISTINCT FROM" if is_postgresql() else "IS NOT"
    changed = "(" + " OR ".join(f"OLD.{name} {differs} NEW.{name}" for name in columns) + ")"
    told = f"NOT ({TELLING[table]}) OR OLD.versioned_at {differs} NEW.versioned_at" if table in TELLING else "true"
    make(table, columns, changed, told)


def _keep_on_postgresql(table: str, columns: tuple[str, ...], changed: str, told: str) -> None:
    """What is compared in the trigger's condition is made ready anew for each statement, so that is kept short."""
    names = ", ".join(columns)
    values = ", ".join(f"OLD.{name}" for name in columns)
    op.execute(
        f"""
        CREATE FUNCTION keep_{table}_version() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT {changed} THEN
                RETURN NULL;
            END IF;
            IF NEW.versioned_at IS NULL THEN
                RAISE EXCEPTION '{table}: who changes this sets versioned_at';
            END IF;
            IF OLD.versioned_at > NEW.versioned_at THEN
                UPDATE {table} SET versioned_at = OLD.versioned_at WHERE town_id = NEW.town_id AND id = NEW.id;
            END IF;
            INSERT INTO {table}_version (town_id, id, until, {names})
            VALUES (OLD.town_id, OLD.id, greatest(NEW.versioned_at, OLD.versioned_at), {values})
            ON CONFLICT DO NOTHING;
            RETURN NULL;
        END $$
        """  # noqa: S608  our own names
    )
    op.execute(
        f"CREATE TRIGGER {table}_keeps_versions AFTER UPDATE OF {names} ON {table} "
        f"FOR EACH ROW WHEN ({told}) EXECUTE FUNCTION keep_{table}_version()"
    )


def _keep_on_sqlite(table: str, columns: tuple[str, ...], changed: str, told: str) -> None:
    names = ", ".join(columns)
    values = ", ".join(f"OLD.{name}" for name in columns)
    op.execute(
        f"""
        CREATE TRIGGER {table}_keeps_versions AFTER UPDATE OF {names} ON {table} WHEN {changed} AND ({told})
        BEGIN
            SELECT RAISE(ABORT, '{table}: who changes this sets versioned_at') WHERE NEW.versioned_at IS NULL;
            UPDATE {table} SET versioned_at = OLD.versioned_at
            WHERE town_id = NEW.town_id AND id = NEW.id AND OLD.versioned_at > NEW.versioned_at;
            INSERT INTO {table}_version (town_id, id, until, {names})
            VALUES (OLD.town_id, OLD.id, max(NEW.versioned_at, coalesce(OLD.versioned_at, NEW.versioned_at)), {values})
            ON CONFLICT DO NOTHING;
        END
        """  # noqa: S608  our own names
    )


def create_activity_version() -> None:
    op.create_table(
        "activity_version",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
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
            nullable=False,
        ),
        sa.Column("community_id", sa.BigInteger(), nullable=False),
        sa.Column("operator_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "published",
                "cancelled",
                "finished",
                name="activitystatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "id"], ["activity.town_id", "activity.id"], name=op.f("fk_activity_version_town_id_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", "until", name=op.f("pk_activity_version")),
        info={"distribution": "distributed"},
    )


def create_session_version() -> None:
    op.create_table(
        "session_version",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("venue_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reservable_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "scheduled", "cancelled", name="sessionstatus", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "id"], ["session.town_id", "session.id"], name=op.f("fk_session_version_town_id_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", "until", name=op.f("pk_session_version")),
        info={"distribution": "distributed"},
    )


def create_reservation_version() -> None:
    op.create_table(
        "reservation_version",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("party_size", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "applied",
                "waitlisted",
                "offered",
                "confirmed",
                "checked_in",
                "cancelled",
                "no_show",
                "lapsed",
                name="reservationstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancellable_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "cancelled_by",
            sa.Enum(
                "resident",
                "staff",
                "organiser",
                name="cancelledby",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("no_show_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["town_id", "id"], ["reservation.town_id", "reservation.id"], name=op.f("fk_reservation_version_town_id_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", "until", name=op.f("pk_reservation_version")),
        info={"distribution": "distributed"},
    )


def create_resident_version() -> None:
    op.create_table(
        "resident_version",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("territory_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum("active", "suspended", name="residentstatus", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "id"], ["resident.town_id", "resident.id"], name=op.f("fk_resident_version_town_id_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", "until", name=op.f("pk_resident_version")),
        info={"distribution": "distributed"},
    )


def create_indexes() -> None:
    op.create_index("ix_activity_version_until", "activity_version", ["town_id", "until"], unique=False)
    op.create_index("ix_session_version_until", "session_version", ["town_id", "until"], unique=False)
    op.create_index("ix_reservation_version_until", "reservation_version", ["town_id", "until"], unique=False)
    op.create_index("ix_resident_version_until", "resident_version", ["town_id", "until"], unique=False)
    op.create_index("ix_session_starts_at", "session", ["town_id", "starts_at"], unique=False)
