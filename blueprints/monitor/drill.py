"""From a number to the rows that it counts."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import SIGNED_IN
from blueprints.edge.room import Room
from blueprints.monitor.arguments import FindingArguments, RowArguments
from blueprints.monitor.asked import REFUSALS, Wish, as_wished, question_of, table_response
from blueprints.monitor.schemas import FactPage, FindingsPage
from blueprints.monitor.tables_as_sheets import counted_sheet, findings_sheet
from models.residents import Role
from rules.monitor import counted
from rules.work import Work

room = Room("monitor_rows", __name__, description="The rows behind the monitoring's numbers", may_be_late=True)


@room.does("GET", "/monitor/measures/<string:name>/rows", needs=SIGNED_IN, refuses=REFUSALS)
@room.arguments(RowArguments, location="query")
@table_response(room, FactPage)
def list_counted_rows(work: Work, wish: Wish, name: str) -> Any:
    """The rows that a number counts, the latest first; a file has the first 10,000 from the cursor on."""
    question, form = question_of(wish), wish.pop("format")
    return as_wished(counted.show_counted(work, question, name, is_file=form is not None, **wish), form, counted_sheet)


@room.does("GET", "/monitor/patterns", needs=Role.AUDITOR, refuses=REFUSALS)
@room.arguments(FindingArguments, location="query")
@table_response(room, FindingsPage)
def list_suspicious_patterns(work: Work, wish: Wish) -> Any:
    """What looks suspicious, with the rows behind it. For auditors of the whole town."""
    question, form = question_of(wish), wish.pop("format")
    return as_wished(counted.show_findings(work, question, is_file=form is not None, **wish), form, findings_sheet)
