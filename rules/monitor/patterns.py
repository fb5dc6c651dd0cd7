"""Suspicious patterns, finding by finding, with the rows behind each: for auditors of the whole town.

A row shows what was done, when, by or for whom; residents by their masked names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Date,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy import cast as turned_into
from sqlalchemy.orm import aliased

from models.adjustments import Adjustment, AwardImport
from models.ledger import Posting
from models.reservations import Reservation
from models.residents import Resident, Role, SignInDevice, Staff
from models.venues import VenueBooking
from models.volunteering import Provenance, ServiceRecord
from rules.clock import local_moment
from rules.errors import InBoth
from rules.monitor.days import AS_OF, BEGIN, END, TOWN
from rules.monitor.definitions import Measure
from rules.monitor.measures.parts import happened, made_since
from rules.monitor.measures.patterns import (
    AGENTS,
    BACK,
    BULK_AWARDS,
    BULK_HOURS,
    CLOSING,
    DEVICES,
    MEASURES,
    ON,
    OUT,
    RING_OF_THREE,
    RING_OF_TWO,
    RINGS,
)
from rules.monitor.periods import DAY, Period
from rules.paging import Page, Position, cut
from rules.residents.identity import require_role_at_root
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.sending import Reply
from rules.sets import is_id_in
from rules.work import Work

#: So many rows of a finding are shown, the first ones.
ROWS_MAX = 50
#: What makes a finding: the counter that is shown as its amount.
_AMOUNTS = {BULK_HOURS: "records", BULK_AWARDS: "awards", DEVICES: "residents", RINGS: "findings", AGENTS: "residents"}


@dataclass(frozen=True, slots=True)
class Someone:
    """A person that a finding or a row names."""

    kind: str  #: resident, staff
    id: int
    name: str  #: a resident's is masked


@dataclass(frozen=True, slots=True)
class FindingRow:
    """Something that was done."""

    subject: str  #: what `id` is an id of
    id: int
    at: datetime
    people: Sequence[Someone]  #: for whom; of points that were given from whom and to whom
    amount: int | None  #: minutes, points, people; None: none


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where more happened than usual."""

    measure: str
    title: InBoth
    day: date
    subject: str  #: what `id` is an id of
    id: int
    who: Someone | None  #: whose doing it is, where it is one person's
    amount: int  #: records, awards, residents, or the people in a ring
    rows: Sequence[FindingRow]  #: ROWS_MAX at most


@dataclass(slots=True)
class _Names:
    """Names that are looked up once for a whole page."""

    residents: Mapping[int, str] = field(default_factory=dict)
    staff: Mapping[int, str] = field(default_factory=dict)

    def resident(self, id_: int) -> Someone:
        return Someone("resident", id_, greeting(self.residents.get(id_, ""), id_))

    def member(self, id_: int) -> Someone:
        return Someone("staff", id_, self.staff.get(id_, ""))


def _findings_of(measure: Measure) -> Select[Any]:
    assert measure.family is not None, "a pattern is counted"
    fact = measure.family.facts.subquery(measure.family.name)
    counter = _AMOUNTS[measure.family]
    amount = turned_into(fact.c.detail, BigInteger) if measure.family is RINGS else fact.c[counter]
    return select(
        literal_column(str(MEASURES.index(measure)), BigInteger).label("n"),
        fact.c.id,
        type_coerce(fact.c.day, Date()).label("day"),
        turned_into(amount, BigInteger).label("amount"),
    )


_all = union_all(*map(_findings_of, MEASURES)).subquery("finding")
_day, _after_day = type_coerce(_all.c.day, Date()), bindparam("after_day", type_=Date())
_after_n = bindparam("after_n", type_=BigInteger())
_findings = (
    select(_all.c.n, _all.c.id, _day.label("day"), _all.c.amount)
    .where(
        or_(
            _day < _after_day,
            and_(_day == _after_day, _all.c.n > _after_n),
            and_(_day == _after_day, _all.c.n == _after_n, _all.c.id > bindparam("after_id", type_=BigInteger())),
        )
    )
    .order_by(_day.desc(), _all.c.n, _all.c.id)
    .limit(bindparam("limit", type_=Integer()))
)

_ID = bindparam("finding", type_=BigInteger())
_NOBODY = turned_into(null(), BigInteger)


def _rows(subject: str, id_: Any, at: Any, first: Any, second: Any = _NOBODY, amount: Any = _NOBODY) -> Select[Any]:
    return select(
        turned_into(literal(subject), Text).label("subject"),
        id_.label("id"),
        at.label("at"),
        first.label("first"),
        second.label("second"),
        amount.label("amount"),
    )


def _first_rows(*parts: Select[Any]) -> Select[Any]:
    found = union_all(*parts).subquery("row")
    return select(found).order_by(found.c.at, found.c.id).limit(ROWS_MAX)


_hours = _first_rows(
    _rows(
        "service_record",
        ServiceRecord.id,
        ServiceRecord.recorded_at,
        ServiceRecord.resident_id,
        amount=ServiceRecord.minutes,
    ).where(
        ServiceRecord.town_id == TOWN,
        ServiceRecord.recorded_by == _ID,
        ServiceRecord.provenance == Provenance.STAFF,
        made_since(ServiceRecord.id),
        *happened(ServiceRecord.recorded_at),
    )
)
_awards = _first_rows(
    _rows(
        "adjustment",
        Adjustment.id,
        Adjustment.requested_at,
        Adjustment.resident_id,
        amount=Adjustment.amount,
    ).where(
        Adjustment.town_id == TOWN,
        Adjustment.requested_by == _ID,
        Adjustment.amount > 0,
        made_since(Adjustment.id),
        *happened(Adjustment.requested_at),
    ),
    _rows("award_import", AwardImport.id, AwardImport.requested_at, _NOBODY, amount=AwardImport.amount_total).where(
        AwardImport.town_id == TOWN,
        AwardImport.requested_by == _ID,
        made_since(AwardImport.id),
        *happened(AwardImport.requested_at),
    ),
)
_named, _used = aliased(SignInDevice), aliased(SignInDevice)
_devices = _first_rows(
    _rows("sign_in_device", func.min(_used.id), func.min(_used.signed_in_at), _used.resident_id)
    .join(_named, and_(_named.town_id == _used.town_id, _named.device_index == _used.device_index))
    .where(
        _used.town_id == TOWN,
        _named.id == _ID,
        _used.signed_in_at >= BEGIN,
        _used.signed_in_at < END,
        _used.signed_in_at <= AS_OF,
    )
    .group_by(_used.resident_id)
)


def _gift(gift: Any, condition: Any) -> Select[Any]:
    points = (
        select(turned_into(func.sum(Posting.amount), BigInteger))
        .where(Posting.town_id == TOWN, Posting.txn_id == gift.c.id)
        .correlate(gift)
        .scalar_subquery()
    )
    gifts = _rows("txn", gift.c.id, gift.c.at, gift.c.giver_id, gift.c.receiver_id, points)
    return gifts.where(CLOSING.c.id == _ID, condition).distinct()


_rings = _first_rows(
    _gift(CLOSING, CLOSING.c.id == _ID),
    _gift(BACK, RING_OF_TWO),
    _gift(OUT, RING_OF_THREE),
    _gift(ON, RING_OF_THREE),
)


def _bookings_of(subject: str, table: Any, at: Any) -> Select[Any]:
    return _rows(subject, table.id, at, table.resident_id, amount=table.party_size).where(
        table.town_id == TOWN,
        table.booked_by_kind == "resident",
        table.booked_by_id == _ID,
        table.booked_by_id != table.resident_id,
        made_since(table.id),
        *happened(at),
    )


_agents = _first_rows(
    _bookings_of("reservation", Reservation, Reservation.reserved_at),
    _bookings_of("booking", VenueBooking, VenueBooking.booked_at),
)

_ROWS = {BULK_HOURS: _hours, BULK_AWARDS: _awards, DEVICES: _devices, RINGS: _rings, AGENTS: _agents}
_residents = select(Resident.id, Resident.name).where(Resident.town_id == TOWN, is_id_in(Resident.id, "ids"))
_staff = select(Staff.id, Staff.name).where(Staff.town_id == TOWN, is_id_in(Staff.id, "ids"))


def list_findings(work: Work, period: Period, as_of: datetime, after: Position | None, limit: int) -> Page[Finding]:
    """The findings of a period, the latest first; of shared devices those at its end. Raises Forbidden.

    A position is the day's number, the measure's and the id of a page's last finding.
    """
    require_role_at_root(work, Role.AUDITOR)
    day, n, id_ = map(int, after or (date.max.toordinal(), 0, 0))
    asked = {
        "town": work.town_id,
        "begin": local_moment(period.first, "00:00"),
        "end": local_moment(period.last + DAY, "00:00"),
        "as_of": as_of,
        "after_day": date.fromordinal(min(max(day, 1), date.max.toordinal())),
        "after_n": n,
        "after_id": id_,
        "limit": limit + 1,
    }
    found = work.send(_findings, asked).all()
    page = cut(found, limit, lambda row: (row.day.toordinal(), row.n, row.id))
    rows = [reply.all() for reply in [_ask_rows(work, row, as_of) for row in page.items]]
    names = _find_names(work, page.items, rows)
    return Page([_finding(*each, names) for each in zip(page.items, rows, strict=True)], page.next_after)


def _ask_rows(work: Work, found: AnyRow, as_of: datetime) -> Reply:
    family = MEASURES[found.n].family
    assert family is not None, "a pattern is counted"
    end = local_moment(found.day + DAY, "00:00")
    begin = end - max(family.window_days, 1) * DAY
    asked = {"town": work.town_id, "begin": begin, "end": end, "as_of": as_of, "finding": found.id}
    return work.send(_ROWS[family], asked)


def _find_names(work: Work, found: Sequence[AnyRow], rows: Iterable[Sequence[AnyRow]]) -> _Names:
    staff = {row.id for row in found if MEASURES[row.n].family in (BULK_HOURS, BULK_AWARDS)}
    residents = {row.id for row in found if MEASURES[row.n].family is AGENTS}
    residents |= {id_ for of_one in rows for row in of_one for id_ in (row.first, row.second) if id_ is not None}
    asked = [
        work.send(statement, {"town": work.town_id, "ids": sorted(ids)})
        for statement, ids in ((_residents, residents), (_staff, staff))
    ]
    return _Names(*({row.id: row.name for row in reply.all()} for reply in asked))


def _finding(found: AnyRow, rows: Sequence[AnyRow], names: _Names) -> Finding:
    measure = MEASURES[found.n]
    family = measure.family
    assert family is not None, "a pattern is counted"
    by: Mapping[Any, Callable[[int], Someone]] = {
        BULK_HOURS: names.member,
        BULK_AWARDS: names.member,
        AGENTS: names.resident,
    }
    return Finding(
        measure.name,
        measure.title,
        found.day,
        family.subject,
        found.id,
        by[family](found.id) if family in by else None,
        found.amount,
        [
            FindingRow(
                row.subject,
                row.id,
                row.at,
                [names.resident(id_) for id_ in (row.first, row.second) if id_ is not None],
                row.amount,
            )
            for row in rows
        ],
    )
