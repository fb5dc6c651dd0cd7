"""Doors without a network: the session's pack and the upload; and what staff see of a door."""

from __future__ import annotations

from typing import Any

from blueprints.checkins.batch import answer_batch
from blueprints.checkins.offline_schemas import (
    AttendanceArguments,
    AttendanceView,
    BatchArguments,
    BatchView,
    LoggedScanView,
    PackView,
    ScanLogArguments,
)
from blueprints.edge.house import house
from blueprints.edge.room import Parts, Room
from blueprints.edge.schemas import page_of
from models.residents import Role
from rules.checkins.looking import list_scans, show_attendance
from rules.checkins.offline import make_pack
from rules.reservations.refusals import SessionUnknown
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("offline_checkins", __name__, description="Doors without a network, and who is in")

Wish = dict[str, Any]
REFUSALS = (SessionUnknown, Forbidden)


@room.does("GET", "/sessions/<id:session_id>/roster", needs=Role.SCANNER, refuses=REFUSALS)
@room.response(200, PackView)
def show_roster(work: Work, session_id: int) -> Any:
    """All that a device needs at this session's door without a network: whom to expect, and the keys."""
    return make_pack(work, house().keys, session_id)


@room.does_in_parts("POST", "/checkins/batch", needs=Role.SCANNER)
@room.arguments(BatchArguments)
@room.response(200, BatchView)
def upload_scans(parts: Parts, wish: Wish) -> Any:
    """Send scans that a device stored: an answer or a problem for each, in their order. Sending again is harmless."""
    return answer_batch(parts, house().keys, wish)


@room.does("GET", "/sessions/<id:session_id>/scans", needs=Role.SCANNER, refuses=REFUSALS)
@room.arguments(ScanLogArguments, location="query")
@room.response(200, page_of(LoggedScanView, "scans"))
def show_scans(work: Work, wish: Wish, session_id: int) -> Any:
    """The session's log, what arrived last first, with what was undone and what was in conflict."""
    return list_scans(work, session_id, wish["cursor"], wish["limit"])


@room.does("GET", "/sessions/<id:session_id>/attendance", needs=Role.SCANNER, refuses=REFUSALS)
@room.arguments(AttendanceArguments, location="query")
@room.response(200, AttendanceView)
def show_attendance_now(work: Work, wish: Wish, session_id: int) -> Any:
    """How many came to the session, and who is in now."""
    return show_attendance(work, session_id, wish["cursor"], wish["limit"])
