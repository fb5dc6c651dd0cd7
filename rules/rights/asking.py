"""Asking to be erased, and taking that back.

A request waits REFLECTION_DAYS; then a job carries it out and there is no way back. It is refused while something is open
that somebody has to decide on about the resident, because the answer would find nobody: an appeal, a correction of points,
a visit that hasn't ended; and while a child has no other guardian here, who would be left to nobody.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Select, and_, bindparam, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.activities import Session
from models.adjustments import Adjustment, DecisionStatus
from models.checkins import Visit
from models.reservations import Appeal, AppealStatus, Reservation
from models.residents import Erasure, Proxy, ProxyKind, Resident
from models.residents.rights import IS_OPEN
from rules.clock import local_day
from rules.errors import InBoth, Kind, RuleError
from rules.outbox import Message, put
from rules.residents.acting import ward_for
from rules.residents.ages import ADULT_YEARS
from rules.residents.records import lock_record
from rules.rows import AnyRow
from rules.work import Work

REFLECTION_DAYS = 7
#: What has to be written to confirm it.
CONFIRMATIONS = ("注销账号", "erase my account")


class ConfirmationWrong(RuleError):
    code = "erasure.confirmation_wrong"
    kind = Kind.INVALID
    zh = "请输入“注销账号”四个字以确认。"
    en = "Write “erase my account” to confirm."


class ErasureKnown(RuleError):
    code = "erasure.already_asked"
    kind = Kind.CONFLICT
    zh = "已提交过注销申请。"
    en = "You have asked for this already."


class ErasureUnknown(RuleError):
    code = "erasure.none"
    kind = Kind.UNKNOWN
    zh = "没有注销申请。"
    en = "You haven't asked to be erased."


class ErasureBegun(RuleError):
    code = "erasure.begun"
    kind = Kind.CONFLICT
    zh = "注销已经开始，不能撤回。"
    en = "The erasure has begun; it can't be taken back."


class ErasureBlocked(RuleError):
    code = "erasure.blocked"
    kind = Kind.CONFLICT
    zh = "还有事项没有办结，暂不能注销：{reason}。"
    en = "Something has to end first: {reason}."


WHY = {
    "adjustment": InBoth("有一笔积分调整待审批", "a correction of your points waits for a second person"),
    "appeal": InBoth("有一项未到申诉待处理", "an appeal of yours waits for an answer"),
    "visit": InBoth("您正在活动现场，请先签退", "you are checked in; check out first"),
    "child": InBoth(
        "您是孩子唯一的监护人，请先为孩子办理注销或变更监护人",
        "a child has no other guardian; see to the child first",
    ),
}

_another = aliased(Proxy)
_blocks: dict[str, Select[Any]] = {
    "adjustment": select(Adjustment.id).where(
        Adjustment.town_id == bindparam("town"),
        Adjustment.resident_id == bindparam("resident"),
        Adjustment.status == DecisionStatus.PENDING,
    ),
    "appeal": select(Appeal.id)
    .join(Reservation, and_(Reservation.town_id == Appeal.town_id, Reservation.id == Appeal.reservation_id))
    .where(
        Appeal.town_id == bindparam("town"),
        Appeal.status == AppealStatus.PENDING,
        Reservation.resident_id == bindparam("resident"),
    ),
    "visit": select(Visit.id)
    .join(Session, and_(Session.town_id == Visit.town_id, Session.id == Visit.session_id))
    .where(
        Visit.town_id == bindparam("town"),
        Visit.resident_id == bindparam("resident"),
        Visit.left_at.is_(None),
        Session.closed_at.is_(None),
        Session.ends_at > bindparam("now"),
    ),
    "child": select(Proxy.id)
    .join(Resident, and_(Resident.town_id == Proxy.town_id, Resident.id == Proxy.principal_id))
    .where(
        Proxy.town_id == bindparam("town"),
        Proxy.agent_id == bindparam("resident"),
        Proxy.kind == ProxyKind.GUARDIAN,
        Proxy.revoked_at.is_(None),
        Resident.born_on > bindparam("grown_up_since"),
        ~exists().where(
            _another.town_id == Proxy.town_id,
            _another.principal_id == Proxy.principal_id,
            _another.agent_id != Proxy.agent_id,
            _another.kind == ProxyKind.GUARDIAN,
            _another.revoked_at.is_(None),
        ),
    ),
}
_ask = (
    insert(Erasure)
    .on_conflict_do_nothing(index_elements=["town_id", "resident_id"], index_where=IS_OPEN)
    .returning(Erasure.id)
)
_of_resident = (
    select(Erasure.asked_at, Erasure.due_at, Erasure.begun_at)
    .where(
        Erasure.town_id == bindparam("town"),
        Erasure.resident_id == bindparam("resident"),
        Erasure.withdrawn_at.is_(None),
        Erasure.done_at.is_(None),
    )
    .order_by(Erasure.id.desc())
    .limit(1)
)
_take_back = (
    update(Erasure)
    .where(
        Erasure.town_id == bindparam("town"),
        Erasure.resident_id == bindparam("resident"),
        Erasure.withdrawn_at.is_(None),
        Erasure.begun_at.is_(None),
    )
    .values(withdrawn_at=bindparam("now"))
    .returning(Erasure.id)
    .execution_options(synchronize_session=False)
)


def ask_erasure(work: Work, confirmation: str, resident_id: int | None = None) -> AnyRow:
    """Ask that the actor, or a child of theirs, is erased after REFLECTION_DAYS.

    Raises ConfirmationWrong, ErasureBlocked, ErasureKnown, and what `ward_for` raises.
    """
    whom = ward_for(work, resident_id)
    if confirmation.strip().lower() not in CONFIRMATIONS:
        raise ConfirmationWrong
    lock_record(work, whom)
    if (matter := open_matter(work, whom)) is not None:
        raise ErasureBlocked(reason=matter)
    due_at = work.now + timedelta(days=REFLECTION_DAYS)
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "resident_id": whom,
        "asked_by": None if whom == work.actor.id else work.actor.id,
        "asked_at": work.now,
        "due_at": due_at,
        "points_forfeited": 0,
    }
    if work.core.scalar(_ask, row) is None:
        raise ErasureKnown
    payload = {"resident_id": str(whom), "due_at": due_at.isoformat()}
    put(work, [Message("erasure.asked", str(row["id"]), payload)])
    return show_erasure(work, resident_id)


def show_erasure(work: Work, resident_id: int | None = None) -> AnyRow:
    """The request that waits: asked_at, due_at, begun_at. Raises ErasureUnknown, and what `ward_for` raises."""
    whose = {"town": work.town_id, "resident": ward_for(work, resident_id)}
    found = work.core.execute(_of_resident, whose).first()
    if found is None:
        raise ErasureUnknown
    return found


def take_erasure_back(work: Work, resident_id: int | None = None) -> None:
    """Stay. Raises ErasureUnknown, ErasureBegun, and what `ward_for` raises."""
    whose = {"town": work.town_id, "resident": ward_for(work, resident_id)}
    if work.core.execute(_take_back, whose | {"now": work.now}).first() is None:
        show_erasure(work, resident_id)
        raise ErasureBegun


def open_matter(work: Work, resident_id: int) -> InBoth | None:
    """What somebody has yet to decide on about a resident."""
    today = local_day(work.now)
    grown_up = today.replace(year=today.year - ADULT_YEARS, day=min(today.day, 28))
    asked = {"town": work.town_id, "resident": resident_id, "now": work.now, "grown_up_since": grown_up}
    for what, statement in _blocks.items():
        if work.core.execute(statement.limit(1), asked).first() is not None:
            return WHY[what]
    return None
