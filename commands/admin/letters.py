"""`flask --app app admin letters …`: messages that were given up."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import click
from flask.cli import AppGroup

from blueprints.edge.house import house
from commands.admin.who import act_or_try, administrator_named, dry_run_option, in_words, town_named, town_option
from rules.clock import ZONE
from rules.delivery import list_dead_letters, retry
from rules.ids import ID_MAX
from rules.notices.delivering import dismiss_letter
from rules.residents.identity import identify_staff
from rules.rows import AnyRow
from rules.work import SYSTEM, Work

PAGE = 100
group = AppGroup("letters", help="Dead letters: messages that were given up.")
by_option = click.option("--by", required=True, help="The user name of a manager of the whole town.")
ids_argument = click.argument("message_ids", type=click.IntRange(1, ID_MAX), nargs=-1)
topic_option = click.option("--topic", help="All of this topic; with --all of every topic.")
all_option = click.option("--all", "every", is_flag=True, help="All of them.")


@dataclass(frozen=True, slots=True)
class Deed:
    """What is done to a dead letter, its name in the record, and in words."""

    rule: Callable[..., object]
    name: str
    done: str


RETRY = Deed(retry, "letters.retry", "tried again")
DROP = Deed(dismiss_letter, "letters.drop", "dropped")


@group.command(name="list")
@town_option
@by_option
@topic_option
def list_them(town: str, by: str, topic: str | None) -> None:
    """What was given up and nobody has looked at, the latest first: never what it says, which is people's."""
    town_id = town_named(town).id
    for row in _dead(town_id, by, topic):
        failed_at = f"{row.failed_at.astimezone(ZONE):%Y-%m-%d %H:%M}"
        click.echo(f"{row.id} {failed_at} {row.topic} {row.key}: {row.failure} after {row.attempts} tries")


@group.command(name="retry")
@ids_argument
@town_option
@by_option
@topic_option
@all_option
@dry_run_option
def replay(message_ids: tuple[int, ...], town: str, by: str, topic: str | None, every: bool, dry_run: bool) -> None:
    """Have dead letters tried again from the beginning."""
    town_id = town_named(town).id
    _each(town_id, _chosen(town_id, by, message_ids, topic, every), by, dry_run, RETRY)


@group.command()
@ids_argument
@town_option
@by_option
@topic_option
@all_option
@dry_run_option
def drop(message_ids: tuple[int, ...], town: str, by: str, topic: str | None, every: bool, dry_run: bool) -> None:
    """Leave dead letters as they are; they are deleted in time."""
    town_id = town_named(town).id
    _each(town_id, _chosen(town_id, by, message_ids, topic, every), by, dry_run, DROP)


def _chosen(town_id: int, by: str, message_ids: tuple[int, ...], topic: str | None, every: bool) -> list[int]:
    if bool(message_ids) + bool(topic) + every != 1:
        raise click.UsageError("Say which: ids, --topic, or --all.")
    return list(message_ids) or [row.id for row in _dead(town_id, by, topic)]


def _each(town_id: int, ids: list[int], by: str, dry_run: bool, deed: Deed) -> None:
    """Do it to each, in a transaction of its own: one that is gone meanwhile doesn't keep the others."""
    failed = False
    for id_ in ids:
        try:
            rule = partial(deed.rule, message_id=id_)
            act_or_try(town_id, by, rule, name=deed.name, subject=str(id_), dry_run=dry_run)
            click.echo(f"{id_}: {'would be ' if dry_run else ''}{deed.done}")
        except click.ClickException as refusal:
            click.echo(f"{id_}: {refusal.message}", err=True)
            failed = True
    click.echo(f"{len(ids)} dead letters")
    if failed:
        sys.exit(1)


def _dead(town_id: int, by: str, topic: str | None) -> list[AnyRow]:
    staff_id = administrator_named(town_id, by)
    assert staff_id is not None, "--by is required"

    def read(work: Work) -> list[AnyRow]:
        work = replace(work, actor=identify_staff(work, staff_id))
        found: list[AnyRow] = []
        page = list_dead_letters(work, None, PAGE)
        found.extend(page.items)
        while page.next_after is not None:
            page = list_dead_letters(work, page.next_after, PAGE)
            found.extend(page.items)
        return [row for row in found if topic in (None, row.topic)]

    return in_words(lambda: house().transactions.read(town_id, SYSTEM, read))
