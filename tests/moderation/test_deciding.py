"""Reports hide, staff decide once, authors and reporters are told, and everything is on record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select, update

from jobs.schedule import JOBS_BY_NAME, Errand, Means
from models.jobs import Outbox
from models.moderation import (
    Content,
    ContentDecision,
    ContentReport,
    ContentState,
    DecisionSource,
    ReportOutcome,
    ReportReason,
)
from models.residents import Role
from rules.clock import utc_now
from rules.errors import RuleError
from rules.moderation import deciding
from rules.moderation.deciding import decide
from rules.moderation.refusals import AlreadyReported, ContentDecided
from rules.moderation.reporting import report
from rules.moderation.terms import read_terms
from rules.work import Work
from tests.build import ApiClient, Person, TownBuilder
from tests.edge.helpers import problem_of
from tests.moderation.hands import messages, path_of, shown, state_of, write
from tests.races import from_threads

AT_ONCE = 20


@pytest.fixture
def staff(town: TownBuilder) -> Person:
    return town.staff(Role.MANAGER, at=town.community_id)


def reported_by(town: TownBuilder, content_id: int, *people: Person) -> None:
    for person in people:
        town.act(person, report, content_id, ReportReason.SPAM, "广告")


def neighbours(town: TownBuilder, count: int) -> list[Person]:
    return [town.resident() for _ in range(count)]


def column(town: TownBuilder, content_id: int, name: str) -> Any:
    [(value,)] = town.rows(getattr(Content, name), id=content_id)
    return value


def test_three_residents_who_report_hide_it_and_a_decision_answers_them_all(
    town: TownBuilder, api: ApiClient, staff: Person
) -> None:
    author, reporters = town.resident("王小明"), neighbours(town, 3)
    content_id = shown(town, author)
    reported_by(town, content_id, *reporters[:2])
    assert state_of(town, content_id) is ContentState.PASSED
    with pytest.raises(AlreadyReported):
        reported_by(town, content_id, reporters[0])
    assert column(town, content_id, "open_reports") == 2
    reported_by(town, content_id, reporters[2])
    assert state_of(town, content_id) is ContentState.REVIEW

    desk = api.as_(staff)
    [waiting] = desk.get("/moderation/contents").json["items"]
    assert (waiting["id"], waiting["author"], waiting["open_reports"]) == (str(content_id), "王**", 3)
    history = desk.get(f"/moderation/contents/{content_id}").json
    assert [each["words"] for each in history["reports"]] == ["广告"] * 3
    assert not {str(reporter.id) for reporter in reporters} & set(str(history).split("'"))

    decided = desk.post(f"/moderation/contents/{content_id}/decision", {"passes": False, "reason": "广告"})
    assert decided.status_code == 200, decided.text
    problem_of(
        desk.post(f"/moderation/contents/{content_id}/decision", {"passes": True, "reason": "再看"}),
        409,
        "content.decided",
    )
    assert state_of(town, content_id) is ContentState.REFUSED
    told = messages(town, "report.decided")
    assert {(each["resident_id"], each["outcome"]) for each in told} == {(str(each.id), "upheld") for each in reporters}
    [refusal] = messages(town, "content.refused")
    assert (refusal["resident_id"], refusal["reason"]) == (str(author.id), "广告")
    assert not any(str(reporter.id) in str(refusal) for reporter in reporters)
    sources = [
        row.source for row in sorted(town.rows(ContentDecision.id, ContentDecision.source, content_id=content_id))
    ]
    assert sources == [DecisionSource.WECHAT, DecisionSource.REPORTS, DecisionSource.STAFF]
    problem_of(
        api.as_(town.resident()).post(f"/contents/{content_id}/reports", {"reason": "spam"}), 404, "content.unknown"
    )


def test_a_report_that_comes_to_nothing_brings_it_back_and_cant_be_made_again(
    town: TownBuilder, api: ApiClient, staff: Person
) -> None:
    author, reporters = town.resident(), neighbours(town, 3)
    content_id = shown(town, author)
    reported_by(town, content_id, *reporters)
    town.act(staff, decide, content_id, True, "没有问题")
    assert state_of(town, content_id) is ContentState.PASSED
    assert (column(town, content_id, "open_reports"), column(town, content_id, "due_at")) == (0, None)
    assert messages(town, "content.refused") == []
    assert Counter(row.outcome for row in town.rows(ContentReport.outcome)) == {ReportOutcome.DISMISSED: 3}
    again = api.as_(reporters[0]).post(f"/contents/{content_id}/reports", {"reason": "spam"})
    problem_of(again, 409, "content.reported_already")
    problem_of(api.as_(author).post(f"/contents/{content_id}/reports", {"reason": "spam"}), 409, "content.own")
    [mine] = api.as_(reporters[0]).get("/me/reports").json["items"]
    assert (mine["content_id"], mine["outcome"]) == (str(content_id), "dismissed")


def test_one_report_waits_for_staff_though_it_hides_nothing(town: TownBuilder, api: ApiClient, staff: Person) -> None:
    content_id = shown(town, town.resident())
    reported_by(town, content_id, town.resident())
    [waiting] = api.as_(staff).get("/moderation/contents").json["items"]
    assert (waiting["state"], waiting["is_overdue"]) == ("passed", False)
    with time_machine.travel(utc_now() + timedelta(hours=25), tick=False):
        [waiting] = api.as_(staff).get("/moderation/contents", overdue="true").json["items"]
        assert waiting["is_overdue"] is True
        numbers = api.as_(staff).get("/moderation/statistics").json
        assert (numbers["open"], numbers["overdue"], numbers["median_minutes"]) == (1, 1, None)
        done = JOBS_BY_NAME["contents"].deed(Errand(Means(town.database, town.house.keys), town.id, utc_now()))
        assert done.result == {"handed_over": 0, "waiting": 1, "overdue": 1}
        town.act(staff, decide, content_id, True, "没有问题")
        numbers = api.as_(staff).get("/moderation/statistics").json
    assert (numbers["open"], numbers["decided"], numbers["median_minutes"]) == (0, 1, 25 * 60)


def test_the_queue_is_a_places_own_and_begins_with_what_is_due_first(town: TownBuilder, api: ApiClient) -> None:
    here = [write(town, town.resident(), f"兼职日结{n}") for n in range(3)]
    there = write(town, town.resident(), "兼职日结", at=town.other_community_id)
    desk = api.as_(town.staff(Role.MANAGER, at=town.community_id))
    first = desk.get("/moderation/contents", limit=2).json
    rest = desk.get("/moderation/contents", limit=2, cursor=first["next_cursor"]).json
    assert [each["id"] for each in (*first["items"], *rest["items"])] == [str(each) for each in here]
    for path in (f"/moderation/contents/{there}",):
        problem_of(desk.get(path), 404, "content.unknown")
    problem_of(
        desk.post(f"/moderation/contents/{there}/decision", {"passes": True, "reason": "好"}), 404, "content.unknown"
    )
    whole = api.as_(town.staff(Role.MANAGER)).get("/moderation/contents").json["items"]
    assert [each["id"] for each in whole] == [str(each) for each in (*here, there)]
    problem_of(api.as_(town.staff(Role.ORGANISER)).get("/moderation/contents"), 403, "auth.forbidden")
    assert path_of(town) != path_of(town, town.other_community_id)


def test_what_is_public_is_taken_down_and_shown_again_on_appeal(
    town: TownBuilder, api: ApiClient, staff: Person
) -> None:
    author, other = town.resident(), town.resident()
    content_id = shown(town, author)
    desk, mine = api.as_(staff), api.as_(author)
    problem_of(mine.post(f"/me/contents/{content_id}/appeal", {"words": "?"}), 409, "content.not_refused")
    assert desk.post(f"/moderation/contents/{content_id}/removal", {"reason": "跑题"}).status_code == 200
    problem_of(desk.post(f"/moderation/contents/{content_id}/removal", {"reason": "跑题"}), 409, "content.not_passed")
    [own] = mine.get("/me/contents").json["items"]
    assert (own["state"], own["reason"], own["appealed_at"]) == ("refused", "跑题", None)
    problem_of(api.as_(other).post(f"/me/contents/{content_id}/appeal", {"words": "?"}), 404, "content.unknown")

    assert mine.post(f"/me/contents/{content_id}/appeal", {"words": "是邻里活动"}).status_code == 204
    problem_of(mine.post(f"/me/contents/{content_id}/appeal", {"words": "再来"}), 409, "content.appealed_already")
    [waiting] = desk.get("/moderation/contents").json["items"]
    assert waiting["appeal"] == "是邻里活动"
    town.act(staff, decide, content_id, False, "维持")
    problem_of(mine.post(f"/me/contents/{content_id}/appeal", {"words": "再来"}), 409, "content.appealed_already")
    assert desk.post(f"/moderation/contents/{content_id}/restoration", {"reason": "复核"}).status_code == 200
    problem_of(
        desk.post(f"/moderation/contents/{content_id}/restoration", {"reason": "复核"}), 409, "content.not_refused"
    )
    assert state_of(town, content_id) is ContentState.PASSED
    assert len(messages(town, "content.refused")) == 2
    assert len(messages(town, "content.restored")) == 1


def test_who_refused_something_does_not_decide_on_the_appeal_where_somebody_else_may(
    town: TownBuilder, api: ApiClient, staff: Person
) -> None:
    def appealed() -> int:
        author = town.resident()
        content_id = shown(town, author)
        town.act(staff, deciding.take_down, content_id, "跑题")
        town.act(author, deciding.make_appeal, content_id, "是邻里活动")
        return content_id

    town.staff(Role.MANAGER, at=town.other_community_id)
    town.staff(Role.ORGANISER, at=town.community_id)
    alone = appealed()
    assert attempt(town, staff, decide, alone, True, "复核") == "done", "nobody else may"
    assert [each["content_id"] for each in messages(town, "content.restored")] == [str(alone)]

    second, content_id = town.staff(Role.MANAGER), appealed()
    for passes in (True, False):
        verdict = {"passes": passes, "reason": "复核"}
        refused = api.as_(staff).post(f"/moderation/contents/{content_id}/decision", verdict)
        problem_of(refused, 403, "content.another_has_to_decide")
    assert state_of(town, content_id) is ContentState.REVIEW
    assert attempt(town, second, decide, content_id, True, "复核") == "done"
    assert attempt(town, staff, decide, content_id, True, "复核") == "content.decided"
    reported_by(town, content_id, town.resident())
    assert attempt(town, second, decide, content_id, False, "广告") == "done", "of a report anybody decides"
    assert len(messages(town, "content.restored")) == 2


def test_who_wrote_for_the_staff_does_not_answer_reports_of_it(town: TownBuilder, staff: Person) -> None:
    second = town.staff(Role.ADMIN)
    content_id = write(town, staff, "活动通知")
    reported_by(town, content_id, town.resident())
    assert attempt(town, staff, decide, content_id, True, "没有问题") == "content.another_has_to_decide"
    assert attempt(town, second, decide, content_id, False, "有误") == "done"
    assert attempt(town, staff, deciding.restore, content_id, "再发") == "content.another_has_to_decide"
    assert attempt(town, second, deciding.restore, content_id, "改好了") == "done"
    assert attempt(town, second, deciding.restore, content_id, "改好了") == "content.not_refused"


def test_terms_are_a_towns_own_from_a_moment_on_and_what_is_due_stays_due(
    town: TownBuilder, api: ApiClient, staff: Person
) -> None:
    before = write(town, town.resident(), "兼职日结")
    due = column(town, before, "due_at")
    terms = {"review_hours": 2, "reporters_to_hide": 1, "effective_from": (utc_now() + timedelta(hours=1)).isoformat()}
    problem_of(api.as_(staff).post("/moderation/terms", terms), 403, "auth.forbidden")
    head = api.as_(town.staff(Role.MANAGER))
    assert head.get("/moderation/terms").json["effective_from"] is None
    assert head.post("/moderation/terms", terms).status_code == 201
    problem_of(head.post("/moderation/terms", terms), 409, "moderation.terms_outdated")
    assert head.get("/moderation/terms").json["review_hours"] == 24
    with time_machine.travel(utc_now() + timedelta(hours=2), tick=False):
        after = write(town, town.resident(), "兼职日结")
        assert column(town, after, "due_at") == utc_now() + timedelta(hours=2)
        content_id = shown(town, town.resident())
        reported_by(town, content_id, town.resident())
        assert state_of(town, content_id) is ContentState.REVIEW
    assert column(town, before, "due_at") == due


def test_terms_that_are_set_for_a_far_day_keep_nobody_from_setting_earlier_ones(
    town: TownBuilder, api: ApiClient
) -> None:
    head = api.as_(town.staff(Role.MANAGER))
    for days, hours in ((20_000, 1), (1, 5)):
        moment = (utc_now() + timedelta(days=days)).isoformat()
        terms = {"review_hours": hours, "reporters_to_hide": 2, "effective_from": moment}
        assert head.post("/moderation/terms", terms).status_code == 201
    with time_machine.travel(utc_now() + timedelta(days=2), tick=False):
        assert town.act(None, read_terms).review_hours == 5


def outcomes(calls: Iterator[Any]) -> Counter[str]:
    return Counter(calls)


def attempt(town: TownBuilder, person: Person, deed: Any, *args: Any) -> str:
    try:
        town.act(person, deed, *args)
    except RuleError as refusal:
        return refusal.code
    return "done"


def test_of_many_who_report_at_once_nobody_is_lost_or_counted_twice(town: TownBuilder) -> None:
    content_id = shown(town, town.resident())
    reporters = neighbours(town, AT_ONCE // 2)
    calls = [(town, person, report, content_id, ReportReason.SPAM) for person in reporters * 2]
    assert outcomes(from_threads(attempt, calls, AT_ONCE)) == {
        "done": len(reporters),
        "content.reported_already": len(reporters),
    }
    assert column(town, content_id, "open_reports") == len(town.rows(ContentReport.id)) == len(reporters)
    hidden = town.rows(ContentDecision.id, source=DecisionSource.REPORTS)
    assert len(hidden) == 1


def test_control_a_count_that_is_looked_at_first_loses_reports(
    town: TownBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    content_id = shown(town, town.resident())
    people = neighbours(town, AT_ONCE)
    counted = {
        person.id: town.act(
            person, lambda work: work.core.scalar(select(Content.open_reports).where(Content.id == content_id))
        )
        for person in people
    }

    def add_to_what_was_seen(work: Work, content_id: int) -> None:
        seen = counted[work.actor.id]
        this = update(Content).where(Content.town_id == work.town_id, Content.id == content_id)
        work.core.execute(this.values(open_reports=seen + 1))

    from_threads(attempt, [(town, person, add_to_what_was_seen, content_id) for person in people], AT_ONCE)
    assert column(town, content_id, "open_reports") < AT_ONCE


def test_of_two_who_decide_at_once_one_does(town: TownBuilder) -> None:
    content_id = write(town, town.resident(), "兼职日结")
    people = [town.staff(Role.MANAGER) for _ in range(4)]
    calls = [(town, person, decide, content_id, n % 2 == 0, "看过") for n, person in enumerate(people)]
    assert outcomes(from_threads(attempt, calls, len(calls))) == {"done": 1, ContentDecided.code: 3}
    assert len(town.rows(ContentDecision.id, source=DecisionSource.STAFF)) == 1
    refusals = town.rows(Outbox.id, topic="content.refused")
    assert len(refusals) == (state_of(town, content_id) is ContentState.REFUSED)


def test_control_without_its_guard_several_decide(town: TownBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    content_id = write(town, town.resident(), "兼职日结")
    monkeypatch.setattr(deciding, "_decide", deciding._changing(**deciding._decided))
    people = [town.staff(Role.MANAGER) for _ in range(4)]
    calls = [(town, person, decide, content_id, True, "看过") for person in people]
    assert outcomes(from_threads(attempt, calls, len(calls))) == {"done": 4}
