"""The activities of an organiser's places in a list, drafts and what is over included."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Integer, bindparam, case, cast, func, or_, select

from models.activities import Activity, ActivityStatus, Session, SessionStatus
from models.residents import Role
from rules.activities.looking import ACTIVITIES, COMMUNITY
from rules.ids import ID_MAX
from rules.paging import Page, Position, cut
from rules.rows import AnyRow
from rules.work import Work

_counts = (
    select(
        Session.activity_id,
        cast(func.count(), Integer).label("sessions_to_come"),
        func.min(Session.starts_at).label("next_starts_at"),
    )
    .where(
        Session.town_id == bindparam("town"),
        Session.status == SessionStatus.SCHEDULED,
        Session.ends_at > bindparam("now"),
    )
    .group_by(Session.activity_id)
    .subquery()
)
_managed = (
    ACTIVITIES.add_columns(
        Activity.created_at,
        Activity.copied_from_id,
        case((_counts.c.sessions_to_come.is_(None), 0), else_=_counts.c.sessions_to_come).label("sessions_to_come"),
        _counts.c.next_starts_at,
    )
    .outerjoin(_counts, _counts.c.activity_id == Activity.id)
    .where(Activity.id < bindparam("before"))
    .order_by(Activity.id.desc())
    .limit(bindparam("limit"))
)


def list_managed(
    work: Work, status: ActivityStatus | None, community_id: int | None, after: Position | None, limit: int
) -> Page[AnyRow]:
    """The activities of the actor's places, drafts included, the latest first."""
    nodes = [grant.path for grant in work.actor.grants if grant.role in (Role.ORGANISER, Role.ADMIN)]
    fits: list[ColumnElement[bool]] = [or_(*(COMMUNITY.path.startswith(path) for path in nodes))]
    if status is not None:
        fits.append(Activity.status == status)
    if community_id is not None:
        fits.append(Activity.community_id == community_id)
    before = ID_MAX if after is None else int(after[0])
    asked = {"town": work.town_id, "now": work.now, "before": before, "limit": limit + 1}
    return cut(work.core.execute(_managed.where(*fits), asked).all(), limit, lambda row: (row.id,))
