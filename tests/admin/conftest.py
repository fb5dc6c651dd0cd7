"""An application of the test's own: commands work for all towns, and change the keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from blueprints.edge.house import EXTENSION, House
from tests.apps import make_app
from tests.build import TownBuilder, new_town, settings_for
from tests.conftest import Databases

Call = Callable[..., Result]


@pytest.fixture(scope="module")
def own_url(databases: Databases) -> str:
    return databases.make()


@pytest.fixture(scope="module")
def own_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("instance")


@pytest.fixture(scope="module")
def own_app(own_url: str, own_folder: Path) -> Iterator[Flask]:
    app = make_app(settings_for(own_url, own_folder))
    yield app
    app.extensions[EXTENSION].transactions.engine.dispose()


@pytest.fixture
def own_house(own_app: Flask) -> House:
    return own_app.extensions[EXTENSION]


@pytest.fixture
def own_town(own_house: House) -> TownBuilder:
    return new_town(own_house)


@pytest.fixture
def call(own_app: Flask) -> Call:
    """Run `flask admin …`."""

    def invoke(*arguments: str, stdin: str | None = None) -> Result:
        return own_app.test_cli_runner().invoke(args=("admin", *arguments), input=stdin)

    return invoke
