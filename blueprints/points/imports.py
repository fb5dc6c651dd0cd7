"""Files of awards: send one, decide one, see what became of each row."""

from __future__ import annotations

from typing import Any

from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.points.import_schemas import (
    ImportArguments,
    ImportRequest,
    ImportRowArguments,
    ImportRowView,
    ImportView,
)
from models.residents import Role
from rules.ledger.pools import BudgetExhausted
from rules.points import award_file, imports
from rules.points.second_person import SecondPersonRequired
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("imports", __name__, description="Files of awards")

Wish = dict[str, Any]
DECIDING = (Forbidden, SecondPersonRequired, imports.ImportDecided, imports.ImportUnknown)


@room.does(
    "POST",
    "/points/imports",
    needs=Role.MANAGER,
    refuses=[
        BudgetExhausted,
        Forbidden,
        award_file.FileEmpty,
        award_file.FileUnreadable,
        award_file.HeaderWrong,
        award_file.TooManyRows,
    ],
)
@room.arguments(ImportRequest)
@room.response(201, ImportView)
def import_awards(work: Work, wish: Wish) -> Any:
    """Book a file of awards, row by row what can be booked. The same text again is the same import, and needs no key."""
    return imports.import_file(work, wish["name"], wish["csv"])


@room.does("GET", "/points/imports", needs=Role.MANAGER, refuses=[Forbidden])
@room.arguments(ImportArguments, location="query")
@room.response(200, page_of(ImportView, "imports"))
def list_imports(work: Work, wish: Wish) -> Any:
    """The town's imports, the latest first."""
    return imports.list_imports(work, wish["cursor"], wish["limit"])


@room.does("GET", "/points/imports/<id:import_id>", needs=Role.MANAGER, refuses=[Forbidden, imports.ImportUnknown])
@room.response(200, ImportView)
def show_import(work: Work, import_id: int) -> Any:
    """One import."""
    return imports.show_import(work, import_id)


@room.does("GET", "/points/imports/<id:import_id>/rows", needs=Role.MANAGER, refuses=[Forbidden, imports.ImportUnknown])
@room.arguments(ImportRowArguments, location="query")
@room.response(200, page_of(ImportRowView, "import_rows"))
def list_import_rows(work: Work, wish: Wish, import_id: int) -> Any:
    """What became of each row, in the order of the file."""
    return imports.list_import_rows(work, import_id, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/points/imports/<id:import_id>/approval",
    needs=Role.MANAGER,
    once=True,
    refuses=[*DECIDING, BudgetExhausted],
)
@room.response(200, ImportView)
def approve_import(work: Work, import_id: int) -> Any:
    """Book what another manager sent."""
    return imports.approve_import(work, import_id)


@room.does("POST", "/points/imports/<id:import_id>/refusal", needs=Role.MANAGER, once=True, refuses=[*DECIDING])
@room.response(200, ImportView)
def decline_import(work: Work, import_id: int) -> Any:
    """Turn down what another manager sent."""
    return imports.decline_import(work, import_id)
