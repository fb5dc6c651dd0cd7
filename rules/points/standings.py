"""Where I stand: levels and what they give, what is still missing for the next one, what is frozen or suspended.

A level that follows a window or a balance is judged anew at every look, since a year ends without an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rules.points.holders import standing_of, whole_standing_of
from rules.rulebook.case import Case
from rules.rulebook.conditions import is_number
from rules.rulebook.consequences import end_lapsed_freezes
from rules.rulebook.decision import Happening
from rules.rulebook.plan import Plan
from rules.rulebook.sections.standing import Ladder, Level, Right
from rules.rulebook.standing import FOR_GOOD, Standing
from rules.rulebook.standings import FREEZE, ends_by_itself, read_blocks
from rules.rulebook.versions import rulebook_in_force
from rules.work import Work


@dataclass(frozen=True, slots=True)
class Balance:
    """What is held of a currency."""

    id: str
    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Missing:
    """A number that a level asks for."""

    measure: str
    have: Decimal
    need: Decimal


@dataclass(frozen=True, slots=True)
class Rung:
    """Where somebody is in a ladder."""

    id: str
    title: str
    level: str | None
    level_title: str | None
    rights: tuple[Right, ...]
    next_title: str | None
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Something that is forbidden for a while."""

    title: str
    what: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    ways_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StandingView:
    """All of it."""

    rulebook: str | None
    balances: tuple[Balance, ...] = ()
    ladders: tuple[Rung, ...] = ()
    blocks: tuple[Block, ...] = ()


def show_standing(work: Work) -> StandingView:
    """Where the actor, a resident, stands under the rulebook in force."""
    in_force = rulebook_in_force(work, work.now)
    if in_force is None:
        return StandingView(None)
    plan = in_force.plan
    standing = whole_standing_of(work, plan, work.actor.id)
    case = Case(plan, Happening("look", work.now), standing)
    return StandingView(
        plan.rulebook.name,
        tuple(Balance(each.id, each.name, case.fact(f"balance.{each.id}")) for each in plan.rulebook.currency),
        tuple(_rung(case, ladder) for ladder in plan.rulebook.ladder),
        (*_freezes(plan, standing, work.now), *_suspensions(plan, standing, work.now)),
    )


def _rung(case: Case, ladder: Ladder) -> Rung:
    rank: int = case.fact(f"level.{ladder.id}")
    levels = ladder.level
    level = levels[(rank - 1) % len(levels)] if rank else None
    above = levels[rank % len(levels)] if rank < len(levels) or ladder.cycle is not None else None
    return Rung(
        ladder.id,
        ladder.title,
        level.id if level else None,
        level.title if level else None,
        level.rights if level else (),
        above.title if above else None,
        tuple(_missing(case, above, (rank // len(levels)) * (ladder.cycle or 0))) if above else (),
    )


def _missing(case: Case, level: Level, before: Decimal | int) -> list[Missing]:
    """The numbers of a level that aren't reached yet; with a cycle, `before` is what the full rounds took."""
    needs: Mapping[str, Decimal] = {measure: need + before for measure, need in level.at.items()}
    haves = {measure: case.fact(measure) for measure in needs}
    return [
        Missing(measure, Decimal(have) if is_number(have) else Decimal(0), needs[measure])
        for measure, have in haves.items()
        if not is_number(have) or have < needs[measure]
    ]


def _freezes(plan: Plan, standing: Standing, now: datetime) -> list[Block]:
    """The freezes that are in force. One whose days are over is ended by the next event, and is over before it."""
    frozen = [(plan.freezes[name], each) for name, each in standing.frozen.items() if name in plan.freezes]
    return [
        Block(
            freeze.title,
            freeze.blocks,
            each.since,
            None if (until := ends_by_itself(freeze, each)) >= FOR_GOOD else until,
            tuple(way.title for way in freeze.exit),
        )
        for freeze, each in frozen
        if ends_by_itself(freeze, each) > now
    ]


def _suspensions(plan: Plan, standing: Standing, now: datetime) -> list[Block]:
    penalties = {each.id: each for each in plan.rulebook.penalty}
    return [
        Block(penalties[name].title, penalties[name].blocks, None, None if until >= FOR_GOOD else until, ())
        for key, until in standing.suspended.items()
        if (name := key.split("|")[0]) in penalties and until > now
    ]


def blocked_until(work: Work, resident_id: int, what: str) -> datetime | None:
    """Until when something is forbidden to a resident; FOR_GOOD where no day says so, None when it isn't.

    A suspension with an end holds until then, whatever rulebook follows. What has no end holds as long as the rulebook in
    force knows it, and a freeze whose days are over is over, also before the next event writes that down.
    """
    blocks = read_blocks(work, resident_id, what)
    if not blocks:
        return None
    lasting = {name for name, until in blocks.items() if until >= FOR_GOOD}
    in_force = rulebook_in_force(work, work.now)
    if lasting and in_force is not None and _still_holds(work, in_force.plan, resident_id, lasting):
        return FOR_GOOD
    return max((until for name, until in blocks.items() if name not in lasting), default=None)


def _still_holds(work: Work, plan: Plan, resident_id: int, names: set[str]) -> bool:
    """Whether one of these freezes and suspensions without an end is in force."""
    penalties = {each.id for each in plan.rulebook.penalty}
    if any(not name.startswith(FREEZE) and name.split("|")[0] in penalties for name in names):
        return True
    standing = standing_of(work, plan, resident_id, Happening("look", work.now))
    case = Case(plan, Happening("look", work.now), standing)
    end_lapsed_freezes(case)
    frozen = {f"{FREEZE}{name}" for name in standing.frozen if name in plan.freezes and case.is_frozen(name)}
    return not frozen.isdisjoint(names)
