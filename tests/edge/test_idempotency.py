"""Protects `Idempotency-Key`: one key has one effect and one answer, to the byte, however often it comes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from models.activities import Session
from models.idempotency import IdempotencyRecord
from models.reservations import LIVE, Reservation, ReservationStatus
from rules.clock import utc_now
from tests.build import ApiClient, TownBuilder, fresh_key
from tests.edge.helpers import problem_of, reserve

THREADS = 50
REPLAYED = "Idempotent-Replayed"
MALFORMED = {
    "empty": "",
    "short": "1234567",
    "long": "k" * 129,
    "a space inside": "1234 5678",
    "beyond ASCII": "schlüssel-eins",
    "a control character": "1234567\x7f",
}


def keys_kept(town: TownBuilder) -> int:
    return len(town.rows(IdempotencyRecord))


def taken(town: TownBuilder, session_id: int) -> int:
    return town.rows(Session.taken, id=session_id)[0].taken


def live(town: TownBuilder, session_id: int) -> int:
    rows = town.rows(Reservation.status, session_id=session_id)
    return sum(row.status in LIVE for row in rows)


def same(first: TestResponse, again: TestResponse) -> None:
    """The second answer is the first one, and says that it is."""
    assert (again.status_code, again.data, again.content_type) == (first.status_code, first.data, first.content_type)
    assert REPLAYED not in first.headers
    assert again.headers[REPLAYED] == "true"


@pytest.fixture
def me(town: TownBuilder, api: ApiClient) -> ApiClient:
    return api.as_(town.resident())


def test_a_write_without_a_key_is_refused(town: TownBuilder, me: ApiClient) -> None:
    session_id = town.session()
    held = reserve(me, session_id).get_json()["id"]
    before = town.contents()
    for method, path in (("POST", f"/sessions/{session_id}/reservations"), ("DELETE", f"/reservations/{held}")):
        problem_of(me.call(method, path), 400, "idempotency.key_required")
    assert town.contents() == before


@pytest.mark.parametrize("key", MALFORMED.values(), ids=MALFORMED)
def test_a_key_that_can_be_none_is_refused(town: TownBuilder, me: ApiClient, key: str) -> None:
    session_id = town.session()
    before = town.contents()
    headers = {"Idempotency-Key": key}
    answers = [
        me.call("POST", f"/sessions/{session_id}/reservations", headers=headers),
        me.call("DELETE", "/reservations/1", headers=headers),
    ]
    for answer in answers:
        problem_of(answer, 400, "idempotency.key_required")
    assert town.contents() == before


@pytest.mark.parametrize("key", ["12345678", "k" * 128, "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"])
def test_a_key_of_visible_ascii_is_taken(town: TownBuilder, me: ApiClient, key: str) -> None:
    session_id = town.session()
    same(reserve(me, session_id, key=key), reserve(me, session_id, key=key))


def test_a_reservation_sent_twice_is_made_once_and_answered_alike(town: TownBuilder, me: ApiClient) -> None:
    session_id, key = town.session(), fresh_key()
    first = reserve(me, session_id, 2, key=key)
    assert first.status_code == 201
    after = town.contents()
    for _ in range(3):
        same(first, reserve(me, session_id, 2, key=key))
    assert town.contents() == after
    assert (live(town, session_id), taken(town, session_id)) == (1, 2)


def test_a_cancellation_sent_twice_gives_back_once_and_is_answered_alike(town: TownBuilder, me: ApiClient) -> None:
    session_id, key = town.session(), fresh_key()
    held = reserve(me, session_id, 2).get_json()["id"]
    first = me.delete(f"/reservations/{held}", key=key)
    assert (first.status_code, first.get_json()["status"]) == (200, ReservationStatus.CANCELLED)
    same(first, me.delete(f"/reservations/{held}", key=key))
    assert (live(town, session_id), taken(town, session_id)) == (0, 0)
    problem_of(me.delete(f"/reservations/{held}"), 409, "reservation.not_cancellable")


def test_a_key_used_for_another_request_is_a_mismatch_and_changes_nothing(town: TownBuilder, me: ApiClient) -> None:
    session_id, other_session, key = town.session(), town.session(), fresh_key()
    first = reserve(me, session_id, 1, key=key)
    held = first.get_json()["id"]
    before = town.contents()
    for answer in (
        reserve(me, session_id, 2, key=key),
        me.call("POST", f"/sessions/{session_id}/reservations", key=key),
        reserve(me, other_session, 1, key=key),
        me.delete(f"/reservations/{held}", key=key),
        me.call("POST", f"/sessions/{session_id}/reservations?more=1", {"party_size": 1}, key=key),
    ):
        problem_of(answer, 422, "idempotency.mismatch")
    assert town.contents() == before
    same(first, reserve(me, session_id, 1, key=key))


def test_a_mismatch_is_said_even_where_the_other_body_is_invalid(town: TownBuilder, me: ApiClient) -> None:
    session_id, key = town.session(), fresh_key()
    assert reserve(me, session_id, key=key).status_code == 201
    answer = me.post(f"/sessions/{session_id}/reservations", {"party_size": "two"}, key=key)
    assert answer.status_code == 422
    assert (live(town, session_id), keys_kept(town)) == (1, 1)


def test_a_refusal_is_remembered_and_a_new_key_asks_anew(town: TownBuilder, api: ApiClient) -> None:
    session_id, key = town.session(capacity=1), fresh_key()
    holder, waiter = api.as_(town.resident()), api.as_(town.resident())
    held = reserve(holder, session_id).get_json()["id"]
    refused = reserve(waiter, session_id, key=key)
    problem_of(refused, 409, "reservation.full")
    assert holder.delete(f"/reservations/{held}").status_code == 200

    same(refused, reserve(waiter, session_id, key=key))
    assert live(town, session_id) == 0
    assert reserve(waiter, session_id).status_code == 201
    same(refused, reserve(waiter, session_id, key=key))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_remembered_refusal_keeps_its_words(town: TownBuilder, me: ApiClient, language: str) -> None:
    key = fresh_key()
    first = me.call("DELETE", "/reservations/1", key=key, headers={"Accept-Language": language})
    same(first, me.call("DELETE", "/reservations/1", key=key, headers={"Accept-Language": "en"}))


def test_the_same_key_of_two_residents_is_two_keys(town: TownBuilder, api: ApiClient) -> None:
    session_id, key = town.session(), fresh_key()
    answers = [reserve(api.as_(town.resident()), session_id, key=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert not any(REPLAYED in answer.headers for answer in answers)
    assert live(town, session_id) == 2


def test_the_same_key_serves_again_after_signing_in_again(town: TownBuilder, api: ApiClient) -> None:
    session_id, key, resident = town.session(), fresh_key(), town.resident()
    first = reserve(api.as_(resident), session_id, key=key)
    same(first, reserve(api.as_(resident, at=utc_now() - timedelta(minutes=5)), session_id, key=key))


@pytest.mark.parametrize("body", [{"party_size": "two"}, {"party_size": 0}, {"unknown": 1}, []])
def test_a_body_that_is_not_valid_leaves_the_key_unused(town: TownBuilder, me: ApiClient, body: Any) -> None:
    session_id, key = town.session(), fresh_key()
    answer = me.post(f"/sessions/{session_id}/reservations", body, key=key)
    problem_of(answer, 422, "request.invalid")
    assert keys_kept(town) == 0
    assert reserve(me, session_id, key=key).status_code == 201


def test_a_body_that_cannot_be_read_leaves_the_key_unused(town: TownBuilder, me: ApiClient) -> None:
    session_id, key = town.session(), fresh_key()
    path = f"/sessions/{session_id}/reservations"
    problem_of(me.call("POST", path, key=key, data=b"{", content_type="application/json"), 400, "request.malformed")
    problem_of(me.call("POST", path, key=key, data=b"{}", content_type="text/plain"), 415, "request.media_type")
    assert keys_kept(town) == 0
    assert reserve(me, session_id, key=key).status_code == 201


def test_a_caller_who_is_not_signed_in_or_not_allowed_leaves_the_key_unused(town: TownBuilder, api: ApiClient) -> None:
    session_id, key, resident = town.session(), fresh_key(), town.resident()
    long_ago = utc_now() - timedelta(days=1)
    for caller, status in (
        (api, 401),
        (api.with_token("garbage"), 401),
        (api.as_(resident, at=long_ago), 401),
        (api.as_(resident, token_version=9), 401),
    ):
        assert reserve(caller, session_id, key=key).status_code == status
    without_a_role = api.as_(town.staff())
    wish = {"resident_id": str(resident.id)}
    assert without_a_role.post(f"/sessions/{session_id}/reservations", wish, key=key).status_code == 403
    assert keys_kept(town) == 0
    assert reserve(api.as_(resident), session_id, key=key).status_code == 201


def test_a_fault_of_ours_leaves_the_key_unused(
    town: TownBuilder, me: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id, key = town.session(), fresh_key()

    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr("rules.reservations.reserving.reserve_place", fail)
        assert reserve(me, session_id, key=key).status_code == 500
    assert keys_kept(town) == 0
    assert reserve(me, session_id, key=key).status_code == 201


def at_once(deed: Any) -> list[TestResponse]:
    """The answers of many threads that start together."""
    together = threading.Barrier(THREADS)

    def one(number: int) -> TestResponse:
        together.wait(30)
        return deed(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


def test_one_key_in_many_threads_reserves_once_and_answers_all_alike(town: TownBuilder, me: ApiClient) -> None:
    session_id, key = town.session(), fresh_key()
    answers = at_once(lambda _: reserve(me, session_id, 2, key=key))
    assert {(answer.status_code, answer.data) for answer in answers} == {(201, answers[0].data)}
    assert sum(REPLAYED not in answer.headers for answer in answers) == 1
    assert (live(town, session_id), taken(town, session_id), keys_kept(town)) == (1, 2, 1)


def test_one_key_in_many_threads_cancels_once_and_answers_all_alike(town: TownBuilder, me: ApiClient) -> None:
    session_id, key = town.session(), fresh_key()
    held = reserve(me, session_id, 3).get_json()["id"]
    answers = at_once(lambda _: me.delete(f"/reservations/{held}", key=key))
    assert {(answer.status_code, answer.data) for answer in answers} == {(200, answers[0].data)}
    assert sum(REPLAYED not in answer.headers for answer in answers) == 1
    assert (live(town, session_id), taken(town, session_id)) == (0, 0)


def test_one_key_in_many_threads_is_refused_once_and_answers_all_alike(town: TownBuilder, api: ApiClient) -> None:
    session_id, key = town.session(capacity=1), fresh_key()
    assert reserve(api.as_(town.resident()), session_id).status_code == 201
    late = api.as_(town.resident())
    answers = at_once(lambda _: reserve(late, session_id, key=key))
    assert {(answer.status_code, answer.data) for answer in answers} == {(409, answers[0].data)}
    assert sum(REPLAYED not in answer.headers for answer in answers) == 1


def test_many_keys_in_many_threads_reserve_once(town: TownBuilder, me: ApiClient) -> None:
    session_id = town.session()
    answers = at_once(lambda _: reserve(me, session_id))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (THREADS - 1)
    assert {answer.get_json()["code"] for answer in answers if answer.status_code == 409} == {
        "reservation.already_held"
    }
    assert (live(town, session_id), taken(town, session_id), keys_kept(town)) == (1, 1, THREADS)
