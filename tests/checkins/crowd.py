"""A crowd at the doors: scans and undos as devices send them, from processes of their own, and what came of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

from flask import Flask

from blueprints.edge.house import EXTENSION
from models.checkins import Direction, Scan, ScanUndo, Visit
from models.ledger import Account, AccountKind, Event, Posting
from rules.checkins.presence import find_room
from rules.checkins.scans import ScanRequest
from rules.checkins.scans import scan as scan_at_the_door
from rules.checkins.visits import Sight, fold
from rules.clock import utc_now
from rules.reservations.reserving import Wish, reserve_place
from rules.residents.tokens import Owner, issue_access_token
from rules.work import SYSTEM, ActorKind
from tests.build import Person, TownBuilder, fresh_key
from tests.races import until_answered

SCANS = 50


def scan(app: Flask, town_id: int, scanner_id: int, body: dict[str, Any]) -> dict[str, Any]:
    """One scan; runs in a process of its own application."""
    return _post(app, town_id, scanner_id, "/checkins", body)


def scan_here(town: TownBuilder, scanner: Person, body: dict[str, Any]) -> dict[str, Any]:
    """One scan, in this process."""
    request = ScanRequest(body["code"], int(body["session_id"]), Direction(body["direction"]), body["nonce"])
    return dict(town.act(scanner, scan_at_the_door, town.house.keys, request).answer)


def undo(app: Flask, town_id: int, scanner_id: int, nonce: str) -> dict[str, Any]:
    """One undo."""
    return _post(app, town_id, scanner_id, f"/checkins/{nonce}/undo", {})


def _post(app: Flask, town_id: int, scanner_id: int, path: str, body: dict[str, Any]) -> dict[str, Any]:
    keys = app.extensions[EXTENSION].keys
    token = issue_access_token(keys, Owner(ActorKind.STAFF, town_id, scanner_id, 1), utc_now())
    headers = {"Authorization": f"Bearer {token}"}
    answer = until_answered(lambda: app.test_client().post(f"/api/v1{path}", json=body, headers=headers))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return dict(answer.json)


def body_of(code: str, session: int, direction: str = "in") -> dict[str, Any]:
    """What a device sends."""
    return {"code": code, "session_id": str(session), "direction": direction, "nonce": fresh_key()}


def with_place(town: TownBuilder, *sessions: int) -> Person:
    """A resident with a place in each of these sessions."""
    resident = town.resident()
    for session in sessions:
        town.act(resident, reserve_place, session, Wish(1))
    return resident


def paid(town: TownBuilder) -> tuple[int, int, int]:
    """Points in wallets, awards posted, events."""
    wallets = town.rows(Account.credited, kind=AccountKind.WALLET)
    return sum(row.credited for row in wallets), len(town.rows(Posting.amount, amount=5)), len(town.rows(Event.id))


def agrees_with_the_log(
    town: TownBuilder, *sessions: int, now: datetime | None = None, resident: Person | None = None
) -> bool:
    """Whether the visits, of one resident or of all, are what the log adds up to, all of it folded at once."""
    whose_rows = {} if resident is None else {"resident_id": resident.id}
    undone = {row.scan_id for row in town.rows(ScanUndo.scan_id)}
    seen: dict[int, list[Sight]] = defaultdict(list)
    for (row,) in town.rows(Scan, **whose_rows):
        if row.is_evidence and row.id not in undone:
            whose = (row.id, row.session_id, row.reservation_id)
            when = (row.direction, row.occurred_at, row.scanner_id, row.nonce, row.offline, row.overridden)
            seen[row.resident_id].append(Sight(*whose, *when))
    rooms = town.database.read(
        town.id, SYSTEM, lambda work: {session: find_room(work, session) for session in sessions}
    )
    expected = Counter(
        (resident_id, stay.session_id, stay.entered_at, stay.left_at, stay.closed_by)
        for resident_id, sights in seen.items()
        for stay in fold(sights, rooms, now or utc_now()).stays
    )
    columns = (Visit.resident_id, Visit.session_id, Visit.entered_at, Visit.left_at, Visit.closed_by)
    return Counter(tuple(row) for row in town.rows(*columns, **whose_rows)) == expected
