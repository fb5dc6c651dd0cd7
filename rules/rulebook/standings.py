"""Where residents stand, in the database: read before an event is judged, written after.

Events of one resident queue at the row of `standing`, which each of them changes first; what is read afterwards, in later
statements, is what the one before has written. So a third no-show is the third for whoever comes third. In the order of
locks this row comes after the event and before the ledger.

A rulebook that only gives points keeps nothing here, and none of this costs it anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CTE, BigInteger, Text, bindparam, column, delete, func, literal, or_, select, union_all
from sqlalchemy.dialects.postgresql import insert

from models.ledger import ACCOUNT, RULE_USAGE, AccountKind, OwnerType
from models.rulebook import (
    STANDING,
    STANDING_COUNT,
    STANDING_FREEZE,
    STANDING_LEVEL,
    STANDING_SUSPENSION,
    STANDING_TRACE,
)
from rules.clock import local_day, local_moment
from rules.rulebook.decision import Happening
from rules.rulebook.periods import Calendar, bucket_of
from rules.rulebook.plan import Plan
from rules.rulebook.sections.standing import Freeze
from rules.rulebook.standing import FOR_GOOD, Changes, Frozen, Standing
from rules.rulebook.undoing import Trace
from rules.sending import Reply
from rules.sets import IdList, TextList, is_text_in
from rules.work import Work

FREEZE = "freeze:"  #: what the names of freezes begin with among all that forbids something
LAST_DAY = "9999-12-31"
COUNT, LEVEL = "count", "level"  #: what a row of the fused statement is
EARNED = "earned:"  #: what the counters of points ever earned begin with

_of_resident: dict[str, Any] = {"town_id": bindparam("town"), "resident_id": bindparam("resident")}
_take_turn = insert(STANDING).values(_of_resident | {"events": 1})
_take_turn = _take_turn.on_conflict_do_update(
    index_elements=["town_id", "resident_id"], set_={"events": STANDING.c.events + 1}
)


def _mine(table: Any) -> Any:
    return (table.c.town_id == bindparam("town")) & (table.c.resident_id == bindparam("resident"))


def _counts_and_levels(*, of_day: bool) -> Any:
    """What is counted here, what is counted with the ledger's awards, and the ranks, in one statement."""
    counts = select(
        literal(COUNT).label("what"),
        STANDING_COUNT.c.name,
        STANDING_COUNT.c.bucket,
        STANDING_COUNT.c["count"].label("number"),
    ).where(_mine(STANDING_COUNT))
    usages = (
        select(literal(COUNT), RULE_USAGE.c.rule_id, RULE_USAGE.c.period_key, RULE_USAGE.c.used)
        .join(ACCOUNT, (ACCOUNT.c.town_id == RULE_USAGE.c.town_id) & (ACCOUNT.c.id == RULE_USAGE.c.account_id))
        .where(
            ACCOUNT.c.town_id == bindparam("town"),
            ACCOUNT.c.kind == AccountKind.WALLET,
            ACCOUNT.c.owner_type == OwnerType.RESIDENT,
            ACCOUNT.c.owner_id == bindparam("resident"),
        )
    )
    if of_day:
        since: Any = bindparam("since")
        counts = counts.where(
            or_(is_text_in(STANDING_COUNT.c.bucket, "buckets"), STANDING_COUNT.c.bucket.between(since, LAST_DAY))
        )
        usages = usages.where(
            or_(is_text_in(RULE_USAGE.c.period_key, "buckets"), RULE_USAGE.c.period_key.between(since, LAST_DAY))
        )
    levels = select(literal(LEVEL), STANDING_LEVEL.c.ladder, STANDING_LEVEL.c.level, STANDING_LEVEL.c.cycle).where(
        _mine(STANDING_LEVEL)
    )
    return union_all(counts, usages, levels)


_all_counts, _counts = _counts_and_levels(of_day=False), _counts_and_levels(of_day=True)
_freezes = select(STANDING_FREEZE.c.freeze, STANDING_FREEZE.c.since, STANDING_FREEZE.c.collected).where(
    _mine(STANDING_FREEZE)
)
_suspensions = select(STANDING_SUSPENSION.c.penalty, STANDING_SUSPENSION.c.what, STANDING_SUSPENSION.c.until).where(
    _mine(STANDING_SUSPENSION)
)
_blocks = select(STANDING_SUSPENSION.c.penalty, STANDING_SUSPENSION.c.until).where(
    _mine(STANDING_SUSPENSION),
    STANDING_SUSPENSION.c.what == bindparam("what"),
    STANDING_SUSPENSION.c.until > bindparam("at"),
)
_add_count = insert(STANDING_COUNT)
_add_count = _add_count.on_conflict_do_update(
    index_elements=["town_id", "resident_id", "name", "bucket"],
    set_={"count": STANDING_COUNT.c["count"] + _add_count.excluded["count"]},
)
_set_level = insert(STANDING_LEVEL)
_set_level = _set_level.on_conflict_do_update(
    index_elements=["town_id", "resident_id", "ladder"],
    set_={
        "level": _set_level.excluded.level,
        "cycle": _set_level.excluded.cycle,
        "reached_at": _set_level.excluded.reached_at,
    },
)
_set_freeze = insert(STANDING_FREEZE)
_set_freeze = _set_freeze.on_conflict_do_update(
    index_elements=["town_id", "resident_id", "freeze"],
    set_={"since": _set_freeze.excluded.since, "collected": _set_freeze.excluded.collected},
)
_end_freeze = delete(STANDING_FREEZE).where(_mine(STANDING_FREEZE), STANDING_FREEZE.c.freeze == bindparam("ended"))
_end_block = delete(STANDING_SUSPENSION).where(
    _mine(STANDING_SUSPENSION), STANDING_SUSPENSION.c.penalty == bindparam("ended")
)
_end_suspension = _end_block.where(STANDING_SUSPENSION.c.what == bindparam("of_what"))
_set_suspension = insert(STANDING_SUSPENSION)
_set_suspension = _set_suspension.on_conflict_do_update(
    index_elements=["town_id", "resident_id", "penalty", "what"], set_={"until": _set_suspension.excluded.until}
)

_keep_trace = insert(STANDING_TRACE)
_trace = select(STANDING_TRACE.c.changes).where(
    STANDING_TRACE.c.town_id == bindparam("town"), STANDING_TRACE.c.event_id == bindparam("event")
)


def take_turn(work: Work, resident_id: int) -> None:
    """Let this event of a resident be judged after those before it, and before those after it."""
    work.send(_take_turn, {"town": work.town_id, "resident": resident_id})


def read_standing(work: Work, plan: Plan, resident_id: int, happening: Happening | None) -> Standing:
    """What is counted and decided of a resident, less the points and the person.

    With an event, only the counts that it may turn on: those of its own day, week, month …; without one, all of them.
    """
    of_event = None if happening is None else (happening.kind, happening.occurred_at)
    return ask_standing(work, plan, resident_id, of_event).read()


def ask_standing(work: Work, plan: Plan, resident_id: int, of_event: tuple[str, datetime] | None) -> AskedStanding:
    """The same, not waited for. `of_event`: its kind, and when it happened."""
    asked: dict[str, Any] = {"town": work.town_id, "resident": resident_id}
    whom, statement = dict(asked), _all_counts
    if of_event is not None:
        day = local_day(of_event[1])
        asked["since"] = (day - timedelta(days=plan.look_back_days)).isoformat() if plan.look_back_days else LAST_DAY
        asked["buckets"] = [bucket_of(calendar, day, plan.year_starts) for calendar in Calendar]
        statement = _counts
    return AskedStanding(
        plan,
        counts=work.send(statement, asked),
        freezes=work.send(_freezes, whom) if plan.freezes else None,
        suspensions=work.send(_suspensions, whom) if of_event is None or plan.reads_suspensions(of_event[0]) else None,
    )


@dataclass(frozen=True, slots=True)
class AskedStanding:
    """Where a resident stands, once it is waited for."""

    plan: Plan
    counts: Reply
    freezes: Reply | None
    suspensions: Reply | None

    def read(self) -> Standing:
        standing = Standing()
        for row in self.counts.all():
            if row.what == LEVEL:
                standing.levels[row.name] = self.plan.rank_of(row.name, row.bucket, row.number)
            else:
                _put_count(standing, row.name, row.bucket, row.number)
        if self.freezes is not None:
            standing.frozen = {
                row.freeze: Frozen(row.since, {int(n): count for n, count in row.collected.items()})
                for row in self.freezes.all()
            }
        if self.suspensions is not None:
            standing.suspended = _latest(self.suspensions)
        return standing


def read_suspensions(work: Work, resident_id: int) -> dict[str, datetime]:
    """Until when each penalty suspends a resident, those that are over included."""
    return _latest(work.send(_suspensions, {"town": work.town_id, "resident": resident_id}))


def _latest(suspensions: Reply) -> dict[str, datetime]:
    suspended: dict[str, datetime] = {}
    for row in suspensions.all():
        if not row.penalty.startswith(FREEZE):
            suspended[row.penalty] = max(row.until, suspended.get(row.penalty, row.until))
    return suspended


def _put_count(standing: Standing, name: str, bucket: str, count: int) -> None:
    if name.startswith(EARNED):
        standing.earned[name.removeprefix(EARNED)] = count
        return
    buckets = standing.counters.setdefault(name, {})
    buckets[bucket] = buckets.get(bucket, 0) + count


def save_changes(
    work: Work, plan: Plan, resident_id: int, changes: Changes, elsewhere: Collection[tuple[str, str, int]]
) -> None:
    """Write what an event changed of a standing whose turn was taken.

    `elsewhere`: counts of limits, by name and bucket, that the ledger keeps with the award that used them.
    """
    of = {"town_id": work.town_id, "resident_id": resident_id}
    rows = counts_of(changes, elsewhere)
    _execute_many(work, _add_count, [of | {"name": name, "bucket": bucket, "count": n} for name, bucket, n in rows])
    _execute_many(
        work,
        _set_level,
        level_rows(plan, of, changes.levels, work.now),
    )
    _save_freezes(work, plan, of, changes)
    _save_suspensions(work, plan, of, changes)


def counts_of(changes: Changes, elsewhere: Collection[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """What an event adds to which counts, by name and bucket, in their order. `elsewhere`: as `save_changes` has it."""
    counts = dict(changes.counters)
    for name, bucket, count in elsewhere:
        counts[name, bucket] -= count
    counts |= {(f"{EARNED}{currency}", Calendar.EVER.value): amount for currency, amount in changes.earned.items()}
    return [(name, bucket, n) for (name, bucket), n in sorted(counts.items()) if n]


def counting_part(after: CTE) -> CTE:
    """Counts of a resident whose turn was taken, as a part of a statement (rules.fusing)."""
    counts = (
        func.unnest(
            bindparam("count_names", type_=TextList()),
            bindparam("count_buckets", type_=TextList()),
            bindparam("count_numbers", type_=IdList()),
        )
        .table_valued(column("name", Text), column("bucket", Text), column("number", BigInteger))
        .render_derived(name="counts")
    )
    whose = (bindparam("town", type_=BigInteger()), bindparam("resident", type_=BigInteger()))
    add = insert(STANDING_COUNT).from_select(
        ["town_id", "resident_id", "name", "bucket", "count"],
        select(*whose, *counts.c).select_from(counts.join(after, literal(True))),
    )
    return (
        add.on_conflict_do_update(
            index_elements=["town_id", "resident_id", "name", "bucket"],
            set_={"count": STANDING_COUNT.c["count"] + add.excluded["count"]},
        )
        .returning(STANDING_COUNT.c.name)
        .cte("counted")
    )


def counting_parameters(counts: Collection[tuple[str, str, int]]) -> dict[str, Any]:
    """What the part is given."""
    return {
        "count_names": [name for name, *_ in counts],
        "count_buckets": [bucket for _, bucket, _ in counts],
        "count_numbers": [number for *_, number in counts],
        "counts": len(counts),
    }


def turn_part(noted: CTE) -> CTE:
    """`take_turn` as a part of a statement, after the event is noted, if nobody had a turn since what was read."""
    first = select(
        bindparam("town", type_=BigInteger()), bindparam("resident", type_=BigInteger()), literal(1, BigInteger())
    )
    take = insert(STANDING).from_select(["town_id", "resident_id", "events"], first.select_from(noted))
    return (
        take.on_conflict_do_update(
            index_elements=["town_id", "resident_id"],
            set_={"events": STANDING.c.events + 1},
            where=STANDING.c.events == bindparam("turns_before"),
        )
        .returning(STANDING.c.events)
        .cte("turn")
    )


def level_rows(plan: Plan, of: Mapping[str, Any], levels: Mapping[str, int], at: datetime) -> list[dict[str, Any]]:
    """Ranks as they are kept: by the level's id and the round."""
    rows = []
    for ladder, rank in levels.items():
        level, cycle = plan.level_at(ladder, rank)
        rows.append({**of, "ladder": ladder, "level": level, "cycle": cycle, "reached_at": at})
    return rows


def keep_trace(work: Work, event_id: int, trace: Trace) -> None:
    """Keep what an event changed."""
    work.send(_keep_trace, {"town_id": work.town_id, "event_id": event_id, "changes": trace.as_json()})


def read_trace(work: Work, event_id: int) -> Trace | None:
    """What an event changed; None when it left no trace."""
    changes = work.send(_trace, {"town": work.town_id, "event": event_id}).scalar()
    return None if changes is None else Trace.from_json(changes)


def _save_freezes(work: Work, plan: Plan, of: dict[str, Any], changes: Changes) -> None:
    begun = {name: frozen for name, frozen in changes.frozen.items() if frozen is not None}
    _execute_many(
        work,
        _set_freeze,
        [
            of
            | {
                "freeze": name,
                "since": frozen.since,
                "collected": {str(n): count for n, count in frozen.collected.items()},
            }
            for name, frozen in begun.items()
        ],
    )
    _execute_many(
        work,
        _set_suspension,
        [
            of | {"penalty": f"{FREEZE}{name}", "what": what, "until": ends_by_itself(plan.freezes[name], frozen)}
            for name, frozen in begun.items()
            for what in plan.freezes[name].blocks
        ],
    )
    for name in changes.frozen.keys() - begun.keys():
        whom = {"town": of["town_id"], "resident": of["resident_id"]}
        work.send(_end_freeze, whom | {"ended": name})
        work.send(_end_block, whom | {"ended": f"{FREEZE}{name}"})


def _save_suspensions(work: Work, plan: Plan, of: dict[str, Any], changes: Changes) -> None:
    blocks = {each.id: each.blocks for each in plan.rulebook.penalty}
    _execute_many(
        work,
        _set_suspension,
        [
            of | {"penalty": name, "what": what, "until": until}
            for name, until in changes.suspended.items()
            for what in blocks[name.split("|")[0]]
        ],
    )


def shorten_suspensions(
    work: Work, resident_id: int, penalties: Collection[str], until: Mapping[tuple[str, str], datetime]
) -> None:
    """Let the suspensions by some penalties end when `until` says, by penalty and what is forbidden, or now.

    None gets longer.
    """
    whom = {"town": work.town_id, "resident": resident_id}
    for row in work.send(_suspensions, whom).all():
        if row.penalty.startswith(FREEZE) or row.penalty.split("|")[0] not in penalties:
            continue
        end = until.get((row.penalty, row.what))
        if end is None:
            work.send(_end_suspension, whom | {"ended": row.penalty, "of_what": row.what})
        elif end < row.until:
            of = {"town_id": work.town_id, "resident_id": resident_id}
            work.send(_set_suspension, of | {"penalty": row.penalty, "what": row.what, "until": end})


def ends_by_itself(freeze: Freeze, frozen: Frozen) -> datetime:
    """When a freeze is over though nothing happens; FOR_GOOD when it needs an event, or something has to be true then."""
    days = [way.after_days for way in freeze.exit if way.after_days is not None and not way.where]
    return local_moment(local_day(frozen.since) + timedelta(days=min(days)), "00:00") if days else FOR_GOOD


def read_blocks(work: Work, resident_id: int, what: str) -> dict[str, datetime]:
    """What forbids something to a resident now, penalties and freezes ("freeze:…"), and until when."""
    asked = {"town": work.town_id, "resident": resident_id, "what": what, "at": work.now}
    return {row.penalty: row.until for row in work.send(_blocks, asked).all()}


def _execute_many(work: Work, statement: Any, rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        work.send(statement, row)
