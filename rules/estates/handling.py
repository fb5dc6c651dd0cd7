"""What the company does with a repair: somebody is sent, comes, works, is done; or it is turned down with a reason.

Staff say which revision of the repair they saw, so of two who change one at once the second is told of the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, and_, bindparam, func, select

from models.estates import Repair, RepairDeed
from models.residents import Role, RoleGrant, Staff, StaffStatus
from models.territory import Territory
from models.uploads import UploadPurpose
from rules.estates import telling
from rules.estates.phones import WORKER, seal_phone
from rules.estates.places import HANDLERS
from rules.estates.refusals import WorkerNeeded
from rules.estates.repairs import find_handled
from rules.estates.states import NOW, REMINDED_BEFORE, TRANSITIONS, Said, change, check_step, due_after, terms_for, turn
from rules.keys import Keys
from rules.rows import AnyRow
from rules.uploads.attaching import claim
from rules.work import Work


@dataclass(frozen=True, slots=True)
class Worker:
    """Who comes: somebody of the staff, or a name."""

    staff_id: int | None = None
    name: str | None = None
    phone: str | None = None  #: as written


_sent: dict[str, Any] = {
    "worker_staff_id": bindparam("worker_staff"),
    "worker_name": bindparam("worker_called"),
    "worker_phone_sealed": bindparam("worker_phone"),
    "visit_at": bindparam("visit"),
}
_assign = turn(RepairDeed.ASSIGNED, assigned_at=func.coalesce(Repair.assigned_at, NOW), remind_at=None, **_sent)
_reassign = turn(RepairDeed.REASSIGNED, **_sent)
_set_visit = turn(RepairDeed.VISIT_SET, visit_at=bindparam("visit"))
_start = turn(RepairDeed.STARTED, started_at=func.coalesce(Repair.started_at, NOW))
_finish = turn(
    RepairDeed.DONE,
    done_at=NOW,
    was_confirmed_by_time=False,
    remind_at=bindparam("reminded"),
    reopens_max=bindparam("reopens_most"),
    reopen_until=bindparam("may_reopen"),
    rating_until=bindparam("may_rate"),
    forget_at=bindparam("may_reopen"),
)
_reject = turn(
    RepairDeed.REJECTED, closed_at=NOW, phone_sealed=None, worker_phone_sealed=None, forget_at=None, remind_at=None
)
#: Only who may read the repair is sent to it.
_staff_name = (
    select(Staff.name)
    .join(RoleGrant, and_(RoleGrant.town_id == Staff.town_id, RoleGrant.staff_id == Staff.id))
    .join(Territory, and_(Territory.town_id == RoleGrant.town_id, Territory.id == RoleGrant.territory_id))
    .where(
        Staff.town_id == bindparam("town"),
        Staff.id == bindparam("staff"),
        Staff.status == StaffStatus.ACTIVE,
        RoleGrant.role.in_((*HANDLERS, Role.ADMIN)),
        bindparam("path", type_=Text).startswith(Territory.path),
    )
    .limit(1)
)


def assign_repair(
    work: Work, keys: Keys, repair_id: int, revision: int, worker: Worker, visit_at: datetime | None, note: str
) -> None:
    """Send somebody, or somebody else; the resident is told who comes when.

    Another worker doesn't move the step's deadline. Raises RepairUnknown, Forbidden, WorkerNeeded, PhoneInvalid,
    StepNotAllowed, RepairChanged.
    """
    repair = find_handled(work, repair_id)
    is_underway = repair.status in TRANSITIONS[RepairDeed.REASSIGNED].before
    deed = RepairDeed.REASSIGNED if is_underway else RepairDeed.ASSIGNED
    check_step(repair, deed)
    sent = {
        "worker_staff": worker.staff_id,
        "worker_called": _name_of(work, worker, repair.path),
        "worker_phone": seal_phone(keys, work.town_id, repair_id, WORKER, worker.phone),
        "visit": visit_at,
    }
    statement = _reassign if is_underway else _assign
    change(work, repair, deed, statement, Said(note), revision=revision, values=sent)
    _tell(work, telling.ASSIGNED, repair_id, visit_at, note)


def set_visit(work: Work, repair_id: int, revision: int, visit_at: datetime, note: str) -> None:
    """Note when the worker comes; the resident is told. Raises RepairUnknown, Forbidden, StepNotAllowed, RepairChanged."""
    repair = find_handled(work, repair_id)
    change(work, repair, RepairDeed.VISIT_SET, _set_visit, Said(note), revision=revision, values={"visit": visit_at})
    _tell(work, telling.VISIT, repair_id, visit_at, note)


def start_repair(work: Work, repair_id: int, revision: int, note: str) -> None:
    """The work begins. Raises RepairUnknown, Forbidden, StepNotAllowed, RepairChanged."""
    change(work, find_handled(work, repair_id), RepairDeed.STARTED, _start, Said(note), revision=revision)


def finish_repair(work: Work, repair_id: int, revision: int, note: str, upload_ids: Sequence[int]) -> None:
    """The work is done; the resident is asked to confirm it.

    Until when it may be reopened and rated is fixed now. Raises RepairUnknown, Forbidden, StepNotAllowed, RepairChanged,
    UploadUnknown, UploadTaken.
    """
    repair = find_handled(work, repair_id)
    check_step(repair, RepairDeed.DONE)
    claim(work, upload_ids, UploadPurpose.REPAIR)
    terms = terms_for(work, repair)
    due_at = due_after(work, RepairDeed.DONE, terms)
    fixed = {
        "reminded": max(due_at - REMINDED_BEFORE, work.now + (due_at - work.now) / 2),
        "reopens_most": terms.reopens_max,
        "may_reopen": due_at + timedelta(days=terms.reopen_days),
        "may_rate": due_at + timedelta(days=terms.rating_days),
    }
    change(work, repair, RepairDeed.DONE, _finish, Said(note, upload_ids), revision=revision, values=fixed)
    _tell(work, telling.DONE, repair_id, None, note)


def reject_repair(work: Work, repair_id: int, revision: int, reason: str) -> None:
    """Turn a repair down, with a reason for the resident. Raises RepairUnknown, Forbidden, StepNotAllowed, RepairChanged."""
    repair = find_handled(work, repair_id)
    change(work, repair, RepairDeed.REJECTED, _reject, Said(reason), revision=revision)
    _tell(work, telling.REJECTED, repair_id, None, reason)


def _name_of(work: Work, worker: Worker, path: str) -> str:
    name = worker.name
    if worker.staff_id is not None:
        name = work.core.scalar(_staff_name, {"town": work.town_id, "staff": worker.staff_id, "path": path})
    if not name:
        raise WorkerNeeded
    return name


def _tell(work: Work, topic: str, repair_id: int, visit_at: datetime | None, note: str) -> None:
    """Tell the resident how the repair stands now."""
    repair: AnyRow = find_handled(work, repair_id)
    telling.tell(work, topic, [repair], at=visit_at, note=note)
