"""扫码: the resident's code, and the scan at the door."""

from __future__ import annotations

from typing import Any

from blueprints.checkins.schemas import CodeView, ScanArguments, ScanView
from blueprints.checkins.screen import on_screen
from blueprints.edge.caller import RESIDENT
from blueprints.edge.house import house
from blueprints.edge.room import Room
from models.residents import Role
from rules.checkins import codes, scans
from rules.reservations import SessionUnknown
from rules.work import Work

room = Room("checkins", __name__, description="The resident's code and the scan at the door")

Wish = dict[str, Any]


@room.does("GET", "/me/code", needs=RESIDENT)
@room.response(200, CodeView)
def show_my_code(work: Work) -> Any:
    """My code for the next minute."""
    return codes.issue_code(work, house().keys)


@room.does(
    "POST",
    "/checkins",
    needs=Role.SCANNER,
    refuses=[SessionUnknown, scans.ClockSkewed, scans.NonceReused],
)
@room.arguments(ScanArguments)
@room.response(200, ScanView)
def scan(work: Work, wish: Wish) -> Any:
    """Answer a scan: admitted with points, or refused with a reason. The nonce makes it repeatable."""
    return on_screen(scans.scan(work, house().keys, scans.ScanRequest(**wish)))
