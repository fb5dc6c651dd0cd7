"""Which categories of repairs an estate has, and how long each step may take.

Both apply from a day on, until what applies from a later day: nothing that is set is changed. A list of categories is the
estate's own, else its company's, else the town's, else DEFAULT_CATEGORIES. Terms are those of the company and the
category, else of the company, else of the category, else of the town, else DEFAULT_TERMS.

A deadline is reckoned once, when its step begins, and stored. Where the terms count working days, minutes of other days
don't count: a working day has 1440 of them, whoever is at work then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from models.estates import RepairList, ServiceTerms
from models.residents import Role
from rules.clock import local_day, local_moment
from rules.estates.companies import company_on, find_company
from rules.estates.places import HANDLERS, find_estate
from rules.estates.refusals import AlreadySet, CategoryUnknown, SetInThePast
from rules.residents.identity import require_role_at_root
from rules.sets import is_text_in
from rules.venues.places import require_any
from rules.work import Work
from rules.working_days import working_days

TOWN = "town"


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of repair."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Terms:
    """How long each step may take, in minutes, and until when a resident may come back to it, in days."""

    assign_minutes: int
    start_minutes: int
    finish_minutes: int
    confirm_minutes: int
    answer_minutes: int
    in_working_days: bool
    reopen_days: int
    reopens_max: int
    rating_days: int


DEFAULT_CATEGORIES = (
    Category("water_power", "水电"),
    Category("doors_windows", "门窗"),
    Category("lift", "电梯"),
    Category("public_lighting", "公共照明"),
    Category("drains", "下水道"),
    Category("greenery", "绿化"),
    Category("walls_roofs", "墙面屋顶"),
    Category("other", "其他"),
)
#: Chosen, as a start for a town that has agreed on nothing yet: taken on within 4 hours, begun within a day, done within
#: three, confirmed within a week; a complaint is answered within five days.
DEFAULT_TERMS = Terms(
    assign_minutes=240,
    start_minutes=1440,
    finish_minutes=4320,
    confirm_minutes=10_080,
    answer_minutes=7200,
    in_working_days=False,
    reopen_days=7,
    reopens_max=3,
    rating_days=15,
)

_lists = (
    select(RepairList.scope, RepairList.content)
    .where(
        RepairList.town_id == bindparam("town"),
        is_text_in(RepairList.scope, "scopes"),
        RepairList.from_day <= bindparam("day"),
    )
    .order_by(RepairList.from_day)
)
_terms = (
    select(ServiceTerms.scope, *(getattr(ServiceTerms, name) for name in Terms.__dataclass_fields__))
    .where(
        ServiceTerms.town_id == bindparam("town"),
        is_text_in(ServiceTerms.scope, "scopes"),
        ServiceTerms.from_day <= bindparam("day"),
    )
    .order_by(ServiceTerms.from_day)
)
_set_list = insert(RepairList).on_conflict_do_nothing().returning(RepairList.id)
_set_terms = insert(ServiceTerms).on_conflict_do_nothing().returning(ServiceTerms.id)


def list_categories(work: Work, estate_id: int) -> Sequence[Category]:
    """What can be reported in an estate today. Raises EstateUnknown."""
    find_estate(work, estate_id)
    day = local_day(work.now)
    return categories_on(work, estate_id, company_on(work, estate_id, day), day)


def categories_on(work: Work, estate_id: int, company_id: int | None, day: date) -> Sequence[Category]:
    """What can be reported in an estate on a day."""
    scopes = [f"estate:{estate_id}", f"company:{company_id}", TOWN]
    rows = work.core.execute(_lists, {"town": work.town_id, "scopes": scopes, "day": day})
    latest = {row.scope: row.content for row in rows}
    for scope in scopes:
        if scope in latest:
            return [Category(each["code"], each["name"]) for each in latest[scope]["categories"]]
    return DEFAULT_CATEGORIES


def set_categories(
    work: Work,
    from_day: date,
    categories: Sequence[Mapping[str, str]],
    *,
    estate_id: int | None = None,
    company_id: int | None = None,
) -> None:
    """Say which categories there are from a day on: in an estate, in those of a company, or in the town.

    Raises EstateUnknown, CompanyUnknown, Forbidden, SetInThePast, AlreadySet.
    """
    scope = TOWN
    if estate_id is not None:
        require_any(work, HANDLERS, find_estate(work, estate_id).path)
        scope, company_id = f"estate:{estate_id}", None
    else:
        require_role_at_root(work, Role.MANAGER)
        if company_id is not None:
            scope = f"company:{find_company(work, company_id).id}"
    content = {"categories": [dict(each) for each in categories]}
    row = {"scope": scope, "estate_id": estate_id, "company_id": company_id, "content": content}
    _set(work, _set_list, from_day, row)


def show_terms(work: Work, estate_id: int, category: str | None) -> Terms:
    """By what terms a repair of a category would be done in an estate today. Raises EstateUnknown."""
    find_estate(work, estate_id)
    day = local_day(work.now)
    return terms_on(work, company_on(work, estate_id, day), category, day)


def terms_on(work: Work, company_id: int | None, category: str | None, day: date) -> Terms:
    """The terms of a company and a category on a day; of the company alone without a category."""
    company, kind = company_id or "", category or ""
    scopes = [f"{company}/{kind}", f"{company}/", f"/{kind}", "/"]
    rows = work.core.execute(_terms, {"town": work.town_id, "scopes": scopes, "day": day})
    latest = {row.scope: row for row in rows}
    for scope in scopes:
        if scope in latest:
            return Terms(*latest[scope][1:])
    return DEFAULT_TERMS


def set_terms(
    work: Work, from_day: date, terms: Terms, *, company_id: int | None = None, category: str | None = None
) -> None:
    """Say how long steps may take from a day on. Those that have begun keep their deadlines.

    Raises Forbidden, CompanyUnknown, SetInThePast, AlreadySet.
    """
    require_role_at_root(work, Role.MANAGER)
    if company_id is not None:
        find_company(work, company_id)
    scope = {"scope": f"{company_id or ''}/{category or ''}", "company_id": company_id, "category": category}
    _set(work, _set_terms, from_day, scope | asdict(terms))


def category_named(categories: Sequence[Category], code: str) -> Category:
    """The category with this code. Raises CategoryUnknown."""
    for category in categories:
        if category.code == code:
            return category
    raise CategoryUnknown


def deadline(work: Work, minutes: int, in_working_days: bool) -> datetime:
    """When so many minutes from now are over."""
    left = timedelta(minutes=minutes)
    if not in_working_days:
        return work.now + left
    moment = work.now
    is_working_day = working_days(work, local_day(moment))
    while True:
        day = local_day(moment)
        midnight = local_moment(day + timedelta(days=1), "00:00")
        if is_working_day(day):
            if left <= midnight - moment:
                return moment + left
            left -= midnight - moment
        moment = midnight


def _set(work: Work, statement: Any, from_day: date, columns: Mapping[str, Any]) -> None:
    if from_day < local_day(work.now):
        raise SetInThePast
    by = {"from_day": from_day, "recorded_by": work.actor.id or None, "recorded_at": work.now}
    row = {"town_id": work.town_id, "id": work.new_id(), **columns, **by}
    if work.core.execute(statement, row).first() is None:
        raise AlreadySet
