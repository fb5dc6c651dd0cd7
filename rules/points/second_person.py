"""The second person: above so many points, what one member of staff wants another one decides.

The rulebook's `[adjustment] second_person_above` says from where on. What somebody has moved alone that day counts
towards it, so that ten small movements are no way around it. Their requests are counted one after the other: the row of
the member of staff is locked first, or two at once would each find nothing before them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select

from models.residents import Staff
from rules.clock import local_day, local_moment
from rules.errors import Kind, RuleError
from rules.ids import first_id_at
from rules.rulebook.versions import InForce, rulebook_in_force
from rules.work import Work


class SecondPersonRequired(RuleError):
    code = "points.second_person_required"
    kind = Kind.FORBIDDEN
    zh = "这项操作须由另一位工作人员办理：本人不能复核自己的操作。"
    en = "Another member of staff must do this: nobody is the second person to themselves."


class RulebookMissing(RuleError):
    code = "rulebook.missing"
    kind = Kind.CONFLICT
    zh = "积分规则还没有生效，暂不能办理。"
    en = "No rulebook is in force yet."


_lock_staff = (
    select(Staff.id)
    .where(Staff.town_id == bindparam("town"), Staff.id == bindparam("staff"))
    .with_for_update(key_share=True)
)


def rulebook_today(work: Work) -> InForce:
    """The rulebook in force now. Raises RulebookMissing."""
    in_force = rulebook_in_force(work, work.now)
    if in_force is None:
        raise RulebookMissing
    return in_force


def lock_actor(work: Work) -> None:
    """Let what the actor moves alone be counted one after the other. Nothing is locked before it."""
    work.db.execute(_lock_staff, {"town": work.town_id, "staff": work.actor.id}).all()


def today_alone(work: Work) -> dict[str, Any]:
    """The parameters of a statement that counts what the actor has moved alone since local midnight.

    `since` is the smallest id of that time: no row of today has a smaller one, so the primary key leads there.
    """
    midnight = local_moment(local_day(work.now), "00:00")
    return {"town": work.town_id, "actor": work.actor.id, "midnight": midnight, "since": first_id_at(midnight)}
