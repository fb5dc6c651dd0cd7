"""Every table can be distributed by town: `town_id` leads every key and index, and no foreign key leaves its town.

What holds here keeps one town from ever reading another's rows by mistake, and the door to a distributed engine open.
"""

from __future__ import annotations

import pytest
from sqlalchemy import ForeignKeyConstraint, Index, Table, UniqueConstraint

from models import Base
from rules.distribution import distribution_statements

TABLES = Base.metadata.sorted_tables
DISTRIBUTED = [table for table in TABLES if table.info["distribution"] == "distributed"]
REFERENCE = [table for table in TABLES if table.info["distribution"] == "reference"]
#: The global tables. Another one is a decision, not an accident.
GLOBAL = {
    "content_trace",
    "job_leader",
    "node_counter",
    "openid_lookup",
    "sign_in_failure",
    "staff_lookup",
    "town",
    "wechat_event",
    "wechat_token",
}


def columns_of(constraint: ForeignKeyConstraint | UniqueConstraint | Index) -> list[str]:
    return [column.name for column in constraint.columns]


def test_only_a_few_tables_are_global() -> None:
    assert {table.name for table in REFERENCE} == GLOBAL
    assert len(DISTRIBUTED) + len(REFERENCE) == len(TABLES)


@pytest.mark.parametrize("table", DISTRIBUTED, ids=str)
def test_the_town_leads_every_key_and_index(table: Table) -> None:
    keys = [list(table.primary_key.columns.keys())]
    keys += [columns_of(constraint) for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
    keys += [columns_of(index) for index in table.indexes]
    assert {key[0] for key in keys} == {"town_id"}


@pytest.mark.parametrize("table", DISTRIBUTED, ids=str)
def test_a_foreign_key_stays_in_its_town(table: Table) -> None:
    for constraint in table.foreign_key_constraints:
        target = constraint.referred_table
        pairs = [(element.parent.name, element.column.name) for element in constraint.elements]
        if target.name == "town":
            assert pairs == [("town_id", "id")]
        else:
            assert target.info["distribution"] == "distributed"
            assert pairs[0] == ("town_id", "town_id")
            assert [column for _, column in pairs] == target.primary_key.columns.keys()


@pytest.mark.parametrize("table", DISTRIBUTED, ids=str)
def test_a_table_proves_its_town(table: Table) -> None:
    if table.name != "idempotency_record":  # of callers who may be visitors; it hangs on nothing
        assert table.foreign_key_constraints


@pytest.mark.parametrize("table", REFERENCE, ids=str)
def test_a_global_table_never_points_into_a_town(table: Table) -> None:
    for constraint in table.foreign_key_constraints:
        assert constraint.referred_table.info["distribution"] == "reference"


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_foreign_key_never_changes_or_deletes_by_itself(table: Table) -> None:
    for constraint in table.foreign_key_constraints:
        assert (constraint.ondelete, constraint.onupdate) == (None, None)


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_ids_are_made_by_the_application(table: Table) -> None:
    for column in table.primary_key:
        assert column.autoincrement is False or column.type.python_type is not int
        assert column.identity is None
        assert column.server_default is None


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_constraint_has_a_name_that_postgresql_keeps_whole(table: Table) -> None:
    for constraint in [*table.constraints, *table.indexes]:
        assert constraint.name
        assert len(str(constraint.name)) <= 63


def test_the_printed_statements_spread_every_table_once_and_those_that_are_pointed_to_first() -> None:
    statements = list(distribution_statements())
    spread = [statement for statement in statements if "create_" in statement]
    place = {statement.split("'")[1]: number for number, statement in enumerate(spread)}
    assert place.keys() == {table.name for table in TABLES}
    assert len(spread) == len(TABLES)
    for table in TABLES:
        for constraint in table.foreign_key_constraints:
            assert place[constraint.referred_table.name] <= place[table.name]


def test_the_printed_statements_keep_a_town_together() -> None:
    spread = [statement for statement in distribution_statements() if "create_distributed_table" in statement]
    first, *others = spread
    assert first == f"SELECT create_distributed_table('{first.split(chr(39))[1]}', 'town_id', colocate_with => 'none');"
    anchor = first.split("'")[1]
    assert len(others) == len(DISTRIBUTED) - 1
    assert all(each.endswith(f"', 'town_id', colocate_with => '{anchor}');") for each in others)
    copied = {each.split("'")[1] for each in distribution_statements() if "create_reference_table" in each}
    assert copied == {table.name for table in REFERENCE}
