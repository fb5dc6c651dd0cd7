"""Activities as organisers make them: a draft, its publication, its end.

A draft is seen by the staff of its place, may have sessions (which have their rooms), and takes no reservations. What is
cancelled or finished stays as it is; a copy of it is a new draft with the same series, which have no sessions before the
copy is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import bindparam, exists, insert, or_, select, update

from models.activities import Activity, ActivityStatus, Series, Session, SessionStatus
from models.search import FoundKind
from models.territory import Operator
from rules.activities.expanding import SERIES, commit_to_draws, expand_series, lock_series
from rules.activities.organised import lock_activity, path_of, read_activity, require_organiser_at
from rules.activities.questions import check_questions
from rules.activities.refusals import ActivityInvalid, AllocationFixed, Fault, NotADraft, SessionsToCome
from rules.activities.scheduling import write_series
from rules.activities.series import PLAN_FIELDS, Pattern, days_of, explicit, parse_rule
from rules.clock import local_day
from rules.keys import Keys
from rules.points.budgets import OperatorUnknown
from rules.rows import AnyRow
from rules.search.indexing import remove_entry
from rules.search.refreshing import refresh
from rules.work import Work

#: What an organiser says of an activity.
FIELDS = (
    "title",
    "summary",
    "category",
    "scene",
    "community_id",
    "operator_id",
    "eligible_territory_id",
    "volunteers_only",
    "party_size_max",
    "age_min",
    "age_max",
    "audience",
    "price",
    "allocation",
    "waiting_max",
    "offer_minutes",
    "allows_reentry",
    "questions",
)

_columns = tuple(getattr(Activity, name) for name in FIELDS)
_insert = insert(Activity)
_this = (Activity.town_id == bindparam("town"), Activity.id == bindparam("activity"))
_whole = select(*_columns).where(*_this)
_operator = select(Operator.id).where(Operator.town_id == bindparam("town"), Operator.id == bindparam("operator"))
_set_status = (
    update(Activity)
    .where(*_this, Activity.status == bindparam("from_status"))
    .values(status=bindparam("to_status"), versioned_at=bindparam("now"))
    .returning(Activity.id)
    .execution_options(synchronize_session=False)
)
_is_planned = select(
    or_(
        exists().where(Session.town_id == bindparam("town"), Session.activity_id == bindparam("activity")),
        exists().where(Series.town_id == bindparam("town"), Series.activity_id == bindparam("activity")),
    )
)
_to_come = (
    select(Session.id)
    .where(
        Session.town_id == bindparam("town"),
        Session.activity_id == bindparam("activity"),
        Session.status == SessionStatus.SCHEDULED,
        Session.ends_at > bindparam("now"),
    )
    .order_by(Session.starts_at, Session.id)
)
_series_of = SERIES.where(Series.activity_id == bindparam("activity")).order_by(Series.id)
_end_series = (
    update(Series)
    .where(
        Series.town_id == bindparam("town"),
        Series.activity_id == bindparam("activity"),
        or_(Series.ends_on.is_(None), Series.ends_on > bindparam("day")),
    )
    .values(ends_on=bindparam("day"))
    .execution_options(synchronize_session=False)
)


def create_activity(work: Work, said: Mapping[str, Any]) -> int:
    """Write a draft and return its id. `said`: FIELDS.

    Raises PlaceUnknown, Forbidden, OperatorUnknown, ActivityInvalid, QuestionsInvalid.
    """
    return _write(work, _checked(work, said, dict(said)), None)


def change_activity(work: Work, activity_id: int, changes: Mapping[str, Any]) -> None:
    """Change some FIELDS. Who has reserved keeps the terms of then.

    Raises ActivityUnknown, Forbidden, ActivityOver, PlaceUnknown, OperatorUnknown, ActivityInvalid, QuestionsInvalid,
    AllocationFixed.
    """
    activity = lock_activity(work, activity_id)
    if not changes:
        return
    asked = {"town": work.town_id, "activity": activity_id}
    if changes.get("allocation", activity.allocation) is not activity.allocation and work.core.scalar(
        _is_planned, asked
    ):
        raise AllocationFixed
    values = _checked(work, changes, {"age_min": activity.age_min, "age_max": activity.age_max, **changes})
    values["versioned_at"] = work.now
    statement = update(Activity).where(*_this).values(values).execution_options(synchronize_session=False)
    work.core.execute(statement, asked)
    if activity.status is ActivityStatus.PUBLISHED:
        refresh(work, FoundKind.ACTIVITY, [activity_id])


def publish_activity(work: Work, keys: Keys, activity_id: int) -> None:
    """Show a draft to everybody, and make the sessions of series that have none yet.

    Raises ActivityUnknown, Forbidden, ActivityOver, NotADraft, VenueClash.
    """
    activity = lock_activity(work, activity_id)
    if not _move(work, activity_id, ActivityStatus.DRAFT, ActivityStatus.PUBLISHED):
        raise NotADraft
    asked = {"town": work.town_id, "activity": activity_id}
    for row in work.core.execute(_series_of, asked).all():
        if row.expanded_until is None:
            expand_series(work, keys, lock_series(work, row.id))
    to_come = work.core.scalars(_to_come, asked | {"now": work.now}).all()
    commit_to_draws(work, keys, ActivityStatus.PUBLISHED, activity.allocation, to_come)
    refresh(work, FoundKind.ACTIVITY, [activity_id])


def copy_activity(work: Work, activity_id: int) -> int:
    """Write a draft like an activity, with its series but no sessions, and return its id.

    The series begin today at the earliest, and one whose end is over goes on without an end. Raises ActivityUnknown,
    Forbidden.
    """
    read_activity(work, activity_id)
    asked = {"town": work.town_id, "activity": activity_id}
    whole = work.core.execute(_whole, asked).one()._mapping
    copy_id = _write(work, dict(whole), activity_id)
    today = local_day(work.now)
    for row in work.core.execute(_series_of, asked).all():
        write_series(work, copy_id, _series_from(row, today))
    return copy_id


def finish_activity(work: Work, activity_id: int) -> None:
    """Say that an activity is over for good: its series end, and nothing can be added any more.

    Raises ActivityUnknown, Forbidden, ActivityOver, SessionsToCome.
    """
    activity = lock_activity(work, activity_id)
    asked = {"town": work.town_id, "activity": activity_id}
    to_come = work.core.scalars(_to_come, asked | {"now": work.now}).all()
    if to_come:
        raise SessionsToCome(sessions=len(to_come))
    _move(work, activity_id, activity.status, ActivityStatus.FINISHED)
    end_series(work, activity_id)
    remove_entry(work, FoundKind.ACTIVITY, activity_id)


def close_activity(work: Work, activity_id: int) -> None:
    """Turn an activity into a cancelled one and end its series. Raises ActivityUnknown, Forbidden, ActivityOver."""
    activity = lock_activity(work, activity_id)
    _move(work, activity_id, activity.status, ActivityStatus.CANCELLED)
    remove_entry(work, FoundKind.ACTIVITY, activity_id)


def end_series(work: Work, activity_id: int) -> None:
    """Let no series of an activity go on beyond today."""
    work.core.execute(_end_series, {"town": work.town_id, "activity": activity_id, "day": local_day(work.now)})


def _write(work: Work, values: Mapping[str, Any], copied_from_id: int | None) -> int:
    id_ = work.new_id()
    row = {
        "town_id": work.town_id,
        "id": id_,
        "status": ActivityStatus.DRAFT,
        "copied_from_id": copied_from_id,
        "created_at": work.now,
    }
    work.core.execute(_insert, row | dict(values))
    return id_


def _checked(work: Work, changes: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """The changes as they are kept, if the actor may make them. `whole`: with what stands already and must fit."""
    if "community_id" in changes:
        require_organiser_at(work, changes["community_id"])
    if changes.get("eligible_territory_id") is not None:
        path_of(work, changes["eligible_territory_id"])
    if "operator_id" in changes:
        asked = {"town": work.town_id, "operator": changes["operator_id"]}
        if work.core.scalar(_operator, asked) is None:
            raise OperatorUnknown
    youngest, oldest = whole.get("age_min"), whole.get("age_max")
    if youngest is not None and oldest is not None and youngest > oldest:
        raise ActivityInvalid(faults={"age_max": Fault("不能小于最小年龄。", "It can't be below the least age.")})
    values = dict(changes)
    if "questions" in changes:
        values["questions"] = check_questions(changes["questions"])
    return values


def _move(work: Work, activity_id: int, from_: ActivityStatus, to: ActivityStatus) -> bool:
    asked = {"town": work.town_id, "activity": activity_id, "from_status": from_, "to_status": to, "now": work.now}
    return work.core.execute(_set_status, asked).first() is not None


def _series_from(row: AnyRow, today: date) -> dict[str, Any]:
    """The columns of a series like another one, from today on. As many sessions as that had, where it counted them."""
    rule = explicit(parse_rule(row.rrule, row.starts_at), row.starts_on)
    if rule.until is not None and rule.until < today:
        rule = replace(rule, until=None)
    starts_on, ends_on = max(row.starts_on, today), row.ends_on
    if rule.count is not None or (ends_on is not None and ends_on < starts_on):
        ends_on = None
    if rule.count is not None or rule.until is not None:
        ends_on = days_of(Pattern(rule, starts_on, ends_on))[-1]
    return {
        **{name: getattr(row, name) for name in ("starts_at", "skips_holidays", *PLAN_FIELDS)},
        "rrule": str(rule),
        "starts_on": starts_on,
        "ends_on": ends_on,
        "skips": [day for day in row.skips if date.fromisoformat(day) >= starts_on],
    }
