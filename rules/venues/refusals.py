"""Why a room isn't to be had, can't be given back or can't be set up like that."""

from __future__ import annotations

from rules.errors import Kind, RuleError


class VenueUnknown(RuleError):
    code = "venue.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个场馆。"
    en = "There is no such venue."


class CentreUnknown(RuleError):
    code = "service_centre.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个服务中心。"
    en = "There is no such service centre."


class UseUnknown(RuleError):
    code = "venue.use_unknown"
    kind = Kind.UNKNOWN
    zh = "这个场馆没有这种用途。"
    en = "This venue has no such use."


class UseNeeded(RuleError):
    code = "booking.use_needed"
    kind = Kind.INVALID
    zh = "这个场馆有多种用途，请选择一种（use_id）：{uses}。"
    en = "This venue has several uses. Choose one (use_id): {uses}."


class UseRetired(RuleError):
    code = "booking.use_retired"
    kind = Kind.CONFLICT
    zh = "「{use}」这种用途已停用。"
    en = "The use “{use}” is no longer offered."


class VenueTaken(RuleError):
    code = "venue.taken"
    kind = Kind.CONFLICT
    zh = "这个时段场馆已被占用或临时关闭，请换一个时段。"
    en = "The venue is taken or closed at that time. Please choose another."


class VenueNotBookable(RuleError):
    code = "booking.not_bookable"
    kind = Kind.CONFLICT
    zh = "「{venue}」不开放预约。"
    en = "“{venue}” can't be booked."


class PeriodInvalid(RuleError):
    code = "venue.period_invalid"
    kind = Kind.INVALID
    zh = "时段无效：结束须晚于开始，且不超过 {days} 天。"
    en = "The period is not valid: it must end after it begins and be {days} days long at most."


class OutsideOpeningHours(RuleError):
    code = "booking.outside_opening_hours"
    kind = Kind.CONFLICT
    zh = "不在开放时间内；当天开放时间：{hours}。"
    en = "That is outside the opening hours; on that day: {hours}."


class OffTheGrid(RuleError):
    code = "booking.off_the_grid"
    kind = Kind.INVALID
    zh = "预约须为整段：从开放时间起，每 {slot_minutes} 分钟一段。"
    en = "A booking is made of whole slots of {slot_minutes} minutes, counted from the opening."


class BookingTooLong(RuleError):
    code = "booking.too_long"
    kind = Kind.INVALID
    zh = "每次最多预约 {minutes} 分钟。"
    en = "A booking is {minutes} minutes at most."


class BookingNotOpenYet(RuleError):
    code = "booking.not_open_yet"
    kind = Kind.CONFLICT
    zh = "这个时段尚未开放预约，{opens}起可以预约。"
    en = "That time can't be booked yet; it opens at {opens}."


class BookingClosed(RuleError):
    code = "booking.closed"
    kind = Kind.CONFLICT
    zh = "这个时段的预约已经截止。"
    en = "Booking for that time is closed."


class PartyTooLargeForRoom(RuleError):
    code = "booking.party_too_large"
    kind = Kind.INVALID
    zh = "最多 {capacity} 人。"
    en = "At most {capacity} people."


class WeeklyLimitReached(RuleError):
    code = "booking.limit_reached"
    kind = Kind.CONFLICT
    zh = "每人每周在这个场馆最多预约 {most} 次。"
    en = "One person may book this venue {most} times a week at most."


class HouseholdLimitReached(WeeklyLimitReached):
    zh = "每户每周在这个场馆最多预约 {most} 次。"
    en = "One household may book this venue {most} times a week at most."


class OrganisationLimitReached(WeeklyLimitReached):
    zh = "每个组织每周在这个场馆最多预约 {most} 次。"
    en = "One organisation may book this venue {most} times a week at most."


class NotAMember(RuleError):
    code = "booking.not_a_member"
    kind = Kind.FORBIDDEN
    zh = "不是该组织的成员，不能以它的名义预约。"
    en = "Only members may book in an organisation's name."


class BookingUnknown(RuleError):
    code = "booking.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个场馆预约。"
    en = "There is no such booking."


class BookingOver(RuleError):
    code = "booking.not_cancellable"
    kind = Kind.CONFLICT
    zh = "这个预约已使用、已取消或已失效，不能再取消。"
    en = "This booking was used, cancelled or has lapsed and can't be cancelled any more."


class TooLateToCancelBooking(RuleError):
    code = "booking.too_late_to_cancel"
    kind = Kind.CONFLICT
    zh = "已过取消时限（{until}），不能再取消。"
    en = "It is too late to cancel; that was possible until {until}."


class BookingDecided(RuleError):
    code = "booking.decided"
    kind = Kind.CONFLICT
    zh = "这个预约已不在待审核状态。"
    en = "This booking doesn't wait for a decision any more."


class NotConfirmed(RuleError):
    code = "booking.not_confirmed"
    kind = Kind.CONFLICT
    zh = "这个预约不是待到场状态（{status}），不能登记到场。"
    en = "This booking is {status}, so nobody can arrive for it."


class ArrivalTooEarly(RuleError):
    code = "booking.arrival_too_early"
    kind = Kind.CONFLICT
    zh = "{opens}起可以登记到场。"
    en = "Arrivals are taken from {opens} on."


class ArrivalTooLate(RuleError):
    code = "booking.arrival_too_late"
    kind = Kind.CONFLICT
    zh = "预约的时段已经结束。"
    en = "The booked time is over."


class VenueNameTaken(RuleError):
    code = "venue.name_taken"
    kind = Kind.CONFLICT
    zh = "这里已有同名的「{name}」。"
    en = "There is a “{name}” here already."


class UseTooLarge(RuleError):
    code = "venue.use_too_large"
    kind = Kind.INVALID
    zh = "「{use}」需要 {parts_needed} 个分区，场馆只有 {parts} 个。"
    en = "“{use}” needs {parts_needed} parts; the venue has {parts}."


class PartsInUse(RuleError):
    code = "venue.parts_in_use"
    kind = Kind.CONFLICT
    zh = "要取消的分区在今后还有预约，不能减少。"
    en = "Parts that would go have bookings to come."


class HoursInvalid(RuleError):
    code = "venue.hours_invalid"
    kind = Kind.INVALID
    zh = "开放时间无效（{day}）：各段须先后有序、互不重叠，且为 15 分钟的整数倍。"
    en = "The opening hours of {day} are not valid: spans in order, apart, on quarters of an hour."


class ClosureUnknown(RuleError):
    code = "closure.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个闭馆安排。"
    en = "There is no such closure."


class ClosureOver(RuleError):
    code = "closure.over"
    kind = Kind.CONFLICT
    zh = "闭馆须在今后结束；这个闭馆已经结束或已取消。"
    en = "A closure must end in the future; this one is over or was lifted."
