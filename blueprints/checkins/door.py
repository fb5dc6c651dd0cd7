"""The session's door: the code on its screen, residents who scan it, and staff who look for somebody on its roster."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.checkins.door_scan_schemas import DoorScanArguments, shown_to
from blueprints.checkins.door_schemas import DoorCodeView, RosterCandidateView, RosterSearchArguments, on_the_door
from blueprints.checkins.schemas import ScanView
from blueprints.checkins.screen import on_screen
from blueprints.edge.caller import RESIDENT
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of
from models.residents import Role
from rules.checkins.door_codes import DoorCodeUnknown, issue_door_code
from rules.checkins.roster_search import search_roster
from rules.checkins.scans import DoorScan, NonceReused, scan_at_door
from rules.reservations.refusals import SessionUnknown
from rules.residents.acting import REFUSALS as PROXY_REFUSALS
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("doors", __name__, description="The code at a session's door, and the search on its roster")

Wish = dict[str, Any]


@room.does("GET", "/sessions/<id:session_id>/door-code", needs=Role.SCANNER, refuses=[SessionUnknown, Forbidden])
@room.response(200, DoorCodeView)
def show_door_code(work: Work, session_id: int) -> Any:
    """The code for the screen at the door, for the next minute. Residents scan it with their own phones."""
    return on_the_door(issue_door_code(work, house().keys, session_id))


@room.does(
    "POST", "/me/checkins", needs=RESIDENT, refuses=[DoorCodeUnknown, SessionUnknown, NonceReused, *PROXY_REFUSALS]
)
@room.arguments(DoorScanArguments)
@room.response(200, ScanView)
def scan_door(work: Work, wish: Wish) -> Any:
    """Check myself in or out, or somebody whose proxy I am, with the code at the door. The nonce makes it repeatable."""
    return shown_to(work.actor.id, wish["resident_id"], on_screen(scan_at_door(work, house().keys, DoorScan(**wish))))


@room.does(
    "POST",
    "/sessions/<id:session_id>/roster/search",
    needs=Role.SCANNER,
    refuses=[SessionUnknown, Forbidden],
    reads=True,
)
@room.arguments(RosterSearchArguments)
@room.response(200, all_of(RosterCandidateView))
def search(work: Work, wish: Wish, session_id: int) -> Any:
    """The parties of this session whose phones end in these digits, with masked names."""
    return SimpleNamespace(items=search_roster(work, session_id, wish["phone_tail"]))
