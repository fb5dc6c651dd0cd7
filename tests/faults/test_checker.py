"""The checker sees what it is there to see: with a guard taken away, what was told and what is held differ.

Here people are this very process and the service is the application, so that a server can be lost between two answers.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from blueprints.edge.house import EXTENSION
from migrations.upgrade import upgrade
from models.reservations import Reservation
from rules.database import connect
from tests.apps import make_app
from tests.build import ApiClient, fresh_key, settings_for
from tests.cluster import cluster, failover_url
from tests.conftest import Databases
from tests.faults.checker import differences
from tests.faults.service import World, make_world

LONG = bool(os.environ.get("BINFEN_LONG"))
VISITS = 3


def visits(world: World, app: Any, count: int) -> list[dict[str, Any]]:
    """What so many people were told from the sign-up to the reservation."""
    api, told = ApiClient(app, world.town), []

    def note(deed: str, answer: Any, body: Any) -> Any:
        assert answer.status_code in (200, 201), answer.text
        told.append({"deed": deed, "asked": {"body": body}, "status": answer.status_code, "answer": answer.json})
        return answer.json

    for _ in range(count):
        wish = {"code": f"demo:openid-{fresh_key()}"}
        token = note("sign-up", api.post("/auth/wechat", wish), wish)["access_token"]
        path = f"/sessions/{world.sessions[0]}/reservations"
        note("reserve", api.with_token(token).post(path, {"party_size": 1}), {"party_size": 1})
    return told


def test_a_loss_a_double_and_another_answer_are_all_seen(sqlite_databases: Databases, tmp_path: Path) -> None:
    url = sqlite_databases.make()
    world = make_world(url, tmp_path)
    app = make_app(settings_for(url, tmp_path, log_level="CRITICAL"))
    told = visits(world, app, VISITS)

    def seen(lines: list[dict[str, Any]]) -> list[str]:
        return differences(world.town.database, world, lines)

    assert seen(told) == []
    assert any("is held 1 time(s) more" in line for line in seen(told[:-1])), "a row that nobody was told of"
    assert any("was told 1 time(s) more" in line for line in seen([*told, told[-1]])), "told twice, held once"
    refused = {**told[-1], "status": 500, "answer": {}}
    assert any("was answered 500" in line for line in seen([*told, refused]))
    refused = {**told[-1], "status": 401, "answer": {}}
    assert any("was answered 401" in line for line in seen([*told, refused])), "a resident's token is good for longer"
    stranger = world.town.resident().id
    assert f"resident {stranger} is held 1 time(s) more than it was told" in seen(told), "without an openid"
    reservation = int(told[-1]["answer"]["id"])
    world.town.act(None, lambda work: work.core.execute(delete(Reservation).where(Reservation.id == reservation)))
    assert any(f"({reservation}," in line and "was told" in line for line in seen(told)), "told, and gone"
    for transactions in (app.extensions[EXTENSION].transactions, world.town.database):
        transactions.engine.dispose()


@pytest.mark.skipif(not LONG, reason="BINFEN_LONG=1 runs it: it shows what PostgreSQL does, and no fault of ours")
def test_without_a_synchronous_standby_a_failover_loses_what_was_acknowledged(tmp_path: Path) -> None:
    with cluster() as servers:
        first = servers.primary(settings="-c fsync=off")  # no machine dies here, and migrating is quick
        first.say("CREATE DATABASE town")
        second = servers.standby(first, synchronous=False)
        url = failover_url([first, second], "town")
        engine = connect(url)
        upgrade(engine)
        engine.dispose()
        world = make_world(url, tmp_path)
        app = make_app(settings_for(url, tmp_path, log_level="CRITICAL"))
        told = visits(world, app, VISITS)
        second.stop()  # it lags behind, and nobody waits for it
        told += visits(world, app, VISITS)
        first.kill()
        second.start()
        second.promote()
        found = differences(world.town.database, world, told)
        assert len([line for line in found if line.startswith("reservation") and "was told" in line]) == VISITS, found
        for transactions in (app.extensions[EXTENSION].transactions, world.town.database):
            transactions.engine.dispose()
