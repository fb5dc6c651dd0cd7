"""Nobody comes to act for more than ten by asking for many at once.

The control arm takes the locks away and lets everybody count before anybody's proxy is seen; it must show more than ten.
"""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from sqlalchemy import select

from models.residents import Proxy, Resident
from rules.residents import proxies
from rules.residents.proxies import PRINCIPALS_MAX, ProxyKnown, TooManyPrincipals
from rules.work import SYSTEM, Work
from tests.build import ApiClient, Person, TownBuilder, add
from tests.races import from_threads

PEOPLE = 50


def name(town: TownBuilder, principal: Person, agent: Person) -> str:
    try:
        town.act(principal, proxies.name_agent, agent.id)
    except (ProxyKnown, TooManyPrincipals) as refusal:
        return refusal.code
    return "recorded"


def test_fifty_who_name_one_at_once_get_ten_places(town: TownBuilder) -> None:
    agent, people = town.resident(), [town.resident() for _ in range(PEOPLE)]
    answers = from_threads(name, [(town, person, agent) for person in people], threads=PEOPLE)
    refused = PEOPLE - PRINCIPALS_MAX
    assert Counter(answers) == {"recorded": PRINCIPALS_MAX, "proxy.too_many_principals": refused}
    assert len(town.rows(Proxy)) == PRINCIPALS_MAX


def test_one_pair_at_once_is_one_proxy(town: TownBuilder) -> None:
    agent, person = town.resident(), town.resident()
    answers = from_threads(name, [(town, person, agent)] * 12, threads=12)
    assert Counter(answers) == {"recorded": 1, "proxy.already_recorded": 11}
    assert len(town.rows(Proxy)) == 1


def test_pairs_that_name_each_other_at_once_do_not_wait_for_each_other(town: TownBuilder) -> None:
    first, second = town.resident(), town.resident()
    answers = from_threads(name, [(town, first, second), (town, second, first)] * 6, threads=12)
    assert Counter(answers) == {"recorded": 2, "proxy.already_recorded": 10}


def test_without_the_locks_more_than_ten_get_one(town: TownBuilder) -> None:
    """Each counts, waits until all have counted, and writes: what would happen if nothing made them queue."""
    agent, people = town.resident(), [town.resident() for _ in range(PEOPLE)]
    all_have_counted = threading.Barrier(PEOPLE)

    def count_then_write(person: Person) -> None:
        counted = town.database.read(town.id, SYSTEM, lambda work: len(work.core.execute(_of(town, agent)).all()))
        all_have_counted.wait(timeout=30)
        if counted < PRINCIPALS_MAX:
            town.database.write(town.id, SYSTEM, write, person)

    def write(work: Work, person: Person) -> None:
        by = {"recorded_by_kind": "resident", "recorded_by_id": person.id, "recorded_at": work.now}
        pair = {"principal_id": person.id, "agent_id": agent.id, "kind": "helper", "consent_note": "测试"}
        add(work, Proxy, **pair, **by)

    from_threads(count_then_write, [(person,) for person in people], threads=PEOPLE)
    assert len(town.rows(Proxy)) > PRINCIPALS_MAX


@pytest.mark.parametrize("locked", [True, False])
def test_it_is_the_lock_that_makes_them_queue(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    """On PostgreSQL, with the bound's count held back until all have written; SQLite has one writer at a time anyway."""
    if town.database.engine.dialect.name == "sqlite":
        return
    agent, people = town.resident(), [town.resident() for _ in range(12)]
    if not locked:
        unlocked = select(Resident.id, Resident.born_on).where(Resident.town_id == town.id)
        monkeypatch.setattr(proxies, "_lock_both", unlocked)
        all_have_written = threading.Barrier(len(people))
        check = proxies._check_bounds

        def check_late(work: Work, principal_id: int, agent_id: int) -> None:
            all_have_written.wait(timeout=30)
            check(work, principal_id, agent_id)

        monkeypatch.setattr(proxies, "_check_bounds", check_late)
    from_threads(name, [(town, person, agent) for person in people], threads=len(people))
    recorded = len(town.rows(Proxy))
    assert recorded == PRINCIPALS_MAX if locked else recorded > PRINCIPALS_MAX


def _of(town: TownBuilder, agent: Person) -> object:
    return select(Proxy.id).where(Proxy.town_id == town.id, Proxy.agent_id == agent.id, Proxy.revoked_at.is_(None))
