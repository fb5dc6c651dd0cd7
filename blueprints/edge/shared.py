"""Answers that are the same for every visitor: made once in a few seconds, known by a tag, kept by whoever asks.

A route with `shared=True` tells a visitor nothing that another visitor isn't told. Such an answer may be PUBLIC_SECONDS old
in this process, up to two more while one caller has it made anew, and as old again in caches on the way and in the caller's
own; its strong ETag spares the bytes that the caller has. What is taken by what such a list offers is guarded in the
database: a place that it still shows as free is refused when it is gone. Whoever is signed in is answered from the database,
may keep the answer for themselves, and asks with its tag whether it still stands.

An answer goes by the path and the query as it was sent, which name the town, and by the caller's language: a room's rules
and the first page's entries are worded in it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from http import HTTPStatus

from flask import Response
from flask.globals import request_ctx

from blueprints.edge.answers import Made
from blueprints.edge.house import house
from blueprints.edge.language import caller_language

QUERY_BYTES_MAX = 512  #: a longer question is nobody else's
JSON = "application/json"
PRIVATE = "private, no-cache"
VARIES_BY = "Authorization, Accept-Language"


def answer_shared(make: Callable[[], Response]) -> Response:
    """Answer a visitor with what was made lately, everybody else with what `make` makes. Raises what `make` raises."""
    asked, this = request_ctx.request, house()
    if asked.environ.get("HTTP_AUTHORIZATION"):
        return _tagged(make(), PRIVATE)
    answers, seconds = this.answers, this.settings.public_seconds
    caching = f"public, max-age={seconds}"
    if not seconds or len(asked.query_string) > QUERY_BYTES_MAX:
        return _tagged(make(), caching)
    name = (asked.path, asked.query_string, caller_language())
    made = answers.find(name)
    if made is None:
        try:
            body = make().get_data()
        except Exception:
            answers.forget(name)
            raise
        made = Made(body, _tag_of(body), time.monotonic() + seconds)
        answers.put(name, made)
    return _answer(Response(made.body, content_type=JSON), made.etag, caching)


def _tagged(response: Response, caching: str) -> Response:
    return _answer(response, _tag_of(response.get_data()), caching)


def _answer(response: Response, etag: str, caching: str) -> Response:
    """The answer with its tag, or 304 where the caller has it."""
    headers, asked = response.headers, request_ctx.request
    headers.add("ETag", f'"{etag}"')
    headers.add("Cache-Control", caching)
    headers.add("Vary", VARIES_BY)
    if "HTTP_IF_NONE_MATCH" in asked.environ and asked.if_none_match.contains_weak(etag):
        response.status_code = int(HTTPStatus.NOT_MODIFIED)
        response.set_data(b"")
        del headers["Content-Type"], headers["Content-Length"]
    return response


def _tag_of(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()
