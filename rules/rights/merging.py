"""Two records of one person become one: the desk's record stays, and the WeChat of who proved its number becomes its own.

The number alone isn't enough, for families share numbers: whoever asks has to write the name that the desk wrote down,
and has TRIES tries. An account with nothing of its own is joined at once. One that has something waits for a manager of
the place where the record lives. Then the points move by a transfer of the ledger, and what the account wrote and joined
is re-pointed; what is over (past places, visits, redemptions) stays with the emptied account, whose rows name nobody any
more. Hours of service and proxies aren't moved: an account that has some isn't joined.

Locks: both residents by id, then the order of everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, or_, select, true, update
from sqlalchemy.orm import aliased

from models.adjustments import Adjustment, DecisionStatus
from models.checkins import Visit
from models.estates import Complaint, Repair
from models.favourites import Favourite
from models.groups import GroupMember, GroupRequest, PartnerPost, PostResponse, ResidentCard
from models.ledger import Account, Event, OwnerType
from models.moderation import Content, ContentReport
from models.reservations import Reservation
from models.residents import Merging, MergingStatus, OpenidLookup, Proxy, Purpose, Resident, Role
from models.rewards import Donation, Redemption
from models.territory import Territory
from models.uploads import Upload
from models.venues import VenueBooking
from models.volunteering import Certificate, ServiceRecord
from rules.errors import InBoth, Kind, RuleError
from rules.ids import ID_MAX
from rules.keys import Keys
from rules.ledger.emptying import empty_wallet
from rules.ledger.transactions import SERVICE_HOURS, Cause, in_book, list_books
from rules.outbox import Message, put
from rules.paging import Page, Position, cut
from rules.points.people import require_role_over
from rules.residents.consents import PHONE_VERSION, give_consent
from rules.residents.identity import holds_at_root
from rules.residents.names import greeting, normalised
from rules.residents.sign_in import CONSENT_VERSION, SignedIn, begin_anew, openid_context
from rules.rights.asking import open_matter
from rules.rights.erasing import erase_rows, lock_out
from rules.rights.unwinding import find_open
from rules.rows import AnyRow
from rules.work import TryAgain, Work

TRIES = 3
REASON = "merging"


class MergingUnknown(RuleError):
    code = "merging.none"
    kind = Kind.UNKNOWN
    zh = "没有待办理的档案合并，可能已过期。请重新授权手机号。"
    en = "There is no record to join, or the offer has lapsed. Give your number once more."


class NameDiffers(RuleError):
    code = "merging.name_differs"
    kind = Kind.INVALID
    zh = "姓名与档案不符。连续 {tries} 次不符将不能再试，请到社区服务台办理。"
    en = "The name isn't the record's. After {tries} wrong names this ends; the community's desk can help."
    keeps_work = True


class MergingDecided(RuleError):
    code = "merging.decided"
    kind = Kind.CONFLICT
    zh = "这项合并已经处理过，或不再需要。"
    en = "This was decided already, or isn't wanted any more."


class MergingBlocked(RuleError):
    code = "merging.blocked"
    kind = Kind.CONFLICT
    zh = "现在还不能合并：{reason}。"
    en = "They can't be joined yet: {reason}."


@dataclass(frozen=True, slots=True)
class MergingAnswer:
    """What came of asking: done, with the sign-in as the joined record; or staff will decide."""

    status: MergingStatus
    signed_in: SignedIn | None


@dataclass(frozen=True, slots=True)
class MergingView:
    """A request that waits, as a manager sees it."""

    id: int
    resident_id: int
    resident_name: str  #: masked
    record_id: int
    record_name: str  #: masked
    offered_at: Any
    lapses_at: Any


_account, _record = aliased(Resident), aliased(Resident)
_PENDING = (MergingStatus.OFFERED, MergingStatus.ASKED)
_of_actor = (
    select(Merging.id, Merging.record_id, Merging.resident_id, Merging.status, Merging.wrong_names)
    .where(
        Merging.town_id == bindparam("town"),
        Merging.resident_id == bindparam("resident"),
        Merging.status.in_(_PENDING),
        Merging.lapses_at > bindparam("now"),
    )
    .with_for_update()
)
_lock_both = (
    select(Resident.id, Resident.name, Resident.openid_sealed, Resident.phone_index)
    .where(
        Resident.town_id == bindparam("town"),
        or_(Resident.id == bindparam("resident"), Resident.id == bindparam("record")),
    )
    .order_by(Resident.id)
    .with_for_update()
)
_turn = (
    update(Merging)
    .where(Merging.town_id == bindparam("town"), Merging.id == bindparam("merging"), Merging.status.in_(_PENDING))
    .values(
        status=bindparam("into"),
        decided_at=bindparam("at"),
        decided_by=bindparam("by"),
        points_moved=bindparam("points"),
    )
    .returning(Merging.id)
    .execution_options(synchronize_session=False)
)
_count_wrong = (
    update(Merging)
    .where(Merging.town_id == bindparam("town"), Merging.id == bindparam("merging"))
    .values(wrong_names=Merging.wrong_names + 1)
    .execution_options(synchronize_session=False)
)
_give_openid = (
    update(Resident)
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("record"), Resident.openid_sealed.is_(None))
    .values(openid_sealed=bindparam("sealed"))
    .returning(Resident.id)
    .execution_options(synchronize_session=False)
)
_move_lookup = (
    update(OpenidLookup)
    .where(
        OpenidLookup.openid_index == bindparam("index"),
        OpenidLookup.town_id == bindparam("town"),
        OpenidLookup.resident_id == bindparam("resident"),
    )
    .values(resident_id=bindparam("record"))
    .returning(OpenidLookup.resident_id)
    .execution_options(synchronize_session=False)
)
_waiting = (
    select(
        Merging.id,
        Merging.resident_id,
        Merging.record_id,
        Merging.status,
        Merging.offered_at,
        Merging.lapses_at,
        _account.name.label("resident_name"),
        _record.name.label("record_name"),
        Territory.path,
    )
    .join(_account, and_(_account.town_id == Merging.town_id, _account.id == Merging.resident_id))
    .join(_record, and_(_record.town_id == Merging.town_id, _record.id == Merging.record_id))
    .outerjoin(Territory, and_(Territory.town_id == _record.town_id, Territory.id == _record.territory_id))
    .where(Merging.town_id == bindparam("town"))
)
_one = _waiting.where(Merging.id == bindparam("merging"))
_list = (
    _waiting.where(
        Merging.status == MergingStatus.ASKED, Merging.lapses_at > bindparam("now"), Merging.id < bindparam("before")
    )
    .order_by(Merging.id.desc())
    .limit(bindparam("limit"))
)


def _has(table: Any, *conditions: ColumnElement[bool], whose: str = "resident_id") -> Select[Any]:
    key = next(iter(table.__table__.primary_key.columns))
    return select(key).where(
        table.town_id == bindparam("town"), getattr(table, whose) == bindparam("resident"), *conditions
    )


#: What an account that is joined at once has nothing of.
_OWN = (
    *map(_has, (Reservation, VenueBooking, Visit, Redemption, Donation, ServiceRecord, Repair, Complaint)),
    *map(_has, (GroupMember, GroupRequest, PartnerPost, PostResponse, Content, Upload, Certificate)),
    _has(Event, whose="subject_id"),
    _has(Adjustment, Adjustment.status == DecisionStatus.PENDING),
    _has(Account, Account.owner_type == OwnerType.RESIDENT, Account.credited > 0, whose="owner_id"),
    _has(Proxy, Proxy.revoked_at.is_(None), whose="agent_id"),
    _has(Proxy, Proxy.revoked_at.is_(None), whose="principal_id"),
)
_HOURS = (_has(ServiceRecord), _has(Certificate))
_PROXIES = _OWN[-2:]


def _repoint(table: Any, whose: str = "resident_id") -> Any:
    return (
        update(table)
        .where(table.town_id == bindparam("town"), getattr(table, whose) == bindparam("resident"))
        .values({whose: bindparam("record")})
        .execution_options(synchronize_session=False)
    )


#: What the account wrote and joined. A record of the desk never signed in, so it has none of these.
_repointings = (
    *map(_repoint, (Favourite, GroupMember, GroupRequest, PartnerPost, PostResponse, Upload, Content, ResidentCard)),
    _repoint(ContentReport, "reporter_id"),
)


def confirm_merging(work: Work, keys: Keys, name: str) -> MergingAnswer:
    """Say who one is, as the desk wrote it down; the record is joined at once, or a manager is asked.

    Raises MergingUnknown, NameDiffers.
    """
    asked = {"town": work.town_id, "resident": work.actor.id, "now": work.now}
    merging = work.core.execute(_of_actor, asked).first()
    if merging is None:
        raise MergingUnknown
    record = _lock(work, merging)[merging.record_id]
    if record.openid_sealed is not None:
        raise MergingUnknown
    if normalised(record.name) != normalised(name):
        _count_wrong_name(work, merging)
        raise NameDiffers(tries=TRIES)
    if _any_of(work, _OWN, work.actor.id):
        if merging.status is MergingStatus.OFFERED:
            _decide(work, merging.id, MergingStatus.ASKED)
            _tell_staff(work, merging.id)
        return MergingAnswer(MergingStatus.ASKED, None)
    _decide(work, merging.id, MergingStatus.DONE)
    _join(work, keys, merging)
    return MergingAnswer(MergingStatus.DONE, begin_anew(work, keys, merging.record_id))


def list_mergings(work: Work, after: Position | None, limit: int) -> Page[MergingView]:
    """What waits for a manager of the places where the records live, the latest first."""
    before = ID_MAX if after is None else int(after[0])
    asked = {"town": work.town_id, "now": work.now, "before": before, "limit": limit + 1}
    rows: Sequence[AnyRow] = work.core.execute(_list.where(_within_reach(work)), asked).all()
    return cut([_view(row) for row in rows], limit, lambda view: (view.id,))


def approve_merging(work: Work, keys: Keys, merging_id: int) -> None:
    """Join two records, as a manager of the place where the record lives.

    Raises MergingUnknown, Forbidden, MergingDecided, MergingBlocked.
    """
    merging = _read_asked(work, merging_id)
    residents = _lock(work, merging)
    if residents[merging.record_id].openid_sealed is not None:
        raise MergingDecided
    _refuse_blocked(work, merging.resident_id)
    points = _move_points(work, merging)
    _decide(work, merging_id, MergingStatus.DONE, points=points, by=work.actor.id)
    _join(work, keys, merging)
    payload = {"resident_id": str(merging.record_id), "points": points}
    put(work, [Message("merging.done", str(merging_id), payload)])


def decline_merging(work: Work, merging_id: int, reason: str) -> None:
    """Leave two records as they are; the resident is told why. Raises MergingUnknown, Forbidden, MergingDecided."""
    merging = _read_asked(work, merging_id)
    _decide(work, merging_id, MergingStatus.DECLINED, by=work.actor.id)
    payload = {"resident_id": str(merging.resident_id), "reason": reason}
    put(work, [Message("merging.declined", str(merging_id), payload)])


def _lock(work: Work, merging: Any) -> dict[int, AnyRow]:
    asked = {"town": work.town_id, "resident": merging.resident_id, "record": merging.record_id}
    return {row.id: row for row in work.core.execute(_lock_both, asked)}


def _count_wrong_name(work: Work, merging: AnyRow) -> None:
    work.core.execute(_count_wrong, {"town": work.town_id, "merging": merging.id})
    if merging.wrong_names + 1 >= TRIES:
        _decide(work, merging.id, MergingStatus.DECLINED)


def _decide(work: Work, merging_id: int, into: MergingStatus, *, points: int = 0, by: int | None = None) -> None:
    at = None if into is MergingStatus.ASKED else work.now
    row = {"town": work.town_id, "merging": merging_id, "into": into, "at": at, "by": by, "points": points}
    if work.core.execute(_turn, row).first() is None:
        raise MergingDecided


def _join(work: Work, keys: Keys, merging: Any) -> None:
    """Give the record the account's WeChat, its number's consent and what it wrote, and empty the account.

    Both are locked.
    """
    account_id, record_id = merging.resident_id, merging.record_id
    account = _lock(work, merging)[account_id]
    assert account.openid_sealed is not None, "who signs in has an openid"
    openid = keys.open(account.openid_sealed, openid_context(work.town_id, account_id))
    sealed = keys.seal(openid, openid_context(work.town_id, record_id))
    asked = {"town": work.town_id, "resident": account_id, "record": record_id}
    if work.core.execute(_give_openid, asked | {"sealed": sealed}).first() is None:
        raise TryAgain
    if work.core.execute(_move_lookup, asked | {"index": keys.index_of(openid)}).first() is None:
        raise TryAgain
    for statement in _repointings:
        work.core.execute(statement, asked)
    lock_out(work, account_id)
    give_consent(work, record_id, Purpose.ACCOUNT, CONSENT_VERSION)
    give_consent(work, record_id, Purpose.PHONE, PHONE_VERSION)
    erase_rows(work, account_id)


def _move_points(work: Work, merging: Any) -> int:
    points = 0
    for code in sorted(list_books(work)):
        if code == SERVICE_HOURS:
            continue
        cause = Cause(REASON, "两份档案合并，积分转入社区登记的档案", work.now)
        key = f"{REASON}:{merging.id}"
        points += empty_wallet(in_book(work, code), key, merging.resident_id, cause, into=merging.record_id)
    return points


def _refuse_blocked(work: Work, resident_id: int) -> None:
    if (matter := open_matter(work, resident_id)) is not None:
        raise MergingBlocked(reason=matter)
    if any(deed.__name__ != "end_group" for deed, _ in find_open(work, resident_id)):
        raise MergingBlocked(reason=InBoth("还有未结束的预约、场地或兑换", "a place, a room or a reward is still open"))
    if _any_of(work, _HOURS, resident_id):
        raise MergingBlocked(reason=InBoth("新账号已有志愿服务时长，不能转移", "the account has hours of service"))
    if _any_of(work, _PROXIES, resident_id):
        raise MergingBlocked(reason=InBoth("新账号有代办授权，请先解除", "the account has proxies; end them first"))


def _any_of(work: Work, statements: Sequence[Select[Any]], resident_id: int) -> bool:
    asked = {"town": work.town_id, "resident": resident_id}
    return any(work.core.execute(statement.limit(1), asked).first() is not None for statement in statements)


def _read_asked(work: Work, merging_id: int) -> AnyRow:
    merging = work.core.execute(_one, {"town": work.town_id, "merging": merging_id}).first()
    if merging is None:
        raise MergingUnknown
    require_role_over(work, Role.MANAGER, merging.path)
    if merging.status is not MergingStatus.ASKED or merging.lapses_at <= work.now:
        raise MergingDecided
    return merging


def _tell_staff(work: Work, merging_id: int) -> None:
    merging = work.core.execute(_one, {"town": work.town_id, "merging": merging_id}).one()
    put(work, [Message("merging.asked", str(merging_id), {"merging_id": str(merging_id), "path": merging.path or ""})])


def _view(row: AnyRow) -> MergingView:
    return MergingView(
        row.id,
        row.resident_id,
        greeting(row.resident_name, row.resident_id),
        row.record_id,
        greeting(row.record_name, row.record_id),
        row.offered_at,
        row.lapses_at,
    )


def _within_reach(work: Work) -> ColumnElement[bool]:
    """Records below the actor's nodes; whoever has no place is seen from the root alone."""
    if holds_at_root(work, Role.MANAGER):
        return true()
    nodes = [grant.path for grant in work.actor.grants if grant.role in (Role.MANAGER, Role.ADMIN)]
    return or_(false(), *(Territory.path.startswith(path) for path in nodes))
