"""`flask --app app admin keys …`: new keys in the place of old ones, step by step. See `rules.key_rotation`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import click
import orjson
from flask.cli import AppGroup

from blueprints.edge.house import house
from commands.admin.who import by_option, dry_run_option, in_words, login_name, staff_named
from commands.towns import find_towns
from rules.administration.deeds import record_deed, require_administrator
from rules.checkins.cards import count_cards_before
from rules.clock import utc_now
from rules.key_rotation import KeyKind, RotationRefused, count_old, is_waiting, prepare, promote, retire, write
from rules.keys import Keys, KeysUnreadable, read
from rules.resealing import count_old_seals, reseal
from rules.residents.identity import identify_staff
from rules.work import SYSTEM, Work

#: How long after a promotion the old key may still be needed, if every server was reloaded within the first half of it.
OVERLAPS = {
    KeyKind.TOKEN: timedelta(hours=1),  # a token is good for a quarter of an hour
    KeyKind.CODES: timedelta(days=4),  # a scanner's upload may be three days old
    KeyKind.DATA: timedelta(hours=1),  # until every server encrypts with the new one; what is left is counted
}
group = AppGroup("keys", help="New keys in the place of old ones.")
kind_argument = click.argument("kind", type=click.Choice([kind.value for kind in KeyKind]))
anyway_option = click.option(
    "--anyway", is_flag=True, help="The old key has leaked: don't wait for what still needs it."
)


@group.command()
def show() -> None:
    """Which keys there are, by their ids; never a key itself."""
    document = _read_file()
    keys = read(document)
    click.echo(f"{house().settings.keys_file}")
    for kind in KeyKind:
        waiting = "one waits" if is_waiting(document, kind) else "none waits"
        since = keys.changed.get(kind.value)
        changed = f", in use since {since:%Y-%m-%d %H:%M} UTC" if since else ""
        click.echo(f"{kind.value}: {count_old(document, kind)} old, {waiting}{changed}")
    click.echo(f"codes, by kid: {', '.join(key.id for key in keys.codes)}; retired: {len(keys.retired_codes)}")
    click.echo(f"data: {', '.join(keys.data)}; the first encrypts; encrypted with another: {_count_old_seals(keys):,}")


@group.command()
def public() -> None:
    """Print the public keys as a JSON Web Key Set, those of earlier times included, for who verifies an export."""
    click.echo(orjson.dumps(house().keys.jwks_of_seals(), option=orjson.OPT_INDENT_2).decode())


@group.command(name="prepare")
@kind_argument
@by_option
def prepare_new(kind: str, by: str | None) -> None:
    """Make a new key that is known and not used yet."""
    _require(by)
    document, which = _asked(kind)
    _change(document, _step(lambda: prepare(document, which)), f"keys.prepare.{kind}", by)
    click.echo(
        f"{kind}: a new key waits. Reload every server (flask admin reload), then: flask admin keys promote {kind}"
    )


@group.command(name="promote")
@kind_argument
@by_option
def promote_new(kind: str, by: str | None) -> None:
    """Use the new key: it signs or encrypts from the next reload on; the old one still counts."""
    _require(by)
    document, which = _asked(kind)
    _change(document, _step(lambda: promote(document, which, utc_now())), f"keys.promote.{kind}", by)
    then = " flask admin keys reseal, then" if which is KeyKind.DATA else ""
    click.echo(f"{kind}: the new key is the first. Reload every server;{then} flask admin keys retire {kind}")


@group.command(name="reseal")
@by_option
@dry_run_option
def encrypt_anew(by: str | None, dry_run: bool) -> None:
    """Encrypt with the first data key what is encrypted with an old one; it may be broken off and begun again."""
    _require(by)
    if dry_run:
        click.echo(f"{_count_old_seals(house().keys):,} values would be encrypted anew")
        return
    _record("keys.reseal", by)  # before the first: it may be broken off
    unreadable = 0
    for town_id, code in [(0, "of no town"), *((town.id, town.code) for town in find_towns(None))]:
        done = in_words(lambda: reseal(house().transactions, town_id, house().keys))  # noqa: B023  at once
        unreadable += done.unreadable
        click.echo(f"{code}: {done.values:,} values encrypted anew, {done.unreadable:,} can't be read by any key")
    if unreadable:
        raise click.ClickException(
            "Some values were encrypted with a key that isn't in the file. They are as they were."
        )


@group.command(name="retire")
@kind_argument
@anyway_option
@by_option
@dry_run_option
def retire_old(kind: str, anyway: bool, by: str | None, dry_run: bool) -> None:
    """Drop the old keys of a kind, once nothing needs them."""
    _require(by)
    document, which = _asked(kind)
    anew = _step(lambda: retire(document, which))
    needed = _still_needed(which, read(document))
    if needed is not None and not (anyway and needed.may_be_lost):
        raise click.ClickException(needed.sentence)
    if dry_run:
        click.echo(f"{kind}: {count_old(document, which)} old keys would be dropped")
        return
    if which is KeyKind.DATA:
        _keep_old_file(document)
    _change(document, anew, f"keys.retire.{kind}", by)
    click.echo(f"{kind}: the old keys are dropped. Reload every server.")


@dataclass(frozen=True, slots=True)
class Need:
    """What still needs the old keys, and whether it may be lost: a sign-in, a code, a card; never what is encrypted."""

    sentence: str
    may_be_lost: bool = True


def _still_needed(kind: KeyKind, keys: Keys) -> Need | None:
    if kind is KeyKind.DATA and (left := _count_old_seals(keys)):
        return Need(f"{left:,} values are encrypted with old keys: flask admin keys reseal", may_be_lost=False)
    changed = keys.changed.get(kind.value)
    ends = changed + OVERLAPS[kind] if changed else None
    if ends is None or ends > utc_now():
        when = f"until {ends:%Y-%m-%d %H:%M} UTC" if ends else "for an unknown time"
        return Need(f"What the old {kind.value} key made may be about {when}. --anyway if it has leaked.")
    if kind is KeyKind.CODES and changed is not None:
        until = changed + OVERLAPS[KeyKind.TOKEN]  # by then every server signs with the new one
        cards = sum(house().transactions.read(town.id, SYSTEM, count_cards_before, until) for town in find_towns(None))
        return Need(f"{cards:,} printed cards were signed with it: print them anew, or --anyway.") if cards else None
    return None


def _count_old_seals(keys: Keys) -> int:
    """Whole tables are looked through, which may take its time: a survey."""
    towns, survey = [0, *(town.id for town in find_towns(None))], house().transactions.survey
    return in_words(lambda: sum(survey(town_id, SYSTEM, count_old_seals, keys) for town_id in towns))


def _asked(kind: str) -> tuple[str, KeyKind]:
    return _read_file(), KeyKind(kind)


def _read_file() -> str:
    path: Path = house().settings.keys_file
    try:
        document = path.read_text()
        read(document)
    except (KeysUnreadable, OSError) as error:
        raise click.ClickException(f"KEYS_FILE: {error}.") from None
    return document


def _step(step: Callable[[], str]) -> str:
    try:
        return step()
    except RotationRefused as refused:
        raise click.ClickException(_sentence(refused)) from None


def _sentence(refused: RotationRefused) -> str:
    words = str(refused)
    return f"{words[0].upper()}{words[1:]}."


def _change(before: str, document: str, deed: str, by: str | None) -> None:
    """Write the file as the last thing before its record is committed: what fails leaves neither."""
    try:
        _record(deed, by, lambda: write(house().settings.keys_file, document, before=before))
    except RotationRefused as refused:
        raise click.ClickException(_sentence(refused)) from None
    except OSError as error:
        raise click.ClickException(f"KEYS_FILE can't be written: {error.strerror}.") from None


def _keep_old_file(document: str) -> None:
    """Backups from before the resealing are read with the old keys, and so is what a server wrote that wasn't reloaded."""
    path: Path = house().settings.keys_file
    old = path.with_name(f"{path.name}.until-{utc_now():%Y%m%dT%H%M%S}")
    try:
        with os.fdopen(os.open(old, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise click.ClickException(f"{old} can't be written: {error.strerror}.") from None
    click.echo(f"{old}: the file as it was. Older backups need it: move it to them.")


def _require(by: str | None) -> None:
    """Raises ClickException unless it is an administrator, of any town, or there is no town with one."""
    if by is None:
        for town in find_towns(None):
            in_words(lambda: house().transactions.read(town.id, SYSTEM, require_administrator))  # noqa: B023  at once
        return
    found = staff_named(by)

    def may(work: Work) -> None:
        require_administrator(replace(work, actor=identify_staff(work, found.staff_id)))

    in_words(lambda: house().transactions.read(found.town_id, SYSTEM, may))


def _record(deed: str, by: str | None, do: Callable[[], None] = lambda: None) -> None:
    """Do something and write it down: keys are everybody's, so each town's record has it, or none.

    It names who did it by the user name where it isn't their town.
    """
    doer = staff_named(by) if by else None
    towns, login = find_towns(None), login_name()

    def record(work: Work) -> None:
        for town in towns:
            there = replace(work, town_id=town.id)
            if doer is not None and doer.town_id == town.id:
                there = replace(there, actor=identify_staff(there, doer.staff_id))
            record_deed(there, deed, "keys", login, {"by": by or ""})
        do()

    in_words(lambda: house().transactions.write(0, SYSTEM, record))
