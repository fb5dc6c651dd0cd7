"""Appeals: who didn't come may say why, staff of the place decide once, and an appeal that is upheld undoes it all."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import bindparam, update

from blueprints.edge.house import House
from models.jobs import Outbox
from models.ledger import Hold
from models.reservations import Appeal, AppealStatus, CancelledBy
from models.reservations import ReservationStatus as Status
from models.residents import Proxy, ProxyKind, Role
from models.rulebook import StandingSuspension
from rules.errors import RuleError
from rules.reservations import appeals
from rules.reservations.appeals import DAYS_MAX, decide_appeal, make_appeal
from rules.reservations.attending import revive_no_show
from rules.reservations.closing import mark_no_show
from rules.work import Work
from tests.build import ApiClient, Person, TownBuilder, add, fresh_key, new_town
from tests.edge.helpers import NOBODY, problem_of
from tests.ledger.keeping import audit
from tests.points.hands import effects, give
from tests.races import from_threads
from tests.reservations.story import Story
from tests.rulebook.live import counts, put_in_force

RULES = """
name = "爽约规则"
[expiry]
years = 1
[[deduct]]
id = "no-show"
title = "预约未到"
event = "no_show"
amount = 5
[[penalty]]
id = "no-show"
title = "预约未到"
events = ["no_show"]
per = "90 days"
[[penalty.step]]
at = 1
suspends = { days = 7 }
"""
AT_ONCE = 12


@pytest.fixture
def story(town: TownBuilder) -> Story:
    """A session with places for all, and rules against no-shows."""
    put_in_force(town, RULES)
    return Story.of(town, capacity=20)


def missed(story: Story, town: TownBuilder, points: int = 20, **columns: Any) -> Person:
    """A resident with points who had a place and didn't come."""
    person = town.resident(**columns)
    if points:
        give(town, person, points)
    before = story.now
    story.reserve(person)
    story.now = story.ends
    assert story.act(None, mark_no_show, story.held[person.id]) is True
    story.now = before
    return person


class Later:
    """The API, some time after the session's end."""

    def __init__(self, story: Story, api: ApiClient, after: timedelta = timedelta(hours=1)) -> None:
        self.story, self.api, self.at = story, api, story.ends + after

    def call(self, who: Person, method: str, path: str, body: Any = None, **query: Any) -> Any:
        with time_machine.travel(self.at, tick=False):
            options = {"query_string": query} if query else {}
            key = fresh_key() if method == "POST" else None
            return self.api.as_(who).call(method, path, body, key=key, **options)

    def appeal(self, who: Person, of: Person | None = None, reason: str = "我到场了，手机没电") -> Any:
        reservation_id = self.story.held[(of or who).id]
        return self.call(who, "POST", f"/reservations/{reservation_id}/appeal", {"reason": reason})

    def decide(self, who: Person, appeal_id: str, uphold: bool, note: str = "签到员确认到场") -> Any:
        return self.call(who, "POST", f"/appeals/{appeal_id}/decision", {"uphold": uphold, "note": note})


# Making one


def test_who_missed_a_session_says_why_and_sees_it(story: Story, town: TownBuilder, api: ApiClient) -> None:
    person, later = missed(story, town), Later(story, api)
    answer = later.appeal(person)
    assert answer.status_code == 201, answer.text
    made = answer.json
    assert {key: made[key] for key in ("reservation_id", "session_id", "reason", "status", "decision_note")} == {
        "reservation_id": str(story.held[person.id]),
        "session_id": str(story.session),
        "reason": "我到场了，手机没电",
        "status": "pending",
        "decision_note": None,
    }
    assert "name" not in made
    assert later.call(person, "GET", "/me/appeals").json == {"items": [made], "next_cursor": None}
    assert story.status(person) is Status.NO_SHOW, "an appeal alone changes nothing"


def test_an_appeal_is_made_once(story: Story, town: TownBuilder, api: ApiClient) -> None:
    person, later = missed(story, town), Later(story, api)
    first = later.appeal(person)
    before = effects(town)
    problem_of(later.appeal(person, reason="再说一次"), 409, "appeal.made_already")
    assert effects(town) == before
    later.decide(town.staff(Role.ORGANISER), first.json["id"], uphold=False)
    problem_of(later.appeal(person), 409, "appeal.made_already")


@pytest.mark.parametrize(
    ("after", "status"), [(timedelta(days=DAYS_MAX), 201), (timedelta(days=DAYS_MAX, seconds=1), 409)]
)
def test_an_appeal_has_its_time(story: Story, town: TownBuilder, api: ApiClient, after: timedelta, status: int) -> None:
    person = missed(story, town)
    answer = Later(story, api, after).appeal(person)
    assert answer.status_code == status
    if status != 201:
        problem_of(answer, 409, "appeal.too_late")
        assert town.rows(Appeal.id) == []


def test_only_a_no_show_is_appealed_against(story: Story, town: TownBuilder, api: ApiClient) -> None:
    comes, cancelled = town.resident(), town.resident()
    story.reserve(comes)
    story.reserve(cancelled)
    story.cancel(cancelled)
    later = Later(story, api)
    for person in (comes, cancelled):
        problem_of(later.appeal(person), 409, "appeal.not_a_no_show")
    assert town.rows(Appeal.id) == []


def test_nobody_appeals_for_somebody_else(
    story: Story, town: TownBuilder, api: ApiClient, house: House, app: Flask
) -> None:
    person, later, elsewhere = missed(story, town), Later(story, api), new_town(house)
    beside = town.staff(Role.ORGANISER, at=town.other_community_id)
    strangers = [(later, each) for each in (town.resident(), beside, town.staff(Role.SCANNER, Role.AUDITOR))]
    strangers.append((Later(story, ApiClient(app, elsewhere)), elsewhere.staff(Role.ADMIN)))
    before = effects(town)
    for their, stranger in strangers:
        problem_of(their.appeal(stranger, person), 404, "reservation.unknown")
    nothing = later.call(person, "POST", f"/reservations/{NOBODY}/appeal", {"reason": "x"})
    problem_of(nothing, 404, "reservation.unknown")
    assert effects(town) == before


def test_who_acts_for_somebody_appeals_for_them_and_sees_what_came_of_it(
    story: Story, town: TownBuilder, api: ApiClient
) -> None:
    elder, daughter, later = missed(story, town), town.resident(), Later(story, api)
    consent = {
        "kind": ProxyKind.HELPER,
        "consent_note": "本人同意",
        "recorded_by_kind": "resident",
        "recorded_by_id": elder.id,
    }
    town.act(
        None,
        lambda work: add(
            work, Proxy, principal_id=elder.id, agent_id=daughter.id, recorded_at=work.now, revoked_at=None, **consent
        ),
    )
    assert later.appeal(daughter, elder).status_code == 201
    [seen] = later.call(daughter, "GET", "/me/appeals", resident_id=str(elder.id)).json["items"]
    assert seen["reservation_id"] == str(story.held[elder.id])
    assert later.call(daughter, "GET", "/me/appeals").json["items"] == []


def test_staff_of_the_place_appeal_for_who_stands_at_the_desk(story: Story, town: TownBuilder, api: ApiClient) -> None:
    person, later = missed(story, town), Later(story, api)
    assert later.appeal(town.staff(Role.MANAGER, at=town.community_id), person).status_code == 201
    assert len(later.call(person, "GET", "/me/appeals").json["items"]) == 1


@pytest.mark.parametrize("reason", ["", "   ", None, "x" * 501, 5, "a\x00b", ["x"]])
def test_a_reason_is_words(story: Story, town: TownBuilder, api: ApiClient, reason: Any) -> None:
    person, later = missed(story, town), Later(story, api)
    document = problem_of(later.appeal(person, reason=reason), 422, "request.invalid")
    assert list(document["errors"]) == ["reason"]
    assert town.rows(Appeal.id) == []


# Hearing


def test_staff_hear_the_appeals_of_their_places_page_by_page(story: Story, town: TownBuilder, api: ApiClient) -> None:
    people, later = [missed(story, town) for _ in range(5)], Later(story, api)
    made = [later.appeal(person).json["id"] for person in people]
    here, beside = (town.staff(Role.ORGANISER, at=place) for place in (town.community_id, town.other_community_id))
    page = later.call(here, "GET", "/appeals", status="pending", limit=3).json
    rest = later.call(here, "GET", "/appeals", status="pending", limit=3, cursor=page["next_cursor"]).json
    assert [each["id"] for each in page["items"] + rest["items"]] == made
    assert rest["next_cursor"] is None
    assert {each["name"] for each in page["items"]} == {"王**"}
    for nobody in (beside, people[0], town.staff(Role.SCANNER)):
        assert later.call(nobody, "GET", "/appeals").json["items"] == []
    assert len(later.call(town.staff(Role.MANAGER), "GET", "/appeals").json["items"]) == 5
    later.decide(here, made[0], uphold=False)
    heard = {
        status: [each["id"] for each in later.call(here, "GET", "/appeals", status=status).json["items"]]
        for status in ("pending", "dismissed", "upheld")
    }
    assert heard == {"pending": made[1:], "dismissed": made[:1], "upheld": []}
    problem_of(later.call(here, "GET", "/appeals", status="lost"), 422, "request.invalid")


def test_residents_see_their_own_appeals_and_no_name(story: Story, town: TownBuilder, api: ApiClient) -> None:
    one, two, later = missed(story, town), missed(story, town), Later(story, api)
    for person in (one, two):
        later.appeal(person)
    [mine] = later.call(one, "GET", "/me/appeals").json["items"]
    assert mine["reservation_id"] == str(story.held[one.id])
    problem_of(later.call(one, "GET", "/me/appeals", resident_id=str(two.id)), 403, "proxy.none")


# Deciding


def test_an_appeal_that_is_upheld_undoes_all_of_it(story: Story, town: TownBuilder, api: ApiClient) -> None:
    person, later = missed(story, town), Later(story, api)
    made = later.appeal(person).json
    assert api.as_(person).get("/me/points").json["balance"] == 15
    assert len(town.rows(StandingSuspension.until)) == 1
    judge = town.staff(Role.ORGANISER, at=town.community_id)
    decided = later.decide(judge, made["id"], uphold=True)
    assert decided.status_code == 200, decided.text
    assert (decided.json["status"], decided.json["decision_note"]) == ("upheld", "签到员确认到场")
    assert api.as_(person).get("/me/points").json["balance"] == 20
    assert api.as_(person).get("/me/points/statement").json["items"][0]["explanation"] == "申诉成立：签到员确认到场"
    assert town.rows(StandingSuspension.until) == []
    assert [n for name, n in counts(town, person).items() if name[0] == "penalty:no-show"] == [0]
    row = story.reservation(person)
    assert (row.status, row.no_show_at, row.cancelled_by) == (Status.CANCELLED, None, CancelledBy.STAFF)
    assert row.cancelled_at == later.at
    [(appeal,)] = town.rows(Appeal)
    assert (appeal.status, appeal.decided_by, appeal.decided_at) == (AppealStatus.UPHELD, judge.id, later.at)
    [told] = town.rows(Outbox.key, Outbox.payload, topic="appeal.decided")
    assert told.key == made["id"]
    assert told.payload == {"resident_id": str(person.id), "appeal_id": made["id"], "status": "upheld"}
    assert story.counters() == story.added_up() == (0, 0)
    audit(town)


def test_an_appeal_that_is_dismissed_changes_nothing_but_itself(
    story: Story, town: TownBuilder, api: ApiClient
) -> None:
    person, later = missed(story, town), Later(story, api)
    made = later.appeal(person).json
    judge = town.staff(Role.MANAGER)
    before = effects(town)
    assert later.decide(judge, made["id"], uphold=False, note="无人见到").status_code == 200
    after = effects(town)
    assert {name for name in before if before[name] != after[name]} == {"appeal", "outbox"}
    [mine] = later.call(person, "GET", "/me/appeals").json["items"]
    assert (mine["status"], mine["decision_note"]) == ("dismissed", "无人见到")


def test_points_that_were_held_for_the_place_are_given_back(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, RULES)
    story = Story.of(town, price=4, capacity=5)
    person = missed(story, town)
    later = Later(story, api)
    made = later.appeal(person).json
    assert api.as_(person).get("/me/points").json["balance"] == 20 - 4 - 5
    later.decide(town.staff(Role.ORGANISER), made["id"], uphold=True)
    assert api.as_(person).get("/me/points").json["balance"] == 20
    [(amount, released)] = town.rows(Hold.amount, Hold.released)
    assert amount == released == 4
    audit(town)


def test_without_rules_against_no_shows_the_reservation_is_excused_all_the_same(
    town: TownBuilder, api: ApiClient
) -> None:
    story = Story.of(town)
    person, later = missed(story, town), Later(story, api)
    made = later.appeal(person).json
    assert later.decide(town.staff(Role.ORGANISER), made["id"], uphold=True).status_code == 200
    assert story.status(person) is Status.CANCELLED


def test_an_appeal_is_decided_once(story: Story, town: TownBuilder, api: ApiClient) -> None:
    person, later = missed(story, town), Later(story, api)
    made, judge = later.appeal(person).json, town.staff(Role.ORGANISER)
    assert later.decide(judge, made["id"], uphold=False).status_code == 200
    before = effects(town)
    for uphold in (True, False):
        problem_of(later.decide(judge, made["id"], uphold=uphold), 409, "appeal.decided")
    assert effects(town) == before
    assert story.status(person) is Status.NO_SHOW


def test_who_does_not_hear_appeals_there_decides_none(
    story: Story, town: TownBuilder, api: ApiClient, house: House, app: Flask
) -> None:
    person, later = missed(story, town), Later(story, api)
    made = later.appeal(person).json
    beside = town.staff(Role.MANAGER, Role.ORGANISER, at=town.other_community_id)
    elsewhere = new_town(house)
    callers = [(later, each) for each in (person, town.resident(), beside, town.staff(Role.AUDITOR, Role.SCANNER))]
    callers.append((Later(story, ApiClient(app, elsewhere)), elsewhere.staff(Role.ADMIN)))
    before = effects(town)
    for their, who in callers:
        problem_of(their.decide(who, made["id"], uphold=True), 404, "appeal.unknown")
    assert effects(town) == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"uphold": True},
        {"note": "好"},
        {"uphold": "yes", "note": "好"},
        {"uphold": None, "note": "好"},
        {"uphold": True, "note": ""},
        {"uphold": True, "note": "好", "more": 1},
    ],
)
def test_a_decision_is_a_yes_or_a_no_with_a_reason(story: Story, town: TownBuilder, api: ApiClient, body: Any) -> None:
    person, later = missed(story, town), Later(story, api)
    made = later.appeal(person).json
    answer = later.call(town.staff(Role.ORGANISER), "POST", f"/appeals/{made['id']}/decision", body)
    problem_of(answer, 422, "request.invalid")
    assert town.rows(Appeal.status) == [(AppealStatus.PENDING,)]


def test_a_no_show_that_an_upload_disproved_before_is_left_as_it_is(
    story: Story, town: TownBuilder, api: ApiClient
) -> None:
    person, later = missed(story, town), Later(story, api)
    made = later.appeal(person).json
    assert story.act(None, revive_no_show, story.held[person.id]) is True
    assert later.decide(town.staff(Role.ORGANISER), made["id"], uphold=True).json["status"] == "upheld"
    assert story.status(person) is Status.CONFIRMED
    assert story.counters() == story.added_up() == (1, 0)
    assert api.as_(person).get("/me/points").json["balance"] == 20
    audit(town)


def test_the_second_no_show_of_one_reservation_is_undone_as_the_first_would_be(
    story: Story, town: TownBuilder, api: ApiClient
) -> None:
    """An upload proved the first one wrong, and was undone itself."""
    person, later = missed(story, town), Later(story, api)
    reservation_id = story.held[person.id]
    story.now = story.ends
    assert story.act(None, revive_no_show, reservation_id) is True
    assert story.act(None, mark_no_show, reservation_id) is True
    assert api.as_(person).get("/me/points").json["balance"] == 15
    made = later.appeal(person).json
    later.decide(town.staff(Role.ORGANISER), made["id"], uphold=True)
    assert api.as_(person).get("/me/points").json["balance"] == 20
    assert town.rows(StandingSuspension.until) == []
    audit(town)


# At the same moment


def decide_in(story: Story, town: TownBuilder, judge: Person, appeal_id: int, uphold: bool) -> str:
    def deed(work: Work) -> Any:
        now = story.ends + timedelta(hours=1)
        return decide_appeal(replace(work, now=now), appeal_id, uphold, "好").status.value

    try:
        return str(town.act(judge, deed))
    except RuleError as refusal:
        return refusal.code


def appeal_of(story: Story, town: TownBuilder, person: Person) -> int:
    now = story.ends + timedelta(hours=1)
    return int(town.act(person, lambda work: make_appeal(replace(work, now=now), story.held[person.id], "到了").id))


def test_of_many_decisions_at_once_one_stands(story: Story, town: TownBuilder, api: ApiClient) -> None:
    person, judges = missed(story, town), [town.staff(Role.ORGANISER) for _ in range(2)]
    appeal_id = appeal_of(story, town, person)
    jobs = [(story, town, judges[n % 2], appeal_id, n % 2 == 0) for n in range(AT_ONCE)]
    answers = Counter(from_threads(decide_in, jobs, AT_ONCE))
    assert answers["appeal.decided"] == AT_ONCE - 1
    upheld = answers["upheld"] == 1
    assert story.status(person) is (Status.CANCELLED if upheld else Status.NO_SHOW)
    assert len(town.rows(Outbox.id, topic="appeal.decided")) == 1
    assert api.as_(person).get("/me/points").json["balance"] == (20 if upheld else 15)
    audit(town)


def test_with_a_look_in_place_of_the_guard_several_decide(
    story: Story, town: TownBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control arm: who has found the appeal pending decides it, whatever has happened since."""
    person, judge = missed(story, town), town.staff(Role.ORGANISER)
    appeal_id = appeal_of(story, town, person)
    said = {"status": "decision", "decided_by": "actor", "decided_at": "now", "decision_note": "note"}
    unguarded = (
        update(Appeal)
        .where(Appeal.town_id == bindparam("town"), Appeal.id == bindparam("appeal"))
        .values({column: bindparam(name) for column, name in said.items()})
        .returning(Appeal.id)
        .execution_options(synchronize_session=False)
    )
    monkeypatch.setattr(appeals, "_decide", unguarded)
    jobs = [(story, town, judge, appeal_id, n % 2 == 0) for n in range(6)]
    answers = Counter(from_threads(decide_in, jobs, 6))
    assert answers == {"upheld": 3, "dismissed": 3}


def test_of_many_appeals_at_once_one_is_made(story: Story, town: TownBuilder) -> None:
    person = missed(story, town)

    def make() -> str:
        try:
            return "made" if appeal_of(story, town, person) else ""
        except RuleError as refusal:
            return refusal.code

    answers = Counter(from_threads(make, [()] * AT_ONCE, AT_ONCE))
    assert answers == {"made": 1, "appeal.made_already": AT_ONCE - 1}


def test_an_appeal_that_is_upheld_beside_an_upload_that_proves_the_same_undoes_it_once(
    story: Story, town: TownBuilder, api: ApiClient
) -> None:
    judge = town.staff(Role.ORGANISER)
    for _ in range(6):
        person = missed(story, town)
        appeal_id = appeal_of(story, town, person)

        def revive(reservation_id: int = story.held[person.id]) -> str:
            return str(story.act(None, revive_no_show, reservation_id))

        jobs = [(decide_in, story, town, judge, appeal_id, True), (revive,)]
        decided, _ = from_threads(lambda deed, *job: deed(*job), jobs, 2)
        assert decided == "upheld"
        assert story.status(person) in (Status.CANCELLED, Status.CONFIRMED)
        assert api.as_(person).get("/me/points").json["balance"] == 20
        assert town.rows(StandingSuspension.until, resident_id=person.id) == []
        assert story.counters() == story.added_up()
    audit(town)
