"""What it takes to find something: `python3 bench/entry.py [--activities N] [--requests N] [--engine sqlite|postgresql]`.

A town with 100,000 published activities, each with a session to come, in fifty centres spread over five kilometres; and
the demo town. On SQLite as it is deployed, and on PostgreSQL with fsync on. Asked are `/search`, with questions of every
kind, and `/home`, both through the WSGI application in this process, one request after the other. A query's requests are
spread over the whole run, so that what else the machine does meets all of them alike. Milliseconds are from the call
of the application to its whole answer; `statements` counts what the database was sent for one request, without BEGIN
and COMMIT. Every answer is checked: where something must be found, something was.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import orjson
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from app import create_app
from bench.measuring import counting
from bench.town import tidy
from blueprints.edge.house import EXTENSION, House
from demo.seed import CODE as DEMO_CODE
from demo.seed import TOWN_ID as DEMO
from demo.seed import seed
from migrations.upgrade import upgrade
from models.activities import Activity, ActivityStatus, Allocation, Session, SessionStatus
from models.residents import Resident
from models.territory import HostKind, Operator, Scene, ServiceCentre, Territory, TerritoryKind, Town
from models.venues import Venue
from rules.clock import utc_now
from rules.keys import Keys
from rules.residents.tokens import Owner, issue_access_token
from rules.search.refreshing import rebuild
from rules.work import SYSTEM, ActorKind, Transactions, Work
from tests.build import settings_for
from tests.postgresql import running_postgresql

TOWN = 77
STREET, OPERATOR = 11, 12
COMMUNITIES, CENTRES, VENUES, ACTIVITIES, SESSIONS = 100, 200, 300, 1_000_000, 9_000_000
CENTRE_COUNT = 50
CHUNK = 5_000
SERVER = "-c shared_buffers=1GB -c max_wal_size=4GB -c checkpoint_timeout=30min"
# fmt: off
PLACES = (
    "星民", "水电", "缤纷", "江晖", "钱塘", "滨盛", "彩虹", "月明", "五月", "重阳", "长河", "西兴", "浦沿", "闻涛",
    "冠山", "白马",
)
THEMES = (
    "亲子瑜伽", "太极拳", "书法", "国画", "合唱", "广场舞", "八段锦", "羽毛球", "乒乓球", "象棋", "围棋", "摄影", "烘焙",
    "插花", "编程", "机器人", "非遗剪纸", "古琴", "戏曲", "急救培训", "反诈宣讲", "垃圾分类", "老人陪护", "义诊", "理发",
    "读书会", "电影放映", "英语角", "手机课堂", "旧物交换", "跳蚤市场", "家庭教育", "绘本阅读",
)
FORMS = ("活动", "课堂", "沙龙", "体验活动", "公益活动", "训练营", "讲座", "比赛", "主题活动", "分享会")
# fmt: on
#: Something that few titles have, and one that a single title has.
RARE, SINGLE = "皮影戏", "天文台"
QUERIES = {
    "two characters, in most titles": "活动",
    "one character, in most titles": "活",
    "two characters": "瑜伽",
    "one character": "琴",
    "six characters": "星民亲子瑜伽",
    "two words": "星民 瑜伽",
    "rare": RARE,
    "in one title": SINGLE,
    "pinyin": "yujia",
    "pinyin, two words": "wu yue",
    "pinyin of most titles": "huodong",
    "initials": "qzyj",
    "initials of most titles": "hd",
    "letters and digits": "A1024",
    "a digit": "7",
    "in texts alone": "欢迎邻居",
    "found nowhere": "量子纠缠",
}
NEAR = "30.2000,120.2000"
NOTHING = {"found nowhere"}


@dataclass
class Arm:
    """One question, and how long its answers took."""

    name: str
    path: str
    query: dict[str, str]
    finds: bool
    tokens: Sequence[str] = ()  #: of those who ask in turn
    seconds: list[float] = field(default_factory=list)
    statements: int = 0

    def quantile(self, part: float) -> float:
        """Milliseconds."""
        return sorted(self.seconds)[min(int(len(self.seconds) * part), len(self.seconds) - 1)] * 1000


def fill(work: Work, count: int) -> None:
    """The town and all that is in it, but for what can be found."""
    dice = random.Random(7)
    work.db.execute(
        insert(Town),
        {"id": TOWN, "code": "bench", "name": "压测街道", "host_kind": HostKind.OPERATOR, "is_demo": False},
    )
    path = f"{STREET}/"
    add(
        work,
        Territory,
        {"id": STREET, "parent_id": None, "kind": TerritoryKind.STREET, "name": "街道", "path": path, "homes": 0},
    )
    for n, place in enumerate(PLACES):
        id_ = COMMUNITIES + n
        node = {"kind": TerritoryKind.COMMUNITY, "name": f"{place}社区", "path": f"{path}{id_}/", "homes": 0}
        add(work, Territory, {"id": id_, "parent_id": STREET, **node})
    add(work, Operator, {"id": OPERATOR, "name": "运营"})
    for n in range(CENTRE_COUNT):
        centre = {
            "id": CENTRES + n,
            "territory_id": COMMUNITIES + n % len(PLACES),
            "name": f"{PLACES[n % len(PLACES)]}党群服务中心{n}",
            "address": f"滨江区江南大道{n}号",
            "latitude": 30.2 + dice.uniform(-0.025, 0.025),
            "longitude": 120.2 + dice.uniform(-0.025, 0.025),
            "opens_at": "09:00",
            "closes_at": "20:00",
        }
        work.db.execute(insert(ServiceCentre), {"town_id": TOWN, **centre})
        venue = {"id": VENUES + n, "service_centre_id": CENTRES + n, "name": f"多功能厅{n}", "capacity": 60}
        work.db.execute(insert(Venue), {"town_id": TOWN, **venue})
    for first in range(0, count, CHUNK):
        numbers = range(first, min(first + CHUNK, count))
        work.db.execute(insert(Activity), [_activity(work, n, dice) for n in numbers])
        work.db.execute(insert(Session), [_session(work, n) for n in numbers])


def _activity(work: Work, n: int, dice: random.Random) -> dict[str, Any]:
    theme = RARE if n % 1_000 == 17 else dice.choice(THEMES)
    title = f"{dice.choice(PLACES)}{theme}{dice.choice(FORMS)}"
    if n == 42:
        title = f"{SINGLE}之夜"
    if n % 10 == 0:
        title += f"第A{1_000 + n // 10}期"
    return {
        "town_id": TOWN,
        "id": ACTIVITIES + n,
        "title": title,
        "summary": f"本期{theme}由社区社会组织带领，{'欢迎邻居' if n % 50 == 0 else '面向居民'}报名参加，名额有限。",
        "category": theme,
        "scene": list(Scene)[n % 9],
        "community_id": COMMUNITIES + n % len(PLACES),
        "operator_id": OPERATOR,
        "allocation": Allocation.FIRST_COME,
        "status": ActivityStatus.PUBLISHED,
        "created_at": work.now,
    }


def _session(work: Work, n: int) -> dict[str, Any]:
    starts_at = work.now + timedelta(hours=1 + n * 7 % 720)
    return {
        "town_id": TOWN,
        "id": SESSIONS + n,
        "activity_id": ACTIVITIES + n,
        "venue_id": VENUES + n % CENTRE_COUNT,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=2),
        "reservable_until": starts_at,
        "checkin_opens_at": starts_at - timedelta(minutes=30),
        "capacity": 30,
        "status": SessionStatus.SCHEDULED,
    }


def add(work: Work, table: type[Any], row: dict[str, Any]) -> None:
    work.db.execute(insert(table), {"town_id": TOWN, **row})


def ask(client: FlaskClient, arm: Arm) -> None:
    token = arm.tokens[len(arm.seconds) % len(arm.tokens)] if arm.tokens else None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    began = time.perf_counter()
    answer = client.get(f"/api/v1{arm.path}", query_string=arm.query, headers=headers)
    body = answer.data
    arm.seconds.append(time.perf_counter() - began)
    if answer.status_code != 200:
        raise SystemExit(f"{arm.name}: {answer.status_code} {body.decode()}")
    if arm.path == "/search" and bool(orjson.loads(body)["groups"]) is not arm.finds:
        raise SystemExit(f"{arm.name}: {body.decode()[:300]}")


def search_arms() -> list[Arm]:
    arms = [Arm(name, "/search", {"town": "bench", "q": q}, name not in NOTHING) for name, q in QUERIES.items()]
    near = {"town": "bench", "near": NEAR}
    arms += [Arm(f"near: {name}", "/search", near | {"q": QUERIES[name]}, True) for name in list(QUERIES)[:3]]
    one = {"town": "bench", "kind": "activity", "limit": "20"}
    arms += [Arm(f"activities: {name}", "/search", one | {"q": QUERIES[name]}, True) for name in list(QUERIES)[:3]]
    return arms


def home_arms(transactions: Transactions, keys: Keys) -> list[Arm]:
    """The first page of the demo town, for a hundred of its residents in turn and for a visitor."""
    people = select(Resident.id).where(Resident.town_id == DEMO).order_by(Resident.id).limit(100)
    ids = transactions.read(DEMO, SYSTEM, lambda work: work.core.scalars(people).all())
    tokens = [issue_access_token(keys, Owner(ActorKind.RESIDENT, DEMO, id_, 1), utc_now()) for id_ in ids]
    visitor = {"town": DEMO_CODE}
    return [Arm("/home, a resident", "/home", {}, True, tokens), Arm("/home, a visitor", "/home", visitor, True)]


def make_towns(url: str, activities: int, folder: Path) -> tuple[Flask, House]:
    """The application on a database with both towns."""
    app = create_app(settings_for(url, folder, log_level="ERROR"))
    house: House = app.extensions[EXTENSION]
    upgrade(house.transactions.engine)
    began = time.perf_counter()
    house.transactions.write(TOWN, SYSTEM, fill, activities)
    filled = time.perf_counter()
    entries = house.transactions.write(TOWN, SYSTEM, rebuild)
    indexed = time.perf_counter()
    seed(house.transactions, house.keys, password="a password of the bench", now=utc_now())
    seeded = time.perf_counter()
    print(
        f"  {activities:,} activities in {filled - began:.0f} s, {entries:,} entries in {indexed - filled:.0f} s, "
        f"the demo town in {seeded - indexed:.0f} s",
        flush=True,
    )
    return app, house


def measure(url: str, options: argparse.Namespace, folder: Path) -> list[Arm]:
    app, house = make_towns(url, options.activities, folder)
    transactions = house.transactions
    tidy(transactions.engine)
    arms = [*search_arms(), *home_arms(transactions, house.keys)]
    client = app.test_client()
    for arm in arms:
        ask(client, arm)
        with counting(transactions.engine) as heard:
            ask(client, arm)
        arm.statements = len(heard)
        arm.seconds.clear()
    for _ in range(options.requests):
        for arm in arms:
            ask(client, arm)
    return arms


def print_table(arms: Sequence[Arm]) -> None:
    asked = [each for arm in arms if arm.path == "/search" for each in arm.seconds]
    print(f"\n  {'':44}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'statements':>12}")
    for arm in [*arms, Arm("all of /search", "", {}, True, seconds=asked)]:
        quantiles = "".join(f"{arm.quantile(part):9.1f}" for part in (0.5, 0.95, 0.99))
        print(f"  {arm.name:44}{quantiles}{arm.statements or '':>12}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--activities", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=200, help="of each question")
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], help="one alone")
    options = parser.parse_args()
    os.environ.pop("TEST_DATABASE_URL", None)
    for name in [options.engine] if options.engine else ["sqlite", "postgresql"]:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="binfen-entry-")))
            url = f"sqlite:///{folder}/entry.sqlite"
            if name == "postgresql":
                url = stack.enter_context(running_postgresql(fsync=True, settings=SERVER))
            print(f"\n{name}", flush=True)
            print_table(measure(url, options, folder))


if __name__ == "__main__":
    main()
