"""Points that residents give to each other: within a household, where the town's rulebook allows it.

A rulebook that allows more (relatives, anyone) is held to the household too: nothing here knows who else is related.

Who belongs to a household is what the residents' records say. Somebody who isn't family and somebody who doesn't exist
are answered alike, so nobody can find out here who lives in the town.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import bindparam, select
from sqlalchemy.orm import aliased

from models.residents import Resident
from rules.errors import Kind, RuleError
from rules.ledger.reading import read_spendable
from rules.ledger.transactions import Cause, Receipt
from rules.ledger.transferring import Transfer, transfer
from rules.points.holders import standing_of
from rules.residents.names import greeting
from rules.rulebook.decision import Happening
from rules.rulebook.plan import Plan
from rules.rulebook.sections.accounts import TransferWithin
from rules.rulebook.standing import NEVER, Changes
from rules.rulebook.standings import read_suspensions, save_changes, take_turn
from rules.rulebook.transferring import judge_transfer, uses_of
from rules.rulebook.versions import InForce, rulebook_in_force
from rules.work import Work


class TransferNotAllowed(RuleError):
    code = "points.transfer_not_allowed"
    kind = Kind.FORBIDDEN
    zh = "按现行积分规则，积分不能转赠。"
    en = "Under the rulebook in force points can't be given to others."


class NotFamily(RuleError):
    code = "points.not_family"
    kind = Kind.FORBIDDEN
    zh = "积分只能转赠给同一户的家人。"
    en = "Points can only be given to members of your own household."


class TransferRefused(RuleError):
    code = "points.transfer_refused"
    kind = Kind.CONFLICT
    zh = "按现行积分规则不能转赠：{reason}。"
    en = "The rulebook in force doesn't allow this: {reason}."


class TransferToSelf(RuleError):
    code = "points.transfer_to_self"
    kind = Kind.INVALID
    zh = "不能把积分转赠给自己。"
    en = "You can't give points to yourself."


@dataclass(frozen=True, slots=True)
class FamilyMember:
    """Somebody of the actor's household."""

    id: int
    name: str  #: masked


SOURCE = "transfer"
_me, _other = aliased(Resident), aliased(Resident)
_family = (
    select(_other.id, _other.name)
    .join(_me, (_me.town_id == _other.town_id) & (_me.household_id == _other.household_id) & (_me.id != _other.id))
    .where(_other.town_id == bindparam("town"), _me.town_id == bindparam("town"), _me.id == bindparam("me"))
    .order_by(_other.id)
)
_family_member = _family.where(_other.id == bindparam("other"))


def list_family(work: Work) -> Sequence[FamilyMember]:
    """The other members of the actor's household; nobody for who has none. A household has a handful."""
    rows = work.db.execute(_family, {"town": work.town_id, "me": work.actor.id})
    return [FamilyMember(row.id, greeting(row.name, row.id)) for row in rows]


def give_points(work: Work, to_resident_id: int, amount: int) -> Receipt:
    """Give `amount` of the actor's points, above 0, to a member of their household.

    The receipt's balance is what the actor may spend afterwards: points that have lapsed don't count, booked or not.

    The points keep their last good day. The ledger's key is a fresh id: the caller keeps the answer under the request's
    own key in the same transaction, so the same request moves points once. Raises TransferToSelf, TransferNotAllowed,
    NotFamily (also when there is no such resident), TransferRefused (a limit, a condition, a freeze), PointsInsufficient.
    """
    if to_resident_id == work.actor.id:
        raise TransferToSelf
    in_force = _rulebook_that_allows(work)
    if (
        work.db.execute(_family_member, {"town": work.town_id, "me": work.actor.id, "other": to_resident_id}).first()
        is None
    ):
        raise NotFamily
    _check_terms(work, in_force.plan, amount)
    cause = Cause(SOURCE, f"家人之间转赠 {amount} 分", work.now, rulebook_version_id=in_force.version_id)
    receipt = transfer(work, f"transfer:{work.new_id()}", Transfer(work.actor.id, to_resident_id, amount, cause))
    return replace(receipt, balance=read_spendable(work, work.actor.id))


def _check_terms(work: Work, plan: Plan, amount: int) -> None:
    """Hold a gift to the rulebook's conditions and limits, and count it. The standing's row is the turn of both."""
    terms = plan.rulebook.transfer
    is_counted = bool(terms.limits or terms.where or plan.freezes or plan.rulebook.penalty)
    if is_counted:
        take_turn(work, work.actor.id)
    wish = Happening(SOURCE, work.now)
    standing = standing_of(work, plan, work.actor.id, wish)
    main = plan.rulebook.main_currency.id
    standing.lots[main] = {NEVER: read_spendable(work, work.actor.id)}
    standing.suspended |= read_suspensions(work, work.actor.id)
    refusals = judge_transfer(plan, wish, standing, TransferWithin.HOUSEHOLD, main, amount)
    for refusal in refusals:
        if refusal.code != "points_insufficient":  # the ledger says so itself
            raise TransferRefused(reason=refusal.sentence)
    uses = uses_of(plan, wish, standing, amount)
    if not uses:
        return
    counters = {(use.name, use.bucket): use.count for use in uses}
    save_changes(work, plan, work.actor.id, Changes(counters=counters), ())


def _rulebook_that_allows(work: Work) -> InForce:
    in_force = rulebook_in_force(work, work.now)
    if in_force is None or in_force.rulebook.transfer.within is TransferWithin.NOBODY:
        raise TransferNotAllowed
    return in_force
