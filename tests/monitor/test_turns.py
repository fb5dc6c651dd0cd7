"""Readings of one process take turns, so that dear sums are asked for once (rules.monitor.keeping)."""

from __future__ import annotations

import threading
from contextlib import nullcontext, suppress

import pytest

from models.residents import Role
from rules.monitor import keeping, loading
from rules.monitor.loading import Loading
from rules.monitor.measures import MEASURES
from rules.monitor.places import find_reach
from rules.work import Actor, ActorKind, Grant, Work
from tests.build import TownBuilder
from tests.races import from_threads

READERS = 3


@pytest.mark.parametrize("take_turns", [True, False])
def test_who_asks_for_numbers_while_others_are_read_waits_for_them(
    town: TownBuilder, monkeypatch: pytest.MonkeyPatch, *, take_turns: bool
) -> None:
    """Also the first ones of a process. Control arm: without turns they meet."""
    town.database.memory.lasting.clear()
    monkeypatch.setattr(keeping, "TURN_SECONDS", 60.0)
    if not take_turns:
        monkeypatch.setattr(loading, "in_turn", lambda _kept: nullcontext())
    everyone, reading, most = threading.Barrier(READERS), [0], [0]
    ask_states = Loading._ask_states

    def meet_the_others(self: Loading, days: list[object]) -> None:
        reading[0] += 1
        most[0] = max(most[0], reading[0])
        with suppress(threading.BrokenBarrierError):
            everyone.wait(0.5)
        ask_states(self, days)  # type: ignore[arg-type]
        reading[0] -= 1

    monkeypatch.setattr(Loading, "_ask_states", meet_the_others)

    auditor = Actor(ActorKind.STAFF, 1, (Grant(Role.ADMIN, ""),))

    def read(work: Work) -> None:
        one = Loading(work, find_reach(work, None), [MEASURES["points.outstanding"]], work.now)
        one.load((work.now.date(), work.now.date()), [])

    from_threads(lambda _n: town.database.read(town.id, auditor, read), [(n,) for n in range(READERS)], threads=READERS)
    assert most == [1 if take_turns else READERS]
