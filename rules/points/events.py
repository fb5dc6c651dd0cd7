"""Events, judged by the rulebook that was in force when they occurred, and booked.

An event is recorded once (its source names it), judged as things stand for its resident, and everything that follows is
written in the caller's transaction: points by the ledger, counts, levels, freezes and suspensions by the standing. Rows
are locked in the order event, standing, ledger. Two events of one resident queue at the standing.

The main currency of a rulebook is the town's book of points; every other currency has a book of its own, named by its id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, bindparam, cast, exists, func, select

from models.ledger import ACCOUNT, BOOK, EVENT, POSTING, REVERSAL, TXN, AccountKind, OwnerType, TxnKind
from models.residents import Resident
from models.territory import Scene
from models.volunteering import VolunteerRegistration
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.ledger.caps import CapReached, CapUse
from rules.ledger.earning import Earning, earn
from rules.ledger.earning_many import earn_many
from rules.ledger.events import note_event
from rules.ledger.pools import BudgetExhausted, read_pool_balance
from rules.ledger.reading import read_open_lots, read_spendable, read_wallet
from rules.ledger.reversing import reverse
from rules.ledger.spending import PointsInsufficient
from rules.ledger.transactions import POINTS, Cause, in_book, list_books
from rules.ledger.transferring import Correction, adjust
from rules.rows import AnyRow
from rules.rulebook.decision import Decision, Happening, Line, LineKind
from rules.rulebook.evaluation import counted_by, evaluate, points_counted
from rules.rulebook.plan import Plan
from rules.rulebook.standing import Changes, Standing
from rules.rulebook.standings import read_standing, save_changes, take_turn
from rules.rulebook.versions import InForce, rulebook_in_force
from rules.work import TryAgain, Work


class EventRecorded(RuleError):
    code = "event.recorded_already"
    kind = Kind.CONFLICT
    zh = "这件事已经登记过了。"
    en = "This event is on record already."


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that happened: who names it, whom it is about, and on whose account it counts."""

    source: str  #: "checkin"
    ref: str  #: what the source calls it; it counts once
    resident_id: int
    happening: Happening
    community_id: int | None = None
    operator_id: int | None = None
    scene: Scene | None = None
    links: Mapping[str, str] = field(default_factory=dict)  #: ids that the event's row keeps: the session


@dataclass(frozen=True, slots=True)
class Judged:
    """An event on record, and what the rules say of it. Without a rulebook in force they say nothing."""

    event_id: int
    in_force: InForce | None
    decision: Decision

    @property
    def main_total(self) -> int:
        """Points of the main currency that come."""
        return given_of_main(self.in_force.plan, self.decision) if self.in_force is not None else 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an event."""

    event_id: int
    awarded: int  #: points of the main currency that came
    taken: int  #: points of the main currency that went
    balance: int  #: what may be spent afterwards
    lines: Sequence[Line]

    @property
    def explanation(self) -> str | None:
        """The reasons of the points that came, or why none did; None when no rule speaks of the event."""
        moved = [line.explanation for line in self.lines if line.kind in _MOVING] or [
            line.explanation for line in self.lines if line.kind in (LineKind.NOTHING, LineKind.PENDING)
        ]
        return "\n".join(moved) or None


@dataclass(frozen=True, slots=True)
class Move:
    """A line that moves points, and the key under which it does so once."""

    key: str
    line: Line
    usages: tuple[CapUse, ...]  #: of limits; all of a rule's are kept with its first award

    @property
    def comes(self) -> bool:
        return self.line.kind is LineKind.AWARD


VOID = "void"  #: the source of the event that says that another one is void
_MOVING = (LineKind.AWARD, LineKind.DEDUCTION, LineKind.CONVERSION)
NOTHING_SAID = Decision((), Changes())
_person = select(
    Resident.registered_at,
    Resident.household_id,
    exists()
    .where(VolunteerRegistration.town_id == Resident.town_id, VolunteerRegistration.resident_id == Resident.id)
    .label("volunteer"),
).where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
_voided = (
    select(EVENT.c.id, EVENT.c.source, EVENT.c.occurred_at, EVENT.c.payload)
    .where(
        EVENT.c.town_id == bindparam("town"),
        EVENT.c.source_ref == bindparam("ref"),
        EVENT.c.subject_id == bindparam("resident"),
        EVENT.c.source != VOID,
    )
    .order_by(EVENT.c.id)
)


def _moved_by_event(kind: TxnKind, wallet: Any) -> Any:
    """What an event moved and nobody took back yet, by the resident's own wallets: there is no index by event."""
    return (
        select(
            TXN.c.id,
            TXN.c.rule_id,
            BOOK.c.code.label("book"),
            cast(func.sum(POSTING.c.amount - func.coalesce(REVERSAL.c.reversed, 0)), BigInteger).label("amount"),
        )
        .join(BOOK, (BOOK.c.town_id == TXN.c.town_id) & (BOOK.c.id == TXN.c.book_id))
        .join(POSTING, (POSTING.c.town_id == TXN.c.town_id) & (POSTING.c.txn_id == TXN.c.id))
        .join(ACCOUNT, (ACCOUNT.c.town_id == POSTING.c.town_id) & (ACCOUNT.c.id == wallet))
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
            func.coalesce(REVERSAL.c.reversed, 0) < POSTING.c.amount,
        )
        .group_by(TXN.c.id, TXN.c.rule_id, BOOK.c.code)
    )


_earned_by_event = _moved_by_event(TxnKind.EARN, POSTING.c.dst_account_id)
_taken_by_event = _moved_by_event(TxnKind.ADJUST, POSTING.c.src_account_id)


def record_event(work: Work, occurrence: Occurrence) -> Outcome:
    """Record an event, judge it and book what follows.

    When the budget is used up, nothing is given and everything else holds: nobody's hours wait for the operator's
    budget. Raises EventRecorded, and PointsInsufficient when points are to be taken back that are spent.
    """
    judged = judge_event(work, occurrence)
    if judged is None:
        raise EventRecorded
    return book_event(work, occurrence, judged)


def judge_event(work: Work, occurrence: Occurrence) -> Judged | None:
    """Record an event and judge it as things stand. None when it is on record already."""
    happening, resident_id = occurrence.happening, occurrence.resident_id
    payload = {"kind": happening.kind, "subject": happening.subject, "facts": _as_json(happening.facts)}
    event_id = note_event(
        work, occurrence.source, occurrence.ref, resident_id, happening.occurred_at, payload | dict(occurrence.links)
    )
    if event_id is None:
        return None
    in_force = rulebook_in_force(work, happening.occurred_at)
    if in_force is None:
        return Judged(event_id, None, NOTHING_SAID)
    plan = in_force.plan
    if plan.keeps_standing:
        take_turn(work, resident_id)
    standing = standing_of(work, plan, resident_id, happening)
    return Judged(event_id, in_force, evaluate_within_budget(work, plan, happening, standing))


def evaluate_within_budget(work: Work, plan: Plan, happening: Happening, standing: Standing) -> Decision:
    """What the rules say of an event; of the main currency nothing is given when the budget hasn't enough for all of it."""
    decision = evaluate(plan, happening, standing)
    wanted = given_of_main(plan, decision)
    if wanted > 0 and read_pool_balance(work) < wanted:
        return evaluate(plan, happening, standing, gives=False)
    return decision


def given_of_main(plan: Plan, decision: Decision) -> int:
    """Points of the main currency that come."""
    main = plan.rulebook.main_currency.id
    return sum(line.amount for line in decision.awards if line.currency == main)


def standing_of(work: Work, plan: Plan, resident_id: int, happening: Happening) -> Standing:
    """Where a resident stands for an event: what is counted, what is held, what is known of the person."""
    standing = read_standing(work, plan, resident_id, happening) if plan.keeps_standing else Standing()
    if plan.reads_balances(happening.kind):
        standing.lots = lots_of(work, plan, resident_id, local_day(happening.occurred_at))
    if any(fact.startswith("person.") for fact in plan.facts):
        standing.person = person_of(work, resident_id, happening.occurred_at)
    return standing


def lots_of(work: Work, plan: Plan, resident_id: int, day: date) -> dict[str, dict[date, int]]:
    """What a resident holds that is good on a day. A currency of a draft may have no book yet: nobody holds any of it."""
    books = {POINTS} if len(plan.currencies) == 1 else set(list_books(work))
    found = {}
    for currency in plan.currencies:
        if (code := book_code(plan, currency)) in books:
            of_book = in_book(work, code)
            lots = read_open_lots(of_book, read_wallet(of_book, resident_id), day)
            found[currency] = {lot.expires_on: lot.amount for lot in lots}
    return found


def person_of(work: Work, resident_id: int, at: datetime) -> dict[str, Any]:
    """What is known of a resident, as conditions ask for it: `person.volunteer`, `person.registered_days` …"""
    row = work.core.execute(_person, {"town": work.town_id, "resident": resident_id}).one()
    return {
        "kind": "resident",
        "volunteer": bool(row.volunteer),
        "household": row.household_id is not None,
        "registered_days": max((local_day(at) - local_day(row.registered_at)).days, 0),
    }


def book_code(plan: Plan, currency: str) -> str:
    """The code of the book that a currency is kept in."""
    return POINTS if currency == plan.rulebook.main_currency.id else currency


def happening_of(source: str, occurred_at: datetime, payload: Mapping[str, Any]) -> Happening:
    """An event as it was recorded. Events from before rulebooks kept facts are of the kind that their source is."""
    facts = {
        name: Decimal(str(value)) if isinstance(value, float) else value
        for name, value in payload.get("facts", {}).items()
    }
    return Happening(payload.get("kind", source), occurred_at, payload.get("subject", ""), facts)


def _as_json(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in facts.items()}


def book_event(work: Work, occurrence: Occurrence, judged: Judged) -> Outcome:
    """Write all that follows from an event. Raises PointsInsufficient when points to be taken back are spent."""
    decision, in_force, resident_id = judged.decision, judged.in_force, occurrence.resident_id
    if in_force is None:
        return Outcome(judged.event_id, 0, 0, read_spendable(work, resident_id), ())
    plan = in_force.plan
    if decision.changes.levels:
        _forget_late_levels(work, occurrence, in_force, decision.changes)
    if plan.keeps_standing:
        awarded_by = {line.rule_id for line in decision.awards}
        elsewhere = [(use.name, use.bucket, use.count) for rule in awarded_by for use in decision.uses.get(rule, ())]
        save_changes(work, plan, resident_id, decision.changes, elsewhere)
    for line in decision.of(LineKind.VOID):
        _take_back(work, occurrence, judged, line)
    taken = _move_points(work, occurrence, judged)
    return Outcome(judged.event_id, judged.main_total, taken, read_spendable(work, resident_id), decision.lines)


def _forget_late_levels(work: Work, occurrence: Occurrence, in_force: InForce, changes: Changes) -> None:
    """Keep no level that isn't today's: of an older version, or of a day that is over where levels fall."""
    today = rulebook_in_force(work, work.now)
    if today is None or today.version_id != in_force.version_id:
        changes.levels.clear()
    elif local_day(occurrence.happening.occurred_at) < local_day(work.now):
        for ladder in in_force.rulebook.ladder:
            if ladder.falls:
                changes.levels.pop(ladder.id, None)


def _move_points(work: Work, occurrence: Occurrence, judged: Judged) -> int:
    """Book what comes and what goes; returns what went of the main currency.

    First all that comes, book after book, since what turns into another currency has to be there; then all that goes.
    Residents share each book's pool and its sink: in one order for every event, none waits for one that waits for it.
    """
    assert judged.in_force is not None, "without a rulebook no points move"
    plan, moves = judged.in_force.plan, _moves_of(occurrence, judged.decision)
    coming, going = ([move for move in moves if move.comes is comes] for comes in (True, False))
    codes = {currency: book_code(plan, currency) for currency in plan.currencies}
    for code in sorted(codes.values()):
        _give(work, code, [move for move in coming if codes[move.line.currency] == code], occurrence, judged)
    going.sort(key=lambda move: codes[move.line.currency])
    went = [(codes[move.line.currency], _take(work, occurrence, judged, move)) for move in going]
    return sum(amount for code, amount in went if code == POINTS)


def _moves_of(occurrence: Occurrence, decision: Decision) -> list[Move]:
    """The lines that move points. A rule may have several: a conversion of two awards, two levels reached at once."""
    moves: list[Move] = []
    nths: Counter[tuple[str, str, str]] = Counter()
    with_uses: set[str] = set()
    for line in decision.of(*_MOVING):
        sign = "" if line.kind is LineKind.AWARD else "-"
        nth = nths[line.currency, line.rule_id, sign]
        nths[line.currency, line.rule_id, sign] += 1
        usages: tuple[CapUse, ...] = ()
        if not sign and line.rule_id not in with_uses:
            with_uses.add(line.rule_id)
            uses = decision.uses.get(line.rule_id, ())
            usages = tuple(CapUse(use.name, use.bucket, use.count, use.most) for use in uses)
        moves.append(Move(_key(occurrence, line, sign, nth), line, usages))
    return moves


def _give(work: Work, code: str, moves: Sequence[Move], occurrence: Occurrence, judged: Judged) -> None:
    """Earn, in a book. When others emptied the pool or filled a cap since we looked, look again.

    Several awards are booked together and draw on the pool once: one by one, each would lock the shard that its own key
    names, in no order, and two events could wait for each other. A single one takes fewer statements by itself.
    """
    earnings = {
        move.key: Earning(
            occurrence.resident_id,
            move.line.amount,
            move.line.expires_on,
            _cause(occurrence, judged, move.line),
            usages=move.usages,
        )
        for move in moves
    }
    of_book = in_book(work, code)
    try:
        if len(earnings) == 1:
            [(key, earning)] = earnings.items()
            earn(of_book, key, earning)
        elif earnings:
            earn_many(of_book, earnings)
    except (BudgetExhausted, CapReached):
        raise TryAgain from None


def _take(work: Work, occurrence: Occurrence, judged: Judged, move: Move) -> int:
    """Points go, as far as they are there: what a rulebook lets somebody owe is in the line, and in no wallet.

    When others took some of them since we looked, look again.
    """
    assert judged.in_force is not None, "without a rulebook no points move"
    of_book = in_book(work, book_code(judged.in_force.plan, move.line.currency))
    amount = min(move.line.amount, read_spendable(of_book, occurrence.resident_id))
    if amount > 0:
        cause = _cause(occurrence, judged, move.line)
        try:
            adjust(of_book, move.key, Correction(occurrence.resident_id, -amount, None, cause))
        except PointsInsufficient:
            raise TryAgain from None
    return amount


def _take_back(work: Work, occurrence: Occurrence, judged: Judged, line: Line) -> None:
    """Reverse what another event of the same resident has earned, and take it out of the tallies. An event is void once."""
    asked = {"town": work.town_id, "ref": line.about, "resident": occurrence.resident_id}
    for event in work.core.execute(_voided, asked).all():
        is_first = note_event(
            work, VOID, str(event.id), occurrence.resident_id, occurrence.happening.occurred_at, {"by": occurrence.ref}
        )
        judged_by = rulebook_in_force(work, event.occurred_at)
        if is_first is not None and judged_by is not None:
            if judged_by.plan.keeps_standing:
                _uncount(work, occurrence, judged_by.plan, event)
            _reverse_all(work, occurrence, judged, line, judged_by.plan, event.id)


def _uncount(work: Work, occurrence: Occurrence, plan: Plan, event: AnyRow) -> None:
    """`plan`: by which the event was judged."""
    happening = happening_of(event.source, event.occurred_at, event.payload)
    counted = Counter(counted_by(plan, happening, standing_of(work, plan, occurrence.resident_id, happening)))
    earned: Counter[str] = Counter()
    asked = {"town": work.town_id, "resident": occurrence.resident_id, "event": event.id}
    of_book = {book_code(plan, currency): currency for currency in plan.currencies}
    for row in work.core.execute(_earned_by_event, asked):
        if (currency := of_book.get(row.book)) is not None:
            earned[currency] += row.amount
            counted.update(points_counted(plan, happening, row.rule_id, currency, row.amount))
    back = Changes(
        counters={name: -count for name, count in counted.items()},
        earned={currency: -amount for currency, amount in earned.items()},
    )
    save_changes(work, plan, occurrence.resident_id, back, ())


def _reverse_all(work: Work, occurrence: Occurrence, judged: Judged, line: Line, plan: Plan, event_id: int) -> None:
    """What turned into another currency has to be there again before its award is taken back; then book after book."""
    asked = {"town": work.town_id, "resident": occurrence.resident_id, "event": event_id}
    moved: list[AnyRow] = []
    if plan.conversions:
        turning = {each.id for each in plan.rulebook.convert}
        moved += [row for row in work.core.execute(_taken_by_event, asked) if row.rule_id in turning]
    moved += sorted(work.core.execute(_earned_by_event, asked), key=lambda row: (row.book, row.id))
    for row in moved:
        reverse(in_book(work, row.book), f"{_key(occurrence, line)}:{row.id}", row.id, _cause(occurrence, judged, line))


def _key(occurrence: Occurrence, line: Line, sign: str = "", nth: int = 0) -> str:
    """The ledger's key of a line: by the event and the rule, so that it moves points once."""
    return f"{occurrence.source}:{occurrence.ref}:{line.rule_id}{sign}" + (f":{nth}" if nth else "")


def _cause(occurrence: Occurrence, judged: Judged, line: Line) -> Cause:
    assert judged.in_force is not None, "without a rulebook no points move"
    return Cause(
        reason=occurrence.source,
        explanation=line.explanation,
        effective_at=occurrence.happening.occurred_at,
        event_id=judged.event_id,
        rulebook_version_id=judged.in_force.version_id,
        rule_id=line.rule_id,
        community_id=occurrence.community_id,
        operator_id=occurrence.operator_id,
        scene=occurrence.scene,
    )
