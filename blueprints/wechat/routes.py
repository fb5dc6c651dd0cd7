"""Where WeChat pushes events to. Not for people: what proves the caller is a signature, not a token."""

from __future__ import annotations

from flask import Response

from blueprints.edge.room import Room
from blueprints.wechat.pushing import greet, take
from rules.wechat_push import PushUnreadable, PushUnsigned

room = Room("wechat", __name__, url_prefix="", description="For WeChat")

TEXT = "text/plain"
REFUSALS = f"Refusals: `{PushUnsigned.code}`"
SIGNATURE = [
    {"name": name, "in": "query", "required": True, "schema": {"type": "string"}}
    for name in ("signature", "timestamp", "nonce")
]
ECHO = {"name": "echostr", "in": "query", "schema": {"type": "string"}}
EVENT = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}


@room.route("/wechat/push", methods=["GET"])
@room.doc(operationId="greet_wechat", description=f"{REFUSALS}.", parameters=[*SIGNATURE, ECHO])
@room.alt_response(403, "FORBIDDEN")
@room.response(200, {"type": "string"}, content_type=TEXT)
def greet_wechat() -> Response:
    """Prove to WeChat's console that we know the push token: a signed `echostr` is said back."""
    return Response(greet(), content_type=f"{TEXT}; charset=utf-8")


@room.route("/wechat/push", methods=["POST"])
@room.doc(
    operationId="take_push",
    description=f"{REFUSALS}, `{PushUnreadable.code}`.",
    parameters=SIGNATURE,
    requestBody=EVENT,
)
@room.alt_response(503, "SERVICE_UNAVAILABLE")
@room.alt_response(422, "UNPROCESSABLE_ENTITY")
@room.alt_response(413, "REQUEST_ENTITY_TOO_LARGE")
@room.alt_response(411, "LENGTH_REQUIRED")
@room.alt_response(403, "FORBIDDEN")
@room.response(200, {"type": "string"}, content_type=TEXT)
def take_push() -> Response:
    """Take a signed event: a picture was checked, a resident answered to a request for messages."""
    return Response(take(), content_type=f"{TEXT}; charset=utf-8")
