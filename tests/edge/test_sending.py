"""Protects the short way of statements to the database: same rows, same order, same errors, same all or nothing."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, event, func, insert, literal, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from models.ledger import EVENT
from models.residents import Resident, ResidentStatus
from models.territory import Operator
from rules.database import connect
from rules.errors import Busy
from rules.ledger.pools import read_pool_balance
from rules.sets import is_id_in, is_text_in
from rules.work import SYSTEM, Transactions, TryAgain, Work
from tests.build import TownBuilder
from tests.conftest import Databases
from tests.ledger.crowd import count_deadlocks
from tests.races import from_threads

_add = insert(Operator).returning(Operator.id)
_rename = (
    update(Operator)
    .where(Operator.town_id == bindparam("town"), Operator.id == bindparam("operator"))
    .values(name=bindparam("new_name"))
    .returning(Operator.name)
)
_names = select(Operator.name).where(Operator.town_id == bindparam("town")).order_by(Operator.name)
_named = select(Operator.name).where(Operator.town_id == bindparam("town"), is_text_in(Operator.name, "names"))
_note = insert(EVENT)
_events = select(EVENT.c.source_ref, EVENT.c.occurred_at, EVENT.c.payload, EVENT.c.subject_id).where(
    EVENT.c.town_id == bindparam("town")
)
_people = (
    select(
        Resident.id,
        Resident.name,
        Resident.status,
        Resident.openid_sealed,
        Resident.phone_sealed,
        Resident.registered_at,
        func.sum(Resident.token_version).over().label("versions"),
        literal("here").label("what"),
    )
    .where(
        Resident.town_id == bindparam("town"), is_id_in(Resident.id, "ids"), Resident.status.in_(tuple(ResidentStatus))
    )
    .order_by(Resident.id)
)
FIRST = "测试运营"  #: the operator that every town of the tests has


class Refused(Busy):
    """A refusal of these tests."""


def operator(work: Work, name: str, **columns: Any) -> dict[str, Any]:
    return {"town_id": work.town_id, "id": work.new_id(), "name": name, **columns}


def names_of(town: TownBuilder) -> list[str]:
    return sorted({row.name for row in town.rows(Operator.name)} - {FIRST})


def test_rows_are_those_that_sqlalchemy_reads(town: TownBuilder) -> None:
    ids = [town.resident("甲").id, town.resident("乙", status=ResidentStatus.SUSPENDED).id]

    def deed(work: Work) -> tuple[list[Any], list[Any]]:
        asked = {"town": town.id, "ids": ids}
        return list(work.send(_people, asked).all()), list(work.core.execute(_people, asked).all())

    sent, executed = town.database.read(town.id, SYSTEM, deed)
    assert [tuple(row) for row in sent] == [tuple(row) for row in executed]
    assert [row.name for row in sent] == ["甲", "乙"]
    assert sent[1].status is ResidentStatus.SUSPENDED
    assert sent[0].registered_at.utcoffset() == timedelta(0)
    assert type(sent[0].openid_sealed) is bytes
    assert (sent[0].phone_sealed, sent[0].what) == (None, "here")


def test_values_arrive_as_sqlalchemy_writes_them(town: TownBuilder) -> None:
    person = town.resident()
    payload = {"名": "值", "numbers": [1, 2.5, None]}

    def row(work: Work, ref: str) -> dict[str, Any]:
        of = {"town_id": town.id, "id": work.new_id(), "source": "test", "source_ref": ref, "subject_id": person.id}
        return of | {"occurred_at": work.now, "recorded_at": work.now, "payload": payload}

    def deed(work: Work) -> list[Any]:
        work.send(_note, row(work, "sent"))
        work.core.execute(_note, row(work, "executed"))
        return sorted(tuple(found) for found in work.send(_events, {"town": town.id}).all())

    executed, sent = town.database.write(town.id, SYSTEM, deed)
    assert executed[1:] == sent[1:]
    assert sent[2] == payload


def test_a_list_arrives_item_by_item_whatever_its_texts_hold(town: TownBuilder) -> None:
    names = ['a"b', "a\\b", "a\\", "{a,b}", "a,b", " a ", "NULL", "null", "'; --", "名\t字", '"', "%(x)s"]
    others = ["a", "b", "ab", "{", "\\", "字", "x"]

    def deed(work: Work) -> list[Any]:
        for name in (*names, *others):
            work.send(_add, operator(work, name))
        asked = [(names, sorted(names)), ([], []), (["", "nobody"], [])]
        for wanted, there in asked:
            found = work.send(_named, {"town": town.id, "names": wanted}).all()
            assert sorted(row.name for row in found) == there
        return [row.name for row in work.core.execute(_named, {"town": town.id, "names": names})]

    assert sorted(town.database.write(town.id, SYSTEM, deed)) == sorted(names)


def test_a_reply_can_be_asked_in_every_manner_and_again(town: TownBuilder) -> None:
    def deed(work: Work) -> None:
        found = work.send(_names, {"town": town.id})
        nobody = work.send(_rename, {"town": town.id, "operator": 1, "new_name": "x"})
        assert (found.scalar(), found.first()[0], found.one().name, len(found.all())) == (FIRST, FIRST, FIRST, 1)
        assert (nobody.scalar(), nobody.first(), list(nobody.all())) == (None, None, [])
        with pytest.raises(ValueError, match="not enough values"):
            nobody.one()

    town.database.write(town.id, SYSTEM, deed)


def test_statements_run_in_the_order_in_which_they_were_sent(town: TownBuilder) -> None:
    def deed(work: Work) -> list[list[str]]:
        before = work.send(_names, {"town": town.id})
        row = operator(work, "一")
        work.send(_add, row)
        between = work.send(_names, {"town": town.id})
        work.send(_rename, {"town": town.id, "operator": row["id"], "new_name": "二"})
        after = work.send(_names, {"town": town.id})
        return [sorted({row.name for row in reply.all()} - {FIRST}) for reply in (after, between, before)]

    assert town.database.write(town.id, SYSTEM, deed) == [["二"], ["一"], []]


def test_what_nobody_asks_about_is_committed_too(town: TownBuilder) -> None:
    town.database.write(town.id, SYSTEM, lambda work: bool(work.send(_add, operator(work, "一"))))
    assert names_of(town) == ["一"]


def test_a_commit_is_one_to_those_who_listen(town: TownBuilder) -> None:
    commits: list[object] = []
    count = commits.append
    event.listen(town.database.engine, "commit", count)
    try:
        town.database.write(town.id, SYSTEM, lambda work: bool(work.send(_add, operator(work, "一"))))
    finally:
        event.remove(town.database.engine, "commit", count)
    assert len(commits) == 1


@pytest.mark.parametrize("way", ["core", "db"])
def test_what_sqlalchemy_executes_comes_after_what_was_sent(town: TownBuilder, way: str) -> None:
    def deed(work: Work) -> list[str]:
        held = getattr(work, way)
        work.send(_add, operator(work, "一"))
        seen = list(held.execute(_names, {"town": town.id}).scalars())
        held.execute(insert(Operator), operator(work, "二"))
        work.send(_add, operator(work, "三"))
        return seen

    assert sorted(town.database.write(town.id, SYSTEM, deed)) == sorted(["一", FIRST])
    assert names_of(town) == sorted(["一", "二", "三"])


def test_a_savepoint_is_rolled_back_with_what_was_sent_in_it(town: TownBuilder) -> None:
    def deed(work: Work) -> None:
        work.send(_add, operator(work, "before"))
        with work.core.begin_nested() as savepoint:
            work.send(_add, operator(work, "within"))
            savepoint.rollback()
        work.send(_add, operator(work, "after"))

    town.database.write(town.id, SYSTEM, deed)
    assert names_of(town) == ["after", "before"]


def test_a_refusal_undoes_what_was_sent(town: TownBuilder) -> None:
    def deed(work: Work) -> None:
        work.send(_add, operator(work, "一"))
        raise Refused

    before = town.contents()
    with pytest.raises(Refused):
        town.database.write(town.id, SYSTEM, deed)
    assert town.contents() == before


def test_who_gives_way_finds_nothing_of_the_first_try(town: TownBuilder) -> None:
    seen: list[list[str]] = []

    def deed(work: Work) -> None:
        seen.append([row.name for row in work.send(_names, {"town": town.id}).all()])
        work.send(_add, operator(work, f"try {len(seen)}"))
        if len(seen) == 1:
            raise TryAgain

    town.database.write(town.id, SYSTEM, deed)
    assert seen == [[FIRST], [FIRST]]
    assert names_of(town) == ["try 2"]


@pytest.mark.parametrize("asks", [True, False])
def test_a_statement_that_fails_undoes_all_and_is_no_success(town: TownBuilder, asks: bool) -> None:
    def deed(work: Work) -> str:
        row = operator(work, "一")
        work.send(_add, row)
        twice = work.send(_add, row)
        later = work.send(_names, {"town": town.id})
        if asks:
            later.all()
            twice.all()
        return "done"

    before = town.contents()
    with pytest.raises(IntegrityError) as failed:
        town.database.write(town.id, SYSTEM, deed)
    assert "一" not in str(failed.value.statement)
    assert town.contents() == before
    assert town.database.write(town.id, SYSTEM, lambda work: work.send(_names, {"town": town.id}).scalar()) == FIRST


def test_an_error_that_somebody_caught_is_no_commit(town: TownBuilder) -> None:
    if town.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite undoes a failed statement alone")

    def deed(work: Work) -> None:
        row = operator(work, "一")
        work.send(_add, row)
        with pytest.raises(DBAPIError):
            work.send(_add, row).all()
        work.send(_names, {"town": town.id})

    units = Transactions(town.database.engine, request_seconds=0.3)
    with pytest.raises((DBAPIError, Busy)):
        units.write(town.id, SYSTEM, deed)
    assert names_of(town) == []


def test_reading_work_cannot_send_a_write_on_postgresql(postgresql_databases: Databases) -> None:
    units = Transactions(connect(postgresql_databases.make()), request_seconds=0.5)
    with pytest.raises(DBAPIError, match="read-only"):
        units.read(1, SYSTEM, lambda work: work.send(_rename, {"town": 1, "operator": 1, "new_name": "x"}).all())
    units.engine.dispose()


def test_a_connection_that_is_cut_under_way_is_replaced(postgresql_databases: Databases) -> None:
    units = Transactions(connect(postgresql_databases.make()), request_seconds=5.0)
    cut = select(func.pg_terminate_backend(func.pg_backend_pid()).label("cut"))
    who = select(func.pg_backend_pid().label("who"))
    backends: list[int] = []

    def deed(work: Work) -> str:
        backends.append(work.send(who, {}).scalar())
        if len(backends) == 1:
            work.send(cut, {})
        work.send(who, {}).all()
        return "done"

    assert units.write(0, SYSTEM, deed) == "done"
    assert len(set(backends)) == 2
    units.engine.dispose()


def test_a_commit_whose_connection_is_cut_is_tried_again(postgresql_databases: Databases) -> None:
    units = Transactions(connect(postgresql_databases.make()), request_seconds=5.0)
    cut = select(func.pg_terminate_backend(func.pg_backend_pid()).label("cut"))
    tries: list[int] = []

    def deed(work: Work) -> int:
        tries.append(1)
        work.core.execute(text("UPDATE node_counter SET handed_out = handed_out + 100"))
        if len(tries) == 1:
            work.send(cut, {})
        return len(tries)

    question = text("SELECT handed_out FROM node_counter")
    before = units.read(0, SYSTEM, lambda work: work.core.scalar(question))
    assert units.write(0, SYSTEM, deed) == 2
    assert units.read(0, SYSTEM, lambda work: work.core.scalar(question)) == before + 100
    units.engine.dispose()


def test_who_listens_to_statements_hears_of_those_that_were_sent(town: TownBuilder) -> None:
    heard: list[tuple[str, str]] = []

    def hear(when: str) -> Any:
        return lambda _connection, _cursor, statement, *_: heard.append((when, statement.split()[0]))

    before, after = hear("before"), hear("after")
    event.listen(town.database.engine, "before_cursor_execute", before)
    event.listen(town.database.engine, "after_cursor_execute", after)
    try:
        town.database.read(town.id, SYSTEM, lambda work: bool(work.send(_names, {"town": town.id})))
    finally:
        event.remove(town.database.engine, "before_cursor_execute", before)
        event.remove(town.database.engine, "after_cursor_execute", after)
    assert [each for each in heard if each[1] == "SELECT"] == [("before", "SELECT"), ("after", "SELECT")]


def test_reads_that_were_sent_together_go_one_way(town: TownBuilder) -> None:
    """On PostgreSQL nothing is waited for until it is asked for."""
    if town.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no way to save")

    def deed(work: Work) -> tuple[bool, bool]:
        work.send(_names, {"town": town.id})
        reply = work.send(_names, {"town": town.id})
        waited_before = reply._rows is not None
        reply.all()
        return waited_before, reply._rows is not None

    assert town.database.read(town.id, SYSTEM, deed) == (False, True)


def test_a_book_is_known_to_statements_of_both_ways(town: TownBuilder) -> None:
    assert town.database.read(town.id, SYSTEM, read_pool_balance) > 0


def test_who_listens_to_errors_hears_of_a_deadlock_among_statements_that_were_sent(town: TownBuilder) -> None:
    if town.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer")
    one, other = town.resident().id, town.resident().id
    rename = (
        update(Resident)
        .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
        .values(name=Resident.name + "x")
        .returning(Resident.id)
        .execution_options(synchronize_session=False)
    )
    both_hold_one, met = threading.Barrier(2), count_deadlocks(town.database)
    tries: list[int] = []

    def cross(first: int, second: int) -> None:
        def deed(work: Work) -> None:
            work.send(rename, {"town": town.id, "resident": first}).one()
            tries.append(first)
            if tries.count(first) == 1:
                both_hold_one.wait(10)
            work.send(rename, {"town": town.id, "resident": second}).one()

        town.database.write(town.id, SYSTEM, deed)

    from_threads(cross, [(one, other), (other, one)], 2)
    assert len(met) == 1
    assert {row.name[-2:] for row in town.rows(Resident.name)} == {"xx"}
