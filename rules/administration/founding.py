"""A town of its own: its row, the root of its tree, its book of points; then places and operators.

Its rulebook comes as every later one does: one manager drafts it and another one publishes it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from models.search import FoundKind
from models.territory import HostKind, Operator, Territory, TerritoryKind, Town
from rules.administration.deeds import require_administrator
from rules.errors import Kind, RuleError
from rules.ledger.pools import open_book
from rules.ledger.transactions import POINTS
from rules.rows import AnyRow
from rules.search.refreshing import refresh
from rules.territory.tree import PlaceUnknown, lock_place
from rules.work import Work

CODE = re.compile(r"[a-z][a-z0-9-]{1,31}")
BOOK_NAME = "积分"
#: What may stand directly below what.
BELOW = tuple(TerritoryKind)
_FOUND_AS = {TerritoryKind.COMMUNITY: FoundKind.COMMUNITY, TerritoryKind.ESTATE: FoundKind.ESTATE}


class TownCodeInvalid(RuleError):
    code = "town.code_invalid"
    kind = Kind.INVALID
    zh = "代码须为 2 至 32 个小写字母、数字或横线，以字母开头。"
    en = "A code is 2 to 32 lower-case letters, digits and dashes, and begins with a letter."


class TownCodeTaken(RuleError):
    code = "town.code_taken"
    kind = Kind.CONFLICT
    zh = "代码 {code} 已有街道或未来社区使用。"
    en = "There is a town with the code {code}."


class PlaceNameTaken(RuleError):
    code = "territory.name_taken"
    kind = Kind.CONFLICT
    zh = "这里已有名为“{name}”的下级地点。"
    en = "There is a place called {name} below this one."


class PlaceMisplaced(RuleError):
    code = "territory.misplaced"
    kind = Kind.INVALID
    zh = "{above} 一级下面不能设 {kind} 一级。"
    en = "A {kind} can't stand below a {above}."


class OperatorNameTaken(RuleError):
    code = "operator.name_taken"
    kind = Kind.CONFLICT
    zh = "已有名为“{name}”的运营主体。"
    en = "There is an operator called {name}."


_claim = insert(Town).on_conflict_do_nothing().returning(Town.id)
_add_place = insert(Territory).on_conflict_do_nothing().returning(Territory.id)
_add_operator = insert(Operator).on_conflict_do_nothing().returning(Operator.id)
_root = select(Territory.id).where(Territory.town_id == bindparam("town"), Territory.parent_id.is_(None))
_places = (
    select(Territory.id, Territory.parent_id, Territory.kind, Territory.name, Territory.path, Territory.homes)
    .where(Territory.town_id == bindparam("town"))
    .order_by(Territory.path)
)


def found_town(work: Work, code: str, name: str, host_kind: HostKind, root_kind: TerritoryKind) -> int:
    """Open a town whose tree has a root of the town's name, and return its id. Raises TownCodeInvalid, TownCodeTaken."""
    if not CODE.fullmatch(code):
        raise TownCodeInvalid
    town_id = work.new_id()
    town = {"id": town_id, "code": code, "name": name, "host_kind": host_kind, "is_demo": False}
    if work.core.execute(_claim, town).first() is None:
        raise TownCodeTaken(code=code)
    at_home = replace(work, town_id=town_id)
    _insert_place(at_home, None, "", root_kind, name, 0)
    open_book(at_home, POINTS, BOOK_NAME)
    return town_id


def add_place(work: Work, parent_id: int, kind: TerritoryKind, name: str, homes: int) -> int:
    """Add a node to the tree and return its id. Raises PlaceUnknown, Forbidden, AdministratorNeeded, PlaceMisplaced,
    PlaceNameTaken."""
    require_administrator(work)
    parent = lock_place(work, parent_id)
    if BELOW.index(kind) <= BELOW.index(parent.kind):
        raise PlaceMisplaced(kind=kind.value, above=parent.kind.value)
    place_id = _insert_place(work, parent_id, parent.path, kind, name, homes)
    if kind in _FOUND_AS:
        refresh(work, _FOUND_AS[kind], [place_id])
    return place_id


def add_operator(work: Work, name: str) -> int:
    """Add an organisation that runs things for the town, and return its id. Raises Forbidden, AdministratorNeeded,
    OperatorNameTaken."""
    require_administrator(work)
    operator_id = work.new_id()
    row = {"town_id": work.town_id, "id": operator_id, "name": name}
    if work.core.execute(_add_operator, row).first() is None:
        raise OperatorNameTaken(name=name)
    return operator_id


def root_of(work: Work) -> int:
    """The root of the town's tree. Raises PlaceUnknown."""
    root: int | None = work.core.execute(_root, {"town": work.town_id}).scalar()
    if root is None:
        raise PlaceUnknown
    return root


def list_places(work: Work) -> Sequence[AnyRow]:
    """The tree, each node after the one above it."""
    return work.core.execute(_places, {"town": work.town_id}).all()


def _insert_place(work: Work, parent_id: int | None, above: str, kind: TerritoryKind, name: str, homes: int) -> int:
    place_id = work.new_id()
    row = {"town_id": work.town_id, "id": place_id, "parent_id": parent_id, "kind": kind, "name": name}
    row |= {"path": f"{above}{place_id}/", "homes": homes}
    if work.core.execute(_add_place, row).first() is None:
        raise PlaceNameTaken(name=name)
    return place_id
