"""志愿: being a volunteer, and my hours."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import RESIDENT
from blueprints.edge.room import Room
from blueprints.volunteering.schemas import (
    MyHoursArguments,
    MyHoursView,
    PrincipalArguments,
    RegistrationView,
    VolunteerRequest,
)
from rules.residents import acting
from rules.volunteering import registration, totals
from rules.volunteering.refusals import GuardianNeeded, NotAVolunteer, StatementOutdated
from rules.work import Work

room = Room("volunteering", __name__, description="Volunteers and their hours")

Wish = dict[str, Any]


@room.does("GET", "/me/volunteer", needs=RESIDENT, refuses=[*acting.REFUSALS])
@room.arguments(PrincipalArguments, location="query")
@room.response(200, RegistrationView)
def show_registration(work: Work, wish: Wish) -> Any:
    """Whether I am a volunteer, and the statement that one agrees to."""
    return registration.show_registration(work, wish["resident_id"])


@room.does("POST", "/me/volunteer", needs=RESIDENT, refuses=[*acting.REFUSALS, GuardianNeeded, StatementOutdated])
@room.arguments(VolunteerRequest)
@room.response(200, RegistrationView)
def register_volunteer(work: Work, wish: Wish) -> Any:
    """Register as a volunteer. A child is registered by a guardian."""
    return registration.register_volunteer(work, **wish)


@room.does("DELETE", "/me/volunteer", needs=RESIDENT, refuses=[*acting.REFUSALS, NotAVolunteer])
@room.arguments(PrincipalArguments, location="query")
@room.response(200, RegistrationView)
def withdraw_volunteer(work: Work, wish: Wish) -> Any:
    """Be a volunteer no more, and withdraw the consent. Hours that were served stay."""
    return registration.withdraw_volunteer(work, wish["resident_id"])


@room.does("GET", "/me/hours", needs=RESIDENT, refuses=[*acting.REFUSALS])
@room.arguments(MyHoursArguments, location="query")
@room.response(200, MyHoursView)
def show_hours(work: Work, wish: Wish) -> Any:
    """My hours of service by where they come from and by year, my stars, and my records."""
    return totals.show_hours(work, wish["resident_id"], wish["cursor"], wish["limit"])
