"""How a statement of several writes says that one of them can't be."""

from __future__ import annotations

from alembic import op

from migrations.steps import is_postgresql

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    if not is_postgresql():
        return
    op.execute(
        """
        CREATE FUNCTION come_short() RETURNS boolean LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a part of the statement could not be done' USING ERRCODE = 'BF001';
        END $$
        """
    )
