"""What is carried on from minute to minute is what the facts say as of each moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine

from models.checkins import Direction, Identification, Scan, ScannerKind, ScanResult
from models.monitor import Slice
from models.residents import Role
from models.territory import TerritoryKind
from rules.activities.changing import Scope, cancel_sessions
from rules.clock import local_day
from rules.errors import RuleError
from rules.monitor import carrying, keeping
from rules.monitor.measures import MEASURES
from rules.monitor.periods import Period, PeriodKind
from rules.monitor.places import find_reach
from rules.monitor.reading import read_places, read_values
from rules.reservations.attending import check_in
from rules.venues.days import fix_missing
from rules.work import Work
from tests.build import Person, add
from tests.monitor.life import Life
from tests.monitor.small import moment, town_of_the_past

MINUTE = timedelta(minutes=1)
NAMES = [
    name
    for name, measure in MEASURES.items()
    if measure.family is not None and (measure.family.grows or measure.family.changed is not None)
]
DEEDS = ("come", "move", "plan", "reserve", "reserve", "reserve", "attend", "attend", "cancel", "call_off", "unattend")
DEEDS += ("alter", "gain", "gain", "redeem", "pick_up", "tend")


class BriskLife(Life):
    """Sessions follow one another by minutes, and the clock goes forward by seconds."""

    def live(self, deed: str, a: int, b: int, c: int) -> None:
        self.clock.now += timedelta(seconds=7 * (1 + a))
        with suppress(RuleError, LookupError, ZeroDivisionError):
            getattr(self, deed)(a, b, c)
            self.done.append(deed)

    def plan(self, a: int, b: int, c: int) -> None:
        starts_at = self.clock.now + MINUTE * (2 + b)
        times = {"starts_at": starts_at, "ends_at": starts_at + 5 * MINUTE, "reservable_until": starts_at}
        columns = times | {"checkin_opens_at": self.clock.now, "capacity": 2 + c % 3, "made_at": self.clock.now}
        self.sessions[self.town.session(activity_id=self.activities[a % len(self.activities)], **columns)] = starts_at

    def attend(self, _a: int, b: int, c: int) -> None:
        self.act(None, self._come_in, self.reserved(b), c % 3 == 0)

    def _come_in(self, work: Work, reservation_id: int, is_late: bool) -> None:
        """As at the door: the reservation is used, and the scan is written down."""
        check_in(work, reservation_id, work.now - MINUTE * is_late)
        row: dict[str, Any] = {"scanner_kind": ScannerKind.STAFF, "scanner_id": self.organiser.id, "content_hash": b""}
        row |= {"nonce": str(work.new_id()), "session_id": next(iter(self.sessions)), "reservation_id": reservation_id}
        row |= {"direction": Direction.IN, "method": Identification.CARD, "result": ScanResult.ADMITTED}
        row |= {"resident_id": self.reservations[reservation_id].id, "is_evidence": True, "offline": is_late}
        row |= {"overridden": False, "answer": {}, "scanned_at": work.now, "occurred_at": work.now}
        add(work, Scan, received_at=work.now, **row)


@contextmanager
def counted_anew() -> Iterator[None]:
    """The block counts every number from its facts alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(carrying, "CARRIED_FOR", -timedelta(days=1))
        patch.setattr(keeping, "keep", lambda _work, _as_of, _key, ask: ask())
        yield


def tell(life: Life, auditor: Person, as_of: datetime) -> list[Any]:
    """All that is carried on: of the town and of a place, split in every way, and of all places at once."""

    def deed(work: Work) -> list[Any]:
        period = Period(PeriodKind.DAY, local_day(as_of), local_day(as_of))
        reaches = [find_reach(work, None), find_reach(work, life.town.community_id)]
        told: list[Any] = []
        for reach in reaches:
            for slice_ in Slice:
                names = [name for name in NAMES if slice_ is Slice.ALL or slice_ in MEASURES[name].slices]
                said = read_values(work, reach, names, period, as_of, slice_)
                told += [
                    (slice_, key, name, value.value)
                    for key, values in said.items()
                    for name, value in values.items()
                    if value.value
                ]
        by_place = read_places(work, reaches[0], TerritoryKind.COMMUNITY, NAMES, period, as_of)
        return [*told, by_place]

    return life.town.database.read(life.town.id, life.town.actor(auditor), deed)


@pytest.mark.parametrize("is_carried", [True, False])
def test_what_is_carried_on_is_what_is_counted_anew(
    engine: Engine, is_carried: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, clock = town_of_the_past(engine, moment(0, 8))
    life = BriskLife(town, clock, (town.community_id, town.other_community_id))
    auditor = town.staff(Role.AUDITOR)
    for name, b in (("come", 0), ("come", 1), ("gain", 3), ("gain", 3), ("plan", 5), ("tend", 0)):
        life.live(name, b, b, b)
    clock.now = moment(1, 0, 42)
    life.snapshot(0, 0, 0)
    fix_missing(town.database, town.id)
    clock.now = moment(1, 9)
    since, found = carrying._ask_since, set()

    def heed(work: Work, family: Any, *args: Any) -> Any:
        answer = since(work, family, *args)

        def wait() -> Any:
            rows = answer()
            if rows:
                found.add(family.name)
            return rows if is_carried else ()

        return wait

    monkeypatch.setattr(carrying, "_ask_since", heed)
    dice, differences = Random(3), 0
    for _ in range(10):
        for _ in range(8):
            life.live(dice.choice(DEEDS), *(dice.randrange(12) for _ in range(3)))
        as_of = clock.now - timedelta(seconds=dice.choice((15, 16, 40)))
        carried = tell(life, auditor, as_of)
        with counted_anew():
            differences += tell(life, auditor, as_of) != carried
        if not is_carried and differences:
            return
    assert is_carried, "what is left out is missed"
    assert not differences
    assert found == {MEASURES[name].family.name for name in NAMES}
    assert {"attend", "reserve", "gain", "redeem", "move", "cancel"} <= set(life.done)


def test_who_looks_at_some_minutes_ago_adds_to_what_was_known_then(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, clock = town_of_the_past(engine, moment(0, 8))
    life = BriskLife(town, clock, (town.community_id,))
    auditor = town.staff(Role.AUDITOR)
    since, added_to = carrying._ask_since, set()

    def heed(work: Work, family: Any, *args: Any) -> Any:
        added_to.add(args[-1][0].replace(microsecond=0) + timedelta(seconds=family.grows))
        return since(work, family, *args)

    monkeypatch.setattr(carrying, "_ask_since", heed)
    clock.now = moment(1, 9) + MINUTE / 2
    for _ in range(carrying.BASES_MAX + 2):
        clock.now += MINUTE
        tell(life, auditor, clock.now)
    newest = clock.now.replace(second=0)
    for minutes in range(carrying.BASES_MAX + 2):
        added_to.clear()
        tell(life, auditor, clock.now - minutes * MINUTE - timedelta(seconds=7))
        assert added_to == ({newest - minutes * MINUTE} if minutes < carrying.BASES_MAX else set())


def test_what_was_committed_much_later_than_its_moment_is_missed_for_some_minutes_and_no_longer(engine: Engine) -> None:
    town, clock = town_of_the_past(engine, moment(0, 8))
    life = BriskLife(town, clock, (town.community_id,))
    auditor = town.staff(Role.AUDITOR)
    clock.now = moment(1, 9)
    session = life.upcoming(9)
    clock.now = moment(1, 9, 5)
    before = tell(life, auditor, clock.now - timedelta(seconds=20))
    clock.now = moment(1, 9, 4)  # it had begun by then, and nobody saw anything of it
    life.act(life.organiser, cancel_sessions, session, Scope.ONE, "下雨")
    clock.now = moment(1, 9, 5) + carrying.RECOUNTED_AFTER
    after = tell(life, auditor, clock.now - timedelta(seconds=20))
    assert after != before
    with counted_anew():
        assert tell(life, auditor, clock.now - timedelta(seconds=20)) == after


def test_of_answers_with_many_rows_fewer_minutes_are_kept_and_always_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, key = keeping.Kept(), "question"
    monkeypatch.setattr(carrying, "ROWS_MAX", 7)
    for n in range(6):
        as_of = moment(1, 9, n)
        carrying._keep_base(kept, key, carrying._Base(as_of, (1, 2), as_of))  # type: ignore[arg-type]
    assert [base.as_of for base in kept.get(key)] == [moment(1, 9, n) for n in (3, 4, 5)]
    carrying._keep_base(kept, key, carrying._Base(moment(1, 9, 6), range(20), moment(1, 9)))  # type: ignore[arg-type]
    assert [base.as_of for base in kept.get(key)] == [moment(1, 9, 6)]


def test_what_happens_as_a_minute_ends_is_counted_once(engine: Engine) -> None:
    town, clock = town_of_the_past(engine, moment(0, 8))
    life = BriskLife(town, clock, (town.community_id,))
    auditor = town.staff(Role.AUDITOR)
    life.come(0, 0, 0)
    clock.now = moment(1, 9) - timedelta(microseconds=1)
    life.gain(0, 0, 0)
    for minute in (1, 2):
        clock.now = moment(1, 9, minute)
        as_of = clock.now - timedelta(seconds=20)
        carried = tell(life, auditor, as_of)
        with counted_anew():
            assert tell(life, auditor, as_of) == carried
