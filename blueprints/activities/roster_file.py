"""A roster as an Excel workbook.

Everything that a person wrote is written as text, whatever it looks like: a name that begins with "=" stays a name.
"""

from __future__ import annotations

from datetime import datetime
from io import BytesIO

from xlsxwriter import Workbook

from blueprints.edge.language import ENGLISH, caller_language
from models.reservations import ReservationStatus
from rules.activities.roster import Roster, RosterLine
from rules.clock import ZONE

SAFE = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
HEADINGS = {
    "zh": ("序号", "姓名", "手机", "人数", "状态", "报名时间", "签到时间"),
    "en": ("No.", "Name", "Phone", "People", "Status", "Signed up", "Checked in"),
}
STATUS_WORDS = {
    ReservationStatus.APPLIED: "待分配",
    ReservationStatus.WAITLISTED: "候补",
    ReservationStatus.OFFERED: "待确认",
    ReservationStatus.CONFIRMED: "已预约",
    ReservationStatus.CHECKED_IN: "已签到",
    ReservationStatus.NO_SHOW: "未到",
}
YES_NO = {"zh": ("是", "否"), "en": ("yes", "no")}
WIDTHS = (6, 16, 16, 6, 10, 18, 18)
ANSWER_WIDTH = 24
TABLE_ROW = 3  #: below title, time and an empty line


def as_workbook(roster: Roster) -> bytes:
    """The bytes of an .xlsx, in the caller's language."""
    language = "en" if caller_language() == ENGLISH else "zh"
    content = BytesIO()
    with Workbook(content, SAFE) as book:
        sheet = book.add_worksheet("名单" if language == "zh" else "Roster")
        bold = book.add_format({"bold": True})
        when = f"{_shown(roster.starts_at)} – {_shown(roster.ends_at)}　{roster.venue}"
        sheet.write_string(0, 0, roster.title, bold)
        sheet.write_string(1, 0, when)
        headings = [*HEADINGS[language], *roster.questions]
        for column, heading in enumerate(headings):
            sheet.write_string(TABLE_ROW, column, heading, bold)
            sheet.set_column(column, column, WIDTHS[column] if column < len(WIDTHS) else ANSWER_WIDTH)
        for n, line in enumerate(roster.lines, start=1):
            for column, value in enumerate([n, *_cells(line, language)]):
                if isinstance(value, int):
                    sheet.write_number(TABLE_ROW + n, column, value)
                else:
                    sheet.write_string(TABLE_ROW + n, column, value)
        sheet.freeze_panes(TABLE_ROW + 1, 2)
    return content.getvalue()


def _cells(line: RosterLine, language: str) -> list[str | int]:
    status = STATUS_WORDS[line.status] if language == "zh" else line.status.value
    return [
        line.name,
        line.phone or "",
        line.party_size,
        status,
        _shown(line.reserved_at),
        _shown(line.checked_in_at) if line.checked_in_at is not None else "",
        *(_answer(answer, language) for answer in line.answers),
    ]


def _answer(answer: object, language: str) -> str | int:
    if isinstance(answer, bool):
        return YES_NO[language][0 if answer else 1]
    if isinstance(answer, int):
        return answer
    return "" if answer is None else str(answer)


def _shown(moment: datetime) -> str:
    return moment.astimezone(ZONE).strftime("%Y-%m-%d %H:%M")
