"""`flask --app app admin staff …`: accounts of staff, their passwords and roles."""

from __future__ import annotations

import secrets
import sys
from itertools import groupby

import click
from flask.cli import AppGroup

from blueprints.edge.house import house
from commands.admin.who import (
    act,
    act_or_try,
    by_option,
    dry_run_option,
    in_words,
    staff_named,
    town_named,
    town_option,
)
from models.residents import Role, StaffStatus
from rules.administration.founding import root_of
from rules.administration.staffing import (
    NAME_LENGTH_MAX,
    check_password_strength,
    close_staff,
    create_staff,
    grant_role,
    list_staff,
    reset_password,
    revoke_role,
)
from rules.ids import ID_MAX
from rules.residents.passwords import HASHER
from rules.work import SYSTEM, Work

group = AppGroup("staff", help="Accounts of staff.")
username_argument = click.argument("username")
password_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
role_option = click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
place_option = click.option(
    "--at", "place", type=click.IntRange(1, ID_MAX), help="A place's id; the whole town without it."
)


@group.command(name="list")
@town_option
def list_them(town: str) -> None:
    """Staff and their roles."""
    rows = house().transactions.read(town_named(town).id, SYSTEM, list_staff)
    for (username, name, status), of_one in groupby(rows, key=lambda row: (row.username, row.name, row.status)):
        roles = ", ".join(f"{row.role.value} at {row.place} ({row.territory_id})" for row in of_one if row.role)
        closed = " closed" if status is StaffStatus.CLOSED else ""
        click.echo(f"{username} {name}{closed}: {roles or 'no role'}")


@group.command()
@username_argument
@town_option
@click.option("--name", required=True, help="The person's name.")
@click.option("--role", type=click.Choice([role.value for role in Role]), help="A first role, in the whole town.")
@password_option
@by_option
def create(username: str, town: str, name: str, role: str | None, password_stdin: bool, by: str | None) -> None:
    """Open an account. Without --password-stdin a password is made and shown once."""
    check_name(name)
    password = read_or_make_password(username, password_stdin)
    password_hash = HASHER.hash(password)

    def deed(work: Work) -> int:
        staff_id = create_staff(work, username, name, password_hash)
        if role is not None:
            grant_role(work, staff_id, Role(role), root_of(work))
        return staff_id

    staff_id = act(town_named(town).id, by, deed, name="staff.create", subject=username, detail={"role": role})
    click.echo(f"{username}: created ({staff_id}), {role or 'no role yet'}")
    show_password(password, password_stdin)


@group.command(name="reset-password")
@username_argument
@password_option
@by_option
def reset(username: str, password_stdin: bool, by: str | None) -> None:
    """Give an account another password, and end its sign-ins."""
    found = staff_named(username)
    password = read_or_make_password(username, password_stdin)
    password_hash = HASHER.hash(password)
    act(
        found.town_id,
        by,
        lambda work: reset_password(work, found.staff_id, password_hash),
        name="staff.reset_password",
        subject=username,
    )
    click.echo(f"{username}: another password; signed out everywhere")
    show_password(password, password_stdin)


@group.command()
@username_argument
@by_option
@dry_run_option
def close(username: str, by: str | None, dry_run: bool) -> None:
    """Close an account for good, and end its sign-ins."""
    found = staff_named(username)
    act_or_try(
        found.town_id,
        by,
        lambda work: close_staff(work, found.staff_id),
        name="staff.close",
        subject=username,
        dry_run=dry_run,
    )
    click.echo(f"{username}: {'would be ' if dry_run else ''}closed and signed out everywhere")


@group.command()
@username_argument
@role_option
@place_option
@by_option
def grant(username: str, role: str, place: int | None, by: str | None) -> None:
    """Give a role at a place and below it."""
    found = staff_named(username)
    granted = act(
        found.town_id,
        by,
        lambda work: grant_role(work, found.staff_id, Role(role), place or root_of(work)),
        name="staff.grant",
        subject=username,
        detail={"role": role, "place": str(place or "")},
    )
    click.echo(f"{username}: {role} {'granted' if granted else 'was granted before'}")


@group.command()
@username_argument
@role_option
@place_option
@by_option
def revoke(username: str, role: str, place: int | None, by: str | None) -> None:
    """Take a role at a place away; it ends at once."""
    found = staff_named(username)
    revoked = act(
        found.town_id,
        by,
        lambda work: revoke_role(work, found.staff_id, Role(role), place or root_of(work)),
        name="staff.revoke",
        subject=username,
        detail={"role": role, "place": str(place or "")},
    )
    click.echo(f"{username}: {role} {'revoked' if revoked else 'was not granted there'}")
    if not revoked:
        sys.exit(1)


def check_name(name: str) -> None:
    """Raises BadParameter unless a name can be shown."""
    if not name.strip() or len(name) > NAME_LENGTH_MAX or not name.isprintable():
        raise click.BadParameter(f"A name has 1 to {NAME_LENGTH_MAX} visible characters.", param_hint="--name")


def read_or_make_password(username: str, from_stdin: bool) -> str:
    """The password of standard input's first line, or a new one. Raises ClickException."""
    password = sys.stdin.readline().rstrip("\r\n") if from_stdin else secrets.token_urlsafe(18)
    in_words(lambda: check_password_strength(username, password))
    return password


def show_password(password: str, was_given: bool) -> None:
    if not was_given:
        click.echo(f"password, shown once: {password}")
