"""Organisations and their members."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of

NAME_LENGTH_MAX = 64


class OrganisationRequest(Arguments):
    """A new organisation."""

    name = Words(length_min=1, length_max=NAME_LENGTH_MAX, required=True)


class OrganisationArguments(PageArguments):
    """A page of organisations."""

    cursor = cursor_of("organisations")


class OrganisationView(Fast):
    """A club, a company, an owners' committee."""

    id = Id(required=True)
    name = fields.String(required=True)
    registered_at = Moment(required=True)


class MemberRequest(Arguments):
    """Who may book in the organisation's name."""

    resident_id = Id(required=True)


class MemberView(Fast):
    """A member, as staff see them."""

    resident_id = Id(required=True)
    name = fields.String(required=True, metadata={"description": "Masked."})
    added_at = Moment(required=True)


class MembersView(Fast):
    """The members who live where the caller is an organiser."""

    total = fields.Integer(required=True, metadata={"description": "Of all members, wherever they live."})
    items = fields.List(fields.Nested(MemberView), required=True)
