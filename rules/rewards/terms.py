"""What the town's rulebook says of spending points, and how it is told what was spent.

It takes the resident's turn at the standing first, so two redemptions of one resident are judged one after the other and a
limit can't be passed by asking twice at once. Where no section of the rulebook speaks of it, points can't be spent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rules.clock import local_day, local_moment
from rules.errors import RuleError
from rules.ledger.reading import read_spendable
from rules.ledger.transactions import Cause
from rules.points.events import Occurrence, record_event
from rules.points.holders import book_code, lots_of, standing_of
from rules.points.voiding import next_ref, void_event
from rules.reservations.paying import short_of_points
from rules.rewards.refusals import (
    LevelTooLow,
    RedemptionLimitReached,
    RedemptionNotEligible,
    RedemptionNotOffered,
    RedemptionOutOfBounds,
    RedemptionSuspended,
    RedemptionWindowClosed,
)
from rules.rulebook.booking import Refusal
from rules.rulebook.case import Case
from rules.rulebook.decision import Happening
from rules.rulebook.plan import REDEEMED
from rules.rulebook.redeeming import judge_redemption
from rules.rulebook.sections.redemption import For, Redemption, Refund, WhenLapsed
from rules.rulebook.standings import read_suspensions, take_turn
from rules.rulebook.versions import InForce, rulebook_in_force
from rules.work import Work

SOURCE = "redemption"
#: Nothing waits longer to be picked up, whatever a rulebook leaves open.
WAIT_DAYS_MAX = 3_660
#: Reminded so long before it lapses; what waits for less than twice as long, half-way.
REMIND = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to spend points on."""

    resident_id: int
    kind: For
    title: str
    points: int  #: in all, in the smallest unit of the points book
    facts: Mapping[str, Any]  #: what the rulebook's conditions may ask for besides
    community_id: int | None = None
    operator_id: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms it is done."""

    in_force: InForce
    section: Redemption
    pays: Mapping[str, int]  #: by book, in its smallest unit
    facts: Mapping[str, Any]  #: as the rulebook saw them

    @property
    def is_refundable(self) -> bool:
        return self.section.refund is Refund.UNTIL_PICK_UP

    @property
    def returns_when_lapsed(self) -> bool:
        return self.section.when_lapsed is WhenLapsed.RETURNED

    def pick_up_until(self, now: datetime) -> datetime:
        """The first moment at which it isn't handed out any more: the end of the last day of waiting."""
        days = WAIT_DAYS_MAX if self.section.pick_up_days is None else self.section.pick_up_days
        return local_moment(local_day(now) + timedelta(days=days + 1), "00:00")

    def cause(self, wanted: Wanted, explanation: str, now: datetime) -> Cause:
        """Why points move."""
        return Cause(
            SOURCE,
            explanation,
            now,
            rulebook_version_id=self.in_force.version_id,
            rule_id=self.section.id,
            community_id=wanted.community_id,
            operator_id=wanted.operator_id,
        )


def remind_at(now: datetime, pick_up_until: datetime) -> datetime:
    """When to remind of something that waits. Pure."""
    return max(pick_up_until - REMIND, now + (pick_up_until - now) / 2)


def terms_of(work: Work, wanted: Wanted, *, level: tuple[str, str] | None = None) -> Terms:
    """The rulebook's terms for points that are spent now. `level`: a ladder, and the level of it that is needed.

    Raises RedemptionNotOffered, RedemptionSuspended, RedemptionNotEligible, RedemptionWindowClosed,
    RedemptionLimitReached, RedemptionOutOfBounds, LevelTooLow, PointsInsufficient.
    """
    in_force = rulebook_in_force(work, work.now)
    if in_force is None or not in_force.rulebook.redemption:
        raise RedemptionNotOffered
    plan = in_force.plan
    take_turn(work, wanted.resident_id)
    unit = plan.units[plan.rulebook.main_currency.id]
    facts = {**wanted.facts, "for": wanted.kind.value, "points": _number(wanted.points, unit)}
    wish = Happening(REDEEMED, work.now, wanted.title, facts)
    standing = standing_of(work, plan, wanted.resident_id, wish)
    standing.lots = lots_of(work, plan, wanted.resident_id, local_day(work.now))
    standing.suspended |= read_suspensions(work, wanted.resident_id)
    if level is not None:
        _check_level(Case(plan, wish, standing), *level)
    verdict = judge_redemption(plan, wanted.kind, wish, standing)
    if verdict.refusals:
        raise _refusal_of(work, verdict.refusals[0], wanted)
    assert verdict.redemption is not None, "what no section speaks of is refused"
    pays = {book_code(plan, currency): amount for currency, amount in verdict.pays.items()}
    return Terms(in_force, verdict.redemption, pays, facts)


def tell_rulebook(work: Work, terms: Terms, wanted: Wanted, ref: str) -> None:
    """Record that points were spent, so that it counts. `ref`: names it within this source."""
    happening = Happening(REDEEMED, work.now, wanted.title, terms.facts)
    occurrence = Occurrence(
        SOURCE,
        ref,
        wanted.resident_id,
        happening,
        community_id=wanted.community_id,
        operator_id=wanted.operator_id,
    )
    record_event(work, occurrence)


def untell_rulebook(work: Work, ref: str, reason: str) -> None:
    """Let it count no more. Nothing happens where it was never told."""
    void_event(work, SOURCE, next_ref(work, SOURCE, ref), reason)


def _number(points: int, unit: int) -> int | Decimal:
    return points if unit == 1 else Decimal(points) / unit


def _check_level(case: Case, ladder: str, level: str) -> None:
    needed = case.plan.rank_of(ladder, level, 0)
    if needed == 0 or case.fact(f"level.{ladder}") < needed:
        rungs = {
            each.id: each.title for named in case.plan.rulebook.ladder if named.id == ladder for each in named.level
        }
        raise LevelTooLow(level=rungs.get(level, level))


def _refusal_of(work: Work, refusal: Refusal, wanted: Wanted) -> RuleError:
    if refusal.code == "not_offered":
        return RedemptionNotOffered()
    if refusal.code == "points_insufficient":
        return short_of_points(work, wanted.resident_id, wanted.points, read_spendable(work, wanted.resident_id))
    of_code: dict[str, type[RuleError]] = {
        "suspended": RedemptionSuspended,
        "outside_window": RedemptionWindowClosed,
        "limit_reached": RedemptionLimitReached,
        "below_minimum": RedemptionOutOfBounds,
        "price_out_of_bounds": RedemptionOutOfBounds,
        "part_out_of_bounds": RedemptionOutOfBounds,
    }
    return of_code.get(refusal.code, RedemptionNotEligible)(sentence=refusal.sentence)
