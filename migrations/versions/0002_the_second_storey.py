"""The second storey of the ledger: holds, reversals, caps, seals; what staff book by hand; jobs and the outbox.

Lots learn their issuer and postings the counters that they did not move. What is there was all earned from the town's
own pool and never spent, so the new columns can be worked out from the old ones.

SQLite can't change a constraint: there the changed tables are made anew, filled and renamed (the procedure of
https://www.sqlite.org/lang_altertable.html#otheralter), with foreign keys off, as `migrations.env` sets them.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

APPEND_ONLY = ("seal", "sealed_txn")
JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _change_on_postgresql()
    else:
        _change_on_sqlite()
    op.create_index(
        "ix_lot_open",
        "lot",
        ["town_id", "expires_on", "account_id"],
        unique=False,
        sqlite_where=sa.text("credited > debited"),
        postgresql_where=sa.text("credited > debited"),
    )
    for name, column in (("ix_txn_reverses", "reverses_txn_id"), ("ix_txn_hold", "hold_txn_id")):
        is_set = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, "txn", ["town_id", column], sqlite_where=is_set, postgresql_where=is_set)
    op.create_index("ix_reservation_session_resident", "reservation", ["town_id", "session_id", "resident_id"])
    create_job_run()
    create_outbox()
    create_hold()
    create_reversal()
    create_rule_usage()
    create_adjustment()
    create_award_import()
    create_award_import_row()
    create_resident_salt()
    create_seal()
    create_sealed_txn()
    for table in APPEND_ONLY:
        _guard(table)


#: The owner of the lot's wallet's pool: so far always the town itself.
ISSUER = "town_id"
#: What the pool had got when a posting took from it; a mint never gets anything.
SRC_CREDITED = """coalesce((SELECT max(q.dst_credited_after) FROM posting q WHERE q.town_id = {p}.town_id
    AND q.dst_account_id = {p}.src_account_id AND q.recorded_at <= {p}.recorded_at), 0)"""
#: What a pool had given when it was funded; a wallet had given nothing.
DST_DEBITED = """coalesce((SELECT max(q.src_debited_after) FROM posting q WHERE q.town_id = {p}.town_id
    AND q.src_account_id = {p}.dst_account_id AND q.recorded_at <= {p}.recorded_at), 0)"""


def _change_on_postgresql() -> None:
    op.add_column("book", sa.Column("pool_shards", sa.BigInteger(), nullable=False, server_default="1"))
    op.alter_column("book", "pool_shards", server_default=None)
    op.create_check_constraint(op.f("ck_book_pool_shards_within_bounds"), "book", "pool_shards BETWEEN 1 AND 64")
    op.add_column("lot", sa.Column("issuer_id", sa.BigInteger(), nullable=True))
    op.execute(f"UPDATE lot SET issuer_id = {ISSUER}")  # noqa: S608  our own words, here and below
    op.alter_column("lot", "issuer_id", nullable=False)
    op.drop_index("ix_lot_open", table_name="lot")
    op.drop_constraint(op.f("uq_lot_town_id_account_id_expires_on_scope"), "lot", type_="unique")
    op.create_unique_constraint(
        op.f("uq_lot_town_id_account_id_expires_on_scope_issuer_id"),
        "lot",
        ["town_id", "account_id", "expires_on", "scope", "issuer_id"],
    )
    op.add_column("txn", sa.Column("rule_id", sa.Text(), nullable=True))
    op.add_column("txn", sa.Column("usages", JSON, nullable=True))
    op.add_column("txn", sa.Column("hold_txn_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_txn_town_id_hold_txn_id"), "txn", "txn", ["town_id", "hold_txn_id"], ["town_id", "id"]
    )
    op.add_column("posting", sa.Column("src_credited", sa.BigInteger(), nullable=True))
    op.add_column("posting", sa.Column("dst_debited", sa.BigInteger(), nullable=True))
    op.execute("ALTER TABLE posting DISABLE TRIGGER posting_is_append_only")
    op.execute(
        f"UPDATE posting SET src_credited = {SRC_CREDITED.format(p='posting')}, "  # noqa: S608
        f"dst_debited = {DST_DEBITED.format(p='posting')}"
    )
    op.execute("ALTER TABLE posting ENABLE TRIGGER posting_is_append_only")
    op.alter_column("posting", "src_credited", nullable=False)
    op.alter_column("posting", "dst_debited", nullable=False)
    op.create_check_constraint(
        op.f("ck_posting_other_counters_not_negative"), "posting", "src_credited >= 0 AND dst_debited >= 0"
    )


def _change_on_sqlite() -> None:
    _make_anew("book", create_book, {"pool_shards": "1"})
    op.drop_index("ix_lot_open", table_name="lot")
    _make_anew("lot", create_lot, {"issuer_id": ISSUER})
    _make_anew("txn", create_txn, {"rule_id": "NULL", "usages": "NULL", "hold_txn_id": "NULL"})
    others = {"src_credited": SRC_CREDITED.format(p="old"), "dst_debited": DST_DEBITED.format(p="old")}
    _make_anew("posting", create_posting, others)
    for table in ("txn", "posting"):
        _guard(table)


def _make_anew(table: str, create: Callable[[str], None], added: dict[str, str]) -> None:
    """Replace a table by one of the same rows with columns added, each with the expression that fills it."""
    kept = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)]
    create(f"new_{table}")
    names, values = ", ".join([*kept, *added]), ", ".join([*kept, *added.values()])
    op.execute(f"INSERT INTO new_{table} ({names}) SELECT {values} FROM {table} AS old")  # noqa: S608  our own names
    op.drop_table(table)
    op.rename_table(f"new_{table}", table)


def _guard(table: str) -> None:
    """Rows are added and never changed."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_is_not_emptied BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_refuses_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def create_book(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scale", sa.BigInteger(), nullable=False),
        sa.Column("pool_shards", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("pool_shards BETWEEN 1 AND 64", name=op.f("ck_book_pool_shards_within_bounds")),
        sa.CheckConstraint("scale BETWEEN 0 AND 2", name=op.f("ck_book_scale_known")),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_book_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_book")),
        sa.UniqueConstraint("town_id", "code", name=op.f("uq_book_town_id_code")),
        info={"distribution": "distributed"},
    )


def create_lot(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("issuer_id", sa.BigInteger(), nullable=False),
        sa.Column("credited", sa.BigInteger(), nullable=False),
        sa.Column("debited", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("debited BETWEEN 0 AND credited", name=op.f("ck_lot_not_overdrawn")),
        sa.ForeignKeyConstraint(
            ["town_id", "account_id"], ["account.town_id", "account.id"], name=op.f("fk_lot_town_id_account_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_lot")),
        sa.UniqueConstraint(
            "town_id",
            "account_id",
            "expires_on",
            "scope",
            "issuer_id",
            name=op.f("uq_lot_town_id_account_id_expires_on_scope_issuer_id"),
        ),
        info={"distribution": "distributed"},
    )


def create_txn(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("book_id", sa.BigInteger(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "grant_budget",
                "earn",
                "spend",
                "hold",
                "capture",
                "void",
                "transfer",
                "reverse",
                "adjust",
                "expire",
                name=op.f("ck_txn_txnkind"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("rulebook_version_id", sa.BigInteger(), nullable=True),
        sa.Column("rule_id", sa.Text(), nullable=True),
        sa.Column("usages", JSON, nullable=True),
        sa.Column("reverses_txn_id", sa.BigInteger(), nullable=True),
        sa.Column("hold_txn_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=True),
        sa.Column("operator_id", sa.BigInteger(), nullable=True),
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
                name=op.f("ck_txn_scene"),
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "book_id"], ["book.town_id", "book.id"], name=op.f("fk_txn_town_id_book_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "community_id"], ["territory.town_id", "territory.id"], name=op.f("fk_txn_town_id_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "event_id"], ["event.town_id", "event.id"], name=op.f("fk_txn_town_id_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "hold_txn_id"], ["txn.town_id", "txn.id"], name=op.f("fk_txn_town_id_hold_txn_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "operator_id"], ["operator.town_id", "operator.id"], name=op.f("fk_txn_town_id_operator_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "reverses_txn_id"], ["txn.town_id", "txn.id"], name=op.f("fk_txn_town_id_reverses_txn_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "rulebook_version_id"],
            ["rulebook_version.town_id", "rulebook_version.id"],
            name=op.f("fk_txn_town_id_rulebook_version_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_txn")),
        sa.UniqueConstraint(
            "town_id", "book_id", "idempotency_key", name=op.f("uq_txn_town_id_book_id_idempotency_key")
        ),
        info={"distribution": "distributed"},
    )


def create_posting(name: str) -> None:
    op.create_table(
        name,
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("txn_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("src_account_id", sa.BigInteger(), nullable=False),
        sa.Column("dst_account_id", sa.BigInteger(), nullable=False),
        sa.Column("src_lot_id", sa.BigInteger(), nullable=True),
        sa.Column("dst_lot_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("src_debited_after", sa.BigInteger(), nullable=False),
        sa.Column("dst_credited_after", sa.BigInteger(), nullable=False),
        sa.Column("src_lot_debited_after", sa.BigInteger(), nullable=True),
        sa.Column("dst_lot_credited_after", sa.BigInteger(), nullable=True),
        sa.Column("src_credited", sa.BigInteger(), nullable=False),
        sa.Column("dst_debited", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(dst_lot_id IS NULL) = (dst_lot_credited_after IS NULL)", name=op.f("ck_posting_dst_lot_with_its_counter")
        ),
        sa.CheckConstraint(
            "(src_lot_id IS NULL) = (src_lot_debited_after IS NULL)", name=op.f("ck_posting_src_lot_with_its_counter")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_posting_amount_positive")),
        sa.CheckConstraint("src_account_id <> dst_account_id", name=op.f("ck_posting_two_accounts")),
        sa.CheckConstraint(
            "src_credited >= 0 AND dst_debited >= 0", name=op.f("ck_posting_other_counters_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "dst_account_id"],
            ["account.town_id", "account.id"],
            name=op.f("fk_posting_town_id_dst_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "dst_lot_id"], ["lot.town_id", "lot.id"], name=op.f("fk_posting_town_id_dst_lot_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "src_account_id"],
            ["account.town_id", "account.id"],
            name=op.f("fk_posting_town_id_src_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "src_lot_id"], ["lot.town_id", "lot.id"], name=op.f("fk_posting_town_id_src_lot_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "txn_id"], ["txn.town_id", "txn.id"], name=op.f("fk_posting_town_id_txn_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "txn_id", "n", name=op.f("pk_posting")),
        sa.UniqueConstraint(
            "town_id",
            "dst_account_id",
            "dst_credited_after",
            name=op.f("uq_posting_town_id_dst_account_id_dst_credited_after"),
        ),
        sa.UniqueConstraint(
            "town_id",
            "dst_lot_id",
            "dst_lot_credited_after",
            name=op.f("uq_posting_town_id_dst_lot_id_dst_lot_credited_after"),
        ),
        sa.UniqueConstraint(
            "town_id",
            "src_account_id",
            "src_debited_after",
            name=op.f("uq_posting_town_id_src_account_id_src_debited_after"),
        ),
        sa.UniqueConstraint(
            "town_id",
            "src_lot_id",
            "src_lot_debited_after",
            name=op.f("uq_posting_town_id_src_lot_id_src_lot_debited_after"),
        ),
        info={"distribution": "distributed"},
    )


def create_job_run() -> None:
    op.create_table(
        "job_run",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum("ok", "failed", name="joboutcome", native_enum=False, create_constraint=True, length=32),
            nullable=True,
        ),
        sa.Column("result", JSON, nullable=True),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_job_run_town_id")),
        sa.PrimaryKeyConstraint("town_id", "job", "slot", name=op.f("pk_job_run")),
        info={"distribution": "distributed"},
    )


def create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_outbox_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("town_id", "topic", "key", name=op.f("uq_outbox_town_id_topic_key")),
        info={"distribution": "distributed"},
    )
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["town_id", "available_at"],
        unique=False,
        sqlite_where=sa.text("delivered_at IS NULL"),
        postgresql_where=sa.text("delivered_at IS NULL"),
    )


def create_hold() -> None:
    op.create_table(
        "hold",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("txn_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("wallet_id", sa.BigInteger(), nullable=False),
        sa.Column("escrow_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "amount > 0 AND captured >= 0 AND released >= 0", name=op.f("ck_hold_counters_not_negative")
        ),
        sa.CheckConstraint("captured + released <= amount", name=op.f("ck_hold_not_overdrawn")),
        sa.ForeignKeyConstraint(
            ["town_id", "escrow_id"], ["account.town_id", "account.id"], name=op.f("fk_hold_town_id_escrow_id")
        ),
        sa.ForeignKeyConstraint(["town_id", "txn_id"], ["txn.town_id", "txn.id"], name=op.f("fk_hold_town_id_txn_id")),
        sa.ForeignKeyConstraint(
            ["town_id", "wallet_id"], ["account.town_id", "account.id"], name=op.f("fk_hold_town_id_wallet_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "txn_id", name=op.f("pk_hold")),
        info={"distribution": "distributed"},
    )
    op.create_index(
        "ix_hold_open",
        "hold",
        ["town_id", "expires_at"],
        unique=False,
        sqlite_where=sa.text("captured + released < amount"),
        postgresql_where=sa.text("captured + released < amount"),
    )


def create_reversal() -> None:
    op.create_table(
        "reversal",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("txn_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reversed", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("reversed > 0 AND reversed <= amount", name=op.f("ck_reversal_within_the_posting")),
        sa.ForeignKeyConstraint(
            ["town_id", "txn_id", "n"],
            ["posting.town_id", "posting.txn_id", "posting.n"],
            name=op.f("fk_reversal_town_id_txn_id_n"),
        ),
        sa.PrimaryKeyConstraint("town_id", "txn_id", "n", name=op.f("pk_reversal")),
        info={"distribution": "distributed"},
    )


def create_rule_usage() -> None:
    op.create_table(
        "rule_usage",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("period_key", sa.Text(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("cap", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used BETWEEN 0 AND cap", name=op.f("ck_rule_usage_used_within_cap")),
        sa.ForeignKeyConstraint(
            ["town_id", "account_id"], ["account.town_id", "account.id"], name=op.f("fk_rule_usage_town_id_account_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "account_id", "rule_id", "period_key", name=op.f("pk_rule_usage")),
        info={"distribution": "distributed"},
    )


def create_adjustment() -> None:
    op.create_table(
        "adjustment",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("needs_second_person", sa.Boolean(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "booked",
                "declined",
                name="decisionstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("requested_by", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("txn_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(status = 'booked') = (txn_id IS NOT NULL)", name=op.f("ck_adjustment_booked_with_its_transaction")
        ),
        sa.CheckConstraint(
            "status = 'pending' OR decided_by IS NOT NULL OR NOT needs_second_person",
            name=op.f("ck_adjustment_decided_by_a_second_person"),
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_adjustment_amount_not_zero")),
        sa.CheckConstraint("decided_by <> requested_by", name=op.f("ck_adjustment_second_person_is_not_the_first")),
        sa.ForeignKeyConstraint(
            ["town_id", "decided_by"], ["staff.town_id", "staff.id"], name=op.f("fk_adjustment_town_id_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "requested_by"], ["staff.town_id", "staff.id"], name=op.f("fk_adjustment_town_id_requested_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_adjustment_town_id_resident_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "txn_id"], ["txn.town_id", "txn.id"], name=op.f("fk_adjustment_town_id_txn_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_adjustment")),
        info={"distribution": "distributed"},
    )
    op.create_index(
        "ix_adjustment_pending",
        "adjustment",
        ["town_id", "id"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )


def create_award_import() -> None:
    op.create_table(
        "award_import",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("file_hash", sa.LargeBinary(), nullable=False),
        sa.Column("rows_total", sa.BigInteger(), nullable=False),
        sa.Column("amount_total", sa.BigInteger(), nullable=False),
        sa.Column("needs_second_person", sa.Boolean(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "booked",
                "declined",
                name="decisionstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("requested_by", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status = 'pending' OR decided_by IS NOT NULL OR NOT needs_second_person",
            name=op.f("ck_award_import_decided_by_a_second_person"),
        ),
        sa.CheckConstraint("decided_by <> requested_by", name=op.f("ck_award_import_second_person_is_not_the_first")),
        sa.ForeignKeyConstraint(
            ["town_id", "decided_by"], ["staff.town_id", "staff.id"], name=op.f("fk_award_import_town_id_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "requested_by"],
            ["staff.town_id", "staff.id"],
            name=op.f("fk_award_import_town_id_requested_by"),
        ),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_award_import")),
        sa.UniqueConstraint("town_id", "file_hash", name=op.f("uq_award_import_town_id_file_hash")),
        info={"distribution": "distributed"},
    )


def create_award_import_row() -> None:
    op.create_table(
        "award_import_row",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("import_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("resident_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("occurred_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("txn_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "problem IS NOT NULL OR (resident_id IS NOT NULL AND amount > 0 AND occurred_on IS NOT NULL)",
            name=op.f("ck_award_import_row_complete_or_a_problem"),
        ),
        sa.CheckConstraint("problem IS NULL OR txn_id IS NULL", name=op.f("ck_award_import_row_booked_or_a_problem")),
        sa.ForeignKeyConstraint(
            ["town_id", "import_id"],
            ["award_import.town_id", "award_import.id"],
            name=op.f("fk_award_import_row_town_id_import_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_award_import_row_town_id_resident_id"),
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "txn_id"], ["txn.town_id", "txn.id"], name=op.f("fk_award_import_row_town_id_txn_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "import_id", "n", name=op.f("pk_award_import_row")),
        info={"distribution": "distributed"},
    )


def create_resident_salt() -> None:
    op.create_table(
        "resident_salt",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "resident_id"],
            ["resident.town_id", "resident.id"],
            name=op.f("fk_resident_salt_town_id_resident_id"),
        ),
        sa.PrimaryKeyConstraint("town_id", "resident_id", name=op.f("pk_resident_salt")),
        info={"distribution": "distributed"},
    )


def create_seal() -> None:
    op.create_table(
        "seal",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("txn_count", sa.BigInteger(), nullable=False),
        sa.Column("posting_count", sa.BigInteger(), nullable=False),
        sa.Column("amount_total", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "seq > 0 AND txn_count >= 0 AND posting_count >= 0", name=op.f("ck_seal_counts_not_negative")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_seal_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_seal")),
        sa.UniqueConstraint("town_id", "day", name=op.f("uq_seal_town_id_day")),
        sa.UniqueConstraint("town_id", "previous_hash", name=op.f("uq_seal_town_id_previous_hash")),
        sa.UniqueConstraint("town_id", "seq", name=op.f("uq_seal_town_id_seq")),
        info={"distribution": "distributed"},
    )


def create_sealed_txn() -> None:
    op.create_table(
        "sealed_txn",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("txn_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seal_id", sa.BigInteger(), nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "seal_id"], ["seal.town_id", "seal.id"], name=op.f("fk_sealed_txn_town_id_seal_id")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "txn_id"], ["txn.town_id", "txn.id"], name=op.f("fk_sealed_txn_town_id_txn_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "txn_id", name=op.f("pk_sealed_txn")),
        sa.UniqueConstraint("town_id", "seal_id", "leaf", name=op.f("uq_sealed_txn_town_id_seal_id_leaf")),
        info={"distribution": "distributed"},
    )
