"""`flask --app app migrate`: to this version's schema."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from blueprints.edge.house import house
from commands.towns import find_towns
from migrations.upgrade import upgrade
from rules.search.refreshing import fill as fill_search
from rules.work import SYSTEM


@click.command()
@with_appcontext
def migrate() -> None:
    """Bring the database to this version's schema, and let what was there before the search be found."""
    upgrade(house().transactions.engine)
    for town in find_towns(None):
        house().transactions.write(town.id, SYSTEM, fill_search)
