"""The caller's language: Chinese unless English is asked for."""

from __future__ import annotations

from flask import request

CHINESE = "zh-Hans"
ENGLISH = "en"


def caller_language() -> str:
    """`zh-Hans` or `en`, from Accept-Language."""
    best = request.accept_languages.best_match([CHINESE, "zh-CN", "zh", ENGLISH], default=CHINESE)
    return ENGLISH if best == ENGLISH else CHINESE
