"""Every statement names its town for every table, so each is answered by one node of a distributed engine."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Delete, Insert, Select, TextClause, Update, event, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.selectable import CompoundSelect

import rules
from blueprints.edge.house import House
from models.activities import Session
from models.reservations import Reservation
from models.residents import Role
from models.territory import HostKind, Town
from rules.work import Work
from tests.build import RULEBOOK, ApiClient, fresh_key, new_town
from tests.checkins.doors import Door
from tests.models.townwise import untied
from tests.points.hands import give
from tests.rewards.mall import MALL, host, reward
from tests.rulebook.live import put_in_force

STATEMENTS = (Select, Insert, Update, Delete, CompoundSelect)
#: Of many towns on purpose: what is asked of a deployment by those who run it, and which towns have messages to deliver.
OF_ALL_TOWNS = {
    "rules.administration.checking._oldest_staff",
    "rules.delivery._towns",
    "rules.gauges._dead",
    "rules.gauges._last_snapshots",
    "rules.gauges._outbox",
    "rules.gauges._webhooks",
    "rules.gauges.with_last_run",
}
#: By a name that is one's own over all towns: the look-up tells the town, in the same statement.
BY_LOOK_UP = {"rules.residents.passwords._find"}
#: Never sent as they are: the statements that are made of them name the town, and are looked at too.
PIECES = {
    "rules.jobs.watching.with_last_run",
    "rules.ledger.reading._in_by",
    "rules.ledger.reading._lines",
    "rules.ledger.reading._out_by",
    "rules.monitor.measures.residents._erased",
    "rules.monitor.measures.residents._joined",
    "rules.monitor.measures.residents._undone",
    "rules.notices.reminders._session_columns",
}
#: What the hot paths may say in words: nothing of a town's, and many rows at once, each of which brings its town.
IN_WORDS = ("UPDATE node_counter", "SELECT 1", "INSERT INTO outbox SELECT * FROM json_populate_recordset")


def prebuilt() -> Iterator[tuple[str, Any]]:
    """The statements that the modules of the rules keep."""
    for module in pkgutil.walk_packages(rules.__path__, "rules."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, STATEMENTS):
                yield f"{module.name}.{name}", value


def test_the_statements_of_the_rules_name_their_town() -> None:
    looked_at = dict(prebuilt())
    found = {name for name, statement in looked_at.items() if untied(statement)}
    assert found == OF_ALL_TOWNS | BY_LOOK_UP | PIECES
    assert len(looked_at) > 1_000


T, R = Session.__table__, Reservation.__table__
OTHER = aliased(Session)
IS_TOWN = Session.town_id == 1
OF_SESSION = (Reservation.town_id == Session.town_id) & (Reservation.session_id == Session.id)


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        pytest.param(select(Session).where(IS_TOWN), [], id="named"),
        pytest.param(select(Session), ["session"], id="not named"),
        pytest.param(select(Session).where(Session.id == 1), ["session"], id="by id alone"),
        pytest.param(select(Session).where(or_(IS_TOWN, Session.id == 1)), ["session"], id="under OR"),
        pytest.param(select(Session).where(or_(IS_TOWN & (Session.id == 1), IS_TOWN)), [], id="in each branch of OR"),
        pytest.param(select(Session).where(Session.town_id != 1), ["session"], id="another comparison"),
        pytest.param(select(Session.id).join(Reservation, OF_SESSION).where(IS_TOWN), [], id="by the join"),
        pytest.param(
            select(Session.id).join(Reservation, Reservation.session_id == Session.id).where(IS_TOWN),
            ["reservation"],
            id="a join by id alone",
        ),
        pytest.param(
            select(Session.id).join(Town, Town.id == Session.town_id).where(Town.id == 1), [], id="by the town's id"
        ),
        pytest.param(
            select(Session.id).join(Town, Town.id == Session.town_id).where(Town.code == "x"),
            ["session"],
            id="by the town's code",
        ),
        pytest.param(
            select(Session.id, OTHER.id).where(IS_TOWN, OTHER.id == Session.id), ["session"], id="one of two by alias"
        ),
        pytest.param(
            select(Session).where(IS_TOWN, select(Reservation.id).where(OF_SESSION).exists()), [], id="EXISTS"
        ),
        pytest.param(
            select(Session).where(IS_TOWN, select(Reservation.id).where(Reservation.session_id == Session.id).exists()),
            ["reservation"],
            id="EXISTS by id alone",
        ),
        pytest.param(
            select(Session.id, select(Session.id).correlate(None).scalar_subquery()).where(IS_TOWN),
            ["session"],
            id="a subquery of its own",
        ),
        pytest.param(
            select(select(Reservation.id).subquery().c.id, Session.id).where(IS_TOWN),
            ["reservation"],
            id="FROM a query",
        ),
        pytest.param(select(Session.id).where(IS_TOWN).union_all(select(Session.id)), ["session"], id="UNION"),
        pytest.param(update(Session).where(IS_TOWN).values(taken=1), [], id="an update"),
        pytest.param(update(Session).where(Session.id == 1).values(taken=1), ["session"], id="an update by id alone"),
        pytest.param(
            update(Session).where(IS_TOWN).values(taken=select(Reservation.party_size).scalar_subquery()),
            ["reservation"],
            id="an update to what is found",
        ),
        pytest.param(
            update(Session).where(IS_TOWN, Reservation.session_id == Session.id).values(taken=1),
            ["reservation"],
            id="an update with another table",
        ),
        pytest.param(insert(Reservation), [], id="an insert"),
        pytest.param(
            insert(Reservation).from_select(["town_id", "id"], select(Session.town_id, Session.id)),
            ["session"],
            id="an insert of what is found",
        ),
        pytest.param(
            select(literal(1)).add_cte(update(Session).values(taken=1).returning(Session.id).cte("taken")),
            ["session"],
            id="a write under WITH",
        ),
        pytest.param(
            select(select(Session.id).where(Session.id == 1).cte("found").c.id), ["session"], id="a read under WITH"
        ),
    ],
)
def test_a_statement_that_leaves_its_town_is_found(statement: ClauseElement, names: list[str]) -> None:
    assert untied(statement) == names


@pytest.fixture
def sent(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ClauseElement]]:
    """What is sent to the database from now on."""
    found: list[ClauseElement] = []
    send = Work.send

    def note_and_send(work: Work, statement: Any, parameters: Any) -> Any:
        found.append(statement)
        return send(work, statement, parameters)

    def note(_connection: object, statement: ClauseElement, *_: object) -> None:
        found.append(statement)

    monkeypatch.setattr(Work, "send", note_and_send)
    engine = house.transactions.engine
    event.listen(engine, "before_execute", note)
    yield found
    event.remove(engine, "before_execute", note)


def leaves(statement: ClauseElement) -> bool:
    """Whether a statement that was sent reads or writes more than its town."""
    if isinstance(statement, TextClause):
        return not statement.text.startswith(IN_WORDS)
    return bool(untied(statement))


def test_what_the_hot_paths_send_names_the_town(app: Flask, house: House, sent: list[ClauseElement]) -> None:
    town = new_town(house)
    put_in_force(town, RULEBOOK + MALL)
    host(town, HostKind.OPERATOR)
    api = ApiClient(app, town)
    session, resident, thing = town.session(capacity=5), town.resident(), reward(town, price=1)
    give(town, resident, 5)
    door, me = Door(town, api), api.as_(resident)
    code, auditor = town.code_of(resident), api.as_(town.staff(Role.AUDITOR))
    sent.clear()
    answers = [
        api.get("/activities"),
        api.get("/search", q="活动"),
        api.get("/home"),
        me.get("/home"),
        me.post(f"/sessions/{session}/reservations", {"party_size": 1}, key=fresh_key()),
        me.get("/me/reservations"),
        me.get("/me/code"),
        door.scan(code, session),
        door.scan(code, session, direction="out"),
        me.get("/me/points"),
        me.get("/me/points/statement"),
        me.get("/me/points/explain"),
        me.get("/rewards"),
        me.post(f"/rewards/{thing}/redemptions", {"quantity": 1}, key=fresh_key()),
        auditor.get("/monitor/overview"),
    ]
    assert [answer.status_code for answer in answers if answer.status_code >= 400] == []
    assert [str(statement) for statement in sent if leaves(statement)] == []
    assert len(sent) > 100
