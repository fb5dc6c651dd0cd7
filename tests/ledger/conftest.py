"""A ledger whose clock is the test's: a database of its own, so nobody else meets ids of a day that is yet to come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine

from blueprints.edge.house import EXTENSION, House
from tests.apps import make_app
from tests.build import new_town, settings_for
from tests.conftest import Databases
from tests.ledger.clerk import NOON, Clerk


@pytest.fixture(scope="session")
def clerks_house(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An application on a database of its own, on each engine in turn."""
    app = make_app(settings_for(databases.make(), tmp_path_factory.mktemp("clerk"), log_level="ERROR"))
    yield app.extensions[EXTENSION]
    app.extensions[EXTENSION].transactions.engine.dispose()


@pytest.fixture
def clerk(clerks_house: House) -> Iterator[Clerk]:
    """The ledger of a town of the test's own, at noon of a day that stands still."""
    with time_machine.travel(NOON, tick=False):
        yield Clerk(new_town(clerks_house))
