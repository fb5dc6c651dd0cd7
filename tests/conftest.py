"""What every test may ask for.

Tests share one migrated database for each engine and worker, and commit for real. What keeps them apart is the
product's own wall: each test works in a town of its own.
"""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from app import create_app
from blueprints.edge.house import EXTENSION, House
from blueprints.edge.request_log import configure_logging
from migrations.upgrade import upgrade
from rules.database import connect
from rules.work import Transactions
from tests.build import ApiClient, TownBuilder, new_town, settings_for
from tests.postgresql import running_postgresql

ENGINES = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Databases:
    """Makes migrated databases of one engine, each a copy of one template."""

    make: Callable[[], str]  #: the address of a fresh copy


@pytest.fixture(autouse=True)
def usual_logging() -> None:
    """A process logs in one way, and the application of another test may have changed it."""
    if logging.getLogger().level != logging.INFO:
        configure_logging("INFO")


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    with running_postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    folder: Path = tmp_path_factory.mktemp("sqlite")
    template = folder / "template.sqlite"
    engine = connect(f"sqlite:///{template}")
    upgrade(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()

    def make() -> str:
        copy = folder / f"{uuid.uuid4().hex}.sqlite"
        shutil.copyfile(template, copy)
        return f"sqlite:///{copy}"

    return Databases(make)


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_url: str) -> Iterator[Databases]:
    server = create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    template = f"template_{uuid.uuid4().hex}"

    def create(name: str, like: str | None = None) -> str:
        with server.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{like}"' if like else "")))
        return make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)

    engine = connect(create(template))
    upgrade(engine)
    engine.dispose()
    yield Databases(lambda: create(f"test_{uuid.uuid4().hex}", template))
    server.dispose()


@pytest.fixture(scope="session", params=ENGINES)
def databases(request: pytest.FixtureRequest) -> Databases:
    """Fresh migrated databases, on SQLite and on PostgreSQL in turn."""
    return request.getfixturevalue(f"{request.param}_databases")


@pytest.fixture(scope="session")
def database_url(databases: Databases) -> str:
    """One migrated database that all tests of an engine share."""
    return databases.make()


@pytest.fixture(scope="session")
def app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application on the shared database."""
    app = create_app(settings_for(database_url, tmp_path_factory.mktemp("instance")))
    yield app
    app.extensions[EXTENSION].transactions.engine.dispose()


@pytest.fixture(scope="session")
def house(app: Flask) -> House:
    """What the application holds: settings, keys, units of work, WeChat."""
    return app.extensions[EXTENSION]


@pytest.fixture(scope="session")
def database(house: House) -> Transactions:
    """Units of work on the shared database."""
    return house.transactions


@pytest.fixture
def town(house: House) -> TownBuilder:
    """A town of the test's own."""
    return new_town(house)


@pytest.fixture
def api(app: Flask, town: TownBuilder) -> ApiClient:
    """The API as a visitor of the test's town sees it."""
    return ApiClient(app, town)
