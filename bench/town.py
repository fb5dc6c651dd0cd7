"""The town that is measured: the demo town, or one of N times as many people (`grow.py`), and what the arms need in it.

Those who come to the doors, book, look at their points and search are residents of that town, drawn at random with a fixed
seed, so their rows lie where rows of a town of that size lie. Added are an activity with sessions to come, the people at
its doors, and, once scans are to be measured, sessions that are on and the reservations of those who will be let in.
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Engine, create_engine, func, insert, select, text
from sqlalchemy.engine import make_url

from bench.grow import grow
from demo.seed import TOWN_ID, seed
from migrations.upgrade import upgrade
from models.activities import Activity, Session
from models.ledger import ACCOUNT, AccountKind, OwnerType
from models.reservations import Reservation, ReservationStatus
from models.residents import Resident, ResidentStatus, Role, RoleGrant, Staff
from models.rulebook import StandingSuspension
from models.territory import Operator, Scene, ServiceCentre, Territory, TerritoryKind, Town
from models.venues import Venue
from rules.clock import local_day, utc_now
from rules.database import connect
from rules.keys import Keys
from rules.ledger.earning import Earning
from rules.ledger.earning_many import earn_many
from rules.ledger.pools import grant_budget
from rules.ledger.transactions import Cause, book_of
from rules.monitor.snapshots import make_snapshots
from rules.residents.tokens import Owner, issue_access_token
from rules.work import SYSTEM, ActorKind, Transactions, Work

SEED = 2026  #: of every choice that is left to chance
SESSIONS = 40  #: that are on at once, and as many to come: with fewer, more people meet at one row
SCANNERS = 8
HOLDERS_MIN = 8_000  #: residents with points: each is scanned once, as whoever comes twice in an hour is a rare case
BATCH = 500
POSTINGS = 100_000  #: of the past, for each demo town that there is
BUDGET = 10**12
TOKEN_SECONDS = 600  #: how long a device goes on with a token; it is good for 900


@dataclass(frozen=True, slots=True)
class Made:
    """How large a town is, and how long it took to make it."""

    size: int
    residents: int
    postings: int
    seconds: float


def new_database(server_url: str) -> str:
    """The address of an empty database of a server."""
    name = f"bench_{uuid.uuid4().hex}"
    server = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    server.dispose()
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def make_demo_town(url: str, keys: Keys, size: int, *, has_snapshots: bool) -> Made:
    """The demo town so many times, with as many postings a head at every size.

    `has_snapshots`: every day of the past has one, as it has where the jobs run.
    """
    began = time.perf_counter()
    transactions = Transactions(connect(url))
    upgrade(transactions.engine)
    seed(transactions, keys, password="a password of the bench", now=utc_now())
    grown = grow(url, size, size * POSTINGS, say=lambda *_, **__: None)
    if has_snapshots:
        make_snapshots(transactions, TOWN_ID, days_max=10_000)
    transactions.engine.dispose()
    return Made(size, grown.residents, grown.postings, time.perf_counter() - began)


class Tokens:
    """One token a person, as devices have them."""

    def __init__(self, keys: Keys, town_id: int) -> None:
        self._keys, self._town_id = keys, town_id
        self._had: dict[tuple[ActorKind, int], tuple[float, str]] = {}

    def of(self, kind: ActorKind, id_: int) -> str:
        now = time.monotonic()
        made_at, token = self._had.get((kind, id_), (0.0, ""))
        if not token or now - made_at > TOKEN_SECONDS:
            token = issue_access_token(self._keys, Owner(kind, self._town_id, id_, 1), utc_now())
            self._had[kind, id_] = now, token
        return token


@dataclass(frozen=True, slots=True)
class Ground:
    """Where in a town the added activity takes place."""

    activity_id: int
    venue_id: int
    scanners: Sequence[int]


@dataclass(frozen=True, eq=False, slots=True)
class BenchTown:
    """A town, and those in it who do what is measured."""

    size: int
    id: int
    code: str
    transactions: Transactions
    keys: Keys
    tokens: Tokens
    ground: Ground
    residents: Sequence[int]  #: who may book, in random order
    newcomers: Iterator[int]  #: those of them who have points and weren't at a door yet, in random order
    auditor_id: int | None  #: of the whole town
    first_id: int  #: what the run makes has an id above it
    wishes: Iterator[tuple[int, int]]  #: a resident and a session to come; each good for one reservation
    visits: deque[tuple[int, int]]  #: a resident with a place, and the session that is on; each good for one scan


def settle_in(url: str, keys: Keys, town_id: int, *, size: int = 1) -> BenchTown:
    """Choose who does what in a town, and add where they go. Nobody is expected at a door yet."""
    transactions = Transactions(connect(url, pool_size=4))
    transactions.write(town_id, SYSTEM, lambda work: grant_budget(work, "bench", BUDGET, "压测预算"))
    without = transactions.read(town_id, SYSTEM, _without_points)
    for n in range(0, len(without), BATCH):
        transactions.write(town_id, SYSTEM, _give_points, without[n : n + BATCH])
    return transactions.write(town_id, SYSTEM, _settle_in, transactions, keys, size)


def _without_points(work: Work) -> list[int]:
    """Those who have to be given some, for HOLDERS_MIN to have any."""
    residents, holders = read_people(work)
    had = set(holders)
    return [resident for resident in residents if resident not in had][: max(HOLDERS_MIN - len(had), 0)]


def _give_points(work: Work, residents: Sequence[int]) -> None:
    good_until = local_day(work.now) + timedelta(days=365)
    cause = Cause("bench", "压测积分", work.now)
    earn_many(work, {f"bench:{resident}": Earning(resident, 1, good_until, cause) for resident in residents})


def _settle_in(work: Work, transactions: Transactions, keys: Keys, size: int) -> BenchTown:
    residents, holders = read_people(work)
    chance = Random(SEED)
    chance.shuffle(residents)
    chance.shuffle(holders)
    ground = _add_ground(work)
    coming = [work.new_id() for _ in range(SESSIONS)]
    _add_sessions(work, ground, dict.fromkeys(coming, 0), work.now + timedelta(days=7))
    return BenchTown(
        size=size,
        id=work.town_id,
        code=work.core.scalars(select(Town.code).where(Town.id == work.town_id)).one(),
        transactions=transactions,
        keys=keys,
        tokens=Tokens(keys, work.town_id),
        ground=ground,
        residents=residents,
        newcomers=iter(holders),
        auditor_id=work.core.scalars(_auditors_of(work)).first(),
        first_id=work.new_id(),
        wishes=_every_wish(residents, coming),
        visits=deque(),
    )


def _every_wish(residents: Sequence[int], coming: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Each resident books once before anybody books twice, over all sessions in turn."""
    for n in itertools.count():
        nth, resident = divmod(n, len(residents))
        yield residents[resident], coming[(n + nth) % len(coming)]


def open_doors(town: BenchTown, visits: int) -> None:
    """Let sessions be on, where so many are expected who weren't before, or as many as there are if that is fewer."""
    town.transactions.write(town.id, SYSTEM, _open_doors, town, visits)


def _open_doors(work: Work, town: BenchTown, visits: int) -> None:
    doors = [work.new_id() for _ in range(SESSIONS)]
    coming = list(itertools.islice(town.newcomers, visits))
    expected = [(holder, doors[n % SESSIONS]) for n, holder in enumerate(coming)]
    taken = Counter(door for _, door in expected)
    _add_sessions(work, town.ground, {door: taken[door] for door in doors}, work.now)
    _add_reservations(work, expected)
    town.visits.extend(expected)


def read_people(work: Work) -> tuple[list[int], list[int]]:
    """Residents who may book, and those of them who have points."""
    suspended = select(StandingSuspension.resident_id).where(
        StandingSuspension.town_id == work.town_id, StandingSuspension.until > work.now
    )
    may_book = (
        Resident.town_id == work.town_id,
        Resident.status == ResidentStatus.ACTIVE,
        Resident.id.not_in(suspended),
    )
    has_points = (
        ACCOUNT.c.town_id == work.town_id,
        ACCOUNT.c.book_id == book_of(work).id,
        ACCOUNT.c.kind == AccountKind.WALLET,
        ACCOUNT.c.owner_type == OwnerType.RESIDENT,
        ACCOUNT.c.credited > ACCOUNT.c.debited,
    )
    everybody = select(Resident.id).where(*may_book).order_by(Resident.id)
    holders = everybody.where(Resident.id.in_(select(ACCOUNT.c.owner_id).where(*has_points)))
    return list(work.core.scalars(everybody)), list(work.core.scalars(holders))


def _auditors_of(work: Work) -> Any:
    return (
        select(RoleGrant.staff_id)
        .join(Territory, (Territory.town_id == RoleGrant.town_id) & (Territory.id == RoleGrant.territory_id))
        .where(RoleGrant.town_id == work.town_id, RoleGrant.role == Role.AUDITOR, Territory.parent_id.is_(None))
    )


def _add_ground(work: Work) -> Ground:
    """An activity in the first community, in a room of its own, with people at its doors."""
    communities = select(func.min(Territory.id)).where(
        Territory.town_id == work.town_id, Territory.kind == TerritoryKind.COMMUNITY
    )
    community_id = work.core.scalars(communities).one()
    operator_id = work.core.scalars(select(func.min(Operator.id)).where(Operator.town_id == work.town_id)).one()
    hours = {"opens_at": "00:00", "closes_at": "23:59"}
    centre_id = add(work, ServiceCentre, territory_id=community_id, name="压测中心", address="1 号", **hours)
    venue_id = add(work, Venue, service_centre_id=centre_id, name="压测厅", capacity=200)
    activity_id = add(
        work,
        Activity,
        title="压测活动",
        summary="",
        category="亲子早教",
        scene=Scene.EDUCATION,
        community_id=community_id,
        operator_id=operator_id,
        party_size_max=4,
        created_at=work.now,
    )
    return Ground(activity_id, venue_id, [_add_scanner(work, community_id) for _ in range(SCANNERS)])


def _add_scanner(work: Work, community_id: int) -> int:
    name = f"bench-{uuid.uuid4().hex}"
    staff_id = add(work, Staff, username=name, name="扫码员", password_hash="", created_at=work.now)
    grant = {"role": Role.SCANNER, "territory_id": community_id, "granted_at": work.now}
    add(work, RoleGrant, staff_id=staff_id, **grant)
    return staff_id


def _add_sessions(work: Work, ground: Ground, taken: dict[int, int], starts_at: datetime) -> None:
    times = {
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=3),
        "reservable_until": starts_at + timedelta(hours=3),
        "checkin_opens_at": starts_at - timedelta(hours=1),
    }
    where = {"town_id": work.town_id, "activity_id": ground.activity_id, "venue_id": ground.venue_id}
    rows = [where | times | {"id": id_, "taken": places, "capacity": 10**6} for id_, places in taken.items()]
    work.db.execute(insert(Session), rows)


def _add_reservations(work: Work, expected: Sequence[tuple[int, int]]) -> None:
    rows = [
        {
            "town_id": work.town_id,
            "id": work.new_id(),
            "session_id": session_id,
            "resident_id": resident_id,
            "party_size": 1,
            "status": ReservationStatus.CONFIRMED,
            "reserved_at": work.now,
        }
        for resident_id, session_id in expected
    ]
    work.db.execute(insert(Reservation), rows)


def add(work: Work, table: type[Any], **columns: Any) -> int:
    """A row with an id of its own."""
    id_ = work.new_id()
    work.db.execute(insert(table), {"town_id": work.town_id, "id": id_, **columns})
    return id_


def tidy(engine: Engine) -> None:
    """Leave nothing to PostgreSQL's own housekeeping. Not while tables are empty: it would plan for empty ones then.

    SQLite has none, and plans without statistics, here as where it is deployed.
    """
    if engine.dialect.name == "sqlite":
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        for statement in ("VACUUM ANALYZE", "CHECKPOINT"):
            connection.exec_driver_sql(statement)
