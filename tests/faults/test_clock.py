"""The clock steps back an hour and forth a day: nobody is told twice, nothing is made twice, and nothing lasts for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine

from models.reservations import Reservation
from models.residents import Role
from rules.clock import utc_now
from tests.build import ApiClient, TownBuilder, fresh_key

BACK, FORTH = timedelta(hours=-1), timedelta(days=1)


def test_ids_go_on_rising_when_the_clock_is_set_back(api: ApiClient, town: TownBuilder) -> None:
    session_id = town.session(capacity=10, reservable_for=timedelta(hours=2))
    ids, now = [], utc_now()
    for moment in (now, now - timedelta(minutes=20), now):
        with time_machine.travel(moment, tick=True):
            caller = api.as_(town.resident(), at=moment)
            ids.append(int(caller.post(f"/sessions/{session_id}/reservations", {"party_size": 1}).json["id"]))
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("step", [BACK, FORTH])
def test_a_key_has_one_effect_and_one_answer_on_both_sides_of_a_step(
    api: ApiClient, town: TownBuilder, step: timedelta
) -> None:
    session_id, resident, key = town.session(capacity=10), town.resident(), fresh_key()

    def ask(at: datetime) -> object:
        with time_machine.travel(at, tick=True):
            caller = api.as_(resident, at=at)
            answer = caller.post(f"/sessions/{session_id}/reservations", {"party_size": 1}, key=key)
        return answer.status_code, answer.json

    now = utc_now()
    assert ask(now) == ask(now + step) == ask(now)
    assert len(town.rows(Reservation.id, session_id=session_id)) == 1


def test_a_token_of_a_clock_that_was_ahead_opens_nothing_and_a_step_forth_ends_tokens(
    api: ApiClient, town: TownBuilder
) -> None:
    resident, now = town.resident(), utc_now()
    assert api.as_(resident, at=now).get("/me/points").status_code == 200
    assert api.as_(resident, at=now + FORTH).get("/me/points").status_code == 401, "its owner refreshes it"
    with time_machine.travel(now + FORTH, tick=True):
        assert api.as_(resident, at=now).get("/me/points").status_code == 401


def test_a_code_of_a_clock_that_was_ahead_is_refused_at_the_door(api: ApiClient, town: TownBuilder) -> None:
    session_id, resident, scanner = town.session(), town.resident(), town.staff(Role.SCANNER)
    wish = {"session_id": str(session_id), "direction": "in", "nonce": fresh_key()}
    with time_machine.travel(utc_now() - timedelta(hours=1), tick=True):
        late = town.code_of(resident)
    answer = api.as_(scanner).post("/checkins", {"code": late, **wish})
    assert (answer.status_code, answer.json["result"], answer.json["reason"]) == (200, "refused", "expired_code")
