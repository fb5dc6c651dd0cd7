"""What may be refused around estates, repairs and complaints."""

from __future__ import annotations

from rules.errors import Kind, RuleError


class EstateUnknown(RuleError):
    code = "estate.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个小区。"
    en = "There is no such estate."


class NoEstateChosen(RuleError):
    code = "estate.none_chosen"
    kind = Kind.UNKNOWN
    zh = "您还没有选择所在小区，请先在“我的”里选择小区或楼栋。"
    en = "You haven't chosen your estate yet. Please choose your estate or building in your profile."


class NotOfThisEstate(RuleError):
    code = "estate.not_a_resident"
    kind = Kind.FORBIDDEN
    zh = "只有本小区居民可以办理，请先在“我的”里选择所在小区。"
    en = "This is for residents of the estate. Please choose your estate in your profile first."


class CompanyUnknown(RuleError):
    code = "company.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这家物业公司。"
    en = "There is no such property company."


class CompanyNameTaken(RuleError):
    code = "company.name_taken"
    kind = Kind.CONFLICT
    zh = "已有同名的物业公司。"
    en = "There is a property company of this name already."


class ManagementOverlaps(RuleError):
    code = "estate.management_overlaps"
    kind = Kind.CONFLICT
    zh = "这一天的物业服务已有登记：新的起始日期不能早于已登记的日期；如需改期，请先从那一天起终止登记。"
    en = "The estate's management of that day is on record. To change it, end it from that day on first."


class NotManaged(RuleError):
    code = "estate.not_managed"
    kind = Kind.CONFLICT
    zh = "这个小区目前没有登记物业公司。"
    en = "No company is on record as managing this estate."


class AlreadySet(RuleError):
    code = "estate.already_set"
    kind = Kind.CONFLICT
    zh = "这一天起的内容已经设定过了，请改为更晚的日期。"
    en = "What applies from that day has been set already. Please choose a later day."


class SetInThePast(RuleError):
    code = "estate.set_in_the_past"
    kind = Kind.INVALID
    zh = "不能改变已经过去的日子：最早从今天起生效。"
    en = "Days that are over can't be changed: it applies from today at the earliest."


class CategoryUnknown(RuleError):
    code = "repair.category_unknown"
    kind = Kind.INVALID
    zh = "本小区没有这个报修类别。"
    en = "This estate has no such category of repairs."


class PlaceOutside(RuleError):
    code = "repair.place_outside"
    kind = Kind.INVALID
    zh = "报修地点须在本小区内。"
    en = "The place must be within the estate."


class WantedInThePast(RuleError):
    code = "repair.wanted_in_the_past"
    kind = Kind.INVALID
    zh = "期望上门时间已经过去，请重新选择。"
    en = "The time that you prefer is over. Please choose another."


class RepairUnknown(RuleError):
    code = "repair.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个报修单。"
    en = "There is no such repair."


class StepNotAllowed(RuleError):
    code = "repair.step_not_allowed"
    kind = Kind.CONFLICT
    zh = "报修单现在的状态（{status}）不能进行这一步。"
    en = "This can't be done while the repair is {status}."


class RepairChanged(RuleError):
    code = "repair.changed"
    kind = Kind.CONFLICT
    zh = "报修单刚刚被其他人改动，请刷新后再操作。"
    en = "Somebody has just changed this repair. Please load it again."


class WorkBegun(RuleError):
    code = "repair.work_begun"
    kind = Kind.CONFLICT
    zh = "维修已经开始，不能取消；如有问题请联系物业。"
    en = "The work has begun, so it can't be cancelled. Please call the property company."


class ReopenTooLate(RuleError):
    code = "repair.reopen_too_late"
    kind = Kind.CONFLICT
    zh = "已超过返修期限，请重新报修。"
    en = "The time for reopening is over. Please submit a new repair."


class ReopenedTooOften(RuleError):
    code = "repair.reopened_too_often"
    kind = Kind.CONFLICT
    zh = "已返修 {maximum} 次，请改用投诉，由物业或街道答复。"
    en = "It was reopened {maximum} times, which is the most. Please make a complaint; it must be answered."


class NotToBeRated(RuleError):
    code = "repair.not_to_be_rated"
    kind = Kind.CONFLICT
    zh = "维修完成后、评价期限内才能评价。"
    en = "A repair is rated once it is done and within the time for it."


class WorkerNeeded(RuleError):
    code = "repair.worker_needed"
    kind = Kind.INVALID
    zh = "请填写维修人员姓名，或选择一位负责该小区的在职工作人员。"
    en = "Give the worker's name, or a member of staff who is active and looks after this estate."


class ContactClosed(RuleError):
    code = "repair.contact_closed"
    kind = Kind.CONFLICT
    zh = "没有可用的联系电话：未填写，或报修已办结。"
    en = "There is no number to call: none was given, or the repair is over."


class ComplaintUnknown(RuleError):
    code = "complaint.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个投诉或表扬。"
    en = "There is no such complaint or praise."


class ComplaintOver(RuleError):
    code = "complaint.over"
    kind = Kind.CONFLICT
    zh = "已经答复或撤回。"
    en = "It has been answered or withdrawn."


class StatisticsPeriodInvalid(RuleError):
    code = "estate.period_invalid"
    kind = Kind.INVALID
    zh = "统计时段无效：须先后有序，且不超过 {days} 天。"
    en = "The period is not valid: it must end after it begins and have {days} days at most."
