"""Counting a record of service: the rulebook is told, and the minutes go into the book of hours.

Both happen in the caller's transaction. The rulebook is told by an event of kind `service` with the facts `minutes` (from
which it knows hours), `provenance`, `category`, `scene`, `claimed_on` and `approved_by`; what it pays is its own affair, and
a rulebook that doesn't speak of service pays nothing. Locks: the record, then event → standing → ledger, the book of hours
after every other book. Where several records are counted at once, the standings and the wallets of all their residents
are locked before the first of them is told, each kind in its order: otherwise the second resident's standing would be
waited for while the pool, which all earners share, is held. What is not there yet is opened for it: a lock on the rows
that are there leaves out those that somebody else is just opening.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Text, bindparam, func, literal, select, update

from models.ledger import EVENT, NEVER
from models.territory import Scene
from models.volunteering import LIVE, RECORD, Provenance, ServiceFlag, ServiceStatus
from rules.clock import local_day, local_moment
from rules.ledger.earning import Earning
from rules.ledger.earning_many import earn_many, lock_wallets
from rules.ledger.pools import lock_pool
from rules.ledger.reversing import reverse
from rules.ledger.spending import PointsInsufficient
from rules.ledger.transactions import Cause, in_book, list_books
from rules.points.events import Occurrence, Outcome, record_event
from rules.points.voiding import next_ref, void_event
from rules.rows import AnyRow
from rules.rulebook.decision import Happening
from rules.rulebook.sections.earning import Approver
from rules.rulebook.standings import take_turn
from rules.volunteering.book import HOURS, MINUTES_OF_HOUR, in_hours
from rules.work import TryAgain, Work

SOURCE = "service"  #: of the events, and their kind; the reason of the transactions
WORDS = {Provenance.SIGNED: "签到认证", Provenance.STAFF: "工作人员登记", Provenance.IMPORTED: "导入"}


@dataclass(frozen=True, slots=True)
class Service:
    """A record of service, as it is counted."""

    id: int
    resident_id: int
    provenance: Provenance
    ref: str  #: the event's name
    minutes: int
    served_on: date
    occurred_at: datetime  #: when it counts: it decides which rulebook and which day's limits hold
    recorded_at: datetime
    description: str
    category: str | None
    scene: Scene | None
    community_id: int | None
    operator_id: int | None
    session_id: int | None = None
    has_second_person: bool = False

    @classmethod
    def of_entry(cls, row: AnyRow, *, has_second_person: bool) -> Service:
        """A record that was written down. It counts at noon of its day, or now where that is yet to come."""
        return cls(
            id=row.id,
            resident_id=row.resident_id,
            provenance=row.provenance,
            ref=str(row.id),
            minutes=row.minutes,
            served_on=row.served_on,
            occurred_at=min(local_moment(row.served_on, "12:00"), row.recorded_at),
            recorded_at=row.recorded_at,
            description=row.description,
            category=row.category,
            scene=row.scene,
            community_id=None,
            operator_id=None,
            has_second_person=has_second_person,
        )

    def occurrence(self) -> Occurrence:
        """What the rulebook is told."""
        facts: dict[str, Any] = {
            "minutes": self.minutes,
            "provenance": self.provenance.value,
            "claimed_on": local_day(self.recorded_at).isoformat(),
        }
        facts |= {"category": self.category} if self.category else {}
        facts |= {"scene": self.scene.value} if self.scene else {}
        if self.provenance is not Provenance.SIGNED:
            second = [Approver.SECOND_PERSON.value] if self.has_second_person else []
            facts["approved_by"] = [Approver.STAFF.value, *second]
        links = {"record_id": str(self.id)} | ({"session_id": str(self.session_id)} if self.session_id else {})
        return Occurrence(
            SOURCE,
            self.ref,
            self.resident_id,
            Happening(SOURCE, self.occurred_at, self.description, facts),
            self.community_id,
            self.operator_id,
            self.scene,
            links,
        )

    def earning(self) -> Earning:
        """What the book of hours is told."""
        cause = Cause(
            reason=SOURCE,
            explanation=f"志愿服务 {spoken(self.minutes)}（{WORDS[self.provenance]}），{self.served_on.isoformat()}："
            f"{self.description}",
            effective_at=self.occurred_at,
            community_id=self.community_id,
            operator_id=self.operator_id,
            scene=self.scene,
        )
        return Earning(self.resident_id, self.minutes, NEVER, cause, scope=self.provenance.value)


@dataclass(frozen=True, slots=True)
class Told:
    """What the rulebook knows of a record."""

    event_id: int | None
    outcome: Outcome | None = None
    points_kept: bool = (
        False  #: an earlier version has earned points that are spent: it stands, and this one earns nothing
    )


_event_named = select(EVENT.c.id).where(
    EVENT.c.town_id == bindparam("town"), EVENT.c.source == SOURCE, EVENT.c.source_ref == bindparam("ref")
)
_count = (
    update(RECORD)
    .where(
        RECORD.c.town_id == bindparam("town"),
        RECORD.c.id == bindparam("record"),
        RECORD.c.status == ServiceStatus.PENDING,
    )
    .values(status=ServiceStatus.COUNTED, event_id=bindparam("event"), txn_id=bindparam("txn"))
    .returning(RECORD.c.id)
)
_void = (
    update(RECORD)
    .where(
        RECORD.c.town_id == bindparam("town"),
        RECORD.c.id == bindparam("record"),
        RECORD.c.status.in_(LIVE),
    )
    .values(
        status=ServiceStatus.VOIDED,
        voided_by=bindparam("actor"),
        voided_at=bindparam("now"),
        void_reason=bindparam("why"),
    )
    .returning(RECORD.c.id, RECORD.c.resident_id, RECORD.c.minutes, RECORD.c.txn_id)
)
_flag = (
    update(RECORD)
    .where(RECORD.c.town_id == bindparam("town"), RECORD.c.id == bindparam("record"))
    .values(flags=func.trim(RECORD.c.flags + literal(" ") + bindparam("word", type_=Text)))
)


def spoken(minutes: int) -> str:
    """Minutes in words: 2 小时 30 分钟."""
    hours, rest = divmod(minutes, MINUTES_OF_HOUR)
    parts = ([f"{hours} 小时"] if hours else []) + ([f"{rest} 分钟"] if rest or not hours else [])
    return " ".join(parts)


def count_services(work: Work, services: Sequence[Service]) -> dict[int, Outcome]:
    """Count records that are pending, and return what came of each in points.

    Raises PointsInsufficient when the rulebook takes points for it that aren't there.
    """
    if len({service.resident_id for service in services}) > 1:
        _lock_together(work, {service.resident_id for service in services})
    in_turn = sorted(services, key=lambda each: (each.resident_id, each.occurred_at, each.id))
    outcomes = {service.id: record_event(work, service.occurrence()) for service in in_turn}
    book_hours(work, in_turn, {id_: outcome.event_id for id_, outcome in outcomes.items()})
    return outcomes


def book_hours(work: Work, services: Sequence[Service], event_ids: Mapping[int, int | None]) -> None:
    """Put the minutes of pending records into the book of hours, and say so in the records."""
    if not services:
        return
    receipts = earn_many(in_hours(work), {_key(service.id): service.earning() for service in services})
    for service in services:
        counted = {"event": event_ids[service.id], "txn": receipts[_key(service.id)].txn_id}
        if work.core.scalar(_count, {"town": work.town_id, "record": service.id} | counted) is None:
            raise TryAgain  # somebody else has decided it since our look


def take_hours_back(work: Work, record: AnyRow, reason: str) -> None:
    """Take the minutes of a record that counted out of the book of hours."""
    cause = Cause(SOURCE, f"志愿服务 {spoken(record.minutes)} 作废：{reason}", work.now)
    reverse(in_hours(work), f"{_key(record.id)}:void", record.txn_id, cause)


def close_record(work: Work, record_id: int, reason: str, *, by_staff: bool) -> AnyRow | None:
    """Write down that a live record is void, and return it as it was; None when it isn't live any more."""
    said = {"actor": work.actor.id if by_staff else None, "now": work.now, "why": reason}
    return work.core.execute(_void, {"town": work.town_id, "record": record_id} | said).first()


def flag_record(work: Work, record_id: int, flag: ServiceFlag) -> None:
    """Add a flag to a record that hasn't got it."""
    work.core.execute(_flag, {"town": work.town_id, "record": record_id, "word": flag.value})


def retell(work: Work, ref: str, service: Service | None, reason: str) -> Told:
    """Tell the rulebook that what it may know under `ref` was as `service` says, or never was (None).

    An event that it knows is void, and the service is told anew under the next name. Where what it has earned is spent
    already, the new one is told first, so that its points make up for those; where they don't, the old event stands.
    """
    name = next_ref(work, SOURCE, ref)
    known = work.core.scalar(_event_named, {"town": work.town_id, "ref": name})
    if known is None:
        return _tell(work, service, name)
    next_name = f"{ref}#{int(name.partition('#')[2] or 1) + 1}"

    def void_then_tell() -> Told:
        void_event(work, SOURCE, name, reason)
        return _tell(work, service, next_name)

    def tell_then_void() -> Told:
        told = _tell(work, service, next_name)
        void_event(work, SOURCE, name, reason)
        return told

    for way in (void_then_tell, tell_then_void) if service else (void_then_tell,):
        if (told := _unless_spent(work, way)) is not None:
            return told
    return Told(known, points_kept=True)


def void_points(work: Work, ref: str, reason: str, *, keeps_spent: bool) -> bool:
    """Take back what the rulebook gave for an event; False when it is spent and may be kept, and so it stands.

    Raises PointsInsufficient when it is spent and may not be kept.
    """
    if not keeps_spent:
        void_event(work, SOURCE, ref, reason)
        return True

    def void() -> Told:
        void_event(work, SOURCE, ref, reason)
        return Told(None)

    return _unless_spent(work, void) is not None


def _unless_spent(work: Work, deed: Callable[[], Told]) -> Told | None:
    """What a deed gives, or None with nothing of it kept when it takes points that are spent."""
    work.db.connection()  # the ORM's session joins the transaction, not the savepoint
    try:
        with work.core.begin_nested():
            return deed()
    except PointsInsufficient:
        return None


def _tell(work: Work, service: Service | None, ref: str) -> Told:
    if service is None:
        return Told(None)
    outcome = record_event(work, replace(service, ref=ref).occurrence())
    return Told(outcome.event_id, outcome)


def _lock_together(work: Work, resident_ids: Iterable[int]) -> None:
    """Take everybody's turn, and lock their wallets, and the pool if it is split, in all that the rulebook may give.

    What isn't there yet is opened. The wallets of hours come after the pools of those books, as in a check-out.
    """
    residents = sorted(resident_ids)
    for resident_id in residents:
        take_turn(work, resident_id)
    for code in sorted(set(list_books(work)) - {HOURS}):
        lock_wallets(in_book(work, code), residents)
        lock_pool(in_book(work, code))


def _key(record_id: int) -> str:
    return f"{SOURCE}:{record_id}"
