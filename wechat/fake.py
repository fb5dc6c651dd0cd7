"""WeChat's server API without WeChat: the same paths, limits and codes, for tests, the demo and load.

It is a WSGI application; `transport()` puts it under the client without a network. What it knows (codes, the token) is
this process's own. The code `demo:<openid>` answers that openid as often as one likes; `issue_code` gives a code that
keeps WeChat's rules: it works once, within 5 minutes.
"""

from __future__ import annotations

import base64
import re
import secrets
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx2
import orjson
from werkzeug import Request, Response

from rules.clock import utc_now

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

DEMO_PREFIX = "demo:"
CODE_LIFE = timedelta(minutes=5)
TOKEN_LIFE = timedelta(seconds=7200)
TOKEN_OVERLAP = timedelta(minutes=5)  #: this long before its end a token is replaced

ERRMSG = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40013: "invalid appid",
    40014: "invalid access_token",
    40029: "invalid code",
    40125: "invalid appsecret",
    40163: "code been used",
    40226: "code blocked",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
}

_is_openid = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch


class Refused(Exception):
    """The answer is an errcode."""

    def __init__(self, errcode: int) -> None:
        super().__init__(errcode)
        self.errcode = errcode


@dataclass(slots=True)
class IssuedCode:
    openid: str
    issued_at: datetime
    is_used: bool = False


@dataclass(frozen=True, slots=True)
class IssuedToken:
    value: str
    expires_at: datetime


class FakeWechat:
    """One mini-program at WeChat. Safe for threads."""

    def __init__(self, *, appid: str, secret: str, clock: Callable[[], datetime] = utc_now) -> None:
        self.calls: Counter[str] = Counter()  #: calls by path
        self._appid = appid
        self._secret = secret
        self._clock = clock
        self._lock = threading.Lock()
        self._codes: dict[str, IssuedCode] = {}
        self._failures: deque[int] = deque()
        self._token: IssuedToken | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        with self._lock:
            response = self._respond(request)
        return response(environ, start_response)

    def transport(self) -> httpx2.WSGITransport:
        """What to put under an HTTP client."""
        return httpx2.WSGITransport(app=self)

    def issue_code(self, openid: str) -> str:
        """A code as wx.login would give it to this resident."""
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._codes[code] = IssuedCode(openid, self._clock())
        return code

    def fail_next(self, errcode: int) -> None:
        """Let the next call that isn't told to fail yet answer this error."""
        with self._lock:
            self._failures.append(errcode)

    def _respond(self, request: Request) -> Response:
        calls = {"/sns/jscode2session": self._code2session, "/cgi-bin/stable_token": self._stable_token}
        call = calls.get(request.path)
        if call is None:
            return Response(status=404)
        self.calls[request.path] += 1
        try:
            if self._failures:
                raise Refused(self._failures.popleft())
            answer = call(request)
        except Refused as refused:
            rid = "-".join(secrets.token_hex(4) for _ in range(3))
            answer = {"errcode": refused.errcode, "errmsg": f"{ERRMSG.get(refused.errcode, 'error')}, rid: {rid}"}
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
        if code.startswith(DEMO_PREFIX) and _is_openid(code.removeprefix(DEMO_PREFIX)):
            return code.removeprefix(DEMO_PREFIX)
        issued = self._codes.get(code)
        if issued is None or self._clock() >= issued.issued_at + CODE_LIFE:
            raise Refused(40029)
        if issued.is_used:
            raise Refused(40163)
        issued.is_used = True
        return issued.openid

    def _stable_token(self, request: Request) -> dict[str, Any]:
        if request.method != "POST":
            raise Refused(43002)
        question = _read_object(request)
        self._check_program(question)
        if question.get("grant_type") != "client_credential":
            raise Refused(40002)
        now = self._clock()
        if self._token is None or self._token.expires_at - now <= TOKEN_OVERLAP or question.get("force_refresh"):
            self._token = IssuedToken(secrets.token_urlsafe(96), now + TOKEN_LIFE)
        return {
            "access_token": self._token.value,
            "expires_in": int((self._token.expires_at - now).total_seconds()),
        }

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


def _read_object(request: Request) -> dict[str, Any]:
    try:
        question = orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        raise Refused(47001) from None
    if not isinstance(question, dict):
        raise Refused(47001)
    return question
