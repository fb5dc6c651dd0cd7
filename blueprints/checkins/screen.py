"""The sentences on the scanning device's screen."""

from __future__ import annotations

from types import SimpleNamespace

from blueprints.edge.language import ENGLISH, caller_language
from models.checkins import RefusalReason
from rules.checkins.scans import ScanAnswer

ADMITTED = ("签到成功", "Admitted")
SENTENCES = {
    RefusalReason.UNKNOWN_CODE: ("不是本平台的有效码", "This is not one of our codes"),
    RefusalReason.EXPIRED_CODE: ("码已过期，请居民刷新后再扫", "The code has expired; ask for a fresh one"),
    RefusalReason.SUSPENDED: ("该居民的资格已暂停", "This resident is suspended"),
    RefusalReason.SESSION_CANCELLED: ("本场活动已取消", "This session has been cancelled"),
    RefusalReason.WRONG_SESSION: ("预约的是同时段的另一场", "The reservation is for another session"),
    RefusalReason.NOT_RESERVED: ("没有本场的预约", "There is no reservation for this session"),
    RefusalReason.CANCELLED: ("预约已取消", "The reservation was cancelled"),
    RefusalReason.ALREADY_IN: ("已经签到过", "Already checked in"),
    RefusalReason.TOO_EARLY: ("还没到签到时间", "Check-in isn't open yet"),
    RefusalReason.TOO_LATE: ("本场活动已结束", "This session is over"),
}


def on_screen(scanned: ScanAnswer) -> SimpleNamespace:
    """The kept answer with its sentence in the caller's language."""
    kept = scanned.answer
    chinese, english = SENTENCES[RefusalReason(kept["reason"])] if kept["reason"] else ADMITTED
    return SimpleNamespace(
        result=kept["result"],
        reason=kept["reason"],
        message=english if caller_language() == ENGLISH else chinese,
        resident=kept["resident"] and SimpleNamespace(**kept["resident"]),
        points=kept["points"] and SimpleNamespace(**kept["points"]),
        replayed=scanned.replayed,
    )
