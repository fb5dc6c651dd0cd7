"""Which towns a command is for, and a database that can't be asked: a sentence, and exit code 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import click
from sqlalchemy.exc import DBAPIError

from blueprints.edge.house import house
from rules.errors import RuleError
from rules.jobs.runs import list_towns
from rules.rows import AnyRow
from rules.work import SYSTEM

T = TypeVar("T")


def in_words(deed: Callable[[], T]) -> T:
    """What it returns; a refusal becomes a sentence and exit code 1, and so does a database without our tables."""
    try:
        return deed()
    except RuleError as refusal:
        hint = " (--by NAME)" if refusal.code == "admin.who" else ""
        raise click.ClickException(f"{refusal.sentence('en')}{hint}") from None
    except DBAPIError as error:
        name = type(error.orig).__name__
        raise click.ClickException(f"The database refuses ({name}): flask --app app admin check says why.") from None


def find_towns(code: str | None) -> Sequence[AnyRow]:
    """The town with this code, or all of them. Raises ClickException."""
    towns = in_words(lambda: house().transactions.read(0, SYSTEM, list_towns))
    named = [town for town in towns if code in (None, town.code)]
    if code is not None and not named:
        raise click.ClickException(f"There is no town {code}.")
    return named
