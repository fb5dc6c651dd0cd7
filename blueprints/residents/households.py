"""My household: who lives with me, who asks to, where I ask to."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import RESIDENT, SIGNED_IN
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.residents.household_schemas import (
    HouseholdAnswerRequest,
    HouseholdJoinRequest,
    HouseholdRequestArguments,
    HouseholdRequestView,
    HouseholdView,
    PrincipalOfHousehold,
)
from rules.residents import acting, households
from rules.residents.identity import Forbidden
from rules.territory import PlaceUnknown
from rules.work import Work

room = Room("households", __name__, description="Who lives together")

Wish = dict[str, Any]


@room.does("GET", "/me/household", needs=RESIDENT, refuses=[*acting.REFUSALS])
@room.arguments(PrincipalOfHousehold, location="query")
@room.response(200, HouseholdView)
def show_household(work: Work, wish: Wish) -> Any:
    """Where I live and with whom, who asks to join, and where I asked to."""
    return households.show_household(work, wish["resident_id"])


@room.does(
    "POST",
    "/me/household",
    needs=RESIDENT,
    refuses=[
        *acting.REFUSALS,
        PlaceUnknown,
        households.DwellingUnclear,
        households.HouseholdHeld,
        households.HouseholdRequestPending,
        households.TooManyHouseholdRequests,
    ],
)
@room.arguments(HouseholdJoinRequest)
@room.response(201, HouseholdView)
def ask_to_join(work: Work, wish: Wish) -> Any:
    """Say where I live; somebody of that household, or staff of the place, confirms it."""
    resident_id = wish.pop("resident_id")
    return households.ask_to_join(work, wish, resident_id)


@room.does("DELETE", "/me/household", needs=RESIDENT, refuses=[*acting.REFUSALS, households.HouseholdNone])
@room.arguments(PrincipalOfHousehold, location="query")
@room.response(204)
def leave_household(work: Work, wish: Wish) -> None:
    """Live there no more."""
    households.leave_household(work, wish["resident_id"])


@room.does(
    "DELETE", "/me/household/request", needs=RESIDENT, refuses=[*acting.REFUSALS, households.HouseholdRequestUnknown]
)
@room.arguments(PrincipalOfHousehold, location="query")
@room.response(204)
def take_household_request_back(work: Work, wish: Wish) -> None:
    """Ask no more."""
    households.take_request_back(work, wish["resident_id"])


@room.does("GET", "/household-requests", needs=SIGNED_IN)
@room.arguments(HouseholdRequestArguments, location="query")
@room.response(200, page_of(HouseholdRequestView, "household_requests"))
def list_household_requests(work: Work, wish: Wish) -> Any:
    """Who says that they live at a place of mine. For property staff and managers."""
    return households.list_requests(work, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/household-requests/<id:household_request_id>/answer",
    needs=SIGNED_IN,
    refuses=[Forbidden, households.HouseholdFull, households.HouseholdHeld, households.HouseholdRequestUnknown],
)
@room.arguments(HouseholdAnswerRequest)
@room.response(204)
def answer_household_request(work: Work, wish: Wish, household_request_id: int) -> None:
    """Say yes or no, as a grown-up member or as staff of the place."""
    households.answer_request(work, household_request_id, accept=wish["accept"])
