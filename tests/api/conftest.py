"""Which of the requests that schemathesis could make are made in the everyday run: one engine for each caller and route.

A resident asks a route on one engine and an admin asks it on the other, if they may use it. Who may not is turned away
before anything of the request is read: that is one answer whatever is asked, and the matrix's to try
(tests/edge/test_permissions.py). `BINFEN_LONG=1` asks everything as everybody.
"""

from __future__ import annotations

import os
import zlib
from typing import Any

import pytest

from tests.conftest import ENGINES


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("BINFEN_LONG"):
        return
    left_out = [item for item in items if not is_asked(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if is_asked(item)]


def is_asked(item: pytest.Item) -> bool:
    """Whether a test is of the everyday run; every test but schemathesis' is."""
    params: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    label = getattr(item, "operation_label", None)
    if label is None or "caller" not in params:
        return True
    caller, turn = params["caller"], zlib.crc32(label.encode())
    if label in item.module.CLOSED_TO[caller]:
        return False
    return params["databases"] == ENGINES[(turn + (caller == "resident")) % len(ENGINES)]
