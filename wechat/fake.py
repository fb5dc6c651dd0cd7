"""WeChat's server API without WeChat: the same paths, limits and codes, for tests, the demo and load.

It is a WSGI application; `transport()` puts it under the client without a network. What it knows (codes, tokens,
consents) is this process's own. The code `demo:<openid>` answers that openid as often as one likes, and
`demo:<phone number>` that number; `issue_code` and `issue_phone_code` give codes that keep WeChat's rules: they work
once, within 5 minutes.

A text with 违规 in it is risky, one with 待审 wants a review, and one whose Chinese was sent in escapes passes whatever it
says, as at WeChat. It can be dead (nothing is reached) or slow (what was asked is done, and the answer comes too late);
`sent` is what residents have received. What it would push waits in `events` until `push_events`, or is pushed by itself
after `push_delay_seconds`. Fakes of several processes that `share_tokens` take one another's access tokens.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import logging
import secrets
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx2
import orjson
import segno
from werkzeug import Request, Response

from rules.clock import utc_now
from wechat import fake_limits as limits
from wechat.fake_limits import Refused, read_object
from wechat.fake_push import Push, push_event
from wechat.messages import SubscriptionMessage, Suggest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

DEMO_PREFIX = "demo:"
CODE_LIFE = timedelta(minutes=5)
TOKEN_LIFE = timedelta(seconds=7200)
TOKEN_OVERLAP = timedelta(minutes=5)  #: this long before its end a token is replaced, and this long the old one stands
SECONDS_DIGITS = 10  #: of the end of a token, in seconds since 1970
LABELS = {Suggest.PASS: 100, Suggest.REVIEW: 21000, Suggest.RISKY: 20006}
WORDS = {"违规": Suggest.RISKY, "待审": Suggest.REVIEW}

log = logging.getLogger(__name__)


@dataclass(slots=True)
class IssuedCode:
    answer: str  #: an openid or a phone number
    issued_at: datetime
    is_used: bool = False


@dataclass(frozen=True, slots=True)
class IssuedToken:
    value: str
    expires_at: datetime


class FakeWechat:
    """One mini-program at WeChat. Safe for threads."""

    def __init__(
        self,
        *,
        appid: str,
        secret: str,
        clock: Callable[[], datetime] = utc_now,
        wants_grants: bool = True,
        push: Push | None = None,
        push_token: str = "",
        push_delay_seconds: float | None = None,
    ) -> None:
        """`wants_grants`: a message needs a `grant`, as at WeChat; without, every resident takes every message."""
        self.calls: Counter[str] = Counter()  #: calls by path
        self.sent: list[SubscriptionMessage] = []
        self.checked: list[dict[str, Any]] = []  #: texts and pictures that were checked, as they were asked
        self.events: deque[dict[str, Any]] = deque()  #: not pushed yet
        self.unknown_templates: set[str] = set()
        self.inactive: set[str] = set()  #: openids that didn't use the mini-program for two hours
        self.quotas: dict[str, int] = {}  #: how many calls a path takes
        self.judge_picture: Callable[[str], Suggest] = lambda _url: Suggest.PASS
        self.is_picture_out_of_reach = False
        self.is_dead = False
        self.is_slow = False
        self.push = push
        self.push_token = push_token
        self._appid = appid
        self._secret = secret
        self._clock = clock
        self._wants_grants = wants_grants
        self._push_delay_seconds = push_delay_seconds
        self._token_key: bytes | None = None
        self._lock = threading.Lock()
        self._codes: dict[str, IssuedCode] = {}
        self._grants: Counter[tuple[str, str]] = Counter()
        self._failures: deque[int] = deque()
        self._token: IssuedToken | None = None
        self._old_token: IssuedToken | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        with self._lock:
            response = self._respond(request)
        return response(environ, start_response)

    def transport(self) -> httpx2.BaseTransport:
        """What to put under an HTTP client."""
        return _Transport(self)

    def share_tokens(self, key: bytes) -> None:
        """Give out access tokens that every fake with this key takes, and take theirs."""
        self._token_key = key

    def issue_code(self, openid: str) -> str:
        """A code as wx.login would give it to this resident."""
        return self._issue(openid)

    def issue_phone_code(self, number: str) -> str:
        """A code as the button for the phone number would give it."""
        return self._issue(number)

    def grant(self, openid: str, template_id: str) -> None:
        """The resident accepts one more message of this template."""
        with self._lock:
            self._grants[openid, template_id] += 1

    def fail_next(self, errcode: int) -> None:
        """Let the next call that isn't told to fail yet answer this error."""
        with self._lock:
            self._failures.append(errcode)

    def end_token(self) -> None:
        """No access token that was given out stands any more."""
        with self._lock:
            self._token = self._old_token = None

    def push_events(self) -> int:
        """Push what waits; what isn't taken, waits on. Returns how many were taken."""
        assert self.push is not None, "there is nowhere to push to"
        with self._lock:
            waiting = list(self.events)
            self.events.clear()
        missed = [event for event in waiting if not push_event(self.push, self.push_token, event, self._clock())]
        self.events.extend(missed)
        return len(waiting) - len(missed)

    def answer_popup(self, openid: str, answers: dict[str, bool]) -> None:
        """The resident is asked for messages by templates, and accepts some; what they accept counts as granted."""
        for template_id, is_accepted in answers.items():
            if is_accepted:
                self.grant(openid, template_id)
        listed = [
            {"TemplateId": id_, "SubscribeStatusString": "accept" if accepted else "reject", "PopupScene": "0"}
            for id_, accepted in answers.items()
        ]
        self._queue({"FromUserName": openid, "Event": "subscribe_msg_popup_event", "List": listed})

    def _issue(self, answer: str) -> str:
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._codes[code] = IssuedCode(answer, self._clock())
        return code

    def _respond(self, request: Request) -> Response:
        calls: dict[str, Callable[[Request], Any]] = {
            "/sns/jscode2session": self._code2session,
            "/cgi-bin/stable_token": self._stable_token,
            "/wxa/business/getuserphonenumber": self._phone,
            "/cgi-bin/message/subscribe/send": self._send_subscription,
            "/wxa/getwxacodeunlimit": self._code_image,
            "/wxa/msg_sec_check": self._check_text,
            "/wxa/media_check_async": self._check_media,
            "/wxa/generate_urllink": self._make_link,
        }
        call = calls.get(request.path)
        if call is None:
            return Response(status=404)
        self.calls[request.path] += 1
        try:
            if self._failures:
                raise Refused(self._failures.popleft())
            if self.calls[request.path] > self.quotas.get(request.path, self.calls[request.path]):
                raise Refused(45009)
            answer = call(request)
        except Refused as refused:
            rid = "-".join(secrets.token_hex(4) for _ in range(3))
            answer = {"errcode": refused.errcode, "errmsg": f"{refused.errmsg}, rid: {rid}"}
        if isinstance(answer, bytes):
            return Response(answer, mimetype="image/png")
        return Response(orjson.dumps(answer), mimetype="application/json")

    def _code2session(self, request: Request) -> dict[str, Any]:
        if request.method != "GET":
            raise Refused(43001)
        self._check_program(request.args)
        if request.args.get("grant_type") != "authorization_code":
            raise Refused(40002)
        openid = self._redeem(request.args.get("js_code", ""))
        return {"openid": openid, "session_key": base64.b64encode(secrets.token_bytes(16)).decode()}

    def _redeem(self, code: str) -> str:
        if not code:
            raise Refused(41008)
        if code.startswith(DEMO_PREFIX) and limits.is_openid(code.removeprefix(DEMO_PREFIX)):
            return code.removeprefix(DEMO_PREFIX)
        issued = self._codes.get(code)
        if issued is None or self._clock() >= issued.issued_at + CODE_LIFE:
            raise Refused(40029)
        if issued.is_used:
            raise Refused(40163)
        issued.is_used = True
        return issued.answer

    def _stable_token(self, request: Request) -> dict[str, Any]:
        question = read_object(request)
        self._check_program(question)
        if question.get("grant_type") != "client_credential":
            raise Refused(40002)
        now = self._clock()
        if self._token is None or self._token.expires_at - now <= TOKEN_OVERLAP or question.get("force_refresh"):
            if self._token is not None:
                self._old_token = IssuedToken(self._token.value, now + TOKEN_OVERLAP)
            self._token = self._new_token(now + TOKEN_LIFE)
        return {
            "access_token": self._token.value,
            "expires_in": int((self._token.expires_at - now).total_seconds()),
        }

    def _new_token(self, expires_at: datetime) -> IssuedToken:
        value = secrets.token_urlsafe(96) if self._token_key is None else _signed(self._token_key, expires_at)
        return IssuedToken(value, expires_at)

    def _find_token(self, value: str) -> IssuedToken | None:
        """A token that was given out: here, or by a fake with the same key."""
        for each in (self._token, self._old_token):
            if each is not None and each.value == value:
                return each
        ends = value.partition(".")[0]
        if self._token_key is None or not (ends.isascii() and ends.isdigit() and len(ends) <= SECONDS_DIGITS):
            return None
        expires_at = datetime.fromtimestamp(int(ends), UTC)
        is_true = hmac.compare_digest(_signed(self._token_key, expires_at).encode(), value.encode())
        return IssuedToken(value, expires_at) if is_true else None

    def _phone(self, request: Request) -> dict[str, Any]:
        question = self._read_call(request)
        number = self._redeem(str(question.get("code", "")))
        info = {"phoneNumber": number, "purePhoneNumber": number, "countryCode": "86"}
        return {"errcode": 0, "errmsg": "ok", "phone_info": info}

    def _send_subscription(self, request: Request) -> dict[str, Any]:
        question = self._read_call(request)
        openid, template_id = self._openid_in(question, "touser"), str(question.get("template_id", ""))
        if not limits.is_template(template_id) or template_id in self.unknown_templates:
            raise Refused(40037)
        if (page := question.get("page")) is not None:
            limits.check_page(page)
        limits.check_fields(question.get("data"))
        if question.get("lang", "zh_CN") not in limits.LANGUAGES:
            raise Refused(40097)
        if self._wants_grants:
            if self._grants[openid, template_id] <= 0:
                raise Refused(43101)
            self._grants[openid, template_id] -= 1
        data = {name: entry["value"] for name, entry in question["data"].items()}
        self.sent.append(SubscriptionMessage(openid, template_id, page, data, question.get("lang", "zh_CN")))
        return {"errcode": 0, "errmsg": "ok"}

    def _code_image(self, request: Request) -> bytes:
        question = self._read_call(request)
        scene, page = question.get("scene"), question.get("page")
        if not isinstance(scene, str) or not limits.is_scene(scene):
            raise Refused(40129)
        if not isinstance(page, str) or "?" in page:
            raise Refused(41030)
        limits.check_page(page)
        if question.get("env_version", "release") not in limits.ENV_VERSIONS:
            raise Refused(40097)
        if question.get("width", 430) not in limits.IMAGE_WIDTHS:
            raise Refused(40097)
        drawn = io.BytesIO()
        segno.make(f"{page}?scene={scene}").save(drawn, kind="png", scale=10)
        return drawn.getvalue()

    def _check_text(self, request: Request) -> dict[str, Any]:
        question = self._read_check(request)
        content = question.get("content")
        if not isinstance(content, str) or not content:
            raise Refused(44004)
        if len(content) > limits.CONTENT_CHARACTERS_MAX:
            raise Refused(45002)
        is_escaped = b"\\u" in request.get_data()
        found = [Suggest.PASS] if is_escaped else [suggest for word, suggest in WORDS.items() if word in content]
        suggest = found[0] if found else Suggest.PASS
        result = {"suggest": suggest, "label": LABELS[suggest]}
        return {"errcode": 0, "errmsg": "ok", "result": result, "detail": [], "trace_id": secrets.token_hex(16)}

    def _check_media(self, request: Request) -> dict[str, Any]:
        question = self._read_check(request)
        url = question.get("media_url")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")) or question.get("media_type") != 2:
            raise Refused(40097)
        trace_id, suggest = secrets.token_hex(16), self.judge_picture(url)
        errcode = -1008 if self.is_picture_out_of_reach else 0
        self._queue(
            {
                "FromUserName": question["openid"],
                "Event": "wxa_media_check",
                "appid": self._appid,
                "trace_id": trace_id,
                "version": 2,
                "errcode": errcode,
                "errmsg": "resource unavailable" if errcode else "ok",
                "result": {} if errcode else {"suggest": suggest, "label": LABELS[suggest]},
                "detail": [],
            }
        )
        return {"errcode": 0, "errmsg": "ok", "trace_id": trace_id}

    def _make_link(self, request: Request) -> dict[str, Any]:
        question = self._read_call(request)
        limits.check_page(question.get("path"))
        days = question.get("expire_interval")
        if question.get("expire_type") != 1 or not isinstance(days, int) or not 1 <= days <= limits.LINK_DAYS_MAX:
            raise Refused(85401)
        return {"errcode": 0, "errmsg": "ok", "url_link": f"https://wxaurl.cn/{secrets.token_urlsafe(8)}"}

    def _queue(self, event: dict[str, Any]) -> None:
        moment = int(self._clock().timestamp())
        self.events.append({"ToUserName": "gh_fake", "CreateTime": moment, "MsgType": "event", **event})
        if self.push is not None and self._push_delay_seconds is not None:
            timer = threading.Timer(self._push_delay_seconds, self._push_quietly)
            timer.daemon = True
            timer.start()

    def _push_quietly(self) -> None:
        try:
            self.push_events()
        except Exception as error:
            log.warning("the fake WeChat could not push: %s", type(error).__name__)

    def _read_check(self, request: Request) -> dict[str, Any]:
        question = self._read_call(request)
        openid = self._openid_in(question, "openid")
        if question.get("version") != 2 or question.get("scene") not in (1, 2, 3, 4):
            raise Refused(40097)
        if openid in self.inactive:
            raise Refused(61010)
        self.checked.append(question)
        return question

    def _read_call(self, request: Request) -> dict[str, Any]:
        """The body of a call that needs an access token, in the query and nowhere else."""
        question = read_object(request)
        token = request.args.get("access_token")
        if token is None:
            raise Refused(41001)
        standing = self._find_token(token)
        if standing is None:
            raise Refused(40001)
        if standing.expires_at <= self._clock():
            raise Refused(42001)
        return question

    def _openid_in(self, question: dict[str, Any], name: str) -> str:
        openid = question.get(name)
        if not isinstance(openid, str) or not limits.is_openid(openid):
            raise Refused(40003)
        return openid

    def _check_program(self, question: Any) -> None:
        """Whether the mini-program and its secret are right. An empty secret is right where none was set."""
        for name, expected, missing, wrong in (
            ("appid", self._appid, 41002, 40013),
            ("secret", self._secret, 41004, 40125),
        ):
            if name not in question:
                raise Refused(missing)
            if question[name] != expected:
                raise Refused(wrong)


def _signed(key: bytes, expires_at: datetime) -> str:
    """A token that says when it ends, and that whoever has the key knows for one of theirs."""
    ends = str(int(expires_at.timestamp()))
    return f"{ends}.{hmac.new(key, ends.encode(), hashlib.sha256).hexdigest()}"


class _Transport(httpx2.BaseTransport):
    """The way to the fake: closed when it is dead; when it is slow, what was asked is done and no answer comes in time."""

    def __init__(self, fake: FakeWechat) -> None:
        self._fake = fake
        self._inner = httpx2.WSGITransport(app=fake)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._fake.is_dead:
            raise httpx2.ConnectError("the fake WeChat is dead", request=request)
        response = self._inner.handle_request(request)
        if self._fake.is_slow:
            raise httpx2.ReadTimeout("the fake WeChat is slow", request=request)
        return response
