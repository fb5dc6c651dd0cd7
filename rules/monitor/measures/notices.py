"""Notices to residents: written into inboxes, read, and sent by WeChat.

Notices are deleted when they are old (`rules.notices.inbox`: 400 days, 90 days after their reader took them out) and with
a resident who is erased; a day whose notices are gone can't be worked out anew, and what was stored of it stays.
"""

from __future__ import annotations

from sqlalchemy import and_, select

from models.monitor import Slice
from models.notices import Notice, SendState, SubscriptionSend
from models.residents import Resident
from rules.errors import InBoth
from rules.local_time import day_of
from rules.monitor.days import AS_OF, BEGIN, SINCE, TOWN, UNTIL, days_before, first_id
from rules.monitor.definitions import Better, Facts, Family, Kind, Measure, Unit
from rules.monitor.measures.parts import ONE, fact, happened, home_at, made_since, one_if

#: Who reads a notice later doesn't count as having read it; so a day's share stands after a week.
READ_DAYS = 7
#: A message by WeChat is sent soon after its notice was written: after quiet hours and some attempts.
SENT_DAYS = 3

N, S, R = Notice, SubscriptionSend, Resident
_delivered: Facts = (
    select(
        *fact(
            N.id,
            day_of(N.created_at),
            home_at(R, N.created_at),
            detail=N.topic,
            delivered=ONE,
            read=one_if(and_(N.read_at <= AS_OF, days_before(N.read_at, READ_DAYS) < N.created_at)),
        )
    )
    .select_from(N)
    .outerjoin(R, and_(R.town_id == N.town_id, R.id == N.resident_id))
    .where(N.town_id == TOWN, made_since(N.id), *happened(N.created_at))
)
_touched: Facts = (
    select(day_of(N.created_at).label("day"))
    .where(
        N.town_id == TOWN,
        N.id >= first_id(days_before(SINCE, READ_DAYS)),
        N.read_at > SINCE,
        N.read_at <= UNTIL,
        days_before(N.read_at, READ_DAYS) < N.created_at,
        day_of(N.created_at) < day_of(SINCE),
    )
    .distinct()
)
_sent: Facts = (
    select(
        *fact(
            S.notice_id,
            day_of(S.ended_at),
            home_at(R, S.ended_at),
            detail=N.topic,
            sent=one_if(S.state == SendState.SENT),
            refused=one_if(S.state == SendState.REFUSED),
            failed=one_if(S.state == SendState.FAILED),
            unknown=one_if(S.state == SendState.UNKNOWN),
        )
    )
    .select_from(S)
    .outerjoin(N, and_(N.town_id == S.town_id, N.id == S.notice_id))
    .outerjoin(R, and_(R.town_id == S.town_id, R.id == S.resident_id))
    .where(S.town_id == TOWN, S.notice_id >= first_id(days_before(BEGIN, SENT_DAYS)), *happened(S.ended_at))
)

NOTICES = Family("notices", "notice", _delivered, ("delivered", "read"), touched=_touched)
WECHAT = Family("wechat_messages", "notice", _sent, ("sent", "refused", "failed", "unknown"))

_BY_TOPIC = frozenset({Slice.ALL, Slice.DETAIL})
_KEPT_ZH = "站内信删除（400 天，或居民移除 90 天后，或注销）之后，这一天不能重新计算。"
_KEPT_EN = (
    "A day can't be worked out anew once its notices are deleted: after 400 days, 90 days after being taken out, or "
    "with the resident."
)

MEASURES = (
    Measure(
        "notices.delivered",
        InBoth("送达站内信", "Notices delivered"),
        InBoth(
            f"当天写入居民收件箱的消息，按收信人当时的居住地计；细分为消息主题。{_KEPT_ZH}",
            f"Written into inboxes on the day, where the reader lived then; by topic. {_KEPT_EN}",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        NOTICES,
        "delivered",
        slices=_BY_TOPIC,
    ),
    Measure(
        "notices.read",
        InBoth("七日内已读", "Notices read within 7 days"),
        InBoth(
            f"当天送达、并在 {READ_DAYS} 天内读过的消息，计入送达日。{_KEPT_ZH}",
            f"Of those delivered on the day, the ones read within {READ_DAYS} days; on the day of delivery. {_KEPT_EN}",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        NOTICES,
        "read",
        slices=_BY_TOPIC,
        better=Better.MORE,
    ),
    Measure(
        "notices.read_share",
        InBoth("站内信阅读率", "Share of notices read"),
        InBoth(
            "七日内已读 ÷ 送达；最近七天的还会上升。",
            "Read within 7 days over delivered; that of the last week still grows.",
        ),
        Unit.SHARE,
        Kind.RATIO,
        over=("notices.read", "notices.delivered"),
        slices=_BY_TOPIC,
        better=Better.MORE,
    ),
    Measure(
        "wechat_messages.sent",
        InBoth("微信消息已发", "WeChat messages sent"),
        InBoth(
            f"当天由微信接收的订阅消息；写入站内信 {SENT_DAYS} 天后才发出的不计。{_KEPT_ZH}",
            f"Subscription messages that WeChat took on the day, within {SENT_DAYS} days of their notice. {_KEPT_EN}",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        WECHAT,
        "sent",
        slices=_BY_TOPIC,
    ),
    Measure(
        "wechat_messages.refused",
        InBoth("微信消息被拒", "WeChat messages refused"),
        InBoth(
            f"当天微信以居民没有授权为由拒收的（43101）。{_KEPT_ZH}",
            f"Those that WeChat refused on the day since the resident had granted none (43101). {_KEPT_EN}",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        WECHAT,
        "refused",
        slices=_BY_TOPIC,
        better=Better.LESS,
    ),
    Measure(
        "wechat_messages.failed",
        InBoth("微信消息失败", "WeChat messages failed"),
        InBoth(
            f"当天微信因内容或模板不对而不收的；重发成功后改计为已发。{_KEPT_ZH}",
            f"Those that WeChat couldn't take as they were; one that is tried again and sent counts as sent. {_KEPT_EN}",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        WECHAT,
        "failed",
        slices=_BY_TOPIC,
        better=Better.LESS,
    ),
    Measure(
        "wechat_messages.unknown",
        InBoth("微信消息结果未知", "WeChat messages with unknown result"),
        InBoth(
            f"当天发出而微信没有回应的；不重发。{_KEPT_ZH}",
            f"Those that WeChat may have got and never answered; they aren't repeated. {_KEPT_EN}",
        ),
        Unit.ITEMS,
        Kind.FLOW,
        WECHAT,
        "unknown",
        slices=_BY_TOPIC,
        better=Better.LESS,
    ),
)
