"""The calendar of working days: public holidays and make-up workdays, with the town's own word above them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.caller import ANYONE
from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of
from blueprints.venues.calendar_schemas import DayArguments, SpecialDayView, WorkingDayArguments, WorkingDayRequest
from models.residents import Role
from rules import working_days
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("working_days", __name__, description="Working days and holidays")

Wish = dict[str, Any]


@room.does("GET", "/working-days", needs=ANYONE, shared=True, refuses=[working_days.CalendarPeriodInvalid])
@room.arguments(WorkingDayArguments, location="query")
@room.response(200, all_of(SpecialDayView))
def list_special_days(work: Work, wish: Wish) -> Any:
    """Holidays, make-up workdays and the town's own days; every other day is as its weekday."""
    return SimpleNamespace(items=working_days.list_special_days(work, wish["first_day"], wish["last_day"]))


@room.does("POST", "/working-days", needs=Role.MANAGER, refuses=[Forbidden])
@room.arguments(WorkingDayRequest)
@room.response(200, SpecialDayView)
def set_working_day(work: Work, wish: Wish) -> Any:
    """Say that a day is, or isn't, a working day here. For managers of the whole town."""
    return working_days.set_day(work, **wish)


@room.does("DELETE", "/working-days", needs=Role.MANAGER, refuses=[Forbidden, working_days.CalendarDayUnset])
@room.arguments(DayArguments, location="query")
@room.response(204)
def unset_working_day(work: Work, wish: Wish) -> Any:
    """Leave a day to the public calendar again. For managers of the whole town."""
    return working_days.unset_day(work, wish["day"])
