"""What WeChat tells of its own accord: that a picture was checked, that a resident answered to a request for messages.

WeChat proves itself by a signature over a time and a nonce with a token that both sides know (`WECHAT_PUSH_TOKEN`). The
signature doesn't cover the body, so one that was seen could be used for another: it counts for ten minutes, and not at all
where no token is set. WeChat repeats what isn't answered within five seconds, so an event is taken once: its hash goes into
a table in the transaction of what it leads to. Events that mean nothing here are answered like the others and forgotten.
Messages in WeChat's encrypted form are not read; the push is to be set to plain text and JSON.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from models.residents import OpenidLookup
from models.wechat import WechatEvent
from rules.errors import Kind, RuleError
from rules.keys import Keys
from rules.moderation.deciding import picture_checked
from rules.moderation.traces import LABEL_MAX, forget_early_answers, keep_early_answer, town_of_trace
from rules.notices.grants import GrantSource, record_answers
from rules.work import SYSTEM, Transactions, Work

NO_TOWN = 0
SIGNATURE_SECONDS = 600
WORD_CHARACTERS_MAX = 128
EVENTS_KEPT = timedelta(days=3)
#: What `picture_checked` is told where WeChat could not fetch the picture: no word of WeChat's, so staff look at it.
OUT_OF_REACH = "out_of_reach"
PICTURE_CHECKED = "wxa_media_check"
ANSWERED = {"subscribe_msg_popup_event": GrantSource.PUSH, "subscribe_msg_change_event": GrantSource.SETTINGS}


class PushUnsigned(RuleError):
    code = "wechat.push_unsigned"
    kind = Kind.FORBIDDEN
    zh = "签名不正确或已过期。"
    en = "The signature is not right or too old."


class PushUnreadable(RuleError):
    code = "wechat.push_unreadable"
    kind = Kind.INVALID
    zh = "只接受明文模式的 JSON 消息，请在微信后台把消息推送设为明文模式、JSON 格式。"
    en = "Only plain JSON is read here. Please set the message push to plain text and JSON in WeChat's console."


_remember = insert(WechatEvent).on_conflict_do_nothing().returning(WechatEvent.event_hash)
_forget = delete(WechatEvent).where(WechatEvent.received_at < bindparam("before"))
_find_openid = select(OpenidLookup.town_id, OpenidLookup.resident_id).where(
    OpenidLookup.openid_index == bindparam("openid_index")
)


def signature_of(token: str, timestamp: str, nonce: str) -> str:
    """WeChat's signature of a push."""
    return hashlib.sha1("".join(sorted((token, timestamp, nonce))).encode()).hexdigest()  # noqa: S324  WeChat's choice


def require_signature(token: str, query: Mapping[str, str], now: datetime) -> None:
    """Raises PushUnsigned unless WeChat has signed this push lately."""
    timestamp, nonce, signature = (query.get(name, "") for name in ("timestamp", "nonce", "signature"))
    is_recent = (
        timestamp.isascii()
        and timestamp.isdigit()
        and len(timestamp) <= 11
        and abs(now.timestamp() - int(timestamp)) <= SIGNATURE_SECONDS
    )
    is_true = hmac.compare_digest(signature_of(token, timestamp, nonce).encode(), signature.encode())
    if not (token and is_true and is_recent):
        raise PushUnsigned


def receive_event(transactions: Transactions, keys: Keys, event: Mapping[str, Any]) -> bool:
    """Take one event. Returns whether it led to anything: not what is unknown, and not what was taken before.

    Raises PushUnreadable for WeChat's encrypted form.
    """
    name, openid, trace_id = (_word(event.get(key)) for key in ("Event", "FromUserName", "trace_id"))
    if "Encrypt" in event and name is None:
        raise PushUnreadable
    if name == PICTURE_CHECKED and trace_id is not None:
        town_id = transactions.read(NO_TOWN, SYSTEM, town_of_trace, trace_id)
        if town_id is None:  # kept until the question is written down; which may be now
            town_id = transactions.write(NO_TOWN, SYSTEM, keep_early_answer, trace_id, *_verdict_in(event))
        return town_id is not None and transactions.write(town_id, SYSTEM, _take_verdict, event, trace_id)
    if name in ANSWERED and openid is not None:
        found = transactions.read(NO_TOWN, SYSTEM, _resident_of, keys, openid)
        return found is not None and transactions.write(found[0], SYSTEM, _take_answers, event, found[1])
    return False


def forget_events(work: Work) -> int:
    """Delete what was remembered of events longer ago than WeChat repeats them. Returns how many."""
    forget_early_answers(work, work.now - EVENTS_KEPT)
    return len(work.core.execute(_forget.returning(WechatEvent.event_hash), {"before": work.now - EVENTS_KEPT}).all())


def _take_verdict(work: Work, event: Mapping[str, Any], trace_id: str) -> bool:
    if not _is_new(work, event):
        return False
    picture_checked(work, trace_id, *_verdict_in(event))
    return True


def _verdict_in(event: Mapping[str, Any]) -> tuple[str, int]:
    """What WeChat suggests, and under which label."""
    result = event.get("result")
    if event.get("errcode", 0) != 0 or not isinstance(result, dict):
        return OUT_OF_REACH, 0
    label: Any = result.get("label")
    is_label = type(label) is int and 0 <= label <= LABEL_MAX
    return _word(result.get("suggest")) or OUT_OF_REACH, int(label) if is_label else 0


def _take_answers(work: Work, event: Mapping[str, Any], resident_id: int) -> bool:
    answers = _answers_in(event.get("List"))
    if not answers or not _is_new(work, event):
        return False
    record_answers(work, resident_id, answers, ANSWERED[event["Event"]])
    return True


def _answers_in(listed: Any) -> dict[str, bool]:
    """Which templates the resident accepted and which not. WeChat sends one answer without the list around it."""
    entries = listed if isinstance(listed, list) else [listed]
    return {
        entry["TemplateId"]: entry.get("SubscribeStatusString") == "accept"
        for entry in entries
        if isinstance(entry, dict) and _word(entry.get("TemplateId")) is not None
    }


def _word(value: Any) -> str | None:
    """A name or an id, as WeChat writes them; None for everything else."""
    return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= WORD_CHARACTERS_MAX else None


def _is_new(work: Work, event: Mapping[str, Any]) -> bool:
    """Whether the event wasn't taken before; it is remembered with what it leads to, or not at all."""
    named = (event.get(name) for name in ("FromUserName", "CreateTime", "Event", "MsgId", "trace_id", "List"))
    event_hash = hashlib.sha256(repr(tuple(named)).encode()).digest()
    found = work.core.execute(_remember, {"event_hash": event_hash, "received_at": work.now}).first()
    return found is not None


def _resident_of(work: Work, keys: Keys, openid: str) -> tuple[int, int] | None:
    """Whose openid it is: the town and the resident."""
    row = work.core.execute(_find_openid, {"openid_index": keys.index_of(openid)}).first()
    return None if row is None else (row.town_id, row.resident_id)
