"""Chapters in plain Chinese: booking, redemption, giving to each other."""

from __future__ import annotations

from rules.rulebook.sections.accounts import Transfer, TransferWithin
from rules.rulebook.sections.booking import Booking, Deadline, Priority, Quota, ReleasedTo
from rules.rulebook.sections.redemption import For, Matching, OpenDays, Redemption, Refund, WhenLapsed
from rules.rulebook.words_of_facts import PARTS, Speaker, also, joined, listed, number, quoted, sentence, window

KINDS = {
    For.GOODS: "物品",
    For.SERVICE: "服务",
    For.FEE: "费用抵扣",
    For.PLACE: "场地、活动名额",
    For.DONATION: "捐赠",
    For.LOTTERY: "抽奖",
}
WEEKDAYS = "一二三四五六日"
GIVERS = {
    TransferWithin.HOUSEHOLD: "同一家庭的成员之间可以互相转赠",
    TransferWithin.RELATIVES: "同一家庭的成员、直系亲属之间可以互相转赠",
    TransferWithin.ANYONE: "居民之间可以互相转赠",
    TransferWithin.NOBODY: "积分不能转赠",
}


# --- booking ----------------------------------------------------------------------------------------------------------


def booking_in_words(speaker: Speaker, booking: Booking) -> str:
    """How places of one kind are booked."""
    parts = [speaker.condition(booking.where, "适用于："), _who(speaker, booking, "预约资格")]
    if booking.opens is not None:
        days = f"提前 {booking.opens.days_before} 天的" if booking.opens.days_before else "当天"
        parts.append(joined(days, booking.opens.at, "开放预约"))
    parts.append("开始前均可预约" if booking.closes is None else deadline_in_words(booking.closes, "预约"))
    parts.append("开始前均可取消" if booking.cancel is None else deadline_in_words(booking.cancel, "取消"))
    if booking.changes_max is not None:
        parts.append(f"每个预约最多改 {booking.changes_max} 次" if booking.changes_max else "预约后不能改期")
    if booking.party_max is not None:
        parts.append(f"每个预约最多 {booking.party_max} 人")
    parts += [joined("其中", each.title, f"最多 {each.most} 人") for each in booking.party_limits]
    parts += [_quota(speaker, each) for each in booking.quotas]
    parts += [*_grace(booking), *_leaves(speaker, booking)]
    to_waiting = booking.released_to is ReleasedTo.WAITING_LIST
    parts.append("退回的名额依次给候补的人" if to_waiting else "退回的名额先到先得")
    if booking.price is not None:
        parts.append(f"每次预约 {speaker.points(booking.price, booking.currency)}")
    if booking.priority:
        first = [_priority(speaker, booking, each) for each in booking.priority]
        parts.append(f"名额不足时依次优先：{'；'.join(first)}" if len(first) > 1 else f"名额不足时：{first[0]}")
    return sentence(booking.title, parts)


def deadline_in_words(deadline: Deadline, what: str) -> str:
    """Until when something can be done: 开始前 30 分钟截止取消."""
    if deadline.never:
        return f"不能{what}"
    if deadline.minutes_before is not None:
        return f"最迟在开始前 {deadline.minutes_before} 分钟{what}" if deadline.minutes_before else f"开始前均可{what}"
    if deadline.working_days_before is not None:
        day = "前一个工作日" if deadline.working_days_before == 1 else f"前 {deadline.working_days_before} 个工作日"
    else:
        day = f"前 {deadline.days_before} 天" if deadline.days_before else "当天"
    return joined("最迟在", day, str(deadline.at), what)


def _who(speaker: Speaker, section: Booking | Redemption, title: str) -> str:
    if not section.who:
        return f"{title}：{section.who_title}" if section.who_title else ""
    condition = speaker.where(section.who)
    return f"{title}：{also(section.who_title, condition) if section.who_title else condition}"


def _quota(speaker: Speaker, quota: Quota) -> str:
    counted = "或".join(word.strip("“”") for word in (speaker.event(each) for each in quota.events))
    said = joined(window(quota.per), "最多", counted, f"{quota.times} 次")
    more = [each for each in (speaker.apart(quota.by), speaker.condition(quota.where, "只计：")) if each]
    said += f"（{'，'.join(more)}）" if more else ""
    return f"{quota.title}：{said}" if quota.title else said


def _grace(booking: Booking) -> list[str]:
    if booking.grace_minutes is None:
        return []
    later = f"（到 {booking.grace_until} 更晚的，以其为准）" if booking.grace_until else ""
    begins = "开始（当天预约的，自预约时起）" if booking.same_day_from_booking else "开始"
    return [f"{begins}后 {booking.grace_minutes} 分钟内未签到的{later}，释放名额"]


def _leaves(speaker: Speaker, booking: Booking) -> list[str]:
    return [
        f"暂时离开最多保留 {each.minutes} 分钟" + (f"（{speaker.where(each.where)}）" if each.where else "")
        for each in booking.leaves
    ]


def _priority(speaker: Speaker, booking: Booking, priority: Priority) -> str:
    said = also(priority.title, speaker.where(priority.where)) if priority.where else priority.title
    if priority.points is None:
        return said
    return f"{said}，另付 {speaker.points(priority.points, booking.currency)}"


# --- redemption -------------------------------------------------------------------------------------------------------


def redemption_in_words(speaker: Speaker, redemption: Redemption) -> str:
    """What points may be spent on in one way."""
    main = redemption.currencies[0]
    order = "依次使用" if len(redemption.currencies) > 1 else "使用"
    parts = [f"用于{listed(KINDS[each] for each in redemption.kinds)}"]
    parts += [speaker.condition(redemption.where, "适用于："), _who(speaker, redemption, "兑换资格")]
    parts.append(f"{order}{speaker.names(redemption.currencies)}")
    if redemption.least is not None:
        parts.append(f"每次至少 {speaker.points(redemption.least, main)}")
    if redemption.rate is not None:
        rate = redemption.rate
        parts.append(f"{speaker.points(rate.points, main)}抵 {number(rate.worth)} {rate.unit}")
    if redemption.price is not None:
        price = redemption.price
        worth = f"{number(price.least)} 至 {number(price.most)} {price.unit}"
        parts.append(f"每 1 {speaker.unit(main)}由商户定价，须值 {worth}")
    if redemption.windows:
        parts.append(f"兑换时间：{'，或'.join(open_days_in_words(each) for each in redemption.windows)}")
    parts += [speaker.limit(each, main, verb="兑") for each in redemption.limits]
    if redemption.part_payment is not None:
        part = redemption.part_payment
        least = f"至少 {number(part.least_percent)}%、" if part.least_percent else ""
        parts.append(f"积分可支付价款的一部分（{least}最多 {number(part.most_percent)}%），其余付现金")
    if redemption.matching is not None:
        parts.append(_matching(speaker, redemption.matching))
    if redemption.lottery is not None:
        parts.append(f"抽奖一次 {speaker.points(redemption.lottery.points, main)}")
    if redemption.grades:
        grades = [f"满 {speaker.points(each.at, main)}为{each.title}" for each in redemption.grades]
        parts.append(f"按累计捐赠：{listed(grades)}")
    return sentence(redemption.title, [*parts, *_afterwards(redemption)])


def _afterwards(redemption: Redemption) -> list[str]:
    """What holds once something is redeemed."""
    refund = redemption.refund is Refund.UNTIL_PICK_UP
    parts = ["领取前可以退，积分退回" if refund else "兑换后不退不换"]
    returned = redemption.when_lapsed is WhenLapsed.RETURNED
    lapsed = "逾期未领的，积分退回" if returned else "逾期未领的，积分不退"
    if redemption.pick_up_days is not None:
        within = f"须在 {redemption.pick_up_days} 天内领取" if redemption.pick_up_days else "须当天领取"
        parts.append(f"{within}，{lapsed}")
    elif returned:
        parts.append(lapsed)
    parts += ["缺货时可换其他物品"] if redemption.substitution else []
    return [*parts, redemption.note or ""]


def open_days_in_words(days: OpenDays) -> str:
    """Days on which redeeming is possible: 每年 1 月, 每月 15 日."""
    parts = []
    if days.months:
        parts.append(f"每年 {listed(str(each) for each in days.months)} 月")
    if days.days:
        on = f"{listed(str(each) for each in days.days)} 日"
        parts = [f"{parts[0]}的 {on}"] if parts else [f"每月 {on}"]
    if days.weekdays:
        parts.append(f"每{listed('周' + WEEKDAYS[each - 1] for each in days.weekdays)}")
    if days.last_days_of is not None:
        parts.append(f"每{PARTS[days.last_days_of]}最后 {days.count} 天")
    if days.first_days_of is not None:
        parts.append(f"每{PARTS[days.first_days_of]}最初 {days.count} 天")
    return "且为".join(parts)


def _matching(speaker: Speaker, matching: Matching) -> str:
    given = quoted(speaker.currencies[matching.given].name)
    rate = matching.given_per_earned
    kinds = [
        joined(speaker.fact(rate.fact), "为", value, f"的最多 {speaker.points(much, matching.given)}")
        for value, much in rate.values.items()
    ]
    kinds += [f"其他最多 {speaker.points(rate.otherwise, matching.given)}"] if rate.otherwise is not None else []
    return f"{given}不能单独使用，每用 1 {speaker.unit(matching.earned)}可搭配：{listed(kinds)}"


# --- giving to each other ---------------------------------------------------------------------------------------------


def transfer_in_words(speaker: Speaker, transfer: Transfer) -> str:
    """Who may give points to whom."""
    able = [each.id for each in speaker.rulebook.currency if each.spendable]
    currencies = transfer.currencies or able
    if transfer.within is TransferWithin.NOBODY or not currencies:
        return f"{GIVERS[TransferWithin.NOBODY]}。"
    parts = [f"{GIVERS[transfer.within]}{speaker.names(currencies)}", speaker.condition(transfer.where, "赠出人条件：")]
    parts += [speaker.limit(each, currencies[0]) for each in transfer.limits]
    return "；".join(part for part in parts if part) + "。"
