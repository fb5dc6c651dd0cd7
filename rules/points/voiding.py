"""Events that turn out to be void: everything that they led to is undone.

Points that came are reversed; those that have lapsed meanwhile are lost already and stay as they are. Points that went are
given back, with their old last good day. Counts, suspensions, freezes and levels are what they are without the event
(`rules.rulebook.undoing` says how). What the event declared void stays void.

That an event is void is an event of its own, named by the other's id, so it is void once, whoever says so. It is noted
under the turn of its resident, so nobody waits for it. The rows are locked in the order of every event: standing, then
the ledger's. What gives back points is reversed before what takes them, since the one may need the other; so where several
transactions are reversed, their wallets and pools are locked beforehand, book after book, as an event locks them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, Text, bindparam, cast, func, select

from models.ledger import ACCOUNT, BOOK, EVENT, LOT, POSTING, REVERSAL, TXN, AccountKind, OwnerType, TxnKind
from models.rulebook import STANDING_TRACE
from rules.clock import local_day
from rules.ledger.events import note_event
from rules.ledger.moving import lock_accounts
from rules.ledger.reversing import reverse
from rules.ledger.transactions import Cause, in_book
from rules.points.holders import book_code, happening_of, standing_of, whole_standing_of
from rules.rows import AnyRow
from rules.rulebook.case import Case
from rules.rulebook.consequences import PENALTY
from rules.rulebook.decision import Happening
from rules.rulebook.evaluation import counted_by, points_counted
from rules.rulebook.plan import Plan
from rules.rulebook.sections.standing import Penalty
from rules.rulebook.standing import Changes
from rules.rulebook.standings import read_trace, save_changes, shorten_suspensions, take_turn
from rules.rulebook.undoing import (
    Brought,
    Infraction,
    Trace,
    begun_after,
    freezes_without,
    levels_without,
    penalties_of,
    penalty_of,
    raised_after,
    sanctions_of,
)
from rules.rulebook.versions import plans_between, rulebook_in_force
from rules.sets import is_id_in
from rules.work import Work

VOID = "void"  #: the source of the event that says that another one is void
CORRECTED = "corrected"  #: in such an event: that what it was about is recorded anew, or was never so
_NO_TRACE = Trace()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why an event is void, as the ledger is told."""

    reason: str  #: a stable word
    explanation: str
    at: datetime  #: when it counts
    payload: Mapping[str, Any]
    event_id: int | None = None  #: of the event that says so; None: there is none but the verdict itself
    rulebook_version_id: int | None = None
    rule_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Deed:
    """An event of a resident: one that is being undone, or another one."""

    event: AnyRow
    plan: Plan  #: by which it was judged
    happening: Happening
    trace: Trace | None
    moved: Sequence[AnyRow] = ()  #: transactions by which it moved points; asked for where they are needed
    is_void: bool = False

    @property
    def resident_id(self) -> int:
        return int(self.event.subject_id)

    @property
    def penalties(self) -> Sequence[Penalty]:
        """Those that speak of such an event."""
        return self.plan.speaking_of(self.happening.kind).penalties

    @property
    def brought(self) -> tuple[Brought, ...]:
        """The levels that the event reached."""
        return self.trace.brought if self.trace is not None else ()

    def awards_of(self, rows: Sequence[AnyRow]) -> Iterator[tuple[AnyRow, str]]:
        """Those transactions by which points came, with their currency."""
        currencies = {book_code(self.plan, currency): currency for currency in self.plan.currencies}
        for row in rows:
            if row.kind is TxnKind.EARN and row.book in currencies:
                yield row, currencies[row.book]


#: A level that an event reached, with what came with it.
_Gift: TypeAlias = tuple[_Deed, Brought]

_event_columns = (
    EVENT.c.id,
    EVENT.c.source,
    EVENT.c.source_ref,
    EVENT.c.subject_id,
    EVENT.c.occurred_at,
    EVENT.c.payload,
)
_event = select(*_event_columns).where(
    EVENT.c.town_id == bindparam("town"),
    EVENT.c.source == bindparam("of_source"),
    EVENT.c.source_ref == bindparam("ref"),
)
_void = EVENT.alias("void")
_is_void = (
    select(EVENT.c.id)
    .join(
        _void,
        (_void.c.town_id == EVENT.c.town_id)
        & (_void.c.source == VOID)
        & (_void.c.source_ref == cast(EVENT.c.id, Text)),
    )
    .where(
        EVENT.c.town_id == bindparam("town"),
        EVENT.c.source == bindparam("of_source"),
        EVENT.c.source_ref == bindparam("ref"),
    )
)
_of_resident = (
    select(*_event_columns)
    .where(EVENT.c.town_id == bindparam("town"), EVENT.c.subject_id == bindparam("resident"))
    .order_by(EVENT.c.id)
)
_named = _of_resident.where(EVENT.c.source_ref == bindparam("ref"), EVENT.c.source != VOID)
_traces_of_resident = (
    select(STANDING_TRACE.c.event_id, STANDING_TRACE.c.changes)
    .join(EVENT, (EVENT.c.town_id == STANDING_TRACE.c.town_id) & (EVENT.c.id == STANDING_TRACE.c.event_id))
    .where(EVENT.c.town_id == bindparam("town"), EVENT.c.subject_id == bindparam("resident"))
)
_voids_of_town = select(EVENT.c.source_ref, EVENT.c.payload).where(
    EVENT.c.town_id == bindparam("town"), EVENT.c.source == VOID
)


def _moved_by_event(kind: TxnKind, wallet: Any, lot: Any) -> Any:
    """What an event moved, by the resident's own wallets: there is no index by event."""
    reversed_ = func.coalesce(REVERSAL.c.reversed, 0)
    return (
        select(
            TXN.c.id,
            TXN.c.kind,
            TXN.c.idempotency_key.label("key"),
            TXN.c.rule_id,
            TXN.c.community_id,
            TXN.c.operator_id,
            TXN.c.scene,
            BOOK.c.code.label("book"),
            wallet.label("wallet_id"),
            func.max(LOT.c.expires_on).label("expires_on"),
            cast(func.sum(POSTING.c.amount), BigInteger).label("amount"),
            cast(func.sum(POSTING.c.amount - reversed_), BigInteger).label("left"),
        )
        .join(BOOK, (BOOK.c.town_id == TXN.c.town_id) & (BOOK.c.id == TXN.c.book_id))
        .join(POSTING, (POSTING.c.town_id == TXN.c.town_id) & (POSTING.c.txn_id == TXN.c.id))
        .join(ACCOUNT, (ACCOUNT.c.town_id == POSTING.c.town_id) & (ACCOUNT.c.id == wallet))
        .join(LOT, (LOT.c.town_id == POSTING.c.town_id) & (LOT.c.id == lot))
        .outerjoin(
            REVERSAL,
            (REVERSAL.c.town_id == POSTING.c.town_id)
            & (REVERSAL.c.txn_id == POSTING.c.txn_id)
            & (REVERSAL.c.n == POSTING.c.n),
        )
        .where(
            ACCOUNT.c.town_id == bindparam("town"),
            ACCOUNT.c.kind == AccountKind.WALLET,
            ACCOUNT.c.owner_type == OwnerType.RESIDENT,
            ACCOUNT.c.owner_id == bindparam("resident"),
            TXN.c.event_id == bindparam("event"),
            TXN.c.kind == kind,
        )
        .group_by(
            TXN.c.id,
            TXN.c.kind,
            TXN.c.idempotency_key,
            TXN.c.rule_id,
            TXN.c.community_id,
            TXN.c.operator_id,
            TXN.c.scene,
            BOOK.c.code,
            wallet,
        )
    )


_earned_by_event = _moved_by_event(TxnKind.EARN, POSTING.c.dst_account_id, POSTING.c.dst_lot_id)
_taken_by_event = _moved_by_event(TxnKind.ADJUST, POSTING.c.src_account_id, POSTING.c.src_lot_id)
_pools_of = (
    select(ACCOUNT.c.id, ACCOUNT.c.owner_id, ACCOUNT.c.shard)
    .join(POSTING, (POSTING.c.town_id == ACCOUNT.c.town_id) & (POSTING.c.src_account_id == ACCOUNT.c.id))
    .where(
        ACCOUNT.c.town_id == bindparam("town"),
        ACCOUNT.c.kind == AccountKind.POOL,
        is_id_in(POSTING.c.txn_id, "txns"),
    )
    .distinct()
    .order_by(ACCOUNT.c.owner_id, ACCOUNT.c.shard)
)


def void_event(work: Work, source: str, ref: str, reason: str) -> bool:
    """Undo everything that an event led to; False when there is no such event, or when it is void already.

    `reason`: in words, for the resident's statement. Raises PointsInsufficient when points that came of it are spent; then
    nothing is undone.
    """
    event = work.send(_event, {"town": work.town_id, "of_source": source, "ref": ref}).first()
    if event is None:
        return False
    take_turn(work, event.subject_id)
    return _declare_void(work, event, Verdict(VOID, reason, work.now, {"why": CORRECTED, "reason": reason}))


def next_ref(work: Work, source: str, ref: str) -> str:
    """The name under which a deed may be on record: `ref`, or after n voids of it f"{ref}#{n + 1}".

    An event that isn't void keeps its name: recording it anew under this one is refused, and `void_event` finds it.
    """
    n, name = 1, ref
    while work.send(_is_void, {"town": work.town_id, "of_source": source, "ref": name}).first() is not None:
        n += 1
        name = f"{ref}#{n}"
    return name


def void_named(work: Work, resident_id: int, ref: str, verdict: Verdict) -> None:
    """Declare void the events of a resident that their sources call so; of one that was corrected, what it is now.

    The caller has taken the resident's turn. Raises PointsInsufficient.
    """
    asked = {"town": work.town_id, "resident": resident_id, "ref": ref}
    for first in work.send(_named, asked).all():
        event, n = first, 1
        while _why_void(work, event.id) == CORRECTED:
            n += 1
            later = {"town": work.town_id, "of_source": event.source, "ref": f"{ref}#{n}"}
            anew = work.send(_event, later).first()
            if anew is None or anew.subject_id != resident_id:
                break
            event = anew
        _declare_void(work, event, verdict)


def corrected_events(work: Work) -> set[int]:
    """The town's events that were recorded anew or never happened: a replay leaves them out."""
    rows = work.send(_voids_of_town, {"town": work.town_id}).all()
    return {int(row.source_ref) for row in rows if row.payload.get("why") == CORRECTED}


def _why_void(work: Work, event_id: int) -> str | None:
    """The word that the void of an event gives; None when it isn't void."""
    asked = {"town": work.town_id, "of_source": VOID, "ref": str(event_id)}
    void = work.send(_event, asked).first()
    return None if void is None else str(void.payload.get("why", ""))


def _declare_void(work: Work, event: AnyRow, verdict: Verdict) -> bool:
    void_id = note_event(work, VOID, str(event.id), event.subject_id, verdict.at, dict(verdict.payload))
    if void_id is None:
        return False
    in_force = rulebook_in_force(work, event.occurred_at)
    if in_force is None:
        return True
    happening = happening_of(event.source, event.occurred_at, event.payload)
    deed = _Deed(event, in_force.plan, happening, read_trace(work, event.id))
    undone = replace(deed, moved=_moved_by(work, deed))
    _undo(work, undone, replace(verdict, event_id=verdict.event_id or void_id))
    return True


def _undo(work: Work, undone: _Deed, verdict: Verdict) -> None:
    """Take the event out of the counts and the ledger, then judge anew what hangs on them.

    What came with a level is taken back last, with the level, and that may cost the next one. Where levels don't fall by
    themselves it goes whichever event had reached it; where they do, who had it keeps it.
    """
    before = _look(work, undone.resident_id)
    past = _read_past(work, undone) if before is not None or undone.penalties else []
    _lock_ledger(work, undone.moved)
    with_levels = {key for each in undone.brought for key in each.keys}
    apart = [row for row in undone.moved if (row.book, row.key) in with_levels]
    rest = [row for row in undone.moved if (row.book, row.key) not in with_levels]
    if undone.plan.keeps_standing:
        _uncount(work, undone, rest, apart)
        _judge_infractions(work, undone, past)
    _reverse(work, rest, verdict)
    if before is None:
        return
    gifts = [(each, brought) for each in (*past, undone) for brought in each.brought]
    while lost := _judge_standing(work, undone, before, past, gifts):
        gifts = [each for each in gifts if each not in lost]
        for of, brought in lost:
            fallen = [row for row in _moved_by(work, of) if (row.book, row.key) in brought.keys]
            _uncount_level(work, of, brought, fallen)
            _reverse(work, fallen, verdict)


def _look(work: Work, resident_id: int) -> Case | None:
    """How things stand under the rules of today; None when nothing of them follows a standing."""
    today = rulebook_in_force(work, work.now)
    if today is None or not (today.plan.ladders or today.plan.freezes):
        return None
    return Case(today.plan, Happening("look", work.now), whole_standing_of(work, today.plan, resident_id))


# --- counts -----------------------------------------------------------------------------------------------------------


def _uncount(work: Work, undone: _Deed, rest: Sequence[AnyRow], apart: Sequence[AnyRow]) -> None:
    """Take an event out of what is counted, less its levels and what came with them."""
    plan, happening = undone.plan, undone.happening
    if undone.trace is None:
        standing = standing_of(work, plan, undone.resident_id, happening)
        counted = Counter(counted_by(plan, happening, standing))
        counted.update(_points_counted(undone, rest))
    else:
        markers = {each.marker for each in undone.brought}
        counted = Counter(
            {
                (name, bucket): count
                for (name, bucket), count in undone.trace.counters.items()
                if not name.startswith(PENALTY) and name not in markers
            }
        )
        counted.subtract(_points_counted(undone, apart))
    _take_off(work, undone, counted, rest)


def _uncount_level(work: Work, of: _Deed, brought: Brought, fallen: Sequence[AnyRow]) -> None:
    """Take a level out of what is counted: what came with it and wasn't taken back before, and that it has come."""
    counted = _points_counted(of, [row for row in fallen if row.left])
    if of.trace is not None and any(row.left for row in fallen):
        counted.update({key: count for key, count in of.trace.counters.items() if key[0] == brought.marker})
    _take_off(work, of, counted, [row for row in fallen if row.left])


def _points_counted(undone: _Deed, rows: Sequence[AnyRow]) -> Counter[tuple[str, str]]:
    """What awards have added to the tallies of points."""
    counted: Counter[tuple[str, str]] = Counter()
    for row, currency in undone.awards_of(rows):
        counted.update(points_counted(undone.plan, undone.happening, row.rule_id, currency, row.amount))
    return counted


def _take_off(work: Work, undone: _Deed, counted: Mapping[tuple[str, str], int], rows: Sequence[AnyRow]) -> None:
    earned: Counter[str] = Counter()
    for row, currency in undone.awards_of(rows):
        earned[currency] += row.amount
    back = Changes(
        counters={name: -count for name, count in counted.items()},
        earned={currency: -amount for currency, amount in earned.items()},
    )
    save_changes(work, undone.plan, undone.resident_id, back, ())


# --- what hangs on counts ---------------------------------------------------------------------------------------------


def _read_past(work: Work, undone: _Deed) -> list[_Deed]:
    """The resident's other events, void ones too, as they were judged."""
    whom = {"town": work.town_id, "resident": undone.resident_id}
    events = work.send(_of_resident, whom).all()
    void = {event.source_ref for event in events if event.source == VOID}
    others = [event for event in events if event.source != VOID and event.id != undone.event.id]
    if not others:
        return []
    moments = [event.occurred_at for event in others]
    plans = plans_between(work, min(moments), max(moments) + timedelta(microseconds=1))
    starts = [start for start, _ in plans]
    traces = {row.event_id: Trace.from_json(row.changes) for row in work.send(_traces_of_resident, whom).all()}
    return [
        _Deed(
            event,
            plans[n - 1][1],
            happening_of(event.source, event.occurred_at, event.payload),
            traces.get(event.id),
            is_void=str(event.id) in void,
        )
        for event in others
        if (n := bisect_right(starts, event.occurred_at))
    ]


def _judge_infractions(work: Work, undone: _Deed, past: Sequence[_Deed]) -> None:
    """Count infractions anew, and let suspensions end when those that are left say."""
    if not undone.penalties:
        return
    plan, resident_id = undone.plan, undone.resident_id
    standing = whole_standing_of(work, plan, resident_id)
    penalties = penalties_of(plan, undone.happening, undone.trace, standing)
    infractions = [Infraction(each.plan, each.happening, each.trace) for each in past if not each.is_void]
    sanctions = sanctions_of(infractions, penalties, standing)
    counted = {
        (name, bucket): count
        for name, buckets in standing.counters.items()
        if name.startswith(PENALTY) and penalty_of(name) in penalties
        for bucket, count in buckets.items()
    }
    changed = {key: sanctions.counters.get(key, 0) - counted.get(key, 0) for key in {*counted, *sanctions.counters}}
    save_changes(work, plan, resident_id, Changes(counters=changed), ())
    shorten_suspensions(work, resident_id, penalties, sanctions.until)


def _judge_standing(
    work: Work, undone: _Deed, before: Case, past: Sequence[_Deed], gifts: Sequence[_Gift]
) -> list[_Gift]:
    """Judge levels and freezes anew under the rules of today; returns what came with levels that are lost."""
    plan, trace = before.plan, undone.trace or _NO_TRACE
    after = _look(work, undone.resident_id)
    assert after is not None, "the rules of today don't change while we work"
    traces = {each.event.id: each.trace for each in past if each.trace is not None and not each.is_void}
    ranks = after.standing.levels
    void = [undone.event.id, *(each.event.id for each in past if each.is_void)]
    levels = levels_without(plan, before, after, trace, raised_after(plan, ranks, traces, void))
    frozen = freezes_without(plan, before, after, trace, begun_after(after.standing.frozen, traces, void))
    save_changes(work, plan, undone.resident_id, Changes(levels=levels, frozen=frozen), ())
    ranks = ranks | levels
    lost = []
    for of, brought in gifts:
        rank = plan.rank_of(brought.ladder, brought.level, brought.cycle)
        is_held = 0 < rank <= ranks.get(brought.ladder, 0)
        falls = rank and plan.ladder_of[brought.ladder].falls
        if not is_held and (of is undone or (rank and brought.ladder in levels and not falls)):
            lost.append((of, brought))
    return lost


# --- the ledger -------------------------------------------------------------------------------------------------------


def _moved_by(work: Work, deed: _Deed) -> list[AnyRow]:
    asked = {"town": work.town_id, "resident": deed.resident_id, "event": deed.event.id}
    return [row for statement in (_taken_by_event, _earned_by_event) for row in work.send(statement, asked).all()]


def _reverse(work: Work, rows: Sequence[AnyRow], verdict: Verdict) -> None:
    """Take transactions back, as far as it wasn't done before: what gives points first, then what takes them."""
    today = local_day(work.now)
    for row in sorted(rows, key=lambda row: (row.kind is TxnKind.EARN, row.book, row.id)):
        if row.left == 0 or (row.kind is TxnKind.EARN and row.expires_on < today):
            continue
        cause = Cause(
            reason=verdict.reason,
            explanation=verdict.explanation,
            effective_at=verdict.at,
            event_id=verdict.event_id,
            rulebook_version_id=verdict.rulebook_version_id,
            rule_id=verdict.rule_id,
            community_id=row.community_id,
            operator_id=row.operator_id,
            scene=row.scene,
        )
        reverse(in_book(work, row.book), f"{VOID}:{verdict.event_id}:{row.id}", row.id, cause)


def _lock_ledger(work: Work, moved: Sequence[AnyRow]) -> None:
    """Where several transactions are reversed, lock their wallets and pools, book after book."""
    if len(moved) < 2:
        return
    for code in sorted({row.book for row in moved}):
        of_book = [row for row in moved if row.book == code]
        lock_accounts(work, {row.wallet_id for row in of_book})
        asked = {"town": work.town_id, "txns": [row.id for row in of_book if row.kind is TxnKind.EARN]}
        for pool in work.send(_pools_of, asked).all():
            lock_accounts(work, [pool.id])
