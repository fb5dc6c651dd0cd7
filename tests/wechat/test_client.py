"""What WeChat's answers mean, and what is never said about them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import orjson
import pytest

from rules.errors import Kind, RuleError
from tests.wechat.conftest import SECRET, NoCache
from wechat.client import WechatClient
from wechat.fake import FakeWechat
from wechat.refusals import CodeInvalid, Misconfigured, UserBlocked, WechatBusy

MISCONFIGURED = (40002, 40013, 40125, 41002, 41008, 45009, 48001, 61010)
Handler = Callable[[httpx2.Request], httpx2.Response]


def client_of(handler: Handler) -> WechatClient:
    return WechatClient(appid="wx-1", secret=SECRET, token_cache=NoCache(), transport=httpx2.MockTransport(handler))


def answering(*args: object, **kwargs: object) -> WechatClient:
    return client_of(lambda _request: httpx2.Response(*args, **kwargs))


def failing(error: Exception) -> WechatClient:
    def fail(_request: httpx2.Request) -> httpx2.Response:
        raise error

    return client_of(fail)


def test_a_code_answers_its_openid(client: WechatClient, fake: FakeWechat) -> None:
    assert client.openid_of(fake.issue_code("openid-1")) == "openid-1"
    assert client.openid_of("demo:resident-00001") == "resident-00001"


def test_a_code_works_once_and_only_for_five_minutes(client: WechatClient, fake: FakeWechat, clock) -> None:
    used, late = fake.issue_code("openid-1"), fake.issue_code("openid-2")
    client.openid_of(used)
    with pytest.raises(CodeInvalid):
        client.openid_of(used)
    clock.advance(minutes=5)
    with pytest.raises(CodeInvalid):
        client.openid_of(late)


@pytest.mark.parametrize(
    ("errcode", "refusal", "kind"),
    [
        (40029, CodeInvalid, Kind.UNAUTHENTICATED),
        (40163, CodeInvalid, Kind.UNAUTHENTICATED),
        (40226, UserBlocked, Kind.FORBIDDEN),
        (-1, WechatBusy, Kind.BUSY),
        (45011, WechatBusy, Kind.BUSY),
        *((errcode, Misconfigured, Kind.BUSY) for errcode in MISCONFIGURED),
    ],
)
def test_an_errcode_at_sign_in_is_a_typed_refusal(client, fake, errcode, refusal, kind) -> None:
    fake.fail_next(errcode)
    with pytest.raises(refusal) as raised:
        client.openid_of("demo:openid-1")
    assert type(raised.value) is refusal
    assert raised.value.kind is kind
    assert raised.value.sentence("zh") != raised.value.sentence("en")


@pytest.mark.parametrize(
    ("errcode", "refusal"),
    [
        (-1, WechatBusy),
        (45011, WechatBusy),
        *((errcode, Misconfigured) for errcode in (40001, 40029, 40163, 40226, *MISCONFIGURED)),
    ],
)
def test_an_errcode_at_the_token_is_busy_or_misconfigured(client, fake, errcode, refusal) -> None:
    fake.fail_next(errcode)
    with pytest.raises(refusal):
        client.access_token()


@pytest.mark.parametrize("code", ["", "a b", "a\n", "登录", "\ud800", "a\x00", "a" * 257])
def test_what_cannot_be_a_code_is_refused_without_asking(client: WechatClient, fake: FakeWechat, code: str) -> None:
    with pytest.raises(CodeInvalid):
        client.openid_of(code)
    assert not fake.calls


@pytest.mark.parametrize("code", ["a&secret=1", "a%00", "../../x?y#z", "+/=="])
def test_a_code_cannot_change_the_question(code: str) -> None:
    asked = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url)
        return httpx2.Response(200, json={"errcode": 40029})

    with pytest.raises(CodeInvalid):
        client_of(answer).openid_of(code)
    [url] = asked
    assert url.path == "/sns/jscode2session"
    assert url.params.multi_items() == [
        ("appid", "wx-1"),
        ("secret", SECRET),
        ("js_code", code),
        ("grant_type", "authorization_code"),
    ]


@pytest.mark.parametrize(
    "error",
    [
        httpx2.ConnectTimeout("late"),
        httpx2.ReadTimeout("late"),
        httpx2.PoolTimeout("late"),
        httpx2.ConnectError("no route"),
        httpx2.RemoteProtocolError("closed"),
    ],
)
def test_no_answer_is_busy(error: Exception) -> None:
    with pytest.raises(WechatBusy):
        failing(error).openid_of("demo:openid-1")
    with pytest.raises(WechatBusy):
        failing(error).access_token()


@pytest.mark.parametrize(
    "response",
    [
        {"status_code": 502, "text": "<html>"},
        {"status_code": 500, "json": {"openid": "openid-1"}},
        {"status_code": 302, "headers": {"Location": "https://elsewhere.example/"}},
        {"status_code": 200, "text": ""},
        {"status_code": 200, "text": "<html>"},
        {"status_code": 200, "content": b"\xff\xfe"},
        {"status_code": 200, "json": ["openid-1"]},
        {"status_code": 200, "json": {"errcode": "40029"}},
        {"status_code": 200, "json": {"errcode": None}},
        {"status_code": 200, "json": {}},
        {"status_code": 200, "json": {"openid": "", "access_token": "t", "expires_in": "7200"}},
        {"status_code": 200, "json": {"openid": 7, "access_token": None, "expires_in": 7200}},
        {"status_code": 200, "headers": {"Content-Encoding": "gzip"}, "content": b"not gzip"},
    ],
)
def test_an_answer_that_cannot_be_understood_is_busy(response) -> None:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        stream = httpx2.ByteStream(response["content"]) if "headers" in response and "content" in response else None
        return httpx2.Response(**({**response, "content": stream} if stream else response))

    with pytest.raises(WechatBusy):
        client_of(answer).openid_of("demo:openid-1")
    with pytest.raises(WechatBusy):
        client_of(answer).access_token()


def test_an_answer_counts_by_its_text_and_errcode_zero_is_a_success() -> None:
    text = '{"errcode": 0, "errmsg": "ok", "openid": "openid-1", "session_key": "k"}'
    assert answering(200, text=text).openid_of("demo:openid-1") == "openid-1"


def test_the_sign_in_asks_by_query_and_the_token_by_a_raw_utf8_body() -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200, json={"openid": "o", "access_token": "t", "expires_in": 7200})

    client = client_of(answer)
    client.openid_of("code-1")
    client.access_token()
    sign_in, token = asked
    assert (sign_in.method, sign_in.url.scheme, sign_in.url.host, sign_in.url.path) == (
        "GET",
        "https",
        "api.weixin.qq.com",
        "/sns/jscode2session",
    )
    assert dict(sign_in.url.params) == {
        "appid": "wx-1",
        "secret": SECRET,
        "js_code": "code-1",
        "grant_type": "authorization_code",
    }
    assert (token.method, token.url.path, token.url.query) == ("POST", "/cgi-bin/stable_token", b"")
    assert orjson.loads(token.content) == {
        "grant_type": "client_credential",
        "appid": "wx-1",
        "secret": SECRET,
        "force_refresh": False,
    }
    assert "密钥".encode() in token.content


def test_every_call_has_all_four_timeouts() -> None:
    seen = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.extensions["timeout"])
        return httpx2.Response(200, json={"openid": "o"})

    client_of(answer).openid_of("code-1")
    assert seen == [{"connect": 2, "read": 3, "write": 2, "pool": 1}]


def test_a_wrong_setting_is_logged_as_an_error_with_errcode_and_rid_only(caplog) -> None:
    errmsg = f"invalid appsecret {SECRET} of openid-1, rid: 6123abcd-1a2b3c4d-0f0f0f0f"
    with pytest.raises(Misconfigured):
        answering(200, json={"errcode": 40125, "errmsg": errmsg}).openid_of("code-1")
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "wechat.client",
            "ERROR",
            "WeChat /sns/jscode2session answered errcode 40125, rid 6123abcd-1a2b3c4d-0f0f0f0f",
        )
    ]


def test_a_resident_s_mistake_is_no_error_of_ours(client, fake, caplog) -> None:
    fake.fail_next(40029)
    with pytest.raises(CodeInvalid):
        client.openid_of("demo:openid-1")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def said_by(appid: str, caplog: pytest.LogCaptureFixture) -> tuple[str, tuple[str, ...]]:
    """All that the logs and the exceptions say in good and bad calls, and what they must not say."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="httpx2")
    fake = FakeWechat(appid=appid, secret="a-plain-secret")
    said = []

    def say(call: Callable[..., str], *args: str) -> str | None:
        try:
            return call(*args)
        except RuleError as refusal:
            said.extend(traceback.format_exception(refusal))
            said.append(repr(refusal.facts))
        return None

    def client_over(transport: httpx2.BaseTransport) -> WechatClient:
        return WechatClient(appid=appid, secret="a-plain-secret", token_cache=NoCache(), transport=transport)

    client = client_over(fake.transport())
    code = fake.issue_code("openid-hidden")
    for _ in range(2):
        say(client.openid_of, code)
    token = say(client.access_token)
    assert token
    for errcode in (-1, 40029, 40125, 40226):
        fake.fail_next(errcode)
        say(client.openid_of, code)
        fake.fail_next(errcode)
        say(client.access_token)

    def late(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout(f"no answer to {request.url}", request=request)

    def incomplete(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"openid": ["openid-hidden"], "session_key": "k-hidden"})

    for handler in (late, incomplete):
        broken = client_over(httpx2.MockTransport(handler))
        say(broken.openid_of, code)
        say(broken.access_token)
    said.append(repr(client) + repr(vars(broken)["_http"]))
    said.extend(f"{record.getMessage()} {record.args} {record.exc_info}" for record in caplog.records)
    return "\n".join(said), ("openid-hidden", "k-hidden", code, "a-plain-secret", token)


def test_no_secret_is_in_a_log_record_or_an_exception(appid, caplog) -> None:
    said, hidden = said_by(appid, caplog)
    assert "WeChat /sns/jscode2session answered errcode 40125" in said
    assert [word for word in hidden if word in said] == []


def test_without_the_closed_log_the_http_library_would_tell(appid, caplog, monkeypatch) -> None:
    monkeypatch.setattr(logging.getLogger("httpx2"), "filters", [])
    said, hidden = said_by(appid, caplog)
    assert "a-plain-secret" in said
    assert hidden[2] in said


def test_sixteen_threads_share_one_client(client: WechatClient, fake: FakeWechat) -> None:
    codes = {f"openid-{n}": fake.issue_code(f"openid-{n}") for n in range(64)}
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(client.openid_of, codes.values())) == list(codes)
