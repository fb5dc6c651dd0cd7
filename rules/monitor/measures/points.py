"""Points: what came in, and what went out. The points book alone.

A posting between a resident's lots and one of the accounts that all share (a *till*: pool, redeemed, breakage) changes
what is `outstanding`; one between lots of residents (a hold, a transfer) doesn't. So, of any days and as of any moment,

    issued - redeemed - expired - taken back = change of what is outstanding

and each side can be drilled down to its postings. What is given back of a redemption, or of points taken by hand, is
counted against it on the day on which it is given back.

A transaction is counted on the day, and known from the moment, that its id carries (`rules.monitor.ticks`). Nothing of a
day that is over is recorded later.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    case,
    func,
    literal_column,
    select,
)

from models.ledger import AccountKind, Posting, Txn, TxnKind
from models.monitor import Slice
from rules.errors import InBoth
from rules.monitor.days import TOWN
from rules.monitor.definitions import Better, Facts, Family, Kind, Measure, Unit
from rules.monitor.measures.parts import (
    IS_IN,
    IS_OUT,
    NONE,
    POINTS_BOOK,
    is_the_till,
    operator_of,
    tills,
    word,
)
from rules.monitor.ticks import day_of_id, is_known_of_period
from rules.rights.merging import REASON as MERGING

_of_its_txn = and_(Txn.town_id == Posting.town_id, Txn.id == Posting.txn_id)


def _counted(condition: ColumnElement[bool], signed: Any) -> ColumnElement[int]:
    return case((condition, signed), else_=NONE)


def _moved() -> Facts:
    till = tills(AccountKind.POOL, AccountKind.REDEEMED, AccountKind.BREAKAGE)
    out = case((IS_OUT, Posting.amount), else_=-Posting.amount)
    is_redeemed = till.c.kind == word(AccountKind.REDEEMED)
    return (
        select(
            Posting.txn_id.label("id"),
            day_of_id(Posting.txn_id).label("day"),
            Txn.community_id.label("territory_id"),
            Txn.scene.label("scene"),
            case((is_redeemed, operator_of(till.c)), else_=Txn.operator_id).label("operator_id"),
            func.coalesce(Txn.rule_id, Txn.reason).label("detail"),
            _counted(and_(till.c.kind == word(AccountKind.POOL), IS_IN), Posting.amount).label("issued"),
            _counted(and_(till.c.kind == word(AccountKind.POOL), IS_OUT), Posting.amount).label("taken_back"),
            _counted(is_redeemed, out).label("redeemed"),
            _counted(till.c.kind == word(AccountKind.BREAKAGE), out).label("expired"),
        )
        .select_from(Posting)
        .join(till, is_the_till(till.c))
        # Always there; PostgreSQL leaves it out where nothing of it is asked for, and else reads those of the period alone.
        .outerjoin(Txn, and_(_of_its_txn, is_known_of_period(Txn.id)))
        .where(Posting.town_id == TOWN, is_known_of_period(Posting.txn_id))
    )


def _transferred() -> Facts:
    return (
        select(
            Posting.txn_id.label("id"),
            day_of_id(Posting.txn_id).label("day"),
            Txn.community_id.label("territory_id"),
            Txn.scene.label("scene"),
            Txn.operator_id.label("operator_id"),
            Txn.reason.label("detail"),
            case((Txn.kind == word(TxnKind.REVERSE), -Posting.amount), else_=Posting.amount).label("transferred"),
        )
        .select_from(Txn)
        .join(Posting, and_(Posting.town_id == Txn.town_id, Posting.txn_id == Txn.id))
        .where(
            Txn.town_id == TOWN,
            is_known_of_period(Txn.id),
            Txn.kind.in_([word(TxnKind.TRANSFER), word(TxnKind.REVERSE)]),
            Txn.book_id == POINTS_BOOK,
            Txn.reason != literal_column(f"'{MERGING}'", String),
            IS_IN,
            IS_OUT,
            Posting.town_id == TOWN,
            is_known_of_period(Posting.txn_id),
        )
    )


# --- the families and their measures ------------------------------------------------------------------------------------

_moves = Family("points.moves", "transaction", _moved(), ("issued", "taken_back", "redeemed", "expired"), grows=True)
_transfers = Family("points.transfers", "transaction", _transferred(), ("transferred",))
_ALL, _SCENE, _OPERATOR, _DETAIL = Slice.ALL, Slice.SCENE, Slice.OPERATOR, Slice.DETAIL

MEASURES = (
    Measure(
        "points.issued",
        InBoth("发放积分", "Points issued"),
        InBoth(
            "从积分池进入居民钱包的积分：活动奖励、批量发放和手工增加。记在入账当日；地点为活动所在社区，明细为积分规则（没有规则的为事由）。"
            "之后冲正的不从这里减去，见“收回积分”。",
            "Points that went from a budget into residents' wallets: awards, imports and points given by hand, on the "
            "day on which they were recorded. The place is that of the activity; the detail is the rule, or the reason "
            "where there is none. What is reversed later isn't taken off here: see points taken back.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _moves,
        "issued",
        slices=frozenset({_ALL, _SCENE, _OPERATOR, _DETAIL}),
    ),
    Measure(
        "points.redeemed",
        InBoth("兑换积分", "Points redeemed"),
        InBoth(
            "居民花掉的积分：兑换、捐赠、付费预订，以及逾期未领而不退回的。退回的在退回当日扣减。"
            "地点为奖品、公益项目或活动所在地（不是居民住处），运营方为收到积分的一方；冻结未结清的不算。",
            "Points that residents spent: on rewards, donations, priced places, and what wasn't picked up and isn't "
            "given back. What is given back is counted against it on that day. The place is that of the reward, cause or "
            "activity, not the resident's home; the operator is who received them. What is only held isn't counted.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _moves,
        "redeemed",
        slices=frozenset({_ALL, _SCENE, _OPERATOR}),
        better=Better.MORE,
    ),
    Measure(
        "points.expired",
        InBoth("失效积分", "Points expired"),
        InBoth(
            "到期失效、账号注销作废和手工扣减的积分，记在入账当日（到期积分由次日凌晨的任务入账）。"
            "到期的没有地点，只计入全街道。明细为事由。",
            "Points that lapsed, were forfeited when an account was erased, or were taken by hand, on the day on which "
            "that was recorded (what lapses is booked by the next night's run). What lapses has no place and counts for the "
            "whole town alone. The detail is the reason.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _moves,
        "expired",
        slices=frozenset({_ALL, _DETAIL}),
        better=Better.LESS,
    ),
    Measure(
        "points.taken_back",
        InBoth("收回积分", "Points taken back"),
        InBoth(
            "发放后又冲正、退回原积分池的积分，记在冲正当日。",
            "Points that had been issued and were reversed: they went back to the budget that they came from, on the day of "
            "the reversal.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _moves,
        "taken_back",
        slices=frozenset({_ALL, _SCENE, _OPERATOR}),
        better=Better.LESS,
    ),
    Measure(
        "points.transferred",
        InBoth("转赠积分", "Points given on"),
        InBoth(
            "居民之间转赠的积分，冲正的扣减。两份档案合并时移动的积分不算。",
            "Points that residents gave to one another, less what was reversed. What moves when two records of one "
            "person are joined isn't counted.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _transfers,
        "transferred",
    ),
)
