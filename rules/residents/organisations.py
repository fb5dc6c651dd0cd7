"""Clubs, companies and owners' committees, in whose name their members book rooms.

An organisation is the town's: an organiser anywhere in the town may register one. Members are people, so an organiser adds,
sees and removes only those who live where the role holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from models.residents import Organisation, OrganisationMember, Resident, Role
from models.territory import Territory
from rules.errors import Kind, RuleError
from rules.paging import Page, Position, cut
from rules.points.people import require_role_over_resident
from rules.residents.identity import holds_at_root
from rules.residents.names import greeting
from rules.rows import AnyRow
from rules.work import Work

MEMBERS_MAX = 200


class OrganisationUnknown(RuleError):
    code = "organisation.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个团体。"
    en = "There is no such organisation."


class OrganisationKnown(RuleError):
    code = "organisation.already_registered"
    kind = Kind.CONFLICT
    zh = "已有同名的团体。"
    en = "There is an organisation of this name already."


class MemberKnown(RuleError):
    code = "organisation.already_member"
    kind = Kind.CONFLICT
    zh = "这位居民已经是成员。"
    en = "This resident is a member already."


class MemberUnknown(RuleError):
    code = "organisation.no_member"
    kind = Kind.UNKNOWN
    zh = "这位居民不是成员。"
    en = "This resident is not a member."


class TooManyMembers(RuleError):
    code = "organisation.too_many_members"
    kind = Kind.CONFLICT
    zh = "一个团体最多登记 {maximum} 位可预订场地的成员。"
    en = "An organisation has {maximum} members who may book at most."


@dataclass(frozen=True, slots=True)
class Member:
    """A member, as staff see them."""

    resident_id: int
    name: str  #: masked
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Members:
    """The members whom the actor serves, and how many there are in all."""

    total: int
    items: Sequence[Member]


_add = insert(Organisation).on_conflict_do_nothing(index_elements=["town_id", "name"]).returning(Organisation.id)
_listed = select(Organisation.id, Organisation.name, Organisation.registered_at).where(
    Organisation.town_id == bindparam("town")
)
_one = _listed.where(Organisation.id == bindparam("organisation"))
_list = _listed.where(Organisation.id > bindparam("after")).order_by(Organisation.id).limit(bindparam("limit"))
_lock = (
    select(Organisation.id)
    .where(Organisation.town_id == bindparam("town"), Organisation.id == bindparam("organisation"))
    .with_for_update(key_share=True)
)
_add_member = insert(OrganisationMember).on_conflict_do_nothing().returning(OrganisationMember.resident_id)
_count_members = select(func.count()).where(
    OrganisationMember.town_id == bindparam("town"), OrganisationMember.organisation_id == bindparam("organisation")
)
_members = (
    select(OrganisationMember.resident_id, OrganisationMember.added_at, Resident.name, Territory.path)
    .join(
        Resident,
        (Resident.town_id == OrganisationMember.town_id) & (Resident.id == OrganisationMember.resident_id),
    )
    .outerjoin(Territory, (Territory.town_id == Resident.town_id) & (Territory.id == Resident.territory_id))
    .where(
        OrganisationMember.town_id == bindparam("town"),
        OrganisationMember.organisation_id == bindparam("organisation"),
    )
    .order_by(OrganisationMember.added_at, OrganisationMember.resident_id)
)
_remove_member = (
    delete(OrganisationMember)
    .where(
        OrganisationMember.town_id == bindparam("town"),
        OrganisationMember.organisation_id == bindparam("organisation"),
        OrganisationMember.resident_id == bindparam("resident"),
    )
    .returning(OrganisationMember.resident_id)
    .execution_options(synchronize_session=False)
)
_of_resident = (
    select(Organisation.id, Organisation.name, Organisation.registered_at)
    .join(
        OrganisationMember,
        (OrganisationMember.town_id == Organisation.town_id) & (OrganisationMember.organisation_id == Organisation.id),
    )
    .where(OrganisationMember.town_id == bindparam("town"), OrganisationMember.resident_id == bindparam("resident"))
    .order_by(Organisation.id)
)


def register_organisation(work: Work, name: str) -> AnyRow:
    """Register an organisation by its name. Raises OrganisationKnown."""
    by = {"registered_by": work.actor.id, "registered_at": work.now}
    id_ = work.core.scalar(_add, {"town_id": work.town_id, "id": work.new_id(), "name": name, **by})
    if id_ is None:
        raise OrganisationKnown
    return _show(work, id_)


def list_organisations(work: Work, after: Position | None, limit: int) -> Page[AnyRow]:
    """The town's organisations, in the order in which they were registered."""
    asked = {"town": work.town_id, "after": 0 if after is None else int(after[0]), "limit": limit + 1}
    return cut(work.core.execute(_list, asked).all(), limit, lambda row: (row.id,))


def list_my_organisations(work: Work) -> Sequence[AnyRow]:
    """The organisations in whose name the actor may book."""
    return work.core.execute(_of_resident, {"town": work.town_id, "resident": work.actor.id}).all()


def add_member(work: Work, organisation_id: int, resident_id: int) -> None:
    """Let a resident book in an organisation's name.

    Raises OrganisationUnknown, ResidentUnknown, Forbidden (who lives elsewhere), MemberKnown, TooManyMembers.
    """
    which = {"town": work.town_id, "organisation": organisation_id}
    if work.core.scalar(_lock, which) is None:
        raise OrganisationUnknown
    require_role_over_resident(work, Role.ORGANISER, resident_id)
    member = {"town_id": work.town_id, "organisation_id": organisation_id, "resident_id": resident_id}
    if work.core.scalar(_add_member, {**member, "added_at": work.now}) is None:
        raise MemberKnown
    if work.core.execute(_count_members, which).scalar_one() > MEMBERS_MAX:
        raise TooManyMembers(maximum=MEMBERS_MAX)


def list_members(work: Work, organisation_id: int) -> Members:
    """The members who live where the actor is an organiser. Raises OrganisationUnknown."""
    _show(work, organisation_id)
    rows = work.core.execute(_members, {"town": work.town_id, "organisation": organisation_id}).all()
    serves_all = holds_at_root(work, Role.ORGANISER)
    seen = [row for row in rows if serves_all or (row.path and work.actor.may(Role.ORGANISER, row.path))]
    items = [Member(row.resident_id, greeting(row.name, row.resident_id), row.added_at) for row in seen]
    return Members(total=len(rows), items=items)


def remove_member(work: Work, organisation_id: int, resident_id: int) -> None:
    """End a resident's right to book in an organisation's name. Raises ResidentUnknown, Forbidden, MemberUnknown."""
    require_role_over_resident(work, Role.ORGANISER, resident_id)
    which = {"town": work.town_id, "organisation": organisation_id, "resident": resident_id}
    if work.core.scalar(_remove_member, which) is None:
        raise MemberUnknown


def _show(work: Work, organisation_id: int) -> AnyRow:
    found = work.core.execute(_one, {"town": work.town_id, "organisation": organisation_id}).first()
    if found is None:
        raise OrganisationUnknown
    return found
