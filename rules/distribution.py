"""The statements that spread the tables over a Citus cluster by town, made from what the tables say of themselves.

`Table.info["distribution"]` says `reference` (a copy on every node) or `distributed` (by `town_id`). All distributed tables
are colocated: whatever is of one town lies on one node, so a unit of work, its foreign keys and its row locks never leave
it. Tables come in the order of their foreign keys, those that are pointed to first.
"""

from __future__ import annotations

from collections.abc import Iterator

from models import Base

#: Into how many parts the towns are spread. It can't be raised later without moving everything; a part is the least that
#: moves to another node, so there should be many more of them than there will be nodes.
SHARDS = 128


def distribution_statements() -> Iterator[str]:
    """SQL to run once, on the coordinator, on a migrated database; docs/scale.md says what of it was tried."""
    distributed = [table.name for table in Base.metadata.sorted_tables if table.info["distribution"] == "distributed"]
    reference = [table.name for table in Base.metadata.sorted_tables if table.info["distribution"] == "reference"]
    yield "CREATE EXTENSION IF NOT EXISTS citus;"
    yield f"SET citus.shard_count TO {SHARDS};"
    yield "-- Our triggers refuse changes or write rows of the same town, which lie on the same node."
    yield "SET citus.enable_unsafe_triggers TO on;"
    for name in reference:
        yield f"SELECT create_reference_table('{name}');"
    first, *others = distributed
    yield f"SELECT create_distributed_table('{first}', 'town_id', colocate_with => 'none');"
    for name in others:
        yield f"SELECT create_distributed_table('{name}', 'town_id', colocate_with => '{first}');"
