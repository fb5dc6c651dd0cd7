"""Today's dear numbers as of a moment, made of those as of a moment before and of what came between.

By the evening of a busy day its postings and reservations are many, and each minute adds few. So the sums as of the minute
that was asked for last are kept in this process, and carried on to the next. It is the statements of the family that find
what came between, so what is carried on is what the facts say as of the moment, to the unit:

- Of what grows (`Family.grows`) the facts from that moment on are added.
- Of what changes (`Family.changed`) the facts of the things that changed meanwhile are taken off as they were as of the one
  moment, and added as they are as of the other.

A minute is kept once it has settled, and some before it: people look at now, and at some minutes ago. Now and then one is
counted anew. Of what grows it ends just before the next one begins, so that what is of the one isn't of the other, however
finely a time is kept. Of what changes it ends with the first instant of the next: what happens on the minute, as a quarter
of an hour goes by or a session ends, has happened by then.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy.sql.base import Executable

from rules.monitor.definitions import Facts, Family
from rules.monitor.keeping import ROWS_MAX, SETTLES_IN, Answer, Kept, Rows, as_key, ask_once, keep, kept_answers
from rules.rows import AnyRow
from rules.work import Work

MINUTE = timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)
#: Of so long ago the dear numbers are carried on from minute to minute; of before they are counted anew.
CARRIED_FOR = timedelta(hours=1)
#: So many minutes are kept of each question.
BASES_MAX = 4
#: After that what is carried on is counted anew: who took longer than SETTLES_IN to commit is missed no longer than that.
RECOUNTED_AFTER = timedelta(minutes=10)
#: Makes the statement of sums over facts.
Summing: TypeAlias = Callable[[Facts], Executable]


@dataclass(frozen=True, slots=True)
class _Base:
    """What was found as of the end of a minute."""

    as_of: datetime
    rows: Rows
    counted_at: datetime  #: when all of it was counted

    def serves(self, turn: datetime, now: datetime) -> bool:
        """Whether it may be carried on to a minute."""
        return self.as_of <= turn and now < self.counted_at + RECOUNTED_AFTER


def find_sums(
    work: Work, family: Family, facts: Facts, summing: Summing, counters: Sequence[str], asked: Mapping[str, Any]
) -> Answer:
    """Sums over facts, carried on from those as of an earlier minute if that is possible.

    `asked`: what the statement binds, `as_of` and `begin` among it.
    """
    statement, as_of = summing(facts), asked["as_of"]
    turn = _end_of_minute(family, min(as_of, work.now - SETTLES_IN))
    if not _may_carry(family, facts) or turn < max(asked["begin"], work.now - CARRIED_FOR):
        return ask_once(work, statement, asked)

    def carry() -> Answer:
        kept, key = kept_answers(work), ("minute", statement, as_key({**asked, "as_of": None}))
        bases: Sequence[_Base] = kept.get(key) or ()
        base = max((each for each in bases if each.serves(turn, work.now)), key=lambda each: each.as_of, default=None)
        if base is None and len(bases) == BASES_MAX and turn < bases[0].as_of:
            return work.send(statement, asked).all
        until_turn = _nothing
        if base is None:
            until_turn = work.send(statement, {**asked, "as_of": turn}).all
        elif base.as_of < turn:
            until_turn = _ask_since(work, family, facts, summing, asked, counters, (base.as_of, turn))
        rest = _ask_since(work, family, facts, summing, asked, counters, (turn, as_of))

        def wait() -> Rows:
            rows = _added(([] if base is None else base.rows, until_turn()), counters)
            if base is None or base.as_of < turn:
                _keep_base(kept, key, _Base(turn, rows, work.now if base is None else base.counted_at))
            return _added((rows, rest()), counters)

        return wait

    return keep(work, as_of, (statement, as_key(asked)), carry)


def _end_of_minute(family: Family, moment: datetime) -> datetime:
    """As of when the last minute before a moment is over."""
    on_the_minute = moment.replace(second=0, microsecond=0)
    return on_the_minute - INSTANT if family.grows else on_the_minute


def _keep_base(kept: Kept, key: Hashable, base: _Base) -> None:
    """Keep it with the last ones, as many as there is room for; of one minute the last that was found."""
    bases = {each.as_of: each for each in (*(kept.get(key) or ()), base)}
    last = [bases[as_of] for as_of in sorted(bases)[-BASES_MAX:]]
    while len(last) > 1 and _rows_of(last) > ROWS_MAX:
        del last[0]
    kept.put(key, last, _rows_of(last))


def _rows_of(bases: Sequence[_Base]) -> int:
    return sum(len(each.rows) for each in bases)


def _may_carry(family: Family, facts: Facts) -> bool:
    """Whether a family says how sums over these facts are carried on."""
    return (family.grows or family.changed is not None) and not (family.is_state and facts is family.facts)


def _ask_since(
    work: Work,
    family: Family,
    facts: Facts,
    summing: Summing,
    asked: Mapping[str, Any],
    counters: Sequence[str],
    moments: tuple[datetime, datetime],
) -> Answer:
    """What is to be added to the sums as of the first moment, to have those as of the second one."""
    since, until = moments
    if family.grows:
        return work.send(summing(facts), {**asked, "begin": since + INSTANT, "as_of": until}).all
    assert family.changed is not None, "what is carried on says how"
    assert family.facts_of is not None, "what changes says of what"
    of_it = summing(family.facts_of)
    span = {name: asked[name] for name in ("town", "begin", "end")}
    changed = work.send(family.changed, {**span, "since": since, "until": until, "as_of": until})

    def wait() -> Rows:
        ids = tuple(row.id for row in changed.all())
        if not ids:
            return ()
        was, is_now = [work.send(of_it, {**asked, "ids": ids, "as_of": moment}) for moment in moments]
        return [*(_taken_off(row, counters) for row in was.all()), *is_now.all()]

    return wait


def _added(parts: Sequence[Rows], counters: Sequence[str]) -> Rows:
    """Rows of sums over the same groups, added up."""
    totals: dict[tuple[Any, ...], AnyRow] = {}
    for row in (row for rows in parts for row in rows):
        group = tuple(value for name, value in zip(row._fields, row, strict=True) if name not in counters)
        before = totals.get(group)
        totals[group] = row if before is None else _together(before, row, counters)
    return list(totals.values())


def _together(one: AnyRow, other: AnyRow, counters: Sequence[str]) -> AnyRow:
    return _with(one, {name: getattr(one, name) + getattr(other, name) for name in counters})


def _taken_off(row: AnyRow, counters: Sequence[str]) -> AnyRow:
    return _with(row, {name: -getattr(row, name) for name in counters})


def _with(row: AnyRow, counts: Mapping[str, int]) -> AnyRow:
    changed: AnyRow = row._replace(**counts)  # a named tuple of `rules.sending`
    return changed


def _nothing() -> Rows:
    return ()
