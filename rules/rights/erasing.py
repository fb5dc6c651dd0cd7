"""Carrying out an erasure.

1. It begins: nobody can sign in as the resident, or act for them, from then on. The next sign-in by the same WeChat makes a
   new resident.
2. What is open ends, one thing after the other (`unwinding`).
3. In one transaction, under the lock of the resident's row, which everything that names the resident has to wait for: if
   something was opened meanwhile, step 2 is done again; else every holding is erased as `holdings` says, what points are
   left lapse by an ordinary transaction of the ledger, and the salt of the resident's marks is deleted. The books keep their
   rows and the seals hold (docs/seals.md); nobody can tell any more whose they are.

Each step finds by itself what is left to do, so a run that broke off is run again. Who looked for the resident just before
may write something down for them just after. So the last two steps are done again by every run of LATE_FOR.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, bindparam, delete, insert, select, update

from models.estates import OPEN as OPEN_REPAIRS
from models.estates import Complaint, ComplaintStatus, Repair, RepairDeed, RepairEvent, RepairStatus
from models.groups import (
    GroupRequest,
    PartnerPost,
    PartnerPostStatus,
    PostResponse,
    RequestStatus,
    ResponseStatus,
)
from models.residents import (
    Erasure,
    HouseholdRequest,
    HouseholdRequestStatus,
    Merging,
    MergingStatus,
    OpenidLookup,
    Proxy,
    RefreshToken,
    Resident,
)
from models.seals import ResidentSalt
from rules.errors import Busy, RuleError
from rules.ledger.emptying import empty_wallet, release_holds_of
from rules.ledger.transactions import SERVICE_HOURS, Cause, in_book, list_books
from rules.residents.acting import as_resident
from rules.residents.consents import end_consent
from rules.rights.holdings import HOLDINGS, Holding
from rules.rights.unwinding import find_open
from rules.rows import AnyRow
from rules.uploads.attaching import release_all_of
from rules.volunteering.refusals import NotAVolunteer
from rules.volunteering.registration import withdraw_volunteer
from rules.work import SYSTEM, Transactions, Work

REASON = "erasure"
ROUNDS_MAX = 5
LATE_FOR = timedelta(days=1)

QUIET = {"synchronize_session": False}
_due = (
    select(Erasure.id, Erasure.resident_id)
    .where(
        Erasure.town_id == bindparam("town"),
        Erasure.due_at <= bindparam("now"),
        Erasure.withdrawn_at.is_(None),
        Erasure.done_at.is_(None),
    )
    .order_by(Erasure.due_at, Erasure.id)
)
_begin = (
    update(Erasure)
    .where(
        Erasure.town_id == bindparam("town"),
        Erasure.id == bindparam("erasure"),
        Erasure.withdrawn_at.is_(None),
        Erasure.done_at.is_(None),
    )
    .values(begun_at=bindparam("now"))
    .returning(Erasure.resident_id)
    .execution_options(**QUIET)
)
_end = (
    update(Erasure)
    .where(Erasure.town_id == bindparam("town"), Erasure.id == bindparam("erasure"), Erasure.done_at.is_(None))
    .values(done_at=bindparam("now"), points_forfeited=bindparam("points"))
    .returning(Erasure.id)
    .execution_options(**QUIET)
)
_lock = (
    select(Resident.id)
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
    .with_for_update()
)
_sign_out = (
    update(Resident)
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
    .values(token_version=Resident.token_version + 1)
    .execution_options(**QUIET)
)
_end_tokens = (
    update(RefreshToken)
    .where(
        RefreshToken.town_id == bindparam("town"),
        RefreshToken.resident_id == bindparam("resident"),
        RefreshToken.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("now"))
    .execution_options(**QUIET)
)
_let_openid_go = (
    delete(OpenidLookup)
    .where(OpenidLookup.town_id == bindparam("town"), OpenidLookup.resident_id == bindparam("resident"))
    .execution_options(**QUIET)
)
_end_proxies = (
    update(Proxy)
    .where(
        Proxy.town_id == bindparam("town"),
        (Proxy.principal_id == bindparam("resident")) | (Proxy.agent_id == bindparam("resident")),
        Proxy.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("now"))
    .execution_options(**QUIET)
)
_delete_salt = (
    delete(ResidentSalt)
    .where(ResidentSalt.town_id == bindparam("town"), ResidentSalt.resident_id == bindparam("resident"))
    .execution_options(**QUIET)
)
#: A last transaction that was sealed after the erasure may have made a salt anew.
_delete_late_salts = (
    delete(ResidentSalt)
    .where(
        ResidentSalt.town_id == bindparam("town"),
        ResidentSalt.resident_id.in_(
            select(Erasure.resident_id).where(Erasure.town_id == bindparam("town"), Erasure.done_at.is_not(None))
        ),
    )
    .execution_options(**QUIET)
)
_done_lately = (
    select(Erasure.id, Erasure.resident_id)
    .where(Erasure.town_id == bindparam("town"), Erasure.done_at > bindparam("since"))
    .order_by(Erasure.id)
)


def _closing(table: Any, before: Any, after: Any, whose: str = "resident_id", **columns: Any) -> Any:
    """Turn what waits of a resident into what doesn't."""
    return (
        update(table)
        .where(
            table.town_id == bindparam("town"),
            getattr(table, whose) == bindparam("resident"),
            table.status.in_(before),
        )
        .values(status=after, **columns)
        .execution_options(**QUIET)
    )


_NOW: BindParameter[datetime] = bindparam("now")
_close_repairs = _closing(
    Repair, OPEN_REPAIRS, RepairStatus.CANCELLED, closed_at=_NOW, due_at=None, remind_at=None
).returning(Repair.id)
_note_repair = insert(RepairEvent)
#: What is waiting and is nobody's business to end but its own table's.
_closings = (
    _closing(Complaint, (ComplaintStatus.OPEN,), ComplaintStatus.WITHDRAWN),
    _closing(PartnerPost, (PartnerPostStatus.OPEN,), PartnerPostStatus.CLOSED, ended_at=_NOW),
    _closing(PostResponse, (ResponseStatus.PENDING,), ResponseStatus.WITHDRAWN, decided_at=_NOW),
    _closing(GroupRequest, (RequestStatus.PENDING,), RequestStatus.WITHDRAWN, decided_at=_NOW),
    _closing(HouseholdRequest, (HouseholdRequestStatus.PENDING,), HouseholdRequestStatus.WITHDRAWN, decided_at=_NOW),
    _closing(Merging, (MergingStatus.OFFERED, MergingStatus.ASKED), MergingStatus.WITHDRAWN, decided_at=_NOW),
    _closing(
        Merging,
        (MergingStatus.OFFERED, MergingStatus.ASKED),
        MergingStatus.WITHDRAWN,
        whose="record_id",
        decided_at=_NOW,
    ),
)


def _statement_of(holding: Holding) -> Any:
    if holding.is_deleted:
        return delete(holding.table).where(holding.whose).execution_options(**QUIET)
    if holding.written:
        return update(holding.table).where(holding.whose).values(**holding.written).execution_options(**QUIET)
    return None


_statements = tuple(statement for statement in map(_statement_of, HOLDINGS) if statement is not None)


@dataclass(frozen=True, slots=True)
class Erased:
    """What a run has done."""

    residents: int
    failed: int  #: left for the next run


def erase_due(transactions: Transactions, town_id: int) -> Erased:
    """Erase everybody of a town whose time of reflection is over."""
    late = transactions.read(town_id, SYSTEM, _find_done_lately)
    due = transactions.read(town_id, SYSTEM, _find_due)
    erased = _each(due, lambda erasure: erase_one(transactions, town_id, erasure.id))
    again = _each(late, lambda erasure: _carry_out(transactions, town_id, erasure.id, erasure.resident_id))
    transactions.write(town_id, SYSTEM, lambda work: work.core.execute(_delete_late_salts, {"town": town_id}))
    return Erased(erased.residents, erased.failed + again.failed)


def _each(erasures: Iterable[AnyRow], carry_out: Callable[[AnyRow], bool]) -> Erased:
    """One who can't be erased yet doesn't keep the others."""
    done = failed = 0
    for erasure in erasures:
        try:
            done += carry_out(erasure)
        except Busy:
            raise
        except RuleError:
            failed += 1
    return Erased(done, failed)


def erase_one(transactions: Transactions, town_id: int, erasure_id: int) -> bool:
    """Carry out one erasure; False when there is nothing to do, or something is opened again and again."""
    resident_id = transactions.write(town_id, SYSTEM, begin, erasure_id)
    return resident_id is not None and _carry_out(transactions, town_id, erasure_id, resident_id)


def _carry_out(transactions: Transactions, town_id: int, erasure_id: int, resident_id: int) -> bool:
    """Of who was erased already, this erases what was written down for them since."""
    for _ in range(ROUNDS_MAX):
        for deed, id_ in transactions.read(town_id, SYSTEM, find_open, resident_id):
            transactions.write(town_id, SYSTEM, deed, resident_id, id_)
        if transactions.write(town_id, SYSTEM, finish, erasure_id, resident_id):
            return True
    return False


def begin(work: Work, erasure_id: int) -> int | None:
    """Let nobody be the resident any more; the resident, or None where there is nothing left to do."""
    resident_id: int | None = work.core.scalar(_begin, {"town": work.town_id, "erasure": erasure_id, "now": work.now})
    if resident_id is not None:
        lock_out(work, resident_id)
    return resident_id


def finish(work: Work, erasure_id: int, resident_id: int) -> bool:
    """Erase what is left of a resident; False when something has been opened meanwhile."""
    work.core.execute(_lock, {"town": work.town_id, "resident": resident_id})
    if find_open(work, resident_id):
        return False
    erase_rows(work, resident_id)
    points = forfeit_points(work, resident_id, erasure_id)
    work.core.execute(_delete_salt, {"town": work.town_id, "resident": resident_id})
    work.core.execute(_end, {"town": work.town_id, "erasure": erasure_id, "now": work.now, "points": points})
    return True


def lock_out(work: Work, resident_id: int) -> None:
    """End every sign-in and every proxy of a resident; their WeChat is free for a new one."""
    asked = {"town": work.town_id, "resident": resident_id, "now": work.now}
    for statement in (_sign_out, _end_tokens, _let_openid_go, _end_proxies):
        work.core.execute(statement, asked)


def erase_rows(work: Work, resident_id: int) -> None:
    """Write over, or delete, everything but the books. Nothing is open any more, and the resident's row is locked."""
    with suppress(NotAVolunteer):
        withdraw_volunteer(as_resident(work, resident_id))
    end_consent(work, resident_id, None)
    release_all_of(work, resident_id)
    asked = _asked(work, resident_id)
    closed = work.core.execute(_close_repairs, asked).all()
    if closed:
        by = {"deed": RepairDeed.CANCELLED, "by_kind": "system", "by_id": 0, "at": work.now, "due_at": None}
        rows = [{"town_id": work.town_id, "id": work.new_id(), "repair_id": repair.id, **by} for repair in closed]
        work.core.execute(_note_repair, rows)
    for statement in (*_closings, *_statements):
        work.core.execute(statement, asked)


def forfeit_points(work: Work, resident_id: int, erasure_id: int) -> int:
    """Let lapse what points are left, in every book but that of service hours; how many there were."""
    points = 0
    for code in sorted(list_books(work)):
        if code == SERVICE_HOURS:
            continue
        of_book = in_book(work, code)
        release_holds_of(of_book, resident_id, REASON)
        cause = Cause(REASON, "账号注销，未用积分作废", work.now)
        key = f"{REASON}:{erasure_id}:{work.new_id()}"  # what came late lapses by a transaction of its own
        points += empty_wallet(of_book, key, resident_id, cause, into=None)
    return points


def _asked(work: Work, resident_id: int) -> Mapping[str, Any]:
    return {"town": work.town_id, "resident": resident_id, "now": work.now, "resident_text": str(resident_id)}


def _find_done_lately(work: Work) -> list[Any]:
    return list(work.core.execute(_done_lately, {"town": work.town_id, "since": work.now - LATE_FOR}))


def _find_due(work: Work) -> list[Any]:
    return list(work.core.execute(_due, {"town": work.town_id, "now": work.now}))
