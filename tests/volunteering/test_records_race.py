"""What bounds entries holds when they come at once: the number of a record, a person's day, a second person's word.

Each with its control arm: the same race with the guard taken away shows the fault. (On SQLite one writer at a time is the
rule of the database; so those arms are PostgreSQL's.)
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import bindparam, insert, select, update
from werkzeug.test import TestResponse

from models.volunteering import DAY, ENTRY_DAY, RECORD, ServiceEntryDay
from rules.clock import local_day
from rules.ledger import earning, pools
from rules.ledger.pools import set_shards
from rules.volunteering import counting, days, entries, records
from rules.volunteering.book import Minutes
from rules.work import Work
from tests.build import ApiClient, Person, TownBuilder, fresh_key
from tests.ledger.crowd import count_deadlocks
from tests.ledger.keeping import audit
from tests.races import from_threads, until_answered
from tests.rulebook.live import put_in_force
from tests.volunteering.serving import (
    RULES,
    a_session,
    day_of,
    days_ago,
    decide,
    entry,
    live_of,
    manager,
    minutes_of,
    organiser,
    points_of,
    records_of,
    serve,
    write_down,
    written_down,
)

AT_ONCE = 10
BATCHES = 5


@pytest.fixture(autouse=True)
def rules(town: TownBuilder) -> None:
    put_in_force(town, RULES)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Barrier]:
    """Where the control arms wait for each other between the look and the write."""
    barrier = threading.Barrier(2)
    yield barrier
    barrier.abort()


def write(staff: ApiClient, items: list[dict[str, Any]]) -> TestResponse:
    key = fresh_key()
    return until_answered(lambda: write_down(staff, *items, key=key))


def unflagged_of(answers: list[TestResponse]) -> int:
    assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
    return sum(not item["flags"] for answer in answers for item in answer.json["items"])


def many(town: TownBuilder, count: int) -> list[Person]:
    return [town.resident(volunteer=True) for _ in range(count)]


def test_batches_of_one_member_of_staff_at_once_have_twenty_unflagged_records_together(
    town: TownBuilder, api: ApiClient
) -> None:
    staff, volunteers = organiser(town, api), many(town, 12)
    answers = from_threads(write, [(staff, [entry(who, 30) for who in volunteers])] * BATCHES, BATCHES)
    assert unflagged_of(answers) == 20
    [(numbered,)] = town.rows(ServiceEntryDay)
    assert (numbered.records, numbered.minutes) == (60, 1800)
    audit(town)


def look_then_number(gate: threading.Barrier) -> Any:
    """The number by a look, and the new total written afterwards."""
    look = select(ENTRY_DAY.c.records, ENTRY_DAY.c.minutes).where(
        ENTRY_DAY.c.town_id == bindparam("town"), ENTRY_DAY.c.staff_id == bindparam("staff")
    )

    def number(work: Work, count: int, minutes: int) -> tuple[int, int]:
        seen = work.core.execute(look, {"town": work.town_id, "staff": work.actor.id}).first()
        before = (seen.records, seen.minutes) if seen else (0, 0)
        gate.wait(timeout=20)
        whose = {"town_id": work.town_id, "staff_id": work.actor.id, "day": local_day(work.now)}
        totals = {"records": before[0] + count, "minutes": before[1] + minutes}
        if seen:
            work.core.execute(update(ENTRY_DAY).where(ENTRY_DAY.c.staff_id == work.actor.id).values(**totals))
        else:
            work.core.execute(insert(ENTRY_DAY), whose | totals)
        return before

    return number


def test_control_arm_with_a_look_in_place_of_the_number_both_pass(
    town: TownBuilder, api: ApiClient, gate: threading.Barrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    if town.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    staff, volunteers = organiser(town, api), many(town, 24)
    written_down(staff, entry(volunteers[0], 1))
    monkeypatch.setattr(entries, "number_entries", look_then_number(gate))
    halves = [[entry(who, 30) for who in part] for part in (volunteers[:12], volunteers[12:])]
    answers = from_threads(write, [(staff, half) for half in halves], 2)
    assert unflagged_of(answers) == 24


def test_entries_of_one_day_at_once_never_pass_24_hours(town: TownBuilder, api: ApiClient) -> None:
    [volunteer], colleagues = many(town, 1), [organiser(town, api) for _ in range(AT_ONCE)]
    answers = from_threads(write, [(staff, [entry(volunteer, 250)]) for staff in colleagues], AT_ONCE)
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [422] * 5
    assert day_of(town, volunteer, days_ago(1)) == (0, 1250)
    assert sum(record.minutes for record in live_of(town, volunteer)) == 1250
    audit(town)


def test_control_arm_without_the_day_as_a_guard_there_are_more_than_24_hours(
    town: TownBuilder, api: ApiClient, gate: threading.Barrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at the records before writing one; the day's row is left alone."""
    if town.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    [volunteer] = many(town, 1)
    pair = [organiser(town, api) for _ in range(2)]

    def look(work: Work, resident_id: int, day: Any, minutes: int) -> days.PersonDay | None:
        seen = select(DAY.c.entered).where(DAY.c.town_id == work.town_id, DAY.c.resident_id == resident_id)
        entered = work.core.scalar(seen) or 0
        gate.wait(timeout=20)
        return days.PersonDay(0, entered + minutes) if entered + minutes <= 1440 else None

    monkeypatch.setattr(entries, "lock_days", lambda work, days_: {})
    monkeypatch.setattr(entries, "take_entered", look)
    answers = from_threads(write, [(staff, [entry(volunteer, 900)]) for staff in pair], 2)
    assert {answer.status_code for answer in answers} == {201}
    assert sum(record.minutes for record in live_of(town, volunteer)) == 1800


def test_two_second_persons_at_once_count_a_record_once(town: TownBuilder, api: ApiClient) -> None:
    [volunteer] = many(town, 1)
    [record] = written_down(organiser(town, api), entry(volunteer, 540))
    bosses = [manager(town, api) for _ in range(AT_ONCE)]
    said = [(boss, n % 2 == 0) for n, boss in enumerate(bosses)]
    answers = from_threads(
        lambda boss, accepts: until_answered(lambda: decide(boss, record["id"], accepts=accepts)), said, AT_ONCE
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * (AT_ONCE - 1)
    [kept] = records_of(town, volunteer)
    hours = 540 if kept.status == "counted" else 0
    assert (minutes_of(town, volunteer).staff, points_of(api, volunteer)) == (hours, hours // 30 * 2)
    assert day_of(town, volunteer, days_ago(1)) == (0, hours)
    audit(town)


def test_batches_of_many_residents_and_check_outs_never_wait_for_each_other_in_a_circle(
    town: TownBuilder, api: ApiClient
) -> None:
    volunteers, sessions = many(town, 8), [a_session(town) for _ in range(3)]
    met = count_deadlocks(town.database)

    def batch(n: int) -> None:
        some = [entry(who, 10) for who in (volunteers if n % 2 else volunteers[::-1])]
        assert write(organiser(town, api), some).status_code == 201

    def check_out(n: int) -> None:
        for session_id in sessions:
            serve(town, volunteers[n], session_id, 30)

    deeds = [(batch, n) for n in range(8)] + [(check_out, n) for n in range(8)]
    from_threads(lambda deed, n: deed(n), deeds, len(deeds))
    assert met == []
    assert [minutes_of(town, who) for who in volunteers] == [Minutes(signed=90, staff=80)] * 8
    audit(town)


def test_a_batch_has_the_turn_of_residents_without_a_standing_before_it_locks_their_wallets(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first check-out between the two locks would be missed by the one and met by the other, and a second one would
    have the turn and wait for the wallet."""
    if town.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    volunteers, sessions, staff = many(town, 2), [a_session(town) for _ in range(2)], organiser(town, api)
    met, lock = count_deadlocks(town.database), counting.lock_wallets
    with ThreadPoolExecutor(1) as pool:
        check_outs: list[Future[Any]] = []

        def check_out(session_id: int) -> None:
            check_outs.append(pool.submit(serve, town, volunteers[1], session_id, 30))
            wait(check_outs, timeout=0.5)

        def lock_between(*args: Any) -> None:
            check_out(sessions[0])
            lock(*args)
            check_out(sessions[1])

        monkeypatch.setattr(counting, "lock_wallets", lock_between)
        written_down(staff, *(entry(who, 10) for who in volunteers))
    assert [each.exception() for each in check_outs] == [None, None]
    assert met == []
    audit(town)


def test_batches_that_draw_from_a_split_pool_never_wait_for_each_other_in_a_circle(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each award draws from the shard that its own key names: in no order."""
    if town.database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    town.act(None, set_shards, 3)
    met, gate, draw = count_deadlocks(town.database), threading.Barrier(2), earning.draw_from_pool
    drawn: dict[int, int] = {}  #: how often each thread has

    def other_shard(_key: str, shards: int) -> int:
        """The one begins with the second shard and goes on with the third, the other the other way round."""
        me = threading.get_ident()
        return 0 if shards == 1 else 1 + (list(drawn).index(me) + drawn[me]) % 2

    def draw_together(*args: Any) -> Any:
        me = threading.get_ident()
        drawn[me] = drawn.get(me, -1) + 1
        paid = draw(*args)
        if drawn[me] == 0:
            with suppress(threading.BrokenBarrierError):
                gate.wait(timeout=0.5)
        return paid

    monkeypatch.setattr(earning, "draw_from_pool", draw_together)
    monkeypatch.setattr(pools, "shard_of", other_shard)
    clerks = [(organiser(town, api), many(town, 3)) for _ in range(2)]
    from_threads(lambda staff, people: written_down(staff, *(entry(who, 60) for who in people)), clerks, threads=2)
    assert met == []
    audit(town)


def test_control_arm_without_the_guard_on_the_decision_a_day_gives_back_too_much(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one's word is written over the first one's, and the hours of the day leave it twice."""
    [volunteer] = many(town, 1)
    record, _other = written_down(organiser(town, api), entry(volunteer, 500), entry(volunteer, 600))
    unguarded = (
        update(RECORD)
        .where(RECORD.c.town_id == bindparam("town"), RECORD.c.id == bindparam("record"))
        .values(
            status=bindparam("becomes"),
            decided_by=bindparam("actor"),
            decided_at=bindparam("now"),
            decision_note=bindparam("note"),
        )
        .returning(RECORD.c.id)
    )
    monkeypatch.setattr(records, "_decide", unguarded)
    monkeypatch.setattr(records, "_check_decidable", lambda work, row: None)  # the look, which two pass at once
    answers = [decide(manager(town, api), record["id"], accepts=False) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert sum(each.minutes for each in live_of(town, volunteer)) == 600
    assert day_of(town, volunteer, days_ago(1)) == (0, 100)
