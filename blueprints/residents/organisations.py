"""Organisations, in whose name their members book rooms."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.caller import RESIDENT
from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of, page_of
from blueprints.residents.organisation_schemas import (
    MemberRequest,
    MembersView,
    OrganisationArguments,
    OrganisationRequest,
    OrganisationView,
)
from models.residents import Role
from rules.points.people import ResidentUnknown
from rules.residents import organisations
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("organisations", __name__, description="Organisations")

Wish = dict[str, Any]


@room.does("POST", "/organisations", needs=Role.ORGANISER, refuses=[organisations.OrganisationKnown])
@room.arguments(OrganisationRequest)
@room.response(201, OrganisationView)
def register_organisation(work: Work, wish: Wish) -> Any:
    """Register an organisation; its name is its own in the town."""
    return organisations.register_organisation(work, wish["name"])


@room.does("GET", "/organisations", needs=Role.ORGANISER)
@room.arguments(OrganisationArguments, location="query")
@room.response(200, page_of(OrganisationView, "organisations"))
def list_organisations(work: Work, wish: Wish) -> Any:
    """The town's organisations."""
    return organisations.list_organisations(work, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/organisations/<id:organisation_id>/members",
    needs=Role.ORGANISER,
    refuses=[
        Forbidden,
        ResidentUnknown,
        organisations.MemberKnown,
        organisations.OrganisationUnknown,
        organisations.TooManyMembers,
    ],
)
@room.arguments(MemberRequest)
@room.response(204)
def add_member(work: Work, wish: Wish, organisation_id: int) -> None:
    """Let a resident book in an organisation's name."""
    organisations.add_member(work, organisation_id, wish["resident_id"])


@room.does(
    "GET",
    "/organisations/<id:organisation_id>/members",
    needs=Role.ORGANISER,
    refuses=[organisations.OrganisationUnknown],
)
@room.response(200, MembersView)
def list_members(work: Work, organisation_id: int) -> Any:
    """The members who live where I am an organiser."""
    return organisations.list_members(work, organisation_id)


@room.does(
    "DELETE",
    "/organisations/<id:organisation_id>/members/<id:resident_id>",
    needs=Role.ORGANISER,
    refuses=[Forbidden, ResidentUnknown, organisations.MemberUnknown],
)
@room.response(204)
def remove_member(work: Work, organisation_id: int, resident_id: int) -> None:
    """End a resident's right to book in an organisation's name."""
    organisations.remove_member(work, organisation_id, resident_id)


@room.does("GET", "/me/organisations", needs=RESIDENT)
@room.response(200, all_of(OrganisationView))
def list_my_organisations(work: Work) -> Any:
    """The organisations in whose name I may book."""
    return SimpleNamespace(items=organisations.list_my_organisations(work))
