"""Activities that are over: found every night.

An activity is finished by itself only when its organiser said an end: it has series, each of them with a last day that is
past, and no session that isn't over. One that was planned session by session, or whose series goes on without an end, may
have a next one any day, so it stays published until somebody finishes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, exists, or_, update

from models.activities import Activity, ActivityStatus, Series, Session, SessionStatus
from models.search import FoundKind
from rules.clock import local_day
from rules.search.indexing import remove_entry
from rules.work import Work

_of_activity = (Series.town_id == Activity.town_id, Series.activity_id == Activity.id)
_finish = (
    update(Activity)
    .where(
        Activity.town_id == bindparam("town"),
        Activity.status == ActivityStatus.PUBLISHED,
        exists().where(*_of_activity),
        ~exists().where(*_of_activity, or_(Series.ends_on.is_(None), Series.ends_on >= bindparam("today"))),
        ~exists().where(
            Session.town_id == Activity.town_id,
            Session.activity_id == Activity.id,
            Session.status == SessionStatus.SCHEDULED,
            Session.ends_at > bindparam("now"),
        ),
    )
    .values(status=ActivityStatus.FINISHED, versioned_at=bindparam("now"))
    .returning(Activity.id)
    .execution_options(synchronize_session=False)
)


def finish_activities(work: Work) -> Sequence[int]:
    """Turn the published activities that are over into finished ones; returns their ids."""
    asked = {"town": work.town_id, "now": work.now, "today": local_day(work.now)}
    finished = work.core.scalars(_finish, asked).all()
    for activity_id in finished:
        remove_entry(work, FoundKind.ACTIVITY, activity_id)
    return finished
