"""WeChat's server API.

An error is HTTP 200 with an `errcode`; an answer without one is a success, and so is `errcode` 0. Each call names the
refusals that its errcodes mean; every other one means that the deployment is not set up right, and is
logged as an error. Only an errcode and the `rid` in its `errmsg` (by which WeChat's support finds the call) are ever
logged, never what was sent or answered: codes, openids, session keys, tokens and the secret stay inside. The HTTP
library logs the address of every request, and WeChat wants secrets in addresses, so the library's log is closed here.

One client per process, made after the fork. A call that failed is not repeated here: a code works once, and whether the
call was heard is unknown. The one exception is an access token that WeChat no longer takes: then nothing was done, so it
is dropped, fetched anew, and the call made once more. Bodies are raw UTF-8: WeChat's text check passes whatever is
written in \\u escapes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any, TypeVar

import httpx2
import orjson

from rules.errors import RuleError
from rules.wechat_token import FetchedToken
from wechat.messages import CHECKED_CHARACTERS_MAX, SubscriptionMessage, Suggest, Verdict
from wechat.refusals import (
    CodeImageRefused,
    CodeInvalid,
    LinkRefused,
    Misconfigured,
    OpenidInactive,
    PhoneCodeInvalid,
    SubscriptionRefused,
    TemplateWrong,
    TokenRefused,
    UserBlocked,
    WechatBusy,
    WechatUnanswered,
)
from wechat.token_cache import TokenCache

BASE_URL = "https://api.weixin.qq.com"
TIMEOUT = httpx2.Timeout(pool=1, connect=2, write=2, read=3)  #: seconds

T = TypeVar("T")

log = logging.getLogger(__name__)
logging.getLogger("httpx2").addFilter(lambda record: record.levelno > logging.INFO)

_is_code = re.compile(r"[!-~]{1,256}").fullmatch
_find_rid = re.compile(r"\brid: ?([0-9A-Za-z-]{1,64})").search


Refusals = dict[int, type[RuleError]]
BUSY: Refusals = {-1: WechatBusy, 45011: WechatBusy}
SIGN_IN: Refusals = BUSY | {40029: CodeInvalid, 40163: CodeInvalid, 40226: UserBlocked}
#: Calls with an access token; a quota (45009) is counted by the minute or the day and is open again later.
WITH_TOKEN: Refusals = BUSY | {45009: WechatBusy} | dict.fromkeys((40001, 40014, 42001), TokenRefused)
PHONE: Refusals = WITH_TOKEN | {40029: PhoneCodeInvalid, 40163: PhoneCodeInvalid}
SUBSCRIPTION: Refusals = (
    WITH_TOKEN | {43101: SubscriptionRefused} | dict.fromkeys((40003, 40037, 41030, 47003), TemplateWrong)
)
CODE_IMAGE: Refusals = WITH_TOKEN | dict.fromkeys((40097, 40129, 41030, 85096), CodeImageRefused)
CHECK: Refusals = WITH_TOKEN | {61010: OpenidInactive, 40003: OpenidInactive}
LINK: Refusals = WITH_TOKEN | dict.fromkeys((40097, 40165, 40212, 85401), LinkRefused)

#: The request has not been sent whole, so WeChat has done nothing.
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
IMAGE_HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_SEVERITY = list(Suggest)


class WechatClient:
    """One mini-program's way to WeChat. Safe for threads."""

    def __init__(
        self,
        *,
        appid: str,
        secret: str,
        token_cache: TokenCache,
        transport: httpx2.BaseTransport | None = None,
        base_url: str = BASE_URL,
        timeout: httpx2.Timeout = TIMEOUT,
    ) -> None:
        self._appid = appid
        self._secret = secret
        self._token_cache = token_cache
        self._http = httpx2.Client(base_url=base_url, transport=transport, timeout=timeout)

    def openid_of(self, code: str) -> str:
        """Whose code of wx.login it is. A code works once, within 5 minutes.

        Raises CodeInvalid, UserBlocked, WechatBusy and Misconfigured.
        """
        if not _is_code(code):
            raise CodeInvalid
        path = "/sns/jscode2session"
        question = {
            "appid": self._appid,
            "secret": self._secret,
            "js_code": code,
            "grant_type": "authorization_code",
        }
        answer = self._ask("GET", path, SIGN_IN, params=question)
        openid: str = _take(answer, path, "openid", str)
        return openid

    def access_token(self) -> str:
        """The token that WeChat's other calls want in their query string. Raises WechatBusy and Misconfigured."""
        return self._token_cache.get(self._fetch_token)

    def forget_token(self, token: str) -> None:
        """Drop a token that a call was refused with (40001, 40014, 42001); the next `access_token` is another one."""
        self._token_cache.forget(token)

    def phone_of(self, code: str) -> str:
        """Whose phone number the code of the getPhoneNumber button stands for: eleven digits, or +1… from abroad.

        Raises PhoneCodeInvalid, WechatBusy and Misconfigured.
        """
        if not _is_code(code):
            raise PhoneCodeInvalid
        path = "/wxa/business/getuserphonenumber"
        info = _take(self._ask_with_token(path, PHONE, {"code": code}), path, "phone_info", dict)
        number: str = _take(info, path, "purePhoneNumber", str)
        country = str(info.get("countryCode", "86"))
        return number if country == "86" else f"+{country}{number}"

    def send_subscription(self, message: SubscriptionMessage) -> None:
        """Send a subscription message, which uses up one consent of the resident's.

        Raises SubscriptionRefused (no consent is left), TemplateWrong, WechatBusy (nothing was sent), WechatUnanswered
        (it may have been sent) and Misconfigured.
        """
        body = {
            "touser": message.openid,
            "template_id": message.template_id,
            "data": {name: {"value": value} for name, value in message.data.items()},
            "miniprogram_state": "formal",
            "lang": message.lang,
        }
        if message.page is not None:
            body["page"] = message.page
        path = "/cgi-bin/message/subscribe/send"
        self._ask_with_token(path, SUBSCRIPTION, body, unanswered=WechatUnanswered)

    def code_image(self, scene: str, page: str, *, width: int = 430, env_version: str = "release") -> bytes:
        """The mini-program's own code that opens a page with a scene, as a JPEG or PNG. `width`: 280 to 1280 pixels.

        The page need not be published yet. Raises CodeImageRefused, WechatBusy and Misconfigured.
        """
        body = {"scene": scene, "page": page, "check_path": False, "env_version": env_version, "width": width}
        return self._with_token(lambda token: self._ask_for_image("/wxa/getwxacodeunlimit", token, body))

    def check_text(self, openid: str, scene: int, content: str) -> Verdict:
        """What WeChat thinks of a text that this resident wrote; of a long one, what it thinks of its worst part.

        Raises OpenidInactive, WechatBusy and Misconfigured.
        """
        parts = [content[n : n + CHECKED_CHARACTERS_MAX] for n in range(0, len(content), CHECKED_CHARACTERS_MAX)]
        verdicts = [self._check_part(openid, scene, part) for part in parts or [content]]
        return max(verdicts, key=lambda verdict: _SEVERITY.index(verdict.suggest))

    def check_image(self, openid: str, scene: int, media_url: str) -> str:
        """Have WeChat check a picture at a public address. Returns the trace id that the verdict, pushed later, names.

        Raises OpenidInactive, WechatBusy and Misconfigured.
        """
        path = "/wxa/media_check_async"
        body = {"version": 2, "media_type": 2, "scene": scene, "openid": openid, "media_url": media_url}
        trace_id: str = _take(self._ask_with_token(path, CHECK, body), path, "trace_id", str)
        return trace_id

    def make_link(self, path: str, query: str, days: int) -> str:
        """An address that opens a page of the mini-program from outside of WeChat, for 1 to 30 days.

        Raises LinkRefused, WechatBusy and Misconfigured.
        """
        call = "/wxa/generate_urllink"
        body = {"path": path, "query": query, "expire_type": 1, "expire_interval": days}
        address: str = _take(self._ask_with_token(call, LINK, body), call, "url_link", str)
        return address

    def _check_part(self, openid: str, scene: int, content: str) -> Verdict:
        path = "/wxa/msg_sec_check"
        body = {"version": 2, "scene": scene, "openid": openid, "content": content}
        answer = self._ask_with_token(path, CHECK, body)
        result = _take(answer, path, "result", dict)
        suggest = _take(result, path, "suggest", str)
        if suggest not in _SEVERITY:
            log.warning("WeChat %s answered an unknown suggestion", path)
            raise WechatBusy
        return Verdict(Suggest(suggest), _take(result, path, "label", int), _take(answer, path, "trace_id", str))

    def _fetch_token(self) -> FetchedToken:
        path = "/cgi-bin/stable_token"
        question = {
            "grant_type": "client_credential",
            "appid": self._appid,
            "secret": self._secret,
            "force_refresh": False,
        }
        answer = self._ask("POST", path, BUSY, body=question)
        return FetchedToken(_take(answer, path, "access_token", str), _take(answer, path, "expires_in", int))

    def _ask_with_token(
        self, path: str, refusals: Refusals, body: dict[str, Any], *, unanswered: type[WechatBusy] = WechatBusy
    ) -> dict[str, Any]:
        return self._with_token(
            lambda token: self._ask(
                "POST", path, refusals, params={"access_token": token}, body=body, unanswered=unanswered
            )
        )

    def _with_token(self, call: Callable[[str], T]) -> T:
        """Make a call with the access token; where WeChat no longer takes it, once more with another one."""
        token = self.access_token()
        try:
            return call(token)
        except TokenRefused:
            self.forget_token(token)
        try:
            return call(self.access_token())
        except TokenRefused:
            log.error("WeChat refuses a new access token")
            raise Misconfigured from None

    def _ask_for_image(self, path: str, token: str, body: dict[str, Any]) -> bytes:
        response = self._send("POST", path, params={"access_token": token}, body=body, unanswered=WechatBusy)
        if response.status_code == httpx2.codes.OK and response.content.startswith(IMAGE_HEADS):
            return response.content
        _accept(response, path, CODE_IMAGE, WechatBusy)
        log.warning("WeChat %s answered a success without an image", path)
        raise WechatBusy

    def _ask(
        self,
        method: str,
        path: str,
        refusals: Refusals,
        *,
        params: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        unanswered: type[WechatBusy] = WechatBusy,
    ) -> dict[str, Any]:
        """The answer to one call. Raises the refusal of its errcode, `unanswered` without an answer, or Misconfigured."""
        response = self._send(method, path, params=params, body=body, unanswered=unanswered)
        return _accept(response, path, refusals, unanswered)

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None,
        body: dict[str, Any] | None,
        unanswered: type[WechatBusy],
    ) -> httpx2.Response:
        content = None if body is None else orjson.dumps(body)
        headers = None if body is None else {"Content-Type": "application/json"}
        try:
            return self._http.request(method, path, params=params, content=content, headers=headers)
        except httpx2.HTTPError as error:
            log.warning("WeChat %s: %s", path, type(error).__name__)
            raise (WechatBusy if isinstance(error, NOT_SENT) else unanswered) from None


def _accept(response: httpx2.Response, path: str, refusals: Refusals, unanswered: type[WechatBusy]) -> dict[str, Any]:
    """The JSON object of a success. Raises the refusal of its errcode, or `unanswered` where it can't be read."""
    answer = _read(response)
    if answer is None:
        log.warning("WeChat %s answered status %d and no JSON object", path, response.status_code)
        raise unanswered
    errcode = answer.get("errcode", 0)
    if errcode == 0:
        return answer
    refusal = refusals.get(errcode, Misconfigured)
    rid = _find_rid(str(answer.get("errmsg")))
    level = logging.ERROR if refusal is Misconfigured else logging.INFO
    log.log(level, "WeChat %s answered errcode %s, rid %s", path, errcode, rid and rid[1])
    raise refusal


def _read(response: httpx2.Response) -> dict[str, Any] | None:
    """The JSON object of an answer, whatever type it claims to be; None when it isn't one."""
    if response.status_code != httpx2.codes.OK:
        return None
    try:
        answer = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) and isinstance(answer.get("errcode", 0), int) else None


def _take(answer: dict[str, Any], path: str, name: str, type_: type[Any]) -> Any:
    """A field that a success always has. Raises WechatBusy when it is missing or of another type."""
    value = answer.get(name)
    if not isinstance(value, type_) or not value:
        log.warning("WeChat %s answered without %s", path, name)
        raise WechatBusy
    return value
