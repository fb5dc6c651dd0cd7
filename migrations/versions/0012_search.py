"""What is found by a few characters.

Each engine indexes the terms in its own way, by itself: the models don't know those two, nor does Alembic's comparison
(`models.search.OF_ONE_ENGINE`). FTS5 keeps neither a copy of the terms (`content=''`) nor their positions (`detail=none`).
GIN takes each new row in at once: a search would go through all that waits. What was there before is found once
the entries of each town are made, which `flask migrate` does after the last step: terms are the rules' affair.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.steps import is_postgresql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    create_search_entry()
    op.create_index("ix_search_entry_newest", "search_entry", ["town_id", "kind", "id"], unique=False)
    if is_postgresql():
        op.execute("CREATE INDEX ix_search_entry_terms ON search_entry USING gin (terms) WITH (fastupdate = off)")
    else:
        op.execute(
            "CREATE VIRTUAL TABLE search_fts USING fts5("
            "terms, content='', columnsize=0, detail=none, tokenize=\"ascii tokenchars '_'\")"
        )


def create_search_entry() -> None:
    op.create_table(
        "search_entry",
        sa.Column("town_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "community",
                "estate",
                "centre",
                "service",
                "venue",
                "activity",
                "group",
                "reward",
                name="foundkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("spelling", sa.Text(), nullable=False),
        sa.Column("community_id", sa.BigInteger(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
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
        sa.Column("content_id", sa.BigInteger(), nullable=True),
        sa.Column("terms", sa.Text().with_variant(postgresql.TSVECTOR(), "postgresql"), nullable=False),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_search_entry_position_whole")),
        sa.ForeignKeyConstraint(["town_id"], ["town.id"], name=op.f("fk_search_entry_town_id")),
        sa.PrimaryKeyConstraint("town_id", "id", name=op.f("pk_search_entry")),
        sa.UniqueConstraint("town_id", "kind", "subject_id", name=op.f("uq_search_entry_town_id_kind_subject_id")),
        info={"distribution": "distributed"},
    )
