"""WeChat's pushes: who may push, what an event leads to, and that it does so once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
import pytest
from flask import Flask
from sqlalchemy import insert
from werkzeug.test import TestResponse

from blueprints.edge.house import EXTENSION, House
from models.moderation import Content, ContentKind, ContentState
from models.notices import SubscriptionGrant
from models.residents import OpenidLookup
from rules.clock import utc_now
from rules.moderation.submitting import submit
from rules.moderation.traces import keep_trace
from rules.wechat_push import signature_of
from tests.build import Person, TownBuilder, fresh_key
from wechat.assembly import push_to_rule
from wechat.fake import FakeWechat
from wechat.fake_push import push_to_app, push_to_url, signed_query

TOKEN = "push-token-of-the-tests"
Push = Callable[..., TestResponse]


@pytest.fixture
def push(app: Flask) -> Push:
    def send(event: Any, **changes: str) -> TestResponse:
        body = event if isinstance(event, bytes) else orjson.dumps(event)
        query = signed_query(TOKEN, utc_now()) | changes
        return app.test_client().post("/wechat/push", query_string=query, data=body)

    return send


@pytest.fixture
def pushing(app: Flask, appid: str) -> FakeWechat:
    """A WeChat that pushes to the application."""
    return FakeWechat(appid=appid, secret="", push=push_to_app(app), push_token=TOKEN)


def with_openid(town: TownBuilder, openid: str) -> Person:
    resident = town.resident()
    row = {"openid_index": town.house.keys.index_of(openid), "town_id": town.id, "resident_id": resident.id}
    town.act(None, lambda work: work.db.execute(insert(OpenidLookup), row))
    return resident


def picture_of(town: TownBuilder, trace_id: str) -> int:
    """A resident's picture whose check was asked for."""

    def deed(work: Any) -> int:
        content_id = submit(work, ContentKind.PICTURE, "", place_path="1/", upload_id=work.new_id())
        keep_trace(work, trace_id, content_id)
        return content_id

    return town.act(town.resident(), deed)


def checked(trace_id: str, suggest: str = "pass", **changes: Any) -> dict[str, Any]:
    event = {"FromUserName": "o", "CreateTime": 1, "MsgType": "event", "Event": "wxa_media_check", "trace_id": trace_id}
    return event | {"errcode": 0, "result": {"suggest": suggest, "label": 100}} | changes


def popup(openid: str, answers: dict[str, str], *, name: str = "subscribe_msg_popup_event", moment: int = 1) -> dict:
    listed = [
        {"TemplateId": id_, "SubscribeStatusString": answer, "PopupScene": "0"} for id_, answer in answers.items()
    ]
    return {"FromUserName": openid, "CreateTime": moment, "MsgType": "event", "Event": name, "List": listed}


def state_of(town: TownBuilder, content_id: int) -> ContentState:
    return town.rows(Content.state, id=content_id)[0].state


def test_the_signature_is_wechat_s_own() -> None:
    assert signature_of("AAAAA", "1714036504", "1514711492") == "f464b24fc39322e44b38aa78f5edd27bd1441696"


def test_the_console_s_question_is_said_back_to_who_signs(app: Flask) -> None:
    query = signed_query(TOKEN, utc_now()) | {"echostr": "4375120948345356249"}
    answer = app.test_client().get("/wechat/push", query_string=query)
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "4375120948345356249", "text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "changes",
    [
        {"signature": "0" * 40},
        {"signature": "签名"},
        {"signature": ""},
        {"nonce": "other"},
        {"timestamp": "not-a-time"},
        {"timestamp": "9" * 20},
        {"timestamp": "１"},
    ],
)
def test_who_cannot_sign_is_turned_away(app: Flask, method: str, changes: dict[str, str]) -> None:
    query = signed_query(TOKEN, utc_now()) | changes
    answer = app.test_client().open("/wechat/push", method=method, query_string=query, data=b"{}")
    assert (answer.status_code, answer.get_json()["code"]) == (403, "wechat.push_unsigned")
    assert app.test_client().open("/wechat/push", method=method, data=b"{}").status_code == 403


def test_a_signature_counts_for_ten_minutes(app: Flask) -> None:
    old = str(int(time.time()) - 601)
    query = {"timestamp": old, "nonce": "1", "signature": signature_of(TOKEN, old, "1")}
    assert app.test_client().get("/wechat/push", query_string=query).status_code == 403
    young = str(int(time.time()) - 590)
    query = {"timestamp": young, "nonce": "1", "signature": signature_of(TOKEN, young, "1"), "echostr": "e"}
    assert app.test_client().get("/wechat/push", query_string=query).text == "e"


def test_without_a_token_nobody_can_push(app: Flask, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = replace(house, settings=replace(house.settings, wechat_push_token=""))
    monkeypatch.setitem(app.extensions, EXTENSION, closed)
    query = signed_query("", utc_now())
    assert app.test_client().get("/wechat/push", query_string=query).status_code == 403


@pytest.mark.parametrize(
    "body", [b"<xml><Encrypt>x</Encrypt></xml>", b'{"Encrypt": "x", "ToUserName": "g"}', b"[]", b""]
)
def test_what_is_encrypted_or_no_json_is_told_so(push: Push, body: bytes) -> None:
    answer = push(body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "wechat.push_unreadable")


@pytest.mark.parametrize(
    "event",
    [
        {"MsgType": "text", "Content": "你好"},
        {"Event": "something_new", "FromUserName": "o"},
        {"Event": ["wxa_media_check"]},
        checked("a\0b"),
        popup("o", {"t\0": "accept"}),
        checked("a-trace-that-nobody-knows"),
        popup("an-openid-that-nobody-has", {"t": "accept"}),
        popup("o", {}) | {"List": "nothing"},
    ],
)
def test_events_that_mean_nothing_here_are_answered_like_the_others(push: Push, event: dict[str, Any]) -> None:
    answer = push(event)
    assert (answer.status_code, answer.text) == (200, "success")


@pytest.mark.parametrize(
    ("suggest", "changes", "state"),
    [
        ("pass", {}, ContentState.PASSED),
        ("risky", {}, ContentState.REFUSED),
        ("review", {}, ContentState.REVIEW),
        ("pass", {"errcode": -1008, "result": {}}, ContentState.REVIEW),
        ("pass", {"errcode": -1008}, ContentState.REVIEW),
    ],
)
def test_a_verdict_decides_on_its_picture_and_on_no_other(town, push, suggest, changes, state) -> None:
    trace_id, other_trace_id = fresh_key(), fresh_key()
    content_id, other_id = picture_of(town, trace_id), picture_of(town, other_trace_id)
    assert push(checked(trace_id, suggest, **changes)).text == "success"
    assert (state_of(town, content_id), state_of(town, other_id)) == (state, ContentState.PENDING)


def grants(town: TownBuilder, resident: Person) -> dict[str, int]:
    rows = town.rows(SubscriptionGrant.template_id, SubscriptionGrant.accepted_by_push, resident_id=resident.id)
    return {row.template_id: row.accepted_by_push for row in rows}


def test_an_accepted_message_is_granted_once_however_often_it_is_pushed(town: TownBuilder, push: Push) -> None:
    openid = fresh_key()
    resident, neighbour = with_openid(town, openid), with_openid(town, fresh_key())
    event = popup(openid, {"template-1": "accept", "template-2": "reject"})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(push, [event] * 8))
    assert {answer.text for answer in answers} == {"success"}
    assert grants(town, resident) == {"template-1": 1}
    assert grants(town, neighbour) == {}
    push(popup(openid, {"template-1": "accept"}, moment=2))
    assert grants(town, resident) == {"template-1": 2}


def test_an_answer_without_a_list_around_it_counts_too(town: TownBuilder, push: Push) -> None:
    openid = fresh_key()
    resident = with_openid(town, openid)
    event = popup(openid, {"template-1": "accept"})
    push(event | {"List": event["List"][0]})
    assert grants(town, resident) == {"template-1": 1}


def test_the_fake_pushes_what_it_has_found_until_it_is_taken(town: TownBuilder, pushing: FakeWechat) -> None:
    openid = fresh_key()
    resident = with_openid(town, openid)
    pushing.answer_popup(openid, {"template-1": True})
    pushing.push_token = "another token"
    assert (pushing.push_events(), len(pushing.events), grants(town, resident)) == (0, 1, {})
    pushing.push_token = TOKEN
    assert (pushing.push_events(), len(pushing.events), grants(town, resident)) == (1, 0, {"template-1": 1})


def test_the_demo_s_fake_pushes_to_the_rule_itself(town: TownBuilder, pushing: FakeWechat) -> None:
    openid = fresh_key()
    resident = with_openid(town, openid)
    pushing.push = push_to_rule(town.database, town.house.keys, TOKEN)
    pushing.answer_popup(openid, {"template-1": True})
    assert (pushing.push_events(), grants(town, resident)) == (1, {"template-1": 1})


def test_a_deployment_s_fake_pushes_by_itself_after_its_answer(town: TownBuilder, pushing: FakeWechat) -> None:
    openid, is_taken = fresh_key(), threading.Event()
    resident = with_openid(town, openid)
    send = push_to_rule(town.database, town.house.keys, TOKEN)
    pushing._push_delay_seconds = 0.01
    pushing.push = lambda query, body: (send(query, body), is_taken.set())[0]
    pushing.answer_popup(openid, {"template-1": True})
    assert is_taken.wait(10)
    assert grants(town, resident) == {"template-1": 1}


def test_a_push_that_fails_is_kept_and_told_in_the_log_without_a_word_of_it(pushing: FakeWechat, caplog) -> None:
    pushing.push = push_to_url("http://127.0.0.1:9/wechat/push", timeout_seconds=0.5)
    pushing.answer_popup("openid-hidden", {"template-1": True})
    assert (pushing.push_events(), len(pushing.events)) == (0, 1)
    assert "openid-hidden" not in "".join(record.getMessage() for record in caplog.records)
