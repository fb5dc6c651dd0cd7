"""Statements over the facts of a family: their sums by day, place and key, and the facts one by one.

Both are made of the family's own statement, so what is listed is what was counted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    Text,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy import cast as turned_into

from models.monitor import Slice
from rules.bulk import is_postgresql
from rules.monitor.definitions import Facts
from rules.sets import is_id_in
from rules.work import Work

NO_KEY = ""  #: of what isn't split
#: The key of what has no operator; what has no scene or detail has an empty one.
NO_OPERATOR = "0"


@lru_cache(1024)
def sums_of(
    facts: Facts,
    counters: tuple[str, ...],
    *,
    by_day: bool = False,
    by_place: bool = False,
    by: tuple[Slice, ...] = (),
    with_key: bool = False,
    in_place: bool = False,
) -> Select[Any]:
    """The sums of counters, in columns of their names.

    Grouped by `day`, `territory_id` (the lowest that is known) and the keys of the slices, each in a column named as the
    slice. `with_key`: only of the first slice's key `key`. `in_place`: only at the places of the list
    `nodes`.
    """
    fact = facts.subquery("fact")
    groups = [
        *([type_coerce(fact.c.day, Date()).label("day")] if by_day else []),
        *([fact.c.territory_id] if by_place else []),
        *(_key(fact, each).label(each.value) for each in by),
    ]
    totals = [turned_into(func.coalesce(func.sum(fact.c[name]), 0), BigInteger).label(name) for name in counters]
    statement = select(*groups, *totals).select_from(fact)
    if in_place:
        statement = statement.where(is_id_in(fact.c.territory_id, "nodes"))
    if with_key:
        statement = statement.where(_key(fact, by[0]) == bindparam("key", type_=Text()))
    return statement.group_by(*_grouped(fact, by_day=by_day, by_place=by_place, by=by)) if groups else statement


@lru_cache(512)
def rows_of(facts: Facts, counter: str, slice_: Slice, *, in_place: bool) -> Select[Any]:
    """The facts that count, the latest first, from a place on: `day`, `id`, and `seen` of just these.

    Of one key of the slice, unless it is Slice.ALL.
    """
    fact = facts.subquery("fact")
    order = [_key(fact, each) for each in (Slice.DETAIL, Slice.SCENE, Slice.OPERATOR)]
    day = type_coerce(fact.c.day, Date())
    statement = (
        select(
            fact.c.id,
            day.label("day"),
            fact.c.territory_id,
            type_coerce(fact.c.scene, Text()).label("scene"),
            fact.c.operator_id,
            fact.c.detail,
            fact.c[counter].label("amount"),
        )
        .select_from(fact)
        .where(
            fact.c[counter] != 0,
            or_(
                day < bindparam("from_day", type_=Date()),
                and_(day == bindparam("from_day", type_=Date()), fact.c.id <= bindparam("from_id", type_=BigInteger())),
            ),
        )
        .order_by(day.desc(), fact.c.id.desc(), *order, fact.c.territory_id, fact.c[counter])
        .limit(bindparam("limit"))
        .offset(bindparam("seen"))
    )
    if in_place:
        statement = statement.where(is_id_in(fact.c.territory_id, "nodes"))
    if slice_ is not Slice.ALL:
        statement = statement.where(_key(fact, slice_) == bindparam("key", type_=Text()))
    return statement


def plan_each_time(work: Work, *, workers: bool = False) -> None:
    """Have PostgreSQL plan what follows in this transaction for the values that it is given: a day, or three years.

    After five runs it would take one plan for all of them, which took twenty times as long for some. Planning takes a
    millisecond or two. Without `workers` it starts no others to help it: that takes longer than an answer may.
    """
    if is_postgresql(work.core):
        work.send(_set, {"name": "plan_cache_mode", "to": "force_custom_plan"})
        if not workers:
            work.send(_set, {"name": "max_parallel_workers_per_gather", "to": "0"})


def allow_loops(work: Work, *, are_allowed: bool) -> None:
    """Whether PostgreSQL may join by searching an index for each row. A survey doesn't let it (`rules.database`)."""
    if is_postgresql(work.core):
        work.send(_set, {"name": "enable_nestloop", "to": "on" if are_allowed else "off"})


_set = select(
    func.set_config(bindparam("name", type_=Text()), bindparam("to", type_=Text()), literal_column("true")).label("was")
)


def _key(fact: Any, slice_: Slice) -> ColumnElement[str]:
    if slice_ is Slice.SCENE:
        return func.coalesce(type_coerce(fact.c.scene, Text()), "")
    if slice_ is Slice.OPERATOR:
        return func.coalesce(turned_into(fact.c.operator_id, Text), NO_OPERATOR)
    assert slice_ is Slice.DETAIL, "what isn't split has no key"
    return func.coalesce(type_coerce(fact.c.detail, Text()), "")


def _grouped(fact: Any, *, by_day: bool, by_place: bool, by: tuple[Slice, ...]) -> list[Any]:
    columns = {Slice.SCENE: fact.c.scene, Slice.OPERATOR: fact.c.operator_id, Slice.DETAIL: fact.c.detail}
    return [*([fact.c.day] if by_day else []), *([fact.c.territory_id] if by_place else []), *(columns[e] for e in by)]
