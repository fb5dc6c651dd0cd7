"""The calendar of working days."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import Day, Words
from blueprints.edge.schemas import Arguments, Fast
from models.venues import DayKind


class WorkingDayArguments(Arguments):
    """A period of days."""

    first_day = Day(data_key="from", load_default=None, metadata={"description": "Today if not given."})
    last_day = Day(data_key="to", load_default=None, metadata={"description": "A year later if not given."})


class DayArguments(Arguments):
    """A day."""

    day = Day(required=True)


class WorkingDayRequest(Arguments):
    """The town's word on a day."""

    day = Day(required=True)
    is_working_day = fields.Boolean(required=True)
    name = Words(length_min=1, length_max=60, required=True, metadata={"description": "Why."})


class SpecialDayView(Fast):
    """A holiday, a make-up workday, or a day of which the town has said something."""

    day = fields.Date(required=True)
    kind = fields.Enum(DayKind, by_value=True, required=True)
    is_working_day = fields.Boolean(required=True)
    name = fields.String(required=True)
    is_set_by_town = fields.Boolean(required=True)
