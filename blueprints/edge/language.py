"""The caller's language: Chinese unless English is asked for."""

from __future__ import annotations

from functools import lru_cache

from flask import request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

CHINESE = "zh-Hans"
ENGLISH = "en"
HEADERS_MAX = 256  #: that are kept read


def caller_language() -> str:
    """`zh-Hans` or `en`, whichever Accept-Language prefers; of every Chinese there is one."""
    return _language_of(request.headers.get("Accept-Language", ""))


@lru_cache(HEADERS_MAX)
def _language_of(header: str) -> str:
    for wanted, _quality in parse_accept_header(header, LanguageAccept):
        if wanted.lower().split("-")[0] in ("zh", "en"):
            return ENGLISH if wanted.lower().startswith("en") else CHINESE
    return CHINESE
