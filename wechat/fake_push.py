"""How the fake pushes events, as WeChat does: signed, in JSON, and again where no answer comes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx2
import orjson
from werkzeug.test import Client

from rules.wechat_push import signature_of

TRIES_MAX = 3

#: Takes the query and the body of one push, and says whether it was taken.
Push = Callable[[Mapping[str, str], bytes], bool]


def push_to_app(app: Any, path: str = "/wechat/push") -> Push:
    """Push to a WSGI application in this process."""

    def push(query: Mapping[str, str], body: bytes) -> bool:
        answer = Client(app).post(path, query_string=dict(query), data=body, content_type="application/json")
        return answer.status_code == 200 and answer.data == b"success"

    return push


def push_to_url(url: str, timeout_seconds: float = 5.0) -> Push:
    """Push to an address, waiting for the answer as long as WeChat does."""

    def push(query: Mapping[str, str], body: bytes) -> bool:
        headers = {"Content-Type": "application/json"}
        try:
            answer = httpx2.post(f"{url}?{urlencode(query)}", content=body, headers=headers, timeout=timeout_seconds)
        except httpx2.HTTPError:
            return False
        return answer.status_code == 200 and answer.content == b"success"

    return push


def signed_query(token: str, moment: datetime) -> dict[str, str]:
    """The query of a push: who has the token can prove that WeChat sent it."""
    timestamp, nonce = str(int(moment.timestamp())), str(secrets.randbelow(10**10))
    return {"signature": signature_of(token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}


def push_event(push: Push, token: str, event: Mapping[str, Any], moment: datetime) -> bool:
    """Push one event, up to three times."""
    body = orjson.dumps(event)
    return any(push(signed_query(token, moment), body) for _ in range(TRIES_MAX))
