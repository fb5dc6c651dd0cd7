"""Which handler takes which topic of the outbox."""

from __future__ import annotations

from collections.abc import Mapping

from jobs.delivery.content import check_content
from jobs.delivery.courier import Handler
from jobs.delivery.notices import deliver_notice, push_announcement, send_by_wechat
from jobs.delivery.webhooks import call_webhook
from rules.moderation.submitting import CHECK
from rules.monitor import webhooks
from rules.notices.announcing import PUSH
from rules.notices.catalogue import CATALOGUE
from rules.notices.delivering import SEND

HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(CATALOGUE, deliver_notice),
    SEND: send_by_wechat,
    PUSH: push_announcement,
    CHECK: check_content,
    webhooks.SNAPSHOT: call_webhook,
    webhooks.TEST: call_webhook,
}
