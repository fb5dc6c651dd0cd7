"""What the door does, and the counter: scans that pay, and reservations.

A scan shows a fresh code of somebody who has a place, at the door of the session, and pays by the town's rulebook into a
wallet that has points already. A reservation is a resident's first of a session. At the end the database is counted: what
was answered stands in it, and nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from bench import floors
from bench.load import AnswerWrong, Arm, Ask, WebArm, answers, post
from bench.town import BenchTown
from models.activities import Session
from models.checkins import Scan, ScanResult
from models.ledger import TXN, TxnKind
from models.reservations import Reservation, ReservationStatus
from rules.checkins.codes import issue_code
from rules.clock import utc_now
from rules.work import SYSTEM, Actor, ActorKind, Work

SCAN, RESERVATION = "scan that pays", "reservation"  #: names of arms
AGAINST = " (against)"  #: after a name: another checkout's
DAY = timedelta(days=1)


def door_arms(town: BenchTown, address: str) -> list[WebArm]:
    return [
        WebArm(SCAN, town.size, floors.WRITE, address=address, ask=scan_asking(town), is_right=has_paid),
        WebArm(
            RESERVATION, town.size, floors.WRITE, address=address, ask=reservation_asking(town), is_right=is_confirmed
        ),
    ]


@dataclass(frozen=True)
class _Showing:
    """As much of a work as showing a code takes."""

    town_id: int
    actor: Actor
    now: datetime


def scan_asking(town: BenchTown) -> Ask:
    def ask(client: int) -> bytes:
        if not town.visits:
            raise AnswerWrong("more scans are asked for than the town has people with points: make a larger one")
        resident_id, session_id = town.visits.popleft()
        showing = _Showing(town.id, Actor(ActorKind.RESIDENT, resident_id), utc_now())
        code = issue_code(showing, town.keys).code  # type: ignore[arg-type]
        body = {"code": code, "session_id": str(session_id), "direction": "in", "nonce": uuid.uuid4().hex}
        return post("/api/v1/checkins", town.tokens.of(ActorKind.STAFF, town.ground.scanners[client]), body)

    return ask


has_paid = answers(200, lambda answer: answer["result"] == "admitted" and answer["points"]["awarded"] > 0)


def reservation_asking(town: BenchTown) -> Ask:
    def ask(_client: int) -> bytes:
        resident_id, session_id = next(town.wishes)
        token = town.tokens.of(ActorKind.RESIDENT, resident_id)
        path = f"/api/v1/sessions/{session_id}/reservations"
        return post(path, token, {"party_size": 1}, **{"Idempotency-Key": uuid.uuid4().hex})

    return ask


is_confirmed = answers(201, lambda answer: answer["status"] == "confirmed")


def count_again(town: BenchTown, arms: Sequence[Arm]) -> None:
    """What was answered stands in the database, and nothing else: admitted once, paid once, a place for each."""
    scans, reservations = (
        sum(arm.answered for arm in arms if (arm.name.removesuffix(AGAINST), arm.size) == (name, town.size))
        for name in (SCAN, RESERVATION)
    )
    answered = {"admitted": scans, "paid": scans, "reserved": reservations}
    counted = town.transactions.read(town.id, SYSTEM, _count, town.first_id)
    if counted != answered:
        raise AnswerWrong(f"answered {answered}, in the database {counted}")


def _count(work: Work, first_id: int) -> dict[str, int]:
    counts = {
        "admitted": select(func.count()).where(
            Scan.town_id == work.town_id, Scan.id > first_id, Scan.result == ScanResult.ADMITTED
        ),
        "paid": select(func.count())
        .select_from(TXN)
        .where(
            TXN.c.town_id == work.town_id,
            TXN.c.id > first_id,
            TXN.c.kind == TxnKind.EARN,
            TXN.c.reason == "checkin",
        ),
        "reserved": select(func.count())
        .select_from(Reservation)
        .join(Session, (Session.town_id == Reservation.town_id) & (Session.id == Reservation.session_id))
        .where(
            Reservation.town_id == work.town_id,
            Reservation.id > first_id,
            Reservation.status == ReservationStatus.CONFIRMED,
            Session.starts_at > work.now + DAY,  # those who are expected at the doors have their places already
        ),
    }
    return {name: int(work.core.scalar(statement) or 0) for name, statement in counts.items()}
