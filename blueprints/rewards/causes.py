"""Causes that residents give points to."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import ANYONE, RESIDENT
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.rewards.cause_schemas import (
    CauseArguments,
    CauseCancellation,
    CauseChange,
    CauseRequest,
    CauseView,
    DonationArguments,
    DonationRequest,
    DonationView,
    DonorArguments,
    DonorView,
)
from blueprints.rewards.routes import OF_THE_RULEBOOK
from models.residents import Role
from rules.points.budgets import OperatorUnknown
from rules.residents.identity import Forbidden
from rules.rewards import causes, refusals
from rules.rewards.donating import donate, list_donations
from rules.rewards.pictures import with_its_pictures, with_pictures
from rules.territory.tree import PlaceUnknown
from rules.uploads.refusals import CLAIMING
from rules.work import Work

room = Room("causes", __name__, description="Causes that points are given to")

Wish = dict[str, Any]


def _shown(work: Work, cause: Any) -> Any:
    return with_its_pictures(work, house().keys, cause)


@room.does("GET", "/causes", needs=ANYONE, shared=True)
@room.arguments(CauseArguments, location="query")
@room.response(200, page_of(CauseView, "causes"))
def list_open_causes(work: Work, wish: Wish) -> Any:
    """Causes that take donations, the newest first."""
    page = causes.list_causes(work, wish["cursor"], wish["limit"], all_of_them=wish["all"])
    return with_pictures(work, house().keys, page)


@room.does("GET", "/causes/<id:cause_id>", needs=ANYONE, shared=True, refuses=[refusals.CauseUnknown])
@room.response(200, CauseView)
def show_cause(work: Work, cause_id: int) -> Any:
    """A cause, and how far it is."""
    return _shown(work, causes.read_cause(work, cause_id))


@room.does("GET", "/causes/<id:cause_id>/donors", needs=ANYONE, shared=True, refuses=[refusals.CauseUnknown])
@room.arguments(DonorArguments, location="query")
@room.response(200, page_of(DonorView, "donors"))
def list_donors_of_cause(work: Work, wish: Wish, cause_id: int) -> Any:
    """Who gave, the latest first; by name those who wanted it."""
    return causes.list_donors(work, cause_id, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/causes/<id:cause_id>/donations",
    needs=RESIDENT,
    once=True,
    refuses=[*OF_THE_RULEBOOK, refusals.CauseClosed, refusals.CauseUnknown, refusals.ResidentSuspended],
)
@room.arguments(DonationRequest)
@room.response(201, DonationView)
def donate_points(work: Work, wish: Wish, cause_id: int) -> Any:
    """Give points of mine; they come back only if the cause is cancelled."""
    return donate(work, cause_id, wish["amount"], is_named=wish["is_named"])


@room.does("GET", "/me/donations", needs=RESIDENT)
@room.arguments(DonationArguments, location="query")
@room.response(200, page_of(DonationView, "donations"))
def list_my_donations(work: Work, wish: Wish) -> Any:
    """What I gave, the latest first."""
    return list_donations(work, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/causes",
    needs=Role.MANAGER,
    once=True,
    refuses=[Forbidden, OperatorUnknown, PlaceUnknown, refusals.CauseEndsEarly, *CLAIMING],
)
@room.arguments(CauseRequest)
@room.response(201, CauseView)
def open_cause(work: Work, wish: Wish) -> Any:
    """Open a cause, as a manager of its place."""
    operator_id, territory_id = wish.pop("operator_id"), wish.pop("territory_id")
    return _shown(work, causes.create_cause(work, wish, operator_id, territory_id))


@room.does(
    "PATCH",
    "/causes/<id:cause_id>",
    needs=Role.MANAGER,
    refuses=[Forbidden, refusals.CauseClosed, refusals.CauseEndsEarly, refusals.CauseUnknown, *CLAIMING],
)
@room.arguments(CauseChange)
@room.response(200, CauseView)
def change_cause(work: Work, wish: Wish, cause_id: int) -> Any:
    """Change the words, the target or the end of a cause."""
    return _shown(work, causes.change_cause(work, cause_id, wish))


@room.does(
    "POST",
    "/causes/<id:cause_id>/cancellation",
    needs=Role.MANAGER,
    once=True,
    refuses=[Forbidden, refusals.CauseClosed, refusals.CauseUnknown],
)
@room.arguments(CauseCancellation)
@room.response(200, CauseView)
def cancel_cause(work: Work, wish: Wish, cause_id: int) -> Any:
    """Call a cause off; all that was given is given back within ten minutes or so."""
    return _shown(work, causes.cancel_cause(work, cause_id, wish["reason"]))
