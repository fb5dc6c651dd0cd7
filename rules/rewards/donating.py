"""Giving points to a cause, and giving them back where it is cancelled.

What is given is spent at once, at the cause's operator or the town. A cause's total is raised only while it takes
donations, by the statement that locks its row, so none comes after its end or its cancellation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace

from sqlalchemy import BigInteger, and_, bindparam, cast, func, insert, select, update

from models.rewards import Cause, CauseStatus, Donation
from rules.clock import local_day
from rules.errors import RuleError
from rules.ids import ID_MAX
from rules.ledger.reversing import reverse
from rules.ledger.spending import PointsInsufficient, Spending, spend
from rules.ledger.transactions import Cause as Why
from rules.ledger.transactions import in_book
from rules.paging import Page, Position, cut
from rules.reservations.paying import short_of_points
from rules.residents.acting import resident_for
from rules.residents.ages import CONSENT_YEARS, age_on
from rules.rewards.causes import read_cause
from rules.rewards.redeeming import require_active
from rules.rewards.refusals import CauseClosed
from rules.rewards.telling import tell_donation_returned
from rules.rewards.terms import SOURCE, Wanted, tell_rulebook, terms_of, untell_rulebook
from rules.rulebook.redeeming import grade_of
from rules.rulebook.sections.redemption import For
from rules.rulebook.standings import take_turn
from rules.rulebook.versions import rulebook_in_force
from rules.work import SYSTEM, Transactions, Work

AT_A_TIME = 200

_raise = (
    update(Cause)
    .where(
        Cause.town_id == bindparam("town"),
        Cause.id == bindparam("cause"),
        Cause.status == CauseStatus.OPEN,
        Cause.until > bindparam("at"),
    )
    .values(given=Cause.given + bindparam("amount"))
    .returning(Cause.given)
    .execution_options(synchronize_session=False)
)
_lower = (
    update(Cause)
    .where(Cause.town_id == bindparam("town"), Cause.id == bindparam("cause"))
    .values(given=Cause.given - bindparam("amount"))
    .execution_options(synchronize_session=False)
)
_lock = (
    select(Cause.id)
    .where(Cause.town_id == bindparam("town"), Cause.id == bindparam("cause"))
    .with_for_update(key_share=True)
)
_insert = insert(Donation)
_return = (
    update(Donation)
    .where(
        Donation.town_id == bindparam("town"),
        Donation.id == bindparam("donation"),
        Donation.returned_at.is_(None),
    )
    .values(returned_at=bindparam("at"))
    .returning(Donation.id)
    .execution_options(synchronize_session=False)
)
DONATIONS = (
    select(*Donation.__table__.c, Cause.title, Cause.operator_id, Cause.territory_id)
    .select_from(Donation)
    .join(Cause, and_(Cause.town_id == Donation.town_id, Cause.id == Donation.cause_id))
    .where(Donation.town_id == bindparam("town"))
)
_one = DONATIONS.where(Donation.id == bindparam("donation"))
_mine = (
    DONATIONS.where(Donation.resident_id == bindparam("resident"), Donation.id < bindparam("before"))
    .order_by(Donation.id.desc())
    .limit(bindparam("limit"))
)
_to_return = (
    select(Donation.id)
    .join(Cause, and_(Cause.town_id == Donation.town_id, Cause.id == Donation.cause_id))
    .where(
        Donation.town_id == bindparam("town"),
        Donation.returned_at.is_(None),
        Cause.status == CauseStatus.CANCELLED,
    )
    .order_by(Cause.id, Donation.id)
    .limit(bindparam("limit"))
)
_total = select(cast(func.coalesce(func.sum(Donation.amount), 0), BigInteger)).where(
    Donation.town_id == bindparam("town"),
    Donation.resident_id == bindparam("resident"),
    Donation.returned_at.is_(None),
)


@dataclass(frozen=True, slots=True)
class GivingView:
    """How much a resident has given in all, and the title that goes with it."""

    given: int
    grade: str | None


def donate(work: Work, cause_id: int, amount: int, *, is_named: bool) -> SimpleNamespace:
    """Give points of the actor's to a cause. Nobody is shown a child's name, whatever the child says.

    Raises CauseUnknown, CauseClosed, ResidentSuspended, and what `rules.rewards.terms.terms_of` raises.
    """
    cause = read_cause(work, cause_id)
    resident_id = work.actor.id
    born_on = require_active(work, resident_id).born_on
    is_child = born_on is not None and age_on(born_on, local_day(work.now)) < CONSENT_YEARS
    asked = {"town": work.town_id, "cause": cause_id, "at": work.now, "amount": amount}
    if work.core.execute(_raise, asked).first() is None:
        raise CauseClosed(title=cause.title)
    wanted = Wanted(
        resident_id,
        For.DONATION,
        cause.title,
        amount,
        {"quantity": 1, "cause": cause.title},
        cause.territory_id,
        cause.operator_id,
    )
    terms = terms_of(work, wanted)
    donation_id = work.new_id()
    tell_rulebook(work, terms, wanted, str(donation_id))
    payments = []
    for book, part in sorted(terms.pays.items(), key=lambda each: each[0]):
        why = terms.cause(wanted, f"捐赠「{cause.title}」{part} 分", work.now)
        spending = Spending(resident_id, part, why, redeemer_id=cause.operator_id)
        try:
            spent = spend(in_book(work, book), f"{SOURCE}:{donation_id}:donation", spending)
        except PointsInsufficient as short:
            raise short_of_points(work, resident_id, part, short.facts["available"]) from None
        payments.append({"book": book, "txn_id": spent.txn_id, "amount": part})
    row = {"cause_id": cause_id, "resident_id": resident_id, "amount": amount, "payments": payments}
    named = {"is_named": is_named and not is_child, "donated_at": work.now}
    work.core.execute(_insert, {"town_id": work.town_id, "id": donation_id, **row, **named})
    return _graded(work, work.core.execute(_one, {"town": work.town_id, "donation": donation_id}).one())


def list_donations(work: Work, after: Position | None, limit: int) -> Page[SimpleNamespace]:
    """What the actor has given, the latest first."""
    asked = {
        "town": work.town_id,
        "resident": resident_for(work, None),
        "before": int(after[0]) if after else ID_MAX,
        "limit": limit + 1,
    }
    rows = work.core.execute(_mine, asked).all()
    giving = giving_of(work, work.actor.id)
    return cut([_with(row, giving) for row in rows], limit, lambda row: (row.id,))


def giving_of(work: Work, resident_id: int) -> GivingView:
    """How much somebody has given in all, with the title that the rulebook in force has for it."""
    given = int(work.core.execute(_total, {"town": work.town_id, "resident": resident_id}).scalar_one())
    in_force = rulebook_in_force(work, work.now)
    if in_force is None or given == 0:
        return GivingView(given, None)
    unit = in_force.plan.units[in_force.rulebook.main_currency.id]
    sections = [each for each in in_force.rulebook.redemption if each.grades]
    grades = [grade_of(each, Decimal(given) / unit) for each in sections]
    return GivingView(given, next((grade for grade in grades if grade is not None), None))


def return_donations(transactions: Transactions, town_id: int) -> tuple[int, int]:
    """Give back what was given to cancelled causes, each donation in a transaction of its own: how many, and how many
    were refused."""
    done, failed, seen = 0, 0, set[int]()

    def find(work: Work) -> Sequence[int]:
        # Those that are refused stay the first ones, so as many more are looked for.
        asked = {"town": work.town_id, "limit": AT_A_TIME + failed}
        return [row.id for row in work.core.execute(_to_return, asked)]

    while fresh := [id_ for id_ in transactions.read(town_id, SYSTEM, find) if id_ not in seen]:
        seen.update(fresh)
        for donation_id in fresh:
            try:
                done += transactions.write(town_id, SYSTEM, return_donation, donation_id)
            except RuleError:  # one that can't be dealt with doesn't keep the town's others waiting
                failed += 1
    return done, failed


def return_donation(work: Work, donation_id: int) -> bool:
    """Give a donation back; False when that was done before."""
    donation = work.core.execute(_one, {"town": work.town_id, "donation": donation_id}).one()
    work.core.execute(_lock, {"town": work.town_id, "cause": donation.cause_id}).all()
    if work.core.execute(_return, {"town": work.town_id, "donation": donation_id, "at": work.now}).first() is None:
        return False
    work.core.execute(_lower, {"town": work.town_id, "cause": donation.cause_id, "amount": donation.amount})
    take_turn(work, donation.resident_id)
    why = Why(
        SOURCE,
        f"「{donation.title}」已取消，退回捐赠的 {donation.amount} 分",
        work.now,
        community_id=donation.territory_id,
        operator_id=donation.operator_id,
    )
    for payment in donation.payments:
        reverse(in_book(work, payment["book"]), f"{SOURCE}:{donation_id}:return", payment["txn_id"], why)
    untell_rulebook(work, str(donation_id), f"「{donation.title}」已取消")
    tell_donation_returned(work, donation, donation.title)
    return True


def _graded(work: Work, row: object) -> SimpleNamespace:
    return _with(row, giving_of(work, work.actor.id))


def _with(row: object, giving: GivingView) -> SimpleNamespace:
    return SimpleNamespace(**row._mapping, given=giving.given, grade=giving.grade)  # type: ignore[attr-defined]
