"""The rules as everybody may read and try them, and a draft held against the town's past; nothing of it writes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from blueprints.edge.house import House
from models.residents import Role
from rules.clock import ZONE, utc_now
from rules.points import replays
from rules.rulebook.document import parse
from rules.rulebook.versions import publish
from rules.rulebook.words import in_words
from tests.build import BUDGET, RULEBOOK, ApiClient, Person, TownBuilder, new_town
from tests.edge.helpers import NOBODY, problem_of
from tests.points.hands import give, manager
from tests.rulebook.live import explained, lines, organiser, put_in_force, recorded

DAY = timedelta(days=1)
NEW_RULES = RULEBOOK.replace("amount = 5", "amount = 8")
SERVICE = """
name = "红星积分"
[expiry]
years = 1
[calculation]
round = "down"
[[earn]]
id = "care"
event = "care"
title = "志愿服务"
each = "hours"
unit = "小时"
amount = 10
limits = [{ points = 30, per = "day" }]
[[earn]]
id = "sorting"
event = "sorted_waste"
title = "垃圾分类"
amount = 2
[[deduct]]
id = "littering"
event = "littering"
title = "乱扔垃圾"
amount = 5
"""
#: More for sorting waste, less for service, nothing goes.
DRAFT = SERVICE.replace("amount = 2\n", "amount = 9\n").replace("amount = 10\n", "amount = 6\n").split("[[deduct]]")[0]


def leaves_all_as_it_was(town: TownBuilder, deed: Callable[[], TestResponse]) -> dict[str, Any]:
    """The answer of a request that is only a question."""
    before = town.contents()
    answer = deed()
    assert town.contents() == before
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


# Reading


def test_a_visitor_reads_the_rules_in_plain_words(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, SERVICE)
    [rules] = leaves_all_as_it_was(town, lambda: api.get("/rulebooks"))["items"]
    assert (rules["number"], rules["name"], rules["is_in_force"]) == (2, "红星积分", True)
    assert rules["chapters"] == [
        {"title": chapter.title, "sentences": list(chapter.sentences)} for chapter in in_words(parse(SERVICE))
    ]
    said = "".join(sentence for chapter in rules["chapters"] for sentence in chapter["sentences"])
    for word in ("志愿服务", "10 分", "每日", "30 分", "乱扔垃圾"):
        assert word in said


def test_rules_that_are_to_come_are_shown_beside_those_in_force(town: TownBuilder, api: ApiClient) -> None:
    soon, later = (utc_now().replace(microsecond=0) + days * DAY for days in (5, 9))
    town.act(None, publish, NEW_RULES.replace("amount = 8", "amount = 9"), later)
    town.act(None, publish, NEW_RULES, soon)
    items = api.get("/rulebooks").json["items"]
    assert [(item["number"], item["is_in_force"]) for item in items] == [(1, True), (3, False), (2, False)]
    assert [datetime.fromisoformat(item["effective_from"]) for item in items[1:]] == [soon, later]
    amounts = ["".join(s for chapter in item["chapters"] for s in chapter["sentences"]) for item in items]
    assert ["5 分" in amounts[0], "8 分" in amounts[1], "9 分" in amounts[2]] == [True] * 3


def test_rules_of_the_past_are_in_no_list_and_can_still_be_read(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, NEW_RULES)
    assert [item["number"] for item in api.get("/rulebooks").json["items"]] == [2]
    first = leaves_all_as_it_was(town, lambda: api.get("/rulebooks/1"))
    assert first["document"] == RULEBOOK
    assert first["sha256"] == hashlib.sha256(RULEBOOK.encode()).hexdigest()
    assert datetime.fromisoformat(first["effective_from"]) <= datetime.now(ZONE) - 364 * DAY


def test_a_version_that_is_not_there_is_unknown(api: ApiClient) -> None:
    for number in (2, 2**63 - 1):
        problem_of(api.get(f"/rulebooks/{number}"), 404, "rulebook.unknown")
    for number in (0, -1, 2**63, "x", "01"):
        problem_of(api.get(f"/rulebooks/{number}"), 404, "route.unknown")


def test_rules_of_another_town_are_not_ours(house: House, app: Flask, town: TownBuilder, api: ApiClient) -> None:
    elsewhere = new_town(house)
    town.act(None, publish, NEW_RULES, utc_now() + DAY)
    theirs = ApiClient(app, elsewhere)
    assert [item["number"] for item in theirs.get("/rulebooks").json["items"]] == [1]
    problem_of(theirs.get("/rulebooks/2"), 404, "rulebook.unknown")
    resident = theirs.as_(elsewhere.resident())
    assert [item["number"] for item in resident.get("/rulebooks", town=town.code).json["items"]] == [1]


# Trying


def preview(caller: ApiClient, kind: str = "care", **more: Any) -> TestResponse:
    return caller.call("POST", "/rulebooks/preview", {"kind": kind} | more)


def test_a_visitor_tries_an_event_as_somebody_of_whom_nothing_is_counted(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, SERVICE)
    seen = leaves_all_as_it_was(town, lambda: preview(api, subject="敬老", facts={"minutes": 90}))
    assert (seen["rulebook"], seen["total"], lines(seen)) == ("红星积分", 15, [("award", "care", 15)])
    assert explained(seen).startswith("志愿服务《敬老》：每小时 10 分 × 1.5 小时 = 15 分，有效期至 ")
    seen = leaves_all_as_it_was(town, lambda: preview(api, facts={"minutes": 600}))
    assert (seen["total"], "每日最多 30 分，已计 0 分，本次计 30 分" in explained(seen)) == (30, True)
    assert leaves_all_as_it_was(town, lambda: preview(api, "unheard-of")) == {
        "rulebook": "红星积分",
        "total": 0,
        "lines": [],
    }


def test_an_event_to_come_is_tried_by_the_rules_of_then(town: TownBuilder, api: ApiClient) -> None:
    town.act(None, publish, NEW_RULES, utc_now() + 5 * DAY)
    for days, total in ((0, 5), (4, 5), (6, 8)):
        assert preview(api, "checkin", occurred_at=(utc_now() + days * DAY).isoformat()).json["total"] == total
    long_ago = (utc_now() - 3000 * DAY).isoformat()
    assert preview(api, "checkin", occurred_at=long_ago).json["total"] == 5, "before all rules, by those of today"


def test_a_resident_is_told_why_it_is_not_more(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, SERVICE)
    resident, staff = town.resident(), organiser(town, api)
    me = api.as_(resident)
    for left, total in ((25, 5), (5, 0)):
        recorded(staff, resident, "care", minutes=left * 6)
        seen = leaves_all_as_it_was(town, lambda: preview(me, facts={"hours": 2}))
        assert seen["total"] == total
        assert f"志愿服务每日最多 30 分，已计 {30 - total} 分，本次计 {total} 分" in explained(seen)
    assert lines(seen) == [("nothing", "care", 0)]
    yesterday = (utc_now() - DAY).isoformat()
    assert preview(me, occurred_at=yesterday, facts={"hours": 2}).json["total"] == 20, "another day has its own limit"
    assert preview(api.as_(town.resident()), facts={"hours": 2}).json["total"] == 20


def test_a_deduction_is_tried_on_what_the_resident_has(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, SERVICE)
    resident = town.resident()
    give(town, resident, 3)
    seen = leaves_all_as_it_was(town, lambda: preview(api.as_(resident), "littering"))
    assert (seen["total"], lines(seen)) == (-3, [("deduction", "littering", 3)])
    assert preview(api, "littering").json["total"] == 0


def test_what_a_preview_promises_the_budget_has(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, SERVICE)
    give(town, town.resident(), BUDGET - 15)
    assert preview(api, facts={"hours": 1}).json["total"] == 10
    seen = leaves_all_as_it_was(town, lambda: preview(api, facts={"hours": 2}))
    assert (seen["total"], "积分预算已用完" in explained(seen)) == (0, True)


def test_staff_try_a_document_that_is_not_in_force_for_a_resident_of_theirs(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, SERVICE)
    resident, staff = town.resident(), api.as_(town.staff(Role.ORGANISER, Role.MANAGER))
    recorded(staff, resident, "care", hours=2.5)
    whom = {"resident_id": str(resident.id), "facts": {"hours": 2}}
    assert leaves_all_as_it_was(town, lambda: preview(staff, **whom))["total"] == 5
    seen = leaves_all_as_it_was(town, lambda: preview(staff, document=DRAFT, **whom))
    assert (seen["total"], "已计 25 分，本次计 5 分" in explained(seen)) == (5, True)
    assert preview(staff, document=DRAFT, facts={"hours": 2}).json["total"] == 12
    another = SERVICE + '[[currency]]\nid = "points"\nname = "积分"\n[[currency]]\nid = "score"\nname = "信用分"\n'
    assert preview(staff, "littering", document=another, resident_id=str(resident.id)).json["total"] == -5


def test_who_is_not_staff_tries_for_nobody_else_and_no_document(town: TownBuilder, api: ApiClient) -> None:
    resident, other = town.resident(), town.resident()
    for caller in (api, api.as_(resident)):
        for more in ({"resident_id": str(other.id)}, {"document": RULEBOOK}, {"document": "x"}):
            problem_of(preview(caller, **more), 403, "rulebook.preview_forbidden")
    scanner = api.as_(town.staff(Role.SCANNER))
    assert preview(scanner, "checkin").json["total"] == 5, "what a visitor may, they may"
    for staff in (scanner, organiser(town, api), manager(town, api, at=town.community_id)):
        problem_of(preview(staff, document=RULEBOOK), 403, "auth.forbidden")


def test_staff_try_for_residents_of_theirs_only(house: House, town: TownBuilder, api: ApiClient) -> None:
    here, beside = (organiser(town, api, at=place) for place in (town.community_id, town.other_community_id))
    resident, stranger = town.resident(), new_town(house).resident()
    assert preview(here, "checkin", resident_id=str(resident.id)).status_code == 200
    problem_of(preview(beside, "checkin", resident_id=str(resident.id)), 403, "auth.forbidden")
    for nobody in (NOBODY, stranger.id):
        problem_of(preview(here, "checkin", resident_id=str(nobody)), 404, "resident.unknown")


def test_a_preview_that_can_not_be_right_is_refused(town: TownBuilder, api: ApiClient) -> None:
    staff = manager(town, api)
    for wrong in (
        {"kind": ""},
        {"kind": 5},
        {"occurred_at": "soon"},
        {"facts": {"a b": 1}},
        {"facts": {"a": None}},
        {"resident_id": "x"},
        {"document": ""},
        {"more": 1},
    ):
        assert list(problem_of(preview(staff, **wrong), 422, "request.invalid")["errors"]) == list(wrong)
    faults = problem_of(preview(staff, document=RULEBOOK.replace("years = 1", "years = -1")), 422, "rulebook.invalid")
    assert faults["errors"]["document"][0].startswith("第 4 行 `expiry.years`：")
    problem_of(staff.call("POST", "/rulebooks/preview", []), 422, "request.invalid")


# Replaying


def replay(caller: ApiClient, document: str = DRAFT, **more: Any) -> TestResponse:
    period = {"begin": (utc_now() - 30 * DAY).isoformat(), "end": (utc_now() + DAY).isoformat()}
    return caller.call("POST", "/rulebooks/replay", {"document": document} | period | more)


@pytest.fixture
def past(town: TownBuilder, api: ApiClient) -> dict[str, Person]:
    """Three residents' last days: one sorted waste, one gave hours, one littered and did what no rule speaks of."""
    put_in_force(town, SERVICE + '[[warning]]\nid = "visit"\nevent = "visit"\ntitle = "来访"\n')
    staff, people = organiser(town, api), {name: town.resident() for name in ("sorter", "helper", "litterer")}
    for days in (1, 2, 3):
        recorded(staff, people["sorter"], "sorted_waste", at=utc_now() - days * DAY)
    recorded(staff, people["helper"], "care", at=utc_now() - 5 * DAY, hours=4)
    recorded(staff, people["litterer"], "visit")
    recorded(staff, people["litterer"], "sorted_waste", at=utc_now() - 8 * DAY)
    recorded(staff, people["litterer"], "littering", at=utc_now() - 7 * DAY)
    return people


def test_a_draft_is_held_against_the_past_and_nothing_is_written(
    town: TownBuilder, api: ApiClient, past: dict[str, Person]
) -> None:
    boss = manager(town, api)
    seen = leaves_all_as_it_was(town, lambda: replay(boss))
    assert seen == {
        "events": 7,
        "residents": 3,
        "before": {
            "given": {"points": 4 * 2 + 30},
            "taken": {"points": 2},
            "by_rule": {"sorting": 8, "care": 30, "littering": -2},
            "lines": {"award": 5, "deduction": 1, "warning": 1},
        },
        "after": {
            "given": {"points": 4 * 9 + 24},
            "taken": {},
            "by_rule": {"sorting": 36, "care": 24},
            "lines": {"award": 5},
        },
        "winners": 2,
        "losers": 1,
        "unchanged": 0,
        "differences": [
            {"resident_id": str(past["sorter"].id), "before": 6, "after": 27},
            {"resident_id": str(past["litterer"].id), "before": 0, "after": 9},
            {"resident_id": str(past["helper"].id), "before": 30, "after": 24},
        ],
        "budget_left": BUDGET - 38,
    }


def test_the_rules_in_force_held_against_themselves_change_nothing(
    town: TownBuilder, api: ApiClient, past: dict[str, Person]
) -> None:
    seen = replay(manager(town, api), SERVICE).json
    assert (seen["winners"], seen["losers"], seen["unchanged"], seen["differences"]) == (0, 0, len(past), [])
    assert seen["before"]["given"] == seen["after"]["given"]


def test_each_event_of_the_past_is_judged_by_the_rules_of_then(
    town: TownBuilder, api: ApiClient, past: dict[str, Person]
) -> None:
    put_in_force(town, SERVICE.replace("amount = 2\n", "amount = 3\n"), days_ago=0)
    town.act(None, publish, SERVICE.replace("amount = 2\n", "amount = 100\n"), utc_now() - timedelta(hours=36))
    staff = organiser(town, api)
    recorded(staff, past["sorter"], "sorted_waste")
    before = replay(manager(town, api)).json["before"]
    assert before["by_rule"]["sorting"] == 2 * 3 + 100 + 3, "3 by the first rules, 1 by the next, 1 by the last"


def test_a_period_has_its_first_moment_and_not_its_last(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, SERVICE)
    staff, boss, resident = organiser(town, api), manager(town, api), town.resident()
    moments = [utc_now().replace(microsecond=0) - days * DAY for days in (4, 3, 2)]
    for moment in moments:
        recorded(staff, resident, "sorted_waste", at=moment)
    seen = replay(boss, begin=moments[0].isoformat(), end=moments[2].isoformat()).json
    assert (seen["events"], seen["after"]["given"]) == (2, {"points": 18})
    nothing = replay(boss, begin=(utc_now() - 60 * DAY).isoformat(), end=moments[0].isoformat()).json
    assert (nothing["events"], nothing["residents"], nothing["differences"]) == (0, 0, [])
    assert (nothing["before"]["given"], nothing["after"]["given"]) == ({}, {})


def test_a_period_that_ends_before_it_begins_is_refused(town: TownBuilder, api: ApiClient) -> None:
    boss, moment = manager(town, api), utc_now()
    for end in (moment, moment - DAY):
        answer = replay(boss, begin=moment.isoformat(), end=end.isoformat())
        problem_of(answer, 422, "rulebook.period_invalid")


def test_a_period_with_too_many_events_is_for_the_command_line(
    town: TownBuilder, api: ApiClient, past: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    boss = manager(town, api)
    monkeypatch.setattr(replays, "EVENTS_MAX", 7)
    assert replay(boss).status_code == 200
    monkeypatch.setattr(replays, "EVENTS_MAX", 6)
    document = problem_of(replay(boss), 422, "rulebook.replay_too_long")
    assert "有 7 个事件，在线最多回放 6 个" in document["detail"]


def test_events_of_other_towns_are_not_seen(
    house: House, app: Flask, town: TownBuilder, api: ApiClient, past: dict[str, Person]
) -> None:
    elsewhere = new_town(house)
    seen = replay(manager(elsewhere, ApiClient(app, elsewhere))).json
    assert (seen["events"], seen["budget_left"]) == (0, BUDGET)


def test_an_event_that_was_declared_void_is_replayed_as_it_happened(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, SERVICE + '[[void]]\nid = "complaint"\nevent = "complaint"\ntitle = "被投诉"\nof = "about"\n')
    staff, resident = organiser(town, api), town.resident()
    recorded(staff, resident, "care", ref="s1", hours=1)
    recorded(staff, resident, "complaint", about="s1")
    seen = replay(manager(town, api), SERVICE).json
    assert (seen["events"], seen["before"]["given"], seen["after"]["given"]) == (2, {"points": 10}, {"points": 10})


def test_what_rules_ask_of_the_person_is_known(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, SERVICE)
    staff = organiser(town, api)
    volunteer, other = town.resident(volunteer=True), town.resident()
    for resident in (volunteer, other):
        recorded(staff, resident, "sorted_waste")
    for_volunteers = SERVICE.replace("amount = 2\n", "amount = 2\nwhere = { person.volunteer = true }\n")
    seen = replay(manager(town, api), for_volunteers).json
    assert seen["differences"] == [{"resident_id": str(other.id), "before": 2, "after": 0}]
    assert (seen["winners"], seen["losers"], seen["unchanged"]) == (0, 1, 1)


def test_only_who_manages_the_whole_town_replays_its_past(town: TownBuilder, api: ApiClient) -> None:
    problem_of(replay(manager(town, api, at=town.community_id)), 403, "auth.forbidden")
    problem_of(replay(organiser(town, api)), 403, "auth.forbidden")
    problem_of(replay(api.as_(town.resident())), 403, "auth.forbidden")
    problem_of(replay(api), 401, "auth.required")


def test_a_replay_that_can_not_be_right_is_refused(town: TownBuilder, api: ApiClient) -> None:
    boss = manager(town, api)
    for wrong in ({"document": ""}, {"begin": None}, {"end": "soon"}, {"begin": 5}, {"more": 1}):
        assert list(problem_of(replay(boss, **wrong), 422, "request.invalid")["errors"]) == list(wrong)
    assert list(problem_of(replay(boss, "x = 1"), 422, "rulebook.invalid")["errors"]) == ["document"]
    missing = boss.call("POST", "/rulebooks/replay", {})
    assert set(problem_of(missing, 422, "request.invalid")["errors"]) == {"document", "begin", "end"}
