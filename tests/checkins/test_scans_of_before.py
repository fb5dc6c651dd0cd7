"""A log from before visits: its scans say who was there, and sessions that are over get their visits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, DateTime, Engine, MetaData, insert, select, text
from sqlalchemy.exc import DBAPIError

from migrations.upgrade import upgrade
from models.checkins import Scan, Visit
from rules.database import connect
from tests.conftest import Databases

TOWN = 7
NOON = datetime(2026, 5, 1, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
#: Rows of before, table by table; what isn't said here is filled with something of its type.
ROWS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("town", {"id": TOWN, "code": "before", "host_kind": "government"}),
    ("territory", {"id": 1, "kind": "community", "path": "1/"}),
    ("service_centre", {"id": 2, "territory_id": 1, "opens_at": "09:00", "closes_at": "17:00"}),
    ("venue", {"id": 3, "service_centre_id": 2, "capacity": 9}),
    ("operator", {"id": 4}),
    ("activity", {"id": 5, "community_id": 1, "operator_id": 4, "scene": "education", "status": "published"}),
    *(
        (
            "session",
            {
                "id": 10 + n,
                "activity_id": 5,
                "venue_id": 3,
                "starts_at": begins,
                "ends_at": begins + HOUR,
                "reservable_until": begins,
                "checkin_opens_at": begins,
                "status": "scheduled",
            },
        )
        for n, begins in enumerate((NOON, NOON + timedelta(days=25_000)))
    ),
    ("resident", {"id": 20, "status": "active"}),
    ("staff", {"id": 30, "status": "active"}),
    *(
        ("reservation", {"id": 40 + n, "session_id": 10 + n, "resident_id": 20, "status": "checked_in"})
        for n in range(2)
    ),
    *(
        (
            "scan",
            {
                "id": id_,
                "scanner_id": 30,
                "nonce": f"nonce-{id_}",
                "session_id": session,
                "direction": "in",
                "received_at": NOON + timedelta(minutes=id_),
                **more,
            },
        )
        for id_, session, more in (
            (50, 10, {"result": "admitted", "resident_id": 20, "reservation_id": 40}),
            (51, 10, {"result": "refused", "reason": "already_in", "resident_id": 20, "reservation_id": 40}),
            (52, 10, {"result": "refused", "reason": "expired_code"}),
            (53, 11, {"result": "admitted", "resident_id": 20, "reservation_id": 41}),
        )
    ),
)


@pytest.fixture
def before(databases: Databases, tmp_path: Path) -> Iterator[Engine]:
    """A database of the third step, on the engine of the test, with rows."""
    url = databases.make()
    if url.startswith("sqlite"):
        url = f"sqlite:///{tmp_path / 'before.sqlite'}"
    engine = connect(url)
    if not url.startswith("sqlite"):
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    upgrade(engine, "0003")
    with engine.begin() as connection:
        fill(connection)
    yield engine
    engine.dispose()


def fill(connection: Connection) -> None:
    found = MetaData()
    found.reflect(connection)
    for name, said in ROWS:
        table = found.tables[name]
        row = said | ({"town_id": TOWN} if "town_id" in table.c else {})
        for column in table.c:
            if column.name not in row and not column.nullable:
                row[column.name] = something(column.type)
        connection.execute(insert(table), row)


def something(type_: Any) -> Any:
    if isinstance(type_, DateTime):
        return NOON
    of_type: dict[type, Any] = {int: 1, str: "x", bool: False, bytes: b"x"}
    return of_type.get(type_.python_type, {})


def test_the_log_keeps_its_rows_and_gets_its_visits(before: Engine) -> None:
    upgrade(before)
    with before.connect() as connection:
        columns = (Scan.id, Scan.scanner_kind, Scan.method, Scan.is_evidence, Scan.offline, Scan.conflict)
        scans = connection.execute(select(*columns).order_by(Scan.id)).all()
        moments = connection.execute(select(Scan.occurred_at, Scan.received_at)).all()
        visits = connection.execute(select(Visit.entry_scan_id, Visit.entered_at, Visit.left_at, Visit.closed_by)).all()
    assert [tuple(scan) for scan in scans] == [
        (50, "staff", "code", True, False, None),
        (51, "staff", "code", True, False, None),
        (52, "staff", "code", False, False, None),
        (53, "staff", "code", True, False, None),
    ]
    assert all(occurred_at == received_at for occurred_at, received_at in moments)
    assert [tuple(visit) for visit in visits] == [(50, NOON + timedelta(minutes=50), NOON + HOUR, "session_end")]


def test_the_log_is_only_added_to_as_before(before: Engine) -> None:
    upgrade(before)
    for change in ("UPDATE scan SET nonce = 'another-nonce'", "DELETE FROM scan"):
        with pytest.raises(DBAPIError), before.begin() as connection:
            connection.execute(text(change))
