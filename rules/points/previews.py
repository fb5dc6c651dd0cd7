"""What would this event earn, and why not more: the same evaluation, on the same budget, and nothing is written.

A resident asks for themselves, as they stand; staff for a resident of theirs, and also by a document that isn't in force
yet; a visitor for somebody who has nothing counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.residents import Role
from rules.errors import Kind, RuleError
from rules.ledger.pools import ask_pool_balance
from rules.points.events import evaluate_within_budget
from rules.points.holders import standing_of
from rules.points.people import require_role_over_resident
from rules.points.second_person import rulebook_today
from rules.residents.identity import Forbidden, require_role_at_root
from rules.rulebook.decision import Decision, Happening
from rules.rulebook.drafts import parse_or_reject
from rules.rulebook.plan import Plan
from rules.rulebook.standing import Standing
from rules.rulebook.versions import rulebook_in_force
from rules.work import ActorKind, Work


class PreviewForbidden(RuleError):
    code = "rulebook.preview_forbidden"
    kind = Kind.FORBIDDEN
    zh = "只有工作人员可以用草案、或为他人试算。"
    en = "Only staff may try a draft, or ask for somebody else."


@dataclass(frozen=True, slots=True)
class PreviewWish:
    """An event that hasn't happened."""

    kind: str
    occurred_at: datetime | None = None
    subject: str = ""
    facts: Mapping[str, Any] | None = None
    resident_id: int | None = None
    document: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What the rules would say."""

    rulebook: str
    decision: Decision
    plan: Plan


def preview(work: Work, wish: PreviewWish) -> Preview:
    """What would follow from an event.

    Raises PreviewForbidden, RulebookRejected, RulebookMissing, ResidentUnknown, Forbidden (staff without a role where the
    resident lives, or who is no manager of the whole town and brings a document).
    """
    if wish.document is not None or wish.resident_id is not None:
        if work.actor.kind is not ActorKind.STAFF:
            raise PreviewForbidden
        if not (work.actor.holds(Role.MANAGER) or work.actor.holds(Role.ORGANISER)):
            raise Forbidden
    occurred_at = wish.occurred_at or work.now
    happening = Happening(wish.kind, occurred_at, wish.subject, dict(wish.facts or {}))
    plan = _plan(work, wish, occurred_at)
    standing = _standing(work, plan, wish, happening)
    decision = evaluate_within_budget(plan, happening, standing, ask_pool_balance(work).scalar)
    return Preview(plan.rulebook.name, decision, plan)


def _plan(work: Work, wish: PreviewWish, occurred_at: datetime) -> Plan:
    if wish.document is not None:
        require_role_at_root(work, Role.MANAGER)
        return Plan(parse_or_reject(wish.document))
    in_force = rulebook_in_force(work, occurred_at)
    return in_force.plan if in_force is not None else rulebook_today(work).plan


def _standing(work: Work, plan: Plan, wish: PreviewWish, happening: Happening) -> Standing:
    if wish.resident_id is not None:
        require_role_over_resident(work, Role.ORGANISER, wish.resident_id)
        return standing_of(work, plan, wish.resident_id, happening)
    if work.actor.kind is ActorKind.RESIDENT:
        return standing_of(work, plan, work.actor.id, happening)
    return Standing()
