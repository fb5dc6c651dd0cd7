"""Who leads the jobs, when each is due next, and who is told of new snapshots."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    create_job_leader()
    create_job_schedule()
    create_webhook()
    op.add_column("job_run", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("job_run", sa.Column("term", sa.BigInteger(), nullable=True))
    create_indexes()
    op.execute("INSERT INTO job_leader (id, term) VALUES (1, 0)")


def create_job_leader() -> None:
    op.create_table(
        "job_leader",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_job_leader_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_leader")),
        info={"distribution": "reference"},
    )


def create_job_schedule() -> None:
    op.create_table(
        "job_schedule",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("slot", sa.Text(), nullable=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_job_schedule_town_id")),
        sa.PrimaryKeyConstraint("town_id", "job", name=op.f("pk_job_schedule")),
        info={"distribution": "distributed"},
    )


def create_webhook() -> None:
    op.create_table(
        "webhook",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_webhook_failures_not_negative")),
        sa.ForeignKeyConstraint(
            ["town_id", "created_by"], ["staff.town_id", "staff.id"], name=op.f("fk_webhook_town_id_created_by")
        ),
        sa.ForeignKeyConstraint(
            ["town_id", "disabled_by"], ["staff.town_id", "staff.id"], name=op.f("fk_webhook_town_id_disabled_by")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_webhook_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_webhook")),
        sa.UniqueConstraint("town_id", "url", name=op.f("uq_webhook_town_id_url")),
        info={"distribution": "distributed"},
    )


def create_indexes() -> None:
    op.create_index("ix_job_run_started", "job_run", ["town_id", "started_at"], unique=False)
    op.create_index(
        "ix_job_run_unfinished",
        "job_run",
        ["town_id", "term"],
        unique=False,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index("ix_idempotency_record_recorded", "idempotency_record", ["town_id", "recorded_at"], unique=False)
