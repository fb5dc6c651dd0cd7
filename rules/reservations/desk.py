"""What the town's rulebook says of a booking: who may, how many, for how much, until when it can be given back.

One adapter for places in sessions and for rooms. It takes the resident's turn at the standing first, so two bookings of
one resident are judged one after the other and a quota can't be passed by asking twice at once. What it decides about
deadlines is stored with the booking and never worked out again: a rule that changes later doesn't move them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.territory import Scene
from rules.clock import ZONE, local_day
from rules.errors import RuleError
from rules.ledger.reading import read_spendable
from rules.points.events import Occurrence, record_event
from rules.points.holders import standing_of
from rules.points.voiding import next_ref, void_event
from rules.reservations.paying import short_of_points
from rules.reservations.refusals import (
    NotEligible,
    NotOpenYet,
    PartyTooLarge,
    QuotaReached,
    SessionClosed,
)
from rules.rulebook.booking import (
    BookingVerdict,
    Refusal,
    deadline_of,
    judge_booking,
    judge_cancelling_quota,
    released_at,
)
from rules.rulebook.decision import Happening
from rules.rulebook.plan import BOOKED, CANCELLED
from rules.rulebook.standings import take_turn
from rules.rulebook.versions import InForce, rulebook_in_force
from rules.work import Work
from rules.working_days import working_days

NO_SHOW = "no_show"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to book."""

    resident_id: int
    title: str
    starts_at: datetime
    facts: Mapping[str, Any]  #: what the rulebook's conditions may ask for
    community_id: int | None = None
    operator_id: int | None = None
    scene: Scene | None = None
    buys_priority: bool = False  #: points may be taken for a priority that costs some


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a booking is made."""

    priority: int = 0  #: 0 comes first
    price: int = 0  #: in the smallest unit of the points book
    cancellable_until: datetime | None = None  #: None: the rulebook sets no deadline
    release_at: datetime | None = None  #: None: the place is kept until the end


#: Where no rulebook speaks of bookings.
NO_TERMS = Terms()


def terms_of(work: Work, wanted: Wanted) -> Terms:
    """The rulebook's terms for a booking that is made now.

    Raises NotEligible, NotOpenYet, SessionClosed, PartyTooLarge, QuotaReached, PointsInsufficient.
    """
    in_force = rulebook_in_force(work, work.now)
    if in_force is None or not in_force.rulebook.booking:
        return NO_TERMS
    plan = in_force.plan
    take_turn(work, wanted.resident_id)
    wish = Happening(BOOKED, work.now, wanted.title, wanted.facts)
    standing = standing_of(work, plan, wanted.resident_id, wish)
    is_working_day = working_days(work, local_day(wanted.starts_at))
    verdict = judge_booking(plan, wish, standing, wanted.starts_at, is_working_day, buys_priority=wanted.buys_priority)
    refusals = [refusal for refusal in verdict.refusals if not _is_the_sessions_own(verdict, refusal)]
    if refusals:
        raise _refusal_of(work, verdict, refusals[0], wanted.resident_id)
    if verdict.booking is None:
        return NO_TERMS
    until = deadline_of(verdict.booking.cancel, wanted.starts_at, is_working_day) if verdict.booking.cancel else None
    never = verdict.booking.cancel is not None and until is None
    return Terms(
        verdict.priority,
        verdict.price,
        work.now if never else until,
        released_at(plan, wish, standing, wanted.starts_at),
    )


def check_cancelling_quota(work: Work, wanted: Wanted) -> None:
    """Raises QuotaReached when the resident has cancelled as often as the rulebook allows."""
    in_force = _that_speaks_of(work, CANCELLED)
    if in_force is None:
        return
    take_turn(work, wanted.resident_id)
    wish = Happening(CANCELLED, work.now, wanted.title, wanted.facts)
    refusal = judge_cancelling_quota(in_force.plan, wish, standing_of(work, in_force.plan, wanted.resident_id, wish))
    if refusal is not None:
        raise QuotaReached(sentence=refusal.sentence)


def tell_rulebook(work: Work, kind: str, source: str, ref: str, wanted: Wanted) -> None:
    """Record that something was booked, cancelled or not used, where the rulebook in force speaks of it.

    `ref`: names it within the source; one that became void is recorded anew. Raises EventRecorded when it is on record.
    """
    if _that_speaks_of(work, kind) is None:
        return
    ref = next_ref(work, source, ref)
    happening = Happening(kind, work.now, wanted.title, wanted.facts)
    record_event(
        work,
        Occurrence(
            source,
            ref,
            wanted.resident_id,
            happening,
            community_id=wanted.community_id,
            operator_id=wanted.operator_id,
            scene=wanted.scene,
        ),
    )


def forget_wishes(work: Work, source: str, wishes: Mapping[int, int], reason: str) -> None:
    """Let bookings count no more that came to nothing without anybody's fault. `wishes`: of whom, by the booking's id.

    All turns are taken first, in one order. Nothing happens where the rulebook doesn't speak of bookings.
    """
    if not wishes or _that_speaks_of(work, BOOKED) is None:
        return
    for resident_id in sorted(set(wishes.values())):
        take_turn(work, resident_id)
    for booking_id in sorted(wishes):
        void_event(work, source, next_ref(work, source, f"{booking_id}:{BOOKED}"), reason)


def _that_speaks_of(work: Work, kind: str) -> InForce | None:
    in_force = rulebook_in_force(work, work.now)
    return in_force if in_force is not None and kind in in_force.plan.kinds else None


def _is_the_sessions_own(verdict: BookingVerdict, refusal: Refusal) -> bool:
    """Where the rulebook says nothing of when sign-up closes, what is booked says it by itself."""
    return refusal.code == "closed" and verdict.booking is not None and verdict.booking.closes is None


def _refusal_of(work: Work, verdict: BookingVerdict, refusal: Refusal, resident_id: int) -> RuleError:
    if refusal.code == "not_open_yet":
        return NotOpenYet(opens=refusal.sentence.removesuffix(" 开始预约"))
    if refusal.code == "closed":
        return SessionClosed()
    if refusal.code == "party_too_large":
        most = verdict.booking.party_max if verdict.booking is not None else None
        return PartyTooLarge(party_size_max=most) if most else NotEligible(sentence=refusal.sentence)
    if refusal.code == "quota_reached":
        return QuotaReached(sentence=refusal.sentence)
    if refusal.code == "points_insufficient":
        return short_of_points(work, resident_id, verdict.price, read_spendable(work, resident_id))
    return NotEligible(sentence=refusal.sentence)


def local_weekday(moment: datetime) -> str:
    """The day of the week as the rulebook's conditions say it: "monday"."""
    return WEEKDAYS[moment.astimezone(ZONE).weekday()]
