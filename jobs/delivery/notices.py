"""Handlers of notices: into the inbox, and out by WeChat."""

from __future__ import annotations

from jobs.delivery.courier import Courier, OutboxMessage, TryLater, Undeliverable
from rules.notices import grants
from rules.notices.announcing import push_to_residents
from rules.notices.delivering import Later, deliver, is_of_no_use, prepare_send
from wechat.messages import SubscriptionMessage
from wechat.refusals import Misconfigured, SubscriptionRefused, TemplateWrong, WechatBusy, WechatUnanswered


def deliver_notice(courier: Courier, message: OutboxMessage) -> None:
    """Into the inboxes that a catalogued topic is for."""
    courier.write(message, deliver, courier.templates, message.topic, message.key, message.payload)


def push_announcement(courier: Courier, message: OutboxMessage) -> None:
    """Into the inboxes of the next hundreds of those whom an announcement is for."""
    announcement_id, after = int(message.payload["announcement_id"]), int(message.payload["after"])
    courier.write(message, push_to_residents, courier.templates, announcement_id, after)


def send_by_wechat(courier: Courier, message: OutboxMessage) -> None:
    """Out by WeChat: claim a grant, commit, send, write down what came of it. See rules.notices.grants."""
    notice_id = int(message.payload["notice_id"])
    _require_wechat(courier, message, notice_id)
    letter = courier.write(message, prepare_send, courier.keys, courier.templates, notice_id)
    if isinstance(letter, Later):
        raise TryLater("quiet", at=letter.until)
    if letter is None:
        return
    subscription = SubscriptionMessage(letter.openid, letter.template_id, letter.page, letter.data)
    try:
        courier.wechat.send_subscription(subscription)
    except SubscriptionRefused:
        courier.write(message, grants.record_refused, notice_id)
    except WechatUnanswered:
        courier.write(message, grants.record_unknown, notice_id)
    except TemplateWrong as error:
        courier.write(message, grants.record_failed, notice_id)
        raise Undeliverable(error.code) from None
    except (WechatBusy, Misconfigured) as error:
        courier.wechat_rest.begin()
        if courier.write(message, grants.record_not_sent, notice_id):
            raise TryLater(error.code) from None
    else:
        courier.write(message, grants.record_sent, notice_id)


def _require_wechat(courier: Courier, message: OutboxMessage, notice_id: int) -> None:
    """Find out before anything is claimed that WeChat is away. Raises TryLater while the message is of use."""
    if not courier.wechat_rest.is_on():
        try:
            courier.wechat.access_token()
        except (WechatBusy, Misconfigured):
            courier.wechat_rest.begin()
        else:
            return
    if not courier.write(message, is_of_no_use, courier.templates, notice_id):
        raise TryLater(WechatBusy.code)
