"""找积分: ways to earn, levels and their rights, rankings."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import ANYONE, RESIDENT, SIGNED_IN
from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of
from blueprints.points.ranking_schemas import (
    CommunityRankingArguments,
    CommunityRankingView,
    RankingArguments,
    RankingChoiceRequest,
    RankingChoiceView,
    RankingOfferView,
    RankingView,
    RightsView,
    WaysView,
)
from rules.hosting import HostedByGovernment
from rules.points import ranking, rights, ways
from rules.work import Work

room = Room("rankings", __name__, description="Ways to earn, levels and their rights, rankings")

Wish = dict[str, Any]


@room.does("GET", "/points/ways", needs=ANYONE, shared=True)
@room.response(200, WaysView)
def list_ways(work: Work) -> Any:
    """The ways to earn today, in plain words; with what is left for me where I am signed in."""
    return ways.list_ways(work)


@room.does("GET", "/me/points/ways", needs=RESIDENT)
@room.response(200, WaysView)
def list_my_ways(work: Work) -> Any:
    """The ways to earn today, and what is left for me under each limit."""
    return ways.list_ways(work)


@room.does("GET", "/me/points/rights", needs=RESIDENT)
@room.response(200, RightsView)
def show_rights(work: Work) -> Any:
    """Stars and levels with their rights in words, where I am, and what is missing to the next."""
    return rights.show_rights(work)


@room.does("GET", "/points/rankings", needs=SIGNED_IN, refuses=[HostedByGovernment])
@room.response(200, all_of(RankingOfferView))
def list_rankings(work: Work) -> Any:
    """The rankings of residents that the town has."""
    return ranking.list_rankings(work)


@room.does("GET", "/points/ranking", needs=SIGNED_IN, refuses=[HostedByGovernment, ranking.RankingUnknown])
@room.arguments(RankingArguments, location="query")
@room.response(200, RankingView)
def show_ranking(work: Work, wish: Wish) -> Any:
    """Residents by what they earned in a period, of those who want to be seen; and my own place."""
    asked = ranking.Asked(wish["ranking"], wish["period"], wish["day"], wish["community_id"], wish["scene"])
    return ranking.show_ranking(work, asked, wish["cursor"], wish["limit"])


@room.does("GET", "/points/ranking/communities", needs=ANYONE, shared=True)
@room.arguments(CommunityRankingArguments, location="query")
@room.response(200, CommunityRankingView)
def rank_communities(work: Work, wish: Wish) -> Any:
    """Communities by what their residents earned in a period, a head."""
    return ranking.rank_communities(work, wish["period"], wish["day"], wish["scene"])


@room.does("GET", "/me/ranking", needs=RESIDENT, refuses=[HostedByGovernment])
@room.response(200, RankingChoiceView)
def show_ranking_choice(work: Work) -> Any:
    """Whether I am seen in rankings. Nobody is who hasn't said so."""
    return ranking.show_choice(work)


@room.does("PUT", "/me/ranking", needs=RESIDENT, refuses=[HostedByGovernment, ranking.RankingNotForChildren])
@room.arguments(RankingChoiceRequest)
@room.response(200, RankingChoiceView)
def choose_ranking(work: Work, wish: Wish) -> Any:
    """Be seen in rankings, or be gone from them at once."""
    return ranking.choose(work, wish["shown"])
