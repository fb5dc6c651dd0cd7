"""What people were told, held against what the database holds.

Everybody asked until there was an answer, so both must be the same set: an answer without its row is a loss, a row that
nobody was told of is a double. Then what adds up: places and reservations, stock and redemptions, points paid and points
told, and the ledger's own audit.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from models.activities import Session
from models.checkins import Scan, ScanResult
from models.ledger import Account, AccountKind, Hold, Posting, Txn, TxnKind
from models.reservations import Reservation, ReservationStatus
from models.residents import OpenidLookup, Resident
from models.rewards import Redemption, Reward
from rules.ledger.audit import audit
from rules.work import SYSTEM, Transactions, Work
from tests.faults.people import Device
from tests.faults.service import PRICE, World

Line = Mapping[str, Any]


def differences(transactions: Transactions, world: World, told: Sequence[Line]) -> list[str]:
    """Everything in which what was told and what is held differ, in words. Empty: all is well."""
    held = transactions.survey(world.town.id, SYSTEM, _read)
    by_deed = {
        deed: [line for line in told if line["deed"] == deed] for deed in ("sign-up", "reserve", "scan", "redeem")
    }
    found = [
        *_unanswered(told),
        *_compare("resident", _subjects(by_deed["sign-up"]), held["residents"]),
        *_compare("openid", _subjects(by_deed["sign-up"]), held["openids"]),
        *_compare("reservation", _made(by_deed["reserve"], "resident_id"), held["reservations"]),
        *_compare("scan", _scanned(by_deed["scan"]), held["scans"]),
        *_compare("redemption", _made(by_deed["redeem"]), held["redemptions"]),
        *_compare("payment", Counter(map(_points_of, _paying(by_deed["scan"]))), held["payments"]),
    ]
    places = Counter(line["answer"]["session_id"] for line in _good(by_deed["reserve"]))
    for what, said, is_ in (
        ("places", {int(id_): count for id_, count in places.items()}, held["places"]),
        ("pieces", len(held["redemptions"]), held["pieces"]),
        ("points held", PRICE * len(held["redemptions"]), held["held"]),
        ("points in wallets", sum(map(_points_of, _paying(by_deed["scan"]))) - held["held"], held["wallets"]),
    ):
        if said != is_:
            found.append(f"{what}: {said} by what was told, {is_} in the database")
    return found + held["audit"]


def _unanswered(told: Iterable[Line]) -> list[str]:
    """Answers that nobody should ever get: faults of ours, and refusals, for which there is no reason in this town.

    Only the scanner's token, which all share, may grow too old.
    """
    return [
        f"{line['deed']} was answered {line['status']}: {line['answer']}"
        for line in told
        if line["status"] not in (200, 201) and (line["deed"], line["status"]) != ("scan", 401)
    ]


def _compare(what: str, told: Counter[Any], held: Counter[Any]) -> list[str]:
    lost, double = told - held, held - told
    return [f"{what} {key} was told {count} time(s) more than it is held" for key, count in lost.items()] + [
        f"{what} {key} is held {count} time(s) more than it was told" for key, count in double.items()
    ]


def _good(lines: Iterable[Line]) -> list[Line]:
    return [line for line in lines if line["status"] in (200, 201)]


def _subjects(lines: Iterable[Line]) -> Counter[Any]:
    return Counter(subject_of(line["answer"]["access_token"]) for line in _good(lines))


def _made(lines: Iterable[Line], *names: str) -> Counter[Any]:
    return Counter(tuple(int(line["answer"][name]) for name in ("id", *names)) for line in _good(lines))


def _scanned(lines: Iterable[Line]) -> Counter[Any]:
    return Counter((line["asked"]["body"]["nonce"], line["answer"]["result"]) for line in _good(lines))


def _paying(lines: Iterable[Line]) -> list[Line]:
    return [line for line in _good(lines) if line["answer"]["result"] == ScanResult.ADMITTED]


def _points_of(line: Line) -> int:
    return int(line["answer"]["points"]["awarded"])


def _read(work: Work) -> dict[str, Any]:
    def rows(statement: Any) -> Counter[Any]:
        return Counter(tuple(row) if len(row) > 1 else row[0] for row in work.core.execute(statement))

    town = work.town_id
    earned = select(func.sum(Posting.amount)).join(Txn, (Txn.town_id == Posting.town_id) & (Txn.id == Posting.txn_id))
    earned = earned.where(Txn.town_id == town, Txn.kind == TxnKind.EARN).group_by(Txn.id)
    taken = select(Session.id, Session.taken).where(Session.town_id == town, Session.taken > 0)
    wallets = select(func.sum(Account.credited - Account.debited)).where(
        Account.town_id == town, Account.kind == AccountKind.WALLET
    )
    report = audit(work)
    return {
        "residents": rows(select(Resident.id).where(Resident.town_id == town)),
        "openids": rows(select(OpenidLookup.resident_id).where(OpenidLookup.town_id == town)),
        "reservations": rows(
            select(Reservation.id, Reservation.resident_id).where(
                Reservation.town_id == town, Reservation.status != ReservationStatus.CANCELLED
            )
        ),
        "scans": Counter(
            (nonce, str(result))
            for nonce, result in work.core.execute(select(Scan.nonce, Scan.result).where(Scan.town_id == town))
        ),
        "redemptions": Counter(
            (id_,) for id_ in work.core.scalars(select(Redemption.id).where(Redemption.town_id == town))
        ),
        "payments": Counter(int(amount) for amount in work.core.scalars(earned)),
        "places": dict(tuple(row) for row in work.core.execute(taken)),
        "pieces": work.core.scalar(select(Reward.taken).where(Reward.town_id == town)),
        "held": int(work.core.scalar(select(func.sum(Hold.amount)).where(Hold.town_id == town)) or 0),
        "wallets": int(work.core.scalar(wallets) or 0),
        "audit": [f"audit: {each.check}: {each.sentence}" for each in report.violations],
    }


def ask_again(device: Device, told: Sequence[Line]) -> list[str]:
    """Everything once more under the same keys and nonces: what was answered otherwise, in words. Empty: all is well."""
    found = []
    for line in told:
        again = device.ask(line["deed"], **line["asked"])
        if (again.status, _lasting(line["deed"], again.body)) != (
            line["status"],
            _lasting(line["deed"], line["answer"]),
        ):
            found.append(f"{line['deed']} was answered {line['answer']}, and then {again.status} {again.body}")
    return found


def _lasting(deed: str, answer: Any) -> Any:
    """What an answer says, without what differs by nature: tokens are new, and a scan says that it was answered before."""
    if deed == "sign-up":
        return subject_of(answer["access_token"])
    return {**answer, "replayed": None} if deed == "scan" else answer


def subject_of(token: str) -> int:
    """Whose token it is."""
    claims = token.split(".")[1]
    return int(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"])
