"""The monthly report as a file to print."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Response

from blueprints.edge.caller import SIGNED_IN
from blueprints.edge.files import PDF, file_response, send_version
from blueprints.edge.room import Room
from blueprints.monitor.arguments import ReportArguments
from blueprints.monitor.report_page import LAYOUT, report_pdf
from rules.monitor import report
from rules.residents.identity import Forbidden
from rules.territory.tree import PlaceUnknown
from rules.work import Work

room = Room("monitor_reports", __name__, description="Monthly reports of the operations monitoring", may_be_late=True)

Wish = dict[str, Any]


@room.does(
    "GET",
    "/monitor/reports/<string:month>.pdf",
    needs=SIGNED_IN,
    refuses=[Forbidden, PlaceUnknown, report.ReportUnknown, report.ReportNotReady],
)
@room.arguments(ReportArguments, location="query")
@file_response(room, PDF)
def print_monthly_report(work: Work, wish: Wish, month: str) -> Response:
    """The report of a month that is over ("2026-03"), with charts. For auditors and managers of the place."""
    return _as_pages(work, report.find_report(work, wish["territory_id"], month), month)


def _as_pages(work: Work, key: report.ReportKey, month: str) -> Response:
    """The pages, unless the caller has them already."""
    version = hashlib.sha256(f"{key.version}|{LAYOUT}".encode()).hexdigest()
    return send_version(version, lambda: report_pdf(report.make_report(work, key)), PDF, name=f"运营月报-{month}.pdf")
