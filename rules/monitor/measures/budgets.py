"""Budgets of points: what was put into them, what of it was awarded, and what is left. The points book alone.

A budget is a pool, the town's or an operator's. What is put into it comes from the mint; what is awarded goes from it into
residents' wallets. What is taken out again, or comes back by a reversal, is counted against it, so that of any days

    granted - used = change of what is left

A transaction is counted on the day, and known from the moment, that its id carries (`rules.monitor.ticks`).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, and_, case, cast, func, or_, select, union_all
from sqlalchemy.orm import aliased

from models.ledger import Account, AccountKind, Posting
from models.monitor import Slice
from rules.errors import InBoth
from rules.monitor.days import TOWN
from rules.monitor.definitions import Facts, Family, Kind, Measure, Unit
from rules.monitor.measures.parts import (
    DAY_OF_STATE,
    IS_IN,
    IS_OUT,
    NONE,
    POINTS_BOOK,
    fact,
    is_the_till,
    operator_of,
    tills,
    word,
)
from rules.monitor.ticks import day_of_id, is_known_of_period, is_later


def _budgets() -> Facts:
    """What was put into budgets from the mint, and what of them was awarded; what came back is counted against it."""
    pool, mint = tills(AccountKind.POOL), tills(AccountKind.MINT).alias("mint")
    is_used = and_(Posting.town_id == TOWN, is_known_of_period(Posting.txn_id))
    used = (
        select(
            Posting.txn_id.label("id"),
            operator_of(pool.c).label("operator_id"),
            NONE.label("granted"),
            case((IS_IN, Posting.amount), else_=-Posting.amount).label("used"),
        )
        .select_from(Posting)
        .join(pool, is_the_till(pool.c))
        .where(is_used)
    )
    is_grant = mint.c.id == Posting.src_account_id
    granted = (
        select(
            Posting.txn_id.label("id"),
            operator_of(pool.c).label("operator_id"),
            case((is_grant, Posting.amount), else_=-Posting.amount).label("granted"),
            NONE.label("used"),
        )
        .select_from(Posting)
        .join(mint, or_(is_grant, mint.c.id == Posting.dst_account_id))
        .join(pool, pool.c.id == case((is_grant, Posting.dst_account_id), else_=Posting.src_account_id))
        .where(is_used, ~IS_IN, ~IS_OUT)
    )
    rows = union_all(used, granted).subquery("budget")
    return select(
        *fact(
            rows.c.id,
            day_of_id(rows.c.id),
            operator_id=rows.c.operator_id,
            granted=rows.c.granted,
            used=rows.c.used,
        )
    )


def _left_in_pools() -> Facts:
    pool = aliased(Account, name="pool")
    in_town = and_(Posting.town_id == TOWN, is_later(Posting.txn_id))
    came_in = select(Posting.dst_account_id.label("account_id"), Posting.amount.label("amount")).where(in_town)
    went_out = select(Posting.src_account_id.label("account_id"), (-Posting.amount).label("amount")).where(in_town)
    side = union_all(came_in, went_out).subquery("side")
    since = (
        select(side.c.account_id, cast(func.sum(side.c.amount), BigInteger).label("amount"))
        .group_by(side.c.account_id)
        .subquery("since")
    )
    return (
        select(
            *fact(
                pool.id,
                DAY_OF_STATE,
                operator_id=operator_of(pool),
                left=pool.credited - pool.debited - func.coalesce(since.c.amount, 0),
            )
        )
        .outerjoin(since, since.c.account_id == pool.id)
        .where(pool.town_id == TOWN, pool.book_id == POINTS_BOOK, pool.kind == word(AccountKind.POOL))
    )


def _change_in_pools() -> Facts:
    rows = _budgets().subquery("budget_move")
    names = ("id", "day", "territory_id", "scene", "operator_id", "detail")
    return select(*(rows.c[name] for name in names), (rows.c.granted - rows.c.used).label("left"))


_budget_moves = Family("points.budgets", "transaction", _budgets(), ("granted", "used"))
_budget_left = Family(
    "points.budget_left",
    "account",
    _left_in_pools(),
    ("left",),
    is_state=True,
    changes=_change_in_pools(),
    changes_have_places=True,  # it has none
)

_SLICES = frozenset({Slice.ALL, Slice.OPERATOR})

MEASURES = (
    Measure(
        "points.budget_granted",
        InBoth("预算下达", "Budgets granted"),
        InBoth(
            "拨入积分池的积分，收回的扣减。运营方为积分池所属，0 为街道。",
            "Points put into budgets, less what was taken out again. The operator is the budget's owner; 0 is the town.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _budget_moves,
        "granted",
        slices=_SLICES,
    ),
    Measure(
        "points.budget_used",
        InBoth("预算使用", "Budgets used"),
        InBoth(
            "积分池发出的积分，冲正退回的扣减。运营方为积分池所属，0 为街道。",
            "Points awarded out of budgets, less what reversals gave back. The operator is the budget's owner; 0 is the "
            "town.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _budget_moves,
        "used",
        slices=_SLICES,
    ),
    Measure(
        "points.budget_left",
        InBoth("预算余额", "Budgets left"),
        InBoth(
            "积分池里尚可发放的积分。运营方为积分池所属，0 为街道。",
            "What is left in budgets to be awarded. The operator is the budget's owner; 0 is the town.",
        ),
        Unit.POINTS,
        Kind.STATE,
        _budget_left,
        "left",
        slices=_SLICES,
    ),
)
