"""Following points through lots: backwards to what earned them, forwards to where they are.

The points of a lot are numbered by its counters. A posting into the lot put those from `credited_after - amount` to
`credited_after` there; a posting out of it took those from `debited_after - amount` to `debited_after`. A run of points is
an interval, and following it is laying intervals over each other. First in, first out, with three exceptions, in which the
numbers alone would name the wrong points:

- **A hold** is a queue of its own: captures take it from the front, voids from the back. What a void gives back, or a
  capture spends, is what stands at that place of the hold, whatever other holds have put into the same escrow lot.
- **What is given back** by the reversal of a spending or a transfer is what that had taken.
- **What is taken back** by the reversal of an earning is that earning's own points. The lot's counter can only take from
  the front, so those in front change places with the last ones of the earning (`_swaps_of`):

      lot     | E1: 1 … 10 | E2: 11 … 20 |      E2 is reversed, the counter takes 1 … 10
      means   | E2's, gone | E1's, there |      so 11 … 20, which are left, are E1's

Each step is one or two index seeks, and there is a bound on the steps of one question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import bindparam, select

from models.ledger import Account, AccountKind, Event, Hold, Lot, OwnerType, Posting, Reversal, Txn, TxnKind
from models.rulebook import RulebookVersion
from models.territory import Operator
from rules.rows import AnyRow
from rules.work import Work

#: How many lots' intervals one question may look at.
LOOKS_MAX = 1_000
#: How many steps of a way are told, the latest ones.
WAY_MAX = 20
#: How many postings one look shows.
ROWS_MAX = 100


@dataclass(frozen=True, slots=True)
class Interval:
    """The points of a lot after number `start`, up to and with number `stop`."""

    lot_id: int
    start: int
    stop: int

    @property
    def amount(self) -> int:
        return self.stop - self.start

    def cut(self, start: int, stop: int) -> Interval | None:
        """What of it lies between two numbers."""
        start, stop = max(self.start, start), min(self.stop, stop)
        return Interval(self.lot_id, start, stop) if start < stop else None

    def part(self, begin: int, end: int) -> Interval:
        """Its points from the `begin`-th to the `end`-th, counted from 0."""
        return Interval(self.lot_id, self.start + begin, self.start + end)


@dataclass(frozen=True, slots=True)
class Step:
    """A transaction that points went through."""

    txn_id: int
    at: datetime
    kind: TxnKind
    reason: str
    explanation: str
    rule_id: str | None
    rulebook_number: int | None
    event_source: str | None
    event_occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class Origin:
    """Points with one history; `earned` is None where it is longer than is followed."""

    amount: int
    earned: Step | None
    way: tuple[Step, ...]  #: what happened to them since, the latest first; up to WAY_MAX


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Points, and where they are now."""

    amount: int
    step: Step | None  #: the transaction that took them there; None: they are where they came to
    to_kind: AccountKind | None
    to_owner: str | None  #: the operator who redeemed them


class TooLong(Exception):
    """The history is longer than one question may follow."""


_step_columns = (
    Txn.id.label("txn_id"),
    Txn.effective_at,
    Txn.kind,
    Txn.reason,
    Txn.explanation,
    Txn.rule_id,
    Txn.reverses_txn_id,
    Txn.hold_txn_id,
    RulebookVersion.number.label("rulebook_number"),
    Event.source.label("event_source"),
    Event.occurred_at.label("event_occurred_at"),
)
_posting_columns = (
    Posting.n,
    Posting.amount,
    Posting.src_account_id,
    Posting.dst_account_id,
    Posting.src_lot_id,
    Posting.dst_lot_id,
    Posting.src_lot_debited_after,
    Posting.dst_lot_credited_after,
    Reversal.reversed,
    Account.kind.label("to_kind"),
    Operator.name.label("to_owner"),
)
#: Postings with the transaction that each belongs to, how much of it was taken back, and where it went.
postings = (
    select(*_step_columns, *_posting_columns)
    .select_from(Posting)
    .join(Txn, (Txn.town_id == Posting.town_id) & (Txn.id == Posting.txn_id))
    .join(Account, (Account.town_id == Posting.town_id) & (Account.id == Posting.dst_account_id))
    .outerjoin(
        Operator,
        (Operator.town_id == Account.town_id)
        & (Operator.id == Account.owner_id)
        & (Account.owner_type == OwnerType.OPERATOR),
    )
    .outerjoin(
        Reversal,
        (Reversal.town_id == Posting.town_id) & (Reversal.txn_id == Posting.txn_id) & (Reversal.n == Posting.n),
    )
    .outerjoin(
        RulebookVersion,
        (RulebookVersion.town_id == Txn.town_id) & (RulebookVersion.id == Txn.rulebook_version_id),
    )
    .outerjoin(Event, (Event.town_id == Txn.town_id) & (Event.id == Txn.event_id))
    .where(Posting.town_id == bindparam("town"))
)
_credits = (
    postings.where(
        Posting.dst_lot_id == bindparam("lot"),
        Posting.dst_lot_credited_after > bindparam("start"),
        Posting.dst_lot_credited_after - Posting.amount < bindparam("stop"),
    )
    .order_by(Posting.dst_lot_credited_after)
    .limit(ROWS_MAX)
)
_debits = (
    postings.where(
        Posting.src_lot_id == bindparam("lot"),
        Posting.src_lot_debited_after > bindparam("start"),
        Posting.src_lot_debited_after - Posting.amount < bindparam("stop"),
    )
    .order_by(Posting.src_lot_debited_after)
    .limit(ROWS_MAX)
)
_of_txn = postings.where(Posting.txn_id == bindparam("txn")).order_by(Posting.n)
_reversals_of = postings.where(Txn.reverses_txn_id == bindparam("txn")).order_by(Posting.txn_id, Posting.n)
_settlements_of = postings.where(Txn.hold_txn_id == bindparam("txn")).order_by(Posting.src_debited_after)
_hold_amount = select(Hold.amount).where(Hold.town_id == bindparam("town"), Hold.txn_id == bindparam("txn"))
_lot_keys = select(Lot.id, Lot.expires_on, Lot.scope, Lot.issuer_id).where(
    Lot.town_id == bindparam("town"), Lot.id == bindparam("lot")
)

#: An interval, and the one that has its place.
Swap: TypeAlias = tuple[Interval, Interval]
_Pending: TypeAlias = tuple[Interval, tuple[Step, ...]]


def came(row: AnyRow) -> Interval:
    """The points that a posting put into its lot."""
    return Interval(row.dst_lot_id, row.dst_lot_credited_after - row.amount, row.dst_lot_credited_after)


def went(row: AnyRow) -> Interval:
    """The points that a posting took from its lot."""
    return Interval(row.src_lot_id, row.src_lot_debited_after - row.amount, row.src_lot_debited_after)


def step_of(row: AnyRow) -> Step:
    """The transaction of a posting."""
    return Step(
        row.txn_id,
        row.effective_at,
        row.kind,
        row.reason,
        row.explanation,
        row.rule_id,
        row.rulebook_number,
        row.event_source,
        row.event_occurred_at,
    )


def postings_of(work: Work, txn_id: int) -> list[AnyRow]:
    """The postings of a transaction, in their order."""
    return list(work.db.execute(_of_txn, {"town": work.town_id, "txn": txn_id}))


@dataclass(slots=True)
class Tracer:
    """Follows points for one question."""

    work: Work
    looks: int = 0
    _swaps: dict[int, list[Swap]] = field(default_factory=dict)  #: by the reversed transaction

    # Backwards

    def origins_of(self, interval: Interval) -> Iterator[Origin]:
        """What earned the points of an interval, in their order. Raises TooLong."""
        pending: list[Origin | _Pending] = [(interval, ())]
        while pending:
            asked = pending.pop()
            if isinstance(asked, Origin):
                yield asked
            else:
                pending.extend(reversed(list(self._one_step_back(*asked))))

    def _one_step_back(self, asked: Interval, way: tuple[Step, ...]) -> Iterator[Origin | _Pending]:
        reached = asked.start
        for row in self._look(_credits, asked):
            piece = came(row).cut(asked.start, asked.stop)
            assert piece is not None, "the posting lies over the interval"
            yield from self._sources(row, piece, way)
            reached = piece.stop
        if reached < asked.stop:
            yield Interval(asked.lot_id, reached, asked.stop), way  # more than one look shows

    def _sources(self, row: AnyRow, piece: Interval, way: tuple[Step, ...]) -> Iterator[Origin | _Pending]:
        """What a piece of what one posting brought is: earned by it, or what another interval is."""
        for own, other in _split(piece, self._swaps_of(row.txn_id) if row.reversed else []):
            if other is not None:
                yield other, way
            elif (sources := self._moved_from(row, own)) is None:
                yield Origin(own.amount, step_of(row), way)
            else:
                for source in sources:
                    yield source, (*way, step_of(row))[:WAY_MAX]

    def _moved_from(self, row: AnyRow, piece: Interval) -> list[Interval] | None:
        """Where the points of a piece were before the posting; None: they were earned by it."""
        begin = piece.start - came(row).start
        place = begin, begin + piece.amount
        if row.kind is TxnKind.VOID:
            return self._held(row.hold_txn_id, _shift(place, self._place_in_hold(row)))
        if row.kind is TxnKind.REVERSE:
            given_back = self._given_back(row, place)
            if sum(each.amount for each in given_back) == piece.amount:
                return given_back
        return None if row.src_lot_id is None else [went(row).part(*place)]

    def _given_back(self, row: AnyRow, place: tuple[int, int]) -> list[Interval]:
        """What the reversed transaction had taken from lots of the same key: what went first comes back first."""
        before = sum(
            each.amount
            for each in self._rows(_reversals_of, txn=row.reverses_txn_id)
            if each.dst_lot_id == row.dst_lot_id and each.dst_lot_credited_after < row.dst_lot_credited_after
        )
        taken: list[Interval] = []
        for each in self._rows(_of_txn, txn=row.reverses_txn_id):
            if each.src_lot_id is not None and self._key(each.src_lot_id) == self._key(row.dst_lot_id):
                if each.kind is TxnKind.CAPTURE:
                    offset = self._place_in_hold(each)
                    taken.extend(self._held(each.hold_txn_id, (offset, offset + each.amount)))
                else:
                    taken.append(went(each))
        return list(_slice(taken, *_shift(place, before)))

    # Forwards

    def whereabouts_of(self, interval: Interval) -> Iterator[Whereabouts]:
        """Where the points of an interval are, in their order. Raises TooLong."""
        pending: list[Interval | Whereabouts] = [interval]
        while pending:
            asked = pending.pop()
            if isinstance(asked, Whereabouts):
                yield asked
                continue
            pending.extend(reversed(list(self._next_places(asked))))

    def whereabouts_of_posting(self, row: AnyRow) -> Iterator[Whereabouts]:
        """Where the points are that a posting brought; what was taken back of it is gone, whatever stands in its place."""
        for own, other in _split(came(row), self._swaps_of(row.txn_id) if row.reversed else []):
            if other is None:
                yield from self.whereabouts_of(own)
                continue
            for taken in self._look(_debits, other):
                part = went(taken).cut(other.start, other.stop)
                assert part is not None, "the posting lies over the interval"
                yield Whereabouts(part.amount, step_of(taken), taken.to_kind, taken.to_owner)

    def whereabouts_after(self, row: AnyRow) -> Iterator[Whereabouts]:
        """Where the points are that a posting took."""
        if row.kind is TxnKind.CAPTURE:
            places = self._kept_or_given_back(row, (0, row.amount))
        elif row.kind is TxnKind.REVERSE:
            places = iter([Whereabouts(row.amount, step_of(row), row.to_kind, row.to_owner)])
        else:
            places = self._taken_by(row, went(row))
        for place in places:
            if isinstance(place, Interval):
                yield from self.whereabouts_of(place)
            else:
                yield place

    def _next_places(self, asked: Interval) -> Iterator[Interval | Whereabouts]:
        reached = asked.start
        for row in self._look(_debits, asked):
            piece = went(row).cut(asked.start, asked.stop)
            assert piece is not None, "the posting lies over the interval"
            yield from self._taken_by(row, piece)
            reached = piece.stop
        if reached < asked.stop:
            rest = Interval(asked.lot_id, reached, asked.stop)
            yield (
                rest
                if reached > asked.start and self._look(_debits, rest)
                else Whereabouts(rest.amount, None, None, None)
            )

    def _taken_by(self, row: AnyRow, piece: Interval) -> Iterator[Interval | Whereabouts]:
        """Where the points went that a posting took."""
        begin = piece.start - went(row).start
        if row.kind is TxnKind.HOLD:
            ahead = sum(each.amount for each in self._rows(_of_txn, txn=row.txn_id) if each.n < row.n)
            yield from self._settled(row, (ahead + begin, ahead + begin + piece.amount))
            return
        if row.kind is TxnKind.REVERSE:
            swaps = [(there, here) for here, there in self._swaps_of(row.reverses_txn_id)]
            for own, other in _split(piece, swaps):
                yield other or Whereabouts(own.amount, step_of(row), row.to_kind, row.to_owner)
            return
        yield from self._kept_or_given_back(row, (begin, begin + piece.amount))

    def _kept_or_given_back(self, row: AnyRow, place: tuple[int, int]) -> Iterator[Interval | Whereabouts]:
        """Of points that a posting took: those that a reversal has given back go on from there."""
        passed, back = 0, list[Interval]()
        if row.reversed:
            key = self._key(row.src_lot_id)
            rows = self._rows(_reversals_of, txn=row.txn_id)
            given = [each for each in rows if each.dst_lot_id is not None and self._key(each.dst_lot_id) == key]
            back = [came(each) for each in sorted(given, key=lambda each: each.dst_lot_credited_after)]
            passed = sum(each.amount for each in back)
            yield from _slice(back, *place)
        kept = place[1] - max(place[0], passed)
        if kept > 0:
            yield Whereabouts(kept, step_of(row), row.to_kind, row.to_owner)

    def _settled(self, row: AnyRow, place: tuple[int, int]) -> Iterator[Interval | Whereabouts]:
        """What became of points of a hold: captured from the front, given back from the back, or still held."""
        settlements = self._rows(_settlements_of, txn=row.txn_id)
        captured = 0
        for each in settlements:
            if each.kind is TxnKind.CAPTURE:
                mine = _overlap(place, (captured, captured + each.amount))
                if mine:
                    yield from self._kept_or_given_back(each, _shift(mine, -captured))
                captured += each.amount
        voids = sorted(
            ((self._place_in_hold(each), each) for each in settlements if each.kind is TxnKind.VOID),
            key=lambda found: found[0],
        )
        bottom = voids[0][0] if voids else self._amount_of_hold(row.txn_id)
        if open_part := _overlap(place, (captured, bottom)):
            yield Whereabouts(open_part[1] - open_part[0], step_of(row), row.to_kind, row.to_owner)
        for offset, each in voids:
            if mine := _overlap(place, (offset, offset + each.amount)):
                yield came(each).part(*_shift(mine, -offset))

    # Holds and swaps

    def held_by_capture(self, row: AnyRow) -> list[Interval]:
        """What a posting of a capture spent, as it lay in the wallet."""
        offset = self._place_in_hold(row)
        return self._held(row.hold_txn_id, (offset, offset + row.amount))

    def _held(self, hold_txn_id: int, place: tuple[int, int]) -> list[Interval]:
        """What stands at a place of a hold, as it lay in the wallet."""
        return list(_slice([went(row) for row in self._rows(_of_txn, txn=hold_txn_id)], *place))

    def _amount_of_hold(self, hold_txn_id: int) -> int:
        asked = {"town": self.work.town_id, "txn": hold_txn_id}
        return int(self.work.db.execute(_hold_amount, asked).scalar_one())

    def _place_in_hold(self, row: AnyRow) -> int:
        """At which place of its hold a posting of a capture or a void begins."""
        rows = [each for each in self._rows(_settlements_of, txn=row.hold_txn_id) if each.kind is row.kind]
        own = [each for each in rows if each.txn_id == row.txn_id]
        before = sum(each.amount for each in rows[: rows.index(own[0])])
        ahead = sum(each.amount for each in own if each.n < row.n)
        if row.kind is TxnKind.CAPTURE:
            return int(before + ahead)
        return int(self._amount_of_hold(row.hold_txn_id) - before - sum(each.amount for each in own) + ahead)

    def _swaps_of(self, txn_id: int) -> list[Swap]:
        """Which of a reversed transaction's points stand for others: (its own, those that were taken in their place)."""
        if txn_id not in self._swaps:
            brought = [came(row) for row in self._rows(_of_txn, txn=txn_id) if row.dst_lot_id is not None]
            taken = [went(row) for row in self._rows(_reversals_of, txn=txn_id) if row.src_lot_id is not None]
            own = _without(brought, taken)
            foreign = _without(taken, brought)
            self._swaps[txn_id] = list(_pair(own, foreign))
        return self._swaps[txn_id]

    # Looking

    def _look(self, statement: Any, interval: Interval) -> list[AnyRow]:
        return self._rows(statement, lot=interval.lot_id, start=interval.start, stop=interval.stop)

    def _rows(self, statement: Any, **asked: int) -> list[AnyRow]:
        self.looks += 1
        if self.looks > LOOKS_MAX:
            raise TooLong
        return list(self.work.db.execute(statement, {"town": self.work.town_id, **asked}))

    def _key(self, lot_id: int) -> tuple[object, ...]:
        row = self.work.db.execute(_lot_keys, {"town": self.work.town_id, "lot": lot_id}).one()
        return row.expires_on, row.scope, row.issuer_id


def _split(piece: Interval, swaps: Iterable[Swap]) -> Iterator[tuple[Interval, Interval | None]]:
    """A piece in its order: each part with the interval that stands for it, if one does."""
    start = piece.start
    mine = [(here, there) for here, there in swaps if here.lot_id == piece.lot_id]
    for here, there in sorted(mine, key=lambda swap: swap[0].start):
        part = here.cut(start, piece.stop)
        if part is None:
            continue
        if start < part.start:
            yield Interval(piece.lot_id, start, part.start), None
        yield part, there.part(part.start - here.start, part.stop - here.start)
        start = part.stop
    if start < piece.stop:
        yield Interval(piece.lot_id, start, piece.stop), None


def _without(intervals: Iterable[Interval], others: list[Interval]) -> list[Interval]:
    """What of some intervals lies in none of the others."""
    left = list(intervals)
    for other in others:
        left = [
            part
            for each in left
            for part in (
                [each]
                if each.lot_id != other.lot_id
                else [each.cut(each.start, other.start), each.cut(other.stop, each.stop)]
            )
            if part is not None
        ]
    return left


def _pair(own: list[Interval], foreign: list[Interval]) -> Iterator[Swap]:
    """The last of its own points, one for one, with those that were taken in their place."""
    own = list(own)
    for other in foreign:
        begin = 0
        while begin < other.amount and own:
            last = own.pop()
            size = min(last.amount, other.amount - begin)
            yield last.part(last.amount - size, last.amount), other.part(begin, begin + size)
            begin += size
            if last.amount > size:
                own.append(last.part(0, last.amount - size))


def _slice(intervals: Iterable[Interval], start: int, stop: int) -> Iterator[Interval]:
    """The points from `start` to `stop` of what intervals make up one after the other."""
    passed = 0
    for each in intervals:
        begin, end = max(start - passed, 0), min(stop - passed, each.amount)
        if begin < end:
            yield each.part(begin, end)
        passed += each.amount


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int] | None:
    start, stop = max(one[0], other[0]), min(one[1], other[1])
    return (start, stop) if start < stop else None


def _shift(place: tuple[int, int], by: int) -> tuple[int, int]:
    return place[0] + by, place[1] + by
