"""A resident says that a no-show wasn't one; staff of the place decide, once.

An appeal that is upheld undoes everything that the rulebook made of the no-show, and the reservation then counts as
cancelled by staff; the place went to others long ago. Rows are locked in the order appeal, reservation, standing, ledger:
two decisions meet at the appeal's guarded UPDATE, and a late upload that proves the same (`attending.revive_no_show`) at
the reservation's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert

from models.activities import Activity, Session
from models.reservations import Appeal, AppealStatus, CancelledBy, Reservation, ReservationStatus
from models.residents import Resident, Role
from models.territory import Territory
from rules.errors import Kind, RuleError
from rules.ids import ID_MAX
from rules.outbox import Message, put
from rules.paging import Page, Position, cut
from rules.points.voiding import next_ref, void_event
from rules.reservations.desk import NO_SHOW
from rules.reservations.holding import COLUMNS, find_reservation
from rules.reservations.paying import give_price_back
from rules.reservations.reserving import SOURCE
from rules.residents.acting import resident_for
from rules.residents.identity import holds_at_root
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.work import Work

DAYS_MAX = 14
DECIDED = "appeal.decided"
#: Who hears appeals at a place, and may make one for whoever stands at the desk.
JUDGES = (Role.ORGANISER, Role.MANAGER)


class NotNoShow(RuleError):
    code = "appeal.not_a_no_show"
    kind = Kind.CONFLICT
    zh = "这个预约没有被记为爽约，无需申诉。"
    en = "This reservation isn't on record as a no-show, so there is nothing to appeal against."


class AppealTooLate(RuleError):
    code = "appeal.too_late"
    kind = Kind.CONFLICT
    zh = "申诉须在记为爽约后 {days} 天内提出。"
    en = "An appeal must be made within {days} days of the no-show."


class AppealMade(RuleError):
    code = "appeal.made_already"
    kind = Kind.CONFLICT
    zh = "这个预约已经申诉过了。"
    en = "There has been an appeal for this reservation already."


class AppealUnknown(RuleError):
    code = "appeal.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个申诉。"
    en = "There is no such appeal."


class AppealDecided(RuleError):
    code = "appeal.decided"
    kind = Kind.CONFLICT
    zh = "这个申诉已经处理过了。"
    en = "This appeal was decided already."


@dataclass(frozen=True, slots=True)
class HeardAppeal:
    """An appeal as the staff who hear it see it."""

    id: int
    reservation_id: int
    resident_id: int
    name: str  #: masked
    session_id: int
    title: str
    starts_at: datetime
    reason: str
    status: AppealStatus
    made_at: datetime
    decided_at: datetime | None
    decision_note: str | None


_make = insert(Appeal).on_conflict_do_nothing(index_elements=["town_id", "reservation_id"]).returning(Appeal.id)
_appeals = (
    select(
        Appeal.id,
        Appeal.reservation_id,
        Appeal.reason,
        Appeal.status,
        Appeal.made_at,
        Appeal.decided_at,
        Appeal.decision_note,
        Reservation.resident_id,
        Reservation.session_id,
        Session.starts_at,
        Activity.title,
        Resident.name,
        Territory.path,
    )
    .join(Reservation, and_(Reservation.town_id == Appeal.town_id, Reservation.id == Appeal.reservation_id))
    .join(Resident, and_(Resident.town_id == Reservation.town_id, Resident.id == Reservation.resident_id))
    .join(Session, and_(Session.town_id == Reservation.town_id, Session.id == Reservation.session_id))
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .join(Territory, and_(Territory.town_id == Activity.town_id, Territory.id == Activity.community_id))
    .where(Appeal.town_id == bindparam("town"))
)
_one = _appeals.where(Appeal.id == bindparam("appeal"))
_mine = (
    _appeals.where(Reservation.resident_id == bindparam("resident"), Appeal.id < bindparam("before"))
    .order_by(Appeal.id.desc())
    .limit(bindparam("limit"))
)
_heard = _appeals.where(Appeal.id > bindparam("after")).order_by(Appeal.id).limit(bindparam("limit"))
_decide = (
    update(Appeal)
    .where(
        Appeal.town_id == bindparam("town"),
        Appeal.id == bindparam("appeal"),
        Appeal.status == AppealStatus.PENDING,
    )
    .values(
        status=bindparam("decision"),
        decided_by=bindparam("actor"),
        decided_at=bindparam("now"),
        decision_note=bindparam("note"),
    )
    .returning(Appeal.id)
    .execution_options(synchronize_session=False)
)
_excuse = (
    update(Reservation)
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.id == bindparam("reservation"),
        Reservation.status == ReservationStatus.NO_SHOW,
    )
    .values(
        status=ReservationStatus.CANCELLED,
        no_show_at=None,
        cancelled_at=bindparam("now"),
        cancelled_by=CancelledBy.STAFF,
        versioned_at=bindparam("now"),
    )
    .returning(*COLUMNS)
    .execution_options(synchronize_session=False)
)


def make_appeal(work: Work, reservation_id: int, reason: str) -> AnyRow:
    """Say that a no-show wasn't one: by the resident, by who acts for them, or by staff of the place for them.

    Raises ReservationUnknown, NotNoShow, AppealTooLate (DAYS_MAX after it was written down), AppealMade.
    """
    reservation = find_reservation(work, reservation_id, *JUDGES)
    if reservation.status is not ReservationStatus.NO_SHOW or reservation.no_show_at is None:
        raise NotNoShow
    if work.now > reservation.no_show_at + timedelta(days=DAYS_MAX):
        raise AppealTooLate(days=DAYS_MAX)
    appeal_id = work.new_id()
    row = {
        "town_id": work.town_id,
        "id": appeal_id,
        "reservation_id": reservation_id,
        "reason": reason,
        "status": AppealStatus.PENDING,
        "made_at": work.now,
    }
    if work.core.execute(_make, row).first() is None:
        raise AppealMade
    return _read(work, appeal_id)


def list_my_appeals(work: Work, after: Position | None, limit: int, resident_id: int | None = None) -> Page[AnyRow]:
    """The actor's appeals, or those of somebody the actor may act for, the latest first. Raises NotTheirProxy."""
    before = ID_MAX if after is None else int(after[0])
    asked = {"resident": resident_for(work, resident_id), "before": before, "limit": limit + 1}
    return cut(work.core.execute(_mine, {"town": work.town_id, **asked}).all(), limit, lambda row: (row.id,))


def list_appeals(work: Work, status: AppealStatus | None, after: Position | None, limit: int) -> Page[HeardAppeal]:
    """The appeals at places where the actor hears them, the earliest first."""
    statement = _heard.where(_within_reach(work))
    if status is not None:
        statement = statement.where(Appeal.status == status)
    asked = {"town": work.town_id, "after": 0 if after is None else int(after[0]), "limit": limit + 1}
    heard = [_heard_of(row) for row in work.core.execute(statement, asked)]
    return cut(heard, limit, lambda appeal: (appeal.id,))


def decide_appeal(work: Work, appeal_id: int, uphold: bool, note: str) -> HeardAppeal:
    """Uphold an appeal or dismiss it, and tell the resident. `note`: why, for the resident.

    Raises AppealUnknown (also where the actor hears none), AppealDecided, PointsInsufficient (what came of the no-show
    can't be taken back).
    """
    appeal = _read(work, appeal_id)
    if not any(work.actor.may(role, appeal.path) for role in JUDGES):
        raise AppealUnknown
    decision = AppealStatus.UPHELD if uphold else AppealStatus.DISMISSED
    said = {"decision": decision, "actor": work.actor.id, "now": work.now, "note": note}
    if work.core.execute(_decide, {"town": work.town_id, "appeal": appeal_id, **said}).first() is None:
        raise AppealDecided
    if uphold:
        _excuse_no_show(work, appeal.reservation_id, appeal.title, note)
    told = {"resident_id": str(appeal.resident_id), "appeal_id": str(appeal_id), "status": decision.value}
    put(work, [Message(DECIDED, str(appeal_id), told)])
    return _heard_of(_read(work, appeal_id))


def _excuse_no_show(work: Work, reservation_id: int, title: str, note: str) -> None:
    """A no-show is none any more. Where an upload proved it before, there is nothing left to undo."""
    asked = {"town": work.town_id, "reservation": reservation_id, "now": work.now}
    excused = work.core.execute(_excuse, asked).first()
    if excused is None:
        return
    void_event(work, SOURCE, next_ref(work, SOURCE, f"{reservation_id}:{NO_SHOW}"), f"申诉成立：{note}")
    if excused.hold_txn_id is not None:
        give_price_back(work, excused.hold_txn_id, title)


def _read(work: Work, appeal_id: int) -> AnyRow:
    appeal = work.core.execute(_one, {"town": work.town_id, "appeal": appeal_id}).first()
    if appeal is None:
        raise AppealUnknown
    return appeal


def _heard_of(row: AnyRow) -> HeardAppeal:
    return HeardAppeal(
        row.id,
        row.reservation_id,
        row.resident_id,
        greeting(row.name, row.resident_id),
        row.session_id,
        row.title,
        row.starts_at,
        row.reason,
        row.status,
        row.made_at,
        row.decided_at,
        row.decision_note,
    )


def _within_reach(work: Work) -> ColumnElement[bool]:
    """Places below the actor's nodes; an actor without one hears nothing."""
    if any(holds_at_root(work, role) for role in JUDGES):
        return true()
    nodes = [grant.path for grant in work.actor.grants if grant.role in (*JUDGES, Role.ADMIN)]
    return or_(*(Territory.path.startswith(path) for path in nodes)) if nodes else ~true()
