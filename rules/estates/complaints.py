"""Complaints and praise 投诉 表扬: to the company or to the street, answered within a time.

What is said to the company its staff read, without the name where the resident wishes so; what is said to the street they
don't see at all. The street reads both, with the name, because somebody has to be able to answer for what was said.
Neither earns points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, insert, or_, select, update
from sqlalchemy.orm import aliased

from models.estates import Addressee, Complaint, ComplaintKind, ComplaintStatus, PropertyCompany
from models.residents import Resident, Role
from models.territory import Territory
from models.uploads import UploadPurpose
from rules.clock import local_day
from rules.daily_limits import count_today
from rules.estates import telling
from rules.estates.companies import company_on
from rules.estates.places import DESK, HANDLERS, STREET, find_estate, home_in, within_reach
from rules.estates.refusals import ComplaintOver, ComplaintUnknown, RepairUnknown
from rules.estates.repairs import acts_for, find_repair
from rules.estates.states import photos_column, photos_of
from rules.estates.terms import deadline, terms_on
from rules.ids import ID_MAX
from rules.keys import Keys
from rules.paging import Page, Position, cut
from rules.residents.acting import resident_for
from rules.residents.identity import Forbidden
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.uploads.attaching import claim
from rules.uploads.links import Picture, pictures
from rules.venues.places import holds_any, require_any
from rules.work import ActorKind, Work

COMPLAINTS_A_DAY = 10  #: that one resident may make, praise included


@dataclass(frozen=True, slots=True)
class ComplaintWish:
    """What somebody has to say, of whom and to whom."""

    kind: ComplaintKind
    addressee: Addressee
    estate_id: int
    words: str
    is_anonymous: bool = False
    repair_id: int | None = None  #: the repair that it is about
    upload_ids: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class ComplaintFilter:
    """Which complaints staff list: those that fit all that is given."""

    estate_id: int | None = None
    kind: ComplaintKind | None = None
    status: ComplaintStatus | None = None
    is_overdue: bool = False


@dataclass(frozen=True, slots=True)
class SeenComplaint:
    """A complaint as one viewer sees it."""

    complaint: AnyRow
    is_overdue: bool
    repair_id: int | None  #: None where it would tell whose it is
    resident_id: int | None  #: None where the viewer isn't told
    resident: str | None  #: masked
    pictures: Sequence[Picture]


_estate = aliased(Territory)
_COMPLAINTS = (
    select(
        *Complaint.__table__.columns,
        _estate.name.label("estate"),
        _estate.path.label("path"),
        PropertyCompany.name.label("company"),
        Resident.name.label("resident_name"),
    )
    .join(_estate, and_(_estate.town_id == Complaint.town_id, _estate.id == Complaint.estate_id))
    .join(Resident, and_(Resident.town_id == Complaint.town_id, Resident.id == Complaint.resident_id))
    .outerjoin(
        PropertyCompany,
        and_(PropertyCompany.town_id == Complaint.town_id, PropertyCompany.id == Complaint.company_id),
    )
    .where(Complaint.town_id == bindparam("town"))
)
_one = _COMPLAINTS.where(Complaint.id == bindparam("complaint"))
_mine = (
    _COMPLAINTS.where(Complaint.resident_id == bindparam("resident"), Complaint.id < bindparam("before"))
    .order_by(Complaint.id.desc())
    .limit(bindparam("limit"))
)
_heard = _COMPLAINTS.where(Complaint.id > bindparam("after")).order_by(Complaint.id).limit(bindparam("limit"))
_make = insert(Complaint)

_end = (
    update(Complaint)
    .where(
        Complaint.town_id == bindparam("town"),
        Complaint.id == bindparam("complaint"),
        Complaint.status == ComplaintStatus.OPEN,
    )
    .returning(Complaint.id)
    .execution_options(synchronize_session=False)
)
_answer = _end.values(
    status=ComplaintStatus.ANSWERED,
    answer=bindparam("said"),
    answered_by=bindparam("who"),
    answered_at=bindparam("now"),
)
_withdraw = _end.values(status=ComplaintStatus.WITHDRAWN)


def make_complaint(work: Work, keys: Keys, wish: ComplaintWish, resident_id: int | None = None) -> SeenComplaint:
    """Say what there is to say, for the actor or for whom the actor acts. Staff who write it down see it this once.

    Raises EstateUnknown, Forbidden (staff of elsewhere), NotOfThisEstate, RepairUnknown (not theirs), UploadUnknown,
    UploadTaken, DailyLimitReached, and what `resident_for` does.
    """
    estate = find_estate(work, wish.estate_id)
    if work.actor.kind is ActorKind.STAFF:
        require_any(work, DESK, estate.path)
    count_today(work, "complaint", COMPLAINTS_A_DAY)
    whom = resident_for(work, resident_id)
    home_in(work, whom, estate)
    if wish.repair_id is not None:
        _check_repair(work, wish.repair_id, whom, estate.id)
    claim(work, wish.upload_ids, UploadPurpose.COMPLAINT)
    company_id = company_on(work, estate.id, local_day(work.now))
    terms = terms_on(work, company_id, None, local_day(work.now))
    complaint_id = work.new_id()
    row = {
        "town_id": work.town_id,
        "id": complaint_id,
        "kind": wish.kind,
        "addressee": wish.addressee,
        "estate_id": estate.id,
        "company_id": company_id,
        "repair_id": wish.repair_id,
        "resident_id": whom,
        "is_anonymous": wish.is_anonymous,
        "words": wish.words,
        "photos": photos_column(wish.upload_ids),
        "status": ComplaintStatus.OPEN,
        "made_at": work.now,
        "due_at": deadline(work, terms.answer_minutes, terms.in_working_days),
    }
    work.core.execute(_make, row)
    return _seen(work, keys, work.core.execute(_one, {"town": work.town_id, "complaint": complaint_id}).one())


def show_complaint(work: Work, keys: Keys, complaint_id: int) -> SeenComplaint:
    """A complaint as the actor may see it. Raises ComplaintUnknown."""
    return _seen(work, keys, _find(work, complaint_id))


def list_my_complaints(
    work: Work, keys: Keys, after: Position | None, limit: int, resident_id: int | None = None
) -> Page[SeenComplaint]:
    """What the actor had to say, or somebody the actor acts for, the latest first. Raises NotTheirProxy."""
    before = ID_MAX if after is None else int(after[0])
    asked = {"resident": resident_for(work, resident_id), "before": before, "limit": limit + 1}
    return _page(work, keys, work.core.execute(_mine, {"town": work.town_id, **asked}).all(), limit)


def list_complaints(
    work: Work, keys: Keys, wanted: ComplaintFilter, after: Position | None, limit: int
) -> Page[SeenComplaint]:
    """What was said of estates that the actor answers for or audits, the first said first."""
    of_company = and_(Complaint.addressee == Addressee.COMPANY, within_reach(work, (Role.PROPERTY,), _estate))
    statement = _heard.where(or_(of_company, within_reach(work, STREET, _estate)))
    for name in ("estate_id", "kind", "status"):
        if (value := getattr(wanted, name)) is not None:
            statement = statement.where(getattr(Complaint, name) == value)
    if wanted.is_overdue:
        statement = statement.where(Complaint.status == ComplaintStatus.OPEN, Complaint.due_at < work.now)
    last = 0 if after is None else int(after[0])
    rows = work.core.execute(statement, {"town": work.town_id, "after": last, "limit": limit + 1}).all()
    return _page(work, keys, rows, limit)


def answer_complaint(work: Work, complaint_id: int, words: str) -> None:
    """Answer a complaint or praise, once; the resident is told.

    The company answers what was said to it, the street both. Raises ComplaintUnknown, Forbidden (auditors, residents),
    ComplaintOver.
    """
    complaint = _find(work, complaint_id)
    if not holds_any(work, HANDLERS, complaint.path):
        raise Forbidden
    said = {"complaint": complaint_id, "said": words, "who": work.actor.id, "now": work.now}
    if work.core.execute(_answer, {"town": work.town_id, **said}).first() is None:
        raise ComplaintOver
    telling.tell_of_complaint(work, telling.ANSWERED, [complaint])


def withdraw_complaint(work: Work, complaint_id: int) -> None:
    """Take back what nobody has answered yet. For residents. Raises ComplaintUnknown, ComplaintOver."""
    complaint = _find(work, complaint_id)
    if work.core.execute(_withdraw, {"town": work.town_id, "complaint": complaint.id}).first() is None:
        raise ComplaintOver


def _find(work: Work, complaint_id: int) -> AnyRow:
    """A complaint that is there for the actor's eyes. Raises ComplaintUnknown."""
    found = work.core.execute(_one, {"town": work.town_id, "complaint": complaint_id}).first()
    if found is None or not _may_see(work, found):
        raise ComplaintUnknown
    return found


def _may_see(work: Work, complaint: AnyRow) -> bool:
    if work.actor.kind is ActorKind.STAFF:
        if holds_any(work, STREET, complaint.path):
            return True
        return complaint.addressee is Addressee.COMPANY and work.actor.may(Role.PROPERTY, complaint.path)
    if work.actor.kind is not ActorKind.RESIDENT:
        return False
    return acts_for(work, complaint.resident_id)


def _check_repair(work: Work, repair_id: int, resident_id: int, estate_id: int) -> None:
    """Raises RepairUnknown unless the repair is the resident's, or one of the estate that they can see."""
    repair, _ = find_repair(work, repair_id)
    if repair.estate_id != estate_id or (work.actor.kind is ActorKind.STAFF and repair.resident_id != resident_id):
        raise RepairUnknown


def _page(work: Work, keys: Keys, rows: Sequence[AnyRow], limit: int) -> Page[SeenComplaint]:
    page = cut(rows, limit, lambda row: (row.id,))
    wanted = [id_ for row in page.items for id_ in photos_of(row.photos)]
    known = {picture.id: picture for picture in pictures(work, keys, wanted)}
    return Page([_with_pictures(work, row, known) for row in page.items], page.next_after)


def _seen(work: Work, keys: Keys, complaint: AnyRow) -> SeenComplaint:
    known = {picture.id: picture for picture in pictures(work, keys, photos_of(complaint.photos))}
    return _with_pictures(work, complaint, known)


def _with_pictures(work: Work, complaint: AnyRow, known: Mapping[int, Picture]) -> SeenComplaint:
    is_staff = work.actor.kind is ActorKind.STAFF
    is_told = is_staff and (not complaint.is_anonymous or holds_any(work, STREET, complaint.path))
    is_open = complaint.status is ComplaintStatus.OPEN
    return SeenComplaint(
        complaint,
        is_open and complaint.due_at < work.now,
        complaint.repair_id if is_told or not is_staff else None,
        complaint.resident_id if is_told else None,
        greeting(complaint.resident_name, complaint.resident_id) if is_told else None,
        [known[id_] for id_ in photos_of(complaint.photos) if id_ in known],
    )
