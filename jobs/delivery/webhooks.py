"""Calls of webhooks: signed, once for each try, and what came of it is written down."""

from __future__ import annotations

import time
from http import HTTPStatus

from jobs.delivery import calling
from jobs.delivery.courier import Courier, OutboxMessage, TryLater, Undeliverable
from rules.monitor.webhooks import GONE, prepare_call, record_failed, record_taken, sign

TAKEN = range(200, 300)


def call_webhook(courier: Courier, message: OutboxMessage) -> None:
    """Tell an address of what is new. Raises TryLater when it doesn't take it, Undeliverable when it is disabled."""
    call = courier.read(message, prepare_call, courier.keys, message.topic, message.payload)
    if call is None:
        return
    if not call.is_enabled:
        raise Undeliverable("webhook_disabled")
    name, seconds = f"msg_{message.id}", int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Binfen",
        "webhook-id": name,
        "webhook-timestamp": str(seconds),
        "webhook-signature": sign(call.secret, name, seconds, call.body),
    }
    try:
        status = calling.post(call.url, call.body, headers, private_allowed=courier.webhooks_private)
    except calling.CallFailed as failed:
        courier.write(message, record_failed, call.webhook_id, failed.reason)
        raise TryLater(failed.reason) from None
    if status in TAKEN:
        courier.write(message, record_taken, call.webhook_id)
        return
    reason = GONE if status == HTTPStatus.GONE else f"http_{status}"
    courier.write(message, record_failed, call.webhook_id, reason)
    if reason == GONE:
        raise Undeliverable(reason)
    raise TryLater(reason)
