"""A database from before the entry is brought to it with everything that was in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from migrations.upgrade import upgrade
from rules.clock import utc_now
from rules.database import connect
from rules.delivery import LEASE, claim_due
from rules.home import show_home
from rules.search.refreshing import fill
from rules.territory.centres import find_centre
from rules.work import SYSTEM, VISITOR, Transactions
from tests.conftest import Databases

TOWN = 1
ROWS = (
    "INSERT INTO town (id, code, name, host_kind, is_demo) VALUES (1, 'old', '旧镇', 'operator', false)",
    (
        "INSERT INTO territory (town_id, id, parent_id, kind, name, path, homes) VALUES "
        "(1, 2, NULL, 'street', '旧街', '2/', 0), (1, 3, 2, 'community', '旧社区', '2/3/', 10)"
    ),
    (
        "INSERT INTO service_centre (town_id, id, territory_id, name, address, opens_at, closes_at) "
        "VALUES (1, 4, 3, '旧中心', '旧街1号', '09:00', '17:00')"
    ),
    (
        "INSERT INTO resident (town_id, id, name, openid_sealed, territory_id, status, token_version, registered_at) "
        "VALUES (1, 5, '', '', 3, 'active', 1, '{old}')"
    ),
    "INSERT INTO consent (town_id, id, resident_id, purpose, version, given_at) VALUES (1, 6, 5, 'account', '1', '{old}')",
    (
        "INSERT INTO outbox (town_id, id, topic, key, payload, created_at, available_at, attempts, delivered_at) VALUES "
        "(1, 11, 'a', 'told', '{{}}', '{old}', '{old}', 1, '{old}'), "
        "(1, 12, 'a', 'old', '{{}}', '{old}', '{old}', 0, NULL), "
        "(1, 13, 'a', 'new', '{{}}', '{new}', '{new}', 0, NULL)"
    ),
)


@pytest.fixture
def old(databases: Databases, tmp_path: Path) -> Iterator[Engine]:
    """A database of the step before the entry, with a place, a person and messages that nobody delivered."""
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    template = make_url(databases.make())
    if template.get_backend_name() != "sqlite":
        name = f"old_{tmp_path.name}".lower().replace("-", "_")[:60]
        server = create_engine(template.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        server.dispose()
        url = template.set(database=name).render_as_string(hide_password=False)
    engine = connect(url)
    upgrade(engine, "0009")
    moments = {"old": written(utc_now() - timedelta(days=40)), "new": written(utc_now() - timedelta(hours=1))}
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL TimeZone = 'UTC'")
        for row in ROWS:
            connection.exec_driver_sql(row.format_map(moments))
    upgrade(engine)
    yield engine
    engine.dispose()


def written(moment: datetime) -> str:
    """A moment as it stands in SQLite's text; PostgreSQL is told that it is in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def test_places_people_and_messages_of_before_are_there_and_work(old: Engine) -> None:
    units = Transactions(old)
    assert [entry.count for entry in units.read(TOWN, VISITOR, show_home, "zh").entries] == [0] * 6
    assert units.write(TOWN, SYSTEM, fill) == 2
    home = units.read(TOWN, VISITOR, show_home, "zh", 3)
    assert [(entry.kind, entry.count) for entry in home.entries if entry.count] == [("community", 1)]
    assert home.community is not None
    assert [(centre.name, centre.address) for centre in home.community.centres] == [("旧中心", "旧街1号")]
    centre = units.read(TOWN, VISITOR, find_centre, 4)
    assert (centre.introduction, centre.phones, centre.picture_ids, centre.latitude) == ("", [], [], None)
    with old.connect() as connection:
        assert connection.execute(text("SELECT purpose, version FROM consent")).all() == [("account", "1")]


def test_messages_that_nobody_delivered_for_a_day_are_put_aside_and_newer_ones_go_out(old: Engine) -> None:
    claimed = Transactions(old).write(TOWN, SYSTEM, claim_due, 10, LEASE)
    assert [message.key for message in claimed] == ["new"]
    with old.connect() as connection:
        rows = connection.execute(text("SELECT key, failure FROM outbox ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [("told", None), ("old", "before_delivery"), ("new", None)]
