"""The application without the watch over slow bodies: what a test takes away to see that it is needed."""

from __future__ import annotations

from flask import Flask

from app import create_app
from blueprints.edge import guards


def create() -> Flask:
    guards._web_server = lambda: None
    return create_app()
