"""Sessions of an activity by their end, too: what is still to come is found without going through all that were."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_index("ix_session_activity_ends_at", "session", ["town_id", "activity_id", "ends_at"], unique=False)
