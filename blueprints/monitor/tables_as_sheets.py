"""Each answer of the monitoring as a table of a file, in the caller's language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from blueprints.monitor.sheets import Heading, Sheet
from blueprints.monitor.spoken import spoken
from rules.csv_text import Cell
from rules.errors import InBoth
from rules.monitor.counted import CountedPage, FindingsShown
from rules.monitor.measures import MEASURES
from rules.monitor.operators import Ranking
from rules.monitor.overview import Overview
from rules.monitor.periods import Period
from rules.monitor.places import Reach
from rules.monitor.points_board import PointsBoard
from rules.monitor.tables import Row, Table
from rules.monitor.targets import Color, Light
from rules.monitor.trends import Trends
from rules.monitor.venues_board import RoomsBoard

BEFORE = InBoth("上期", "before")
LIGHTS = {
    Color.GREEN: InBoth("达标", "green"),
    Color.AMBER: InBoth("接近", "amber"),
    Color.RED: InBoth("未达标", "red"),
}
OVERVIEW, SERIES = InBoth("总览", "Overview"), InBoth("走势", "Over time")
POINTS = {
    "flows": InBoth("积分收支", "Points in and out"),
    "liability": InBoth("积分负债", "Points liability"),
    "rules": InBoth("积分规则发放", "Points by rule"),
    "budgets": InBoth("积分预算", "Budgets of points"),
}
ROOMS, HOURS = InBoth("场地使用", "Rooms"), InBoth("分时段使用率", "Hours of the week")
FINDINGS = InBoth("异常情形", "Suspicious patterns")
OPERATORS = InBoth("运营方擂台赛", "Operators' ranking")


def _say(zh: str, en: str) -> str:
    return spoken(InBoth(zh, en))


def overview_sheet(overview: Overview) -> Sheet:
    """A line for each tile."""
    headings = [
        Heading(_say("指标", "Measure")),
        Heading(_say("单位", "Unit")),
        Heading(_say("本期", "Value")),
        Heading(spoken(BEFORE)),
        Heading(_say("变化", "Change"), "share"),
        Heading(_say("目标", "Target")),
        Heading(_say("状态", "Light")),
    ]
    rows = [
        [
            spoken(tile.measure.title),
            tile.measure.unit.value,
            tile.value,
            tile.previous,
            tile.change,
            None if tile.target is None else tile.target.target,
            _light(tile.target),
        ]
        for tile in overview.tiles
    ]
    return Sheet(spoken(OVERVIEW), _about(overview.reach, overview.period), overview.as_of, headings, rows)


def table_sheet(title: InBoth, table: Table) -> Sheet:
    """A line for each row: its numbers, and those of the period before."""
    columns = [Heading(spoken(column.title), column.unit) for column in table.columns]
    before = [Heading(f"{spoken(BEFORE)} {spoken(column.title)}", column.unit) for column in table.columns]
    names = [column.name for column in table.columns]
    rows = [[spoken(row.title), *_numbers(row, names)] for row in table.rows]
    return Sheet(spoken(title), _about(table.reach, table.period), table.as_of, [Heading(""), *columns, *before], rows)


def ranking_sheet(ranking: Ranking) -> Sheet:
    """The same with rank and score, and what each weighted measure gave."""
    names = [column.name for column in ranking.columns]
    parts = [
        Heading(f"{spoken(MEASURES[each.measure].title)} {_say('得分', 'points')} /{each.weight}")
        for each in ranking.weights.weights
    ]
    headings = [
        Heading(_say("运营方", "Operator")),
        Heading(_say("名次", "Rank")),
        Heading(_say("得分", "Score")),
        *parts,
        *(Heading(spoken(column.title), column.unit) for column in ranking.columns),
        *(Heading(f"{spoken(BEFORE)} {spoken(column.title)}", column.unit) for column in ranking.columns),
    ]
    rows = []
    for row in ranking.rows:
        points = [part.points for part in row.parts] or [None] * len(parts)
        rows.append([spoken(row.title), row.rank, row.score, *points, *_numbers(row, names)])
    return Sheet(spoken(OPERATORS), _about(ranking.reach, ranking.period), ranking.as_of, headings, rows)


def trends_sheet(title: InBoth, trends: Trends) -> Sheet:
    """A line for each span of days, a column for each measure."""
    headings = [Heading(_say("起", "From")), Heading(_say("止", "To"))]
    headings += [Heading(spoken(each.title), each.unit) for each in trends.series]
    spans = trends.series[0].values if trends.series else ()
    rows: list[list[Cell | date]] = [
        [span.first_day, span.last_day, *(each.values[n].value for each in trends.series)]
        for n, span in enumerate(spans)
    ]
    return Sheet(spoken(title), "", trends.as_of, headings, rows)


def series_sheet(trends: Trends) -> Sheet:
    """The measures that were asked for, over time."""
    return trends_sheet(SERIES, trends)


def points_sheet(board: PointsBoard, which: str) -> Sheet:
    """One of the tables of the points board."""
    found = getattr(board, which)
    return trends_sheet(POINTS[which], found) if which == "flows" else table_sheet(POINTS[which], found)


def rooms_sheet(board: RoomsBoard, which: str) -> Sheet:
    """The rooms, or the hours of the week."""
    if which == "rooms":
        return table_sheet(ROOMS, board.table)
    headings = [
        Heading(_say("星期", "Weekday")),
        Heading(_say("时段", "Hour")),
        Heading(_say("开放时长", "Open"), "hours"),
        Heading(_say("使用时长", "Used"), "hours"),
        Heading(_say("使用率", "Share"), "share"),
    ]
    rows = [[cell.weekday + 1, cell.hour, cell.open_hours, cell.used_hours, cell.share] for cell in board.heat]
    return Sheet(spoken(HOURS), _about(board.table.reach, board.table.period), board.table.as_of, headings, rows)


def findings_sheet(page: FindingsShown) -> Sheet:
    """A line for each thing that was done, with the finding that it belongs to."""
    headings = [
        Heading(_say("日期", "Day")),
        Heading(_say("情形", "Pattern")),
        Heading(_say("编号", "Id")),
        Heading(_say("经手人", "Who")),
        Heading(_say("合计", "In all")),
        Heading(_say("时间", "At")),
        Heading(_say("对象", "Subject")),
        Heading(_say("对象编号", "Subject's id")),
        Heading(_say("涉及居民", "Residents")),
        Heading(_say("数量", "Amount")),
    ]
    rows: list[list[Cell | date]] = [
        [
            finding.day,
            spoken(finding.title),
            str(finding.id),
            finding.who.name if finding.who else None,
            finding.amount,
            row.at,
            row.subject,
            str(row.id),
            "、".join(someone.name for someone in row.people),
            row.amount,
        ]
        for finding in page.items
        for row in finding.rows
    ]
    return Sheet(spoken(FINDINGS), f"{page.period.first} – {page.period.last}", page.as_of, headings, rows)


def counted_sheet(page: CountedPage) -> Sheet:
    """A line for each row that a number counts."""
    headings = [
        Heading(_say("日期", "Day")),
        Heading(_say("对象", "Subject")),
        Heading(_say("编号", "Id")),
        Heading(_say("地点", "Place")),
        Heading(_say("场景", "Scene")),
        Heading(_say("运营方编号", "Operator's id")),
        Heading(_say("明细", "Detail")),
        Heading(_say("数量", "Amount")),
    ]
    rows: list[list[Cell | date]] = [
        [
            row.day,
            row.subject,
            str(row.id),
            row.place,
            row.scene,
            None if row.operator_id is None else str(row.operator_id),
            row.detail,
            row.amount,
        ]
        for row in page.items
    ]
    return Sheet(spoken(page.title), _about(page.asked.reach, page.asked.period), page.as_of, headings, rows)


def _numbers(row: Row, names: Sequence[str]) -> Iterator[Cell]:
    for cells in (row.cells, row.previous):
        yield from (cells.get(name) for name in names)


def _about(reach: Reach, period: Period) -> str:
    return f"{reach.name}　{period.first} – {period.last}"


def _light(light: Light | None) -> str:
    return "" if light is None or light.light is None else spoken(LIGHTS[light.light])
