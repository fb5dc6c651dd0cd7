"""Every call with an access token: what it asks, what its codes mean, and when it is made once more."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import orjson
import pytest
from PIL import Image
from werkzeug.serving import make_server

from rules.errors import RuleError
from tests.wechat.conftest import SECRET, NoCache
from wechat.client import WechatClient
from wechat.fake import FakeWechat
from wechat.messages import CheckScene, SubscriptionMessage, Suggest
from wechat.refusals import (
    CodeImageRefused,
    LinkRefused,
    Misconfigured,
    OpenidInactive,
    PhoneCodeInvalid,
    SubscriptionRefused,
    TemplateWrong,
    WechatBusy,
    WechatUnanswered,
)

MESSAGE = SubscriptionMessage(
    "openid-1", "template-1", "pages/x?id=1", {"thing1": "活动提醒", "time2": "2026年5月1日 09:00"}
)
CALLS: dict[str, Callable[[WechatClient], Any]] = {
    "/wxa/business/getuserphonenumber": lambda client: client.phone_of("demo:13800138000"),
    "/cgi-bin/message/subscribe/send": lambda client: client.send_subscription(MESSAGE),
    "/wxa/getwxacodeunlimit": lambda client: client.code_image("a1B2", "pages/activity"),
    "/wxa/msg_sec_check": lambda client: client.check_text("openid-1", CheckScene.FORUM, "约球"),
    "/wxa/media_check_async": lambda client: client.check_image(
        "openid-1", CheckScene.FORUM, "https://a.example/b.jpg"
    ),
    "/wxa/generate_urllink": lambda client: client.make_link("pages/activity", "scene=a1B2", 30),
}
REFUSALS = [
    ("/wxa/business/getuserphonenumber", 40029, PhoneCodeInvalid),
    ("/cgi-bin/message/subscribe/send", 43101, SubscriptionRefused),
    *(("/cgi-bin/message/subscribe/send", errcode, TemplateWrong) for errcode in (40003, 40037, 41030, 47003)),
    ("/wxa/getwxacodeunlimit", 40129, CodeImageRefused),
    ("/wxa/getwxacodeunlimit", 41030, CodeImageRefused),
    ("/wxa/msg_sec_check", 61010, OpenidInactive),
    ("/wxa/msg_sec_check", 40003, OpenidInactive),
    ("/wxa/media_check_async", 61010, OpenidInactive),
    ("/wxa/generate_urllink", 85401, LinkRefused),
    *((path, errcode, WechatBusy) for path in CALLS for errcode in (-1, 45009, 45011)),
    *((path, 48001, Misconfigured) for path in CALLS),
]


class Kept(NoCache):
    """A token cache of one process."""

    def __init__(self) -> None:
        self.token: str | None = None
        self.forgotten: list[str] = []

    def get(self, fetch: Any) -> str:
        self.token = self.token or fetch().value
        return self.token

    def forget(self, token: str) -> None:
        self.forgotten.append(token)
        self.token = None


@pytest.fixture
def cache() -> Kept:
    return Kept()


@pytest.fixture
def kept(fake: FakeWechat, appid: str, cache: Kept) -> WechatClient:
    client = WechatClient(appid=appid, secret=SECRET, token_cache=cache, transport=fake.transport())
    client.access_token()
    fake.calls.clear()
    for _ in range(3):
        fake.grant("openid-1", "template-1")
    return client


@pytest.mark.parametrize(("path", "errcode", "refusal"), REFUSALS)
def test_an_errcode_is_the_refusal_of_its_call(kept, fake, path, errcode, refusal) -> None:
    fake.fail_next(errcode)
    with pytest.raises(RuleError) as raised:
        CALLS[path](kept)
    assert type(raised.value) is refusal
    assert fake.calls == {path: 1}


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_token_that_no_longer_stands_is_fetched_anew_and_the_call_made_once_more(
    kept, fake, cache, path, errcode
) -> None:
    fake.fail_next(errcode)
    CALLS[path](kept)
    assert fake.calls == {path: 2, "/cgi-bin/stable_token": 1}
    assert len(cache.forgotten) == 1


def test_a_token_that_is_refused_twice_is_a_fault_of_the_settings(kept, fake, cache, monkeypatch) -> None:
    fetch = cache.get

    def fetch_and_end(ask: Any) -> str:
        token = fetch(ask)
        fake.end_token()
        return token

    monkeypatch.setattr(cache, "get", fetch_and_end)
    with pytest.raises(Misconfigured):
        kept.check_text("openid-1", CheckScene.FORUM, "约球")
    assert fake.calls == {"/wxa/msg_sec_check": 2, "/cgi-bin/stable_token": 1}


@pytest.mark.parametrize("path", CALLS)
def test_a_dead_wechat_is_busy_and_has_done_nothing(kept, fake, path) -> None:
    fake.is_dead = True
    with pytest.raises(WechatBusy) as raised:
        CALLS[path](kept)
    assert type(raised.value) is WechatBusy
    assert (fake.calls, fake.sent) == ({}, [])


def test_only_a_message_without_an_answer_may_have_been_sent(kept, fake) -> None:
    fake.is_slow = True
    with pytest.raises(WechatUnanswered):
        kept.send_subscription(MESSAGE)
    assert fake.sent == [MESSAGE]
    with pytest.raises(WechatBusy) as raised:
        kept.check_text("openid-1", CheckScene.FORUM, "约球")
    assert type(raised.value) is WechatBusy


def test_a_message_whose_token_could_not_be_fetched_was_certainly_not_sent(client, fake) -> None:
    fake.is_slow = True
    with pytest.raises(WechatBusy) as raised:
        client.send_subscription(MESSAGE)
    assert type(raised.value) is WechatBusy
    assert fake.sent == []


def test_the_token_is_in_the_query_only_and_bodies_are_raw_utf8() -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        if request.url.path == "/cgi-bin/stable_token":
            return httpx2.Response(200, json={"access_token": "token-1", "expires_in": 7200})
        return httpx2.Response(200, json={"result": {"suggest": "pass", "label": 100}, "trace_id": "t"})

    client = WechatClient(appid="wx-1", secret=SECRET, token_cache=NoCache(), transport=httpx2.MockTransport(answer))
    client.check_text("openid-1", CheckScene.COMMENT, "谁来打球😀")
    _, check = asked
    assert dict(check.url.params) == {"access_token": "token-1"}
    assert b"token-1" not in check.content
    assert "谁来打球😀".encode() in check.content
    assert orjson.loads(check.content) == {"version": 2, "scene": 2, "openid": "openid-1", "content": "谁来打球😀"}


# What the calls do, against the fake


def test_a_phone_code_answers_its_number_once(client, fake) -> None:
    code = fake.issue_phone_code("13800138000")
    assert client.phone_of(code) == "13800138000"
    with pytest.raises(PhoneCodeInvalid):
        client.phone_of(code)


def test_a_number_from_abroad_keeps_its_country(client, fake) -> None:
    fake._phone = lambda _request: {"phone_info": {"purePhoneNumber": "2025550123", "countryCode": "1"}}
    assert client.phone_of("demo:x") == "+12025550123"


def test_one_consent_pays_for_one_message(client, fake) -> None:
    with pytest.raises(SubscriptionRefused):
        client.send_subscription(MESSAGE)
    fake.grant("openid-1", "template-1")
    client.send_subscription(MESSAGE)
    with pytest.raises(SubscriptionRefused):
        client.send_subscription(MESSAGE)
    assert fake.sent == [MESSAGE]


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"thing1": "字" * 21}},
        {"data": {"thing1": ""}},
        {"data": {"number1": "five"}},
        {"data": {"time1": "tomorrow"}},
        {"data": {"unknown1": "x"}},
        {"data": {}},
        {"page": "https://elsewhere.example"},
        {"openid": "open id"},
        {"template_id": "template-unknown"},
    ],
)
def test_a_message_that_cannot_be_right_uses_up_no_consent(client, fake, change) -> None:
    fake.unknown_templates.add("template-unknown")
    fake.grant("openid-1", "template-1")
    with pytest.raises(TemplateWrong):
        client.send_subscription(replace(MESSAGE, **change))
    client.send_subscription(MESSAGE)
    assert fake.sent == [MESSAGE]


def test_a_code_image_is_an_image_or_a_refusal(client) -> None:
    drawn = Image.open(io.BytesIO(client.code_image("a1B2", "pages/activity")))
    assert drawn.format == "PNG"
    for scene, page in (
        ("s" * 33, "pages/a"),
        ("活动", "pages/a"),
        ("", "pages/a"),
        ("a", "/pages/a"),
        ("a", "pages/a?b=1"),
    ):
        with pytest.raises(CodeImageRefused):
            client.code_image(scene, page)


def test_a_long_text_is_as_bad_as_its_worst_part(client, fake) -> None:
    def judged(text: str) -> Suggest:
        return client.check_text("openid-1", CheckScene.FORUM, text).suggest

    assert judged("好" * 2500) is Suggest.PASS
    assert len(fake.checked) == 1
    assert judged("好" * 2600 + "待审" + "好" * 2600) is Suggest.REVIEW
    assert judged("违规" + "好" * 5000 + "待审") is Suggest.RISKY
    assert max(len(question["content"]) for question in fake.checked) == 2500


def test_escaped_chinese_would_pass_whatever_it_says(client, fake, appid) -> None:
    """The control: what the client's raw UTF-8 is for."""
    http = httpx2.Client(base_url="https://api.weixin.qq.com", transport=fake.transport())
    question = {"version": 2, "scene": 3, "openid": "openid-1", "content": "违规"}
    escaped = b'{"version":2,"scene":3,"openid":"openid-1","content":"\\u8fdd\\u89c4"}'
    query = {"access_token": client.access_token()}
    suggests = [
        http.post("/wxa/msg_sec_check", params=query, content=content).json()["result"]["suggest"]
        for content in (orjson.dumps(question), escaped)
    ]
    assert suggests == ["risky", "pass"]


def test_who_was_away_for_two_hours_cannot_be_checked(client, fake) -> None:
    fake.inactive.add("openid-1")
    with pytest.raises(OpenidInactive):
        client.check_text("openid-1", CheckScene.FORUM, "约球")
    with pytest.raises(OpenidInactive):
        client.check_image("openid-1", CheckScene.FORUM, "https://a.example/b.jpg")
    assert (fake.checked, list(fake.events)) == ([], [])


def test_a_picture_s_verdict_comes_later_under_the_trace_that_was_answered(client, fake) -> None:
    trace_id = client.check_image("openid-1", CheckScene.FORUM, "https://a.example/b.jpg")
    (event,) = fake.events
    assert (event["Event"], event["trace_id"], event["result"]["suggest"]) == ("wxa_media_check", trace_id, "pass")


def test_a_link_lives_thirty_days_at_most(client) -> None:
    assert client.make_link("pages/activity", "scene=a", 30).startswith("https://")
    for days in (0, 31):
        with pytest.raises(LinkRefused):
            client.make_link("pages/activity", "scene=a", days)


def test_a_quota_is_reached_after_so_many_calls(client, fake) -> None:
    fake.quotas["/wxa/generate_urllink"] = 2
    for _ in range(2):
        client.make_link("pages/activity", "", 1)
    with pytest.raises(WechatBusy):
        client.make_link("pages/activity", "", 1)


def test_an_old_token_stands_five_minutes_beside_the_new_one(client, fake, clock) -> None:
    http = httpx2.Client(base_url="https://api.weixin.qq.com", transport=fake.transport())
    old = client.access_token()
    clock.advance(seconds=6901)
    assert client.access_token() != old

    def errcode() -> int:
        return http.post("/wxa/generate_urllink", params={"access_token": old}, json={}).json()["errcode"]

    assert errcode() == 41030
    clock.advance(minutes=5)
    assert errcode() == 42001
    assert http.post("/wxa/generate_urllink", json={}).json()["errcode"] == 41001


def test_no_openid_number_or_text_is_in_a_log_record_or_an_exception(kept, fake, caplog) -> None:
    caplog.set_level("DEBUG")
    said = []
    for path, call in CALLS.items():
        for errcode in (40001, 43101, 48001, -1):
            fake.fail_next(errcode)
            try:
                call(kept)
            except RuleError as refusal:
                said.append(repr(refusal))
        assert fake.calls[path]
    said.extend(record.getMessage() for record in caplog.records)
    for secret in ("openid-1", "13800138000", "约球", "活动提醒", str(kept.access_token())):
        assert secret not in "\n".join(said)


def test_another_process_can_be_led_to_a_fake_by_its_address(fake: FakeWechat, appid: str, cache: Kept) -> None:
    server = make_server("127.0.0.1", 0, fake, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    client = WechatClient(appid=appid, secret=SECRET, token_cache=cache, base_url=address)
    try:
        fake.grant("openid-1", "template-1")
        client.send_subscription(MESSAGE)
        assert client.check_text("openid-1", CheckScene.FORUM, "违规").suggest is Suggest.RISKY
    finally:
        server.shutdown()
        server.server_close()
        client._http.close()
    assert fake.sent == [MESSAGE]
    with pytest.raises(WechatBusy):
        WechatClient(appid=appid, secret=SECRET, token_cache=cache, base_url=address).phone_of("demo:1")
