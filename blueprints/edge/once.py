"""`Idempotency-Key` at the edge: the doctrine is in rules.idempotency; here are the header and the HTTP answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from http import HTTPStatus

from flask import Response, request

from blueprints.edge.caller import Caller
from blueprints.edge.problems import PROBLEM_TYPE, refusal_problem
from rules.errors import Kind, RuleError
from rules.idempotency import Answer, KeyMismatch, KeyRequired, ask_answer, find_answer, keep_answer, read_answer
from rules.work import VISITOR, Actor, Transactions, Work

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEY_PATTERN = re.compile(r"[\x21-\x7e]{8,128}")
#: Refusals that say nothing about the request itself, so the next try deserves a fresh look.
FORGOTTEN = {Kind.BUSY, Kind.TOO_MANY, Kind.UNAUTHENTICATED, Kind.FORBIDDEN}


class _Refused(Exception):
    """A refusal on its way out of the undone transaction, with the actor that it is kept for."""

    def __init__(self, refusal: RuleError, actor: Actor) -> None:
        super().__init__()
        self.refusal = refusal
        self.actor = actor


def read_key() -> str:
    """The request's key. Raises KeyRequired when there is none or it can't be one."""
    key = request.headers.get(HEADER, "")
    if not KEY_PATTERN.fullmatch(key):
        raise KeyRequired
    return key


def answer_once(
    transactions: Transactions,
    caller: Caller,
    authorise: Callable[[Work], Work],
    answer: Callable[[Work], Response],
) -> Response:
    """Answer this request, or give the answer that its key has got before.

    `authorise` turns the work into one with the caller as its actor; `answer` does what is asked. Raises KeyRequired,
    KeyMismatch and what `authorise` raises; a refusal of `answer` is kept and answered.
    """
    key, fingerprint = read_key(), _fingerprint()

    def first_time(work: Work) -> Response:
        found = ask_answer(work, caller.owner.id if caller.owner else VISITOR.id, key)
        work = authorise(work)  # whose question goes the same way; nothing that was found is told before it is answered
        if (kept := read_answer(found, fingerprint)) is not None:
            return _replay(kept)
        try:
            response = answer(work)
        except RuleError as refusal:
            raise _Refused(refusal, work.actor) from refusal
        keep_answer(work, key, fingerprint, Answer(response.status_code, response.get_data(as_text=True)))
        return response

    def remember(work: Work, refusal: RuleError) -> Response:
        if (kept := find_answer(work, key, fingerprint)) is not None:
            return _replay(kept)
        response = refusal_problem(refusal)
        keep_answer(work, key, fingerprint, Answer(response.status_code, response.get_data(as_text=True)))
        return response

    try:
        return transactions.write(caller.town_id, VISITOR, first_time)
    except _Refused as refused:
        refusal, actor = refused.refusal, refused.actor
        if refusal.kind in FORGOTTEN or isinstance(refusal, KeyMismatch):
            raise refusal from None
        return transactions.write(caller.town_id, actor, remember, refusal)


def _fingerprint() -> bytes:
    """What makes two requests the same request: method, path with query, body."""
    digest = hashlib.sha256()
    for part in (request.method.encode(), request.full_path.encode(), request.get_data(cache=True)):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _replay(kept: Answer) -> Response:
    content_type = PROBLEM_TYPE if kept.status >= HTTPStatus.BAD_REQUEST else "application/json"
    response = Response(kept.body, kept.status, content_type=content_type)
    response.headers[REPLAYED] = "true"
    return response
