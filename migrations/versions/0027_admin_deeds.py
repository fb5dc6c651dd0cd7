"""What operators did from the command line."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import JSON, make_append_only

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    create_admin_deed()
    op.create_index("ix_admin_deed_done", "admin_deed", ["town_id", "done_at"], unique=False)
    make_append_only("admin_deed")


def create_admin_deed() -> None:
    op.create_table(
        "admin_deed",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("deed", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", JSON, nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=True),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "staff_id"], ["staff.town_id", "staff.id"], name=op.f("fk_admin_deed_town_id_staff_id")
        ),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_admin_deed_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_admin_deed")),
        info={"distribution": "distributed"},
    )
