"""Rankings count what was earned, show whom wants to be seen, and are off where a public body hosts the programme."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import insert, update

from models.ledger import Txn
from models.ranking import RankingTally
from models.residents import Erasure, Resident
from models.territory import HostKind, Scene, Town
from rules.clock import local_day, local_moment, utc_now
from rules.ledger.reversing import reverse
from rules.ledger.transactions import Cause
from rules.points.ranking_tallies import refresh_rankings
from tests.build import ApiClient, Person, TownBuilder, fresh_key
from tests.edge.helpers import problem_of
from tests.points.hands import give, household
from tests.rulebook.live import organiser, put_in_force, recorded

RULES = """
name = "红星积分"
[expiry]
years = 1
[transfer]
within = "household"
[[tally]]
id = "year"
title = "本年得分"
of = "points"
per = "year"
[[earn]]
id = "care"
event = "care"
title = "志愿服务"
amount = { min = 1, max = 500 }
approval = "staff"
[[ranking]]
id = "star"
title = "年度之星"
measure = "tally.year"
every = "year"
top = 2
least = 20
reward = "奖状"
[[ranking]]
id = "volunteers"
title = "志愿者排名"
measure = "tally.year"
every = "year"
top = 2
where = { person.volunteer = true }
"""


@pytest.fixture
def town(town: TownBuilder) -> TownBuilder:
    """A town that an operator hosts."""
    host(town, HostKind.OPERATOR)
    put_in_force(town, RULES)
    return town


def host(town: TownBuilder, kind: HostKind) -> None:
    town.act(None, lambda work: work.core.execute(update(Town).where(Town.id == town.id).values(host_kind=kind)))


def earn(town: TownBuilder, api: ApiClient, person: Person, amount: int, **more: Any) -> str:
    """Points for service, as staff write them down; returns the event's id."""
    outcome = recorded(organiser(town, api), person, "care", amount=amount, approved_by="staff", **more)
    return str(outcome["event_id"])


def seen(town: TownBuilder, api: ApiClient, *people: Person) -> None:
    for person in people:
        assert api.as_(person).call("PUT", "/me/ranking", {"shown": True}).json == {"shown": True, "is_allowed": True}


def ranking(town: TownBuilder, api: ApiClient, person: Person, **query: Any) -> dict[str, Any]:
    answer = api.as_(person).get("/points/ranking", **query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def places(page: dict[str, Any]) -> list[tuple[int, str, float]]:
    return [(each["place"], each["name"], each["amount"]) for each in page["items"]]


def refresh(town: TownBuilder) -> None:
    refresh_rankings(town.database, town.id)


def test_nobody_is_seen_who_has_not_said_so_and_who_withdraws_is_gone_at_once(
    town: TownBuilder, api: ApiClient
) -> None:
    first, second, hidden = town.resident("王小明"), town.resident("李四"), town.resident("赵六")
    for person, amount in ((first, 30), (second, 50), (hidden, 40)):
        earn(town, api, person, amount)
    refresh(town)
    page = ranking(town, api, hidden)
    assert (page["items"], page["me"]) == ([], {"is_shown": False, "amount": 40, "place": 1})

    seen(town, api, first, second)
    page = ranking(town, api, hidden)
    assert places(page) == [(1, "李*", 50), (2, "王**", 30)]
    assert page["me"] == {"is_shown": False, "amount": 40, "place": 2}
    mine = ranking(town, api, first)
    assert [each["is_me"] for each in mine["items"]] == [False, True]
    assert mine["me"] == {"is_shown": True, "amount": 30, "place": 2}
    assert (page["period"], page["ranking"], page["unit"]) == (f"{local_day(utc_now()):%Y-%m}", "earned", "分")

    assert api.as_(second).call("PUT", "/me/ranking", {"shown": False}).json["shown"] is False
    assert places(ranking(town, api, hidden)) == [(1, "王**", 30)]
    refresh(town)
    assert places(ranking(town, api, hidden)) == [(1, "王**", 30)]


def test_what_is_ranked_was_earned_and_not_given_moved_or_taken_back(town: TownBuilder, api: ApiClient) -> None:
    home = household(town)
    giver, taker, voided = (town.resident(name, household_id=home) for name in ("甲某", "乙某", "丙某"))
    seen(town, api, giver, taker, voided)
    earn(town, api, giver, 30)
    give(town, taker, 400)
    answer = api.as_(giver).post("/me/points/transfers", {"to_resident_id": str(taker.id), "amount": 20})
    assert answer.status_code == 201, answer.text
    event = earn(town, api, voided, 90)
    refresh(town)
    assert places(ranking(town, api, giver)) == [(1, "丙*", 90), (2, "甲*", 30)]

    [(txn_id,)] = town.rows(Txn.id, event_id=int(event))
    town.act(None, lambda work: reverse(work, fresh_key(), txn_id, Cause("test", "记错了", work.now)))
    refresh(town)
    assert places(ranking(town, api, giver)) == [(1, "甲*", 30)]
    assert ranking(town, api, voided)["me"] == {"is_shown": True, "amount": 0, "place": None}


def test_periods_scenes_and_communities_are_ranked_apart_and_equal_numbers_share_a_place(
    town: TownBuilder, api: ApiClient
) -> None:
    today = local_day(utc_now())
    here = [town.resident(f"{name}甲") for name in "赵钱孙"]
    there = town.resident("李甲", community_id=town.other_community_id)
    seen(town, api, *here, there)
    for person, amount in zip((*here, there), (10, 30, 10, 20), strict=True):
        earn(town, api, person, amount)
    refresh(town)
    expected = [(1, "钱*", 30), (2, "李*", 20), (3, "孙*", 10), (3, "赵*", 10)]
    for period in ("month", "quarter", "year"):
        assert places(ranking(town, api, there, period=period)) == expected
    first = ranking(town, api, there, limit=3)
    rest = ranking(town, api, there, limit=3, cursor=first["next_cursor"])
    assert places(first) + places(rest) == expected
    assert rest["next_cursor"] is None

    in_community = ranking(town, api, there, community_id=str(town.community_id))
    assert places(in_community) == [(1, "钱*", 30), (2, "孙*", 10), (2, "赵*", 10)]
    assert in_community["me"]["place"] is None
    assert ranking(town, api, there, scene=Scene.HEALTH.value)["items"] == []
    before = (today.replace(day=1) - timedelta(days=1)).isoformat()
    assert ranking(town, api, there, day=before)["items"] == []


def test_an_award_counts_in_the_month_it_is_for_however_late_it_is_told_or_taken_back(
    town: TownBuilder, api: ApiClient
) -> None:
    person = town.resident("王小明")
    seen(town, api, person)
    earn(town, api, person, 10)
    refresh(town)
    month_ago = local_moment(local_day(utc_now()).replace(day=1) - timedelta(days=1), "12:00")
    event = earn(town, api, person, 7, at=month_ago)
    refresh(town)
    past = {"day": local_day(month_ago).isoformat()}
    assert places(ranking(town, api, person, **past)) == [(1, "王**", 7)]
    assert places(ranking(town, api, person)) == [(1, "王**", 10)]
    [(txn_id,)] = town.rows(Txn.id, event_id=int(event))
    town.act(None, lambda work: reverse(work, fresh_key(), txn_id, Cause("test", "记错了", work.now)))
    refresh(town)
    assert ranking(town, api, person, **past)["items"] == []


def test_children_are_never_seen(town: TownBuilder, api: ApiClient) -> None:
    today = local_day(utc_now())
    child = town.resident("小朋友", born_on=date(today.year - 13, 1, 1))
    teen = town.resident("大朋友", born_on=date(today.year - 14, 1, 1))
    for person in (child, teen):
        earn(town, api, person, 9)
    refused = api.as_(child).call("PUT", "/me/ranking", {"shown": True})
    problem_of(refused, 403, "ranking.child")
    assert api.as_(child).get("/me/ranking").json == {"shown": False, "is_allowed": False}
    seen(town, api, teen)
    refresh(town)
    assert places(ranking(town, api, child)) == [(1, "大**", 9)]


def test_the_rulebooks_own_ranking_has_its_places_and_its_least(town: TownBuilder, api: ApiClient) -> None:
    people = [town.resident(f"{name}甲") for name in "赵钱孙李"]
    seen(town, api, *people)
    for person, amount in zip(people, (50, 30, 40, 10), strict=True):
        earn(town, api, person, amount)
    refresh(town)
    offers = api.as_(people[0]).get("/points/rankings").json["items"]
    assert [(each["id"], each["periods"]) for each in offers] == [
        ("earned", ["month", "quarter", "year"]),
        ("star", ["year"]),
    ]
    page = ranking(town, api, people[3], ranking="star")
    assert (places(page), page["reward"], page["next_cursor"]) == ([(1, "赵*", 50), (2, "孙*", 40)], "奖状", None)
    assert page["me"] == {"is_shown": True, "amount": 10, "place": None}
    problem_of(api.as_(people[0]).get("/points/ranking", ranking="volunteers"), 404, "ranking.unknown")


def test_communities_are_ranked_by_points_a_head_for_everybody(town: TownBuilder, api: ApiClient) -> None:
    here, _idle = town.resident(), town.resident()
    there = town.resident(community_id=town.other_community_id)
    earn(town, api, here, 30)
    earn(town, api, there, 20)
    for kind in (HostKind.OPERATOR, HostKind.GOVERNMENT):
        host(town, kind)
        refresh(town)
        ranked = api.get("/points/ranking/communities", period="year").json["items"]
        assert [(each["place"], each["name"], each["amount"], each["per_resident"]) for each in ranked] == [
            (1, "水电社区", 20, 20),
            (2, "星民社区", 30, 15),
        ]


def test_a_public_host_ranks_no_persons_and_keeps_nothing_of_them(town: TownBuilder, api: ApiClient) -> None:
    person = town.resident()
    seen(town, api, person)
    earn(town, api, person, 30)
    refresh(town)
    assert town.rows(RankingTally.amount)
    host(town, HostKind.GOVERNMENT)
    for answer in (
        api.as_(person).get("/points/ranking"),
        api.as_(person).get("/points/rankings"),
        api.as_(person).get("/me/ranking"),
        api.as_(person).call("PUT", "/me/ranking", {"shown": True}),
    ):
        problem_of(answer, 403, "host.government")
    refresh(town)
    assert town.rows(RankingTally.amount) == []


def move(town: TownBuilder, person: Person, community_id: int) -> None:
    moving = update(Resident).where(Resident.town_id == town.id, Resident.id == person.id)
    town.act(None, lambda work: work.core.execute(moving.values(territory_id=community_id, versioned_at=work.now)))


def test_what_who_moves_earned_counts_for_one_community_alone(town: TownBuilder, api: ApiClient) -> None:
    person, _idle = town.resident(), town.resident()
    earn(town, api, person, 30)
    refresh(town)
    move(town, person, town.other_community_id)
    with time_machine.travel(utc_now() + timedelta(days=1), tick=False):
        refresh(town)
        day = local_day(utc_now()).isoformat()
        ranked = api.get("/points/ranking/communities", period="year", day=day).json["items"]
        found = [(each["name"], each["amount"], each["residents"]) for each in ranked]
        assert found == [("水电社区", 30, 1), ("星民社区", 0, 1)]
        of_scene = api.get("/points/ranking/communities", period="year", scene=Scene.HEALTH.value).json["items"]
        assert [(each["amount"], each["residents"]) for each in of_scene] == [(0, 1), (0, 1)]


def test_a_month_begins_at_the_communitys_midnight(town: TownBuilder, api: ApiClient) -> None:
    person = town.resident("王小明")
    seen(town, api, person)
    midnight = local_moment(local_day(utc_now()).replace(day=1), "00:00")
    earn(town, api, person, 3, at=midnight - timedelta(microseconds=1))
    earn(town, api, person, 5, at=midnight)
    refresh(town)
    amounts = {row.period: row.amount for row in town.rows(RankingTally.period, RankingTally.amount, ranking="earned")}
    this, last = f"{local_day(midnight):%Y-%m}", f"{local_day(midnight) - timedelta(days=1):%Y-%m}"
    assert (amounts[this], amounts[last]) == (5, 3)


def test_what_is_told_after_the_year_is_over_counts_in_its_ranking_and_in_no_other(
    town: TownBuilder, api: ApiClient
) -> None:
    person, year = town.resident("王小明"), local_day(utc_now()).year
    earn(town, api, person, 30)
    refresh(town)
    with time_machine.travel(local_moment(date(year + 1, 1, 1), "00:30"), tick=False):
        earn(town, api, person, 5, at=local_moment(date(year, 12, 31), "23:59"))
        refresh(town)
    rows = town.rows(RankingTally.period, RankingTally.amount, ranking="star")
    assert {row.period: row.amount for row in rows} == {str(year): 35}


def test_a_choice_that_the_job_crossed_is_seen_at_its_next_run(town: TownBuilder, api: ApiClient) -> None:
    person, other = town.resident("王小明"), town.resident("李四")
    for each in (person, other):
        earn(town, api, each, 30)
    refresh(town)
    seen(town, api, person)
    crossed = update(RankingTally).where(RankingTally.town_id == town.id).values(is_shown=False)
    town.act(None, lambda work: work.core.execute(crossed))
    # What was earned and chosen longer ago than the overlap isn't looked at anew.
    with time_machine.travel(utc_now() + timedelta(seconds=1), tick=False):
        refresh(town)
    shown = {(row.resident_id, row.is_shown) for row in town.rows(RankingTally.resident_id, RankingTally.is_shown)}
    assert shown == {(person.id, True), (other.id, False)}


def test_who_is_erased_is_kept_in_no_ranking_again(town: TownBuilder, api: ApiClient) -> None:
    gone, stays = town.resident(), town.resident()
    for person in (gone, stays):
        earn(town, api, person, 30)
    asked = {"resident_id": gone.id, "asked_at": utc_now(), "due_at": utc_now(), "begun_at": utc_now()}
    town.act(
        None,
        lambda work: work.core.execute(
            insert(Erasure).values(town_id=town.id, id=work.new_id(), points_forfeited=0, **asked)
        ),
    )
    refresh(town)
    assert {row.resident_id for row in town.rows(RankingTally.resident_id)} == {stays.id}


def test_who_moves_is_ranked_where_they_live_from_the_next_day_on(town: TownBuilder, api: ApiClient) -> None:
    person = town.resident("王小明")
    seen(town, api, person)
    earn(town, api, person, 30)
    refresh(town)
    move(town, person, town.other_community_id)
    with time_machine.travel(utc_now() + timedelta(days=1), tick=False):
        refresh(town)
    page = ranking(
        town,
        api,
        person,
        community_id=str(town.other_community_id),
        period="year",
        day=local_day(utc_now()).isoformat(),
    )
    assert places(page) == [(1, "王**", 30)]
