"""What the monitoring takes: `python3 bench/monitor.py [--times N] [--postings N] [--requests N] [--url URL]`.

The demo town grown 100 times (1.4 million residents, 10 million postings; `bench/grow.py`), on PostgreSQL with fsync on, as
one town of 300 communities. Measured are the snapshots of all days from the town's first one on, the snapshot of one night
(goal: 120 s), and what is asked of the API in the evening of a day whose postings, bookings and scans are all live: the
overview (goal: 95 of 100 within 100 ms), series, tables and drilling down. *Cold* is a moment that was never asked for, so
that nothing of the answer is kept; *warm* is the same moment again. The application runs in this process, and requests
follow one another; milliseconds are from its call to its whole answer. Every answer is checked for what it must have.

`--url`: a database with a town that was grown before (`bench/grow.py`); its snapshots may be there already.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import orjson
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select

from app import create_app
from bench.grow import grow
from bench.measuring import counting
from blueprints.edge.house import EXTENSION, House
from demo.seed import TOWN_ID, seed
from migrations.upgrade import upgrade
from models.ledger import Posting
from models.monitor import Snapshot, SnapshotValue
from models.residents import Resident, Role, RoleGrant
from models.territory import Territory, TerritoryKind
from rules.clock import local_day, local_moment, utc_now
from rules.ids import moment_of
from rules.monitor.snapshots import make_snapshots
from rules.residents.tokens import Owner, issue_access_token
from rules.work import SYSTEM, ActorKind, Work
from tests.build import settings_for
from tests.postgresql import running_postgresql

SERVER = (
    "-c shared_buffers=4GB -c effective_cache_size=12GB -c max_wal_size=16GB -c checkpoint_timeout=30min "
    "-c wal_level=minimal -c max_wal_senders=0"
)
DAY = timedelta(days=1)
EVENING, NIGHT = "20:00", "00:40"
GOAL_OVERVIEW_MILLISECONDS, GOAL_SNAPSHOT_SECONDS = 100, 120


@dataclass
class Arm:
    """One question, and how long its answers took."""

    name: str
    path: str
    query: dict[str, Any] = field(default_factory=dict)
    has: str = "as_of"  #: what the answer must say something of
    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    statements: int = 0  #: of a cold one


def quantile(seconds: Sequence[float], part: float) -> float:
    """Milliseconds."""
    return sorted(seconds)[min(int(len(seconds) * part), len(seconds) - 1)] * 1000


def arms_of(community_id: int) -> list[Arm]:
    one = {"territory_id": str(community_id)}
    flows = ["points.issued", "points.redeemed", "reservations.attended"]
    return [
        Arm("overview, the town, a month", "overview", has="tiles"),
        Arm("overview, the town, a day", "overview", {"period": "day"}, has="tiles"),
        Arm("overview, a community", "overview", one, has="tiles"),
        Arm("series: 3 measures by day", "series", {"measure": flows}, has="series"),
        Arm("scenes", "scenes", has="rows"),
        Arm("operators, ranked", "operators", has="rows"),
        Arm("communities", "communities", has="rows"),
        Arm("estates of a community", "estates", one, has="rows"),
        Arm("rooms and the heat map", "venues", has="heat"),
        Arm("points", "points", has="flows"),
        Arm("drill down: attended", "measures/reservations.attended/rows", has="items"),
        Arm("drill down: points issued", "measures/points.issued/rows", {"period": "day"}, has="items"),
        Arm("drill down: outstanding", "measures/points.outstanding/rows", one, has="items"),
    ]


# --- making the town ----------------------------------------------------------------------------------------------------


@contextmanager
def at(day: date, hour: str) -> Iterator[None]:
    """The block happens on that day, from that hour of the community on."""
    with time_machine.travel(local_moment(day, hour), tick=True):
        yield


def make_town(house: House, times: int, postings: int) -> None:
    """The demo town as it will be tomorrow, so that all of today has happened and its evening can be asked about."""
    upgrade(house.transactions.engine)
    seed(house.transactions, house.keys, password="a password of the bench", now=utc_now() + DAY)
    url = house.transactions.engine.url.render_as_string(hide_password=False)
    grown = grow(url, times, postings)
    print(
        f"  {grown.residents:,} residents in {grown.communities} communities, {grown.postings:,} postings, "
        f"grown in {grown.seconds:.0f} s",
        flush=True,
    )


def last_day_of(work: Work) -> date:
    """The last day on which something happened."""
    newest = select(func.max(Posting.txn_id)).where(Posting.town_id == TOWN_ID)
    return local_day(moment_of(work.db.scalar(newest) or 0))


def make_snapshots_until(house: House, today: date) -> None:
    """All days but the last one at once, and then that one as in its night."""
    engine = house.transactions.engine
    for words, night, days_max in (("all days before", today - DAY, 10_000), ("one night", today, 1)):
        with at(night, NIGHT):
            began = time.perf_counter()
            made = make_snapshots(house.transactions, TOWN_ID, days_max=days_max)
            seconds = time.perf_counter() - began
        goal = f"   goal {GOAL_SNAPSHOT_SECONDS} s" if days_max == 1 else ""
        print(
            f"  snapshot, {words}: {made.days} days, {made.changes:,} numbers in {seconds:.1f} s"
            f" ({made.corrected} days corrected){goal}",
            flush=True,
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM (ANALYZE) monitor_snapshot_value, monitor_snapshot")


def count_numbers(work: Work) -> tuple[int, int]:
    return work.db.scalar(select(func.count()).select_from(Snapshot)) or 0, (
        work.db.scalar(select(func.count()).select_from(SnapshotValue)) or 0
    )


# --- asking -------------------------------------------------------------------------------------------------------------


class Asker:
    """An auditor of the whole town, who asks the application."""

    def __init__(self, app: Flask, house: House, staff_id: int) -> None:
        self._client: FlaskClient = app.test_client()
        self._house, self._owner = house, Owner(ActorKind.STAFF, TOWN_ID, staff_id, 1)
        self._asked = 0

    def ask(self, arm: Arm, as_of: datetime) -> float:
        """How many seconds an answer took."""
        token = issue_access_token(self._house.keys, self._owner, utc_now())
        query = arm.query | {"as_of": as_of.isoformat()}
        began = time.perf_counter()
        answer = self._client.get(
            f"/api/v1/monitor/{arm.path}", query_string=query, headers={"Authorization": f"Bearer {token}"}
        )
        body = answer.data
        seconds = time.perf_counter() - began
        if answer.status_code != 200 or not orjson.loads(body).get(arm.has):
            raise SystemExit(f"{arm.name}: {answer.status_code} {body.decode()[:500]}")
        return seconds

    def new_moment(self) -> datetime:
        """A moment that nobody has asked for."""
        self._asked += 1
        return utc_now() - timedelta(minutes=2, milliseconds=self._asked)


def measure(asker: Asker, engine: Engine, arms: Sequence[Arm], requests: int) -> None:
    """Ask everything in turn, so that what else the machine does meets all questions alike."""
    for arm in arms:
        asker.ask(arm, asker.new_moment())
        with counting(engine) as heard:
            asker.ask(arm, asker.new_moment())
        arm.statements = len(heard)
    for _ in range(requests):
        for arm in arms:
            moment = asker.new_moment()
            arm.cold.append(asker.ask(arm, moment))
            arm.warm.append(asker.ask(arm, moment))


def print_table(arms: Sequence[Arm]) -> None:
    print(f"\n  {'milliseconds':34}{'cold p50':>10}{'p95':>9}{'warm p50':>10}{'p95':>9}{'statements':>12}")
    for arm in arms:
        cold = f"{quantile(arm.cold, 0.5):10.1f}{quantile(arm.cold, 0.95):9.1f}"
        warm = f"{quantile(arm.warm, 0.5):10.1f}{quantile(arm.warm, 0.95):9.1f}"
        print(f"  {arm.name:34}{cold}{warm}{arm.statements:12}")
    overview = arms[0]
    is_met = quantile(overview.cold, 0.95) < GOAL_OVERVIEW_MILLISECONDS
    print(f"\n  the overview's goal, p95 below {GOAL_OVERVIEW_MILLISECONDS} ms, is {'met' if is_met else 'MISSED'}")


def read_auditor(work: Work) -> int:
    """A member of staff who audits the whole town."""
    of_the_town = (Territory.town_id == RoleGrant.town_id, Territory.id == RoleGrant.territory_id)
    grants = (
        select(RoleGrant.staff_id)
        .join(Territory, of_the_town[0] & of_the_town[1])
        .where(RoleGrant.town_id == TOWN_ID, RoleGrant.role == Role.AUDITOR, Territory.parent_id.is_(None))
    )
    return work.db.scalars(grants).one()


def read_community(work: Work) -> int:
    of_kind = (Territory.town_id == TOWN_ID, Territory.kind == TerritoryKind.COMMUNITY)
    return work.db.scalars(select(Territory.id).where(*of_kind).order_by(Territory.id)).first() or 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--postings", type=int, default=10_000_000)
    parser.add_argument("--requests", type=int, default=100, help="of each question, cold and warm")
    parser.add_argument("--url", help="a database with a town that was grown before")
    options = parser.parse_args()
    os.environ.pop("TEST_DATABASE_URL", None)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="binfen-monitor-")))
        url = options.url or stack.enter_context(running_postgresql(fsync=True, settings=SERVER))
        app = create_app(settings_for(url, folder, log_level="ERROR", request_seconds=600.0))
        house: House = app.extensions[EXTENSION]
        if options.url is None:
            make_town(house, options.times, options.postings)
        read = house.transactions.read
        residents = read(TOWN_ID, SYSTEM, lambda work: work.db.scalar(select(func.count()).select_from(Resident)))
        today = read(TOWN_ID, SYSTEM, last_day_of)
        make_snapshots_until(house, today)
        days, numbers = read(TOWN_ID, SYSTEM, count_numbers)
        print(f"  {residents:,} residents; {days} snapshots with {numbers:,} numbers", flush=True)
        arms = arms_of(read(TOWN_ID, SYSTEM, read_community))
        with at(today, EVENING):
            asker = Asker(app, house, read(TOWN_ID, SYSTEM, read_auditor))
            measure(asker, house.transactions.engine, arms, options.requests)
        print_table(arms)
        house.transactions.engine.dispose()


if __name__ == "__main__":
    main()
