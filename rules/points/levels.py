"""A resident's levels at a glance: as they are on record, in one statement.

A ladder whose levels fall follows a balance or a year, and is worked out when somebody asks for it
(`rules.points.standings`); it isn't told here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, select

from models.rulebook import STANDING_LEVEL
from rules.rulebook.versions import IN_FORCE, recall_version
from rules.sending import Reply
from rules.work import Work


@dataclass(frozen=True, slots=True)
class LevelReached:
    """The level that a resident has in a ladder."""

    ladder: str
    ladder_title: str
    level: str
    level_title: str


_version = IN_FORCE.subquery()
_levels = select(
    _version.c.id, _version.c.number, STANDING_LEVEL.c.ladder, STANDING_LEVEL.c.level, STANDING_LEVEL.c.cycle
).join(
    STANDING_LEVEL,
    and_(STANDING_LEVEL.c.town_id == bindparam("town"), STANDING_LEVEL.c.resident_id == bindparam("resident")),
)


def ask_levels(work: Work) -> Reply:
    """Ask for the acting resident's levels; not waited for."""
    return work.send(_levels, {"town": work.town_id, "at": work.now, "resident": work.actor.id})


def levels_in(work: Work, asked: Reply) -> Sequence[LevelReached]:
    """What was asked for, in the order of the rulebook's ladders."""
    rows = {row.ladder: row for row in asked.all()}
    if not rows:
        return []
    plan = recall_version(work, next(iter(rows.values()))).plan
    reached = []
    for ladder in plan.rulebook.ladder:
        row = rows.get(ladder.id)
        rank = plan.rank_of(ladder.id, row.level, row.cycle) if row and not ladder.falls else 0
        if rank:
            level = ladder.level[(rank - 1) % len(ladder.level)]
            reached.append(LevelReached(ladder.id, ladder.title, level.id, level.title))
    return reached
