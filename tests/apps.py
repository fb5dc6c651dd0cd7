"""Applications that a test makes for itself.

Most of the time that it takes to make one goes into the document of its 400 routes, which such a test doesn't read, and
into looking for garbage. The shared application (`app` in tests/conftest.py) has its document.
"""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import patch

from flask import Flask

import app as making
from blueprints.edge.room import Room
from settings import Settings

NOTHING = SimpleNamespace(collect=lambda: 0, freeze=lambda: None)


def make_app(settings: Settings) -> Flask:
    """An application like any other, but with an empty document."""
    with (
        patch.object(Room, "register_views_in_doc", lambda *_args, **_options: None),
        patch.object(making, "gc", NOTHING),
    ):
        return making.create_app(settings)
