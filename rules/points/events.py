"""Events, judged by the rulebook that was in force when they occurred, and booked.

An event is recorded once (its source names it), judged as things stand for its resident, and everything that follows is
written in the caller's transaction: points by the ledger, counts, levels, freezes and suspensions by the standing. Rows
are locked in the order event, standing, ledger. Two events of one resident queue at the standing.

The main currency of a rulebook is the town's book of points; every other currency has a book of its own, named by its id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from models.territory import Scene
from rules.clock import local_day
from rules.errors import Kind, RuleError
from rules.ledger.caps import CapReached, CapUse
from rules.ledger.earning import Earning, earn_for_event
from rules.ledger.earning_many import earn_many
from rules.ledger.events import send_event
from rules.ledger.pools import BudgetExhausted, ask_pool_balance
from rules.ledger.reading import read_spendable
from rules.ledger.spending import PointsInsufficient
from rules.ledger.transactions import POINTS, Cause, in_book
from rules.ledger.transferring import Correction, adjust
from rules.points.holders import book_code, standing_of
from rules.points.voiding import Verdict, void_named
from rules.rulebook.decision import Decision, Happening, Line, LineKind
from rules.rulebook.evaluation import evaluate
from rules.rulebook.plan import Plan
from rules.rulebook.standing import Changes, Standing
from rules.rulebook.standings import counts_of, keep_trace, save_changes, take_turn
from rules.rulebook.undoing import brought_by, leaves_trace, trace_of
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
    before: Standing = field(default_factory=Standing)

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


_MOVING = (LineKind.AWARD, LineKind.DEDUCTION, LineKind.CONVERSION)
NOTHING_SAID = Decision((), Changes())


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
    noted = send_event(
        work, occurrence.source, occurrence.ref, resident_id, happening.occurred_at, payload_of(occurrence)
    )
    in_force = rulebook_in_force(work, happening.occurred_at)  # both go one way
    event_id = noted.scalar()
    if event_id is None:
        return None
    if in_force is None:
        return Judged(event_id, None, NOTHING_SAID)
    plan = in_force.plan
    left = ask_pool_balance(work)
    if plan.keeps_standing:
        take_turn(work, resident_id)
    standing = standing_of(work, plan, resident_id, happening)
    return judge_noted(occurrence, event_id, in_force, standing, left.scalar)


def judge_noted(
    occurrence: Occurrence, event_id: int, in_force: InForce, standing: Standing, read_left: Callable[[], int]
) -> Judged:
    """What the rules say of an event that was noted, as its resident stands. `read_left`: what is left of the budget."""
    decision = evaluate_within_budget(in_force.plan, occurrence.happening, standing, read_left)
    return Judged(event_id, in_force, decision, standing)


def payload_of(occurrence: Occurrence) -> dict[str, Any]:
    """What an event's row keeps of it."""
    happening = occurrence.happening
    payload = {"kind": happening.kind, "subject": happening.subject, "facts": _as_json(happening.facts)}
    return payload | dict(occurrence.links)


def evaluate_within_budget(
    plan: Plan, happening: Happening, standing: Standing, read_left: Callable[[], int]
) -> Decision:
    """What the rules say of an event; of the main currency nothing is given when the budget hasn't enough for all of it.

    `read_left`: what is left of the budget; asked for when something is to be given.
    """
    decision = evaluate(plan, happening, standing)
    wanted = given_of_main(plan, decision)
    if wanted > 0 and read_left() < wanted:
        return evaluate(plan, happening, standing, gives=False)
    return decision


def given_of_main(plan: Plan, decision: Decision) -> int:
    """Points of the main currency that come."""
    main = plan.rulebook.main_currency.id
    return sum(line.amount for line in decision.awards if line.currency == main)


def _as_json(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in facts.items()}


def book_event(work: Work, occurrence: Occurrence, judged: Judged) -> Outcome:
    """Write all that follows from an event. Raises PointsInsufficient when points to be taken back are spent."""
    decision, in_force, resident_id = judged.decision, judged.in_force, occurrence.resident_id
    if in_force is None:
        return Outcome(judged.event_id, 0, 0, read_spendable(work, resident_id), ())
    moves = _moves_of(occurrence, decision)
    if in_force.plan.keeps_standing:
        _save_standing(work, occurrence, judged, in_force, moves)
    for line in decision.of(LineKind.VOID):
        _take_back(work, occurrence, judged, line)
    taken, balance = _move_points(work, occurrence, judged, moves)
    if balance is None:
        balance = read_spendable(work, resident_id)
    return Outcome(judged.event_id, judged.main_total, taken, balance, decision.lines)


def _save_standing(
    work: Work, occurrence: Occurrence, judged: Judged, in_force: InForce, moves: Sequence[Move]
) -> None:
    """Write what an event changes of a standing, and where its facts won't say so later, its trace."""
    plan, decision, changes = in_force.plan, judged.decision, judged.decision.changes
    elsewhere = _counted_with_awards(decision)
    is_traced = leaves_trace(plan, occurrence.happening.kind, decision)
    keys = [(move.line, (book_code(plan, move.line.currency), move.key)) for move in moves] if is_traced else []
    brought = brought_by(plan, judged.before, decision, keys) if is_traced else ()
    if changes.levels:
        _forget_late_levels(work, occurrence, in_force, changes)
    save_changes(work, plan, occurrence.resident_id, changes, elsewhere)
    if is_traced:
        here = dict(changes.counters)
        for name, bucket, count in elsewhere:
            here[name, bucket] -= count
        keep_trace(work, judged.event_id, trace_of(plan, judged.before, decision, here, brought))


def _counted_with_awards(decision: Decision) -> list[tuple[str, str, int]]:
    """Counts of limits that the ledger keeps with the award that used them."""
    awarded_by = {line.rule_id for line in decision.awards}
    return [(use.name, use.bucket, use.count) for rule in awarded_by for use in decision.uses.get(rule, ())]


def _forget_late_levels(work: Work, occurrence: Occurrence, in_force: InForce, changes: Changes) -> None:
    """Keep no level that isn't today's: of an older version, or of a day that is over where levels fall."""
    today = rulebook_in_force(work, work.now)
    if today is None or today.version_id != in_force.version_id:
        changes.levels.clear()
    elif local_day(occurrence.happening.occurred_at) < local_day(work.now):
        for ladder in in_force.rulebook.ladder:
            if ladder.falls:
                changes.levels.pop(ladder.id, None)


def _move_points(work: Work, occurrence: Occurrence, judged: Judged, moves: Sequence[Move]) -> tuple[int, int | None]:
    """Book what comes and what goes; returns what went of the main currency, and where it is known, what may be spent.

    First all that comes, book after book, since what turns into another currency has to be there; then all that goes.
    Residents share each book's pool and its sink: in one order for every event, none waits for one that waits for it.
    """
    assert judged.in_force is not None, "without a rulebook no points move"
    plan = judged.in_force.plan
    coming, going = ([move for move in moves if move.comes is comes] for comes in (True, False))
    codes = {currency: book_code(plan, currency) for currency in plan.currencies}
    balances = {
        code: _give(work, code, [move for move in coming if codes[move.line.currency] == code], occurrence, judged)
        for code in sorted(codes.values())
    }
    going.sort(key=lambda move: codes[move.line.currency])
    went = [(codes[move.line.currency], _take(work, occurrence, judged, move)) for move in going]
    return sum(amount for code, amount in went if code == POINTS), None if went else balances[POINTS]


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


@dataclass(frozen=True, slots=True)
class LoneAward:
    """All that follows from an event, where that is one award of the main currency, and counts."""

    key: str
    earning: Earning
    counts: Sequence[tuple[str, str, int]]  #: by name and bucket


def lone_award_of(occurrence: Occurrence, judged: Judged) -> LoneAward | None:
    """What `book_event` would write, if it is no more than one award of the main currency and counts."""
    decision, in_force = judged.decision, judged.in_force
    if in_force is None or len(decision.awards) != 1 or decision.of(LineKind.VOID):
        return None
    changes, plan = decision.changes, in_force.plan
    moves = _moves_of(occurrence, decision)
    more = (
        changes.levels or changes.frozen or changes.suspended or leaves_trace(plan, occurrence.happening.kind, decision)
    )
    if len(moves) != 1 or book_code(plan, moves[0].line.currency) != POINTS or more:
        return None
    counts = counts_of(changes, _counted_with_awards(decision)) if plan.keeps_standing else []
    return LoneAward(moves[0].key, _earning_of(occurrence, judged, moves[0]), counts)


def _earning_of(occurrence: Occurrence, judged: Judged, move: Move) -> Earning:
    return Earning(
        occurrence.resident_id,
        move.line.amount,
        move.line.expires_on,
        _cause(occurrence, judged, move.line),
        usages=move.usages,
    )


def _give(work: Work, code: str, moves: Sequence[Move], occurrence: Occurrence, judged: Judged) -> int | None:
    """Earn, in a book; returns what may be spent there where it was asked anyway.

    When others emptied the pool or filled a cap since we looked, look again.

    Several awards are booked together and draw on the pool once: one by one, each would lock the shard that its own key
    names, in no order, and two events could wait for each other. A single one takes fewer statements by itself.
    """
    earnings = {move.key: _earning_of(occurrence, judged, move) for move in moves}
    of_book = in_book(work, code)
    try:
        if len(earnings) == 1:
            [(key, earning)] = earnings.items()
            return earn_for_event(of_book, key, earning)
        if earnings:
            earn_many(of_book, earnings)
    except (BudgetExhausted, CapReached):
        raise TryAgain from None
    return None


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
    """Undo another event of the same resident. An event is void once."""
    if judged.in_force is not None and not judged.in_force.plan.keeps_standing:
        take_turn(work, occurrence.resident_id)  # the other event may have counted, by another rulebook
    cause = _cause(occurrence, judged, line)
    verdict = Verdict(
        cause.reason,
        cause.explanation,
        cause.effective_at,
        {"by": occurrence.ref},
        cause.event_id,
        cause.rulebook_version_id,
        cause.rule_id,
    )
    void_named(work, occurrence.resident_id, line.about, verdict)


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
