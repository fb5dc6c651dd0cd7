"""Check-in: both ways, by residents too, stored and sent later, undone; and the visits that it adds up to.

Of the scans of before, those that let somebody in are evidence, and so are those that found somebody in already. Sessions
that are over get their visits; whoever is in a session now gets one with the next scan.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import JSON, change_words, is_postgresql, make_anew, make_append_only

revision = "0006"
down_revision = "0005"

#: What a new column holds in the rows of before.
ADDED = {
    "scanner_kind": "'staff'",
    "method": "'code'",
    "is_evidence": "(result = 'admitted' OR (reason = 'already_in' AND reservation_id IS NOT NULL))",
    "offline": "false",
    "overridden": "false",
    "occurred_at": "received_at",
}
TRIGGER = "scan_is_append_only"


def upgrade() -> None:
    if is_postgresql():
        _change_on_postgresql()
    else:
        make_anew("scan", create_scan, ADDED)
        make_append_only("scan")
    create_indexes_of_scan()
    create_scan_undo()
    make_append_only("scan_undo")
    create_visit()
    create_indexes_of_visit()
    _make_visits()


def _change_on_postgresql() -> None:
    op.drop_index("uq_scan_single_entry", table_name="scan")
    op.drop_constraint(op.f("fk_scan_town_id_scanner_id"), "scan", type_="foreignkey")
    op.drop_constraint(op.f("ck_scan_who_is_admitted_has_a_place"), "scan", type_="check")
    change_words("scan", "direction", DIRECTIONS, check="direction")
    change_words("scan", "reason", REASONS, check="refusalreason")
    for name in ("scanner_kind", "method", "conflict"):
        op.add_column("scan", sa.Column(name, sa.String(length=32), nullable=True))
    for name in ("is_evidence", "offline", "overridden"):
        op.add_column("scan", sa.Column(name, sa.Boolean(), nullable=True))
    op.add_column("scan", sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(f"ALTER TABLE scan DISABLE TRIGGER {TRIGGER}")
    filled = ", ".join(f"{name} = {value}" for name, value in ADDED.items())
    op.execute(f"UPDATE scan SET {filled}")  # noqa: S608  our own words
    op.execute(f"ALTER TABLE scan ENABLE TRIGGER {TRIGGER}")
    for name in ADDED:
        op.alter_column("scan", name, nullable=False)
    for name, (check, words) in WORDS.items():
        listed = ", ".join(f"'{word}'" for word in words)
        op.create_check_constraint(op.f(f"ck_scan_{check}"), "scan", f"{name} IN ({listed})")
    for check, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_scan_{check}"), "scan", condition)


def _make_visits() -> None:
    """Of who was let into sessions that are over; when they left isn't known."""
    op.execute(
        """
        INSERT INTO visit
            (town_id, id, session_id, resident_id, reservation_id, entered_at, left_at, closed_by, entry_scan_id)
        SELECT scan.town_id, scan.id, scan.session_id, scan.resident_id, scan.reservation_id, scan.received_at,
               CASE WHEN session.ends_at < scan.received_at THEN scan.received_at ELSE session.ends_at END,
               'session_end', scan.id
        FROM scan JOIN session ON session.town_id = scan.town_id AND session.id = scan.session_id
        WHERE scan.result = 'admitted' AND session.ends_at < CURRENT_TIMESTAMP
        """
    )


DIRECTIONS = ("in", "out")
REASONS = (
    "unknown_code",
    "expired_code",
    "card_revoked",
    "no_match",
    "several_match",
    "suspended",
    "session_cancelled",
    "wrong_session",
    "not_reserved",
    "applied",
    "waitlisted",
    "offered",
    "lapsed",
    "cancelled",
    "released",
    "already_in",
    "left_already",
    "not_in",
    "too_early",
    "too_late",
)
CONFLICTS = (
    "already_in",
    "left_already",
    "not_in",
    "not_reserved",
    "not_confirmed",
    "cancelled",
    "session_cancelled",
    "released",
    "suspended",
    "card_revoked",
    "revived",
    "other_room",
)
#: The words of new columns, with the name of their check.
WORDS = {
    "scanner_kind": ("scannerkind", ("staff", "resident")),
    "method": ("identification", ("code", "card", "phone", "door")),
    "conflict": ("conflict", CONFLICTS),
}
CHECKS = {
    "who_is_admitted_was_there": "result = 'refused' OR is_evidence",
    "evidence_of_somebody": "NOT is_evidence OR (resident_id IS NOT NULL AND reservation_id IS NOT NULL)",
    "residents_scan_the_door": "(scanner_kind = 'resident') = (method = 'door')",
    "overridden_to_let_in": "NOT overridden OR result = 'admitted'",
}


def create_scan(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "scanner_kind",
            sa.Enum(
                "staff",
                "resident",
                name=op.f("ck_scan_scannerkind"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("scanner_id", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=True),
        sa.Column("reservation_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "direction",
            sa.Enum("in", "out", name=op.f("ck_scan_direction"), native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column(
            "method",
            sa.Enum(
                "code",
                "card",
                "phone",
                "door",
                name=op.f("ck_scan_identification"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "result",
            sa.Enum(
                "admitted",
                "refused",
                name=op.f("ck_scan_scanresult"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "reason",
            sa.Enum(
                "unknown_code",
                "expired_code",
                "card_revoked",
                "no_match",
                "several_match",
                "suspended",
                "session_cancelled",
                "wrong_session",
                "not_reserved",
                "applied",
                "waitlisted",
                "offered",
                "lapsed",
                "cancelled",
                "released",
                "already_in",
                "left_already",
                "not_in",
                "too_early",
                "too_late",
                name=op.f("ck_scan_refusalreason"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "conflict",
            sa.Enum(
                "already_in",
                "left_already",
                "not_in",
                "not_reserved",
                "not_confirmed",
                "cancelled",
                "session_cancelled",
                "released",
                "suspended",
                "card_revoked",
                "revived",
                "other_room",
                name=op.f("ck_scan_conflict"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("is_evidence", sa.Boolean(), nullable=False),
        sa.Column("offline", sa.Boolean(), nullable=False),
        sa.Column("overridden", sa.Boolean(), nullable=False),
        sa.Column("answer", JSON, nullable=False),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(result = 'refused') = (reason IS NOT NULL)", name=op.f("ck_scan_a_refusal_has_a_reason")),
        sa.CheckConstraint(
            "(scanner_kind = 'resident') = (method = 'door')", name=op.f("ck_scan_residents_scan_the_door")
        ),
        sa.CheckConstraint("NOT overridden OR result = 'admitted'", name=op.f("ck_scan_overridden_to_let_in")),
        sa.CheckConstraint("result = 'refused' OR is_evidence", name=op.f("ck_scan_who_is_admitted_was_there")),
        sa.CheckConstraint(
            "NOT is_evidence OR (resident_id IS NOT NULL AND reservation_id IS NOT NULL)",
            name=op.f("ck_scan_evidence_of_somebody"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "reservation_id"],
            ["reservation.town_id", "reservation.id"],
            name=op.f("fk_scan_town_id_reservation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"], ["resident.town_id", "resident.id"], name=op.f("fk_scan_town_id_resident_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "session_id"], ["session.town_id", "session.id"], name=op.f("fk_scan_town_id_session_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_scan")),
        sa.UniqueConstraint("town_id", "scanner_id", "nonce", name=op.f("uq_scan_town_id_scanner_id_nonce")),
        info={"distribution": "distributed"},
    )


def create_scan_undo() -> None:
    op.create_table(
        "scan_undo",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("scan_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "undone_by_kind",
            sa.Enum("staff", "resident", name="scannerkind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("undone_by_id", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("answer", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "scan_id"], ["scan.town_id", "scan.id"], name=op.f("fk_scan_undo_town_id_scan_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "scan_id", name=op.f("pk_scan_undo")),
        info={"distribution": "distributed"},
    )


def create_visit() -> None:
    op.create_table(
        "visit",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("reservation_id", sa.BigInteger(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "closed_by",
            sa.Enum(
                "scan",
                "other_room",
                "session_end",
                name="closedby",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("entry_scan_id", sa.BigInteger(), nullable=False),
        sa.Column("exit_scan_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(exit_scan_id IS NOT NULL) = (COALESCE(closed_by, '') IN ('scan', 'other_room'))",
            name=op.f("ck_visit_left_by_a_scan"),
        ),
        sa.CheckConstraint("(left_at IS NULL) = (closed_by IS NULL)", name=op.f("ck_visit_closed_by_something")),
        sa.CheckConstraint("entered_at <= left_at", name=op.f("ck_visit_entered_before_leaving")),
        sa.ForeignKeyConstraint(
            ["town_id", "entry_scan_id"],
            ["scan.town_id", "scan.id"],
            name=op.f("fk_visit_town_id_entry_scan_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "exit_scan_id"],
            ["scan.town_id", "scan.id"],
            name=op.f("fk_visit_town_id_exit_scan_id"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "reservation_id"],
            ["reservation.town_id", "reservation.id"],
            name=op.f("fk_visit_town_id_reservation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"], ["resident.town_id", "resident.id"], name=op.f("fk_visit_town_id_resident_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "session_id"], ["session.town_id", "session.id"], name=op.f("fk_visit_town_id_session_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_visit")),
        sa.UniqueConstraint("town_id", "entry_scan_id", name=op.f("uq_visit_town_id_entry_scan_id")),
        info={"distribution": "distributed"},
    )


def create_indexes_of_scan() -> None:
    op.create_index(
        "ix_scan_evidence",
        "scan",
        ["town_id", "resident_id", "occurred_at"],
        unique=False,
        sqlite_where=sa.text("is_evidence"),
        postgresql_where=sa.text("is_evidence"),
    )
    op.create_index("ix_scan_session", "scan", ["town_id", "session_id", "id"], unique=False)


def create_indexes_of_visit() -> None:
    op.create_index("ix_visit_resident", "visit", ["town_id", "resident_id", "entered_at"], unique=False)
    op.create_index("ix_visit_session", "visit", ["town_id", "session_id", "id"], unique=False)
    op.create_index(
        "uq_visit_open",
        "visit",
        ["town_id", "resident_id"],
        unique=True,
        sqlite_where=sa.text("left_at IS NULL"),
        postgresql_where=sa.text("left_at IS NULL"),
    )
