"""Who calls: the bearer token, the town, and whether the caller may use a route."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g, request

from blueprints.edge.house import house
from models.residents import Role
from rules.residents.identity import Forbidden, SignInRequired, identify
from rules.residents.tokens import Owner, TokenInvalid, read_access_token
from rules.territory import find_town
from rules.work import VISITOR, Actor, ActorKind, Work

#: Needs that are no role: anyone who is about to sign in (a token that is sent along isn't looked at: it may be the one
#: that has just expired); anyone; anyone who is signed in; a resident.
SIGNING_IN = "signing_in"
ANYONE = "visitor"
SIGNED_IN = "signed_in"
RESIDENT = "resident"
NEEDS = (SIGNING_IN, ANYONE, SIGNED_IN, RESIDENT, *Role)
OPEN_TO_ALL = (SIGNING_IN, ANYONE)


@dataclass(frozen=True, slots=True)
class Caller:
    """What the request says of its caller. Nothing of it is believed before `authorise`."""

    owner: Owner | None
    town_id: int


def read_caller(needs: str) -> Caller:
    """The caller of this request: the town of the token, else of `?town=`, else of the settings.

    Raises TokenInvalid, TokenExpired, SignInRequired, TownUnknown.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme and needs != SIGNING_IN:
        if scheme.lower() != "bearer" or not token.isascii():
            raise TokenInvalid
        owner = read_access_token(house().keys, token.strip())
        return Caller(owner, owner.town_id)
    if needs not in OPEN_TO_ALL:
        raise SignInRequired
    code = request.args.get("town", house().settings.town).replace("\0", "")
    return Caller(None, house().transactions.recall(("town", code), find_town, code))


def authorise(work: Work, caller: Caller, needs: str) -> Actor:
    """The actor, if it may use a route that needs this. Raises SignInRequired, TokenRevoked, Forbidden."""
    if caller.owner is None:
        if needs in OPEN_TO_ALL:
            return VISITOR
        raise SignInRequired
    actor = identify(work, caller.owner)
    g.actor_kind = actor.kind.value
    if needs in (ANYONE, SIGNED_IN):
        return actor
    if needs == RESIDENT:
        if actor.kind is ActorKind.RESIDENT:
            return actor
    elif actor.holds(Role(needs)):
        return actor
    raise Forbidden
