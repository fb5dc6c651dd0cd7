"""Reading WeChat's pushes. Each is answered at once: what an event leads to is a few rows, and nothing waits for WeChat."""

from __future__ import annotations

import orjson
from flask import request

from blueprints.edge.house import house
from rules.clock import utc_now
from rules.wechat_push import PushUnreadable, receive_event, require_signature

SUCCESS = "success"


def greet() -> str:
    """What WeChat wants to hear back. Raises PushUnsigned."""
    _require_signature()
    return request.args.get("echostr", "")


def take() -> str:
    """Take an event; what was taken before and what is unknown is answered alike. Raises PushUnsigned, PushUnreadable."""
    _require_signature()
    try:
        event = orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        raise PushUnreadable from None
    if not isinstance(event, dict):
        raise PushUnreadable
    receive_event(house().transactions, house().keys, event)
    return SUCCESS


def _require_signature() -> None:
    require_signature(house().settings.wechat_push_token, request.args, utc_now())
