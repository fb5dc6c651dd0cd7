"""`flask --app app rulebook …`: check a document, read it in plain words, try it, replay it, and put it into force."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import orjson
from flask.cli import AppGroup
from marshmallow import ValidationError

from blueprints.edge.fields import Moment
from blueprints.edge.house import house
from blueprints.rulebook.schemas import Facts
from commands.towns import find_towns
from rules.clock import ZONE, utc_now
from rules.errors import RuleError
from rules.ids import ID_MAX
from rules.points.ranking_periods import not_worked_out
from rules.points.replays import TownReplay, replay_document
from rules.residents.identity import identify_staff
from rules.residents.passwords import find_credentials
from rules.rows import AnyRow
from rules.rulebook.catalogue import list_rulebooks
from rules.rulebook.decision import Happening
from rules.rulebook.document import Rulebook, RulebookInvalid, parse
from rules.rulebook.drafts import DraftWish, draft_rulebook, list_drafts, not_applied, publish_draft
from rules.rulebook.evaluation import evaluate
from rules.rulebook.plan import Plan, asked_of_events
from rules.rulebook.replaying import Side
from rules.rulebook.sections.accounts import FloorNone
from rules.rulebook.standing import Standing
from rules.rulebook.words import in_words
from rules.work import SYSTEM, VISITOR, Work

DRAFTS_MAX = 100
#: Facts that the house gives with its own events, and what it knows of people.
KNOWN_FACTS = frozenset(
    {
        *("kind", "scene", "category", "volunteers_only", "minutes", "hours", "party_size", "provenance"),
        *("place", "venue_kind", "use", "weekday", "day_kind", "allocation", "organisation", "local", "excused"),
        *("approved_by", "claimed_on", "person.kind", "person.volunteer", "person.household", "person.registered_days"),
    }
)

group = AppGroup("rulebook", help="The rules of points.")
file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


class MomentOption(click.ParamType[datetime]):
    """A moment, or a day as its first moment, in the community's zone."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return value if isinstance(value, datetime) else Moment().deserialize(value)
        except ValidationError as error:
            self.fail("; ".join(error.messages), param, ctx)


@group.command()
@file_argument
def check(file: Path) -> None:
    """Say whether FILE is a rulebook, or everything that is wrong with it: key, line, what is allowed."""
    plan = Plan(_read(file))
    click.echo(f"{plan.rulebook.name}: valid")
    click.echo(f"events that it speaks of: {', '.join(sorted(plan.kinds)) or 'none'}")
    asked = sorted(asked_of_events(plan.rulebook) - {"kind"})
    click.echo(f"facts that it asks for: {', '.join(asked) or 'none'}")
    if told := [fact for fact in asked if fact not in KNOWN_FACTS]:
        click.echo(f"of these the house knows nothing; whoever tells the event must give them: {', '.join(told)}")
    persons = sorted(fact for fact in plan.facts if fact.startswith("person.") and fact not in KNOWN_FACTS)
    if persons:
        click.echo(f"of a person the house doesn't know, so it counts as false: {', '.join(persons)}")
    rankings = [f"ranking {id_} (in words only)" for id_ in not_worked_out(plan)]
    if sections := [*not_applied(plan.rulebook), *rankings]:
        click.echo(f"written down, and not applied by the house yet: {', '.join(sections)}")
    for currency in plan.rulebook.currency:
        if isinstance(currency.floor, FloorNone) or currency.floor < 0:
            click.echo(f"a draft of it will be refused: {currency.id} may be owed, and the ledger knows no debts")


@group.command()
@file_argument
def words(file: Path) -> None:
    """FILE in plain words, as residents will read it."""
    for chapter in in_words(_read(file)):
        click.echo(f"\n{chapter.title}")
        for sentence in chapter.sentences:
            click.echo(f"  {sentence}")


@group.command("list")
@click.option("--town", help="The code of one town; all of them without it.")
def list_(town: str | None) -> None:
    """The rulebooks in force and to come."""
    for each in find_towns(town):
        for rulebook in house().transactions.read(each.id, SYSTEM, list_rulebooks):
            since = rulebook.effective_from.astimezone(ZONE)
            state = "in force since" if rulebook.is_in_force else "from"
            click.echo(f"{each.code}: {rulebook.number} {rulebook.name}, {state} {since:%Y-%m-%d %H:%M}")


@group.command()
@file_argument
@click.argument("kind")
@click.option("--facts", default="{}", help="What the event says, as JSON: '{\"minutes\": 110}'.")
@click.option("--person", default="{}", help="What is known of the person, as JSON: '{\"age\": 60}'.")
@click.option("--at", "moment", type=MomentOption(), help="When it happens; now without it.")
def preview(file: Path, kind: str, facts: str, person: str, moment: datetime | None) -> None:
    """What an event of this KIND would earn by FILE, for somebody of whom nothing is counted yet."""
    happening = Happening(kind, moment or utc_now(), "", _facts("--facts", facts))
    plan = Plan(_read(file))
    decision = evaluate(plan, happening, Standing(person=_facts("--person", person)))
    for line in decision.lines:
        click.echo(f"{line.kind}: {line.explanation}")
    if not decision.lines:
        counted = kind in plan.kinds
        click.echo(f"{kind} is counted; nothing follows from one." if counted else f"No rule speaks of {kind}.")


@group.command()
@file_argument
@click.option("--town", required=True, help="The code of the town.")
@click.option("--from", "begin", type=MomentOption(), required=True, help="The first moment: 2026-01-01.")
@click.option("--to", "end", type=MomentOption(), required=True, help="The moment after the last one.")
def replay(file: Path, town: str, begin: datetime, end: datetime) -> None:
    """What FILE would have made of a period; nothing is written."""
    [found] = find_towns(town)
    document = _read_text(file)
    try:
        replayed = house().transactions.survey(found.id, SYSTEM, replay_document, document, begin, end)
    except RuleError as refusal:
        raise click.ClickException(_in_words(refusal)) from None
    _show(replayed)


@group.command()
@file_argument
@click.option("--staff", required=True, help="The user name of the manager who drafts it.")
@click.option("--from", "effective_from", type=MomentOption(), required=True, help="When it is to come into force.")
@click.option("--note", default="", help="Why.")
def draft(file: Path, staff: str, effective_from: datetime, note: str) -> None:
    """Keep FILE for a second person to publish."""
    wish = DraftWish(_read_text(file), effective_from, note)
    kept = _as_staff(staff, draft_rulebook, wish)
    click.echo(f"draft {kept.id}: waits for a second person (flask rulebook publish {kept.id} --staff NAME)")


@group.command()
@click.option("--staff", required=True, help="The user name of a manager.")
def drafts(staff: str) -> None:
    """The latest drafts."""
    for each in _as_staff(staff, list_drafts, None, DRAFTS_MAX).items:
        click.echo(f"{each.id} {each.status} from {each.effective_from.astimezone(ZONE):%Y-%m-%d %H:%M} {each.note}")


@group.command()
@click.argument("draft_id", type=click.IntRange(1, ID_MAX))
@click.option("--staff", required=True, help="The user name of the second manager.")
def publish(draft_id: int, staff: str) -> None:
    """Put another manager's draft into force from its date on."""
    published: AnyRow = _as_staff(staff, publish_draft, draft_id)
    since = published.effective_from.astimezone(ZONE)
    click.echo(f"version {published.number}: in force from {since:%Y-%m-%d %H:%M}")


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is not UTF-8 text.") from None


def _facts(option: str, text: str) -> dict[str, Any]:
    try:
        return Facts().deserialize(orjson.loads(text))
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise click.ClickException(f"{option}: {error}") from None


def _read(file: Path) -> Rulebook:
    try:
        return parse(_read_text(file))
    except RulebookInvalid as error:
        raise click.ClickException(f"{file}:\n{error}") from None


def _as_staff(username: str, deed: Any, *args: Any) -> Any:
    """Do something as a member of staff."""
    transactions = house().transactions
    credentials = transactions.read(0, VISITOR, find_credentials, username)
    if credentials.staff_id is None:
        raise click.ClickException(f"There is no member of staff {username}.")

    def perform(work: Work) -> Any:
        return deed(replace(work, actor=identify_staff(work, credentials.staff_id)), *args)

    try:
        return transactions.write(credentials.town_id, VISITOR, perform)
    except RuleError as refusal:
        raise click.ClickException(_in_words(refusal)) from None


def _in_words(refusal: RuleError) -> str:
    details = refusal.details("en") or {}
    return "\n".join([refusal.sentence("en"), *(sentence for each in details.values() for sentence in each)])


def _show(replayed: TownReplay) -> None:
    found = replayed.replay
    click.echo(f"{found.events:,} events of {found.holders:,} residents")
    for name, side in (("in force", found.before), ("draft", found.after)):
        click.echo(f"{name}: {_totals(side)}")
    click.echo(f"{found.winners:,} would have more, {found.losers:,} less, {found.unchanged:,} the same")
    click.echo(f"left in the budget: {replayed.budget_left:,}")
    for each in found.differences:
        click.echo(f"  resident {each.holder_id}: {each.before} -> {each.after}")


def _totals(side: Side) -> str:
    given = ", ".join(f"{amount:,} {currency}" for currency, amount in sorted(side.given.items())) or "nothing"
    taken = ", ".join(f"{amount:,} {currency}" for currency, amount in sorted(side.taken.items())) or "nothing"
    return f"gives {given}; takes {taken}"
