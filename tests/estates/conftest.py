"""What tests of estates ask for."""

from __future__ import annotations

import pytest

from tests.build import ApiClient, TownBuilder
from tests.estates.homes import Home, home_in


@pytest.fixture
def home(town: TownBuilder, api: ApiClient) -> Home:
    """An estate with a company and its people."""
    return home_in(town, api)
