"""Positions, hours, services and duty rosters of centres; what residents like."""

from __future__ import annotations

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Nothing yet."""
