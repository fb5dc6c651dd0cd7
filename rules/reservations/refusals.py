"""Why places aren't to be had, or can't be given back."""

from __future__ import annotations

from rules.errors import Kind, RuleError


class SessionUnknown(RuleError):
    code = "session.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个场次。"
    en = "There is no such session."


class SessionFull(RuleError):
    code = "reservation.full"
    kind = Kind.CONFLICT
    zh = "名额不足：您要 {party_size} 个，本场还剩 {left} 个。"
    en = "Not enough places: you asked for {party_size}, {left} are left."


class SessionCancelled(RuleError):
    code = "reservation.session_cancelled"
    kind = Kind.CONFLICT
    zh = "本场活动已取消。"
    en = "This session has been cancelled."


class SessionClosed(RuleError):
    code = "reservation.closed"
    kind = Kind.CONFLICT
    zh = "本场的报名已经截止。"
    en = "Reservations for this session are closed."


class AlreadyReserved(RuleError):
    code = "reservation.already_held"
    kind = Kind.CONFLICT
    zh = "您已经预约了本场活动。"
    en = "You already hold a reservation for this session."


class PartyTooLarge(RuleError):
    code = "reservation.party_too_large"
    kind = Kind.INVALID
    zh = "本活动每次最多预约 {party_size_max} 人。"
    en = "A reservation of this activity is for {party_size_max} at most."


class OutsideTerritory(RuleError):
    code = "reservation.outside_territory"
    kind = Kind.FORBIDDEN
    zh = "本活动只面向{place}的居民。"
    en = "This activity is for residents of {place} only."


class GroupMembersOnly(RuleError):
    code = "reservation.group_members_only"
    kind = Kind.FORBIDDEN
    zh = "这个活动仅限主办小组的成员预约。"
    en = "Only members of the group that runs this activity may reserve it."


class VolunteersOnly(RuleError):
    code = "reservation.volunteers_only"
    kind = Kind.FORBIDDEN
    zh = "本活动只面向注册志愿者。"
    en = "This activity is for registered volunteers only."


class Suspended(RuleError):
    code = "reservation.suspended"
    kind = Kind.FORBIDDEN
    zh = "您的预约资格已暂停，请联系社区工作人员。"
    en = "Your right to reserve is suspended. Please ask the community's staff."


class BookingSuspended(RuleError):
    code = "reservation.suspended_until"
    kind = Kind.FORBIDDEN
    zh = "您的预约资格因违约暂停，{until}起恢复。"
    en = "Your right to reserve is suspended after missed sessions; it returns on {until}."


class BookingFrozen(RuleError):
    code = "reservation.frozen"
    kind = Kind.FORBIDDEN
    zh = "按积分规则，您的预约资格现被冻结；解冻办法见积分规则。"
    en = "By the rules of points, your right to reserve is frozen; they say how it returns."


class ReservationUnknown(RuleError):
    code = "reservation.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个预约。"
    en = "There is no such reservation."


class ReservationOver(RuleError):
    code = "reservation.not_cancellable"
    kind = Kind.CONFLICT
    zh = "这个预约已取消或已签到，不能再取消。"
    en = "This reservation was cancelled or used already and can't be cancelled any more."


class TooLateToCancel(RuleError):
    code = "reservation.too_late_to_cancel"
    kind = Kind.CONFLICT
    zh = "已过取消时限（{until}），不能再取消。"
    en = "It is too late to cancel; that was possible until {until}."


class NotOpenYet(RuleError):
    code = "reservation.not_open_yet"
    kind = Kind.CONFLICT
    zh = "本场尚未开放报名，{opens}起可以报名。"
    en = "Sign-up for this session isn't open yet; it opens at {opens}."


class AgeUnfit(RuleError):
    code = "reservation.age"
    kind = Kind.FORBIDDEN
    zh = "本活动面向{ages}的居民（按活动当天的周岁）。"
    en = "This activity is for residents aged {ages} (full years on the day)."


class BirthdayNeeded(RuleError):
    code = "reservation.birthday_needed"
    kind = Kind.CONFLICT
    zh = "本活动有年龄要求，请先在“我的”里填写出生日期。"
    en = "This activity has an age limit. Please enter the date of birth in the profile first."


class WaitingListFull(RuleError):
    code = "reservation.waiting_list_full"
    kind = Kind.CONFLICT
    zh = "名额和候补都已满（候补上限 {waiting_max} 组）。"
    en = "All places are taken, and the waiting list ({waiting_max} parties) is full too."


class PartyNeverFits(RuleError):
    code = "reservation.party_never_fits"
    kind = Kind.INVALID
    zh = "本场一共只有 {capacity} 个名额。"
    en = "This session has {capacity} places in all."


class NotEligible(RuleError):
    code = "reservation.not_eligible"
    kind = Kind.FORBIDDEN
    zh = "按预约规则不能预约：{sentence}。"
    en = "The booking rules don't allow it: {sentence}."


class QuotaReached(RuleError):
    code = "reservation.quota_reached"
    kind = Kind.CONFLICT
    zh = "已到预约规则的上限：{sentence}。"
    en = "A limit of the booking rules is reached: {sentence}."


class NoOffer(RuleError):
    code = "reservation.no_offer"
    kind = Kind.CONFLICT
    zh = "这个预约没有待确认的名额。"
    en = "There is no place offered to confirm."


class OfferLapsed(RuleError):
    code = "reservation.offer_lapsed"
    kind = Kind.CONFLICT
    zh = "这个名额的确认时限（{until}）已过，名额已让给下一位。"
    en = "The time to confirm this place ({until}) is over; it has been passed on."


class NotDrawnYet(RuleError):
    code = "draw.none"
    kind = Kind.UNKNOWN
    zh = "本场不抽签。"
    en = "There is no draw for this session."


class SessionNotOver(RuleError):
    code = "session.not_over"
    kind = Kind.CONFLICT
    zh = "本场还没有结束。"
    en = "This session isn't over yet."


#: What a wish for places may meet.
OF_A_WISH: tuple[type[RuleError], ...] = (
    AgeUnfit,
    AlreadyReserved,
    BirthdayNeeded,
    BookingFrozen,
    BookingSuspended,
    GroupMembersOnly,
    NotEligible,
    NotOpenYet,
    OutsideTerritory,
    PartyNeverFits,
    PartyTooLarge,
    QuotaReached,
    SessionCancelled,
    SessionClosed,
    SessionFull,
    SessionUnknown,
    Suspended,
    VolunteersOnly,
    WaitingListFull,
)
