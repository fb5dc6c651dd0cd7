"""The points mall for residents: what is on the shelf, redeeming, my codes, giving up."""

from __future__ import annotations

from typing import Any

from flask import Response

from blueprints.checkins.pictures import qr_svg
from blueprints.edge.caller import ANYONE, RESIDENT, SIGNED_IN
from blueprints.edge.files import SVG, file_response, send_file
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.rewards.schemas import (
    MyRedemptionArguments,
    RedemptionRequest,
    RedemptionView,
    RewardArguments,
    RewardDetailView,
    RewardView,
    SubstituteAnswer,
)
from rules.hosting import HostedByGovernment
from rules.ledger.spending import PointsInsufficient
from rules.points.people import ResidentUnknown
from rules.residents.acting import NotTheirProxy, ResidentNeeded
from rules.residents.identity import Forbidden
from rules.rewards import refusals
from rules.rewards.ending import cancel_redemption
from rules.rewards.looking import list_redemptions, show_redemption
from rules.rewards.page import show_reward_page
from rules.rewards.pictures import with_pictures
from rules.rewards.redeeming import RedemptionWish, redeem
from rules.rewards.shelf import ShelfSearch, list_rewards
from rules.rewards.substituting import answer_substitute
from rules.work import Work

room = Room("rewards", __name__, description="The points mall: rewards and redemptions")

Wish = dict[str, Any]
#: What the rulebook may have against points that are spent.
OF_THE_RULEBOOK = (
    PointsInsufficient,
    refusals.LevelTooLow,
    refusals.RedemptionLimitReached,
    refusals.RedemptionNotEligible,
    refusals.RedemptionNotOffered,
    refusals.RedemptionOutOfBounds,
    refusals.RedemptionSuspended,
    refusals.RedemptionWindowClosed,
)
OF_A_REDEMPTION = (refusals.RedemptionLapsed, refusals.RedemptionOver, refusals.RedemptionUnknown)


@room.does("GET", "/rewards", needs=ANYONE, shared=True)
@room.arguments(RewardArguments, location="query")
@room.response(200, page_of(RewardView, "rewards"))
def list_rewards_on_offer(work: Work, wish: Wish) -> Any:
    """What points are given for, the newest first."""
    after, limit = wish.pop("cursor"), wish.pop("limit")
    return with_pictures(work, house().keys, list_rewards(work, ShelfSearch(**wish), after, limit))


@room.does(
    "GET", "/rewards/<id:reward_id>", needs=ANYONE, shared=True, refuses=[HostedByGovernment, refusals.RewardUnknown]
)
@room.response(200, RewardDetailView)
def show_one_reward(work: Work, reward_id: int) -> Any:
    """A reward, and what the rulebook says of redeeming it."""
    return show_reward_page(work, house().keys, reward_id)


@room.does(
    "POST",
    "/rewards/<id:reward_id>/redemptions",
    needs=SIGNED_IN,
    once=True,
    refuses=[
        *OF_THE_RULEBOOK,
        Forbidden,
        HostedByGovernment,
        NotTheirProxy,
        ResidentNeeded,
        ResidentUnknown,
        refusals.PersonalLimitReached,
        refusals.ResidentSuspended,
        refusals.RewardAgeUnfit,
        refusals.RewardClosed,
        refusals.RewardNotOffered,
        refusals.RewardOutsideTerritory,
        refusals.RewardPriceChanged,
        refusals.RewardSoldOut,
        refusals.RewardUnknown,
        refusals.TooManyPieces,
    ],
)
@room.arguments(RedemptionRequest)
@room.response(201, RedemptionView)
def redeem_reward(work: Work, wish: Wish, reward_id: int) -> Any:
    """Redeem for me, for whom I act, or as staff for a resident: points are held until it is picked up."""
    return redeem(work, reward_id, RedemptionWish(**wish))


@room.does("GET", "/me/redemptions", needs=RESIDENT, refuses=[NotTheirProxy])
@room.arguments(MyRedemptionArguments, location="query")
@room.response(200, page_of(RedemptionView, "redemptions"))
def list_my_redemptions(work: Work, wish: Wish) -> Any:
    """What I redeemed, the latest first, with the codes to show."""
    return list_redemptions(work, wish["resident_id"], wish["status"], wish["cursor"], wish["limit"])


@room.does("GET", "/me/redemptions/<id:redemption_id>", needs=RESIDENT, refuses=[refusals.RedemptionUnknown])
@room.response(200, RedemptionView)
def show_my_redemption(work: Work, redemption_id: int) -> Any:
    """Something that I redeemed."""
    return show_redemption(work, redemption_id)


@room.does("GET", "/me/redemptions/<id:redemption_id>/code.svg", needs=RESIDENT, refuses=[refusals.RedemptionUnknown])
@file_response(room, SVG)
def draw_my_redemption_code(work: Work, redemption_id: int) -> Response:
    """Its code as a picture for the merchant's scanner."""
    code = show_redemption(work, redemption_id).code
    return send_file(qr_svg(code).encode(), SVG, name="兑换码.svg")


@room.does(
    "DELETE",
    "/redemptions/<id:redemption_id>",
    needs=RESIDENT,
    once=True,
    refuses=[*OF_A_REDEMPTION, PointsInsufficient, refusals.NotRefundable],
)
@room.response(200, RedemptionView)
def cancel_my_redemption(work: Work, redemption_id: int) -> Any:
    """Give it up and get the points back, where the rulebook of that day lets me."""
    return cancel_redemption(work, redemption_id)


@room.does(
    "POST",
    "/redemptions/<id:redemption_id>/substitution/answer",
    needs=RESIDENT,
    once=True,
    refuses=[
        *OF_A_REDEMPTION,
        PointsInsufficient,
        refusals.NoSubstituteOffered,
        refusals.PersonalLimitReached,
        refusals.ResidentSuspended,
        refusals.RewardAgeUnfit,
        refusals.RewardOutsideTerritory,
        refusals.RewardSoldOut,
        refusals.RewardUnknown,
        refusals.SubstituteUnfit,
    ],
)
@room.arguments(SubstituteAnswer)
@room.response(200, RedemptionView)
def answer_about_substitute(work: Work, wish: Wish, redemption_id: int) -> Any:
    """Take what the merchant offers instead, or get my points back."""
    return answer_substitute(work, redemption_id, accept=wish["accept"])
