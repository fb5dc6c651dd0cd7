"""Scans are folded as they arrive, looking only at what touches them; what comes out is what the whole log adds up to.

Hypothesis makes up days of one resident in four sessions (two that overlap, one that touches them, one far off), scans that
devices stored and scans that were let through against the rule, in any order of arrival, with undos in between.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.checkins import Direction, Visit
from models.residents import Role
from rules.checkins.codes import issue_code
from rules.checkins.offline import upload_scan
from rules.checkins.scans import ScanRequest
from rules.checkins.undoing import NothingToUndo, undo_scan
from rules.clock import local_day, local_moment, utc_now
from rules.work import Actor, ActorKind, Work
from tests.build import Person, TownBuilder, fresh_key
from tests.checkins.crowd import agrees_with_the_log, with_place

MINUTE = timedelta(minutes=1)
#: When each session begins, in minutes after eight; each lasts an hour.
BEGINS = (60, 90, 150, 600)
#: A scan: minute after eight, session, direction, device, override.
SCAN = st.tuples(
    st.integers(0, 690), st.sampled_from(range(4)), st.sampled_from(list(Direction)), st.integers(0, 1), st.booleans()
)
NEAR = st.tuples(
    st.integers(20, 240), st.sampled_from(range(3)), st.sampled_from(list(Direction)), st.integers(0, 1), st.booleans()
)
DAY = st.lists(st.one_of(NEAR, NEAR, SCAN), min_size=2, max_size=9, unique_by=lambda scan: scan[:3])


class House:
    """Four sessions and two devices of one town, a few hours after all is over."""

    def __init__(self, town: TownBuilder) -> None:
        self.town = town
        self.eight = local_moment(local_day(utc_now()) + timedelta(days=1), "08:00")
        activities = [town.activity(allows_reentry=allowed) for allowed in (True, False, True, True)]
        self.sessions = [
            town.session(
                activity_id=activity,
                starts_at=self.eight + begins * MINUTE,
                ends_at=self.eight + (begins + 60) * MINUTE,
                reservable_until=self.eight,
                checkin_opens_at=self.eight + (begins - 30) * MINUTE,
                capacity=1000,
            )
            for activity, begins in zip(activities, BEGINS, strict=True)
        ]
        self.devices = [town.staff(Role.SCANNER) for _ in range(2)]
        self.now = self.eight

    def later(self, deed: Any, *args: Any) -> Any:
        return lambda work: deed(replace(work, now=self.now), *args)

    def send(self, resident: Person, scan: tuple[int, int, Direction, int, bool]) -> tuple[Person, str]:
        """Let a device send a stored scan now; returns by whom, and the nonce."""
        minute, session, direction, device, override = scan
        at = self.eight + minute * MINUTE
        nonce, scanner = fresh_key(), self.devices[device]
        request = ScanRequest(
            self._code(resident, at), self.sessions[session], direction, nonce, scanned_at=at, override=override
        )
        self.town.act(scanner, self.later(upload_scan, self.town.house.keys, request, timedelta(0)))
        return scanner, nonce

    def undo(self, scanner: Person, nonce: str) -> None:
        with suppress(NothingToUndo):
            self.town.act(scanner, self.later(undo_scan, nonce, ""))

    def _code(self, resident: Person, at: datetime) -> str:
        def deed(work: Work) -> str:
            return issue_code(
                replace(work, now=at, actor=Actor(ActorKind.RESIDENT, resident.id)), self.town.house.keys
            ).code

        return str(self.town.act(None, deed))


@pytest.fixture
def house_of_four(town: TownBuilder) -> House:
    return House(town)


#: When the devices send, in minutes after eight: while sessions are on, when some are over, when all are.
SENT = st.sampled_from([110, 170, 240, 660, 960])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), SENT, DAY)
def test_visits_are_what_the_whole_log_adds_up_to_after_every_scan(
    house_of_four: House, data: st.DataObject, sent_at: int, day: list[tuple[int, int, Direction, int, bool]]
) -> None:
    here = house_of_four
    here.now = here.eight + sent_at * MINUTE
    resident = with_place(here.town, *here.sessions)
    sent = []
    for scan in data.draw(st.permutations([scan for scan in day if scan[0] <= sent_at])):
        sent.append(here.send(resident, scan))
        if data.draw(st.integers(0, 4)) == 0:
            here.undo(*sent.pop(data.draw(st.integers(0, len(sent) - 1))))
        assert agrees_with_the_log(here.town, *here.sessions, now=here.now, resident=resident)
    rows = here.town.rows(Visit.entered_at, Visit.left_at, resident_id=resident.id)
    spans = sorted((row.entered_at, row.left_at or here.now) for row in rows)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
