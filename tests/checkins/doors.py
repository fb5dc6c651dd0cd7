"""Doors, and those who stand at them: scans in and out at any moment, uploads, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import time_machine
from werkzeug.test import TestResponse

from models.checkins import Scan, Visit
from models.ledger import Account, AccountKind, OwnerType
from models.reservations import Reservation, ReservationStatus
from models.residents import Role
from rules.clock import utc_now
from tests.build import ApiClient, Person, TownBuilder, fresh_key

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@contextmanager
def at(moment: datetime | None) -> Iterator[None]:
    """Let it be another moment; None: the one that it is."""
    if moment is None:
        yield
        return
    with time_machine.travel(moment, tick=False):
        yield


class Door:
    """A member of staff with a scanning device."""

    def __init__(self, town: TownBuilder, api: ApiClient, staff: Person | None = None) -> None:
        self.town, self._visitor = town, api
        self.staff = staff or town.staff(Role.SCANNER)

    @property
    def api(self) -> ApiClient:
        """The API, with a token that is good at this moment."""
        return self._visitor.as_(self.staff)

    def scan(self, code: str | None, session: int, nonce: str | None = None, **more: Any) -> TestResponse:
        body = {"session_id": str(session), "direction": "in", "nonce": nonce or fresh_key(), **more}
        return self.api.post("/checkins", body if code is None else {"code": code, **body})

    def come(self, resident: Person, session: int, when: datetime | None = None, **more: Any) -> Any:
        """The answer to a scan of the resident's code, in, at a moment."""
        with at(when):
            answer = self.scan(self.town.code_of(resident), session, **more)
        assert answer.status_code == 200, answer.text
        return answer.json

    def go(self, resident: Person, session: int, when: datetime | None = None, **more: Any) -> Any:
        """The answer to a scan out."""
        return self.come(resident, session, when, direction="out", **more)

    def undo(self, nonce: str, when: datetime | None = None, **body: Any) -> TestResponse:
        with at(when):
            return self.api.post(f"/checkins/{nonce}/undo", body)


@dataclass
class Device:
    """A device without a network, whose clock is off by `skew`; it stores scans and sends them in any order."""

    door: Door
    skew: timedelta = timedelta(0)

    def item(self, resident: Person, session: int, when: datetime, direction: str = "in", **more: Any) -> Any:
        """A scan of the resident's code at a true moment, as the device stores it."""
        with at(when):
            code = self.door.town.code_of(resident)
        return {
            "code": code,
            "session_id": str(session),
            "direction": direction,
            "nonce": fresh_key(),
            "scanned_at": (when + self.skew).isoformat(),
            **more,
        }

    def send(self, items: list[Any], when: datetime | None = None, **more: Any) -> TestResponse:
        """Send at a true moment. Its clock is still off."""
        with at(when):
            body = {"sent_at": (utc_now() + self.skew).isoformat(), "items": items, **more}
            return self.door.api.post("/checkins/batch", body)

    def answers(self, items: list[Any], when: datetime | None = None) -> list[Any]:
        """What each item was answered; none has a problem."""
        sent = self.send(items, when)
        assert sent.status_code == 200, sent.text
        assert [item["problem"] for item in sent.json["items"]] == [None] * len(items)
        return [item["answer"] for item in sent.json["items"]]


def with_place(town: TownBuilder, api: ApiClient, *sessions: int, party_size: int = 1, **columns: Any) -> Person:
    """A resident with a confirmed place in each of these sessions."""
    resident = town.resident(**columns)
    for session in sessions:
        answer = api.as_(resident).post(f"/sessions/{session}/reservations", {"party_size": party_size})
        assert answer.json["status"] == "confirmed", answer.text
    return resident


def visits_of(town: TownBuilder, resident: Person) -> list[tuple[int, datetime, datetime | None, str | None]]:
    """A resident's visits in order: session, from, to, closed by."""
    rows = town.rows(Visit.session_id, Visit.entered_at, Visit.left_at, Visit.closed_by, resident_id=resident.id)
    return sorted((row.session_id, row.entered_at, row.left_at, row.closed_by) for row in rows)


def status_in(town: TownBuilder, resident: Person, session: int) -> ReservationStatus:
    """What the resident's last reservation of a session is now."""
    rows = town.rows(Reservation.id, Reservation.status, resident_id=resident.id, session_id=session)
    return ReservationStatus(max(rows, key=lambda row: row.id).status)


def points_of(town: TownBuilder, resident: Person) -> int:
    """What is in the resident's wallets of all books."""
    where = {"kind": AccountKind.WALLET, "owner_type": OwnerType.RESIDENT, "owner_id": resident.id}
    return sum(row.credited - row.debited for row in town.rows(Account.credited, Account.debited, **where))


def scans_in(town: TownBuilder, session: int) -> list[Any]:
    """The log of a session, in the order of arrival."""
    rows = town.rows(Scan, session_id=session)
    return sorted((row[0] for row in rows), key=lambda scan: scan.id)
