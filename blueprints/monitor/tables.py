"""The boards: scenes, operators, communities, estates, points."""

from __future__ import annotations

from functools import partial
from typing import Any

from blueprints.edge.caller import SIGNED_IN
from blueprints.edge.room import Room
from blueprints.monitor.arguments import PointsArguments, TableArguments, VenuesMonitorArguments
from blueprints.monitor.asked import REFUSALS, Wish, as_wished, question_of, table_response
from blueprints.monitor.schemas import OperatorRankingView, PointsBoardView, TableView, VenuesBoardView
from blueprints.monitor.tables_as_sheets import points_sheet, ranking_sheet, rooms_sheet, table_sheet
from rules.errors import InBoth
from rules.monitor import communities, operators, points_board, scenes, venues_board
from rules.work import Work

room = Room("monitor_boards", __name__, description="Boards of the operations monitoring", may_be_late=True)

SCENES, COMMUNITIES = InBoth("九大场景", "The nine scenes"), InBoth("社区对比", "Communities compared")
ESTATES = InBoth("小区对比", "Estates compared")


@room.does("GET", "/monitor/scenes", needs=SIGNED_IN, refuses=REFUSALS)
@room.arguments(TableArguments, location="query")
@table_response(room, TableView)
def show_scene_board(work: Work, wish: Wish) -> Any:
    """The nine scenes, with lights."""
    return as_wished(scenes.show_scenes(work, question_of(wish)), wish["format"], partial(table_sheet, SCENES))


@room.does("GET", "/monitor/operators", needs=SIGNED_IN, refuses=REFUSALS)
@room.arguments(TableArguments, location="query")
@table_response(room, OperatorRankingView)
def show_operator_ranking(work: Work, wish: Wish) -> Any:
    """The operators' ranking by the published weights, with what each measure gave."""
    return as_wished(operators.rank_operators(work, question_of(wish)), wish["format"], ranking_sheet)


@room.does("GET", "/monitor/communities", needs=SIGNED_IN, refuses=REFUSALS)
@room.arguments(TableArguments, location="query")
@table_response(room, TableView)
def compare_communities(work: Work, wish: Wish) -> Any:
    """Communities side by side, per thousand residents too."""
    table = communities.compare_communities(work, question_of(wish))
    return as_wished(table, wish["format"], partial(table_sheet, COMMUNITIES))


@room.does("GET", "/monitor/estates", needs=SIGNED_IN, refuses=REFUSALS)
@room.arguments(TableArguments, location="query")
@table_response(room, TableView)
def compare_estates(work: Work, wish: Wish) -> Any:
    """Estates side by side."""
    table = communities.compare_estates(work, question_of(wish))
    return as_wished(table, wish["format"], partial(table_sheet, ESTATES))


@room.does("GET", "/monitor/points", needs=SIGNED_IN, refuses=REFUSALS)
@room.arguments(PointsArguments, location="query")
@table_response(room, PointsBoardView)
def show_points_board(work: Work, wish: Wish) -> Any:
    """Points in, out and outstanding; what is owed, by whom; which rules give most; budgets."""
    board = points_board.show_points(work, question_of(wish), is_file=wish["format"] is not None)
    return as_wished(board, wish["format"], lambda shown: points_sheet(shown, wish["table"]))


@room.does("GET", "/monitor/venues", needs=SIGNED_IN, refuses=REFUSALS)
@room.arguments(VenuesMonitorArguments, location="query")
@table_response(room, VenuesBoardView)
def show_venues_board(work: Work, wish: Wish) -> Any:
    """When rooms are used, by hour of the week, and which ones stand idle."""
    board = venues_board.show_rooms(work, question_of(wish))
    return as_wished(board, wish["format"], lambda shown: rooms_sheet(shown, wish["table"]))
