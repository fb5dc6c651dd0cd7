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
from models.ledger import Event
from models.residents import Role
from models.rulebook import Standing
from rules.clock import local_day, utc_now
from rules.points.recording import OF_THE_HOUSE, RECORD_DAYS_MAX
from tests.build import ApiClient, TownBuilder, fresh_key, new_town
from tests.edge.helpers import NOBODY, problem_of, reserve, scan
from tests.ledger.keeping import audit
from tests.points.hands import balance_of, effects, give, household, manager, statement_of
from tests.points.staff_events import HEAD, SERVICE, THEN, VOID, under
from tests.rulebook.live import counts, explained, lines, organiser, put_in_force, record, recorded, usage

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
