"""Property companies, and which estate each manages from when to when.

An estate has one management without an end at most (a partial unique index), and a new one begins on the day on which the
one before ends. So no day has two, and what is over is never changed; what is only planned can be taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import bindparam, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from models.estates import EstateManagement, PropertyCompany
from models.residents import Role
from models.search import FoundKind
from models.territory import Territory
from rules.clock import local_day
from rules.estates.places import find_estate, take_estate
from rules.estates.refusals import CompanyNameTaken, CompanyUnknown, ManagementOverlaps, NotManaged, SetInThePast
from rules.ids import ID_MAX
from rules.paging import Page, Position, cut
from rules.residents.identity import require_role, require_role_at_root
from rules.rows import AnyRow
from rules.search.refreshing import refresh
from rules.work import Work

COLUMNS = (
    PropertyCompany.id,
    PropertyCompany.name,
    PropertyCompany.phone,
    PropertyCompany.address,
    PropertyCompany.credit_code,
)
_companies = (
    select(*COLUMNS)
    .where(PropertyCompany.town_id == bindparam("town"), PropertyCompany.id > bindparam("after"))
    .order_by(PropertyCompany.id)
    .limit(bindparam("limit"))
)
_company = select(*COLUMNS).where(
    PropertyCompany.town_id == bindparam("town"), PropertyCompany.id == bindparam("company")
)
_create = insert(PropertyCompany).on_conflict_do_nothing().returning(PropertyCompany.id)
_namesake = select(PropertyCompany.id).where(
    PropertyCompany.town_id == bindparam("town"),
    PropertyCompany.name == bindparam("called"),
    PropertyCompany.id != bindparam("but"),
)
_lock_companies = select(PropertyCompany.id).where(PropertyCompany.town_id == bindparam("town")).with_for_update()
_change = (
    update(PropertyCompany)
    .where(PropertyCompany.town_id == bindparam("town"), PropertyCompany.id == bindparam("company"))
    .values({name: bindparam(f"new_{name}") for name in ("name", "phone", "address", "credit_code")})
    .execution_options(synchronize_session=False)
)
_history = (
    select(
        EstateManagement.id,
        EstateManagement.estate_id,
        EstateManagement.company_id,
        EstateManagement.from_day,
        EstateManagement.until_day,
        PropertyCompany.name.label("company"),
        Territory.name.label("estate"),
    )
    .join(
        PropertyCompany,
        (PropertyCompany.town_id == EstateManagement.town_id) & (PropertyCompany.id == EstateManagement.company_id),
    )
    .join(Territory, (Territory.town_id == EstateManagement.town_id) & (Territory.id == EstateManagement.estate_id))
    .where(EstateManagement.town_id == bindparam("town"), EstateManagement.id < bindparam("before"))
    .order_by(EstateManagement.id.desc())
    .limit(bindparam("limit"))
)
_of_estate = _history.where(EstateManagement.estate_id == bindparam("estate"))
_of_company = _history.where(EstateManagement.company_id == bindparam("company"))
_on_day = select(EstateManagement.company_id).where(
    EstateManagement.town_id == bindparam("town"),
    EstateManagement.estate_id == bindparam("estate"),
    EstateManagement.from_day <= bindparam("day"),
    or_(EstateManagement.until_day.is_(None), EstateManagement.until_day > bindparam("day")),
)
_managed_on = select(EstateManagement.estate_id).where(
    EstateManagement.town_id == bindparam("town"),
    EstateManagement.company_id == bindparam("company"),
    EstateManagement.from_day <= bindparam("day"),
    or_(EstateManagement.until_day.is_(None), EstateManagement.until_day > bindparam("day")),
)
_end = (
    update(EstateManagement)
    .where(
        EstateManagement.town_id == bindparam("town"),
        EstateManagement.estate_id == bindparam("estate"),
        EstateManagement.until_day.is_(None),
        EstateManagement.from_day < bindparam("day"),
    )
    .values(until_day=bindparam("day"))
    .returning(EstateManagement.id)
    .execution_options(synchronize_session=False)
)
#: What is in force ends on that day, though another end was set; what was to begin then or later never does.
_end_all = (
    update(EstateManagement)
    .where(
        EstateManagement.town_id == bindparam("town"),
        EstateManagement.estate_id == bindparam("estate"),
        EstateManagement.from_day < bindparam("day"),
        or_(EstateManagement.until_day.is_(None), EstateManagement.until_day > bindparam("day")),
    )
    .values(until_day=bindparam("day"))
    .returning(EstateManagement.id)
    .execution_options(synchronize_session=False)
)
_take_back = (
    delete(EstateManagement)
    .where(
        EstateManagement.town_id == bindparam("town"),
        EstateManagement.estate_id == bindparam("estate"),
        EstateManagement.from_day >= bindparam("day"),
    )
    .returning(EstateManagement.id)
    .execution_options(synchronize_session=False)
)
_last_day = select(func.max(EstateManagement.until_day)).where(
    EstateManagement.town_id == bindparam("town"), EstateManagement.estate_id == bindparam("estate")
)
_appoint = insert(EstateManagement).on_conflict_do_nothing().returning(EstateManagement.id)


def list_companies(work: Work, after: Position | None, limit: int) -> Page[AnyRow]:
    """The property companies of the town, the first on record first."""
    asked = {"town": work.town_id, "after": 0 if after is None else int(after[0]), "limit": limit + 1}
    return cut(work.core.execute(_companies, asked).all(), limit, lambda row: (row.id,))


def find_company(work: Work, company_id: int) -> AnyRow:
    """A property company. Raises CompanyUnknown."""
    found = work.core.execute(_company, {"town": work.town_id, "company": company_id}).first()
    if found is None:
        raise CompanyUnknown
    return found


def company_on(work: Work, estate_id: int, day: date) -> int | None:
    """The company that manages an estate on a day."""
    return work.core.scalar(_on_day, {"town": work.town_id, "estate": estate_id, "day": day})


def record_company(work: Work, columns: Mapping[str, Any]) -> AnyRow:
    """Write down a property company. `columns`: name, phone, address, credit_code. Raises Forbidden, CompanyNameTaken."""
    require_role_at_root(work, Role.MANAGER)
    work.core.execute(_lock_companies, {"town": work.town_id}).all()  # nobody changes a name to this one meanwhile
    row = {"town_id": work.town_id, "id": work.new_id(), "recorded_at": work.now, **columns}
    if work.core.execute(_create, row).first() is None:
        raise CompanyNameTaken
    return find_company(work, row["id"])


def change_company(work: Work, company_id: int, changes: Mapping[str, Any]) -> AnyRow:
    """Change what is given of a company. Raises Forbidden, CompanyUnknown, CompanyNameTaken."""
    require_role_at_root(work, Role.MANAGER)
    work.core.execute(_lock_companies, {"town": work.town_id}).all()
    found = find_company(work, company_id)
    new = {name: changes.get(name, getattr(found, name)) for name in ("name", "phone", "address", "credit_code")}
    asked = {"town": work.town_id, "called": new["name"], "but": company_id}
    if work.core.execute(_namesake, asked).first() is not None:
        raise CompanyNameTaken
    values = {f"new_{name}": value for name, value in new.items()}
    work.core.execute(_change, {"town": work.town_id, "company": company_id, **values})
    if new["name"] != found.name:
        managed = {"town": work.town_id, "company": company_id, "day": local_day(work.now)}
        refresh(work, FoundKind.ESTATE, list(work.core.scalars(_managed_on, managed)))
    return find_company(work, company_id)


def list_management(work: Work, estate_id: int, after: Position | None, limit: int) -> Page[AnyRow]:
    """Who managed an estate from when to when, the latest first. Raises EstateUnknown."""
    find_estate(work, estate_id)
    return _page_of(work, _of_estate, {"estate": estate_id}, after, limit)


def list_estates_of(work: Work, company_id: int, after: Position | None, limit: int) -> Page[AnyRow]:
    """Which estates a company managed from when to when, the latest first. Raises CompanyUnknown."""
    find_company(work, company_id)
    return _page_of(work, _of_company, {"company": company_id}, after, limit)


def appoint_company(work: Work, estate_id: int, company_id: int, from_day: date) -> None:
    """Let a company manage an estate from a day on; the one before ends on that day.

    Raises EstateUnknown, Forbidden, CompanyUnknown, SetInThePast (a company followed by another before today),
    ManagementOverlaps.
    """
    estate = take_estate(work, estate_id)
    require_role(work, Role.MANAGER, estate.path)
    find_company(work, company_id)
    where = {"town": work.town_id, "estate": estate_id}
    has_ended = work.core.execute(_end, {**where, "day": from_day}).first() is not None
    if has_ended and from_day < local_day(work.now):
        raise SetInThePast
    last_day = work.core.scalar(_last_day, where)
    if last_day is not None and from_day < last_day:
        raise ManagementOverlaps
    row = {"town_id": work.town_id, "id": work.new_id(), "estate_id": estate_id, "company_id": company_id}
    by = {"from_day": from_day, "until_day": None, "recorded_by": work.actor.id or None, "recorded_at": work.now}
    if work.core.execute(_appoint, {**row, **by}).first() is None:
        raise ManagementOverlaps
    refresh(work, FoundKind.ESTATE, [estate_id])


def end_management(work: Work, estate_id: int, day: date) -> None:
    """Let nobody manage an estate from a day on; what was planned for that day or later is taken back.

    Raises EstateUnknown, Forbidden, SetInThePast, NotManaged (there is nothing to end or to take back).
    """
    estate = take_estate(work, estate_id)
    require_role(work, Role.MANAGER, estate.path)
    if day < local_day(work.now):
        raise SetInThePast
    asked = {"town": work.town_id, "estate": estate_id, "day": day}
    planned = work.core.execute(_take_back, asked).all()
    ended = work.core.execute(_end_all, asked).all()
    if not (planned or ended):
        raise NotManaged
    refresh(work, FoundKind.ESTATE, [estate_id])


def _page_of(work: Work, statement: Any, asked: dict[str, Any], after: Position | None, limit: int) -> Page[AnyRow]:
    before = ID_MAX if after is None else int(after[0])
    rows = work.core.execute(statement, {"town": work.town_id, **asked, "before": before, "limit": limit + 1}).all()
    return cut(rows, limit, lambda row: (row.id,))
