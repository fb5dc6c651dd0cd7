"""What the web server loads for the demo: the town is prepared and served by one process, which starts once."""

from __future__ import annotations

from flask import Flask

from app import create_app
from demo.prepare import prepare


def serve() -> Flask:
    """The application with the demo town ready. Raises SettingsInvalid in production."""
    prepare()
    return create_app()
