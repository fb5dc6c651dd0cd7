"""`flask --app app ledger import FILE --staff USERNAME`: what staff do with a file of awards, from the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
from flask.cli import with_appcontext

from blueprints.edge.house import house
from blueprints.points.import_schemas import ImportRequest
from rules.errors import RuleError
from rules.points.award_file import ROWS_MAX, RowResult
from rules.points.imports import ImportRowView, ImportView, import_file, list_import_rows
from rules.residents.identity import identify_staff
from rules.residents.passwords import find_credentials
from rules.work import VISITOR, Work

#: Results that are no problem.
FINE = {RowResult.BOOKED, RowResult.ALREADY_BOOKED, RowResult.WAITING, RowResult.DECLINED}


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--staff", "username", required=True, help="The user name of the manager who imports it.")
@with_appcontext
def import_awards(file: Path, username: str) -> None:
    """Book a CSV file of awards: ref,resident_id,amount,occurred_on,reason. The same file again changes nothing."""
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is not UTF-8 text.") from None
    if ImportRequest(only=["name"]).validate({"name": file.name}):
        raise click.ClickException("The file's name must be text of at most 128 characters, as for the API.")
    transactions = house().transactions
    credentials = transactions.read(0, VISITOR, find_credentials, username)
    if credentials.staff_id is None:
        raise click.ClickException(f"There is no member of staff {username}.")
    try:
        imported, rows = transactions.write(
            credentials.town_id, VISITOR, _import_as, credentials.staff_id, file.name, text
        )
    except RuleError as refusal:
        raise click.ClickException(refusal.sentence("en")) from None
    for row in rows:
        if row.result not in FINE:
            click.echo(f"line {row.line}: {row.result}")
    click.echo(_in_words(imported))


def _import_as(work: Work, staff_id: int, name: str, text: str) -> tuple[ImportView, list[ImportRowView]]:
    work = replace(work, actor=identify_staff(work, staff_id))
    imported = import_file(work, name, text)
    return imported, list(list_import_rows(work, imported.id, None, ROWS_MAX).items)


def _in_words(imported: ImportView) -> str:
    rows = imported.rows
    return (
        f"{imported.name} is {imported.status}: {imported.rows_total} rows, {imported.amount_total} points; "
        f"{rows.booked} booked, {rows.already_booked} booked before, {rows.waiting} waiting, "
        f"{rows.declined} declined, {rows.problems} with a problem."
    )
