"""What the door does a second: `python3 -m bench.door [--requests N] [--rounds N] [--sessions N] [--against FOLDER]`.

One run: one PostgreSQL of its own with fsync on, this house under uWSGI by `wsgi.ini` with 2 worker processes, and 8
clients, all on the cores of one machine. Scans that pay points (the demo's rulebook, people who have points already) and
reservations are measured next to a floor: a bare Flask application under the same server that checks one token, runs one
UPDATE … RETURNING and two INSERTs through prebuilt Core statements in the same database, and commits. The arms take turns
in rounds, so what else runs on the machine hits all of them alike; what counts is the ratios. Every answer is checked, and
at the end the database is counted.

`--against` serves another checkout, with the same schema, on the same database as two more arms.
"""

from __future__ import annotations

import argparse
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import orjson
from flask import Flask, request
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    MetaData,
    Table,
    Text,
    bindparam,
    create_engine,
    func,
    insert,
    select,
    text,
    update,
)

from migrations.upgrade import upgrade
from models.activities import Activity, Session
from models.checkins import Scan, ScanResult
from models.ledger import TXN, TxnKind
from models.reservations import Reservation, ReservationStatus
from models.residents import Resident, Role, RoleGrant, Staff
from models.territory import HostKind, Operator, Scene, ServiceCentre, Territory, TerritoryKind, Town
from models.venues import Venue
from rules.checkins.codes import issue_code
from rules.clock import local_day
from rules.database import connect
from rules.keys import Keys, read_or_make
from rules.ledger.earning import Earning
from rules.ledger.earning_many import earn_many
from rules.ledger.pools import grant_budget, open_book, set_shards
from rules.ledger.transactions import POINTS, Cause
from rules.residents.tokens import Owner, issue_access_token
from rules.rulebook.versions import publish
from rules.work import SYSTEM, Actor, ActorKind, Transactions, Work
from tests.postgresql import running_postgresql
from tests.server.running import Server

ROOT = Path(__file__).resolve().parents[1]
SERVER = "-c shared_buffers=1GB -c max_wal_size=4GB -c checkpoint_timeout=30min"
PROCESSES, CLIENTS = 2, 8
TOWN = 1
EARNED_BEFORE = 5
WARM_UP = 1_000  #: requests of each arm before anything is measured, which leave the logs of a busy morning
ANSWER_SECONDS_MAX = 30


# --- the floor --------------------------------------------------------------------------------------------------------

FLOOR = MetaData()
_place = Table(
    "floor_place", FLOOR, Column("id", BigInteger, primary_key=True, autoincrement=False), Column("taken", BigInteger)
)
_entry = Table(
    "floor_entry",
    FLOOR,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("place_id", BigInteger),
    Column("person_id", BigInteger),
    Column("entered_at", DateTime(timezone=True)),
)
_log = Table(
    "floor_log",
    FLOOR,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("nonce", Text, unique=True),
    Column("answer", Text),
    Column("logged_at", DateTime(timezone=True)),
)
_take = (
    update(_place)
    .where(_place.c.id == bindparam("place"))
    .values(taken=_place.c.taken + 1)
    .returning(_place.c.taken, _place.c.id)
)
_enter, _note = insert(_entry), insert(_log)
SECRET = b"the floor's own secret, 32 bytes"
CLAIMS = {"iss": "floor", "aud": "floor-api"}


def make_floor() -> Flask:
    """The least that a scan could be: one token, three statements, one commit."""
    app = Flask("floor")
    engine = create_engine(os.environ["DATABASE_URL"], pool_size=8, max_overflow=0)

    @app.post("/floor")
    def enter() -> dict[str, Any]:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        options = {"require": ["sub", "exp"]}
        claims = jwt.decode(token, SECRET, ["HS256"], options, issuer="floor", audience="floor-api")
        wish = request.get_json()
        now = datetime.now(UTC)
        with engine.begin() as connection:
            row = connection.execute(_take, {"place": wish["place"]}).one()
            entry = {"id": wish["id"], "place_id": row.id, "person_id": int(claims["sub"]), "entered_at": now}
            connection.execute(_enter, entry)
            log = {"id": wish["id"], "nonce": wish["nonce"], "answer": "admitted", "logged_at": now}
            connection.execute(_note, log)
        return {"result": "admitted", "taken": row.taken}

    @app.get("/floor")
    def is_there() -> dict[str, Any]:
        return {}

    return app


# --- making the town --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """A town with people, sessions that are on and sessions to come, and those who are to be measured."""

    transactions: Transactions
    keys: Keys
    scanners: Sequence[int]
    doors: Sequence[int]  #: sessions whose check-in is open
    coming: Sequence[int]  #: sessions that take reservations
    visitors: Iterator[int]  #: residents with a place at the door of their number, each used once
    bookers: Iterator[int]  #: residents without one


def make_place(url: str, keys: Keys, people: int, sessions: int) -> Place:
    """Migrate, and fill a town in which that many people wait at doors, and as many want a place."""
    engine = connect(url)
    upgrade(engine)
    FLOOR.create_all(engine)
    transactions = Transactions(engine)
    place = transactions.write(TOWN, SYSTEM, _fill, transactions, keys, people, sessions)
    for first in range(0, people, 1000):
        transactions.write(TOWN, SYSTEM, _earn_before, range(PEOPLE + first, PEOPLE + min(first + 1000, people)))
    return place


def tidy(transactions: Transactions) -> None:
    """Leave nothing to PostgreSQL's own housekeeping. Not while tables are empty: it would plan for empty ones then."""
    with transactions.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in ("SET statement_timeout = 0", "VACUUM ANALYZE", "CHECKPOINT"):
            connection.execute(text(statement))


STREET, COMMUNITY, CENTRE, VENUE, OPERATOR, ACTIVITY = range(11, 17)
STAFF, SESSIONS, PEOPLE = 100, 1_000, 1_000_000  #: the first ids


def _fill(work: Work, transactions: Transactions, keys: Keys, people: int, sessions: int) -> Place:
    _open_town(work)
    doors = _add_sessions(work, SESSIONS, sessions, work.now)
    coming = _add_sessions(work, SESSIONS + sessions, sessions, work.now + timedelta(days=7))
    residents = [
        {"id": PEOPLE + n, "name": f"居民{n}", "territory_id": COMMUNITY, "registered_at": work.now}
        for n in range(2 * people)
    ]
    add(work, Resident, *residents)
    reservations = [
        {
            "id": PEOPLE + n,
            "session_id": doors[n % sessions],
            "resident_id": PEOPLE + n,
            "party_size": 1,
            "status": ReservationStatus.CONFIRMED,
            "reserved_at": work.now,
        }
        for n in range(people)
    ]
    add(work, Reservation, *reservations)
    for n, door in enumerate(doors):
        taken = len(range(n, people, sessions))
        work.core.execute(
            update(Session)
            .where(Session.town_id == TOWN, Session.id == door)
            .values(taken=taken, capacity=people, versioned_at=work.now)
        )
    places = [{"id": n, "taken": 0} for n in range(people)]
    work.core.execute(insert(_place), places)
    visitors, bookers = iter(range(PEOPLE, PEOPLE + people)), iter(range(PEOPLE + people, PEOPLE + 2 * people))
    return Place(transactions, keys, range(STAFF, STAFF + CLIENTS), doors, coming, visitors, bookers)


def _open_town(work: Work) -> None:
    town = {"id": TOWN, "code": "bench", "name": "压测街道", "host_kind": HostKind.GOVERNMENT, "is_demo": False}
    work.db.execute(insert(Town), town)
    street = {"id": STREET, "kind": TerritoryKind.STREET, "name": "街道", "path": "11/", "parent_id": None}
    community = {"id": COMMUNITY, "kind": TerritoryKind.COMMUNITY, "name": "社区", "path": "11/12/"}
    add(work, Territory, street)
    add(work, Territory, community | {"parent_id": STREET})
    hours = {"opens_at": "09:00", "closes_at": "17:00"}
    add(work, ServiceCentre, {"id": CENTRE, "territory_id": COMMUNITY, "name": "中心", "address": "1 号", **hours})
    add(work, Venue, {"id": VENUE, "service_centre_id": CENTRE, "name": "多功能厅", "capacity": 200})
    add(work, Operator, {"id": OPERATOR, "name": "运营"})
    activity = {"title": "亲子早教", "summary": "", "category": "亲子早教", "scene": Scene.EDUCATION}
    place = {"community_id": COMMUNITY, "operator_id": OPERATOR, "party_size_max": 4}
    add(work, Activity, {"id": ACTIVITY, "created_at": work.now, **activity, **place})
    for n in range(CLIENTS):
        staff = {"username": f"scanner-{n}", "name": "扫码员", "password_hash": "", "created_at": work.now}
        add(work, Staff, {"id": STAFF + n, **staff})
        grant = {"staff_id": STAFF + n, "role": Role.SCANNER, "territory_id": STREET, "granted_at": work.now}
        add(work, RoleGrant, {"id": STAFF + n, **grant})
    open_book(work, POINTS, "积分")
    publish(work, (ROOT / "demo" / "rulebook.toml").read_text("utf-8"), work.now - timedelta(days=400))
    grant_budget(work, "budget", 10**12, "压测预算")


def _add_sessions(work: Work, first: int, count: int, starts_at: datetime) -> range:
    times = {
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=3),
        "reservable_until": starts_at + timedelta(hours=3),
        "checkin_opens_at": starts_at - timedelta(hours=1),
    }
    ids = range(first, first + count)
    add(
        work,
        Session,
        *({"id": id_, "activity_id": ACTIVITY, "venue_id": VENUE, "capacity": 10**6} | times for id_ in ids),
    )
    return ids


def _earn_before(work: Work, residents: Iterable[int]) -> None:
    """Nobody comes to the door for the first time: wallets and lots are there."""
    cause = Cause("opening", "压测期初", work.now)
    expires_on = date(local_day(work.now).year + 1, 12, 31)
    earn_many(work, {f"opening:{id_}": Earning(id_, EARNED_BEFORE, expires_on, cause) for id_ in residents})


def add(work: Work, table: type[Any], *rows: dict[str, Any]) -> None:
    work.db.execute(insert(table), [{"town_id": TOWN, **row} for row in rows])


# --- what is asked, and which answer is right -------------------------------------------------------------------------

Check = Callable[[int, Any], bool]


@dataclass
class Arm:
    """One thing that is measured."""

    name: str
    address: str
    ask: Callable[[int], bytes]  #: makes the next request of a client
    is_right: Check
    seconds: list[float] = field(default_factory=list)  #: of each request
    rates: list[float] = field(default_factory=list)  #: of each round, requests a second

    @property
    def p50(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.seconds, n=100)[98]


def post(path: str, token: str, body: dict[str, Any], **headers: str) -> bytes:
    """A request as it goes over the wire."""
    content = orjson.dumps(body)
    head = {"Host": "door", "Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


def token_of(place: Place, kind: ActorKind, id_: int) -> str:
    return issue_access_token(place.keys, Owner(kind, TOWN, id_, 1), datetime.now(UTC))


def scan_asking(place: Place) -> Callable[[int], bytes]:
    """Scans of the codes of people who have a place, each at the door of their session."""

    def ask(client: int) -> bytes:
        visitor, scanner = next(place.visitors), place.scanners[client]
        work = _Showing(TOWN, Actor(ActorKind.RESIDENT, visitor), datetime.now(UTC))
        code = issue_code(work, place.keys).code  # type: ignore[arg-type]
        session = place.doors[(visitor - PEOPLE) % len(place.doors)]
        body = {"code": code, "session_id": str(session), "direction": "in", "nonce": uuid.uuid4().hex}
        return post("/api/v1/checkins", token_of(place, ActorKind.STAFF, scanner), body)

    return ask


@dataclass(frozen=True)
class _Showing:
    """As much of a work as showing a code takes."""

    town_id: int
    actor: Actor
    now: datetime


def has_paid(status: int, answer: Any) -> bool:
    return status == 200 and answer["result"] == "admitted" and answer["points"]["awarded"] > 0


def reservation_asking(place: Place) -> Callable[[int], bytes]:
    """Wishes of people who reserve for the first time, over all sessions to come in turn."""

    def ask(_client: int) -> bytes:
        booker = next(place.bookers)
        session = place.coming[booker % len(place.coming)]
        token = token_of(place, ActorKind.RESIDENT, booker)
        path = f"/api/v1/sessions/{session}/reservations"
        return post(path, token, {"party_size": 1}, **{"Idempotency-Key": uuid.uuid4().hex})

    return ask


def is_confirmed(status: int, answer: Any) -> bool:
    return status == 201 and answer["status"] == "confirmed"


def floor_asking(places: int) -> Callable[[int], bytes]:
    ids = iter(range(1, 10**12))

    def ask(_client: int) -> bytes:
        id_ = next(ids)
        expires_at = datetime.now(UTC) + timedelta(minutes=15)
        token = jwt.encode({**CLAIMS, "sub": str(id_), "exp": expires_at}, SECRET, "HS256")
        return post("/floor", token, {"id": id_, "place": id_ % places, "nonce": uuid.uuid4().hex})

    return ask


def is_admitted(status: int, answer: Any) -> bool:
    return status == 200 and answer["result"] == "admitted"


# --- the clients ------------------------------------------------------------------------------------------------------


class Client:
    """One connection that is kept, and the requests that are still to be sent on it, one after the other."""

    def __init__(self, arm: Arm, asked: list[bytes]) -> None:
        host, port = arm.address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._arm, self._asked = arm, asked
        self._received = b""
        self._began = 0.0

    def send_next(self) -> bool:
        """Send the next request; False when there is none left."""
        if not self._asked:
            self.socket.close()
            return False
        self._received = b""
        self._began = time.perf_counter()
        self.socket.sendall(self._asked.pop())
        return True

    def receive(self) -> bool:
        """Take what came; True when the answer is complete, timed and right."""
        part = self.socket.recv(65536)
        if not part:
            raise SystemExit(f"{self._arm.name}: the server closed the connection after {self._received!r}")
        self._received += part
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or len(body) < _length_of(head):
            return False
        self._arm.seconds.append(time.perf_counter() - self._began)
        status = int(head[9:12])
        if not self._arm.is_right(status, orjson.loads(body)):
            raise SystemExit(f"{self._arm.name}: {status} {body.decode()}")
        return True


def _length_of(head: bytes) -> int:
    lower = head.lower()
    return int(lower[lower.index(b"content-length:") + 15 :].split(b"\r\n", 1)[0])


def run_round(arm: Arm, requests: int) -> None:
    """All clients at once, each with its share of the requests, in a closed loop. One thread serves them all."""
    asked = [[arm.ask(client) for _ in range(requests // CLIENTS)] for client in range(CLIENTS)]
    clients = [Client(arm, each) for each in asked]
    selector = selectors.DefaultSelector()
    began = time.perf_counter()
    for client in clients:
        client.send_next()
        selector.register(client.socket, selectors.EVENT_READ, client)
    running = len(clients)
    while running:
        ready = selector.select(ANSWER_SECONDS_MAX)
        if not ready:
            raise SystemExit(f"{arm.name}: no answer for {ANSWER_SECONDS_MAX} seconds")
        for key, _ in ready:
            client = key.data
            if client.receive() and not _go_on(selector, client):
                running -= 1
    arm.rates.append(requests // CLIENTS * CLIENTS / (time.perf_counter() - began))
    selector.close()


def _go_on(selector: selectors.BaseSelector, client: Client) -> bool:
    descriptor = client.socket
    if client.send_next():
        return True
    selector.unregister(descriptor)
    return False


# --- the run ----------------------------------------------------------------------------------------------------------


@contextmanager
def serving(checkout: Path, folder: Path, url: str, application: str, ready: str, threads: int) -> Iterator[Server]:
    """A checkout under uWSGI by its `wsgi.ini`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    environment = os.environ | {
        "INSTANCE_DIR": str(folder),
        "DATABASE_URL": url,
        "HTTP_ADDRESS": address,
        "APPLICATION": application,
        "WEB_PROCESSES": str(PROCESSES),
        "WEB_THREADS": str(threads),
    }
    command = [str(Path(sys.executable).with_name("uwsgi")), "--ini", "wsgi.ini"]
    log = folder / f"log-{uuid.uuid4().hex}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=checkout, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    server = Server(address, process, log)
    try:
        server.wait_for(ready)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_200, help="of each arm in a round")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--sessions", type=int, default=40, help="at once: fewer means more people at one row")
    parser.add_argument("--threads", type=int, default=4, help="of each worker process")
    parser.add_argument(
        "--shards", type=int, default=1, help="of the pool that pays: with one, all scans meet at its row"
    )
    parser.add_argument("--against", type=Path, help="another checkout")
    options = parser.parse_args()
    os.environ.pop("TEST_DATABASE_URL", None)
    with ExitStack() as stack:
        url = stack.enter_context(running_postgresql(fsync=True, settings=SERVER))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="binfen-door-")))
        checkouts = [ROOT, options.against.resolve()] if options.against else [ROOT]
        people = (options.requests * options.rounds + WARM_UP) * len(checkouts)
        began = time.perf_counter()
        place = make_place(url, read_or_make(folder / "keys.json"), people, options.sessions)
        if options.shards > 1:
            place.transactions.write(TOWN, SYSTEM, set_shards, options.shards)
        print(f"made a town with {2 * people:,} people in {time.perf_counter() - began:.0f} s", flush=True)
        arms = []
        for n, checkout in enumerate(checkouts):
            of = "" if n == 0 else " (against)"
            server = stack.enter_context(serving(checkout, folder, url, "app:create_app()", "/readyz", options.threads))
            arms.append(Arm(f"scan that pays{of}", server.address, scan_asking(place), has_paid))
            arms.append(Arm(f"reservation{of}", server.address, reservation_asking(place), is_confirmed))
        server = stack.enter_context(serving(ROOT, folder, url, "bench.door:make_floor()", "/floor", options.threads))
        arms.insert(0, Arm("floor", server.address, floor_asking(people), is_admitted))
        warm_up(arms)
        tidy(place.transactions)
        measure(arms, options.requests, options.rounds)
        count_again(place, arms)
        print_table(arms)


def warm_up(arms: Sequence[Arm]) -> None:
    for arm in arms:
        run_round(arm, WARM_UP)
        arm.seconds.clear()
        arm.rates.clear()


def measure(arms: Sequence[Arm], requests: int, rounds: int) -> None:
    """Round after round, each arm in turn, and every round in another order."""
    for n in range(rounds):
        shift = n % len(arms)
        for arm in [*arms[shift:], *arms[:shift]]:
            run_round(arm, requests)


def count_again(place: Place, arms: Sequence[Arm]) -> None:
    """What was answered stands in the database, and nothing else: admitted once, paid once, a place for each."""
    scans, reservations = (
        sum(len(arm.seconds) + WARM_UP for arm in arms if arm.name.startswith(name)) for name in ("scan", "reservation")
    )
    answered = {"admitted": scans, "paid": scans, "reserved": reservations, "taken": reservations}

    def deed(work: Work) -> dict[str, int]:
        return {name: int(work.core.scalar(statement) or 0) for name, statement in COUNTED.items()}

    counted = place.transactions.read(TOWN, SYSTEM, deed)
    if counted != answered:
        raise SystemExit(f"answered {answered}, in the database {counted}")


COUNTED = {
    "admitted": select(func.count()).where(Scan.town_id == TOWN, Scan.result == ScanResult.ADMITTED),
    "paid": select(func.count())
    .select_from(TXN)
    .where(TXN.c.town_id == TOWN, TXN.c.kind == TxnKind.EARN, TXN.c.reason == "checkin"),
    "reserved": select(func.count())
    .select_from(Reservation)
    .join(Session, (Session.town_id == Reservation.town_id) & (Session.id == Reservation.session_id))
    .where(
        Reservation.town_id == TOWN,
        Session.checkin_opens_at > func.now(),
        Reservation.status == ReservationStatus.CONFIRMED,
    ),
    "taken": select(func.sum(Session.taken)).where(Session.town_id == TOWN, Session.checkin_opens_at > func.now()),
}


def print_table(arms: Sequence[Arm]) -> None:
    floor = arms[0]
    print(f"\n{'':28}{'a second':>10}{'p50 ms':>10}{'p99 ms':>10}{'p99/p50':>10}{'of the floor':>14}   round by round")
    for arm in arms:
        ratios = [rate / least for rate, least in zip(arm.rates, floor.rates, strict=True)]
        rate, least = statistics.harmonic_mean(arm.rates), statistics.harmonic_mean(floor.rates)
        print(
            f"{arm.name:28}{rate:10,.0f}{arm.p50 * 1000:10.1f}{arm.p99 * 1000:10.1f}{arm.p99 / arm.p50:10.1f}"
            f"{rate / least:14.2f}   {min(ratios):.2f} to {max(ratios):.2f}"
        )


if __name__ == "__main__":
    main()
