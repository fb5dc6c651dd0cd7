"""What events changed of a standing, kept for the day on which they turn out to be void."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.steps import JSON

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "standing_trace",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changes", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["town_id", "event_id"], ["event.town_id", "event.id"], name=op.f("fk_standing_trace_town_id_event_id")
        ),
        sa.PrimaryKeyConstraint("town_id", "event_id", name=op.f("pk_standing_trace")),
    )
