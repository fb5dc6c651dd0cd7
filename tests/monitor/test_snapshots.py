"""Snapshots: every day that is over is worked out once, and corrected when something is recorded late."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from models.monitor import WHOLE_TOWN, Slice, Snapshot, SnapshotValue
from models.territory import Scene
from rules.monitor import snapshots
from rules.monitor.measures import MEASURES
from rules.monitor.snapshots import Made, StoredTooSlowly
from rules.monitor.verifying import Difference, verify_snapshots
from rules.work import SYSTEM, Work
from tests.monitor.small import DAY, FIRST, HELD, MADE, Past, moment


def stored(past: Past, measure: str, territory_id: int, slice_: Slice = Slice.ALL) -> dict[tuple[int, str], list[int]]:
    """What was stored, by the so-manieth day and the key: each change, in the order in which they were stored."""
    found: dict[tuple[int, str], list[int]] = {}
    rows = past.town.rows(SnapshotValue, measure=f"tests.{measure}", territory_id=territory_id, slice=slice_)
    for [row] in sorted(rows, key=lambda row: row[0].recorded_at):
        found.setdefault(((row.day - FIRST).days, row.key), []).append(row.change)
    return found


def verify(past: Past) -> list[Difference]:
    return list(past.town.database.survey(past.town.id, SYSTEM, verify_snapshots).differences)


def test_each_day_is_stored_at_every_node_above_and_for_every_key(past: Past) -> None:
    past.at(0)
    past.plan(1, places=10, at=past.estate_id)
    past.plan(1, places=7, scene=Scene.HEALTH, at=past.town.other_community_id)
    past.plan(2, places=5, at=past.town.street_id)
    past.plan(9)
    past.at(3, 1)
    assert past.snapshot() == Made(days=3, changes=past_changes(past), is_complete=True)
    town = past.town
    assert stored(past, "places", WHOLE_TOWN) == {(1, ""): [17], (2, ""): [5]}
    assert stored(past, "places", town.street_id) == {(1, ""): [17], (2, ""): [5]}
    assert stored(past, "places", town.community_id) == stored(past, "places", past.estate_id) == {(1, ""): [10]}
    assert stored(past, "places", town.other_community_id) == {(1, ""): [7]}
    assert stored(past, "places", town.street_id, Slice.SCENE) == {
        (1, "education"): [10],
        (1, "health"): [7],
        (2, "education"): [5],
    }
    assert stored(past, "places", WHOLE_TOWN, Slice.OPERATOR)[1, str(town.operator_id)] == [17]
    assert stored(past, "made", past.estate_id) == {(0, ""): [1], (1, ""): [1], (2, ""): [1]}
    assert stored(past, "recent", WHOLE_TOWN) == {(0, ""): [4], (1, ""): [4]}
    assert stored(past, "secret", WHOLE_TOWN) == {(1, ""): [2], (2, ""): [1]}
    assert not stored(past, "secret", town.street_id)
    assert not stored(past, "size", WHOLE_TOWN)  # a ratio is worked out when it is asked for
    assert not verify(past)


def past_changes(past: Past) -> int:
    return len(past.town.rows(SnapshotValue.change))


def test_a_second_run_stores_nothing_and_what_is_recorded_late_comes_as_a_difference(past: Past) -> None:
    past.at(0)
    past.plan(1, places=10)
    past.plan(2, places=5)
    past.at(3, 1)
    assert past.snapshot().days == 3
    before = past_changes(past)
    past.at(3, 2)
    assert past.snapshot() == Made()
    past.at(3, 9)
    past.plan(1, places=3, at=past.town.other_community_id)
    past.at(4, 1)
    made = past.snapshot()
    assert (made.days, made.corrected) == (1, 1)
    assert stored(past, "places", WHOLE_TOWN) == {(1, ""): [10, 3], (2, ""): [5]}
    assert stored(past, "places", past.town.community_id)[1, ""] == [10]
    assert [row.n for row in past.town.rows(Snapshot.n, day=FIRST + DAY)] == [1, 2]
    assert past_changes(past) == before + made.changes
    assert not verify(past)


def test_many_days_are_caught_up_some_at_a_time_as_if_a_run_had_been_made_each_night(past: Past) -> None:
    past.at(0)
    for day in (0, 5, 31, 40):
        past.plan(day)
    past.at(45, 1)
    made = past.snapshot(days_max=40)
    assert (made.days, made.is_complete) == (40, False)
    past.at(45, 2)
    assert past.snapshot().days == 5
    assert sorted(stored(past, "sessions", WHOLE_TOWN)) == [(0, ""), (5, ""), (31, ""), (40, "")]
    assert len(past.town.rows(Snapshot.day)) == 45
    assert not verify(past)


@pytest.mark.parametrize("is_right", [True, False])
def test_a_state_that_says_where_it_changed_is_counted_once_and_carried_on(
    past: Past, is_right: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.at(0)
    family = replace(MADE, changes_have_places=True, changes=MADE.changes if is_right else HELD.facts)
    monkeypatch.setitem(MEASURES, "tests.made", replace(MEASURES["tests.made"], family=family))
    for made_on, day, scene in (
        (0, 1, Scene.EDUCATION),
        (2, 9, Scene.HEALTH),
        (2, 4, Scene.EDUCATION),
        (9, 12, Scene.HEALTH),
    ):
        past.at(made_on)
        past.plan(day, scene=scene, at=past.estate_id if day % 2 else None)
    past.at(12, 1)
    counted: list[Any] = []
    add_sums = snapshots._add_sums
    monkeypatch.setattr(snapshots, "_add_sums", lambda *args: counted.append(args[3]) or add_sums(*args))
    assert past.snapshot().days == 12
    assert counted.count(family.facts) == 1
    assert counted.count(family.changes) == 11 + (not is_right) * 2  # which are the flows' facts, in two batches
    made = [1, 1, *[3] * 7, *[4] * 3] if is_right else None
    monkeypatch.undo()
    found = stored(past, "made", WHOLE_TOWN)
    assert ([found[day, ""][0] for day in range(12)] == made) is is_right
    assert bool(verify(past)) is not is_right


@pytest.mark.parametrize("is_guarded", [True, False])
def test_of_two_runs_at_once_one_stores_nothing(past: Past, is_guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    past.at(0)
    past.plan(1)
    past.at(3, 1)
    measure, store = snapshots.measure_days, snapshots._store

    def measure_and_be_overtaken(*args: Any) -> Any:
        sums = measure(*args)
        monkeypatch.setattr(snapshots, "measure_days", measure)
        past.at(3, 2)
        assert past.snapshot(moment(3, 1)).days == 3
        past.at(3, 3)
        return sums

    def store_unguarded(work: Work, changes: Any, counts: Any, *rest: Any) -> None:
        store(work, changes, {day: n + (work.now > moment(3, 2)) for day, n in counts.items()}, *rest)

    monkeypatch.setattr(snapshots, "measure_days", measure_and_be_overtaken)
    if not is_guarded:
        monkeypatch.setattr(snapshots, "_store", store_unguarded)
    assert past.snapshot(moment(3, 1)).days == (0 if is_guarded else 3)
    assert stored(past, "sessions", WHOLE_TOWN) == {(1, ""): [1] if is_guarded else [1, 1]}
    assert bool(verify(past)) is not is_guarded


def test_a_run_that_is_overtaken_by_corrections_leaves_its_days_to_a_later_one(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.at(0)
    past.plan(1)
    past.at(3, 1)
    past.snapshot()
    past.at(6, 1)
    measure = snapshots.measure_days

    def measure_and_be_overtaken(*args: Any) -> Any:
        sums = measure(*args)
        monkeypatch.setattr(snapshots, "measure_days", measure)
        for day in (1, 4):  # recorded late: of a day with a snapshot, and of one that is just being worked out
            past.plan(day)
        past.at(6, 2)
        assert past.snapshot(days_max=0).corrected == 1
        past.at(6, 3)
        return sums

    monkeypatch.setattr(snapshots, "measure_days", measure_and_be_overtaken)
    assert past.snapshot(moment(6, 0)) == Made(is_complete=False)
    assert past.snapshot().days == 3
    assert stored(past, "sessions", WHOLE_TOWN) == {(1, ""): [1, 1], (4, ""): [1]}
    assert not verify(past)


def test_runs_store_one_after_the_other(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody overlooks what another one has stored and not yet committed."""
    past.at(0)
    past.plan(1)
    past.at(3, 1)
    past.snapshot()
    past.at(6, 1)
    past.plan(1)  # recorded late
    is_storing, order = threading.Event(), []

    def linger(work: Work, day: Any) -> None:
        is_storing.set()
        time.sleep(0.2)
        order.append("new days")

    monkeypatch.setattr(snapshots, "tell_of_snapshot", linger)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(past.snapshot, moment(6, 0))
        assert is_storing.wait(10)
        second = pool.submit(lambda: (past.snapshot(days_max=0), order.append("corrections")))
        first.result(10)
        second.result(10)
    assert order == ["new days", "corrections"]


def test_what_is_stored_is_never_changed(past: Past) -> None:
    past.at(0)
    past.plan(1)
    past.at(3, 1)
    past.snapshot()
    for change in ("UPDATE monitor_snapshot_value SET change = 2", "DELETE FROM monitor_snapshot"):
        with pytest.raises(DBAPIError):
            past.town.act(None, lambda work, change=change: work.db.execute(text(change)))
    assert stored(past, "sessions", WHOLE_TOWN) == {(1, ""): [1]}


def test_verifying_finds_a_number_that_nothing_counts(past: Past) -> None:
    past.at(0)
    past.plan(1)
    past.at(3, 1)
    past.snapshot()
    row = {"measure": "tests.sessions", "territory_id": WHOLE_TOWN, "slice": Slice.ALL, "key": "", "change": 5}
    [[day, recorded_at]] = past.town.rows(Snapshot.day, Snapshot.recorded_at, day=FIRST + 2 * DAY)
    add = insert(SnapshotValue).values(town_id=past.town.id, day=day, recorded_at=recorded_at, **row)
    past.town.act(None, lambda work: work.db.execute(add))
    [found] = verify(past)
    assert (found.measure, found.day, found.stored, found.found) == ("tests.sessions", day, 5, 0)


def test_days_are_worked_out_anew_when_a_measure_was_added(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    past.at(0)
    past.plan(1)
    past.at(3, 1)
    with monkeypatch.context() as before:
        before.delitem(MEASURES, "tests.made")
        past.snapshot()
    assert verify(past)
    past.at(3, 2)
    made = past.snapshot(again=(FIRST, FIRST + 2 * DAY))
    assert (made.days, made.corrected) == (0, 3)
    assert stored(past, "made", WHOLE_TOWN) == {(0, ""): [1], (1, ""): [1], (2, ""): [1]}
    assert stored(past, "sessions", WHOLE_TOWN) == {(1, ""): [1]}
    assert not verify(past)


def test_whoever_stores_too_slowly_stores_nothing(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    past.at(0)
    past.plan(1)
    past.at(3, 1)
    ticks = count(step=1000.0)
    monkeypatch.setattr(snapshots.time, "monotonic", lambda: next(ticks))
    with pytest.raises(StoredTooSlowly):
        past.snapshot()
    assert not past.town.rows(Snapshot.day)
