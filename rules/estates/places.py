"""An estate in the tree, who of the staff may do what there, and where a resident lives."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, bindparam, or_, select, true

from models.residents import Resident, Role
from models.territory import Territory, TerritoryKind
from rules.estates.refusals import EstateUnknown, NotOfThisEstate, PlaceOutside
from rules.residents.identity import holds_at_root
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.work import ActorKind, Work

#: Who handles repairs and answers complaints. An estate that no company manages is handled by the street alone.
HANDLERS = (Role.PROPERTY, Role.MANAGER)
#: Who sees them.
READERS = (*HANDLERS, Role.AUDITOR)
#: Who reads what is said to the street, and the names under what is said to the company.
STREET = (Role.MANAGER, Role.AUDITOR)
#: Who writes a repair down for whoever stands before them.
DESK = (Role.SCANNER, Role.ORGANISER, *HANDLERS)

_estate = select(Territory.id, Territory.name, Territory.path).where(
    Territory.town_id == bindparam("town"),
    Territory.id == bindparam("estate"),
    Territory.kind == TerritoryKind.ESTATE,
)
_locked_estate = _estate.with_for_update(key_share=True)
_among = select(Territory.id, Territory.name, Territory.path).where(
    Territory.town_id == bindparam("town"), is_id_in(Territory.id, "nodes"), Territory.kind == TerritoryKind.ESTATE
)
_node = select(Territory.path).where(Territory.town_id == bindparam("town"), Territory.id == bindparam("node"))
_home = (
    select(Resident.id, Resident.name, Resident.household_id, Territory.path)
    .outerjoin(Territory, (Territory.town_id == Resident.town_id) & (Territory.id == Resident.territory_id))
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
)


def find_estate(work: Work, estate_id: int) -> AnyRow:
    """An estate: id, name, path. Raises EstateUnknown."""
    return _found(work.core.execute(_estate, {"town": work.town_id, "estate": estate_id}).first())


def take_estate(work: Work, estate_id: int) -> AnyRow:
    """An estate of which nobody else changes the management or the contacts meanwhile. Raises EstateUnknown."""
    return _found(work.core.execute(_locked_estate, {"town": work.town_id, "estate": estate_id}).first())


def estate_around(work: Work, path: str | None) -> AnyRow | None:
    """The estate that a node lies in, or is; None where it lies in none."""
    if path is None:
        return None
    nodes = [int(step) for step in path.split("/") if step]
    return work.core.execute(_among, {"town": work.town_id, "nodes": nodes}).first()


def read_home(work: Work, resident_id: int) -> AnyRow:
    """Where a resident lives: id, name, household_id, path (None where no place was chosen)."""
    home = work.core.execute(_home, {"town": work.town_id, "resident": resident_id}).first()
    assert home is not None, "whoever acts, or is acted for, is there"
    return home


def home_in(work: Work, resident_id: int, estate: AnyRow) -> AnyRow:
    """Where a resident of the estate lives. Staff also serve those of whom only the community is known.

    Raises NotOfThisEstate.
    """
    home = read_home(work, resident_id)
    lives_there = home.path is not None and home.path.startswith(estate.path)
    is_served = work.actor.kind is ActorKind.STAFF and home.path is not None and estate.path.startswith(home.path)
    if not (lives_there or is_served):
        raise NotOfThisEstate
    return home


def check_within(work: Work, node_id: int, estate: AnyRow) -> None:
    """Raises PlaceOutside unless the node is the estate or lies in it."""
    path = work.core.scalar(_node, {"town": work.town_id, "node": node_id})
    if path is None or not path.startswith(estate.path):
        raise PlaceOutside


def within_reach(work: Work, roles: tuple[Role, ...], estate: Any) -> ColumnElement[bool]:
    """Whether an estate lies where the actor has one of the roles. `estate`: the table of nodes, or an alias."""
    if any(holds_at_root(work, role) for role in roles):
        return true()
    paths = [grant.path for grant in work.actor.grants if grant.role in (*roles, Role.ADMIN)]
    return or_(*(estate.path.startswith(path) for path in paths)) if paths else ~true()


def _found(estate: AnyRow | None) -> AnyRow:
    if estate is None:
        raise EstateUnknown
    return estate
