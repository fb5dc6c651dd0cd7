"""The fake's rule book: WeChat's codes, and the limits of what may be sent to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from werkzeug import Request

ERRMSG = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40014: "invalid access_token",
    40029: "invalid code",
    40037: "invalid template_id",
    40097: "invalid args",
    40125: "invalid appsecret",
    40129: "invalid scene",
    40163: "code been used",
    40226: "code blocked",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41030: "invalid page",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43101: "user refuse to accept the msg",
    44004: "empty content",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    47003: "argument invalid! data.{} invalid",
    61010: "code is expired",
    85401: "the life of a link is 1 to 30 days",
}
CONTENT_CHARACTERS_MAX = 2500
LINK_DAYS_MAX = 30
IMAGE_WIDTHS = range(280, 1281)
ENV_VERSIONS = ("release", "trial", "develop")
LANGUAGES = ("zh_CN", "en_US", "zh_HK", "zh_TW")

is_openid = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
is_template = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
is_scene = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@._~-]{1,32}").fullmatch
is_page = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*").fullmatch

Test = Callable[[str], Any]
#: What a field of a subscription message may hold, by its name without the number.
FIELDS: Mapping[str, Test] = {
    "thing": lambda value: 1 <= len(value) <= 20,
    "character_string": re.compile(r"[!-~]{1,32}").fullmatch,
    "number": re.compile(r"-?[0-9.]{1,32}").fullmatch,
    "letter": re.compile(r"[A-Za-z]{1,32}").fullmatch,
    "symbol": lambda value: 1 <= len(value) <= 5,
    "time": re.compile(r"(\d{4}[年-]\d{1,2}[月-]\d{1,2}日?)?[ T]?(\d{1,2}:\d{2}(:\d{2})?)?").fullmatch,
    "date": re.compile(r"\d{4}[年-]\d{1,2}[月-]\d{1,2}日?( \d{1,2}:\d{2}(:\d{2})?)?").fullmatch,
    "amount": re.compile(r"[¥￥$]?\d{1,10}(\.\d+)?元?").fullmatch,
    "phone_number": re.compile(r"[0-9+() -]{1,17}").fullmatch,
    "car_number": lambda value: 1 <= len(value) <= 8,
    "name": lambda value: 1 <= len(value) <= (20 if value.isascii() else 10),
    "const": lambda value: 1 <= len(value) <= 20,
    "phrase": re.compile(r"[一-鿿]{1,5}").fullmatch,
}


class Refused(Exception):
    """The answer is an errcode."""

    def __init__(self, errcode: int, about: str = "") -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.errmsg = ERRMSG.get(errcode, "error").format(about)


def check_fields(data: Any) -> None:
    """Whether every field of a subscription message is of its kind. Raises Refused (47003)."""
    if not isinstance(data, dict) or not data:
        raise Refused(47003)
    for name, entry in data.items():
        test = FIELDS.get(name.rstrip("0123456789"))
        value = entry.get("value") if isinstance(entry, dict) else None
        if test is None or not isinstance(value, str) or not test(value):
            raise Refused(47003, name)


def check_page(page: Any) -> None:
    """Whether a page's path may be one. Raises Refused (41030)."""
    if not isinstance(page, str) or not is_page(page.partition("?")[0]):
        raise Refused(41030)


def read_object(request: Request) -> dict[str, Any]:
    """The JSON object of a call. Raises Refused (43002, 47001)."""
    if request.method != "POST":
        raise Refused(43002)
    try:
        question = orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        raise Refused(47001) from None
    if not isinstance(question, dict):
        raise Refused(47001)
    return question
