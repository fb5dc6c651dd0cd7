"""Health, readiness, metrics, public keys, and what the error codes mean."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, current_app
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from blueprints.edge.house import house
from blueprints.edge.problems import HTTP_CODES, STATUS_OF, all_refusals
from blueprints.edge.request_log import metrics_registry
from blueprints.edge.room import Room
from blueprints.system.gauges import GAUGES
from blueprints.system.schemas import ErrorCodeView, HealthView, KeySetView, ReadinessView
from rules.readiness import check_readiness

room = Room("system", __name__, url_prefix="", description="For machines")


@room.route("/healthz")
@room.doc(operationId="show_health")
@room.response(200, HealthView)
def show_health() -> dict[str, str]:
    """Is the process alive? Asks nothing else."""
    return {"status": "ok"}


@room.route("/readyz")
@room.doc(operationId="show_readiness")
@room.alt_response(503, schema=ReadinessView)
@room.response(200, ReadinessView)
def show_readiness() -> tuple[dict[str, str], int]:
    """Can requests be served: does the database answer, and is it migrated?"""
    found = check_readiness(house().transactions.engine)
    status = "ready" if found.is_ready else "not_ready"
    return {
        "status": status,
        "database": found.database,
        "migrations": found.migrations,
    }, 200 if found.is_ready else 503


@room.route("/metrics")
@room.doc(operationId="show_metrics")
@room.response(200, {"type": "string"}, content_type="text/plain")
def show_metrics() -> Response:
    """Counters, timings and how things stand, in the Prometheus text format (docs/operations.md)."""
    text = generate_latest(metrics_registry()) + generate_latest(current_app.extensions[GAUGES])
    return Response(text, content_type=CONTENT_TYPE_LATEST)


@room.route("/.well-known/jwks.json")
@room.doc(operationId="show_public_keys")
@room.response(200, KeySetView)
def show_public_keys() -> dict[str, Any]:
    """The keys with which a device verifies residents' codes without a network."""
    return house().keys.jwks()


@room.route("/problems/<string:code>")
@room.doc(operationId="show_code")
@room.alt_response(404, "NOT_FOUND")
@room.response(200, ErrorCodeView)
def show_code(code: str) -> dict[str, Any]:
    """What an error code means; `type` of every problem leads here."""
    refusal = all_refusals().get(code)
    if refusal is not None:
        return {"code": code, "status": int(STATUS_OF[refusal.kind]), "zh": refusal.zh, "en": refusal.en}
    for status, (known, zh, en) in HTTP_CODES.items():
        if known == code:
            return {"code": code, "status": status, "zh": zh, "en": en}
    return abort(404)
