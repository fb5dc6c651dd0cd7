"""扫码: the resident's code, the scan at the door, and its undoing."""

from __future__ import annotations

from typing import Any

from blueprints.checkins.schemas import CodeView, ScanArguments, ScanView, UndoArguments, UndoView
from blueprints.checkins.screen import on_screen, undone_on_screen
from blueprints.edge.caller import RESIDENT, SIGNED_IN
from blueprints.edge.house import house
from blueprints.edge.room import Room
from models.residents import Role
from rules.checkins import codes, scans, undoing
from rules.reservations.refusals import SessionUnknown
from rules.residents.identity import Forbidden
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
    refuses=[SessionUnknown, Forbidden, scans.ClockSkewed, scans.NonceReused],
)
@room.arguments(ScanArguments)
@room.response(200, ScanView)
def scan(work: Work, wish: Wish) -> Any:
    """Answer a scan, in or out: let through with points, or refused with a reason. The nonce makes it repeatable."""
    return on_screen(scans.scan(work, house().keys, scans.ScanRequest(**wish)))


@room.does(
    "POST",
    "/checkins/<path:nonce>/undo",
    needs=SIGNED_IN,
    refuses=[
        undoing.ScanUnknown,
        Forbidden,
        undoing.TooLateToUndo,
        undoing.NothingToUndo,
        undoing.PointsSpent,
    ],
)
@room.arguments(UndoArguments)
@room.response(200, UndoView)
def undo_scan(work: Work, wish: Wish, nonce: str) -> Any:
    """Undo a scan of mine within 15 minutes. Undone again, it gets the same answer."""
    return undone_on_screen(undoing.undo_scan(work, nonce, wish["reason"]))
