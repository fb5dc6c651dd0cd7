"""A certificate as one A4 page: who served how long, where the hours come from, and how to verify it.

Everything on the page is in the certificate's row, so the same certificate is the same page whenever it is asked for. The
fonts are in the file (`blueprints.volunteering.chinese_font`), cut from what is written; so the words are laid out first,
and drawn when all of them are known.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from io import BytesIO

import segno
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from blueprints.volunteering.chinese_font import Face, font_for
from models.volunteering import Provenance
from rules.clock import local_day
from rules.volunteering.certificates import CertificateStatus, CertificateView
from rules.volunteering.counting import WORDS, spoken

#: Raised when the page looks different, so that nobody is shown the old one from a cache.
LAYOUT = "1"
WIDTH, HEIGHT = A4
MIDDLE, LEFT, RIGHT = WIDTH / 2, 32 * mm, WIDTH - 32 * mm
RED, INK, GREY, LINE = HexColor("#9E2A2B"), HexColor("#222222"), HexColor("#666666"), HexColor("#CDBFA9")
CODE_SIDE = 30 * mm
NAME_SIZE, NAME_WIDTH_MAX = 26, 110 * mm
TITLE = "志愿服务证明"
WITHDRAWN = "已作废"
MEANINGS = {
    Provenance.SIGNED: "到场签到、离场签退得来",
    Provenance.STAFF: "工作人员事后登记，没有签到记录",
    Provenance.IMPORTED: "从其他系统导入，以原系统为准",
}
NOTES = (
    "三类时长来源不同，分别列示。本证明记载开具时的数据，此后如有更正，以在线核验结果为准。",
    "扫描二维码或在线输入编号即可核验，核验时只显示姓氏、时长和期间。",
)


class Align(StrEnum):
    LEFT = "left"
    MIDDLE = "middle"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Words:
    """A line of words, its foot at (x, y) in points from the lower left corner."""

    text: str
    x: float
    y: float
    size: float
    face: Face = Face.SANS
    color: Color = INK
    align: Align = Align.LEFT
    spacing: float = 0  #: between characters
    width_max: float | None = None  #: it is written smaller where it is wider


def certificate_pdf(certificate: CertificateView, verify_url: str) -> bytes:
    """The page. `verify_url`: where whoever scans its code is led."""
    words = [*_heading(certificate), *_hours(certificate), *_foot(certificate)]
    made = BytesIO()
    canvas = Canvas(made, pagesize=A4, invariant=1, lang="zh-CN", pageCompression=1)
    canvas.setTitle(f"{TITLE} {certificate.code}")
    canvas.setAuthor(certificate.town_name)
    _draw_frame(canvas)
    _draw_code(canvas, verify_url)
    fonts = _register_fonts(words)
    for each in words:
        _draw_words(canvas, fonts[each.face], each)
    if certificate.status is CertificateStatus.WITHDRAWN:
        _draw_stamp(canvas, fonts[Face.SERIF])
    canvas.save()
    return made.getvalue()


# What is written


def _heading(certificate: CertificateView) -> Iterable[Words]:
    yield Words(certificate.town_name, MIDDLE, 252 * mm, 14, color=GREY, align=Align.MIDDLE, width_max=RIGHT - LEFT)
    yield Words(TITLE, MIDDLE, 234 * mm, 36, Face.SERIF, RED, Align.MIDDLE, spacing=6)
    yield Words("兹证明", MIDDLE, 214 * mm, 13, color=GREY, align=Align.MIDDLE)
    yield Words(
        certificate.name,
        MIDDLE,
        200 * mm,
        NAME_SIZE,
        Face.SERIF,
        align=Align.MIDDLE,
        spacing=2,
        width_max=NAME_WIDTH_MAX,
    )
    yield Words(f"{_period(certificate)}，参加志愿服务的时长如下：", MIDDLE, 184 * mm, 13, align=Align.MIDDLE)


def _hours(certificate: CertificateView) -> Iterable[Words]:
    """The table: a row for each source, and the sum."""
    y = 166 * mm
    for provenance, minutes in certificate.minutes.by_provenance().items():
        yield Words(WORDS[provenance], LEFT + 4 * mm, y, 14)
        yield Words(MEANINGS[provenance], LEFT + 42 * mm, y, 10, color=GREY)
        yield Words(spoken(minutes), RIGHT - 4 * mm, y, 14, align=Align.RIGHT)
        y -= 13 * mm
    yield Words("合计", LEFT + 4 * mm, y, 14)
    yield Words(spoken(certificate.minutes.total), RIGHT - 4 * mm, y, 14, align=Align.RIGHT)
    if certificate.star:
        yield Words(f"星级：{certificate.star}", MIDDLE, 109 * mm, 14, color=RED, align=Align.MIDDLE)


def _foot(certificate: CertificateView) -> Iterable[Words]:
    x = LEFT + CODE_SIDE + 8 * mm
    yield Words("证明编号", x, 82 * mm, 10, color=GREY)
    yield Words(certificate.code, x, 75 * mm, 14)
    yield Words("开具日期", x, 64 * mm, 10, color=GREY)
    yield Words(_spoken_day(local_day(certificate.issued_at)), x, 57 * mm, 14)
    yield Words("扫码核验", LEFT + CODE_SIDE / 2, 48 * mm, 9, color=GREY, align=Align.MIDDLE)
    for n, note in enumerate(NOTES):
        yield Words(note, MIDDLE, (36 - 5 * n) * mm, 8.5, color=GREY, align=Align.MIDDLE)


def _period(certificate: CertificateView) -> str:
    until = _spoken_day(certificate.last_day)
    if certificate.first_day is None:
        return f"截至 {until}"
    return f"{_spoken_day(certificate.first_day)} 至 {until}"


def _spoken_day(day: date) -> str:
    return f"{day.year} 年 {day.month} 月 {day.day} 日"


# How it is drawn


def _draw_frame(canvas: Canvas) -> None:
    canvas.setStrokeColor(RED)
    canvas.setLineWidth(1.6)
    canvas.rect(14 * mm, 14 * mm, WIDTH - 28 * mm, HEIGHT - 28 * mm)
    canvas.setLineWidth(0.5)
    canvas.rect(16 * mm, 16 * mm, WIDTH - 32 * mm, HEIGHT - 32 * mm)
    canvas.setStrokeColor(LINE)
    for n in range(5):
        y = (174 - 13 * n) * mm
        canvas.line(LEFT, y, RIGHT, y)
    canvas.line(LEFT, 43 * mm, RIGHT, 43 * mm)


def _draw_code(canvas: Canvas, address: str) -> None:
    """The QR code, in runs of dark modules, so that no seam shows between two of them."""
    matrix = segno.make_qr(address, error="m").matrix
    side = CODE_SIDE / len(matrix)
    canvas.setFillColor(INK)
    for row, modules in enumerate(matrix):
        start = None
        for column, dark in enumerate([*modules, 0]):
            if dark and start is None:
                start = column
            elif not dark and start is not None:
                y = 55 * mm + CODE_SIDE - (row + 1) * side
                canvas.rect(LEFT + start * side, y, (column - start) * side, side, stroke=0, fill=1)
                start = None


def _register_fonts(words: Iterable[Words]) -> dict[Face, str]:
    """Fonts with the characters that are written, under names of this thread.

    The writer knows fonts by name, for the whole process, and its own `registerFont` keeps the first of a name for good. The
    fonts of a page are of no use to the next one, so they take the place of those before them.
    """
    written = {face: WITHDRAWN if face is Face.SERIF else "" for face in Face}
    for each in words:
        written[each.face] += each.text
    names = {}
    for face, text in written.items():
        names[face] = f"{face.name}-{threading.get_ident()}"
        pdfmetrics._fonts[names[face]] = TTFont(names[face], font_for(text, face))
    return names


def _draw_words(canvas: Canvas, font: str, words: Words) -> None:
    width = _width(words, font, words.size)
    scale = min(1.0, words.width_max / width) if words.width_max else 1.0
    size, width = words.size * scale, width * scale
    x = words.x - {Align.LEFT: 0.0, Align.MIDDLE: width / 2, Align.RIGHT: width}[words.align]
    text = canvas.beginText(x, words.y)
    text.setFont(font, size)
    text.setFillColor(words.color)
    text.setCharSpace(words.spacing * scale)
    text.textOut(words.text)
    canvas.drawText(text)


def _width(words: Words, font: str, size: float) -> float:
    between = words.spacing * (len(words.text) - 1)
    return float(pdfmetrics.stringWidth(words.text, font, size)) + between


def _draw_stamp(canvas: Canvas, font: str) -> None:
    canvas.saveState()
    canvas.translate(MIDDLE, 150 * mm)
    canvas.rotate(30)
    canvas.setFillColor(RED, alpha=0.35)
    canvas.setFont(font, 96)
    canvas.drawCentredString(0, -30, WITHDRAWN)
    canvas.restoreState()
