"""The counter: codes are scanned, what was redeemed is handed out or given back, and settled with merchants."""

from __future__ import annotations

from typing import Any

from flask import Response

from blueprints.edge.caller import SIGNED_IN
from blueprints.edge.files import XLSX, file_response, send_file
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.rewards.schemas import (
    FulfilmentRequest,
    FulfilmentView,
    HandOutArguments,
    RefundRequest,
    RewardSettlementView,
    SettlementArguments,
    StaffRedemptionView,
    SubstituteRequest,
)
from blueprints.rewards.settlement_file import as_workbook
from rules.ledger.spending import PointsInsufficient
from rules.points.reports import PeriodInvalid
from rules.rewards import refusals
from rules.rewards.ending import refund_redemption
from rules.rewards.fulfilling import fulfil
from rules.rewards.looking import list_to_hand_out
from rules.rewards.settlement import settle_rewards
from rules.rewards.substituting import offer_substitute
from rules.work import Work

room = Room("redemptions", __name__, description="What was redeemed, at the counter")

Wish = dict[str, Any]


@room.does("GET", "/redemptions", needs=SIGNED_IN, refuses=[refusals.NoCounter])
@room.arguments(HandOutArguments, location="query")
@room.response(200, page_of(StaffRedemptionView, "redemptions_to_hand_out"))
def list_redemptions_to_hand_out(work: Work, wish: Wish) -> Any:
    """What is to be handed out, by the merchants that I act for and by the community where I serve."""
    after, limit = wish.pop("cursor"), wish.pop("limit")
    return list_to_hand_out(work, **wish, after=after, limit=limit)


@room.does(
    "POST",
    "/redemptions/<string:code>/fulfilment",
    needs=SIGNED_IN,
    refuses=[
        refusals.FeeUnpaid,
        refusals.NoCounter,
        refusals.RedemptionLapsed,
        refusals.RedemptionOver,
        refusals.RedemptionUnknown,
        refusals.TooManyWrongCodes,
    ],
)
@room.arguments(FulfilmentRequest)
@room.response(200, FulfilmentView)
def fulfil_redemption(work: Work, wish: Wish, code: str) -> Any:
    """Hand out what a code stands for, once: a second scan gets the same answer, marked `replayed`."""
    return fulfil(work, code, fee_paid=wish["fee_paid"])


@room.does(
    "POST",
    "/redemptions/<id:redemption_id>/refund",
    needs=SIGNED_IN,
    once=True,
    refuses=[PointsInsufficient, refusals.RedemptionLapsed, refusals.RedemptionOver, refusals.RedemptionUnknown],
)
@room.arguments(RefundRequest)
@room.response(200, StaffRedemptionView)
def refund_to_resident(work: Work, wish: Wish, redemption_id: int) -> Any:
    """Give the points back, as the merchant or a manager of the place."""
    return refund_redemption(work, redemption_id, wish["reason"], is_out_of_stock=wish["is_out_of_stock"])


@room.does(
    "POST",
    "/redemptions/<id:redemption_id>/substitution",
    needs=SIGNED_IN,
    once=True,
    refuses=[
        refusals.NotSubstitutable,
        refusals.RedemptionLapsed,
        refusals.RedemptionOver,
        refusals.RedemptionUnknown,
        refusals.RewardSoldOut,
        refusals.RewardUnknown,
        refusals.SubstituteUnfit,
    ],
)
@room.arguments(SubstituteRequest)
@room.response(200, StaffRedemptionView)
def offer_something_else(work: Work, wish: Wish, redemption_id: int) -> Any:
    """Offer something else of mine that costs no more, where the rulebook of that day lets me."""
    return offer_substitute(work, redemption_id, wish["reward_id"], wish["reason"])


@room.does("GET", "/rewards/settlement", needs=SIGNED_IN, refuses=[PeriodInvalid, refusals.NoCounter])
@room.arguments(SettlementArguments, location="query")
@room.response(200, RewardSettlementView)
def show_reward_settlement(work: Work, wish: Wish) -> Any:
    """What was handed out in a period: pieces, points, fees."""
    return settle_rewards(work, wish["operator_id"], wish["from_"], wish["to"])


@room.does("GET", "/rewards/settlement.xlsx", needs=SIGNED_IN, refuses=[PeriodInvalid, refusals.NoCounter])
@room.arguments(SettlementArguments, location="query")
@file_response(room, XLSX)
def download_reward_settlement(work: Work, wish: Wish) -> Response:
    """The same as an Excel workbook."""
    settled = settle_rewards(work, wish["operator_id"], wish["from_"], wish["to"])
    return send_file(as_workbook(settled), XLSX, name="积分商城结算.xlsx", inline=False)
