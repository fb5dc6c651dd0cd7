"""Estates as everybody sees them: who manages them, whom to call, by what terms repairs are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, bindparam, delete, insert, or_, select
from sqlalchemy.orm import aliased

from models.estates import EstateContact, EstateManagement, PropertyCompany
from models.territory import Territory, TerritoryKind
from rules.clock import local_day
from rules.estates.places import HANDLERS, estate_around, read_home, take_estate
from rules.estates.refusals import EstateUnknown, NoEstateChosen
from rules.paging import Page, Position, cut
from rules.residents.acting import resident_for
from rules.rows import AnyRow
from rules.venues.places import require_any
from rules.work import Work


@dataclass(frozen=True, slots=True)
class EstateFilter:
    """Which estates to list: those that fit all that is given."""

    q: str | None = None  #: part of the estate's, its community's or its company's name
    community_id: int | None = None  #: of this node of the tree, or below it
    company_id: int | None = None  #: managed by it today


@dataclass(frozen=True, slots=True)
class Estate:
    """An estate with the numbers that its residents call."""

    estate: AnyRow
    contacts: Sequence[AnyRow]
    emergency_lines: Sequence[AnyRow]


_community = aliased(Territory)
_around = aliased(Territory)
_estates = (
    select(
        Territory.id,
        Territory.name,
        Territory.homes,
        Territory.latitude,
        Territory.longitude,
        _community.id.label("community_id"),
        _community.name.label("community"),
        PropertyCompany.id.label("company_id"),
        PropertyCompany.name.label("company"),
        PropertyCompany.phone.label("company_phone"),
        PropertyCompany.address.label("company_address"),
        EstateManagement.from_day.label("managed_from"),
        EstateManagement.until_day.label("managed_until"),
    )
    .outerjoin(
        _community,
        and_(
            _community.town_id == Territory.town_id,
            _community.id == Territory.parent_id,
            _community.kind == TerritoryKind.COMMUNITY,
        ),
    )
    .outerjoin(
        EstateManagement,
        and_(
            EstateManagement.town_id == Territory.town_id,
            EstateManagement.estate_id == Territory.id,
            EstateManagement.from_day <= bindparam("today"),
            or_(EstateManagement.until_day.is_(None), EstateManagement.until_day > bindparam("today")),
        ),
    )
    .outerjoin(
        PropertyCompany,
        and_(PropertyCompany.town_id == EstateManagement.town_id, PropertyCompany.id == EstateManagement.company_id),
    )
    .where(Territory.town_id == bindparam("town"), Territory.kind == TerritoryKind.ESTATE)
)
_one = _estates.where(Territory.id == bindparam("estate"))
_page = _estates.where(Territory.id > bindparam("after")).order_by(Territory.id).limit(bindparam("limit"))
_below = _page.join(_around, and_(_around.town_id == Territory.town_id, _around.id == bindparam("community"))).where(
    Territory.path.startswith(_around.path)
)
_contacts = (
    select(
        EstateContact.n,
        EstateContact.kind,
        EstateContact.name,
        EstateContact.phone,
        EstateContact.is_emergency,
        EstateContact.opens_at,
        EstateContact.closes_at,
        EstateContact.note,
    )
    .where(EstateContact.town_id == bindparam("town"), EstateContact.estate_id == bindparam("estate"))
    .order_by(EstateContact.n)
)
_clear_contacts = delete(EstateContact).where(
    EstateContact.town_id == bindparam("town"), EstateContact.estate_id == bindparam("estate")
)
_write_contacts = insert(EstateContact)


def list_estates(work: Work, wanted: EstateFilter, after: Position | None, limit: int) -> Page[AnyRow]:
    """The estates that fit, the first added first."""
    statement = _page if wanted.community_id is None else _below
    if wanted.q:
        named = (Territory.name, _community.name, PropertyCompany.name)
        statement = statement.where(or_(*(each.contains(wanted.q, autoescape=True) for each in named)))
    if wanted.company_id is not None:
        statement = statement.where(PropertyCompany.id == wanted.company_id)
    asked = {"town": work.town_id, "today": local_day(work.now), "community": wanted.community_id}
    last = 0 if after is None else int(after[0])
    rows = work.core.execute(statement, {**asked, "after": last, "limit": limit + 1}).all()
    return cut(rows, limit, lambda row: (row.id,))


def show_estate(work: Work, estate_id: int) -> Estate:
    """An estate, who manages it today, and whom to call. Raises EstateUnknown."""
    asked = {"town": work.town_id, "today": local_day(work.now), "estate": estate_id}
    found = work.core.execute(_one, asked).first()
    if found is None:
        raise EstateUnknown
    contacts = work.core.execute(_contacts, {"town": work.town_id, "estate": estate_id}).all()
    return Estate(
        found,
        [each for each in contacts if not each.is_emergency],
        [each for each in contacts if each.is_emergency],
    )


def show_my_estate(work: Work, resident_id: int | None = None) -> Estate:
    """The estate in which the actor lives, or somebody whom the actor may act for.

    Raises NoEstateChosen (only the community is known, or nothing), NotTheirProxy.
    """
    estate = estate_around(work, read_home(work, resident_for(work, resident_id)).path)
    if estate is None:
        raise NoEstateChosen
    return show_estate(work, estate.id)


def replace_contacts(work: Work, estate_id: int, contacts: Sequence[Mapping[str, Any]]) -> Estate:
    """Put these numbers, in this order, in the place of those that were there. Raises EstateUnknown, Forbidden."""
    estate = take_estate(work, estate_id)
    require_any(work, HANDLERS, estate.path)
    work.core.execute(_clear_contacts, {"town": work.town_id, "estate": estate_id})
    rows = [{"town_id": work.town_id, "estate_id": estate_id, "n": n, **each} for n, each in enumerate(contacts)]
    if rows:
        work.core.execute(_write_contacts, rows)
    return show_estate(work, estate_id)
