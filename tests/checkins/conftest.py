"""What the tests of the door may ask for beside what every test may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blueprints.edge.house import EXTENSION
from tests.apps import make_app
from tests.build import TownBuilder, new_town, settings_for
from tests.conftest import Databases


@pytest.fixture
def race_town(databases: Databases, tmp_path: Path) -> Iterator[TownBuilder]:
    """A town in a database of its own, on the engine of the test."""
    app = make_app(settings_for(databases.make(), tmp_path, log_level="ERROR"))
    yield new_town(app.extensions[EXTENSION])
    app.extensions[EXTENSION].transactions.engine.dispose()
