"""Who does it: `--by NAME`, an administrator of the town, and the name on the machine. The deed and its record are one."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import click

from blueprints.edge.house import house
from commands.towns import find_towns
from rules.administration.deeds import record_deed
from rules.administration.staffing import StaffUnknown, find_staff
from rules.errors import RuleError
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
    try:
        return house().transactions.read(0, SYSTEM, find_staff, username)
    except StaffUnknown:
        raise click.ClickException(f"There is no member of staff {username}.") from None


def administrator_named(town_id: int, by: str | None) -> int | None:
    """The id of who does it; None for nobody. Raises ClickException for somebody of another town."""
    if by is None:
        return None
    found = staff_named(by)
    if found.town_id != town_id:
        raise click.ClickException(f"{by} belongs to another town.")
    return int(found.staff_id)


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
    staff_id = administrator_named(town_id, by)
    login = login_name()

    def do_and_record(work: Work) -> T:
        if staff_id is not None:
            work = replace(work, actor=identify_staff(work, staff_id))
        done = deed(work)
        record_deed(work, name, subject, login, detail)
        return done

    return in_words(lambda: house().transactions.write(town_id, SYSTEM, do_and_record))


def in_words(deed: Callable[[], T]) -> T:
    """What it returns; a refusal becomes a sentence and exit code 1."""
    try:
        return deed()
    except RuleError as refusal:
        hint = " (--by NAME)" if refusal.code == "admin.who" else ""
        raise click.ClickException(f"{refusal.sentence('en')}{hint}") from None
