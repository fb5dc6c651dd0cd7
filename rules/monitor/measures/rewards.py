"""The points mall: redemptions from making to picking up, what waits at the counters, stock, and donations.

A redemption belongs to the merchant and the place of its reward. Where the merchant gave something else instead, what is
made and what waits is counted at the reward that was redeemed first, what is over at the one that was given; merchant
and points are the same. A redemption that is over stays as it ended.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    and_,
    case,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    union_all,
)

from models.monitor import Slice
from models.rewards import Cause, Donation, Redemption, RedemptionStatus, Reward, StockChange
from rules.errors import InBoth
from rules.local_time import day_of
from rules.monitor.days import AS_OF, BEGIN, END, TOWN, first_id, last_day, seconds_between
from rules.monitor.definitions import Better, Facts, Family, Kind, Measure, Unit

_one, _zero = literal_column("1", BigInteger), literal_column("0", BigInteger)
_no_scene = cast(null(), String).label("scene")
#: The moment at which a state is looked at.
_moment = case((END < AS_OF, END), else_=AS_OF)
_first_reward_id = func.coalesce(Redemption.replaced_id, Redemption.reward_id)


def _of_reward(reward_id: Any, day: ColumnElement[Any]) -> tuple[ColumnElement[Any], ...]:
    """What every fact about a redemption says."""
    return (
        Redemption.id.label("id"),
        day.label("day"),
        Reward.territory_id.label("territory_id"),
        _no_scene,
        Reward.operator_id.label("operator_id"),
        cast(reward_id, String).label("detail"),
    )


def _is_reward(reward_id: Any) -> ColumnElement[bool]:
    return and_(Reward.town_id == Redemption.town_id, Reward.id == reward_id)


def _happened(moment: Any) -> tuple[ColumnElement[bool], ...]:
    return moment >= BEGIN, moment < END, moment <= AS_OF


_made = (
    select(
        *_of_reward(_first_reward_id, day_of(Redemption.redeemed_at)),
        _one.label("made"),
        Redemption.quantity.label("pieces"),
    )
    .select_from(Redemption)
    .join(Reward, _is_reward(_first_reward_id))
    .where(Redemption.town_id == TOWN, Redemption.id >= first_id(BEGIN), *_happened(Redemption.redeemed_at))
)


def _over(moment: Any) -> Facts:
    """Redemptions that were handed out or ended, on the day of the moment."""

    def counted(status: RedemptionStatus, counter: Any) -> ColumnElement[int]:
        return case((Redemption.status == status, counter), else_=_zero)

    return (
        select(
            *_of_reward(Redemption.reward_id, day_of(moment)),
            _one.label("settled"),
            counted(RedemptionStatus.FULFILLED, _one).label("fulfilled"),
            counted(RedemptionStatus.FULFILLED, Redemption.price).label("points"),
            counted(RedemptionStatus.LAPSED, _one).label("lapsed"),
            counted(RedemptionStatus.CANCELLED, _one).label("cancelled"),
        )
        .select_from(Redemption)
        .join(Reward, _is_reward(Redemption.reward_id))
        .where(Redemption.town_id == TOWN, moment.is_not(None), *_happened(moment))
    )


def _waiting(*conditions: ColumnElement[bool]) -> Facts:
    return (
        select(
            *_of_reward(_first_reward_id, last_day(END)),
            _one.label("waiting"),
            seconds_between(Redemption.redeemed_at, _moment).label("seconds"),
        )
        .select_from(Redemption)
        .join(Reward, _is_reward(_first_reward_id))
        .where(Redemption.town_id == TOWN, Redemption.redeemed_at < END, Redemption.redeemed_at <= AS_OF, *conditions)
    )


def _together(*parts: Facts) -> Facts:
    rows = union_all(*parts).subquery("fact")
    return select(*rows.c)


_settled = _together(_over(Redemption.fulfilled_at), _over(Redemption.ended_at))
#: Those that wait now, and those that did at the moment and have been settled since: each by its own index.
_waited = _together(
    _waiting(Redemption.status == literal_column("'ready'")),  # as the partial index has it
    _waiting(Redemption.fulfilled_at >= _moment, (Redemption.fulfilled_at >= END) | (Redemption.fulfilled_at > AS_OF)),
    _waiting(Redemption.ended_at >= _moment, (Redemption.ended_at >= END) | (Redemption.ended_at > AS_OF)),
)


def _donations(moment: Any, *counters: ColumnElement[int]) -> Facts:
    return (
        select(
            Donation.id.label("id"),
            day_of(moment).label("day"),
            Cause.territory_id.label("territory_id"),
            _no_scene,
            Cause.operator_id.label("operator_id"),
            cast(Donation.cause_id, String).label("detail"),
            *counters,
        )
        .select_from(Donation)
        .join(Cause, and_(Cause.town_id == Donation.town_id, Cause.id == Donation.cause_id))
        .where(Donation.town_id == TOWN, moment.is_not(None), *_happened(moment))
    )


_donated = _donations(Donation.donated_at, _one.label("donations"), Donation.amount.label("points")).where(
    Donation.id >= first_id(BEGIN)
)
_returned = _donations(Donation.returned_at, Donation.amount.label("points"))


# --- stock --------------------------------------------------------------------------------------------------------------


def _by_then(moment: Any) -> ColumnElement[bool]:
    return and_(moment < END, moment <= AS_OF)


def _left_in_stock() -> Facts:
    """By the corrections of the stock, which are kept, and the redemptions that hadn't come back."""
    stock = (
        select(StockChange.stock_after)
        .where(
            StockChange.town_id == Reward.town_id, StockChange.reward_id == Reward.id, _by_then(StockChange.changed_at)
        )
        .order_by(StockChange.id.desc())
        .limit(1)
        .correlate(Reward)
        .scalar_subquery()
    )
    was_replaced = or_(Redemption.replaced_at.is_(None), _by_then(Redemption.replaced_at))
    of_reward = case((was_replaced, Redemption.reward_id), else_=Redemption.replaced_id)
    taken = (
        select(of_reward.label("reward_id"), cast(func.sum(Redemption.quantity), BigInteger).label("pieces"))
        .where(
            Redemption.town_id == TOWN,
            _by_then(Redemption.redeemed_at),
            or_(Redemption.ended_at.is_(None), ~_by_then(Redemption.ended_at)),
        )
        .group_by(of_reward)
        .subquery("taken")
    )
    stocked = (
        select(Reward.id, Reward.territory_id, Reward.operator_id, stock.label("stock"))
        .where(Reward.town_id == TOWN)
        .subquery("stocked")
    )
    return (
        select(
            stocked.c.id,
            last_day(END).label("day"),
            stocked.c.territory_id,
            _no_scene,
            stocked.c.operator_id,
            cast(stocked.c.id, String).label("detail"),
            (stocked.c.stock - func.coalesce(taken.c.pieces, 0)).label("left"),
        )
        .outerjoin(taken, taken.c.reward_id == stocked.c.id)
        .where(stocked.c.stock.is_not(None))
    )


# --- the families and their measures ------------------------------------------------------------------------------------

_making = Family("redemptions.made", "redemption", _made, ("made", "pieces"))
_ending = Family(
    "redemptions.settled", "redemption", _settled, ("settled", "fulfilled", "points", "lapsed", "cancelled")
)
_waits = Family("redemptions.waiting", "redemption", _waited, ("waiting", "seconds"), is_state=True)
_stock = Family("rewards.stock", "reward", _left_in_stock(), ("left",), is_state=True)
_giving = Family("donations.made", "donation", _donated, ("donations", "points"))
_giving_back = Family("donations.returned", "donation", _returned, ("points",))

_BY_OPERATOR = frozenset({Slice.ALL, Slice.OPERATOR})
_BY_ALL = _BY_OPERATOR | {Slice.DETAIL}

MEASURES = (
    Measure(
        "redemptions.made",
        InBoth("兑换单", "Redemptions made"),
        InBoth(
            "居民提交的兑换，记在提交当日，之后取消或逾期的也算。明细为奖品。",
            "Redemptions that residents made, on that day, whatever became of them. The detail is the reward.",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        _making,
        "made",
        slices=_BY_ALL,
        better=Better.MORE,
    ),
    Measure(
        "redemptions.pieces",
        InBoth("兑换件数", "Pieces redeemed"),
        InBoth("上述兑换的件数。", "How many pieces those redemptions were for."),
        Unit.ITEMS,
        Kind.FLOW,
        _making,
        "pieces",
        slices=_BY_ALL,
        better=Better.MORE,
    ),
    Measure(
        "redemptions.settled",
        InBoth("已了结的兑换", "Redemptions settled"),
        InBoth(
            "当日领取、取消、退回或逾期的兑换，不论何时提交。",
            "Redemptions that were handed out, cancelled, given back or lapsed on that day, whenever they were made.",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        _ending,
        "settled",
        slices=_BY_ALL,
    ),
    Measure(
        "redemptions.fulfilled",
        InBoth("已领取", "Redemptions handed out"),
        InBoth("当日核销领取的兑换。", "Redemptions that were handed out on that day."),
        Unit.ITEMS,
        Kind.FLOW,
        _ending,
        "fulfilled",
        slices=_BY_ALL,
        better=Better.MORE,
    ),
    Measure(
        "redemptions.fulfilled_points",
        InBoth("领取所用积分", "Points of what was handed out"),
        InBoth("当日领取的兑换所用的积分。", "Points that were spent on what was handed out on that day."),
        Unit.POINTS,
        Kind.FLOW,
        _ending,
        "points",
        slices=_BY_ALL,
        better=Better.MORE,
    ),
    Measure(
        "redemptions.lapsed",
        InBoth("逾期未领", "Redemptions lapsed"),
        InBoth("当日因逾期未领而终止的兑换。", "Redemptions that ended on that day because nobody came in time."),
        Unit.ITEMS,
        Kind.FLOW,
        _ending,
        "lapsed",
        slices=_BY_ALL,
        better=Better.LESS,
    ),
    Measure(
        "redemptions.cancelled",
        InBoth("已取消的兑换", "Redemptions cancelled"),
        InBoth(
            "当日由居民取消或由商家退回的兑换。",
            "Redemptions that residents cancelled, or merchants gave back, on that day.",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        _ending,
        "cancelled",
        slices=_BY_ALL,
        better=Better.LESS,
    ),
    Measure(
        "redemptions.fulfilled_share",
        InBoth("领取率", "Share handed out"),
        InBoth(
            "期内了结的兑换中已领取的比例。",
            "Of the redemptions settled within the period, those that were handed out.",
        ),
        Unit.SHARE,
        Kind.RATIO,
        over=("redemptions.fulfilled", "redemptions.settled"),
        slices=_BY_ALL,
        better=Better.MORE,
    ),
    Measure(
        "redemptions.waiting",
        InBoth("待领取", "Waiting pick-ups"),
        InBoth("已提交、尚未领取也未终止的兑换。", "Redemptions that were made and neither handed out nor ended."),
        Unit.ITEMS,
        Kind.STATE,
        _waits,
        "waiting",
        slices=_BY_ALL,
    ),
    Measure(
        "redemptions.waiting_seconds",
        InBoth("待领取的等待时间合计", "Seconds waited for pick-up"),
        InBoth(
            "所有待领取的兑换自提交以来的时间之和。",
            "How long all waiting pick-ups together have waited since they were made.",
        ),
        Unit.SECONDS,
        Kind.STATE,
        _waits,
        "seconds",
        slices=_BY_ALL,
        better=Better.LESS,
    ),
    Measure(
        "redemptions.waiting_age",
        InBoth("待领取的平均等待时间", "Mean age of waiting pick-ups"),
        InBoth("待领取的兑换平均已等待多久。", "How long waiting pick-ups have waited in the mean."),
        Unit.SECONDS,
        Kind.RATIO,
        over=("redemptions.waiting_seconds", "redemptions.waiting"),
        slices=_BY_ALL,
        better=Better.LESS,
    ),
    Measure(
        "rewards.stock_left",
        InBoth("奖品库存", "Stock left"),
        InBoth(
            "有库存上限的奖品（含草稿和已下架的）尚余的件数：库存减去已兑换而未退回的。明细为奖品。",
            "Pieces left of rewards that can run out, drafts and withdrawn ones included: the stock less what was redeemed "
            "and hasn't come back. The detail is the reward.",
        ),
        Unit.ITEMS,
        Kind.STATE,
        _stock,
        "left",
        slices=_BY_ALL,
    ),
    Measure(
        "donations.made",
        InBoth("捐赠次数", "Donations"),
        InBoth(
            "居民向公益项目捐赠积分的次数。明细为项目。",
            "How often residents gave points to a cause. The detail is the cause.",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        _giving,
        "donations",
        slices=_BY_ALL,
        better=Better.MORE,
    ),
    Measure(
        "donations.points",
        InBoth("捐赠积分", "Points donated"),
        InBoth(
            "居民捐赠的积分；项目取消后退回的不从这里减去。",
            "Points that residents gave to causes. What came back from a cancelled one isn't taken off here.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _giving,
        "points",
        slices=_BY_ALL,
        better=Better.MORE,
    ),
    Measure(
        "donations.returned_points",
        InBoth("退回的捐赠积分", "Donated points returned"),
        InBoth(
            "公益项目取消后当日退回的积分。",
            "Points that were given back on that day because their cause was cancelled.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _giving_back,
        "points",
        slices=_BY_ALL,
        better=Better.LESS,
    ),
)
