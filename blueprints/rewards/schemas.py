"""Rewards and what is redeemed, as residents see them and as staff write them."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from blueprints.edge.fields import Day, Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.uploads.schemas import PictureView
from models.rewards import EndedBy, RedemptionStatus, RewardKind, RewardStatus
from rules.residents.ages import AGE_MAX
from rules.rewards.limits import PERIODS

PRICE_MAX = 1_000_000
FEN_MAX = 100_000_000
STOCK_MAX = 1_000_000
QUANTITY_MAX = 99
REVISION_MAX = 1_000_000_000
TITLE_MAX = 80
TEXT_MAX = 2_000
REASON_MAX = 200
WORD_MAX = 64
PICTURES_MAX = 9
CODE_MAX = 32
HOUR = r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z"


def _integer(least: int, most: int, description: str = "", **more: Any) -> fields.Integer:
    about = {"metadata": {"description": description}} if description else {}
    return fields.Integer(strict=True, validate=validate.Range(min=least, max=most), **about, **more)


def _hour(**more: Any) -> fields.String:
    return fields.String(validate=validate.Regexp(HOUR), metadata={"description": '"09:00", local time.'}, **more)


class LimitForEachPerson(Arguments):
    """How many pieces one person may have in a part of the calendar."""

    per = fields.String(required=True, validate=validate.OneOf([each.value for each in PERIODS]))
    quantity = _integer(1, 1_000, required=True)


class RewardChange(Arguments):
    """What is to be changed; what isn't named stays."""

    title = Words(length_min=1, length_max=TITLE_MAX)
    description = Words(length_max=TEXT_MAX)
    kind = fields.Enum(RewardKind, by_value=True)
    item = Words(length_max=WORD_MAX, metadata={"description": "A word by which the rulebook may name it."})
    upload_ids = fields.List(Id(), validate=validate.Length(max=PICTURES_MAX))
    pick_up_at = Words(length_max=REASON_MAX, metadata={"description": "Where it is handed out."})
    latitude = fields.Float(allow_none=True, validate=validate.Range(min=-90, max=90))
    longitude = fields.Float(allow_none=True, validate=validate.Range(min=-180, max=180))
    price = _integer(1, PRICE_MAX, "Points for one piece, in the smallest unit.")
    fee = _integer(0, FEN_MAX, "Fen of money for one piece, paid at the counter.")
    worth = _integer(0, FEN_MAX, "What one piece is worth, in fen.", allow_none=True)
    quantity_max = _integer(1, QUANTITY_MAX, "Pieces in one redemption.")
    limits = fields.List(fields.Nested(LimitForEachPerson), validate=validate.Length(max=len(PERIODS)))
    offered_from = Moment(allow_none=True)
    offered_until = Moment(allow_none=True)
    weekdays = fields.List(_integer(1, 7, "1 is Monday."), allow_none=True, validate=validate.Length(max=7))
    month_days = fields.List(_integer(1, 31), allow_none=True, validate=validate.Length(max=31))
    opens_at = _hour(allow_none=True)
    closes_at = _hour(allow_none=True)
    eligible_territory_id = Id(allow_none=True, metadata={"description": "Only for residents of this place."})
    age_min = _integer(0, AGE_MAX, allow_none=True)
    age_max = _integer(0, AGE_MAX, allow_none=True)
    ladder = Words(length_max=WORD_MAX, allow_none=True, metadata={"description": "A ladder of the rulebook."})
    level = Words(length_max=WORD_MAX, allow_none=True, metadata={"description": "The level that is needed."})


class RewardRequest(RewardChange):
    """A reward; what isn't said doesn't limit it."""

    title = Words(length_min=1, length_max=TITLE_MAX, required=True)
    description = Words(length_max=TEXT_MAX, load_default="")
    kind = fields.Enum(RewardKind, by_value=True, required=True)
    operator_id = Id(load_default=None, metadata={"description": "The merchant; null: the community's own."})
    territory_id = Id(required=True, metadata={"description": "Where it belongs: whose staff look after it."})
    item = Words(length_max=WORD_MAX, load_default="")
    upload_ids = fields.List(Id(), validate=validate.Length(max=PICTURES_MAX), load_default=list)
    pick_up_at = Words(length_max=REASON_MAX, load_default="")
    latitude = fields.Float(load_default=None, validate=validate.Range(min=-90, max=90), allow_none=True)
    longitude = fields.Float(load_default=None, validate=validate.Range(min=-180, max=180), allow_none=True)
    price = _integer(1, PRICE_MAX, "Points for one piece, in the smallest unit.", required=True)
    fee = _integer(0, FEN_MAX, "Fen of money for one piece, paid at the counter.", load_default=0)
    worth = _integer(0, FEN_MAX, "What one piece is worth, in fen.", load_default=None, allow_none=True)
    stock = _integer(0, STOCK_MAX, "Pieces; null: it never runs out.", load_default=None, allow_none=True)
    quantity_max = _integer(1, QUANTITY_MAX, "Pieces in one redemption.", load_default=1)
    limits = fields.List(
        fields.Nested(LimitForEachPerson), validate=validate.Length(max=len(PERIODS)), load_default=list
    )
    offered_from = Moment(load_default=None, allow_none=True)
    offered_until = Moment(load_default=None, allow_none=True)
    weekdays = fields.List(
        _integer(1, 7, "1 is Monday."), allow_none=True, validate=validate.Length(max=7), load_default=None
    )
    month_days = fields.List(_integer(1, 31), allow_none=True, validate=validate.Length(max=31), load_default=None)
    opens_at = _hour(load_default=None, allow_none=True)
    closes_at = _hour(load_default=None, allow_none=True)
    eligible_territory_id = Id(load_default=None, allow_none=True)
    age_min = _integer(0, AGE_MAX, load_default=None, allow_none=True)
    age_max = _integer(0, AGE_MAX, load_default=None, allow_none=True)
    ladder = Words(length_max=WORD_MAX, load_default=None, allow_none=True)
    level = Words(length_max=WORD_MAX, load_default=None, allow_none=True)


class RewardArguments(PageArguments):
    """What to look for on the shelf."""

    cursor = cursor_of("rewards")
    q = Words(length_max=WORD_MAX, load_default=None, metadata={"description": "In the title or the merchant's name."})
    kind = fields.Enum(RewardKind, by_value=True, load_default=None)
    operator_id = Id(load_default=None)
    community_id = Id(load_default=None, metadata={"description": "What belongs to this place, or below it."})
    price_max = fields.Integer(
        load_default=None,
        validate=validate.Range(min=1, max=PRICE_MAX),
        metadata={"description": "Points for one piece, at most."},
    )
    available = fields.Boolean(load_default=False, metadata={"description": "Only what isn't sold out or over."})


class ManagedRewardArguments(PageArguments):
    """Which rewards that I look after."""

    cursor = cursor_of("managed_rewards")
    status = fields.Enum(RewardStatus, by_value=True, load_default=None)
    operator_id = Id(load_default=None)


class RewardDecision(Arguments):
    """Publish it, or send it back, and why."""

    publish = fields.Boolean(required=True)
    note = Words(length_max=REASON_MAX, load_default="", metadata={"description": "The merchant reads it."})
    revision = _integer(
        0, REVISION_MAX, "Of the reward that I saw; refused if it says something else by now.", load_default=None
    )


class WithdrawalRequest(Arguments):
    """Why it goes off the shelf."""

    reason = Words(
        length_min=1, length_max=REASON_MAX, required=True, metadata={"description": "Kept as the reward's note."}
    )


class StockRequest(Arguments):
    """How many pieces come, or with a minus go, and why."""

    change = _integer(-STOCK_MAX, STOCK_MAX, "Pieces.", required=True)
    reason = Words(length_min=1, length_max=REASON_MAX, required=True)


class StockArguments(PageArguments):
    """A page of a stock's corrections."""

    cursor = cursor_of("stock_changes")


class RedemptionRequest(Arguments):
    """How many, and for whom."""

    quantity = _integer(1, QUANTITY_MAX, "Pieces.", load_default=1)
    resident_id = Id(load_default=None, metadata={"description": "For whom, where it isn't for me."})
    price = _integer(1, PRICE_MAX, "What I saw; refused if one piece costs something else now.", load_default=None)


class MyRedemptionArguments(PageArguments):
    """Which redemptions."""

    cursor = cursor_of("redemptions")
    status = fields.Enum(RedemptionStatus, by_value=True, load_default=None)
    resident_id = Id(load_default=None, metadata={"description": "Somebody whose proxy I am."})


class HandOutArguments(PageArguments):
    """What is to be handed out."""

    cursor = cursor_of("redemptions_to_hand_out")
    status = fields.Enum(RedemptionStatus, by_value=True, load_default=None)
    reward_id = Id(load_default=None)
    operator_id = Id(load_default=None)


class FulfilmentRequest(Arguments):
    """Whether the fee was paid, where there is one."""

    fee_paid = fields.Boolean(load_default=False)


class RefundRequest(Arguments):
    """Why the points are given back."""

    reason = Words(
        length_min=1, length_max=REASON_MAX, required=True, metadata={"description": "The resident reads it."}
    )
    is_out_of_stock = fields.Boolean(
        load_default=False, metadata={"description": "The pieces aren't there: they leave the stock."}
    )


class SubstituteRequest(Arguments):
    """What is offered instead."""

    reward_id = Id(required=True, metadata={"description": "Of the same merchant, and costs no more."})
    reason = Words(length_min=1, length_max=REASON_MAX, required=True)


class SubstituteAnswer(Arguments):
    """Take it, or get the points back."""

    accept = fields.Boolean(required=True, metadata={"description": "false: the points come back."})


class SettlementArguments(Arguments):
    """Which merchant and which days, both included; this month until today if not given."""

    operator_id = Id(load_default=None)
    from_ = Day(data_key="from", load_default=None)
    to = Day(load_default=None)


class RewardView(Fast):
    """A reward on the shelf."""

    id = Id(required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    kind = fields.Enum(RewardKind, by_value=True, required=True)
    operator_id = Id(required=True, allow_none=True, metadata={"description": "null: the community's own."})
    operator = fields.String(required=True, allow_none=True)
    territory_id = Id(required=True)
    place = fields.String(required=True)
    pick_up_at = fields.String(required=True)
    latitude = fields.Float(required=True, allow_none=True)
    longitude = fields.Float(required=True, allow_none=True)
    price = fields.Integer(required=True, metadata={"description": "Points for one piece."})
    fee = fields.Integer(required=True, metadata={"description": "Fen for one piece, paid at the counter."})
    worth = fields.Integer(required=True, allow_none=True)
    left = fields.Integer(required=True, allow_none=True, metadata={"description": "null: it never runs out."})
    quantity_max = fields.Integer(required=True)
    limits = fields.List(
        fields.Raw(), required=True, metadata={"description": "Pieces for each person: per, quantity."}
    )
    offered_from = Moment(required=True, allow_none=True)
    offered_until = Moment(required=True, allow_none=True)
    when = fields.String(required=True, allow_none=True, metadata={"description": "When, in words; null: always."})
    eligible_place = fields.String(required=True, allow_none=True)
    age_min = fields.Integer(required=True, allow_none=True)
    age_max = fields.Integer(required=True, allow_none=True)
    ladder = fields.String(required=True, allow_none=True)
    level = fields.String(required=True, allow_none=True)
    pictures = fields.List(fields.Nested(PictureView), required=True)


class RewardDetailView(RewardView):
    """A reward with what the rulebook in force says of redeeming it."""

    rule = fields.String(
        required=True, allow_none=True, metadata={"description": "In words; null: points can't be spent on it."}
    )
    pick_up_days = fields.Integer(required=True, allow_none=True, metadata={"description": "null: no limit of days."})
    is_refundable = fields.Boolean(
        required=True, allow_none=True, metadata={"description": "I may cancel it until I pick it up."}
    )


class ManagedRewardView(RewardView):
    """A reward as those see it who look after it."""

    status = fields.Enum(RewardStatus, by_value=True, required=True)
    item = fields.String(required=True)
    stock = fields.Integer(required=True, allow_none=True)
    taken = fields.Integer(required=True)
    weekdays = fields.List(fields.Integer(), required=True, allow_none=True)
    month_days = fields.List(fields.Integer(), required=True, allow_none=True)
    opens_at = fields.String(required=True, allow_none=True)
    closes_at = fields.String(required=True, allow_none=True)
    created_at = Moment(required=True)
    revision = fields.Integer(required=True, metadata={"description": "How often what it says was changed."})
    decided_at = Moment(required=True, allow_none=True)
    decision_note = fields.String(required=True, allow_none=True)


class StockChangeView(Fast):
    """A correction of a stock."""

    id = Id(required=True)
    change = fields.Integer(required=True, allow_none=True)
    stock_after = fields.Integer(required=True, allow_none=True)
    taken = fields.Integer(required=True)
    reason = fields.String(required=True)
    staff = fields.String(required=True, allow_none=True)
    changed_at = Moment(required=True)


class _RedeemedView(Fast):
    id = Id(required=True)
    reward_id = Id(required=True)
    title = fields.String(required=True)
    kind = fields.Enum(RewardKind, by_value=True, required=True)
    operator_id = Id(required=True, allow_none=True)
    operator = fields.String(required=True, allow_none=True)
    resident_id = Id(required=True)
    quantity = fields.Integer(required=True)
    price = fields.Integer(required=True, metadata={"description": "Points for all pieces."})
    fee = fields.Integer(required=True, metadata={"description": "Fen for all pieces, paid at the counter."})
    fee_paid = fields.Boolean(required=True)
    status = fields.Enum(RedemptionStatus, by_value=True, required=True)
    redeemed_at = Moment(required=True)
    pick_up_until = Moment(required=True)
    fulfilled_at = Moment(required=True, allow_none=True)
    ended_at = Moment(required=True, allow_none=True)
    ended_by = fields.Enum(EndedBy, by_value=True, required=True, allow_none=True)
    ended_reason = fields.String(required=True, allow_none=True)
    points_returned = fields.Integer(required=True)
    substitute_id = Id(
        required=True, allow_none=True, metadata={"description": "Offered instead; waits for an answer."}
    )
    substitute = fields.String(required=True, allow_none=True)
    substitute_reason = fields.String(required=True, allow_none=True)
    replaced_id = Id(required=True, allow_none=True, metadata={"description": "What was redeemed at first."})


class RedemptionView(_RedeemedView):
    """Something that I redeemed."""

    code = fields.String(required=True, metadata={"description": "Shown at the counter; keep it to yourself."})
    pick_up_at = fields.String(required=True)
    is_refundable = fields.Boolean(required=True, metadata={"description": "I may cancel it until I pick it up."})
    returns_when_lapsed = fields.Boolean(required=True)
    is_substitutable = fields.Boolean(required=True)


class StaffRedemptionView(_RedeemedView):
    """Something to hand out, as staff see it: without its code."""

    resident = fields.String(required=True, metadata={"description": "Masked."})


class FulfilmentView(Fast):
    """What is handed out."""

    id = Id(required=True)
    reward_id = Id(required=True)
    title = fields.String(required=True)
    quantity = fields.Integer(required=True)
    points = fields.Integer(required=True)
    fee = fields.Integer(required=True, metadata={"description": "Fen."})
    fee_paid = fields.Boolean(required=True)
    resident = fields.String(required=True, metadata={"description": "Masked."})
    fulfilled_at = Moment(required=True)
    replayed = fields.Boolean(
        required=True, metadata={"description": "It was handed out before; hand out nothing now."}
    )


class RewardSettlementLineView(Fast):
    """What was handed out of one reward."""

    operator_id = Id(required=True, allow_none=True)
    operator = fields.String(required=True, allow_none=True)
    reward_id = Id(required=True)
    title = fields.String(required=True)
    redemptions = fields.Integer(required=True)
    pieces = fields.Integer(required=True)
    points = fields.Integer(required=True)
    fees = fields.Integer(required=True, metadata={"description": "Fen."})
    forfeited = fields.Integer(required=True, metadata={"description": "Points of what nobody picked up."})


class RewardSettlementView(Fast):
    """What was handed out in a period."""

    first_day = fields.Date(required=True)
    last_day = fields.Date(required=True)
    lines = fields.List(fields.Nested(RewardSettlementLineView), required=True)
