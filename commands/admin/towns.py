"""`flask --app app admin town|place|operator …`: a town of its own, its tree, its operators."""

from __future__ import annotations

from dataclasses import replace

import click
from flask.cli import AppGroup

from blueprints.edge.house import house
from commands.admin.staff import check_name, password_option, read_or_make_password, show_password
from commands.admin.who import act, by_option, in_words, login_name, town_named, town_option
from commands.towns import find_towns
from models.residents import Role
from models.territory import HostKind, TerritoryKind
from rules.administration.deeds import record_deed
from rules.administration.founding import add_operator, add_place, found_town, list_places, root_of
from rules.administration.staffing import create_staff, grant_role
from rules.ids import ID_MAX
from rules.residents.passwords import HASHER
from rules.work import SYSTEM, Work

HOMES_MAX = 10_000_000
town = AppGroup("town", help="Towns.")
place = AppGroup("place", help="The tree of a town.")
operator = AppGroup("operator", help="Who runs things for a town.")
kinds = click.Choice([kind.value for kind in TerritoryKind])


@town.command(name="list")
def list_towns() -> None:
    """The towns."""
    for each in find_towns(None):
        click.echo(f"{each.code} ({each.id})")


@town.command()
@click.argument("code")
@click.argument("name")
@click.option("--host", type=click.Choice([kind.value for kind in HostKind]), required=True, help="Who hosts it.")
@click.option("--root", type=kinds, default=TerritoryKind.STREET.value, show_default=True, help="What it is.")
@click.option("--admin", "username", required=True, help="The user name of its first administrator.")
@click.option("--admin-name", "person", required=True, help="The administrator's name.")
@password_option
def create(code: str, name: str, host: str, root: str, username: str, person: str, password_stdin: bool) -> None:
    """Open a town: its tree's root, its book of points, and its first administrator."""
    check_name(name)
    check_name(person)
    password = read_or_make_password(username, password_stdin)
    password_hash = HASHER.hash(password)

    def deed(work: Work) -> int:
        town_id = found_town(work, code, name, HostKind(host), TerritoryKind(root))
        at_home = replace(work, town_id=town_id)
        staff_id = create_staff(at_home, username, person, password_hash)
        grant_role(at_home, staff_id, Role.ADMIN, root_of(at_home))
        record_deed(at_home, "town.create", code, login_name(), {"administrator": username})
        return town_id

    town_id = in_words(lambda: house().transactions.write(0, SYSTEM, deed))
    click.echo(f"{code}: opened ({town_id}); {username} administers it")
    show_password(password, password_stdin)
    click.echo("Next: places, operators and staff; a budget; and a rulebook, which two managers put into force.")


@place.command(name="list")
@town_option
def list_them(town: str) -> None:
    """The tree, with the ids that other commands take."""
    for row in house().transactions.read(town_named(town).id, SYSTEM, list_places):
        indent = "  " * (row.path.count("/") - 1)
        click.echo(f"{indent}{row.kind.value} {row.name} ({row.id}), {row.homes} homes")


@place.command()
@click.argument("name")
@town_option
@click.option("--under", type=click.IntRange(1, ID_MAX), help="The id of the place above; the root without it.")
@click.option("--kind", type=kinds, required=True)
@click.option("--homes", type=click.IntRange(0, HOMES_MAX), default=0, show_default=True, help="Dwellings in it.")
@by_option
def add(name: str, town: str, under: int | None, kind: str, homes: int, by: str | None) -> None:
    """Add a place to the tree."""
    check_name(name)
    place_id = act(
        town_named(town).id,
        by,
        lambda work: add_place(work, under or root_of(work), TerritoryKind(kind), name, homes),
        name="place.add",
        subject=name,
        detail={"kind": kind, "homes": homes},
    )
    click.echo(f"{kind} {name}: added ({place_id})")


@operator.command(name="add")
@click.argument("name")
@town_option
@by_option
def add_one(name: str, town: str, by: str | None) -> None:
    """Add an organisation that runs activities, rooms or a shop."""
    check_name(name)
    operator_id = act(town_named(town).id, by, lambda work: add_operator(work, name), name="operator.add", subject=name)
    click.echo(f"operator {name}: added ({operator_id})")
