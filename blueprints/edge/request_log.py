"""One line and one measurement for each request.

The line says what was asked by the route's pattern, never by the path, the query or the body: ids of people, phones,
tokens, codes and names stay out of the log.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import structlog
import uuid_utils
from flask import Flask, Request, g, request
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from structlog.typing import EventDict

from blueprints.edge.faults import describe_fault

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

REQUEST_ID = "X-Request-Id"
REQUEST_ID_PATTERN = re.compile(r"[A-Za-z0-9._-]{8,64}")

ID = "binfen.request_id"  #: under which the request's environment knows it
LABELS_MAX = 4_096  #: that are found without asking the registry
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REQUESTS = Counter("binfen_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram("binfen_request_seconds", "How long requests took.", ["method", "route"])
_counter_of, _clock_of = lru_cache(LABELS_MAX)(REQUESTS.labels), lru_cache(LABELS_MAX)(SECONDS.labels)


def configure_logging(level: str) -> None:
    """JSON lines to standard error, our own and those of the libraries, each with the id of its request."""
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_json = structlog.processors.JSONRenderer(serializer=_to_json)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _name_faults, as_json],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # it names each when it is imported
    structlog.configure(
        processors=[*shared, as_json],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _to_json(event: EventDict, default: Callable[[Any], Any]) -> str:
    """By orjson; what that refuses (half a surrogate pair, a number over 64 bits) goes the slow way, so no line is lost."""
    try:
        return orjson.dumps(event, default=default, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps(event, default=default)


def _name_faults(_logger: object, _method: str, event: EventDict) -> EventDict:
    """A library's exception as our own are logged."""
    if exc_info := event.pop("exc_info", None):
        event["fault"] = describe_fault(exc_info[1])
    return event


def request_id() -> str:
    """The id of the request that is being answered."""
    return str(request.environ[ID])


def register_request_log(app: Flask) -> None:
    """Give every request an id, log it when it is answered, count and time it."""
    app.wsgi_app = RequestLog(app.wsgi_app)  # type: ignore[method-assign]


class RequestLog:
    """Around the application, where an answer passes once and as it leaves."""

    def __init__(self, answer: WSGIApplication) -> None:
        self._answer = answer
        self._log = structlog.get_logger("binfen")

    def __call__(self, environ: WSGIEnvironment, start_response: Any) -> Iterable[bytes]:
        began = time.perf_counter()
        wished = environ.get("HTTP_X_REQUEST_ID", "")
        given = environ[ID] = wished if REQUEST_ID_PATTERN.fullmatch(wished) else str(uuid_utils.uuid7())

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            self._note(environ["werkzeug.request"], status[:3], time.perf_counter() - began)
            return start_response(status, [*headers, (REQUEST_ID, given)], *exc_info)

        structlog.contextvars.bind_contextvars(request_id=given)
        try:
            return self._answer(environ, start)
        finally:
            structlog.contextvars.clear_contextvars()

    def _note(self, asked: Request, status: str, seconds: float) -> None:
        route = asked.url_rule.rule if asked.url_rule else "unknown"
        method = asked.method if asked.method in METHODS else "OTHER"
        _counter_of(method, route, status).inc()
        _clock_of(method, route).observe(seconds)
        self._log.info(
            "request.answered",
            method=method,
            route=route,
            status=int(status),
            milliseconds=round(seconds * 1000, 1),
            actor=g.get("actor_kind", "visitor"),
        )


def metrics_registry() -> CollectorRegistry:
    """The registry that /metrics shows: this process's, or all of them added up where they share a folder."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    forget_processes_that_are_gone(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry


def forget_processes_that_are_gone(folder: Path) -> None:
    """What a process that was killed had in hand isn't in hand any more."""
    for pid in {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*_*.db")}:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))
        except PermissionError:
            continue
