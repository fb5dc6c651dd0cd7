"""WeChat's server API.

An error is HTTP 200 with an `errcode`; an answer without one is a success, and so is `errcode` 0. Each call names the
refusals that its errcodes mean to a resident; every other one means that the deployment is not set up right, and is
logged as an error. Only an errcode and the `rid` in its `errmsg` (by which WeChat's support finds the call) are ever
logged, never what was sent or answered: codes, openids, session keys, tokens and the secret stay inside. The HTTP
library logs the address of every request, and WeChat wants secrets in addresses, so the library's log is closed here.

One client per process, made after the fork. A call that failed is not repeated here: a code works once, and whether the
call was heard is unknown.
"""

from __future__ import annotations

import logging
import re
from typing import Any

import httpx2
import orjson

from rules.errors import RuleError
from rules.wechat_token import FetchedToken
from wechat.refusals import CodeInvalid, Misconfigured, UserBlocked, WechatBusy
from wechat.token_cache import TokenCache

BASE_URL = "https://api.weixin.qq.com"
TIMEOUT = httpx2.Timeout(pool=1, connect=2, write=2, read=3)  #: seconds

log = logging.getLogger(__name__)
logging.getLogger("httpx2").addFilter(lambda record: record.levelno > logging.INFO)

_is_code = re.compile(r"[!-~]{1,256}").fullmatch
_find_rid = re.compile(r"\brid: ?([0-9A-Za-z-]{1,64})").search


Refusals = dict[int, type[RuleError]]
BUSY: Refusals = {-1: WechatBusy, 45011: WechatBusy}
SIGN_IN: Refusals = BUSY | {40029: CodeInvalid, 40163: CodeInvalid, 40226: UserBlocked}


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

    def _ask(
        self,
        method: str,
        path: str,
        refusals: Refusals,
        *,
        params: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The answer to one call. Raises the refusal of its errcode, WechatBusy without an answer, or Misconfigured."""
        try:
            response = self._http.request(method, path, params=params, json=body)
        except httpx2.HTTPError as error:
            log.warning("WeChat %s: %s", path, type(error).__name__)
            raise WechatBusy from None
        answer = _read(response)
        if answer is None:
            log.warning("WeChat %s answered status %d and no JSON object", path, response.status_code)
            raise WechatBusy
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
