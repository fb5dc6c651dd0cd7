"""Why something about voluntary service may not be done."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from rules.errors import Kind, RuleError


class GuardianNeeded(RuleError):
    code = "volunteering.guardian_needed"
    kind = Kind.FORBIDDEN
    zh = "未满 18 周岁须由监护人代为登记：请监护人在自己的手机上为孩子办理。"
    en = "Under 18, a guardian registers the child, on their own phone."


class StatementOutdated(RuleError):
    code = "volunteering.statement_outdated"
    kind = Kind.CONFLICT
    zh = "志愿者须知已更新到 {current} 版，请阅读并同意新的版本。"
    en = "The volunteers' statement is now version {current}. Please read that one and agree to it."


class NotAVolunteer(RuleError):
    code = "volunteering.not_registered"
    kind = Kind.CONFLICT
    zh = "还没有登记为志愿者。"
    en = "This resident isn't registered as a volunteer."


class RecordUnknown(RuleError):
    code = "volunteering.record_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这条服务记录。"
    en = "There is no such record of service."


class RecordSettled(RuleError):
    code = "volunteering.record_settled"
    kind = Kind.CONFLICT
    zh = "这条服务记录已经处理过了。"
    en = "This record was decided or voided already."


class SignedAtTheDoor(RuleError):
    code = "volunteering.signed_at_the_door"
    kind = Kind.CONFLICT
    zh = "签到签退得来的时长不能直接作废，请更正签到记录。"
    en = "Hours that were signed for follow from the visits: correct those."


class BatchUnknown(RuleError):
    code = "volunteering.batch_unknown"
    kind = Kind.UNKNOWN
    zh = "没有这批服务记录。"
    en = "There is no such batch of records."


class FileHeaderWrong(RuleError):
    code = "volunteering.file_header_wrong"
    kind = Kind.INVALID
    zh = "文件第一行必须是：ref,resident_id,minutes,served_on,description。"
    en = "The file's first line must be: ref,resident_id,minutes,served_on,description."


class RecordProblem(StrEnum):
    """Why a record can't be written down."""

    RESIDENT_UNKNOWN = "resident_unknown"
    NOT_A_VOLUNTEER = "not_a_volunteer"
    DAY_IN_FUTURE = "day_in_future"
    DAY_TOO_LONG_AGO = "day_too_long_ago"
    DAY_FULL = "day_full"  #: the person would have more than 24 hours on that day
    # Of a file only:
    COLUMNS_WRONG = "columns_wrong"  #: not five cells
    REF_MISSING = "ref_missing"  #: none, or longer than 64 characters
    REF_REPEATED = "ref_repeated"  #: an earlier line of the file has it
    REF_TAKEN = "ref_taken"  #: another file brought it
    MINUTES_INVALID = "minutes_invalid"  #: not a whole number from 1 to 1,440
    DAY_INVALID = "day_invalid"
    DESCRIPTION_MISSING = "description_missing"  #: none, or longer than 200 characters
    OUT_OF_REACH = "out_of_reach"  #: somebody who lives where the importer organises nothing


PROBLEMS: Mapping[RecordProblem, tuple[str, str]] = {
    RecordProblem.RESIDENT_UNKNOWN: ("没有这位居民。", "There is no such resident."),
    RecordProblem.NOT_A_VOLUNTEER: ("这位居民还没有登记为志愿者。", "This resident isn't registered as a volunteer."),
    RecordProblem.DAY_IN_FUTURE: ("服务日期不能晚于今天。", "The day of service can't be in the future."),
    RecordProblem.DAY_TOO_LONG_AGO: (
        "服务日期太久以前，工作人员只能补录最近 31 天。",
        "Too long ago: staff write down the last 31 days.",
    ),
    RecordProblem.DAY_FULL: (
        "这位居民当天的时长超过 24 小时。",
        "This resident would have more than 24 hours that day.",
    ),
}


class RecordsInvalid(RuleError):
    """Some records of a request can't be right: none of them is kept."""

    code = "volunteering.records_invalid"
    kind = Kind.INVALID
    zh = "有 {count} 条服务记录有误，全部未登记。"
    en = "{count} of the records can't be right; none was kept."

    def details(self, language: str) -> dict[str, list[str]]:
        """By the record's place in the request, from 0 on."""
        problems = self.facts["problems"]
        assert isinstance(problems, Mapping), "problems by place"
        which = 1 if language == "en" else 0
        return {f"items.{place}": [PROBLEMS[problem][which]] for place, problem in sorted(problems.items())}


class CertificateUnknown(RuleError):
    code = "certificate.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这份证明，请核对编号。"
    en = "There is no such certificate. Please check the code."


class CertificateEmpty(RuleError):
    code = "certificate.no_hours"
    kind = Kind.CONFLICT
    zh = "这段时间没有志愿服务时长，无法开具证明。"
    en = "There are no hours in this period to certify."


class CertificateNameless(RuleError):
    code = "certificate.name_needed"
    kind = Kind.CONFLICT
    zh = "请先填写姓名，再开具证明。"
    en = "Please enter a name first: a certificate is made out to somebody."


class PeriodInvalid(RuleError):
    code = "certificate.period_invalid"
    kind = Kind.INVALID
    zh = "起始日期不能晚于截止日期，截止日期不能晚于今天。"
    en = "The period must begin before it ends, and end today at the latest."


class CertificateWithdrawn(RuleError):
    code = "certificate.withdrawn"
    kind = Kind.CONFLICT
    zh = "这份证明已经作废。"
    en = "This certificate was withdrawn already."
