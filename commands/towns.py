"""Which towns a command is for."""

from __future__ import annotations

from collections.abc import Sequence

import click

from blueprints.edge.house import house
from rules.jobs.runs import list_towns
from rules.rows import AnyRow
from rules.work import SYSTEM


def find_towns(code: str | None) -> Sequence[AnyRow]:
    """The town with this code, or all of them. Raises ClickException."""
    towns = house().transactions.read(0, SYSTEM, list_towns)
    named = [town for town in towns if code in (None, town.code)]
    if code is not None and not named:
        raise click.ClickException(f"There is no town {code}.")
    return named
