"""What happened to residents, as staff write it down; and where I stand after all of it."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import RESIDENT
from blueprints.edge.room import Room
from blueprints.rulebook.schemas import EventRequest, EventView, MyStandingView
from models.residents import Role
from rules.ledger.reversing import AlreadyReversed, NotReversible
from rules.ledger.spending import PointsInsufficient
from rules.points import recording, standings
from rules.points.events import EventRecorded
from rules.points.people import ResidentUnknown
from rules.points.second_person import RulebookMissing
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("events", __name__, description="What happened, and where I stand")

Wish = dict[str, Any]


@room.does(
    "POST",
    "/points/events",
    needs=Role.ORGANISER,
    once=True,
    refuses=[
        AlreadyReversed,
        EventRecorded,
        Forbidden,
        NotReversible,
        PointsInsufficient,
        ResidentUnknown,
        RulebookMissing,
        recording.KindUnknown,
        recording.MomentInvalid,
    ],
)
@room.arguments(EventRequest)
@room.response(201, EventView)
def record_event(work: Work, wish: Wish) -> Any:
    """Write down what happened to a resident; the rules in force then say what follows."""
    return recording.record(work, recording.EventWish(**wish))


@room.does("GET", "/me/standing", needs=RESIDENT)
@room.response(200, MyStandingView)
def show_standing(work: Work) -> Any:
    """My levels and what they give, what is missing for the next, and what is frozen or suspended."""
    return standings.show_standing(work)
