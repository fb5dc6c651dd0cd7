"""Who sees what was written."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, or_

from models.moderation import ContentState
from rules.work import ActorKind, Work


def passed(content: Any) -> ColumnElement[bool]:
    """Whether everybody may see it. `content`: the table, or an alias of it."""
    is_passed: ColumnElement[bool] = content.state == ContentState.PASSED
    return is_passed


def visible_to(content: Any, work: Work) -> ColumnElement[bool]:
    """Whether the actor may see it: what is passed, and what the actor wrote."""
    if work.actor.kind is not ActorKind.RESIDENT:
        return passed(content)
    return or_(passed(content), content.resident_id == work.actor.id)
