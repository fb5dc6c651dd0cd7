"""Who does it: `--by NAME`, an administrator of the town, and the name on the machine. The deed and its record are one."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import click

from blueprints.edge.house import house
from commands.towns import find_towns, in_words
from rules.administration.deeds import record_deed
from rules.administration.staffing import StaffUnknown, find_staff
from rules.residents.identity import identify_staff
from rules.rows import AnyRow
from rules.work import SYSTEM, Work

T = TypeVar("T")

by_option = click.option("--by", help="Who does it: an administrator's user name. A town without any needs none.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would be done.")
town_option = click.option("--town", required=True, help="The code of the town.")


def login_name() -> str:
    """Who stands at the machine; behind sudo, who they were before."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container without a list of users
        return f"uid {os.getuid()}"


def town_named(code: str) -> AnyRow:
    """The town of a code. Raises ClickException."""
    [found] = find_towns(code)
    return found


def staff_named(username: str) -> AnyRow:
    """Whose a user name is: town_id and staff_id. Raises ClickException."""
    is_text = username.isprintable()  # bytes that aren't can't be asked for
    found = in_words(lambda: house().transactions.read(0, SYSTEM, _staff_or_none, username)) if is_text else None
    if found is None:
        raise click.ClickException(f"There is no member of staff {username}.")
    return found


def _staff_or_none(work: Work, username: str) -> AnyRow | None:
    try:
        return find_staff(work, username)
    except StaffUnknown:
        return None


def administrator_named(town_id: int, by: str | None) -> int | None:
    """The id of who does it; None for nobody. Raises ClickException for somebody of another town."""
    if by is None:
        return None
    found = staff_named(by)
    if found.town_id != town_id:
        raise click.ClickException(f"{by} belongs to another town.")
    return int(found.staff_id)


class _Tried(Exception):
    """It would have gone well. Raised to undo it."""


def act(
    town_id: int,
    by: str | None,
    deed: Callable[[Work], T],
    *,
    name: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> T:
    """Do something in a town as its administrator, and record it in the same transaction. Raises ClickException."""
    return in_words(
        lambda: house().transactions.write(town_id, SYSTEM, _recorded(town_id, by, deed, name, subject, detail))
    )


def act_or_try(
    town_id: int, by: str | None, deed: Callable[[Work], object], *, name: str, subject: str, dry_run: bool
) -> None:
    """The same; with `dry_run` all of it is undone, so that what would be refused is refused. Raises ClickException."""
    recorded = _recorded(town_id, by, deed, name, subject, None)

    def deed_or_try(work: Work) -> None:
        recorded(work)
        if dry_run:
            raise _Tried

    with suppress(_Tried):
        in_words(lambda: house().transactions.write(town_id, SYSTEM, deed_or_try))


def _recorded(
    town_id: int,
    by: str | None,
    deed: Callable[[Work], T],
    name: str,
    subject: str,
    detail: Mapping[str, Any] | None,
) -> Callable[[Work], T]:
    staff_id = administrator_named(town_id, by)
    login = login_name()

    def do_and_record(work: Work) -> T:
        if staff_id is not None:
            work = replace(work, actor=identify_staff(work, staff_id))
        done = deed(work)
        record_deed(work, name, subject, login, detail)
        return done

    return do_and_record
