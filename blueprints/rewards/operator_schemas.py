"""Operators, and who of the staff acts for them."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import Id, Moment
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of


class OperatorArguments(PageArguments):
    """A page of operators."""

    cursor = cursor_of("operators")


class OperatorStaffArguments(PageArguments):
    """A page of those who act for an operator."""

    cursor = cursor_of("operator_staff")


class OperatorStaffRequest(Arguments):
    """Who is to act for an operator."""

    staff_id = Id(required=True)


class OperatorView(Fast):
    """An organisation that runs activities, venues or a shop."""

    id = Id(required=True)
    name = fields.String(required=True)
    staff_count = fields.Integer(required=True)


class OperatorStaffView(Fast):
    """A member of staff who acts for an operator."""

    id = Id(required=True)
    name = fields.String(required=True)
    added_at = Moment(required=True)
