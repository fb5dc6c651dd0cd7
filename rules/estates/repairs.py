"""Repairs as those see them who may: the resident, the household, neighbours, staff.

Who may see what stands at the head of `rules.estates`. Every route that names a repair finds it here, so there is one
place that decides whether it is there for the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import and_, bindparam, or_, select, union
from sqlalchemy.orm import aliased

from models.estates import (
    OPEN,
    PropertyCompany,
    Repair,
    RepairDeed,
    RepairEvent,
    RepairNote,
    RepairPlace,
    RepairStatus,
)
from models.moderation import Content, ContentState
from models.residents import Resident, Role
from models.territory import Territory
from rules.estates.phones import RESIDENT, WORKER, open_phone
from rules.estates.places import DESK, HANDLERS, READERS, find_estate, read_home, within_reach
from rules.estates.refusals import ContactClosed, NotOfThisEstate, RepairUnknown
from rules.estates.states import TRANSITIONS, Side, photos_of
from rules.ids import ID_MAX
from rules.keys import Keys
from rules.moderation.visibility import passed
from rules.paging import Page, Position, cut
from rules.residents.acting import NotTheirProxy, resident_for
from rules.residents.identity import Forbidden
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.uploads.links import Picture, pictures
from rules.venues.places import holds_any
from rules.work import ActorKind, Work

SOON = timedelta(hours=4)  #: so long before its deadline a step is on staff's list of what is due soon


class Viewer(StrEnum):
    """As what somebody sees a repair."""

    RESIDENT = "resident"  #: whose it is, or who acts for them
    HOUSEHOLD = "household"
    NEIGHBOUR = "neighbour"
    HANDLER = "handler"
    AUDITOR = "auditor"
    DESK = "desk"  #: who of the staff wrote it down for the resident, and handles none there


class Due(StrEnum):
    """Which steps staff ask for, by their deadline."""

    OVERDUE = "overdue"
    SOON = "soon"


@dataclass(frozen=True, slots=True)
class RepairFilter:
    """Which repairs staff list: those that fit all that is given."""

    estate_id: int | None = None
    company_id: int | None = None
    status: RepairStatus | None = None
    category: str | None = None
    place: RepairPlace | None = None
    due: Due | None = None


@dataclass(frozen=True, slots=True)
class SeenRepair:
    """A repair as one viewer sees it; None stands for what isn't for their eyes."""

    repair: AnyRow
    seen_as: Viewer
    is_overdue: bool
    resident_id: int | None
    resident: str | None  #: masked
    phone: str | None  #: masked
    worker_name: str | None
    worker_phone: str | None  #: whole, while the repair is open
    wanted_from: datetime | None
    wanted_until: datetime | None
    rating: int | None
    rating_words: str | None
    can: Sequence[RepairDeed]  #: what the viewer may do now
    pictures: Sequence[Picture]  #: of what is broken


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to call about a repair."""

    name: str  #: masked
    phone: str


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """Something that happened to a repair."""

    id: int
    deed: RepairDeed
    by_kind: str
    at: datetime
    due_at: datetime | None
    was_late: bool
    note: str
    pictures: Sequence[Picture]


_estate = aliased(Territory)
_node = aliased(Territory)
_REPAIRS = (
    select(
        *Repair.__table__.columns,
        _estate.name.label("estate"),
        _estate.path.label("path"),
        _node.name.label("node"),
        PropertyCompany.name.label("company"),
        Resident.name.label("resident_name"),
        Resident.household_id.label("lives_in"),
        Content.state.label("content_state"),
    )
    .join(_estate, and_(_estate.town_id == Repair.town_id, _estate.id == Repair.estate_id))
    .join(_node, and_(_node.town_id == Repair.town_id, _node.id == Repair.territory_id))
    .join(Resident, and_(Resident.town_id == Repair.town_id, Resident.id == Repair.resident_id))
    .outerjoin(
        PropertyCompany, and_(PropertyCompany.town_id == Repair.town_id, PropertyCompany.id == Repair.company_id)
    )
    .outerjoin(Content, and_(Content.town_id == Repair.town_id, Content.id == Repair.content_id))
    .where(Repair.town_id == bindparam("town"))
)
_one = _REPAIRS.where(Repair.id == bindparam("repair"))
_older = _REPAIRS.where(Repair.id < bindparam("before")).order_by(Repair.id.desc()).limit(bindparam("limit"))
_of_one = aliased(Repair)
_of_one_before = and_(_of_one.town_id == bindparam("town"), _of_one.id < bindparam("before"))
#: Each half is read by an index of its own; an OR over both would walk through the repairs of the whole town.
_of_mine = union(
    select(_of_one.id).where(_of_one_before, _of_one.resident_id == bindparam("resident")),
    select(_of_one.id).where(
        _of_one_before, _of_one.place == RepairPlace.HOME, _of_one.household_id == bindparam("household")
    ),
)
_mine = (
    _REPAIRS.where(
        Repair.id.in_(_of_mine),
        or_(Repair.resident_id == bindparam("resident"), Resident.household_id == bindparam("household")),
    )
    .order_by(Repair.id.desc())
    .limit(bindparam("limit"))
)
_public = _older.where(Repair.estate_id == bindparam("estate"), Repair.place == RepairPlace.PUBLIC, passed(Content))
_handled = _REPAIRS.where(Repair.id > bindparam("after")).order_by(Repair.id).limit(bindparam("limit"))
_events = (
    select(
        RepairEvent.id,
        RepairEvent.deed,
        RepairEvent.by_kind,
        RepairEvent.at,
        RepairEvent.due_at,
        RepairNote.words,
        RepairNote.photos,
    )
    .outerjoin(RepairNote, and_(RepairNote.town_id == RepairEvent.town_id, RepairNote.event_id == RepairEvent.id))
    .where(
        RepairEvent.town_id == bindparam("town"),
        RepairEvent.repair_id == bindparam("repair"),
        RepairEvent.id > bindparam("after"),
    )
    .order_by(RepairEvent.id)
    .limit(bindparam("limit"))
)


def find_repair(work: Work, repair_id: int) -> tuple[AnyRow, Viewer]:
    """A repair, and as what the actor sees it. Raises RepairUnknown, also where it isn't for the actor's eyes."""
    repair = work.core.execute(_one, {"town": work.town_id, "repair": repair_id}).first()
    viewer = None if repair is None else _viewer_of(work, repair)
    if repair is None or viewer is None:
        raise RepairUnknown
    return repair, viewer


def find_own(work: Work, repair_id: int) -> AnyRow:
    """A repair of the actor's, or of somebody the actor acts for. Raises RepairUnknown."""
    repair, viewer = find_repair(work, repair_id)
    if viewer is not Viewer.RESIDENT:
        raise RepairUnknown
    return repair


def find_handled(work: Work, repair_id: int) -> AnyRow:
    """A repair that the actor handles. Raises RepairUnknown, and Forbidden to those who only see it."""
    repair, viewer = find_repair(work, repair_id)
    if viewer is not Viewer.HANDLER:
        raise Forbidden
    return repair


def show_repair(work: Work, keys: Keys, repair_id: int) -> SeenRepair:
    """A repair as the actor may see it. Raises RepairUnknown."""
    repair, viewer = find_repair(work, repair_id)
    first = work.core.execute(_events, {"town": work.town_id, "repair": repair_id, "after": 0, "limit": 1}).one()
    return _seen(work, keys, repair, viewer, pictures(work, keys, photos_of(first.photos)))


def show_contact(work: Work, keys: Keys, repair_id: int) -> Contact:
    """Whom to call, for those who handle an open repair.

    Raises RepairUnknown, Forbidden (auditors, residents), ContactClosed.
    """
    repair = find_handled(work, repair_id)
    if repair.phone_sealed is None or repair.status not in OPEN:
        raise ContactClosed
    phone = open_phone(keys, work.town_id, repair_id, RESIDENT, repair.phone_sealed)
    return Contact(greeting(repair.resident_name, repair.resident_id), phone.number)


def list_events(work: Work, keys: Keys, repair_id: int, after: Position | None, limit: int) -> Page[SeenEvent]:
    """What happened to a repair, the first first. Neighbours see no words and no photos. Raises RepairUnknown."""
    _, viewer = find_repair(work, repair_id)
    last = 0 if after is None else int(after[0])
    asked = {"town": work.town_id, "repair": repair_id, "after": last, "limit": limit + 1}
    page = cut(work.core.execute(_events, asked).all(), limit, lambda row: (row.id,))
    is_neighbour = viewer is Viewer.NEIGHBOUR
    return Page(
        [
            SeenEvent(
                row.id,
                row.deed,
                row.by_kind,
                row.at,
                row.due_at,
                row.due_at is not None and row.due_at < row.at,
                "" if is_neighbour else row.words or "",
                [] if is_neighbour else pictures(work, keys, photos_of(row.photos)),
            )
            for row in page.items
        ],
        page.next_after,
    )


def list_my_repairs(
    work: Work,
    status: RepairStatus | None,
    after: Position | None,
    limit: int,
    resident_id: int | None = None,
) -> Page[SeenRepair]:
    """The actor's repairs and those at their home, the latest first; or of somebody the actor acts for.

    Raises NotTheirProxy.
    """
    whom = resident_for(work, resident_id)
    statement = _mine if status is None else _mine.where(Repair.status == status)
    asked = {"resident": whom, "household": read_home(work, whom).household_id, "limit": limit + 1}
    before = ID_MAX if after is None else int(after[0])
    rows = work.core.execute(statement, {"town": work.town_id, **asked, "before": before}).all()
    page = cut(rows, limit, lambda row: (row.id,))
    viewer = {row.id: Viewer.RESIDENT if row.resident_id == whom else Viewer.HOUSEHOLD for row in page.items}
    return Page([_seen(work, None, row, viewer[row.id], []) for row in page.items], page.next_after)


def list_public_repairs(work: Work, estate_id: int, after: Position | None, limit: int) -> Page[AnyRow]:
    """What is broken of what belongs to all, for residents of the estate and its staff: without names, the latest first.

    Raises EstateUnknown, NotOfThisEstate.
    """
    estate = find_estate(work, estate_id)
    if not (_lives_in(work, estate.path) or holds_any(work, READERS, estate.path)):
        raise NotOfThisEstate
    before = ID_MAX if after is None else int(after[0])
    asked = {"town": work.town_id, "estate": estate_id, "before": before, "limit": limit + 1}
    return cut(work.core.execute(_public, asked).all(), limit, lambda row: (row.id,))


def list_repairs(work: Work, wanted: RepairFilter, after: Position | None, limit: int) -> Page[SeenRepair]:
    """The repairs of estates that the actor handles or audits, the first submitted first."""
    statement = _handled.where(within_reach(work, READERS, _estate))
    for name in ("estate_id", "company_id", "status", "category", "place"):
        if (value := getattr(wanted, name)) is not None:
            statement = statement.where(getattr(Repair, name) == value)
    if wanted.due is not None:
        begin, end = (None, work.now) if wanted.due is Due.OVERDUE else (work.now, work.now + SOON)
        statement = statement.where(Repair.status.in_(OPEN), Repair.due_at < end)
        statement = statement if begin is None else statement.where(Repair.due_at >= begin)
    last = 0 if after is None else int(after[0])
    rows = work.core.execute(statement, {"town": work.town_id, "after": last, "limit": limit + 1}).all()
    page = cut(rows, limit, lambda row: (row.id,))
    viewer = {row.id: _viewer_of(work, row) for row in page.items}
    return Page([_seen(work, None, row, viewer[row.id] or Viewer.AUDITOR, []) for row in page.items], page.next_after)


def acts_for(work: Work, resident_id: int) -> bool:
    """Whether the actor, a resident, may act for this one."""
    try:
        return resident_for(work, resident_id) == resident_id
    except NotTheirProxy:
        return False


def _viewer_of(work: Work, repair: AnyRow) -> Viewer | None:
    if work.actor.kind is ActorKind.STAFF:
        if holds_any(work, HANDLERS, repair.path):
            return Viewer.HANDLER
        if work.actor.may(Role.AUDITOR, repair.path):
            return Viewer.AUDITOR
        wrote_it = (repair.submitted_by_kind, repair.submitted_by_id) == (ActorKind.STAFF.value, work.actor.id)
        return Viewer.DESK if wrote_it and holds_any(work, DESK, repair.path) else None
    if work.actor.kind is not ActorKind.RESIDENT:
        return None
    if acts_for(work, repair.resident_id):
        return Viewer.RESIDENT
    home = read_home(work, work.actor.id)
    if repair.place is RepairPlace.HOME:
        shares = home.household_id is not None and home.household_id == repair.household_id == repair.lives_in
        return Viewer.HOUSEHOLD if shares else None
    is_neighbour = home.path is not None and home.path.startswith(repair.path)
    return Viewer.NEIGHBOUR if is_neighbour and repair.content_state is ContentState.PASSED else None


def _lives_in(work: Work, path: str) -> bool:
    if work.actor.kind is not ActorKind.RESIDENT:
        return False
    home = read_home(work, work.actor.id)
    return home.path is not None and home.path.startswith(path)


def _seen(work: Work, keys: Keys | None, repair: AnyRow, viewer: Viewer, shown: Sequence[Picture]) -> SeenRepair:
    """`keys`: None in lists, which show no numbers."""
    is_staff = viewer in (Viewer.HANDLER, Viewer.AUDITOR, Viewer.DESK)
    knows_visit = viewer in (Viewer.RESIDENT, Viewer.HOUSEHOLD, Viewer.HANDLER)
    is_open = repair.status in OPEN
    phone = worker_phone = None
    if keys is not None and repair.phone_sealed is not None and viewer in (Viewer.RESIDENT, Viewer.HANDLER):
        phone = open_phone(keys, work.town_id, repair.id, RESIDENT, repair.phone_sealed).masked
    if keys is not None and repair.worker_phone_sealed is not None and knows_visit and is_open:
        worker_phone = open_phone(keys, work.town_id, repair.id, WORKER, repair.worker_phone_sealed).number
    return SeenRepair(
        repair,
        viewer,
        is_open and repair.due_at is not None and repair.due_at < work.now,
        repair.resident_id if is_staff else None,
        greeting(repair.resident_name, repair.resident_id) if is_staff else None,
        phone,
        repair.worker_name if knows_visit or is_staff else None,
        worker_phone,
        *((None,) * 4 if viewer is Viewer.NEIGHBOUR else _personal(repair)),
        _deeds_of(viewer, repair),
        shown,
    )


def _personal(repair: AnyRow) -> tuple[datetime | None, datetime | None, int | None, str | None]:
    """What is the resident's own affair."""
    return repair.wanted_from, repair.wanted_until, repair.rating, repair.rating_words


def _deeds_of(viewer: Viewer, repair: AnyRow) -> list[RepairDeed]:
    """What the viewer may do in this state; times and counts aside."""
    side = {Viewer.RESIDENT: Side.RESIDENT, Viewer.HANDLER: Side.COMPANY}.get(viewer)
    return [deed for deed, each in TRANSITIONS.items() if each.side is side and repair.status in each.before]
