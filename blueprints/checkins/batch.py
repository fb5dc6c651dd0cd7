"""A batch of stored scans: each item in a transaction of its own, with an answer or a problem of its own."""

from __future__ import annotations

from http import HTTPStatus
from time import monotonic
from types import SimpleNamespace
from typing import Any

import structlog

from blueprints.checkins.offline_schemas import Unreadable
from blueprints.checkins.screen import on_screen
from blueprints.edge.faults import describe_fault
from blueprints.edge.language import ENGLISH, caller_language
from blueprints.edge.messages import in_chinese
from blueprints.edge.problems import HTTP_CODES, STATUS_OF
from blueprints.edge.room import Parts
from rules.checkins.offline import upload_scan
from rules.checkins.scans import ScanRequest
from rules.errors import Busy, Kind, RuleError
from rules.keys import Keys

#: How long a batch may take. What is left then is answered `server.busy`, to be sent again.
BATCH_SECONDS = 12.0


def answer_batch(parts: Parts, keys: Keys, wish: dict[str, Any]) -> SimpleNamespace:
    """Answer each item, in their order. Raises what ends the caller's right to go on."""
    received_at = parts.read(lambda work: work.now)
    clock_off = received_at - wish["sent_at"]
    deadline = monotonic() + BATCH_SECONDS
    items = [_answer_item(parts, keys, item, clock_off, deadline) for item in wish["items"]]
    return SimpleNamespace(received_at=received_at, clock_off_seconds=round(clock_off.total_seconds()), items=items)


def _answer_item(parts: Parts, keys: Keys, item: Any, clock_off: Any, deadline: float) -> SimpleNamespace:
    if isinstance(item, Unreadable):
        errors = item.errors if caller_language() == ENGLISH else in_chinese(item.errors)
        return _item(item.nonce, problem=_http_problem(HTTPStatus.UNPROCESSABLE_ENTITY, errors))
    nonce = item["nonce"]
    try:
        if monotonic() > deadline:
            raise Busy
        answer = parts.write(upload_scan, keys, ScanRequest(**item), clock_off)
    except RuleError as refusal:
        if refusal.kind is Kind.UNAUTHENTICATED:
            raise
        return _item(nonce, problem=_problem(refusal))
    except Exception as fault:  # one item that we can't bear doesn't keep the others from counting
        structlog.get_logger("binfen").error("request.failed", fault=describe_fault(fault))
        return _item(nonce, problem=_http_problem(HTTPStatus.INTERNAL_SERVER_ERROR))
    return _item(nonce, answer=on_screen(answer))


def _item(nonce: str | None, *, answer: Any = None, problem: Any = None) -> SimpleNamespace:
    return SimpleNamespace(nonce=nonce, answer=answer, problem=problem)


def _problem(refusal: RuleError) -> SimpleNamespace:
    return SimpleNamespace(
        code=refusal.code,
        status=int(STATUS_OF[refusal.kind]),
        detail=refusal.sentence(caller_language()),
        errors=None,
    )


def _http_problem(status: HTTPStatus, errors: Any = None) -> SimpleNamespace:
    code, chinese, english = HTTP_CODES[status]
    detail = english if caller_language() == ENGLISH else chinese
    return SimpleNamespace(code=code, status=int(status), detail=detail, errors=errors)
