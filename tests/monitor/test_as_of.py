"""As of a moment: what is answered once is answered for ever, whatever is recorded, corrected or worked out later."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from models.monitor import Slice
from models.territory import Scene
from rules.monitor import snapshots
from tests.build import Person
from tests.monitor.small import Past, moment

LAST = 6


def answers(past: Past, auditor: Person, as_of: datetime) -> list[Any]:
    """Numbers of all sorts as of a moment."""
    last = (as_of - moment(0, 0)).days
    flows = past.values(auditor, as_of, 0, last, "sessions", "places", "size", "made", "recent")
    at_place = past.values(auditor, as_of, 0, last, "places", "made", at=past.town.community_id)
    split = past.values(auditor, as_of, max(last - 2, 0), last, "places", slice=Slice.SCENE)
    return [flows, at_place, split, past.places(auditor, as_of, 0, last, "places", "made")]


def plain_places(past: Past, as_of: datetime, runs: list[tuple[datetime, datetime]]) -> int:
    """What a run had counted of days before it, and what was known as of the moment of the days after."""
    known = max((counted for counted, ready in runs if ready <= as_of), default=moment(0, 0))
    return sum(
        each.places for each in past.planned if each.made_at <= (known if moment_of_day(each) < known else as_of)
    )


def moment_of_day(planned: Any) -> datetime:
    """When the day of a session was over."""
    return moment((planned.day - moment(0, 9).date()).days, 0) + timedelta(days=1)


def test_what_is_asked_as_of_a_past_moment_is_answered_as_it_was_then(past: Past, auditor: Person) -> None:
    dice = Random(7)
    told: dict[datetime, list[Any]] = {}
    runs: list[tuple[datetime, datetime]] = []
    for day in range(1, LAST):
        if day != 3:  # a night without a run
            counted = past.at(day, 1)
            past.snapshot(ready_in=timedelta(minutes=30))
            runs.append((counted, past.clock.now + timedelta(minutes=30)))
        for hour, minute in ((1, 10), (1, 40), (12, 0), (23, 50)):
            for _ in range(2):
                past.at(day, hour, minute)
                where = dice.choice([past.estate_id, past.town.community_id, past.town.other_community_id])
                past.plan(
                    dice.randrange(0, day + 1), places=dice.randrange(1, 30), scene=dice.choice(list(Scene)), at=where
                )
            as_of = past.at(day, hour, minute) + timedelta(minutes=1)
            past.clock.now = as_of + timedelta(minutes=1)  # it has settled
            told[as_of] = answers(past, auditor, as_of)
            assert told[as_of][0][""]["tests.places"].value == plain_places(past, as_of, runs)
    past.at(LAST, 1)
    past.snapshot()
    kept = past.town.database
    kept.memory.lasting.clear()  # what this process remembers
    for as_of, answer in told.items():
        assert answers(past, auditor, as_of) == answer, as_of
    assert past.number(auditor, past.at(LAST, 2), 0, LAST, "places") == sum(each.places for each in past.planned)
    assert len({repr(answer) for answer in told.values()}) == len(told)


def test_a_snapshot_that_counted_itself_in_at_once_would_change_what_was_told(past: Past, auditor: Person) -> None:
    """The control: were a snapshot the answer from the moment on as of which it counts, a moment's answer would change."""
    past.at(0)
    past.plan(0, places=10)
    past.at(1, 1)
    past.plan(0, places=5)
    as_of = past.at(1, 1, 1)
    past.clock.now += timedelta(minutes=1)
    assert past.number(auditor, as_of, 0, 1, "places") == 15
    past.snapshot(moment(1, 0, 30), ready_in=as_of - past.clock.now)  # as if it had been there before it was asked
    past.town.database.memory.lasting.clear()
    assert past.number(auditor, as_of, 0, 1, "places") == 10
    assert timedelta(0) < snapshots.READY_IN


@pytest.mark.parametrize("part", ["sessions", "places"])
def test_nothing_is_told_of_the_time_before_there_was_anything(past: Past, auditor: Person, part: str) -> None:
    past.at(3)
    past.plan(2)
    past.at(4, 1)
    past.snapshot()
    assert past.number(auditor, moment(4, 2), -30, -20, part) == 0
    assert past.number(auditor, moment(0, 2), -30, 0, part) == 0
    assert past.number(auditor, moment(4, 2), -30, -20, "size") is None
