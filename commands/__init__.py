"""The command line. It stands beside `app.py` because it needs the application's house, which the floor `jobs` doesn't know.

Each file is a group or a command, and another one is registered in PLACES.
"""

from __future__ import annotations

import click
from flask.cli import AppGroup
from werkzeug.utils import import_string

#: Where each is. It is imported when somebody types it, so a web worker never has to.
PLACES = {
    "admin": "commands.admin:group",
    "database": "commands.database:group",
    "jobs": "commands.jobs:group",
    "ledger": "commands.ledger:group",
    "migrate": "commands.migrate:migrate",
    "monitor": "commands.monitor:group",
    "openapi": "commands.openapi:openapi",
    "rulebook": "commands.rulebook:group",
    "search": "commands.search:group",
}


class Commands(AppGroup):
    """The commands of the application."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted({*super().list_commands(context), *PLACES})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in PLACES:
            return super().get_command(context, name)
        command: click.Command = import_string(PLACES[name])
        return command
