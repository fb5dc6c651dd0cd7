"""The monthly report as A4 pages: numbers, charts and boards, in Chinese.

The same report is the same file whenever it is made. Its font is in the file, cut from what is written
(`blueprints.volunteering.chinese_font`), so all words are gathered before anything is drawn. No colour says anything alone:
lights have a shape and a word, lines of a chart have marks of their own and a legend.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from reportlab.graphics.charts.barcharts import HorizontalBarChart
from reportlab.graphics.charts.lineplots import LinePlot
from reportlab.graphics.shapes import Drawing, Line, String
from reportlab.graphics.widgets.markers import makeMarker
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.fonts import addMapping
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, SimpleDocTemplate, Spacer, TableStyle
from reportlab.platypus import Table as Grid

from blueprints.monitor.spoken import UNITS
from blueprints.volunteering.chinese_font import Face, font_for
from rules.clock import ZONE
from rules.errors import InBoth
from rules.monitor.communities import PER_HEAD
from rules.monitor.measures import MEASURES
from rules.monitor.report import MonthlyReport
from rules.monitor.tables import Column, Number, Row
from rules.monitor.targets import Color, Light

#: Raised when the pages look different, so that nobody is shown old ones from a cache.
LAYOUT = "1"
WIDTH = A4[0] - 36 * mm
INK, GREY, PALE = HexColor("#222222"), HexColor("#666666"), HexColor("#EEF2F6")
#: Of lines, told apart by people who see no red or no green too (Okabe and Ito's palette), and by their marks.
COLORS = (HexColor("#0072B2"), HexColor("#D55E00"), HexColor("#009E73"))
MARKS = ("FilledCircle", "FilledTriangle", "FilledSquare")
LEGEND_MARKS = ("●", "▲", "■")
LIGHTS = {Color.GREEN: "● 达标", Color.AMBER: "▲ 接近", Color.RED: "■ 未达标"}
ALWAYS = "0123456789.,-%+（）：·— 年月日至第页/↑↓"
NONE = "—"
ROWS_MAX = 40  #: of operators and of communities; what is left out is said
CHART_HEIGHT = 50 * mm
HEADING_SIZE = 14  #: and larger: on one page with what follows


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph, a heading, or the words of a table: what is to be set, before there is a font."""

    text: str
    size: float = 10
    color: Any = INK
    space: float = 2  #: below, in millimetres


@dataclass(frozen=True, slots=True)
class Cells:
    """A table of words; the first line is its heading."""

    lines: Sequence[Sequence[str]]
    widths: Sequence[float]
    words: int = 1  #: the first columns; the others are numbers


@dataclass(frozen=True, slots=True)
class Lines:
    """A chart over the days of the month."""

    names: Sequence[str]
    values: Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart of a number of each thing."""

    names: Sequence[str]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Room:
    """What follows begins on the next page, if less room is left on this one; in points."""

    height: float


Piece = Words | Cells | Lines | Bars | Room


def report_pdf(report: MonthlyReport) -> bytes:
    """The pages."""
    pieces = list(_pieces(report))
    font = _register_font("".join(_written(pieces)))
    made = BytesIO()
    title = f"{report.place} {report.first.year} 年 {report.first.month} 月运营月报"
    pages = SimpleDocTemplate(
        made,
        pagesize=A4,
        leftMargin=18 * mm,
        rightMargin=18 * mm,
        topMargin=16 * mm,
        bottomMargin=18 * mm,
        title=title,
        author=report.place,
        lang="zh-CN",
        invariant=1,
    )

    def number_page(canvas: Any, _pages: Any) -> None:
        canvas.setFont(font, 8)
        canvas.setFillColor(GREY)
        canvas.drawCentredString(A4[0] / 2, 10 * mm, f"第 {canvas.getPageNumber()} 页")

    pages.build([_drawn(piece, font) for piece in pieces], onFirstPage=number_page, onLaterPages=number_page)
    return made.getvalue()


# What is written


def _pieces(report: MonthlyReport) -> Iterator[Piece]:
    first, last = report.first, report.last
    yield Words(f"{report.place}运营月报", 22, space=4)
    yield Words(f"{first.year} 年 {first.month} 月 {first.day} 日至 {last.month} 月 {last.day} 日", 12, GREY)
    yield Words(f"数据截至 {report.as_of.astimezone(ZONE):%Y-%m-%d %H:%M:%S}，与上月同口径比较。", 9, GREY, 5)
    yield Words("一、总览", 14)
    yield from _overview(report)
    yield Words("二、活动与积分走势", 14)
    for chart in report.charts:
        names = [f"{MEASURES[each.measure].title.zh}（{_unit(each.measure)}）" for each in chart.series]
        yield Lines(names, [[float(point.value or 0) for point in each.values] for each in chart.series])
    yield Room(150 * mm)
    yield Words("三、九大场景", 14)
    held = next(column.name for column in report.scenes.columns if column.name in report.scenes.rows[0].cells)
    yield Bars([_name(row) for row in report.scenes.rows], [float(row.cells[held] or 0) for row in report.scenes.rows])
    yield Words(f"图：各场景{MEASURES[held].title.zh}（{_unit(held)}）", 9, GREY)
    yield _board(report.scenes.columns, report.scenes.rows)
    yield Words("四、运营方擂台赛", 14)
    yield from _ranking(report)
    yield Room(100 * mm)
    yield Words("五、社区对比", 14)
    rows = report.communities.rows
    columns = [column for column in report.communities.columns if column.name not in PER_HEAD]
    yield _board(columns, rows[:ROWS_MAX])
    yield from _left_out(rows, "社区")


def _overview(report: MonthlyReport) -> Iterator[Piece]:
    lines = [["指标", "本月", "上月", "增减", "目标"]]
    for tile in report.overview.tiles:
        unit = tile.measure.unit.value
        light = _light(tile.target)
        lines.append(
            [
                tile.measure.title.zh,
                _number(tile.value, unit),
                _number(tile.previous, unit),
                _change(tile.change),
                light,
            ]
        )
    yield Cells(lines, [0.36, 0.16, 0.16, 0.14, 0.18])


def _ranking(report: MonthlyReport) -> Iterator[Piece]:
    weights = report.operators.weights
    spoken = "，".join(f"{MEASURES[each.measure].title.zh} {each.weight}" for each in weights.weights)
    yield Words(f"得分 = 各项占最好者的比例 × 权重，满分 100。权重：{spoken}。", 9, GREY)
    yield Words(f"举办不足 {weights.sessions_min} 场的不参加排名。", 9, GREY)
    names = [each.measure for each in weights.weights]
    lines = [["名次", "运营方", "得分", *(MEASURES[name].title.zh for name in names)]]
    for row in report.operators.rows[:ROWS_MAX]:
        cells = [_number(row.cells[name], str(MEASURES[name].unit)) for name in names]
        score = NONE if row.score is None else f"{row.score:.2f}"
        lines.append([NONE if row.rank is None else str(row.rank), _name(row), score, *cells])
    yield Cells(lines, [0.08, 0.24, 0.1, *[0.58 / len(names)] * len(names)], words=2)
    yield from _left_out(report.operators.rows, "运营方")


def _left_out(rows: Sequence[Row], what: str) -> Iterator[Piece]:
    if len(rows) > ROWS_MAX:
        yield Words(f"只列前 {ROWS_MAX} 个，共 {len(rows)} 个{what}，其余请在系统中查看。", 9, GREY)


def _board(columns: Sequence[Column], rows: Sequence[Row]) -> Cells:
    lines = [["", *(f"{column.title.zh}" for column in columns)]]
    lines += [[_name(row), *(_number(row.cells[column.name], column.unit) for column in columns)] for row in rows]
    return Cells(lines, [0.16, *[0.84 / len(columns)] * len(columns)])


def _name(row: Row) -> str:
    return row.title.zh if isinstance(row.title, InBoth) else row.title


def _unit(measure: str) -> str:
    unit = str(MEASURES[measure].unit)
    return UNITS[unit].zh if unit in UNITS else ""


def _number(value: Number | None, unit: str) -> str:
    if value is None:
        return NONE
    if unit == "share":
        return f"{value:.1%}"
    return f"{value:,.1f}" if isinstance(value, float) and value != int(value) else f"{int(value):,}"


def _change(change: float | None) -> str:
    """How much more or less than before, as a part of what was before."""
    if change is None:
        return NONE
    return f"↑ {change:.1%}" if change > 0 else f"↓ {-change:.1%}" if change < 0 else "0.0%"


def _light(light: Light | None) -> str:
    return NONE if light is None or light.light is None else LIGHTS[light.light]


def _written(pieces: Sequence[Piece]) -> Iterator[str]:
    yield ALWAYS + "".join(LEGEND_MARKS)
    for piece in pieces:
        match piece:
            case Words():
                yield piece.text
            case Cells():
                for line in piece.lines:
                    yield from line
            case Lines() | Bars():
                yield from piece.names


# How it is drawn


def _register_font(text: str) -> str:
    """A font with the characters that are written, under a name of this thread; it takes the place of the one before."""
    name = f"report-{threading.get_ident()}"
    pdfmetrics._fonts[name] = TTFont(name, font_for("".join(sorted(set(text))), Face.SANS))
    addMapping(name, 0, 0, name)
    return name


def _drawn(piece: Piece, font: str) -> Flowable:
    match piece:
        case Words():
            style = ParagraphStyle(
                "words",
                fontName=font,
                fontSize=piece.size,
                leading=piece.size * 1.4,
                textColor=piece.color,
                spaceAfter=piece.space * mm,
                wordWrap="CJK",
                keepWithNext=piece.size >= HEADING_SIZE,
            )
            return Paragraph(_escaped(piece.text), style)
        case Cells():
            return _grid(piece, font)
        case Lines():
            return _line_chart(piece, font)
        case Bars():
            return _bar_chart(piece, font)
    return CondPageBreak(piece.height)


def _grid(cells: Cells, font: str) -> Flowable:
    size = 9 if len(cells.widths) <= 6 else 7.5
    style = ParagraphStyle("cell", fontName=font, fontSize=size, leading=size * 1.3, textColor=INK, wordWrap="CJK")
    number = ParagraphStyle("number", parent=style, alignment=TA_RIGHT)
    lines = [
        [Paragraph(_escaped(cell), number if n >= cells.words else style) for n, cell in enumerate(line)]
        for line in cells.lines
    ]
    grid = Grid(lines, colWidths=[WIDTH * width for width in cells.widths], repeatRows=1, spaceAfter=5 * mm)
    grid.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), PALE),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, HexColor("#CCD3DA")),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LEFTPADDING", (0, 0), (-1, -1), 3),
                ("RIGHTPADDING", (0, 0), (-1, -1), 3),
                ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ]
        )
    )
    return grid


def _line_chart(lines: Lines, font: str) -> Flowable:
    drawing = Drawing(WIDTH, CHART_HEIGHT)
    days = max((len(values) for values in lines.values), default=1)
    chart = LinePlot()
    chart.x, chart.y, chart.width, chart.height = 36, 26, WIDTH - 48, CHART_HEIGHT - 50
    chart.data = [[(n, value) for n, value in enumerate(values, start=1)] for values in lines.values]
    chart.xValueAxis.valueMin, chart.xValueAxis.valueMax = 1, max(days, 2)
    chart.xValueAxis.valueSteps = [1, *range(5, days + 1, 5)]
    chart.xValueAxis.labelTextFormat = "%d"
    chart.yValueAxis.valueMin, chart.yValueAxis.valueMax = _span_of(
        value for values in lines.values for value in values
    )
    chart.yValueAxis.labelTextFormat = lambda value: f"{value:,.0f}"
    chart.yValueAxis.visibleGrid, chart.yValueAxis.gridStrokeColor = 1, PALE
    for axis in (chart.xValueAxis, chart.yValueAxis):
        axis.labels.fontName, axis.labels.fontSize = font, 7
    for n in range(len(lines.values)):
        chart.lines[n].strokeColor = COLORS[n]
        chart.lines[n].symbol = makeMarker(MARKS[n], fillColor=COLORS[n], strokeColor=COLORS[n], size=4)
    drawing.add(chart)
    x = 36.0
    for n, name in enumerate(lines.names):
        label = f"{LEGEND_MARKS[n]} {name}"
        drawing.add(Line(x, CHART_HEIGHT - 12, x + 14, CHART_HEIGHT - 12, strokeColor=COLORS[n], strokeWidth=1.4))
        drawing.add(String(x + 18, CHART_HEIGHT - 15, label, fontName=font, fontSize=8, fillColor=COLORS[n]))
        x += 30 + pdfmetrics.stringWidth(label, font, 8)
    return _Spaced(drawing)


def _bar_chart(bars: Bars, font: str) -> Flowable:
    drawing = Drawing(WIDTH, CHART_HEIGHT)
    chart = HorizontalBarChart()
    chart.x, chart.y, chart.width, chart.height = 56, 14, WIDTH - 90, CHART_HEIGHT - 20
    chart.data = [list(bars.values)]
    chart.categoryAxis.categoryNames = list(bars.names)
    chart.categoryAxis.reverseDirection = 1
    chart.categoryAxis.labels.fontName, chart.categoryAxis.labels.fontSize = font, 8
    chart.valueAxis.valueMin, chart.valueAxis.valueMax = _span_of(bars.values)
    chart.valueAxis.labels.fontName, chart.valueAxis.labels.fontSize = font, 7
    chart.valueAxis.labelTextFormat = lambda value: f"{value:,.0f}"
    chart.bars[0].fillColor, chart.bars[0].strokeColor = COLORS[0], None
    chart.barLabels.fontName, chart.barLabels.fontSize, chart.barLabels.nudge = font, 7, 3
    chart.barLabels.boxAnchor = "w"
    chart.barLabelFormat = lambda value: f"{value:,.0f}"
    drawing.add(chart)
    return _Spaced(drawing)


def _span_of(values: Iterable[float]) -> tuple[float, float]:
    """From where to where an axis goes: from 0, or lower where more came back than went out on a day."""
    there = list(values)
    return min([0.0, *there]) * 1.1, max([1.0, *there]) * 1.1


class _Spaced(Spacer):
    """A drawing with some room below it."""

    def __init__(self, drawing: Drawing) -> None:
        super().__init__(drawing.width, drawing.height + 3 * mm)
        self.drawing = drawing

    def draw(self) -> None:
        self.drawing.drawOn(self.canv, 0, 3 * mm)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
