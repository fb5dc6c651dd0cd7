"""Whether a statement stays in one town: which of its tables aren't tied to a town that it names.

A table is tied when a condition that must hold says `town_id = :town`, or `town_id` = that of a table which is tied. An OR
ties what each of its branches ties. A subquery is looked at by itself; it may be tied by the row of the query around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Column, Delete, Insert, Select, Table, Update, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import (
    BinaryExpression,
    BindParameter,
    BooleanClauseList,
    ClauseElement,
    ColumnClause,
    False_,
    Grouping,
)
from sqlalchemy.sql.selectable import (
    CTE,
    AliasedReturnsRows,
    CompoundSelect,
    FromClause,
    Join,
    Lateral,
    SelectBase,
    SelectStatementGrouping,
)

#: Those of the query around, by the identity of what they stand for.
Tied = frozenset[int]
NOTHING: Tied = frozenset()
_COMPILER = select(1).compile(dialect=postgresql.dialect())


def untied(statement: ClauseElement, around: Tied = NOTHING) -> list[str]:
    """The names of the distributed tables that a statement reads or writes in more towns than it names."""
    return sorted(set(_untied(statement, around, set())))


def _untied(statement: Any, around: Tied, seen: set[int]) -> Iterator[str]:
    if isinstance(statement, CompoundSelect):
        for part in statement.selects:
            yield from _untied(part, around, seen)
        yield from _in_ctes(statement, seen)
        return
    if isinstance(statement, SelectStatementGrouping):
        yield from _untied(statement.element, around, seen)
        return
    if not isinstance(statement, Select | Insert | Update | Delete):
        return
    froms, conditions = _scope(statement)
    if all(_key(each) in around for each in froms):  # then none of them is that of the query around
        around -= {_key(each) for each in froms}
    tied = _tie(froms, conditions, around)
    for each in froms:
        table = _table_of(each)
        if table is not None and table.info["distribution"] == "distributed" and _key(each) not in tied:
            yield table.name
    for inner, is_read_from in _inner(statement):
        yield from _untied(inner, NOTHING if is_read_from else tied, seen)
    yield from _in_ctes(statement, seen)


def _scope(statement: Select[Any] | Insert | Update | Delete) -> tuple[list[FromClause], list[Any]]:
    """What a statement reads or writes itself, and the conditions that must hold for it."""
    if isinstance(statement, Insert):  # a row brings its town_id, which can't be NULL
        return [], []
    froms: list[FromClause] = []
    conditions: list[Any] = []
    if isinstance(statement, Select):
        state: Any = statement._compile_state_factory(
            statement, _COMPILER
        )  # what get_final_froms() does, by another dialect
        sources: Iterable[FromClause] = state._get_display_froms()
    else:
        extra = [_from_of(column) for column in _columns(statement.whereclause)]
        sources = [statement.table, *(each for each in extra if each is not None)]
    for source in sources:
        _flatten(source, froms, conditions)
    if statement.whereclause is not None:
        conditions.append(statement.whereclause)
    return froms, [each for condition in conditions for each in _conjuncts(condition)]


def _flatten(source: FromClause, froms: list[FromClause], conditions: list[Any]) -> None:
    if isinstance(source, Join):
        _flatten(source.left, froms, conditions)
        _flatten(source.right, froms, conditions)
        if source.onclause is not None:
            conditions.append(source.onclause)
    elif _key(source) not in map(_key, froms):
        froms.append(source)


def _conjuncts(condition: Any) -> Iterator[Any]:
    if isinstance(condition, Grouping):
        yield from _conjuncts(condition.element)
    elif isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        for clause in condition.clauses:
            yield from _conjuncts(clause)
    else:
        yield condition


def _tie(froms: list[FromClause], conditions: list[Any], around: Tied) -> Tied:
    """Which of them are tied. A subquery that is read from is looked at by itself, so its `town_id` is as good as one."""
    tied = set(around) | {
        _key(each) for each in froms if isinstance(each, AliasedReturnsRows) and _table_of(each) is None
    }
    pairs = [
        (each.left, each.right)
        for each in conditions
        if isinstance(each, BinaryExpression) and each.operator is operators.eq
    ]
    pairs += [(right, left) for left, right in pairs]
    for each in conditions:
        if isinstance(each, False_):  # nothing is found
            return frozenset(tied | {_key(source) for source in froms})
        if isinstance(each, BooleanClauseList) and each.operator is operators.or_:
            branches = [_tie(froms, [*_conjuncts(branch)], frozenset(tied)) for branch in each.clauses]
            tied |= frozenset.intersection(*branches)
    while True:
        more = {
            _key(source)
            for left, right in pairs
            if (source := _town_of(left)) is not None and _names_a_town(right, tied)
        } - tied
        if not more:
            return frozenset(tied)
        tied |= more


def _names_a_town(value: Any, tied: set[int]) -> bool:
    source = _town_of(value)
    return isinstance(value, BindParameter) or (source is not None and _key(source) in tied)


def _town_of(value: Any) -> FromClause | None:
    """Of which table or subquery this is the town."""
    if not isinstance(value, ColumnClause | Column) or value.table is None:
        return None
    table = _table_of(value.table)
    name = "id" if table is not None and table.name == "town" else "town_id"
    return value.table if name in (value.key, value.name) else None


def _inner(statement: ClauseElement, is_read_from: bool = False) -> Iterator[tuple[Any, bool]]:
    """The queries directly inside, and whether they are read from: then no row around them is known to them."""
    for child in statement.get_children():
        if isinstance(child, CTE | Table):
            continue
        if isinstance(child, SelectBase | Insert | Update | Delete):
            yield child, is_read_from
        else:
            is_subquery = isinstance(child, AliasedReturnsRows) and not isinstance(child, Lateral)
            yield from _inner(child, is_read_from or is_subquery)
    if isinstance(statement, Insert) and statement.select is not None:
        yield statement.select, False
    if isinstance(statement, Update | Insert):
        for value in _values_of(statement):
            if isinstance(value, SelectBase):
                yield value, False
            elif isinstance(value, ClauseElement):
                yield from _inner(value)


def _values_of(statement: Update | Insert) -> Iterator[Any]:
    """What is put into columns, also where a row was there already."""
    values: Mapping[Any, Any] = statement._values or {}
    yield from values.values()
    on_conflict: Any = getattr(statement, "_post_values_clause", None)
    if on_conflict is not None:
        yield on_conflict
        yield from dict(getattr(on_conflict, "update_values_to_set", None) or {}).values()


def _in_ctes(statement: Any, seen: set[int]) -> Iterator[str]:
    """In what stands under WITH, which no row around it ties."""
    read = [each for each in _all_elements(statement) if isinstance(each, CTE)]
    for cte in [*read, *(each.cte if hasattr(each, "cte") else each for each in statement._independent_ctes)]:
        if id(cte.element) not in seen:
            seen.add(id(cte.element))
            yield from _untied(cte.element, NOTHING, seen)


def _all_elements(statement: ClauseElement) -> Iterator[ClauseElement]:
    for child in statement.get_children():
        yield child
        if not isinstance(child, CTE | Table):
            yield from _all_elements(child)


def _columns(condition: Any) -> Iterator[Any]:
    if condition is None:
        return
    for child in [condition, *condition.get_children()]:
        if isinstance(child, ColumnClause):
            yield child
        elif child is not condition and not isinstance(child, SelectBase):
            yield from _columns(child)


def _from_of(column: Any) -> FromClause | None:
    return column.table if isinstance(column.table, FromClause) else None


def _table_of(source: FromClause) -> Table | None:
    while isinstance(source, AliasedReturnsRows) and not isinstance(source, CTE):
        source = source.element
    return source if isinstance(source, Table) else None


def _key(source: FromClause) -> int:
    return hash(source)
