"""Protects staff's passwords from being guessed: a name is locked for longer and longer, whether somebody has it or not."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from blueprints.edge.house import House
from models.residents import SignInFailure
from rules.clock import utc_now
from rules.residents import lock_out, passwords
from rules.residents.lock_out import FREE_FAILURES, WAIT_SECONDS_MAX, count_locked, unlock, wait_seconds
from rules.work import SYSTEM
from tests.build import PASSWORD, ApiClient, TownBuilder
from tests.edge.helpers import problem_of
from tests.residents.signing import sign_in_staff

CODE = "auth.too_many_attempts"
GUESSERS = 24


class Checker:
    """In place of argon2, which takes its time on purpose: counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def verify(self, _hash: str, password: str) -> bool:
        self.asked += 1
        if password != PASSWORD:
            raise VerifyMismatchError
        return True


@pytest.fixture
def checker(monkeypatch: pytest.MonkeyPatch) -> Checker:
    checker = Checker()
    monkeypatch.setattr(passwords, "HASHER", checker)
    return checker


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(utc_now(), tick=False) as clock:
        yield clock


def guess(api: ApiClient, name: str, times: int) -> list[int]:
    return [sign_in_staff(api, name, "a guess").status_code for _ in range(times)]


def test_a_name_is_locked_after_some_failures_also_for_the_right_password_and_opens_by_itself(
    town: TownBuilder, api: ApiClient, checker: Checker, clock: time_machine.Traveller
) -> None:
    name = town.staff().name
    assert guess(api, name, FREE_FAILURES) == [401] * FREE_FAILURES
    refused = sign_in_staff(api, name)
    problem_of(refused, 429, CODE)
    assert refused.headers["Retry-After"] == "1"
    clock.shift(1.0)
    assert sign_in_staff(api, name).status_code == 200


def test_a_password_is_not_looked_at_while_its_name_is_locked(
    town: TownBuilder, api: ApiClient, checker: Checker, clock: time_machine.Traveller
) -> None:
    name = town.staff().name
    assert guess(api, name, FREE_FAILURES + 3) == [401] * FREE_FAILURES + [429] * 3
    assert checker.asked == FREE_FAILURES


def test_each_failure_waits_twice_as_long_as_the_one_before_up_to_a_quarter_of_an_hour(
    town: TownBuilder, api: ApiClient, checker: Checker, clock: time_machine.Traveller
) -> None:
    name, waited = town.staff().name, []
    guess(api, name, FREE_FAILURES)
    for _ in range(12):
        refused = sign_in_staff(api, name, "a guess")
        waited.append(int(refused.headers["Retry-After"]))
        clock.shift(float(waited[-1]))
        assert sign_in_staff(api, name, "a guess").status_code == 401
    assert waited == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, WAIT_SECONDS_MAX, WAIT_SECONDS_MAX]


def test_a_guesser_gets_less_than_a_hundred_tries_in_an_hour() -> None:
    seconds, tries = 0, 0
    while seconds < 3600:
        tries += 1
        seconds += wait_seconds(tries)
    assert tries < 25
    assert 3600 / WAIT_SECONDS_MAX < 100


def test_a_name_that_nobody_has_is_answered_like_one_that_somebody_has(
    town: TownBuilder, api: ApiClient, checker: Checker, clock: time_machine.Traveller
) -> None:
    answers = []
    for name in (town.staff().name, f"nobody-{uuid.uuid4().hex}"):
        told = [sign_in_staff(api, name, "a guess") for _ in range(FREE_FAILURES + 2)]
        answers.append([(one.status_code, one.json["detail"], one.headers.get("Retry-After")) for one in told])
    assert answers[0] == answers[1]


def test_what_is_kept_of_a_name_does_not_show_it(town: TownBuilder, api: ApiClient, checker: Checker) -> None:
    name = f"my-password-in-the-wrong-field-{uuid.uuid4().hex}"
    guess(api, name, 1)
    rows = town.act(None, lambda work: repr(work.db.execute(select(SignInFailure.__table__)).all()))
    assert name not in rows


def test_a_sign_in_forgets_what_failed_before(
    town: TownBuilder, api: ApiClient, checker: Checker, clock: time_machine.Traveller
) -> None:
    name = town.staff().name
    for _ in range(3):
        assert guess(api, name, FREE_FAILURES - 1) == [401] * (FREE_FAILURES - 1)
        assert sign_in_staff(api, name).status_code == 200


def test_one_name_does_not_lock_another_and_who_is_signed_in_stays_so(
    town: TownBuilder, api: ApiClient, checker: Checker, clock: time_machine.Traveller
) -> None:
    victim, other = town.staff(), town.staff()
    signed_in = api.with_token(sign_in_staff(api, victim.name).json["access_token"])
    assert 429 in guess(api, victim.name, FREE_FAILURES + 1)
    assert signed_in.get("/communities").status_code == 200
    assert sign_in_staff(api, other.name).status_code == 200


def test_a_day_without_a_failure_forgets_and_old_rows_go(
    town: TownBuilder, api: ApiClient, checker: Checker, clock: time_machine.Traveller
) -> None:
    name, forgotten = town.staff().name, f"nobody-{uuid.uuid4().hex}"
    guess(api, name, FREE_FAILURES)
    guess(api, forgotten, 1)
    clock.shift(timedelta(days=1, seconds=2))
    assert guess(api, name, FREE_FAILURES) == [401] * FREE_FAILURES
    index = lock_out._name(town.house.keys, forgotten)
    guess(api, f"nobody-{uuid.uuid4().hex}", 1)
    rows = select(func.count()).select_from(SignInFailure).where(SignInFailure.name_index == index)
    assert town.act(None, lambda work: work.db.scalar(rows)) == 0


def test_what_a_flood_of_names_has_left_goes_bit_by_bit(town: TownBuilder, api: ApiClient, checker: Checker) -> None:
    long_ago = utc_now() - timedelta(days=9)
    rows = [
        {"name_index": uuid.uuid4().bytes, "failures": 1, "failed_at": long_ago, "locked_until": long_ago}
        for _ in range(lock_out.FORGOTTEN_AT_ONCE_MAX + 20)
    ]
    town.act(None, lambda work: work.db.execute(insert(SignInFailure), rows))
    left = select(func.count()).select_from(SignInFailure).where(SignInFailure.failed_at == long_ago)
    counts = []
    for _ in range(2):
        guess(api, f"nobody-{uuid.uuid4().hex}", 1)
        counts.append(town.act(None, lambda work: work.db.scalar(left)))
    assert counts == [20, 0]


def test_an_administrator_unlocks_a_name(
    house: House, town: TownBuilder, api: ApiClient, checker: Checker, clock: time_machine.Traveller
) -> None:
    name = town.staff().name
    locked = {"now": utc_now()}
    before = town.act(None, lambda work: work.db.scalar(count_locked, locked))
    guess(api, name, FREE_FAILURES)
    assert town.act(None, lambda work: work.db.scalar(count_locked, locked)) == before + 1
    assert town.act(None, unlock, house.keys, name) is True
    assert town.act(None, unlock, house.keys, name) is False
    assert sign_in_staff(api, name).status_code == 200


def test_many_guesses_at_once_are_not_more_than_may_be(
    town: TownBuilder, api: ApiClient, checker: Checker, clock: time_machine.Traveller
) -> None:
    statuses = guesses_at_once(api, town.staff().name)
    assert checker.asked == statuses.count(401) == FREE_FAILURES
    assert statuses.count(429) == GUESSERS - FREE_FAILURES


def test_without_the_guard_all_of_them_would_be_looked_at(
    town: TownBuilder,
    api: ApiClient,
    checker: Checker,
    clock: time_machine.Traveller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unguarded = (
        upsert(SignInFailure)
        .on_conflict_do_update(index_elements=["name_index"], set_={"failures": lock_out._failures_next})
        .returning(SignInFailure.failures)
    )
    monkeypatch.setattr(lock_out, "_count", unguarded)
    guesses_at_once(api, town.staff().name)
    assert checker.asked == GUESSERS


def guesses_at_once(api: ApiClient, name: str) -> list[int]:
    together = Barrier(GUESSERS)

    def one(_number: int) -> int:
        together.wait()
        return sign_in_staff(api, name, "a guess").status_code

    with ThreadPoolExecutor(GUESSERS) as threads:
        return list(threads.map(one, range(GUESSERS)))


def test_failures_are_counted_from_one_on(house: House) -> None:
    row = {"name_index": uuid.uuid4().bytes, "failures": 0, "failed_at": utc_now(), "locked_until": utc_now()}
    with pytest.raises(Exception, match="failures_positive"):
        house.transactions.write(0, SYSTEM, lambda work: work.db.execute(insert(SignInFailure), row))
