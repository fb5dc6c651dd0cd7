"""Signing in, staying signed in, signing out, and who I am."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import RESIDENT, SIGNED_IN, SIGNING_IN
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.residents.schemas import (
    ProfileRequest,
    ProfileView,
    RefreshRequest,
    SignedInView,
    StaffSignIn,
    WechatSignIn,
)
from rules.residents import lock_out, passwords, profile, records, sign_in
from rules.territory import PlaceUnknown
from rules.work import VISITOR, Transactions, Work
from wechat import refusals as wechat

room = Room("residents", __name__, description="Signing in, and who I am")

Wish = dict[str, Any]


@room.does_in_steps(
    "POST",
    "/auth/wechat",
    refuses=[
        sign_in.ConsentOutdated,
        wechat.CodeInvalid,
        wechat.Misconfigured,
        wechat.UserBlocked,
        wechat.WechatBusy,
    ],
)
@room.arguments(WechatSignIn)
@room.response(200, SignedInView)
def sign_in_with_wechat(transactions: Transactions, town_id: int, wish: Wish) -> sign_in.SignedIn:
    """Sign in as a resident with a code from wx.login; the first time registers the resident."""
    openid = house().wechat.openid_of(wish["code"])
    said = wish["consent_version"], wish["device"]
    return transactions.write(town_id, VISITOR, sign_in.sign_in_resident, house().keys, openid, *said)


@room.does_in_steps("POST", "/auth/staff", refuses=[passwords.CredentialsWrong, lock_out.TooManyAttempts])
@room.arguments(StaffSignIn)
@room.response(200, SignedInView)
def sign_in_as_staff(transactions: Transactions, town_id: int, wish: Wish) -> sign_in.SignedIn:
    """Sign in as staff with name and password."""
    keys, username = house().keys, wish["username"]
    credentials = transactions.write(town_id, VISITOR, sign_in.begin_staff_sign_in, keys, username)
    staff_id = passwords.check_password(credentials, wish["password"])
    return transactions.write(credentials.town_id, VISITOR, sign_in.sign_in_staff, keys, username, staff_id)


@room.does("POST", "/auth/refresh", needs=SIGNING_IN, refuses=[sign_in.RefreshInvalid, sign_in.RefreshReused])
@room.arguments(RefreshRequest)
@room.response(200, SignedInView)
def refresh(work: Work, wish: Wish) -> sign_in.SignedIn:
    """Exchange a refresh token for a new pair; each refresh token is good once."""
    return sign_in.refresh(work, house().keys, wish["refresh_token"])


@room.does("POST", "/auth/sign-out", needs=SIGNED_IN)
@room.response(204)
def sign_out(work: Work) -> None:
    """Sign out everywhere, at once."""
    sign_in.sign_out(work)


@room.does("GET", "/me", needs=RESIDENT)
@room.response(200, ProfileView)
def show_me(work: Work) -> Any:
    """Who I am."""
    return profile.show_profile(work, house().keys)


@room.does(
    "PATCH",
    "/me",
    needs=RESIDENT,
    refuses=[profile.BirthdayFixed, records.BirthdayImplausible, records.GuardianNeeded, PlaceUnknown],
)
@room.arguments(ProfileRequest)
@room.response(200, ProfileView)
def change_me(work: Work, wish: Wish) -> Any:
    """Say what I am called, when I was born, where I live."""
    return profile.change_profile(work, house().keys, wish)
