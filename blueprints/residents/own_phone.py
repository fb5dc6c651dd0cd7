"""My number by WeChat, and joining the record that the desk made of me."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import RESIDENT
from blueprints.edge.house import house
from blueprints.edge.room import Parts, Room
from blueprints.edge.schemas import page_of
from blueprints.residents.own_phone_schemas import (
    MergingAnswerView,
    MergingArguments,
    MergingRefusalRequest,
    MergingRequest,
    MergingView,
    PhoneRequest,
    PhoneView,
)
from models.residents import Role
from rules.residents import own_phone
from rules.residents.identity import Forbidden
from rules.residents.merging_offers import MergingDeclined
from rules.residents.phones import PhoneInvalid
from rules.rights import merging
from rules.work import Work
from wechat import refusals as wechat

room = Room("own_phone", __name__, description="My number")

Wish = dict[str, Any]


@room.does_in_parts(
    "POST",
    "/me/phone",
    needs=RESIDENT,
    refuses=[
        MergingDeclined,
        PhoneInvalid,
        own_phone.PhoneOfAnotherAccount,
        wechat.Misconfigured,
        wechat.PhoneCodeInvalid,
        wechat.WechatBusy,
    ],
)
@room.arguments(PhoneRequest)
@room.response(200, PhoneView)
def give_phone(parts: Parts, wish: Wish) -> Any:
    """Keep my number as WeChat knows it, in place of the one before; that is the consent to it."""
    number = house().wechat.phone_of(wish["code"])
    return parts.write(own_phone.give_phone, house().keys, number)


@room.does("DELETE", "/me/phone", needs=RESIDENT, refuses=[own_phone.PhoneNone])
@room.response(204)
def take_phone_away(work: Work) -> None:
    """Keep no number of mine any more."""
    own_phone.take_phone_away(work, house().keys)


@room.does("POST", "/me/merging", needs=RESIDENT, refuses=[merging.MergingUnknown, merging.NameDiffers])
@room.arguments(MergingRequest)
@room.response(200, MergingAnswerView)
def confirm_merging(work: Work, wish: Wish) -> Any:
    """Say who I am, so that the desk's record with my number becomes mine."""
    return merging.confirm_merging(work, house().keys, wish["name"])


@room.does("GET", "/mergings", needs=Role.MANAGER)
@room.arguments(MergingArguments, location="query")
@room.response(200, page_of(MergingView, "mergings"))
def list_mergings(work: Work, wish: Wish) -> Any:
    """Accounts that ask to be joined with a record of a place that I manage."""
    return merging.list_mergings(work, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/mergings/<id:merging_id>/approval",
    needs=Role.MANAGER,
    once=True,
    refuses=[Forbidden, merging.MergingBlocked, merging.MergingDecided, merging.MergingUnknown],
)
@room.response(204)
def approve_merging(work: Work, merging_id: int) -> None:
    """Join both: the points move by a transfer, the WeChat becomes the record's."""
    merging.approve_merging(work, house().keys, merging_id)


@room.does(
    "POST",
    "/mergings/<id:merging_id>/rejection",
    needs=Role.MANAGER,
    refuses=[Forbidden, merging.MergingDecided, merging.MergingUnknown],
)
@room.arguments(MergingRefusalRequest)
@room.response(204)
def decline_merging(work: Work, wish: Wish, merging_id: int) -> None:
    """Leave both as they are."""
    merging.decline_merging(work, merging_id, wish["reason"])
