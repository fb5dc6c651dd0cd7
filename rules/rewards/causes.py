"""Causes that residents give points to, and who gave.

Who gets the points is fixed when the cause is written. Nothing is given back, unless the cause is cancelled: then all of
it is, by a run of its own, donation by donation.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from sqlalchemy import and_, bindparam, distinct, func, insert, select, update

from models.residents import Resident, Role
from models.rewards import Cause, CauseStatus, Donation
from models.territory import Operator, Territory
from models.uploads import UploadPurpose
from rules.ids import ID_MAX
from rules.operators import find_operator
from rules.paging import Page, Position, cut
from rules.residents.identity import Forbidden, require_role
from rules.residents.names import greeting
from rules.rewards.refusals import CauseClosed, CauseEndsEarly, CauseUnknown
from rules.rows import AnyRow
from rules.territory.tree import find_place
from rules.uploads.attaching import claim, release
from rules.work import Work

_donors = (
    select(func.count(distinct(Donation.resident_id)))
    .where(Donation.town_id == Cause.town_id, Donation.cause_id == Cause.id, Donation.returned_at.is_(None))
    .correlate(Cause)
    .scalar_subquery()
)
CAUSES = (
    select(*Cause.__table__.c, Operator.name.label("operator"), Territory.path, _donors.label("donors"))
    .select_from(Cause)
    .join(Territory, and_(Territory.town_id == Cause.town_id, Territory.id == Cause.territory_id))
    .outerjoin(Operator, and_(Operator.town_id == Cause.town_id, Operator.id == Cause.operator_id))
    .where(Cause.town_id == bindparam("town"))
)
_cause = CAUSES.where(Cause.id == bindparam("cause"))
_page = CAUSES.where(Cause.id < bindparam("before")).order_by(Cause.id.desc()).limit(bindparam("limit"))
_open = _page.where(Cause.status == CauseStatus.OPEN, Cause.until > bindparam("at"))
_insert = insert(Cause)
_cancel = (
    update(Cause)
    .where(Cause.town_id == bindparam("town"), Cause.id == bindparam("cause"), Cause.status == CauseStatus.OPEN)
    .values(status=CauseStatus.CANCELLED, cancelled_at=bindparam("at"), cancelled_reason=bindparam("why"))
    .returning(Cause.id)
    .execution_options(synchronize_session=False)
)
_given = (
    select(Donation.id, Donation.amount, Donation.is_named, Donation.donated_at, Donation.resident_id, Resident.name)
    .join(Resident, and_(Resident.town_id == Donation.town_id, Resident.id == Donation.resident_id))
    .where(
        Donation.town_id == bindparam("town"),
        Donation.cause_id == bindparam("cause"),
        Donation.returned_at.is_(None),
        Donation.id < bindparam("before"),
    )
    .order_by(Donation.id.desc())
    .limit(bindparam("limit"))
)


def list_causes(work: Work, after: Position | None, limit: int, *, all_of_them: bool = False) -> Page[AnyRow]:
    """Causes that take donations now, the newest first; or all that there ever were."""
    asked = {
        "town": work.town_id,
        "before": int(after[0]) if after else ID_MAX,
        "limit": limit + 1,
        "at": work.now,
    }
    return cut(work.core.execute(_page if all_of_them else _open, asked).all(), limit, lambda row: (row.id,))


def read_cause(work: Work, cause_id: int) -> AnyRow:
    """A cause with how much was given by how many. Raises CauseUnknown."""
    row = work.core.execute(_cause, {"town": work.town_id, "cause": cause_id}).first()
    if row is None:
        raise CauseUnknown
    return row


def list_donors(work: Work, cause_id: int, after: Position | None, limit: int) -> Page[SimpleNamespace]:
    """Who gave, the latest first; without a name for whoever didn't want it shown. Raises CauseUnknown."""
    read_cause(work, cause_id)
    asked = {"cause": cause_id, "before": int(after[0]) if after else ID_MAX, "limit": limit + 1}
    rows = work.core.execute(_given, {"town": work.town_id, **asked}).all()
    shown = [
        SimpleNamespace(
            id=row.id,
            name=(row.name or greeting(row.name, row.resident_id)) if row.is_named else None,
            amount=row.amount,
            donated_at=row.donated_at,
        )
        for row in rows
    ]
    return cut(shown, limit, lambda row: (row.id,))


def create_cause(work: Work, fields: Mapping[str, Any], operator_id: int | None, territory_id: int) -> AnyRow:
    """Open a cause, as a manager of its place. Raises PlaceUnknown, Forbidden, OperatorUnknown, CauseEndsEarly,
    UploadUnknown, UploadTaken."""
    require_role(work, Role.MANAGER, find_place(work, territory_id).path)
    if operator_id is not None:
        find_operator(work, operator_id)
    if fields["until"] <= work.now:
        raise CauseEndsEarly
    claim(work, fields["upload_ids"], UploadPurpose.REWARD)
    row = {"operator_id": operator_id, "territory_id": territory_id, "given": 0, "status": CauseStatus.OPEN}
    cause_id = work.new_id()
    written = {"created_at": work.now, "created_by": work.actor.id}
    work.core.execute(_insert, {"town_id": work.town_id, "id": cause_id, **fields, **row, **written})
    return read_cause(work, cause_id)


def change_cause(work: Work, cause_id: int, changes: Mapping[str, Any]) -> AnyRow:
    """Change the words, the target or the end of an open cause. Raises CauseUnknown, Forbidden, CauseClosed,
    CauseEndsEarly, UploadUnknown, UploadTaken."""
    cause = _managed(work, cause_id)
    if cause.status is not CauseStatus.OPEN:
        raise CauseClosed(title=cause.title)
    if "until" in changes and changes["until"] <= work.now:
        raise CauseEndsEarly
    if "upload_ids" in changes:
        before, after = set(cause.upload_ids), set(changes["upload_ids"])
        claim(work, sorted(after - before), UploadPurpose.REWARD)
        release(work, sorted(before - after))
    if changes:
        change = update(Cause).where(Cause.town_id == work.town_id, Cause.id == cause_id).values(dict(changes))
        work.core.execute(change)
    return read_cause(work, cause_id)


def cancel_cause(work: Work, cause_id: int, reason: str) -> AnyRow:
    """End a cause so that all that was given is given back soon. Raises CauseUnknown, Forbidden, CauseClosed."""
    cause = _managed(work, cause_id)
    asked = {"town": work.town_id, "cause": cause_id, "at": work.now, "why": reason}
    if work.core.execute(_cancel, asked).first() is None:
        raise CauseClosed(title=cause.title)
    return read_cause(work, cause_id)


def _managed(work: Work, cause_id: int) -> AnyRow:
    cause = read_cause(work, cause_id)
    if not work.actor.may(Role.MANAGER, cause.path):
        raise Forbidden
    return cause
