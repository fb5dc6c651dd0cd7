"""What staff write down is judged by the rules in force, and everything that follows is booked: once, and all of it.

Events of several days lie within the last weeks; what needs a moment that comes later happens in a past of the test's own,
since the maker of ids, which all tests of a process share, never goes back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import time_machine
from flask import Flask

from blueprints.edge.house import House
from jobs.schedule import JOBS_BY_NAME, Errand, Means
from models.ledger import Book, Event, Txn, TxnKind
from models.reservations import Reservation
from models.residents import Role
from models.rulebook import Standing, StandingFreeze, StandingLevel, StandingSuspension
from rules.clock import ZONE, local_day, local_moment, utc_now
from rules.points.recording import OF_THE_HOUSE, RECORD_DAYS_MAX
from rules.rulebook.versions import publish
from tests.build import BUDGET, ApiClient, Person, TownBuilder, fresh_key, new_town
from tests.edge.helpers import NOBODY, problem_of, reserve, scan
from tests.ledger.keeping import audit
from tests.points.hands import balance_of, effects, give, household, manager, statement_of
from tests.rulebook.live import counts, explained, lines, organiser, put_in_force, record, recorded, usage

HEAD = """
name = "红星积分"
[expiry]
years = 1
[calculation]
round = "down"
"""
SERVICE = """
[[tally]]
id = "hours"
title = "服务时长"
events = ["care"]
of = "hours"
[[earn]]
id = "care"
event = "care"
title = "志愿服务"
each = "hours"
unit = "小时"
amount = 10
"""
#: Noon of a day in a past that begins after the town's first rules.
THEN = datetime.now(ZONE).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=100)
NEXT_YEAR = local_day(utc_now()).year + 1


def under(town: TownBuilder, *sections: str) -> None:
    put_in_force(town, HEAD + "".join(sections))


def at(days: int) -> time_machine.travel:
    """Noon, so many days after THEN."""
    return time_machine.travel(THEN + timedelta(days=days), tick=False)


def standing(api: ApiClient, resident: Person) -> dict[str, Any]:
    answer = api.as_(resident).get("/me/standing")
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


# Writing down


def test_an_event_is_judged_booked_and_explained(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE)
    resident, staff = town.resident(), organiser(town, api)
    moment = utc_now().replace(microsecond=0) - timedelta(days=2)
    outcome = recorded(staff, resident, "care", subject="敬老", at=moment, hours=1.5)
    reason = f"志愿服务《敬老》：每小时 10 分 × 1.5 小时 = 15 分，有效期至 {local_day(moment).year + 1}-12-31"
    assert {**outcome, "event_id": None} == {
        "event_id": None,
        "awarded": 15,
        "taken": 0,
        "balance": 15,
        "lines": [
            {
                "kind": "award",
                "rule_id": "care",
                "currency": "points",
                "amount": 15,
                "explanation": f"{reason}（红星积分，规则 care）",
                "expires_on": f"{local_day(moment).year + 1}-12-31",
                "until": None,
                "about": "",
            }
        ],
    }
    [line] = statement_of(api, resident)
    assert (line["kind"], line["amount"], line["explanation"]) == ("earn", 15, f"{reason}（红星积分，规则 care）")
    assert datetime.fromisoformat(line["at"]) == moment
    [(event,)] = town.rows(Event, source="staff")
    assert (event.id, event.subject_id, event.occurred_at) == (int(outcome["event_id"]), resident.id, moment)
    assert event.payload["kind"] == "care"
    assert event.payload["facts"] == {
        "hours": 1.5,
        "provenance": "staff",
        "approved_by": "staff",
        "claimed_on": local_day(utc_now()).isoformat(),
    }
    audit(town)


def test_a_kind_that_no_rule_speaks_of_is_refused_with_those_that_can_be_recorded(
    town: TownBuilder, api: ApiClient
) -> None:
    under(town, SERVICE, '[[earn]]\nid = "waste"\nevent = "sorted_waste"\ntitle = "垃圾分类"\namount = 1\n')
    resident, staff = town.resident(), organiser(town, api)
    before = effects(town)
    document = problem_of(record(staff, resident, "caer"), 422, "event.kind_unknown")
    assert document["detail"] == "现行积分规则没有「caer」这类事件；可登记：care、sorted_waste。"
    assert effects(town) == before


def test_what_the_house_records_by_itself_nobody_writes_down(town: TownBuilder, api: ApiClient) -> None:
    kinds = sorted(OF_THE_HOUSE)
    under(town, f'[[earn]]\nid = "own"\nevent = {kinds}\ntitle = "自动"\namount = 1\n')
    resident, staff = town.resident(), organiser(town, api)
    before = effects(town)
    for kind in kinds:
        assert "可登记：—" in problem_of(record(staff, resident, kind), 422, "event.kind_unknown")["detail"]
    assert effects(town) == before


def test_what_is_to_come_and_what_is_long_ago_is_not_written_down(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE)
    resident, staff = town.resident(), organiser(town, api)
    longest = timedelta(days=RECORD_DAYS_MAX)
    before = effects(town)
    for moment in (utc_now() + timedelta(minutes=5), utc_now() - longest - timedelta(minutes=5)):
        problem_of(record(staff, resident, "care", at=moment, hours=1), 422, "event.moment_invalid")
    assert effects(town) == before
    assert recorded(staff, resident, "care", at=utc_now() - longest + timedelta(minutes=5), hours=1)["awarded"] == 10


def test_one_ref_is_one_event_whoever_it_is_about(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", ref="roll-17", hours=1)
    before = effects(town)
    for whom, who in ((resident, staff), (town.resident(), organiser(town, api))):
        before = effects(town)
        problem_of(record(who, whom, "care", ref="roll-17", hours=2), 409, "event.recorded_already")
        assert effects(town) == before
    assert balance_of(api, resident) == 10


def test_without_a_ref_two_requests_are_two_events(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE)
    resident, staff = town.resident(), organiser(town, api)
    assert [recorded(staff, resident, "care", hours=1)["balance"] for _ in range(2)] == [10, 20]


def test_the_same_key_records_once(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE)
    resident, staff, key = town.resident(), organiser(town, api), fresh_key()
    first, again = (record(staff, resident, "care", hours=1, key=key) for _ in range(2))
    assert (first.status_code, again.status_code, again.json) == (201, 201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (balance_of(api, resident), len(town.rows(Event.id))) == (10, 1)
    problem_of(record(staff, resident, "care", hours=2, key=key), 422, "idempotency.mismatch")


def test_who_says_that_hours_were_signed_in_and_out_is_not_believed(town: TownBuilder, api: ApiClient) -> None:
    under(
        town,
        """
[[earn]]
id = "signed"
event = "care"
title = "签到时长"
where = { provenance = "signed" }
amount = 10
[[earn]]
id = "written"
event = "care"
title = "补录时长"
where = { provenance = "staff" }
amount = 4
""",
    )
    resident, staff = town.resident(), organiser(town, api)
    assert lines(recorded(staff, resident, "care", provenance="signed")) == [("award", "written", 4)]
    assert lines(recorded(staff, resident, "care")) == [("award", "written", 4)]


def test_staff_write_down_whose_agreement_they_have_and_never_that_of_a_second_person(
    town: TownBuilder, api: ApiClient
) -> None:
    approvers = ("publisher", "staff", "committee", "panel", "second_person")
    under(
        town,
        *(
            f'[[earn]]\nid = "{each}"\nevent = "activity"\ntitle = "活动"\namount = 1\napproval = "{each}"\n'
            for each in approvers
        ),
    )
    resident, staff = town.resident(), organiser(town, api)
    for told, believed in (
        ("publisher", "publisher"),
        ("committee", "committee"),
        ("panel", "panel"),
        ("staff", "staff"),
        ("second_person", "staff"),
        ("the mayor", "staff"),
        (True, "staff"),
        (None, "staff"),
    ):
        outcome = recorded(staff, resident, "activity", **({} if told is None else {"approved_by": told}))
        assert [rule for kind, rule, _ in lines(outcome) if kind == "award"] == [believed]
        assert [rule for kind, rule, _ in lines(outcome) if kind == "pending"] == [
            each for each in approvers if each != believed
        ]
    assert "待第二人确认" in explained(outcome)


def test_a_claim_is_made_on_the_day_on_which_it_is_written_down(town: TownBuilder, api: ApiClient) -> None:
    under(
        town,
        """
[[earn]]
id = "prize"
event = "prize"
title = "获奖"
amount = 5
claim = { within_days = 3, evidence = true }
""",
    )
    resident, staff, now = town.resident(), organiser(town, api), utc_now()
    day = timedelta(days=1)
    for moment, facts, given in (
        (now, {"evidence": True}, 5),
        (now - 3 * day, {"evidence": "证书 12 号"}, 5),
        (now, {}, 0),
        (now - 5 * day, {"evidence": True}, 0),
        (now - 5 * day, {"evidence": True, "claimed_on": local_day(now - 4 * day).isoformat()}, 5),
    ):
        assert recorded(staff, resident, "prize", at=moment, **facts)["awarded"] == given


FACTS_WRONG: tuple[object, ...] = (
    [],
    "minutes",
    {"minutes": None},
    {"minutes": [1]},
    {"minutes": {"of": 1}},
    {"minutes": 10_000_001},
    {"minutes": 1e300},
    {"": 1},
    {"a b": 1},
    {"person.age": 70},
    {"kind": "festival"},
    {"x" * 65: 1},
    {"word": "x" * 201},
    {"word": "a\nb"},
    {f"f{n}": n for n in range(41)},
)
WRONG: tuple[dict[str, Any], ...] = (
    *({"facts": facts} for facts in FACTS_WRONG),
    {"kind": ""},
    {"kind": "x" * 65},
    {"ref": ""},
    {"ref": "a b"},
    {"ref": "中"},
    {"ref": "x" * 65},
    {"subject": "x" * 201},
    {"occurred_at": "yesterday"},
    {"resident_id": 5},
    {"more": 1},
)


def test_a_request_that_can_not_be_right_is_refused(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE)
    resident, staff = town.resident(), organiser(town, api)
    before = effects(town)
    for wrong in WRONG:
        body = {"resident_id": str(resident.id), "kind": "care"} | wrong
        document = problem_of(staff.post("/points/events", body), 422, "request.invalid")
        assert list(document["errors"]) == list(wrong), wrong
    assert effects(town) == before


def test_an_organiser_records_where_the_resident_lives_and_not_beside_it(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE)
    resident, homeless = town.resident(), town.resident(territory_id=None)
    here, beside = (organiser(town, api, at=place) for place in (town.community_id, town.other_community_id))
    root, boss = organiser(town, api), manager(town, api)
    before = effects(town)
    problem_of(record(beside, resident, "care", hours=1), 403, "auth.forbidden")
    problem_of(record(here, homeless, "care", hours=1), 403, "auth.forbidden")
    problem_of(record(here, NOBODY, "care", hours=1), 404, "resident.unknown")
    problem_of(record(boss, resident, "care", hours=1), 403, "auth.forbidden")
    assert effects(town) == before
    assert record(here, resident, "care", hours=1).status_code == 201
    assert record(root, homeless, "care", hours=1).status_code == 201


def test_a_ref_of_another_town_is_no_ref_of_ours(house: House, app: Flask, town: TownBuilder, api: ApiClient) -> None:
    elsewhere = new_town(house)
    stranger = elsewhere.resident()
    for each in (town, elsewhere):
        under(each, SERVICE)
    recorded(organiser(elsewhere, ApiClient(app, elsewhere)), stranger, "care", ref="roll-1", hours=1)
    before, staff = effects(elsewhere), organiser(town, api)
    problem_of(record(staff, stranger, "care", hours=1), 404, "resident.unknown")
    assert record(staff, town.resident(), "care", ref="roll-1", hours=1).status_code == 201
    assert effects(elsewhere) == before


def test_without_a_rulebook_nothing_is_written_down(town: TownBuilder, api: ApiClient) -> None:
    resident, someone = town.resident(), town.staff(Role.ORGANISER)
    with time_machine.travel(THEN - timedelta(days=3000), tick=False):
        problem_of(record(api.as_(someone), resident, "care"), 409, "rulebook.missing")
    assert town.rows(Event.id) == []


# Limits


def test_limits_of_a_day_and_of_all_time_hold_whatever_day_an_event_is_of(town: TownBuilder, api: ApiClient) -> None:
    limits = 'limits = [{ points = 25, per = "day" }, { points = 60, per = "ever" }]\n'
    under(town, SERVICE, limits)
    resident, staff = town.resident(), organiser(town, api)
    today, yesterday, before = (utc_now() - timedelta(days=days) for days in (0, 1, 2))
    wishes = [(today, 2, 20), (yesterday, 2, 20), (today, 1, 5), (before, 1.5, 15), (yesterday, 3, 0), (before, 5, 0)]
    for moment, hours, given in wishes:
        assert recorded(staff, resident, "care", at=moment, hours=hours)["awarded"] == given
    assert balance_of(api, resident) == 60
    assert usage(town) == {
        ("care", local_day(today).isoformat()): (25, 25),
        ("care", local_day(yesterday).isoformat()): (20, 25),
        ("care", local_day(before).isoformat()): (15, 25),
        ("care", "ever"): (60, 60),
    }
    audit(town)


def test_what_a_limit_cut_off_is_explained(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, 'limits = [{ points = 25, per = "day" }]\n')
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", hours=2)
    trimmed, nothing = (recorded(staff, resident, "care", hours=1) for _ in range(2))
    assert "志愿服务每日最多 25 分，已计 20 分，本次计 5 分" in explained(trimmed)
    assert lines(nothing) == [("nothing", "care", 0)]
    assert "志愿服务每日最多 25 分，已计 25 分，本次计 0 分" in explained(nothing)
    assert statement_of(api, resident)[0]["explanation"] == trimmed["lines"][0]["explanation"]


def test_a_rolling_limit_sees_the_days_around_a_late_event(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, 'limits = [{ points = 30, per = "7 days" }]\n')
    resident, staff = town.resident(), organiser(town, api)
    for days, hours, given in ((0, 2, 20), (10, 2, 20), (5, 3, 10), (3, 1, 0), (20, 1, 10)):
        moment = utc_now() - timedelta(days=days)
        assert recorded(staff, resident, "care", at=moment, hours=hours)["awarded"] == given
    audit(town)


def test_a_limit_of_two_rules_counts_both_where_each_is_kept(town: TownBuilder, api: ApiClient) -> None:
    under(
        town,
        """order = "document"
[[earn]]
id = "good"
event = "good_deed"
title = "好事"
amount = 6
[[earn]]
id = "very-good"
event = "good_deed"
title = "大好事"
amount = 6
[[limit]]
id = "deeds"
title = "好人好事"
rules = ["good", "very-good"]
points = 20
per = "ever"
""",
    )
    resident, staff = town.resident(), organiser(town, api)
    assert lines(recorded(staff, resident, "good_deed")) == [("award", "good", 6), ("award", "very-good", 6)]
    assert lines(recorded(staff, resident, "good_deed")) == [("award", "good", 6), ("award", "very-good", 2)]
    assert lines(recorded(staff, resident, "good_deed")) == [("nothing", "good", 0), ("nothing", "very-good", 0)]
    assert usage(town) == {("deeds", "ever"): (20, 20)}
    assert counts(town, resident) == {("earned:points", "ever"): 20}, "a use is counted in one place"
    audit(town)


def test_an_award_that_a_member_of_staff_takes_back_frees_its_limit(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, 'limits = [{ points = 20, per = "day" }]\n')
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", hours=2)
    assert recorded(staff, resident, "care", hours=1)["awarded"] == 0
    [line] = statement_of(api, resident)
    answer = manager(town, api).post(
        f"/ledger/transactions/{line['id']}/reversal", {"reason": "登记有误", "amount": 15}
    )
    assert answer.status_code == 201, answer.text
    assert usage(town)["care", local_day(utc_now()).isoformat()] == (5, 20)
    assert recorded(staff, resident, "care", hours=2)["awarded"] == 15
    audit(town)


# What goes


def test_deductions_take_what_is_there_and_end_at_zero(town: TownBuilder, api: ApiClient) -> None:
    under(town, '[[deduct]]\nid = "littering"\nevent = "littering"\ntitle = "乱扔垃圾"\namount = 5\n')
    resident, staff = town.resident(), organiser(town, api)
    give(town, resident, 7)
    first, second, third = (recorded(staff, resident, "littering", subject="三号楼") for _ in range(3))
    assert [(each["taken"], each["balance"]) for each in (first, second, third)] == [(5, 2), (2, 0), (0, 0)]
    assert lines(third) == [("nothing", "littering", 0)]
    assert "扣至 0 分为止，本次扣 2 分" in explained(second)
    line = statement_of(api, resident)[0]
    assert (line["amount"], line["explanation"]) == (-2, second["lines"][0]["explanation"])
    audit(town)


def test_one_event_may_give_and_take(town: TownBuilder, api: ApiClient) -> None:
    under(
        town,
        SERVICE,
        '[[deduct]]\nid = "late"\nevent = "care"\ntitle = "迟到"\nwhere = { late = true }\namount = 15\n',
    )
    resident, staff = town.resident(), organiser(town, api)
    outcome = recorded(staff, resident, "care", hours=1, late=True)
    assert (outcome["awarded"], outcome["taken"], outcome["balance"]) == (10, 10, 0)
    recorded(staff, resident, "care", hours=3)
    outcome = recorded(staff, resident, "care", hours=1, late=True)
    assert (outcome["awarded"], outcome["taken"], outcome["balance"]) == (10, 15, 25)
    audit(town)


VOID = '[[void]]\nid = "complaint"\nevent = "complaint"\ntitle = "被投诉"\nof = "care"\n'


def test_an_event_that_is_void_gives_back_its_points_its_limit_and_its_hours(town: TownBuilder, api: ApiClient) -> None:
    star = '[[tally]]\nid = "star"\ntitle = "每月之星"\nof = "points"\nper = "ever"\n'
    under(town, SERVICE, 'limits = [{ points = 30, per = "ever" }]\n', star, VOID)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", ref="s1", hours=2)
    recorded(staff, resident, "care", ref="s2", hours=1)
    outcome = recorded(staff, resident, "complaint", care="s1")
    assert (outcome["balance"], lines(outcome)) == (10, [("void", "complaint", 0)])
    assert usage(town) == {("care", "ever"): (10, 30)}
    assert counts(town, resident) == {
        ("earned:points", "ever"): 10,
        ("tally:hours", "ever"): 1 * 60 * 10_000,
        ("tally:star", "ever"): 10,
    }
    assert (statement_of(api, resident)[0]["kind"], statement_of(api, resident)[0]["amount"]) == ("reverse", -20)
    assert recorded(staff, resident, "care", hours=2)["awarded"] == 20
    audit(town)


def test_an_event_is_void_once_and_only_for_whom_it_is_about(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, VOID)
    resident, other, staff = town.resident(), town.resident(), organiser(town, api)
    recorded(staff, resident, "care", ref="s1", hours=2)
    recorded(staff, other, "complaint", care="s1")
    recorded(staff, resident, "complaint", care="no-such-service")
    assert balance_of(api, resident) == 20
    assert [recorded(staff, resident, "complaint", care="s1")["balance"] for _ in range(2)] == [0, 0]
    assert counts(town, resident)["tally:hours", "ever"] == 0
    audit(town)


def test_who_takes_back_what_an_older_rulebook_counted_takes_a_turn_for_it(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", ref="s1", hours=2, at=utc_now() - timedelta(days=2))
    check_in = '[[earn]]\nid = "in"\nevent = "checkin"\ntitle = "签到"\namount = 5\n'
    put_in_force(town, HEAD + check_in + VOID, days_ago=1)
    recorded(staff, resident, "complaint", care="s1")
    assert counts(town, resident)["tally:hours", "ever"] == 0
    assert [row.events for row in town.rows(Standing.events, resident_id=resident.id)] == [2]


def test_a_check_in_is_declared_void_by_its_session_and_its_resident(town: TownBuilder, api: ApiClient) -> None:
    under(town, '[[earn]]\nid = "in"\nevent = "checkin"\ntitle = "签到"\namount = 5\n', VOID)
    session_id, resident = town.session(), town.resident()
    assert reserve(api.as_(resident), session_id).status_code == 201
    scan(api.as_(town.staff(Role.SCANNER)), session_id, town.code_of(resident))
    assert balance_of(api, resident) == 5
    outcome = recorded(organiser(town, api), resident, "complaint", care=f"{session_id}:{resident.id}")
    assert outcome["balance"] == 0
    audit(town)


def test_what_staff_took_back_before_is_not_taken_back_again(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, VOID)
    resident, staff = town.resident(), organiser(town, api)
    for ref, amount in (("part", 15), ("all", 20)):
        recorded(staff, resident, "care", ref=ref, hours=2)
        txn = statement_of(api, resident)[0]["id"]
        body = {"reason": "登记有误", "amount": amount}
        assert manager(town, api).post(f"/ledger/transactions/{txn}/reversal", body).status_code == 201
        assert recorded(staff, resident, "complaint", care=ref)["balance"] == 0
    audit(town)


def test_points_that_are_spent_can_not_be_taken_back_and_nothing_is_recorded(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, VOID, '[transfer]\nwithin = "household"\n')
    home = household(town)
    resident, partner = town.resident(household_id=home), town.resident(household_id=home)
    staff = organiser(town, api)
    recorded(staff, resident, "care", ref="s1", hours=2)
    body = {"to_resident_id": str(partner.id), "amount": 5}
    assert api.as_(resident).post("/me/points/transfers", body).status_code == 201
    before = effects(town)
    problem_of(record(staff, resident, "complaint", care="s1"), 409, "points.insufficient")
    assert effects(town) == before


# Levels


LADDER = """
[[ladder]]
id = "star"
title = "星级志愿者"
falls = false
[[ladder.level]]
id = "star-1"
title = "一星级"
at = { "tally.hours" = 3 }
rights = [{ title = "可借图书", id = "loans", value = 2 }]
[[ladder.level]]
id = "star-2"
title = "二星级"
at = { "tally.hours" = 10, "balance.points" = 60 }
rights = [{ title = "公交卡" }]
"""


def test_a_level_is_reached_and_shown_with_what_is_missing_for_the_next(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, LADDER)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", hours=2)
    assert standing(api, resident) == {
        "rulebook": "红星积分",
        "balances": [{"id": "points", "name": "积分", "amount": 20}],
        "ladders": [
            {
                "id": "star",
                "title": "星级志愿者",
                "level": None,
                "level_title": None,
                "rights": [],
                "next_title": "一星级",
                "missing": [{"measure": "tally.hours", "have": 2, "need": 3}],
            }
        ],
        "blocks": [],
    }
    outcome = recorded(staff, resident, "care", hours=1.5)
    assert [line["explanation"] for line in outcome["lines"] if line["kind"] in ("level", "right")] == [
        "星级志愿者：达到一星级",
        "星级志愿者一星级：可借图书",
    ]
    [ladder] = standing(api, resident)["ladders"]
    assert (ladder["level"], ladder["level_title"], ladder["next_title"]) == ("star-1", "一星级", "二星级")
    assert ladder["rights"] == [{"title": "可借图书", "id": "loans", "value": 2}]
    assert ladder["missing"] == [
        {"measure": "tally.hours", "have": 3.5, "need": 10},
        {"measure": "balance.points", "have": 35, "need": 60},
    ]
    assert town.rows(StandingLevel.ladder, StandingLevel.level, resident_id=resident.id) == [("star", "star-1")]


def test_the_highest_level_has_no_next_and_is_kept_though_points_go(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, LADDER, '[[deduct]]\nid = "fault"\nevent = "fault"\ntitle = "违规"\namount = "all"\n')
    resident, staff = town.resident(), organiser(town, api)
    for _ in range(2):
        recorded(staff, resident, "care", hours=6)
    recorded(staff, resident, "fault")
    [ladder] = standing(api, resident)["ladders"]
    assert (ladder["level"], ladder["next_title"], ladder["missing"]) == ("star-2", None, [])


def test_a_level_that_the_next_rules_put_below_is_not_reached_again(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, LADDER)
    resident, someone = town.resident(), town.staff(Role.ORGANISER)
    first = '[[ladder.level]]\nid = "star-1"'
    below = '[[ladder.level]]\nid = "star-0"\ntitle = "初级"\nat = { "tally.hours" = 1 }\n'
    town.act(None, publish, HEAD + SERVICE + LADDER.replace(first, below + first), THEN + timedelta(days=1))
    with at(0):
        recorded(api.as_(someone), resident, "care", hours=4)
        assert standing(api, resident)["ladders"][0]["level"] == "star-1"
    with at(2):
        assert standing(api, resident)["ladders"][0]["level"] == "star-1"
        outcome = recorded(api.as_(someone), resident, "care", hours=1)
        assert [line["kind"] for line in outcome["lines"]] == ["award"], "and its rights don't come again"
        [ladder] = standing(api, resident)["ladders"]
        assert (ladder["level"], ladder["next_title"]) == ("star-1", "二星级")


def test_a_level_that_follows_the_balance_is_shown_as_it_is_now(town: TownBuilder, api: ApiClient) -> None:
    under(
        town,
        '[[earn]]\nid = "good"\nevent = "good"\ntitle = "好事"\namount = 10\n',
        """
[[ladder]]
id = "credit"
title = "信用等级"
falls = true
[[ladder.level]]
id = "a"
title = "甲"
at = { "balance.points" = 10 }
""",
    )
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "good")
    assert standing(api, resident)["ladders"][0]["level"] == "a"
    body = {"resident_id": str(resident.id), "amount": -1, "reason": "更正"}
    adjusted = manager(town, api).post("/points/adjustments", body)
    assert adjusted.status_code == 201
    manager(town, api).post(f"/points/adjustments/{adjusted.json['id']}/approval")
    assert standing(api, resident)["ladders"][0]["level"] is None, (
        "no event is needed for a level that follows a balance"
    )


def test_a_level_that_is_kept_while_something_holds_is_shown_as_kept(town: TownBuilder, api: ApiClient) -> None:
    under(
        town,
        """
[[earn]]
id = "good"
event = "good"
title = "好事"
amount = 10
[[deduct]]
id = "bad"
event = "bad"
title = "坏事"
amount = 5
[[ladder]]
id = "credit"
title = "信用等级"
falls = true
kept_while = { person.volunteer = true }
[[ladder.level]]
id = "a"
title = "甲"
at = { "balance.points" = 10 }
""",
    )
    staff = organiser(town, api)
    for resident, level in ((town.resident(volunteer=True), "a"), (town.resident(), None)):
        recorded(staff, resident, "good")
        recorded(staff, resident, "bad")
        assert standing(api, resident)["ladders"][0]["level"] == level


def test_a_level_that_an_older_version_gives_a_late_event_is_not_kept(town: TownBuilder, api: ApiClient) -> None:
    """Levels on record are those of today's rules: a late event is judged by those of its day, and reaches theirs."""
    under(town, SERVICE, LADDER)
    put_in_force(town, HEAD + SERVICE + LADDER.replace('"tally.hours" = 3', '"tally.hours" = 9'), days_ago=1)
    resident, staff = town.resident(), organiser(town, api)
    late = recorded(staff, resident, "care", at=utc_now() - timedelta(days=2), hours=4)
    assert [line["kind"] for line in late["lines"]] == ["award", "level", "right"]
    assert town.rows(StandingLevel.level) == []
    assert standing(api, resident)["ladders"][0]["level"] is None
    recorded(staff, resident, "care", hours=5)
    assert town.rows(StandingLevel.level) == [("star-1",)]


def test_a_level_that_falls_is_not_kept_by_an_event_of_a_day_that_is_over(town: TownBuilder, api: ApiClient) -> None:
    """What a month or a balance was then says nothing of today; a level that doesn't fall is reached all the same."""
    today = '[[tally]]\nid = "today"\ntitle = "当日"\nevents = ["care"]\nper = "day"\n'
    falling = (
        '[[ladder]]\nid = "daily"\ntitle = "今日之星"\nfalls = true\n'
        '[[ladder.level]]\nid = "a"\ntitle = "甲"\nat = { "tally.today" = 1 }\n'
    )
    under(town, SERVICE, today, LADDER, falling)
    resident, staff = town.resident(), organiser(town, api)
    late = recorded(staff, resident, "care", at=utc_now() - timedelta(days=1), hours=4)
    assert [line["rule_id"] for line in late["lines"] if line["kind"] == "level"] == ["star", "daily"]
    assert town.rows(StandingLevel.ladder, StandingLevel.level) == [("star", "star-1")]
    recorded(staff, resident, "care", hours=1)
    assert sorted(town.rows(StandingLevel.ladder, StandingLevel.level)) == [("daily", "a"), ("star", "star-1")]


def test_two_levels_at_once_bring_the_points_of_both(town: TownBuilder, api: ApiClient) -> None:
    levels = "".join(
        f"""
[[ladder.level]]
id = "star-{n}"
title = "{n} 星"
at = {{ "tally.hours" = {n} }}
rights = [{{ title = "礼品", points = {points}, currency = "gifts" }}]
"""
        for n, points in ((1, 5), (2, 7))
    )
    under(
        town,
        '[[currency]]\nid = "points"\nname = "积分"\n[[currency]]\nid = "gifts"\nname = "礼品券"\n',
        SERVICE,
        '[[ladder]]\nid = "star"\ntitle = "星级"\nfalls = false\n' + levels,
    )
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", hours=2)
    assert [each["amount"] for each in standing(api, resident)["balances"]] == [20, 12]
    audit(town)


# Penalties and freezes


NO_SHOWS = """
[[penalty]]
id = "no-show"
title = "爽约"
events = ["absent"]
where = { excused = false }
per = "120 days"
[[penalty.step]]
at = 2
warns = true
[[penalty.step]]
at = 3
suspends = { days = 30 }
"""


def test_who_does_not_come_three_times_can_not_reserve_until_the_suspension_is_over(
    town: TownBuilder, api: ApiClient
) -> None:
    under(town, NO_SHOWS)
    resident, other, someone = town.resident(), town.resident(), town.staff(Role.ORGANISER)
    until = local_moment(local_day(THEN) + timedelta(days=32), "00:00").astimezone(ZONE)
    with at(0):
        assert lines(recorded(api.as_(someone), resident, "absent")) == []
    with at(1):
        assert lines(recorded(api.as_(someone), resident, "absent", excused=True)) == []
        assert lines(recorded(api.as_(someone), resident, "absent")) == [("warning", "no-show", 0)]
        assert reserve(api.as_(resident), town.session()).status_code == 201, "a warning keeps nobody out"
    with at(2):
        [line] = recorded(api.as_(someone), resident, "absent")["lines"]
        assert (line["kind"], line["until"]) == ("suspension", until.isoformat())
        assert line["explanation"] == f"爽约：第 3 次，暂停预约至 {until.date().isoformat()}"
        document = problem_of(reserve(api.as_(resident), town.session()), 403, "reservation.suspended_until")
        assert until.date().isoformat() in document["detail"]
        assert standing(api, resident)["blocks"] == [
            {"title": "爽约", "what": ["booking"], "since": None, "until": until.isoformat(), "ways_out": []}
        ]
        assert reserve(api.as_(other), town.session()).status_code == 201
    with time_machine.travel(until - timedelta(seconds=1), tick=False):
        problem_of(reserve(api.as_(resident), town.session()), 403, "reservation.suspended_until")
    with time_machine.travel(until, tick=False):
        assert reserve(api.as_(resident), town.session()).status_code == 201
        assert standing(api, resident)["blocks"] == []
    assert len(town.rows(Reservation.id, resident_id=resident.id)) == 2


def test_a_suspension_for_good_says_so(town: TownBuilder, api: ApiClient) -> None:
    under(town, NO_SHOWS.replace("{ days = 30 }", "{ for_good = true }"))
    resident, staff = town.resident(), organiser(town, api)
    for _ in range(3):
        outcome = recorded(staff, resident, "absent")
    assert [(line["kind"], line["until"]) for line in outcome["lines"]] == [("suspension", None)]
    assert "直至工作人员恢复" in explained(outcome)
    problem_of(reserve(api.as_(resident), town.session()), 403, "reservation.frozen")
    assert standing(api, resident)["blocks"][0]["until"] is None


def test_a_suspension_that_forbids_something_else_keeps_nobody_from_reserving(
    town: TownBuilder, api: ApiClient
) -> None:
    under(town, NO_SHOWS.replace("per =", 'blocks = ["earning", "redemption"]\nper ='), SERVICE)
    resident, staff = town.resident(), organiser(town, api)
    for _ in range(3):
        recorded(staff, resident, "absent")
    assert reserve(api.as_(resident), town.session()).status_code == 201
    outcome = recorded(staff, resident, "care", hours=1)
    assert (outcome["awarded"], lines(outcome)) == (0, [("nothing", "care", 0)])
    assert "爽约" in explained(outcome)


FREEZE = """
[[deduct]]
id = "fault"
event = "fault"
title = "违规"
amount = 10
[[freeze]]
id = "booking"
title = "积分扣完，暂停预约"
where = { balance.points = { max = 0 } }
blocks = ["booking"]
"""
BY_SERVICE = """
[[freeze.exit]]
title = "服务满 2 小时"
collects = { events = ["care"], quantity = "hours", amount = 2 }
"""


def test_a_freeze_forbids_reserving_until_a_way_out_is_taken(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, FREEZE, BY_SERVICE)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", hours=1)
    assert reserve(api.as_(resident), town.session()).status_code == 201
    assert lines(recorded(staff, resident, "fault")) == [("deduction", "fault", 10), ("frozen", "booking", 0)]
    problem_of(reserve(api.as_(resident), town.session()), 403, "reservation.frozen")
    [block] = standing(api, resident)["blocks"]
    assert (block["title"], block["what"], block["until"]) == ("积分扣完，暂停预约", ["booking"], None)
    assert block["ways_out"] == ["服务满 2 小时"]
    assert block["since"] is not None
    recorded(staff, resident, "care", hours=1)
    problem_of(reserve(api.as_(resident), town.session()), 403, "reservation.frozen")
    assert [line["kind"] for line in recorded(staff, resident, "care", hours=1)["lines"]] == ["award", "unfrozen"]
    assert reserve(api.as_(resident), town.session()).status_code == 201
    assert standing(api, resident)["blocks"] == []
    assert (town.rows(StandingFreeze), town.rows(StandingSuspension)) == ([], [])
    audit(town)


def test_a_freeze_that_ends_after_some_days_ends_though_nothing_happens(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, FREEZE, BY_SERVICE, '[[freeze.exit]]\ntitle = "60 天后"\nafter_days = 60\n')
    resident, someone = town.resident(), town.staff(Role.ORGANISER)
    until = local_moment(local_day(THEN) + timedelta(days=60), "00:00").astimezone(ZONE)
    with at(0):
        recorded(api.as_(someone), resident, "care", hours=1)
        recorded(api.as_(someone), resident, "fault")
        assert [block["until"] for block in standing(api, resident)["blocks"]] == [until.isoformat()]
    with time_machine.travel(until - timedelta(seconds=1), tick=False):
        assert reserve(api.as_(resident), town.session()).status_code == 403
    with time_machine.travel(until, tick=False):
        assert reserve(api.as_(resident), town.session()).status_code == 201
        assert standing(api, resident)["blocks"] == []
        outcome = recorded(api.as_(someone), resident, "care", hours=1)
        assert [line["kind"] for line in outcome["lines"]] == ["unfrozen", "award"]
    assert town.rows(StandingFreeze) == []


def test_a_freeze_that_the_next_rules_know_nothing_of_is_over_and_a_suspension_runs_to_its_end(
    town: TownBuilder, api: ApiClient
) -> None:
    under(town, NO_SHOWS, SERVICE, FREEZE, BY_SERVICE)
    frozen, suspended, someone = town.resident(), town.resident(), town.staff(Role.ORGANISER)
    town.act(None, publish, HEAD + SERVICE, THEN + timedelta(days=2))
    with at(0):
        recorded(api.as_(someone), frozen, "care", hours=1)
        recorded(api.as_(someone), frozen, "fault")
        for _ in range(3):
            recorded(api.as_(someone), suspended, "absent")
    with at(1):
        problem_of(reserve(api.as_(frozen), town.session()), 403, "reservation.frozen")
        problem_of(reserve(api.as_(suspended), town.session()), 403, "reservation.suspended_until")
    with at(3):
        assert reserve(api.as_(frozen), town.session()).status_code == 201
        assert standing(api, frozen)["blocks"] == []
        problem_of(reserve(api.as_(suspended), town.session()), 403, "reservation.suspended_until")
    with at(31):
        assert reserve(api.as_(suspended), town.session()).status_code == 201


# Several currencies


BOOKS = """
[[currency]]
id = "points"
name = "积分"
[[currency]]
id = "culture"
name = "文化积分"
[[currency]]
id = "lebi"
name = "乐币"
decimals = 1
[[earn]]
id = "reading"
event = "reading"
title = "阅读"
amount = 3
currency = "culture"
[[earn]]
id = "reciting"
event = "reading"
title = "朗诵"
amount = 5
currency = "culture"
[[earn]]
id = "presence"
event = "reading"
title = "到场"
amount = 2
[[convert]]
id = "to-lebi"
title = "折算为乐币"
source = ["culture"]
target = "lebi"
rate = 0.5
automatic = true
limits = [{ points = 10, per = "ever" }]
"""


def books(api: ApiClient, resident: Person) -> dict[str, float]:
    return {each["id"]: each["amount"] for each in standing(api, resident)["balances"]}


def test_each_currency_is_in_a_book_of_its_own_and_turns_into_the_next(town: TownBuilder, api: ApiClient) -> None:
    under(town, BOOKS)
    resident, staff = town.resident(), organiser(town, api)
    outcome = recorded(staff, resident, "reading")
    assert (outcome["awarded"], outcome["balance"]) == (2, 2)
    assert lines(outcome) == [
        ("award", "reading", 3),
        ("conversion", "to-lebi", 3),
        ("award", "to-lebi", 15),
        ("award", "reciting", 5),
        ("conversion", "to-lebi", 5),
        ("award", "to-lebi", 25),
        ("award", "presence", 2),
    ]
    assert books(api, resident) == {"points": 2, "culture": 0, "lebi": 4}
    recorded(staff, resident, "reading")
    assert books(api, resident) == {"points": 4, "culture": 6, "lebi": 5}, "10 of them turn, and no more"
    assert usage(town) == {("to-lebi", "ever"): (10, 10)}
    by_book = {row.code: row.id for row in town.rows(Book.id, Book.code)}
    moved = town.rows(Txn.book_id, Txn.kind, Txn.rule_id)
    assert {row.rule_id for row in moved if row.book_id == by_book["culture"]} == {"reading", "reciting", "to-lebi"}
    assert {row.rule_id for row in moved if row.book_id == by_book["lebi"]} == {"to-lebi"}
    assert balance_of(api, resident) == 4
    audit(town)


def test_an_event_that_is_void_gives_back_what_it_turned_into(town: TownBuilder, api: ApiClient) -> None:
    under(town, BOOKS, VOID)
    resident, staff = town.resident(), organiser(town, api)
    for ref in ("first", "second"):
        recorded(staff, resident, "reading", ref=ref)
    recorded(staff, resident, "complaint", care="first")
    assert books(api, resident) == {"points": 2, "culture": 6, "lebi": 1}
    assert usage(town) == {("to-lebi", "ever"): (2, 10)}
    audit(town)


def test_staff_take_back_an_award_of_any_book_in_that_book(town: TownBuilder, api: ApiClient) -> None:
    under(town, BOOKS)
    resident, staff, boss = town.resident(), organiser(town, api), manager(town, api)
    recorded(staff, resident, "reading")
    awards = town.rows(Txn.id, Txn.kind, rule_id="to-lebi", kind=TxnKind.EARN)
    for txn in awards:
        assert boss.post(f"/ledger/transactions/{txn.id}/reversal", {"reason": "登记有误"}).status_code == 201
    assert books(api, resident) == {"points": 2, "culture": 0, "lebi": 0}
    audit(town)


def test_what_is_beyond_the_ceiling_goes_to_the_next_book_and_counts_under_the_limit_once(
    town: TownBuilder, api: ApiClient
) -> None:
    under(
        town,
        """
[[currency]]
id = "points"
name = "积分"
ceiling = 10
overflow = "fund"
[[currency]]
id = "fund"
name = "公益基金"
[[earn]]
id = "good"
event = "good"
title = "好事"
amount = 6
limits = [{ points = 20, per = "ever" }]
""",
    )
    resident, staff = town.resident(), organiser(town, api)
    for n, (points, fund) in enumerate(((6, 0), (10, 2), (10, 8), (10, 10), (10, 10))):
        recorded(staff, resident, "good")
        assert books(api, resident) == {"points": points, "fund": fund}, n
    assert usage(town) == {("good", "ever"): (20, 20)}
    audit(town)


def test_the_nightly_run_books_what_has_lapsed_in_every_book(house: House, town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, HEAD.replace("years = 1", 'months = 1\nround_up_to = "day"') + BOOKS)
    resident, someone = town.resident(), town.staff(Role.ORGANISER)
    with at(0):
        for _ in range(2):
            recorded(api.as_(someone), resident, "reading")
        assert books(api, resident) == {"points": 4, "culture": 6, "lebi": 5}
    assert books(api, resident) == {"points": 0, "culture": 0, "lebi": 0}, "whether the run has come or not"
    errand = Errand(Means(town.database, house.keys), town.id, utc_now())
    done = [JOBS_BY_NAME["ledger-expiry"].deed(errand) for _ in range(2)]
    assert [each.result for each in done] == [
        {"wallets": 3, "lots": 3, "points": 4 + 6 + 50},
        {"wallets": 0, "lots": 0, "points": 0},
    ]
    assert len({row.book_id for row in town.rows(Txn.book_id, kind=TxnKind.EXPIRE)}) == 3
    audit(town)


TOTAL = """
[[total]]
id = "all"
title = "两种积分合计"
currencies = ["points", "culture"]
"""


def test_a_condition_on_a_total_finds_what_is_held_of_all_its_currencies(town: TownBuilder, api: ApiClient) -> None:
    """No other rule of this book asks for a balance."""
    culture = '[[earn]]\nid = "reading"\nevent = "reading"\ntitle = "阅读"\namount = 4\ncurrency = "culture"\n'
    visit = '[[earn]]\nid = "visit"\nevent = "visit"\ntitle = "到访"\namount = 3\nwhere = { total.all = { min = 7 } }\n'
    two = '[[currency]]\nid = "points"\nname = "积分"\n[[currency]]\nid = "culture"\nname = "文化积分"\n'
    under(town, two, TOTAL, culture, visit)
    resident, staff = town.resident(), organiser(town, api)
    give(town, resident, 3)
    assert lines(recorded(staff, resident, "visit")) == []
    recorded(staff, resident, "reading")
    assert lines(recorded(staff, resident, "visit")) == [("award", "visit", 3)]
    audit(town)


def test_a_way_out_sets_the_balance_to_what_it_says_whatever_was_held(town: TownBuilder, api: ApiClient) -> None:
    """No other rule of this book asks for a balance."""
    under(
        town,
        """
[[tally]]
id = "faults"
title = "违规"
events = ["fault"]
[[freeze]]
id = "borrowing"
title = "暂停借阅"
where = { tally.faults = { min = 2 } }
blocks = ["borrow"]
[[freeze.exit]]
title = "通过测验"
event = "quiz"
balance_becomes = 50
""",
    )
    staff, poor, rich = organiser(town, api), town.resident(), town.resident()
    for resident, before in ((poor, 10), (rich, 70)):
        give(town, resident, before)
        for _ in range(2):
            recorded(staff, resident, "fault")
        outcome = recorded(staff, resident, "quiz")
        assert (outcome["awarded"], outcome["taken"]) == (max(50 - before, 0), max(before - 50, 0))
        assert balance_of(api, resident) == 50
    audit(town)


# The budget


def test_when_the_budget_is_used_up_hours_count_and_nothing_is_paid(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, LADDER)
    give(town, town.resident(), BUDGET - 15)
    resident, staff = town.resident(), organiser(town, api)
    outcome = recorded(staff, resident, "care", hours=3)
    assert (outcome["awarded"], outcome["balance"]) == (0, 0)
    assert [line["kind"] for line in outcome["lines"]] == ["nothing", "level", "right"]
    assert "积分预算已用完，本次没有发放积分" in explained(outcome)
    assert counts(town, resident) == {("tally:hours", "ever"): 3 * 60 * 10_000}
    assert (balance_of(api, resident), standing(api, resident)["ladders"][0]["level"]) == (0, "star-1")
    assert recorded(staff, resident, "care", hours=1)["awarded"] == 10, "what the budget still has is paid"
    audit(town)


def test_what_the_budget_did_not_pay_used_no_limit(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, 'limits = [{ points = 20, per = "day" }]\n')
    give(town, town.resident(), BUDGET - 15)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "care", hours=2)
    assert usage(town) == {}
    assert recorded(staff, resident, "care", hours=1)["awarded"] == 10


def test_a_level_that_brings_points_is_reached_though_the_budget_is_used_up(town: TownBuilder, api: ApiClient) -> None:
    under(town, SERVICE, LADDER.replace('id = "loans", value = 2', "points = 25"))
    give(town, town.resident(), BUDGET - 15)
    resident, staff = town.resident(), organiser(town, api)
    outcome = recorded(staff, resident, "care", hours=3)
    assert (outcome["awarded"], outcome["balance"]) == (0, 0)
    assert standing(api, resident)["ladders"][0]["level"] == "star-1"


def test_a_score_that_nobody_spends_needs_no_budget(town: TownBuilder, api: ApiClient) -> None:
    under(town, BOOKS)
    give(town, town.resident(), BUDGET)
    resident, staff = town.resident(), organiser(town, api)
    recorded(staff, resident, "reading")
    assert books(api, resident) == {"points": 0, "culture": 0, "lebi": 4}
    audit(town)
