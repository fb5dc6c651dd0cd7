"""The fake keeps WeChat's rules."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx2
import pytest

from rules.clock import utc_now
from tests.wechat.conftest import SECRET, Clock
from wechat.fake import FakeWechat

SIGN_IN = "/sns/jscode2session"
TOKEN = "/cgi-bin/stable_token"


@pytest.fixture
def http(fake: FakeWechat) -> httpx2.Client:
    return httpx2.Client(base_url="https://api.weixin.qq.com", transport=fake.transport())


@pytest.fixture
def sign_in(http: httpx2.Client, appid: str):
    def ask(code: str, **changes: str) -> dict[str, Any]:
        question = {"appid": appid, "secret": SECRET, "js_code": code, "grant_type": "authorization_code"}
        response = http.get(SIGN_IN, params=question | changes)
        assert response.status_code == 200
        return response.json()

    return ask


@pytest.fixture
def token(http: httpx2.Client, appid: str):
    def ask(**changes: Any) -> dict[str, Any]:
        question = {"grant_type": "client_credential", "appid": appid, "secret": SECRET}
        response = http.post(TOKEN, json=question | changes)
        assert response.status_code == 200
        return response.json()

    return ask


def test_an_issued_code_works_once(fake: FakeWechat, sign_in) -> None:
    code = fake.issue_code("openid-1")
    answer = sign_in(code)
    assert answer["openid"] == "openid-1"
    assert set(answer) == {"openid", "session_key"}
    assert sign_in(code)["errcode"] == 40163


def test_an_issued_code_ends_after_five_minutes(fake: FakeWechat, sign_in, clock: Clock) -> None:
    early, late = fake.issue_code("openid-1"), fake.issue_code("openid-2")
    clock.advance(minutes=4, seconds=59)
    assert sign_in(early)["openid"] == "openid-1"
    clock.advance(seconds=1)
    assert sign_in(late)["errcode"] == 40029
    assert sign_in(early)["errcode"] == 40029


def test_two_threads_never_work_in_the_fake_at_once(appid: str) -> None:
    working = threading.Lock()

    def clock() -> datetime:
        """Asked in the middle of a call. The turn is given away, so that another thread would come in if it could."""
        assert working.acquire(blocking=False)
        for _ in range(20):
            time.sleep(0)
        working.release()
        return utc_now()

    fake = FakeWechat(appid=appid, secret=SECRET, clock=clock)
    question = {"appid": appid, "secret": SECRET, "js_code": fake.issue_code("o"), "grant_type": "authorization_code"}
    http = httpx2.Client(base_url="https://api.weixin.qq.com", transport=fake.transport())
    with ThreadPoolExecutor(50) as pool:
        answers = [answer.json() for answer in pool.map(lambda _: http.get(SIGN_IN, params=question), range(50))]
    assert sorted(answer.get("errcode", 0) for answer in answers) == [0] + [40163] * 49


def test_a_demo_code_answers_its_openid_as_often_as_one_likes(sign_in) -> None:
    longest = "A-z_09" + "a" * 58
    assert [sign_in(f"demo:{longest}")["openid"] for _ in range(2)] == [longest] * 2


@pytest.mark.parametrize("code", ["nobody", "demo:", "demo:a b", "demo:居民", "demo:a\n", "demo:" + "a" * 65, "DEMO:a"])
def test_another_code_is_invalid(sign_in, code: str) -> None:
    assert sign_in(code)["errcode"] == 40029


def test_the_mini_program_must_prove_itself(sign_in, token) -> None:
    for ask in (lambda **changes: sign_in("demo:a", **changes), token):
        assert ask(appid="wx-other")["errcode"] == 40013
        assert ask(secret="other")["errcode"] == 40125
        assert ask(grant_type="other")["errcode"] == 40002
        assert "errcode" not in ask()


def test_what_is_missing_is_named(http: httpx2.Client, sign_in, appid: str) -> None:
    assert http.get(SIGN_IN).json()["errcode"] == 41002
    assert http.get(SIGN_IN, params={"appid": appid}).json()["errcode"] == 41004
    assert sign_in("")["errcode"] == 41008
    assert http.post(TOKEN, content=b"no JSON").json()["errcode"] == 47001
    assert http.post(TOKEN, json=[]).json()["errcode"] == 47001


def test_methods_and_paths_are_checked(http: httpx2.Client) -> None:
    assert http.post(SIGN_IN).json()["errcode"] == 43001
    assert http.get(TOKEN).json()["errcode"] == 43002
    assert http.get("/elsewhere").status_code == 404


def test_a_failure_that_was_asked_for_comes_once_and_in_order(fake: FakeWechat, sign_in, token) -> None:
    fake.fail_next(45011)
    fake.fail_next(-1)
    assert sign_in("demo:a")["errcode"] == 45011
    answer = token()
    assert answer["errcode"] == -1
    assert ", rid: " in answer["errmsg"]
    assert "errcode" not in token()
    assert "errcode" not in sign_in("demo:a")
    assert fake.calls == {SIGN_IN: 2, TOKEN: 2}


def test_the_token_stays_and_counts_down_until_five_minutes_are_left(token, clock: Clock) -> None:
    first = token()
    assert first["expires_in"] == 7200
    clock.advance(seconds=6899)
    assert token() == {"access_token": first["access_token"], "expires_in": 301}
    clock.advance(seconds=1)
    second = token()
    assert second["access_token"] != first["access_token"]
    assert second["expires_in"] == 7200


def test_a_forced_refresh_is_another_token(token) -> None:
    first = token()
    second = token(force_refresh=True)
    assert second["access_token"] != first["access_token"]
    assert token(force_refresh=False) == second
