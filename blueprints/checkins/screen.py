"""The sentences on the scanning device's screen."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

from blueprints.edge.language import ENGLISH, caller_language
from models.checkins import Conflict, Direction, RefusalReason
from rules.checkins.answers import ScanAnswer
from rules.checkins.undoing import UndoAnswer

Sentence = tuple[str, str]  #: in Chinese and in English

ADMITTED: dict[Direction, Sentence] = {
    Direction.IN: ("签到成功", "Admitted"),
    Direction.OUT: ("签退成功", "Checked out"),
}
SENTENCES: dict[RefusalReason, Sentence] = {
    RefusalReason.UNKNOWN_CODE: ("不是本平台的有效码", "This is not one of our codes"),
    RefusalReason.EXPIRED_CODE: ("码已过期，请刷新后再扫", "The code has expired; a fresh one is needed"),
    RefusalReason.CARD_REVOKED: (
        "这张卡已作废，请到前台补办",
        "This card is no longer valid; the desk prints a new one",
    ),
    RefusalReason.NO_MATCH: ("本场没有这个手机尾号和姓名", "Nobody expected here has this phone and this name"),
    RefusalReason.SEVERAL_MATCH: ("有几位同名同尾号，请扫码", "Several people match; please scan a code"),
    RefusalReason.SUSPENDED: ("该居民的资格已暂停", "This resident is suspended"),
    RefusalReason.SESSION_CANCELLED: ("本场活动已取消", "This session has been cancelled"),
    RefusalReason.WRONG_SESSION: ("预约的是同时段的另一场", "The reservation is for another session"),
    RefusalReason.NOT_RESERVED: ("没有本场的预约", "There is no reservation for this session"),
    RefusalReason.APPLIED: ("已报名，名额尚未分配", "Applied; places aren't given out yet"),
    RefusalReason.WAITLISTED: ("还在候补，没有名额", "Still on the waiting list, without a place"),
    RefusalReason.OFFERED: (
        "有名额待确认，请先在手机上确认",
        "A place is offered; it has to be confirmed on the phone first",
    ),
    RefusalReason.LAPSED: ("候补或名额确认已过期", "The offer or the wait has lapsed"),
    RefusalReason.CANCELLED: ("预约已取消", "The reservation was cancelled"),
    RefusalReason.RELEASED: ("未按时到场，名额已释放", "Didn't come in time; the place was released"),
    RefusalReason.ALREADY_IN: ("已经签到过", "Already checked in"),
    RefusalReason.LEFT_ALREADY: (
        "已签退，本活动不可再次入场",
        "Checked out already; this activity lets nobody in twice",
    ),
    RefusalReason.NOT_IN: ("没有签到记录，不能签退", "No check-in is known, so there is no check-out"),
    RefusalReason.TOO_EARLY: ("还没到签到时间", "Check-in isn't open yet"),
    RefusalReason.TOO_LATE: ("本场活动已结束", "This session is over"),
}
#: How each conflict of an upload is settled; docs/checkins.md says why.
SETTLED: dict[Conflict, Sentence] = {
    Conflict.ALREADY_IN: (
        "已由另一次扫码签到：同一人次只计一次，以最早的为准",
        "Scanned before: counted once, from the earliest scan",
    ),
    Conflict.LEFT_ALREADY: ("签退后不可再次入场：这次不计", "No way back in after leaving: this scan doesn't count"),
    Conflict.NOT_IN: (
        "还没有签到记录：先保留，签到补传后自动配对",
        "No entry is known yet: kept, and paired when the entry is uploaded",
    ),
    Conflict.NOT_RESERVED: ("没有本场的预约：不计签到", "No reservation for this session: not counted"),
    Conflict.NOT_CONFIRMED: ("没有确认的名额：不计签到", "No confirmed place: not counted"),
    Conflict.CANCELLED: ("预约此前已取消：以取消为准", "Cancelled before: the cancellation stands"),
    Conflict.SESSION_CANCELLED: ("本场活动已取消：不计签到", "The session was cancelled: not counted"),
    Conflict.RELEASED: (
        "名额已释放给他人：仍计未到场，居民可申诉",
        "The place went to others: the no-show stands, an appeal is possible",
    ),
    Conflict.SUSPENDED: ("该居民的资格已暂停：不计签到", "The resident is suspended: not counted"),
    Conflict.CARD_REVOKED: ("扫码时卡已作废：不计签到", "The card was revoked by then: not counted"),
    Conflict.REVIVED: (
        "曾记为未到场：凭这次扫码更正为已到场",
        "Was a no-show: this scan proves otherwise, and it is corrected",
    ),
    Conflict.OTHER_ROOM: (
        "同时在两场有记录：进入后一场时前一场结束",
        "Seen in two sessions: entering the later one ended the earlier one",
    ),
}


def on_screen(scanned: ScanAnswer) -> SimpleNamespace:
    """The kept answer with its sentences in the caller's language. Answers of old lack what is new."""
    kept = scanned.answer
    direction, conflict = Direction(kept.get("direction") or Direction.IN), kept.get("conflict")
    return SimpleNamespace(
        result=kept["result"],
        reason=kept["reason"],
        message=_said(SENTENCES[RefusalReason(kept["reason"])] if kept["reason"] else ADMITTED[direction]),
        resident=kept["resident"] and SimpleNamespace(**kept["resident"]),
        points=kept["points"] and SimpleNamespace(**kept["points"]),
        visit=_visit(kept.get("visit")),
        conflict=conflict,
        conflict_message=_said(SETTLED[Conflict(conflict)]) if conflict else None,
        replayed=scanned.replayed,
    )


def undone_on_screen(undone: UndoAnswer) -> SimpleNamespace:
    """The kept answer of an undo."""
    kept = undone.answer
    return SimpleNamespace(
        nonce=kept["nonce"],
        undone_at=datetime.fromisoformat(kept["undone_at"]),
        direction=kept["direction"],
        resident=SimpleNamespace(**kept["resident"]),
        points=SimpleNamespace(**kept["points"]),
        visit=_visit(kept["visit"]),
        replayed=undone.replayed,
    )


def _said(sentence: Sentence) -> str:
    chinese, english = sentence
    return english if caller_language() == ENGLISH else chinese


def _visit(kept: dict[str, Any] | None) -> SimpleNamespace | None:
    if kept is None:
        return None
    left_at = kept["left_at"]
    return SimpleNamespace(
        entered_at=datetime.fromisoformat(kept["entered_at"]),
        left_at=datetime.fromisoformat(left_at) if left_at else None,
        minutes=kept["minutes"],
    )
