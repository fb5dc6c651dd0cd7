"""Places that are given out at one moment: by lot, by priority."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest

from models.activities import Allocation, Session
from models.reservations import Reservation
from models.reservations import ReservationStatus as Status
from rules.reservations import draw
from rules.reservations.refusals import SessionClosed
from rules.reservations.reserving import Wish, reserve_place
from rules.rulebook.versions import publish
from tests.build import ApiClient, TownBuilder
from tests.reservations.story import Story
from tests.reservations.test_paying import balance, rich

VOLUNTEERS_FIRST = """
name = "志愿者优先"
[expiry]
years = 1
[[booking]]
id = "sessions"
title = "活动"
where = { place = "session" }
priority = [
  { title = "志愿者优先", where = { person.volunteer = true } },
  { title = "本社区居民优先", where = { local = true } },
]
"""


def test_until_the_draw_nobody_has_a_place(town: TownBuilder) -> None:
    story = Story.of_draw(town, capacity=2)
    assert [story.reserve(town.resident()) for _ in range(3)] == [Status.APPLIED] * 3
    assert story.counters() == story.added_up() == (0, 0)
    assert story.allocate() == 0  # it isn't time yet
    assert story.counters() == (0, 0)


def test_a_draw_gives_all_places_and_the_others_wait_in_its_order(town: TownBuilder) -> None:
    story, people = Story.of_draw(town, capacity=2), [town.resident() for _ in range(5)]
    for person in people:
        story.reserve(person)
    story.pass_time(days=1)
    assert story.allocate() == 2
    assert story.counters() == story.added_up() == (2, 3)
    statuses = [story.status(person) for person in people]
    assert (statuses.count(Status.CONFIRMED), statuses.count(Status.WAITLISTED)) == (2, 3)
    ranks = [row.rank for row in town.rows(Reservation.rank, status=Status.WAITLISTED)]
    assert sorted(ranks) == [1, 2, 3]


def test_a_draw_is_held_once(town: TownBuilder) -> None:
    story = Story.of_draw(town, capacity=1)
    for _ in range(3):
        story.reserve(town.resident())
    story.pass_time(days=1)
    story.allocate()
    before = town.contents()
    assert story.allocate() == 0
    assert town.contents() == before


def test_who_loses_is_promoted_in_the_order_of_the_draw_before_any_newcomer(town: TownBuilder) -> None:
    story, people = Story.of_draw(town, capacity=1), [town.resident() for _ in range(3)]
    for person in people:
        story.reserve(person)
    story.pass_time(days=1)
    story.allocate()
    newcomer = town.resident()
    assert story.reserve(newcomer) is Status.WAITLISTED
    [winner] = [person for person in people if story.status(person) is Status.CONFIRMED]
    losers = [person for person in people if person is not winner]
    second = min(losers, key=lambda person: story.reservation(person).rank)
    story.cancel(winner)
    assert story.status(second) is Status.CONFIRMED
    assert story.status(newcomer) is Status.WAITLISTED


def test_an_application_can_be_withdrawn_and_is_not_drawn(town: TownBuilder) -> None:
    story, stays, leaves = Story.of_draw(town, capacity=1), town.resident(), town.resident()
    story.reserve(stays)
    story.reserve(leaves)
    story.cancel(leaves)
    story.pass_time(days=1)
    story.allocate()
    assert [story.status(stays), story.status(leaves)] == [Status.CONFIRMED, Status.CANCELLED]


def test_after_the_moment_of_the_draw_nobody_applies_before_it_is_held(town: TownBuilder) -> None:
    story = Story.of_draw(town)
    story.pass_time(days=1)
    assert story.refusal(town.resident(), reserve_place, story.session, Wish()) == SessionClosed.code


def test_what_a_draw_leaves_is_first_come(town: TownBuilder) -> None:
    story = Story.of_draw(town, capacity=2)
    story.reserve(town.resident())
    story.pass_time(days=1)
    story.allocate()
    assert story.reserve(town.resident()) is Status.CONFIRMED


def test_before_the_draw_only_the_commitment_is_public_and_after_it_anybody_can_replay_it(
    town: TownBuilder, api: ApiClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story, people = Story.of_draw(town, capacity=3), [town.resident() for _ in range(6)]
    for person in people:
        story.reserve(person, 2)
    before = api.get(f"/sessions/{story.session}/draw").json
    assert before["published"] is None
    story.pass_time(days=1)
    story.allocate()
    after = api.get(f"/sessions/{story.session}/draw").json
    assert after["commitment"] == before["commitment"]
    assert hashlib.sha256(bytes.fromhex(after["published"]["seed"])).hexdigest() == before["commitment"]
    document = tmp_path / "published.json"
    document.write_text(json.dumps(after["published"]))
    assert draw.main([str(document), before["commitment"]]) == 0
    winners = {int(ticket) for ticket in after["published"]["winners"]}
    assert winners == {row.id for row in town.rows(Reservation.id, status=Status.CONFIRMED)}
    assert [int(ticket) for ticket in after["published"]["waiting"]] == [
        row.id
        for row in sorted(town.rows(Reservation.id, Reservation.rank, status=Status.WAITLISTED), key=lambda r: r.rank)
    ]
    capsys.readouterr()


def test_a_published_draw_names_nobody(town: TownBuilder, api: ApiClient) -> None:
    story = Story.of_draw(town)
    person = town.resident("欧阳小明")
    story.reserve(person)
    story.pass_time(days=1)
    story.allocate()
    text = api.get(f"/sessions/{story.session}/draw").get_data(as_text=True)
    assert "欧阳" not in text
    assert str(person.id) not in text


def test_a_session_without_a_draw_has_none(town: TownBuilder, api: ApiClient) -> None:
    answer = api.get(f"/sessions/{town.session()}/draw")
    assert (answer.status_code, answer.json["code"]) == (404, "draw.none")


def test_by_priority_volunteers_come_first_then_neighbours_then_by_time(town: TownBuilder) -> None:
    story = Story.of_draw(town, Allocation.PRIORITY, capacity=3)
    town.act(None, lambda work: publish(work, VOLUNTEERS_FIRST, work.now - timedelta(minutes=1)))
    elsewhere = {"community_id": town.other_community_id}
    far_first, far_second = town.resident(**elsewhere), town.resident(**elsewhere)
    neighbour, volunteer = town.resident(), town.resident(volunteer=True, **elsewhere)
    for person in (far_first, far_second, neighbour, volunteer):
        story.reserve(person)
    assert [story.reservation(person).priority for person in (far_first, neighbour, volunteer)] == [2, 1, 0]
    story.pass_time(days=1)
    story.allocate()
    assert [story.status(person) for person in (volunteer, neighbour, far_first, far_second)] == [
        Status.CONFIRMED,
        Status.CONFIRMED,
        Status.CONFIRMED,
        Status.WAITLISTED,
    ]


def test_what_is_due_is_given_out_by_the_job(town: TownBuilder) -> None:
    story = Story.of_draw(town, capacity=1)
    story.reserve(town.resident())
    [row] = town.rows(Session.allocates_at, id=story.session)
    assert row.allocates_at is not None
    story.pass_time(days=1)
    assert story.allocate() == 1
    [row] = town.rows(Session.allocates_at, id=story.session)
    assert row.allocates_at is None


PAID_PRIORITY = """
name = "积分优先"
[expiry]
years = 1
[[booking]]
id = "sessions"
title = "活动"
where = { place = "session" }
priority = [{ title = "积分优先", points = 20 }]
"""


def test_points_buy_priority_for_who_wants_that_and_are_taken_with_the_place(town: TownBuilder) -> None:
    story = Story.of_draw(town, Allocation.PRIORITY, capacity=1)
    town.act(None, lambda work: publish(work, PAID_PRIORITY, work.now - timedelta(minutes=1)))
    first, buyer = rich(town), rich(town)
    story.reserve(first)
    story.reserve(buyer, buys_priority=True)
    assert [balance(town, each) for each in (first, buyer)] == [100, 100]
    story.pass_time(days=1)
    story.allocate()
    assert [story.status(each) for each in (first, buyer)] == [Status.WAITLISTED, Status.OFFERED]
    story.confirm(buyer)
    assert [balance(town, each) for each in (first, buyer)] == [100, 80]


def test_where_places_are_first_come_nobody_pays_for_priority(town: TownBuilder) -> None:
    town.act(None, lambda work: publish(work, PAID_PRIORITY, work.now - timedelta(minutes=1)))
    story, person = Story.of(town), rich(town)
    assert story.reserve(person, buys_priority=True) is Status.CONFIRMED
    assert balance(town, person) == 100
