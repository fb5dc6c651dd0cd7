"""One demo town on each engine, made once for all its tests. What a test changes, it undoes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import pytest
from sqlalchemy import select

from demo.people import openid_of
from demo.seed import TOWN_ID, seed
from models import Base
from models.residents import OpenidLookup, RoleGrant, Staff
from models.territory import Territory
from rules.clock import local_day, local_moment
from rules.database import connect
from rules.keys import Keys, generate, read
from rules.work import SYSTEM, Actor, ActorKind, Grant, Transactions, Work
from tests.conftest import Databases

#: Twelve days into a year, so that the season has points of two years.
NOW = datetime(2027, 1, 12, 6, 20, tzinfo=UTC)
#: Another hour of the same day, at which the other engine's town is made.
EARLIER = local_moment(local_day(NOW), "00:10")
PASSWORD = "a password of the demo"
#: What is made of randomness, and so differs from one seeding to the next; and what each engine writes in its own way.
RANDOM = {
    ("search_entry", "terms"),
    ("resident", "openid_sealed"),
    ("staff", "password_hash"),
    ("draw", "commitment"),
    ("draw", "seed_sealed"),
}


class Undo(Exception):
    """Raised by a deed whose effects are not kept."""


@dataclass
class Demo:
    """The demo town in one database."""

    transactions: Transactions
    keys: Keys

    @property
    def today(self) -> date:
        return local_day(NOW)

    def rows(self, statement: Any) -> list[Any]:
        return self.transactions.read(TOWN_ID, SYSTEM, lambda work: list(work.db.execute(statement).all()))

    def undone(self, deed: Callable[[Work], Any], actor: Actor = SYSTEM) -> Any:
        """What a deed answers; what it wrote is undone."""
        answers = []

        def attempt(work: Work) -> None:
            answers.append(deed(work))
            raise Undo

        with pytest.raises(Undo):
            self.transactions.write(TOWN_ID, actor, attempt)
        return answers[-1]

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of the town, without what is made of randomness."""
        return {
            table.name: self.rows(
                select(*(column for column in table.c if (table.name, column.name) not in RANDOM)).order_by(
                    *table.primary_key.columns
                )
            )
            for table in Base.metadata.sorted_tables
            if "town_id" in table.c or table.name == "town"
        }

    @cached_property
    def contents_at_first(self) -> dict[str, list[tuple[Any, ...]]]:
        return self.contents()

    def resident_id(self, number: int) -> int:
        index = self.keys.index_of(openid_of(number))
        return self.rows(select(OpenidLookup.resident_id).where(OpenidLookup.openid_index == index))[0][0]

    def first(self) -> Actor:
        """resident-00001."""
        return Actor(ActorKind.RESIDENT, self.resident_id(1))

    def staff(self, username: str) -> Actor:
        grants = self.rows(
            select(Staff.id, RoleGrant.role, Territory.path)
            .join(RoleGrant, RoleGrant.staff_id == Staff.id)
            .join(Territory, Territory.id == RoleGrant.territory_id)
            .where(Staff.username == username)
        )
        return Actor(ActorKind.STAFF, grants[0].id, tuple(Grant(row.role, row.path) for row in grants))


@pytest.fixture(scope="session")
def keys() -> Keys:
    return read(generate())


def make_demo(databases: Databases, keys: Keys, now: datetime) -> Iterator[Demo]:
    transactions = Transactions(connect(databases.make()), clock=lambda: NOW)
    assert seed(transactions, keys, password=PASSWORD, now=now)
    yield Demo(transactions, keys)
    transactions.engine.dispose()


@pytest.fixture(scope="session")
def demo_on_sqlite(sqlite_databases: Databases, keys: Keys) -> Iterator[Demo]:
    yield from make_demo(sqlite_databases, keys, NOW)


@pytest.fixture(scope="session")
def demo_on_postgresql(postgresql_databases: Databases, keys: Keys) -> Iterator[Demo]:
    yield from make_demo(postgresql_databases, keys, EARLIER)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def demo(request: pytest.FixtureRequest) -> Demo:
    return request.getfixturevalue(f"demo_on_{request.param}")
