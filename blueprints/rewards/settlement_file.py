"""What is settled with merchants, as an Excel workbook. Names are written as text, whatever they look like."""

from __future__ import annotations

from io import BytesIO

from xlsxwriter import Workbook

from blueprints.edge.language import ENGLISH, caller_language
from rules.rewards.settlement import RewardSettlement

SAFE = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
HEADINGS = {
    "zh": ("商家", "兑换项目", "兑换次数", "件数", "积分", "现金（元）", "逾期作废积分"),
    "en": ("Merchant", "Reward", "Redemptions", "Pieces", "Points", "Money (yuan)", "Points forfeited"),
}
OWN = {"zh": "社区自有", "en": "the community"}
TOTAL = {"zh": "合计", "en": "Total"}
TITLE = {"zh": "积分商城结算", "en": "Settlement of the points mall"}
WIDTHS = (24, 28, 10, 8, 10, 12, 14)
TABLE_ROW = 3
FEN = 100


def as_workbook(settled: RewardSettlement) -> bytes:
    """The bytes of an .xlsx, in the caller's language."""
    language = "en" if caller_language() == ENGLISH else "zh"
    content = BytesIO()
    with Workbook(content, SAFE) as book:
        sheet = book.add_worksheet("结算" if language == "zh" else "Settlement")
        bold, money = book.add_format({"bold": True}), book.add_format({"num_format": "0.00"})
        sheet.write_string(0, 0, TITLE[language], bold)
        sheet.write_string(1, 0, f"{settled.first_day} – {settled.last_day}")
        for column, heading in enumerate(HEADINGS[language]):
            sheet.write_string(TABLE_ROW, column, heading, bold)
            sheet.set_column(column, column, WIDTHS[column])
        for n, line in enumerate(settled.lines, start=TABLE_ROW + 1):
            sheet.write_string(n, 0, line.operator or OWN[language])
            sheet.write_string(n, 1, line.title)
            for column, number in enumerate((line.redemptions, line.pieces, line.points), start=2):
                sheet.write_number(n, column, number)
            sheet.write_number(n, 5, line.fees / FEN, money)
            sheet.write_number(n, 6, line.forfeited)
        last = TABLE_ROW + 1 + len(settled.lines)
        sheet.write_string(last, 0, TOTAL[language], bold)
        sums = [sum(getattr(line, name) for line in settled.lines) for name in ("redemptions", "pieces", "points")]
        for column, number in enumerate(sums, start=2):
            sheet.write_number(last, column, number, bold)
        sheet.write_number(last, 5, sum(line.fees for line in settled.lines) / FEN, money)
        sheet.write_number(last, 6, sum(line.forfeited for line in settled.lines), bold)
        sheet.freeze_panes(TABLE_ROW + 1, 2)
    return content.getvalue()
