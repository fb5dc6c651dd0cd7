"""The caller's language: Chinese unless English is asked for."""

from __future__ import annotations

from flask import request

CHINESE = "zh-Hans"
ENGLISH = "en"


def caller_language() -> str:
    """`zh-Hans` or `en`, whichever Accept-Language prefers; of every Chinese there is one."""
    for wanted, _quality in request.accept_languages:
        if wanted.lower().split("-")[0] in ("zh", "en"):
            return ENGLISH if wanted.lower().startswith("en") else CHINESE
    return CHINESE
