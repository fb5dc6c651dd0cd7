"""Operations monitoring: what is measured, how the town stands, how it went, what is stored."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import SIGNED_IN
from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of
from blueprints.monitor.arguments import PlaceArguments, SeriesArguments, SnapshotArguments, TableArguments
from blueprints.monitor.asked import REFUSALS, Wish, as_wished, question_of, table_response
from blueprints.monitor.schemas import PLACES, SNAPSHOTS, MeasureView, MonitorSeriesView, OverviewView, OwnOperatorView
from blueprints.monitor.tables_as_sheets import overview_sheet, series_sheet
from rules.monitor import catalogue
from rules.monitor.asking import ask
from rules.monitor.overview import show_overview
from rules.monitor.trends import show_trends
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("monitor", __name__, description="Operations monitoring", may_be_late=True)


@room.does("GET", "/monitor/measures", needs=SIGNED_IN)
@room.response(200, all_of(MeasureView))
def list_measures(work: Work) -> Any:
    """What is measured, and how each number is counted."""
    return catalogue.list_measures(work)


@room.does("GET", "/monitor/places", needs=SIGNED_IN)
@room.arguments(PlaceArguments, location="query")
@room.response(200, PLACES)
def list_monitor_places(work: Work, wish: Wish) -> Any:
    """Of which places I see numbers."""
    return catalogue.list_places(work, wish["cursor"], wish["limit"])


@room.does("GET", "/monitor/own-operators", needs=SIGNED_IN)
@room.response(200, all_of(OwnOperatorView))
def list_own_operators(work: Work) -> Any:
    """The operators for which I act; one of them is named in `operator_id`."""
    return catalogue.list_own_operators(work)


@room.does("GET", "/monitor/overview", needs=SIGNED_IN, refuses=REFUSALS)
@room.arguments(TableArguments, location="query")
@table_response(room, OverviewView)
def show_monitor_overview(work: Work, wish: Wish) -> Any:
    """The main numbers of a place, with the period before, the trend and the lights."""
    return as_wished(show_overview(work, ask(work, question_of(wish))), wish["format"], overview_sheet)


@room.does("GET", "/monitor/series", needs=SIGNED_IN, refuses=REFUSALS)
@room.arguments(SeriesArguments, location="query")
@table_response(room, MonitorSeriesView)
def show_monitor_series(work: Work, wish: Wish) -> Any:
    """Measures over time, by day, week or month."""
    question, names, form = question_of(wish), wish.pop("measure"), wish.pop("format")
    return as_wished(show_trends(work, question, names, **wish), form, series_sheet)


@room.does("GET", "/monitor/snapshots", needs=SIGNED_IN, refuses=[Forbidden])
@room.arguments(SnapshotArguments, location="query")
@room.response(200, SNAPSHOTS)
def list_monitor_snapshots(work: Work, wish: Wish) -> Any:
    """The days that are stored, and their corrections, the latest first."""
    return catalogue.list_snapshots(work, wish["cursor"], wish["limit"])
