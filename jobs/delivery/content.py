"""What residents wrote is checked by WeChat, and by the second filter where WeChat can't.

A text is answered at once. A picture's answer is pushed to us later, by the id that WeChat gives here; a delivery that is
made twice asks twice, and whichever answer comes first decides.
"""

from __future__ import annotations

from jobs.delivery.courier import Courier, OutboxMessage, TryLater
from models.moderation import ContentKind, DecisionSource
from rules.moderation.checking import (
    Answer,
    Question,
    Suggestion,
    check_without_wechat,
    read_question,
    remember_question,
    store_answer,
)
from rules.uploads.links import path_for_check
from wechat.refusals import Misconfigured, OpenidInactive, WechatBusy

NO_OPENID, OPENID_INACTIVE = "no_openid", "openid_inactive"


def check_content(courier: Courier, message: OutboxMessage) -> None:
    """Have a piece of content checked. Raises TryLater while WeChat is busy or not set up right."""
    question = courier.read(message, read_question, courier.keys, int(message.payload["content_id"]))
    if question is None:
        return
    if question.openid is None:
        _store(courier, message, question, check_without_wechat(question, NO_OPENID))
        return
    try:
        _ask_wechat(courier, message, question, question.openid)
    except OpenidInactive:
        _store(courier, message, question, check_without_wechat(question, OPENID_INACTIVE))
    except (Misconfigured, WechatBusy) as closed:
        raise TryLater(closed.code) from None


def _ask_wechat(courier: Courier, message: OutboxMessage, question: Question, openid: str) -> None:
    if question.kind is ContentKind.PICTURE:
        assert question.upload_id is not None, "a picture is an upload"
        path = courier.read(message, path_for_check, courier.keys, question.upload_id)
        trace_id = courier.wechat.check_image(openid, question.scene, f"{courier.public_url}{path}")
        courier.write(message, remember_question, question.content_id, trace_id)
        return
    verdict = courier.wechat.check_text(openid, question.scene, question.text)
    answer = Answer(Suggestion(verdict.suggest.value), f"wechat:{verdict.label}", DecisionSource.WECHAT)
    _store(courier, message, question, answer)


def _store(courier: Courier, message: OutboxMessage, question: Question, answer: Answer) -> None:
    courier.write(message, store_answer, question.content_id, answer)
