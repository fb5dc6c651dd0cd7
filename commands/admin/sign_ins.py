"""`flask --app app admin unlock`, `admin sessions …`: names that are locked, and sign-ins that must end."""

from __future__ import annotations

from dataclasses import replace

import click
from flask.cli import AppGroup, with_appcontext

from blueprints.edge.house import house
from commands.admin.who import (
    act,
    act_or_try,
    administrator_named,
    by_option,
    dry_run_option,
    in_words,
    staff_named,
    town_named,
)
from rules.administration.sign_ins import count_people, end_sign_ins_of, end_some_sign_ins
from rules.ids import ID_MAX
from rules.residents.identity import identify_staff
from rules.residents.lock_out import unlock as unlock_name
from rules.work import SYSTEM, ActorKind, Work

group = AppGroup("sessions", help="Sign-ins that must end.")


@click.command()
@click.argument("username")
@by_option
@with_appcontext
def unlock(username: str, by: str | None) -> None:
    """Let a member of staff sign in again after too many failures."""
    found = staff_named(username)
    keys = house().keys
    was_counted = act(
        found.town_id, by, lambda work: unlock_name(work, keys, username), name="staff.unlock", subject=username
    )
    click.echo(f"{username}: {'unlocked' if was_counted else 'nothing had failed'}")


@group.command()
@click.option("--town", help="The code of the town; needed with --resident and --everybody.")
@click.option("--staff", "username", help="A member of staff.")
@click.option("--resident", type=click.IntRange(1, ID_MAX), help="A resident's id.")
@click.option("--everybody", is_flag=True, help="Everybody in the town, staff included.")
@by_option
@dry_run_option
def revoke(
    town: str | None, username: str | None, resident: int | None, everybody: bool, by: str | None, dry_run: bool
) -> None:
    """End every sign-in of somebody, at once: access tokens and refresh tokens."""
    if [username is not None, resident is not None, everybody].count(True) != 1:
        raise click.UsageError("Say one of --staff, --resident, --everybody.")
    if username is not None:
        found = staff_named(username)
        _revoke_one(found.town_id, ActorKind.STAFF, found.staff_id, username, by, dry_run)
        return
    if town is None:
        raise click.UsageError("Say --town.")
    town_id = town_named(town).id
    if resident is not None:
        _revoke_one(town_id, ActorKind.RESIDENT, resident, str(resident), by, dry_run)
    else:
        _revoke_everybody(town_id, town, by, dry_run)


def _revoke_one(town_id: int, kind: ActorKind, id_: int, subject: str, by: str | None, dry_run: bool) -> None:
    act_or_try(
        town_id,
        by,
        lambda work: end_sign_ins_of(work, kind, id_),
        name="sessions.revoke",
        subject=subject,
        dry_run=dry_run,
    )
    click.echo(f"{kind.value} {subject}: {'would be ' if dry_run else ''}signed out everywhere")


def _revoke_everybody(town_id: int, town: str, by: str | None, dry_run: bool) -> None:
    """A batch in a transaction: nobody waits for a whole town. Broken off, it is simply done again."""
    transactions = house().transactions
    if dry_run:
        counts = [
            transactions.read(town_id, SYSTEM, count_people, kind) for kind in (ActorKind.RESIDENT, ActorKind.STAFF)
        ]
        click.echo(f"{town}: {counts[0]:,} residents and {counts[1]:,} members of staff would be signed out")
        return
    ended = dict.fromkeys((ActorKind.RESIDENT, ActorKind.STAFF), 0)
    staff_id = administrator_named(town_id, by)

    def some(work: Work, kind: ActorKind, after: int) -> list[int]:
        if staff_id is not None:
            work = replace(work, actor=identify_staff(work, staff_id))
        return list(end_some_sign_ins(work, kind, after))

    act(town_id, by, lambda work: some(work, ActorKind.STAFF, ID_MAX), name="sessions.revoke_everybody", subject=town)
    for kind in ended:
        after = 0
        while ids := in_words(lambda: transactions.write(town_id, SYSTEM, some, kind, after)):  # noqa: B023  at once
            ended[kind] += len(ids)
            after = ids[-1]
    residents, staff = ended.values()
    click.echo(f"{town}: {residents:,} residents and {staff:,} members of staff signed out everywhere")
