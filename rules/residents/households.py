"""Who lives together: asking to join a dwelling, and saying yes or no to it.

A resident says in which building and behind which door they live, or names a household by the id that one of its members
passed on. A grown-up member confirms it, or staff of the place (property, managers). Whoever asks is told the same whether
somebody lives there or nobody, so nobody learns who lives where by asking; a door is nowhere listed. Members see each other
by masked names.

A resident belongs to one household at a time. A guarded UPDATE of the request decides between two who answer it, and one of
the resident's row that there was none before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from models.residents import Household, HouseholdRequest, HouseholdRequestStatus, Resident, Role
from models.residents.rights import IS_WAITING
from models.territory import Territory, TerritoryKind
from rules.clock import local_day, seconds_between
from rules.errors import Kind, RuleError
from rules.ids import ID_MAX
from rules.outbox import Message, put
from rules.paging import Page, Position, cut
from rules.residents.acting import resident_for
from rules.residents.ages import is_minor
from rules.residents.identity import Forbidden
from rules.residents.names import greeting
from rules.residents.records import lock_record
from rules.rows import AnyRow
from rules.territory import PlaceUnknown
from rules.work import ActorKind, TryAgain, Work

#: Chosen; no rule of a town is known to say it. Enough for four generations, too few for a trade in family transfers.
MEMBERS_MAX = 12
REQUESTS_A_MONTH = 5
REQUEST_DAYS = 30
CONFIRMING = (Role.PROPERTY, Role.MANAGER)


class HouseholdHeld(RuleError):
    code = "household.held"
    kind = Kind.CONFLICT
    zh = "您已在一个家庭中，请先退出。"
    en = "You belong to a household already. Leave it first."


class HouseholdNone(RuleError):
    code = "household.none"
    kind = Kind.UNKNOWN
    zh = "您还没有加入家庭。"
    en = "You belong to no household."


class HouseholdRequestPending(RuleError):
    code = "household.request_pending"
    kind = Kind.CONFLICT
    zh = "已有一份申请在等待确认，可先撤回再申请。"
    en = "A request of yours waits already. Take it back first."


class TooManyHouseholdRequests(RuleError):
    code = "household.too_many_requests"
    kind = Kind.TOO_MANY
    zh = "30 天内最多申请 {maximum} 次，请到社区服务台办理。"
    en = "You can ask {maximum} times within 30 days. The community's desk can help."


class HouseholdRequestUnknown(RuleError):
    code = "household.request_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这份待确认的申请。"
    en = "There is no such request that waits."


class HouseholdFull(RuleError):
    code = "household.full"
    kind = Kind.CONFLICT
    zh = "一户最多登记 {maximum} 人。"
    en = "A household has {maximum} members at most."


class DwellingUnclear(RuleError):
    code = "household.dwelling_unclear"
    kind = Kind.INVALID
    zh = "请填写楼栋和门牌，或者填写家人给您的家庭编号，二者选一。"
    en = "Give a building and a door, or the id that your family gave you, one of the two."


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of a household."""

    id: int
    name: str  #: masked
    is_me: bool


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request that waits."""

    id: int
    name: str | None  #: masked; None: my own
    building_id: int | None  #: None where a household was named by its id
    door: str | None
    asked_at: datetime
    lapses_at: datetime


@dataclass(frozen=True, slots=True)
class HouseholdView:
    """Where a resident lives and with whom; or what they asked for."""

    id: int | None
    building_id: int | None
    building: str | None
    door: str | None
    members: Sequence[Member]
    requests: Sequence[RequestView]  #: of who asks to join
    my_request: RequestView | None


_mine = (
    select(Resident.household_id, Resident.born_on, Household.building_id, Household.door, Territory.name)
    .outerjoin(Household, and_(Household.town_id == Resident.town_id, Household.id == Resident.household_id))
    .outerjoin(Territory, and_(Territory.town_id == Household.town_id, Territory.id == Household.building_id))
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
)
_members = (
    select(Resident.id, Resident.name, Resident.born_on)
    .where(Resident.town_id == bindparam("town"), Resident.household_id == bindparam("household"))
    .order_by(Resident.id)
)
_building = select(Territory.id).where(
    Territory.town_id == bindparam("town"),
    Territory.id == bindparam("building"),
    Territory.kind == TerritoryKind.BUILDING,
)
_household = select(Household.id, Household.building_id, Household.door).where(
    Household.town_id == bindparam("town"), Household.id == bindparam("household")
)
_lock_household = (
    select(Household.id)
    .where(Household.town_id == bindparam("town"), Household.id == bindparam("household"))
    .with_for_update(key_share=True)
)
_at_door = select(Household.id).where(
    Household.town_id == bindparam("town"),
    Household.building_id == bindparam("building"),
    Household.door == bindparam("at_door"),
)
_found = insert(Household).on_conflict_do_nothing()
_asked_lately = select(func.count().label("made"), func.min(HouseholdRequest.asked_at).label("first_at")).where(
    HouseholdRequest.town_id == bindparam("town"),
    HouseholdRequest.resident_id == bindparam("resident"),
    HouseholdRequest.asked_at > bindparam("since"),
)
_ask = (
    insert(HouseholdRequest)
    .on_conflict_do_nothing(index_elements=["town_id", "resident_id"], index_where=IS_WAITING)
    .returning(HouseholdRequest.id)
)
_is_waiting = and_(
    HouseholdRequest.town_id == bindparam("town"), HouseholdRequest.status == HouseholdRequestStatus.PENDING
)
_decide = (
    update(HouseholdRequest)
    .where(_is_waiting, HouseholdRequest.id == bindparam("request"), HouseholdRequest.lapses_at > bindparam("now"))
    .values(
        status=bindparam("into"),
        decided_at=bindparam("now"),
        decided_by_kind=bindparam("by_kind"),
        decided_by_id=bindparam("by_id"),
    )
    .returning(HouseholdRequest.id)
    .execution_options(synchronize_session=False)
)
_withdraw = (
    update(HouseholdRequest)
    .where(_is_waiting, HouseholdRequest.resident_id == bindparam("resident"))
    .values(status=HouseholdRequestStatus.WITHDRAWN, decided_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_withdraw_mine = _withdraw.returning(HouseholdRequest.id)
_withdraw_lapsed = _withdraw.where(HouseholdRequest.lapses_at <= bindparam("now"))
_asker = aliased(Resident)
_requests = (
    select(
        HouseholdRequest.id,
        HouseholdRequest.resident_id,
        HouseholdRequest.household_id,
        HouseholdRequest.building_id,
        HouseholdRequest.door,
        HouseholdRequest.asked_at,
        HouseholdRequest.lapses_at,
        _asker.name,
        Territory.path,
    )
    .join(_asker, and_(_asker.town_id == HouseholdRequest.town_id, _asker.id == HouseholdRequest.resident_id))
    .join(Territory, and_(Territory.town_id == HouseholdRequest.town_id, Territory.id == HouseholdRequest.building_id))
    .where(_is_waiting, HouseholdRequest.lapses_at > bindparam("now"))
)
_one_request = _requests.where(HouseholdRequest.id == bindparam("request"))
_my_request = _requests.where(HouseholdRequest.resident_id == bindparam("resident"))
_for_household = _requests.where(
    or_(
        HouseholdRequest.household_id == bindparam("household"),
        and_(
            HouseholdRequest.household_id.is_(None),
            HouseholdRequest.building_id == bindparam("building"),
            HouseholdRequest.door == bindparam("at_door"),
        ),
    )
).order_by(HouseholdRequest.id)
_for_staff = (
    _requests.where(HouseholdRequest.id < bindparam("before"))
    .order_by(HouseholdRequest.id.desc())
    .limit(bindparam("limit"))
)
_move_in = (
    update(Resident)
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"), Resident.household_id.is_(None))
    .values(household_id=bindparam("household"), territory_id=bindparam("building"), versioned_at=bindparam("now"))
    .returning(Resident.id)
    .execution_options(synchronize_session=False)
)
_move_out = (
    update(Resident)
    .where(
        Resident.town_id == bindparam("town"),
        Resident.id == bindparam("resident"),
        Resident.household_id.is_not(None),
    )
    .values(household_id=None)
    .returning(Resident.id)
    .execution_options(synchronize_session=False)
)


def show_household(work: Work, resident_id: int | None = None) -> HouseholdView:
    """The household of the actor, or of somebody they act for. Raises what `resident_for` raises."""
    whom = resident_for(work, resident_id)
    home = _home(work, whom)
    asked = {"town": work.town_id, "resident": whom, "now": work.now}
    own = work.core.execute(_my_request, asked).first()
    members = _list_members(work, home.household_id)
    sees_requests = whom == work.actor.id and not is_minor(home.born_on, local_day(work.now))
    return HouseholdView(
        id=home.household_id,
        building_id=home.building_id,
        building=home.name,
        door=home.door,
        members=[Member(row.id, greeting(row.name, row.id), row.id == whom) for row in members],
        requests=[_view(row, row.name) for row in _requests_to(work, home)] if sees_requests else [],
        my_request=None if own is None else _view(own, None),
    )


def ask_to_join(work: Work, wish: dict[str, Any], resident_id: int | None = None) -> HouseholdView:
    """Ask to be written down as living in a dwelling: `building_id` and `door`, or `household_id`.

    Raises DwellingUnclear, PlaceUnknown (no such building, or household),
    HouseholdHeld, HouseholdRequestPending, TooManyHouseholdRequests, and what `resident_for` raises.
    """
    whom = resident_for(work, resident_id)
    household_id, building_id, door = (wish.get(name) for name in ("household_id", "building_id", "door"))
    if (household_id is None) == (building_id is None) or (building_id is None) != (door is None):
        raise DwellingUnclear
    lock_record(work, whom)
    if _home(work, whom).household_id is not None:
        raise HouseholdHeld
    _check_pace(work, whom)
    dwelling = _dwelling(work, household_id, building_id, door)
    asked = {"town": work.town_id, "resident": whom, "now": work.now}
    work.core.execute(_withdraw_lapsed, asked)
    row = {
        "town_id": work.town_id,
        "id": work.new_id(),
        "resident_id": whom,
        "asked_by": None if whom == work.actor.id else work.actor.id,
        **dwelling,
        "status": HouseholdRequestStatus.PENDING,
        "asked_at": work.now,
        "lapses_at": work.now + timedelta(days=REQUEST_DAYS),
    }
    if work.core.scalar(_ask, row) is None:
        raise HouseholdRequestPending
    _tell_members(work, row)
    return show_household(work, resident_id)


def take_request_back(work: Work, resident_id: int | None = None) -> None:
    """Ask no more. Raises HouseholdRequestUnknown, and what `resident_for` raises."""
    asked = {"town": work.town_id, "resident": resident_for(work, resident_id), "now": work.now}
    if work.core.execute(_withdraw_mine, asked).first() is None:
        raise HouseholdRequestUnknown


def leave_household(work: Work, resident_id: int | None = None) -> None:
    """Live there no more. Raises HouseholdNone, and what `resident_for` raises."""
    asked = {"town": work.town_id, "resident": resident_for(work, resident_id)}
    if work.core.execute(_move_out, asked).first() is None:
        raise HouseholdNone


def answer_request(work: Work, request_id: int, *, accept: bool) -> None:
    """Say yes or no to who asks to join: as a grown-up member of that household, or as staff of the place.

    Raises HouseholdRequestUnknown (also to everybody else), Forbidden (staff of elsewhere), HouseholdFull, HouseholdHeld.
    """
    asked = {"town": work.town_id, "request": request_id, "now": work.now}
    request = work.core.execute(_one_request, asked).first()
    if request is None:
        raise HouseholdRequestUnknown
    _require_say(work, request)
    into = HouseholdRequestStatus.ACCEPTED if accept else HouseholdRequestStatus.DECLINED
    by = {"into": into, "by_kind": work.actor.kind.value, "by_id": work.actor.id}
    lock_record(work, request.resident_id)
    if accept:
        _let_in(work, request)
    if work.core.execute(_decide, asked | by).first() is None:
        raise HouseholdRequestUnknown
    payload = {"resident_id": str(request.resident_id), "answer": into.value}
    put(work, [Message("household.answered", str(request_id), payload)])


def list_requests(work: Work, after: Position | None, limit: int) -> Page[RequestView]:
    """What waits at the places where the actor is property staff or a manager, the latest first."""
    if not any(work.actor.holds(role) for role in CONFIRMING):
        return Page([], None)
    before = ID_MAX if after is None else int(after[0])
    asked = {"town": work.town_id, "now": work.now, "before": before, "limit": limit + 1}
    rows = work.core.execute(_for_staff.where(_within_reach(work)), asked).all()
    return cut([_view(row, row.name) for row in rows], limit, lambda view: (view.id,))


def _home(work: Work, resident_id: int) -> AnyRow:
    return work.core.execute(_mine, {"town": work.town_id, "resident": resident_id}).one()


def _list_members(work: Work, household_id: int | None) -> Sequence[AnyRow]:
    if household_id is None:
        return []
    return work.core.execute(_members, {"town": work.town_id, "household": household_id}).all()


def _requests_to(work: Work, home: AnyRow) -> Sequence[AnyRow]:
    if home.household_id is None:
        return []
    at = {"household": home.household_id, "building": home.building_id, "at_door": home.door}
    return work.core.execute(_for_household, {"town": work.town_id, "now": work.now, **at}).all()


def _check_pace(work: Work, resident_id: int) -> None:
    since = work.now - timedelta(days=30)
    asked = {"town": work.town_id, "resident": resident_id, "since": since}
    lately = work.core.execute(_asked_lately, asked).one()
    if lately.made >= REQUESTS_A_MONTH:
        free_at = lately.first_at + timedelta(days=30)
        raise TooManyHouseholdRequests(maximum=REQUESTS_A_MONTH, retry_seconds=seconds_between(work.now, free_at))


def _dwelling(work: Work, household_id: int | None, building_id: int | None, door: str | None) -> dict[str, Any]:
    if household_id is None:
        if work.core.scalar(_building, {"town": work.town_id, "building": building_id}) is None:
            raise PlaceUnknown
        return {"household_id": None, "building_id": building_id, "door": door}
    known = work.core.execute(_household, {"town": work.town_id, "household": household_id}).first()
    if known is None:
        raise PlaceUnknown
    return {"household_id": household_id, "building_id": known.building_id, "door": known.door}


def _tell_members(work: Work, request: dict[str, Any]) -> None:
    household_id = request["household_id"] or work.core.scalar(
        _at_door, {"town": work.town_id, "building": request["building_id"], "at_door": request["door"]}
    )
    today = local_day(work.now)
    grown_up = [row.id for row in _list_members(work, household_id) if not is_minor(row.born_on, today)]
    key = str(request["id"])
    put(
        work,
        [
            Message("household.requested", f"{key}:{id_}", {"resident_id": str(id_), "request_id": key})
            for id_ in grown_up
        ],
    )


def _require_say(work: Work, request: AnyRow) -> None:
    if work.actor.kind is ActorKind.STAFF:
        if not any(work.actor.may(role, request.path) for role in CONFIRMING):
            raise Forbidden
        return
    home = _home(work, work.actor.id)
    is_theirs = any(row.id == request.id for row in _requests_to(work, home))
    if not is_theirs or is_minor(home.born_on, local_day(work.now)):
        raise HouseholdRequestUnknown


def _let_in(work: Work, request: AnyRow) -> None:
    at = {"town": work.town_id, "building": request.building_id, "at_door": request.door}
    household_id = request.household_id or work.core.scalar(_at_door, at)
    if household_id is None:
        row = {"town_id": work.town_id, "id": work.new_id(), "building_id": request.building_id, "door": request.door}
        work.core.execute(_found, row)
        household_id = work.core.scalar(_at_door, at)
        if household_id is None:
            raise TryAgain
    work.core.execute(_lock_household, {"town": work.town_id, "household": household_id})
    if len(_list_members(work, household_id)) >= MEMBERS_MAX:
        raise HouseholdFull(maximum=MEMBERS_MAX)
    moving = {"town": work.town_id, "resident": request.resident_id, "household": household_id, "now": work.now}
    if work.core.execute(_move_in, moving | {"building": request.building_id}).first() is None:
        raise HouseholdHeld


def _view(row: AnyRow, name: str | None) -> RequestView:
    is_own_by_id = name is None and row.household_id is not None
    return RequestView(
        id=row.id,
        name=None if name is None else greeting(name, row.resident_id),
        building_id=None if is_own_by_id else row.building_id,  # whoever guesses an id doesn't learn where it is
        door=None if is_own_by_id else row.door,
        asked_at=row.asked_at,
        lapses_at=row.lapses_at,
    )


def _within_reach(work: Work) -> ColumnElement[bool]:
    """Buildings below the actor's nodes."""
    nodes = [grant.path for grant in work.actor.grants if grant.role in (*CONFIRMING, Role.ADMIN)]
    return or_(false(), *(Territory.path.startswith(path) for path in nodes))
