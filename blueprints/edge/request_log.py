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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import structlog
import uuid_utils
from flask import Flask, Response, g, request
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from structlog.typing import EventDict

from blueprints.edge.faults import describe_fault

REQUEST_ID = "X-Request-Id"
REQUEST_ID_PATTERN = re.compile(r"[A-Za-z0-9._-]{8,64}")

REQUESTS = Counter("binfen_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram("binfen_request_seconds", "How long requests took.", ["method", "route"])


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


def register_request_log(app: Flask) -> None:
    """Give every request an id, log it when it is answered, count and time it."""
    log = structlog.get_logger("binfen")

    @app.before_request
    def begin() -> None:
        wished = request.headers.get(REQUEST_ID, "")
        g.request_id = wished if REQUEST_ID_PATTERN.fullmatch(wished) else str(uuid_utils.uuid7())
        g.began = time.perf_counter()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        seconds = time.perf_counter() - g.began
        route = request.url_rule.rule if request.url_rule else "unknown"
        method = request.method if request.method in app_methods else "OTHER"
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        SECONDS.labels(method, route).observe(seconds)
        log.info(
            "request.answered",
            method=method,
            route=route,
            status=response.status_code,
            milliseconds=round(seconds * 1000, 1),
            actor=g.get("actor_kind", "visitor"),
        )
        response.headers.add(REQUEST_ID, g.request_id)
        return response

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        structlog.contextvars.clear_contextvars()

    app_methods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


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
