"""What a rulebook says about an event: how much, why, until when, within which limits; numbers to be checked by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from rules.rulebook.decision import Decision, Happening, LineKind
from rules.rulebook.document import parse
from rules.rulebook.evaluation import evaluate
from rules.rulebook.plan import Plan
from rules.rulebook.standing import NEVER, Standing
from tests.rulebook.story import Story, kinds, reasons

HEAD = """
name = "测试积分规则"
[expiry]
years = 1
[calculation]
round = "down"
order = "document"
"""


def earn(said: str, number: int = 1) -> str:
    return f'[[earn]]\nid = "rule-{number}"\ntitle = "第{number}条"\nevent = "go"\n{said}\n'


def deduct(said: str) -> str:
    return f'[[deduct]]\nid = "loss"\ntitle = "扣分"\nevent = "lose"\n{said}\n'


def currency(said: str = "", word: str = "points") -> str:
    return f'[[currency]]\nid = "{word}"\nname = "{word}"\n{said}\n'


def told(*rules: str, head: str = HEAD, **person: Any) -> Story:
    return Story.under(head + "".join(rules), **person)


def given(rule: str, head: str = HEAD, **facts: Any) -> Decimal:
    """What one rule gives for one event."""
    return told(earn(rule), head=head).earns("go", **facts)


def only(decision: Decision) -> Any:
    [line] = decision.lines
    return line


# --- an event and its rules -------------------------------------------------------------------------------------------


def test_a_rule_gives_its_amount_for_its_event() -> None:
    award = only(told(earn('amount = 5\nunit = "场"')).tell("go", "2026-05-01 09:00", "亲子早教"))
    assert (award.kind, award.rule_id, award.currency, award.amount) == (LineKind.AWARD, "rule-1", "points", 5)
    assert award.expires_on == date(2027, 12, 31)
    assert award.explanation == (
        "第1条《亲子早教》：每场 5 分 × 1 场 = 5 分，有效期至 2027-12-31（测试积分规则，规则 rule-1）"
    )


def test_an_event_of_which_no_rule_speaks_leads_to_nothing() -> None:
    story = told(earn("amount = 5"))
    for kind, facts in (("like", {}), ("Go", {}), ("", {})):
        decision = story.tell(kind, **facts)
        assert decision.lines == []
        assert decision.changes == type(decision.changes)()


def test_a_rule_whose_condition_does_not_hold_says_nothing() -> None:
    assert told(earn("amount = 5\nwhere = { late = false }")).tell("go", late=True).lines == []


def test_one_rule_may_speak_of_several_kinds_and_several_rules_of_one() -> None:
    story = told(earn("amount = 5").replace('"go"', '["go", "come"]'), earn("amount = 2", 2))
    assert [line.rule_id for line in story.tell("go").lines] == ["rule-1", "rule-2"]
    assert [line.rule_id for line in story.tell("come").lines] == ["rule-1"]


@pytest.mark.parametrize(
    ("occurred_at", "good_until"),
    [
        (datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC), date(2027, 12, 31)),
        (datetime(2026, 12, 31, 16, 0, 0, tzinfo=UTC), date(2028, 12, 31)),
    ],
)
def test_the_day_of_an_event_is_the_communitys(occurred_at: datetime, good_until: date) -> None:
    plan = Plan(parse(HEAD + earn("amount = 5")))
    assert only(evaluate(plan, Happening("go", occurred_at), Standing())).expires_on == good_until


def test_a_rule_may_say_itself_how_long_its_points_are_good() -> None:
    story = told(earn("amount = 1\nexpiry = { never = true }"), earn("amount = 1\nexpiry = { months = 1 }", 2))
    never, months = story.tell("go", "2026-05-01").lines
    assert (never.expires_on, months.expires_on) == (NEVER, date(2026, 6, 30))
    assert "永久有效" in never.explanation
    assert "有效期至 2026-06-30" in months.explanation


@pytest.mark.parametrize(
    ("day", "points"), [("2026-04-22", 0), ("2026-04-23", 5), ("2026-05-13", 5), ("2026-05-14", 0)]
)
def test_a_rule_holds_from_its_first_day_to_its_last(day: str, points: int) -> None:
    assert told(earn("amount = 5\nstarts_on = 2026-04-23\nends_on = 2026-05-13")).earns("go", day) == points


def test_only_who_is_eligible_earns_and_the_others_are_told_why() -> None:
    rules = earn("amount = 5") + '[eligibility]\ntitle = "仅限注册志愿者"\nwhere = { person.volunteer = true }'
    assert told(rules, volunteer=True).earns("go") == 5
    line = only(told(rules).tell("go"))
    assert (line.kind, line.amount) == (LineKind.NOTHING, 0)
    assert "仅限注册志愿者" in line.explanation


def test_without_a_budget_nothing_is_given_and_everything_else_goes_on() -> None:
    tally = '[[tally]]\nid = "days"\ntitle = "x"\nevents = ["go"]\n'
    story = told(tally, earn("amount = 5"))
    decision = evaluate(story.plan, Happening("go", story.now), story.standing, gives=False)
    assert kinds(decision) == [LineKind.NOTHING]
    assert "预算已用完" in reasons(decision)
    assert decision.changes.counters == {("tally:days", "ever"): 1}


# --- how much ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "facts", "points"),
    [
        ('amount = 2\neach = "items"', {"items": 3}, 6),
        ('amount = 2\neach = "items"', {"items": 0}, 0),
        ('amount = 2\neach = "items"', {}, 0),
        ('amount = 2\neach = "items"', {"items": -3}, 0),
        ('amount = 2\neach = "items"', {"items": "3"}, 0),
        ('amount = 2\neach = "items"', {"items": True}, 0),
        ('amount = 2\neach = "hours"', {"minutes": 90}, 3),
        ('amount = 2\neach = "hours"', {"hours": Decimal("1.5")}, 3),
        ('amount = 2\neach = "hours"', {"hours": 2, "minutes": 30}, 4),
        ('amount = 1\neach = "minutes"', {"hours": 2}, 120),
        ('amount = 1\neach = "minutes"', {"minutes": 45}, 45),
        ('amount = 5\neach = "items"\nper = 2', {"items": 4}, 10),
        ('amount = 5\neach = "items"\nper = 2', {"items": 3}, 7),
        ('amount = 1\neach = "items"\nper = 0.5', {"items": 3}, 6),
        ('amount = 2\neach = "items"\nat_most = 2', {"items": 3}, 4),
        ('amount = 2\neach = "items"\nat_most = 2', {"items": 2}, 4),
    ],
)
def test_a_quantity_of_the_event_multiplies_the_amount(rule: str, facts: Any, points: int) -> None:
    assert given(rule, **facts) == points


@pytest.mark.parametrize(
    ("step", "minutes", "points"),
    [
        ('{ of = 1, round = "down" }', 59, 0),
        ('{ of = 1, round = "down" }', 60, 10),
        ('{ of = 1, round = "down" }', 119, 10),
        ('{ of = 1, round = "up" }', 1, 10),
        ('{ of = 1, round = "up" }', 60, 10),
        ('{ of = 1, round = "up" }', 61, 20),
        ('{ of = 1, round = "half_up" }', 29, 0),
        ('{ of = 1, round = "half_up" }', 30, 10),
        ('{ of = 0.5, round = "down" }', 89, 10),
        ('{ of = 0.5, round = "down" }', 90, 15),
        ('{ of = 0.5, round = "up" }', 61, 15),
    ],
)
def test_quantities_count_in_steps(step: str, minutes: int, points: int) -> None:
    assert given(f'amount = 10\neach = "hours"\nstep = {step}', minutes=minutes) == points


@pytest.mark.parametrize(("rounding", "numbers"), [("down", [0, 1, 2]), ("up", [1, 2, 3]), ("half_up", [0, 2, 2])])
def test_points_are_rounded_as_the_rulebook_states(rounding: str, numbers: list[int]) -> None:
    head = HEAD.replace('round = "down"', f'round = "{rounding}"')
    rule = 'amount = 1\neach = "parts"\nper = 100'
    assert [given(rule, head, parts=parts) for parts in (49, 150, 249)] == numbers


def test_points_are_rounded_once_at_the_end_and_to_the_smallest_unit_of_their_currency() -> None:
    factors = "factors = [{ fact = 'a', values = { x = 1.15 } }, { fact = 'b', values = { x = 1.15 } }]"
    assert given(f"amount = 3\n{factors}", a="x", b="x") == 3  # 3.9675
    assert told(currency("decimals = 2"), earn(f"amount = 3\n{factors}")).earns("go", a="x", b="x") == Decimal("3.96")


def test_a_half_is_exactly_a_half_however_it_comes_about() -> None:
    head = HEAD.replace('round = "down"', 'round = "half_up"')
    assert given('amount = 0.1\neach = "items"', head, items=5) == 1
    assert given('amount = 0.1\neach = "items"', head, items=4) == 0
    assert given('amount = 1\neach = "hours"\nper = 3', head, minutes=90) == 1  # 1.5 / 3
    assert given('amount = 1\neach = "hours"\nper = 3', head, minutes=89) == 0


@pytest.mark.parametrize(
    ("facts", "points"),
    [
        ({"level": "区级"}, 12),
        ({"level": "市级"}, 15),
        ({"level": "国家级"}, 10),
        ({}, 10),
        ({"level": 3}, 10),
    ],
)
def test_a_factor_depends_on_a_fact(facts: Any, points: int) -> None:
    factor = "{ fact = 'level', values = { '区级' = 1.2, '市级' = 1.5 }, otherwise = 1 }"
    assert given(f"amount = 10\nfactors = [{factor}]", **facts) == points


def test_factors_multiply_each_other() -> None:
    factors = "{ fact = 'level', values = { a = 1.5 } }, { fact = 'role', values = { head = 2 } }"
    assert given(f"amount = 10\nfactors = [{factors}]", level="a", role="head") == 30


def test_a_factor_without_another_value_gives_nothing_for_it_and_says_what_it_takes() -> None:
    story = told(earn("amount = 10\nfactors = [{ fact = 'level', values = { a = 1.5, b = 2 } }]"))
    for facts in ({"level": "c"}, {}, {"level": None}):
        line = only(story.tell("go", **facts))
        assert line.kind is LineKind.NOTHING
        assert "level 须为 a、b 之一" in line.explanation


@pytest.mark.parametrize(
    ("value", "points"),
    [("a", 3), ("b", 4), ("1", 5), (1, 5), (Decimal("1.0"), 5), (True, 6), ("true", 6), ("c", 0), (None, 0), (2, 0)],
)
def test_an_amount_may_depend_on_a_fact(value: Any, points: int) -> None:
    rule = "amount = { fact = 'level', values = { a = 3, b = 4, 1 = 5, true = 6 } }"
    assert given(rule, level=value) == points


def test_an_amount_by_a_fact_may_have_another_value_and_multiplies_too() -> None:
    rule = "each = 'items'\namount = { fact = 'level', values = { a = 3 }, otherwise = 1 }"
    assert given(rule, level="a", items=2) == 6
    assert given(rule, items=2) == 2


@pytest.mark.parametrize(
    ("amount", "points"),
    [(50, 50), (75, 75), (100, 100), (49, 0), (101, 0), (None, 0), ("75", 0), (True, 0), (Decimal("60.5"), 0)],
)
def test_a_person_decides_within_the_bounds_and_to_the_smallest_unit(amount: Any, points: int) -> None:
    story = told(earn("amount = { min = 50, max = 100 }"))
    facts = {} if amount is None else {"amount": amount}
    decision = story.tell("go", **facts)
    assert decision.total("points") == points
    assert "须由工作人员评定，50 至 100 分" in reasons(decision) or points


def test_weights_add_up_ratings_of_several_people() -> None:
    rule = 'amount = 1\neach = { panel = 0.5, peers = 0.3, household = 0.2 }\nunit = "评分"'
    story = told(currency("decimals = 1"), earn(rule))
    assert story.earns("go", panel=90, peers=80, household=100) == 89
    assert story.earns("go", panel=90) == 0
    assert "peers 未填写" in reasons(story.tell("go", panel=90))
    award = only(story.tell("go", panel=Decimal("9.5"), peers=1, household=1))
    assert "每评分 1 分 × (9.5 × 0.5 + 1 × 0.3 + 1 × 0.2) 评分 = 5.25 分，向下取整 5.2 分" in award.explanation


def test_hours_and_other_quantities_can_be_weighed_together() -> None:
    assert given("amount = 2\neach = { hours = 1, items = 3 }", minutes=30, items=2) == 13


DUTY = '[[tally]]\nid = "hours"\ntitle = "时长"\nevents = ["go"]\nof = "hours"\nper = "year"\n'


def test_only_what_goes_beyond_a_duty_counts() -> None:
    story = told(DUTY, earn('amount = 1\neach = "hours"\nbeyond = { tally = "hours", amount = 5 }'))
    days = [("2026-03-01", 3), ("2026-03-02", 3), ("2026-03-03", 3), ("2027-03-01", 6)]
    assert [story.earns("go", day, hours=hours) for day, hours in days] == [0, 1, 3, 1]


def test_a_duty_is_explained() -> None:
    story = told(DUTY, earn('amount = 1\neach = "hours"\nbeyond = { tally = "hours", amount = 5 }\nunit = "小时"'))
    assert "前 5 小时不计，还差 5 小时" in reasons(story.tell("go", hours=3))
    assert "前 5 小时不计，还差 2 小时" in reasons(story.tell("go", hours=3))
    assert "不计" not in reasons(story.tell("go", hours=3))


def test_at_most_comes_before_a_duty_and_steps_after_it() -> None:
    rule = 'amount = 1\neach = "hours"\nat_most = 4\nbeyond = { tally = "hours", amount = 1.5 }\n'
    story = told(DUTY, earn(rule + 'step = { of = 1, round = "up" }'))
    assert story.earns("go", hours=9) == 3  # 4 at most, 2.5 beyond, 3 begun


def test_an_explanation_shows_every_step_of_the_arithmetic() -> None:
    rule = 'amount = 5\neach = "hours"\nunit = "小时"\nper = 2\nat_most = 3\nstep = { of = 0.5, round = "down" }\n'
    rule += "factors = [{ fact = 'level', values = { a = 1.2 } }]"
    story = told(earn(rule))
    assert "每 2 小时 5 分 × 2.5 小时 ÷ 2 × 系数 1.2（level） = 7.5 分，向下取整 7 分；" in reasons(
        story.tell("go", minutes=170, level="a")
    )
    assert "2.8333…" not in reasons(story.tell("go", minutes=170, level="a"))
    assert "170/60 小时按 0.5 小时向下取整" in reasons(story.tell("go", minutes=170, level="a"))
    assert "4 小时只计 3 小时" in reasons(story.tell("go", hours=4, level="a"))


# --- limits of one rule -----------------------------------------------------------------------------------------------


def earned_on(story: Story, days: list[str], **facts: Any) -> list[int]:
    return [int(story.earns("go", day, **facts)) for day in days]


def test_a_limit_trims_what_would_pass_it_and_says_so() -> None:
    story = told(earn('amount = 8\nlimits = [{ points = 20, per = "day" }]'))
    assert earned_on(story, ["2026-03-02"] * 4) == [8, 8, 4, 0]
    assert earned_on(story, ["2026-03-03"]) == [8]
    line = only(story.tell("go", "2026-03-02"))
    assert line.kind is LineKind.NOTHING
    assert "第1条每日最多 20 分，已计 20 分，本次计 0 分" in line.explanation


def test_over_nothing_gives_only_what_fits_whole() -> None:
    story = told(earn('amount = 8\nlimits = [{ points = 20, per = "day", over = "nothing" }]'))
    assert earned_on(story, ["2026-03-02"] * 3) == [8, 8, 0]
    assert "本次计 0 分" in reasons(story.tell("go"))


def test_a_limit_of_times_counts_awards_of_whatever_size() -> None:
    story = told(earn('amount = 8\nlimits = [{ times = 2, per = "week" }]'))
    assert earned_on(story, ["2026-03-02", "2026-03-08", "2026-03-08", "2026-03-09"]) == [8, 8, 0, 8]
    assert "每周最多 2 次，已有 2 次" in reasons(story.tell("go", "2026-03-05"))


def test_a_limit_of_quantity_trims_what_is_multiplied() -> None:
    rule = 'amount = 3\neach = "items"\nunit = "册"\nlimits = [{ quantity = 5, per = "month" }]'
    story = told(earn(rule))
    assert [story.earns("go", items=items) for items in (3, 4, 1)] == [9, 6, 0]
    assert "每月最多 5 册，已计 5 册，本次计 0 册" in reasons(story.tell("go", items=1))
    whole = told(earn(rule.replace(" }]", ', over = "nothing" }]')))
    assert [whole.earns("go", items=items) for items in (3, 4, 2)] == [9, 0, 6]


def test_a_limit_of_hours_counts_minutes_exactly() -> None:
    story = told(earn('amount = 6\neach = "hours"\nlimits = [{ quantity = 1, per = "day" }]'))
    assert [story.earns("go", minutes=minutes) for minutes in (20, 20, 20, 20)] == [2, 2, 2, 0]


def test_a_limit_for_each_event_holds_within_the_event_and_counts_nothing() -> None:
    story = told(earn('amount = 3\neach = "items"\nlimits = [{ points = 10, per = "event" }]'))
    decision = story.tell("go", items=9)
    assert decision.total("points") == 10
    assert decision.changes.counters == {}
    assert story.earns("go", items=2) == 6


def test_limits_of_facts_count_each_value_apart() -> None:
    story = told(earn('amount = 5\nlimits = [{ times = 1, per = "ever", by = ["loan"] }]'))
    loans = ["a", "a", "b", None, None, "None", True, "true", 1, "1"]
    given_for = [story.earns("go", **({} if loan is None else {"loan": loan})) for loan in loans]
    assert given_for == [5, 0, 5, 5, 0, 5, 5, 5, 5, 5]


def test_values_of_several_facts_do_not_run_into_each_other() -> None:
    story = told(earn('amount = 5\nlimits = [{ times = 1, per = "ever", by = ["a", "b"] }]'))
    assert story.earns("go", a="1|2", b="3") == 5
    assert story.earns("go", a="1", b="2|3") == 5
    assert story.earns("go", a="1\\", b="2") == 5
    assert story.earns("go", a="1|2", b="3") == 0


def test_of_several_limits_each_holds() -> None:
    limits = '[{ points = 10, per = "day" }, { points = 25, per = "month" }, { times = 4, per = "year" }]'
    story = told(earn(f"amount = 6\nlimits = {limits}"))
    assert earned_on(story, ["2026-03-02"] * 3) == [6, 4, 0]
    assert earned_on(story, ["2026-03-03"] * 3) == [6, 4, 0]
    assert earned_on(story, ["2026-03-04"]) == [0], "the fifth of the year"
    story = told(earn(f"amount = 6\nlimits = {limits.replace('times = 4', 'times = 9')}"))
    assert earned_on(story, ["2026-03-02"] * 2 + ["2026-03-03"] * 2 + ["2026-03-04"] * 2) == [6, 4, 6, 4, 5, 0]


def test_every_limit_that_bites_is_told() -> None:
    story = told(earn('amount = 9\nlimits = [{ points = 5, per = "day" }, { points = 3, per = "month" }]'))
    said = reasons(story.tell("go"))
    assert "每日最多 5 分，已计 0 分，本次计 5 分；第1条每月最多 3 分，已计 0 分，本次计 3 分" in said


def test_a_rolling_limit_looks_back_and_at_what_came_later() -> None:
    story = told(earn('amount = 6\nlimits = [{ points = 10, per = "10 days" }]'))
    assert earned_on(story, ["2026-03-01", "2026-03-10", "2026-03-11", "2026-03-20", "2026-03-21"]) == [6, 4, 6, 4, 6]
    late = told(earn('amount = 6\nlimits = [{ points = 10, per = "10 days" }]'))
    assert earned_on(late, ["2026-03-10", "2026-03-01", "2026-03-19", "2026-03-12"]) == [6, 4, 4, 0]


def test_a_rolling_month_ends_where_months_differ_in_length() -> None:
    story = told(earn('amount = 6\nlimits = [{ points = 6, per = "1 months" }]'))
    assert earned_on(story, ["2026-02-28", "2026-01-31"]) == [6, 0], "the month to the 28th holds the 31st"
    story = told(earn('amount = 6\nlimits = [{ points = 6, per = "1 months" }]'))
    assert earned_on(story, ["2026-01-28", "2026-02-28"]) == [6, 6]


def test_limits_follow_the_rulebooks_year() -> None:
    head = HEAD + 'year_starts = "09-01"\n'
    story = told(earn('amount = 6\nlimits = [{ points = 6, per = "year" }]'), head=head)
    assert earned_on(story, ["2026-08-31", "2026-09-01", "2027-08-31", "2025-09-01"]) == [6, 6, 0, 0]


def test_a_limit_of_nothing_gives_nothing() -> None:
    assert given('amount = 6\nlimits = [{ points = 0, per = "day" }]') == 0
    assert given('amount = 6\nlimits = [{ times = 0, per = "ever" }]') == 0


def test_what_is_not_given_is_not_counted() -> None:
    limits = '[{ times = 1, per = "ever" }, { points = 8, per = "day", over = "nothing" }]'
    story = told(earn(f'amount = 3\neach = "items"\nlimits = {limits}'))
    assert [story.earns("go", items=items) for items in (3, 2, 1)] == [0, 6, 0]


# --- limits of several rules together ---------------------------------------------------------------------------------


def shared(said: str) -> str:
    return f'[[limit]]\nid = "all"\ntitle = "合计"\n{said}\n'


TWO = earn('amount = 6\ncategory = "a"') + earn('amount = 8\ncategory = "a"', 2)


@pytest.mark.parametrize(
    ("order", "given_by"),
    [
        ("document", {"rule-1": 6, "rule-2": 4}),
        ("largest_first", {"rule-2": 8, "rule-1": 2}),
        ("smallest_first", {"rule-1": 6, "rule-2": 4}),
    ],
)
def test_rules_that_share_a_limit_are_served_in_the_stated_order(order: str, given_by: dict[str, int]) -> None:
    head = HEAD.replace('order = "document"', f'order = "{order}"')
    decision = told(TWO, shared('categories = ["a"]\npoints = 10\nper = "day"'), head=head).tell("go")
    assert {line.rule_id: line.amount for line in decision.awards} == given_by
    assert [line.rule_id for line in decision.awards] == list(given_by)
    assert "合计每日最多 10 分" in reasons(decision)


def test_smallest_first_lets_a_smaller_one_before_the_documents_order() -> None:
    head = HEAD.replace('order = "document"', 'order = "smallest_first"')
    rules = earn("amount = 8", 2) + earn("amount = 6")
    decision = told(rules, shared('currency = "points"\npoints = 10\nper = "day"'), head=head).tell("go")
    assert [(line.rule_id, line.amount) for line in decision.awards] == [("rule-1", 6), ("rule-2", 4)]


@pytest.mark.parametrize("order", ["largest_first", "smallest_first"])
def test_rules_that_give_the_same_are_served_as_they_stand(order: str) -> None:
    head = HEAD.replace('order = "document"', f'order = "{order}"')
    rules = earn("amount = 6") + earn("amount = 6", 2) + earn("amount = 6", 3)
    decision = told(rules, shared('currency = "points"\npoints = 15\nper = "day"'), head=head).tell("go")
    assert [(line.rule_id, line.amount) for line in decision.awards] == [("rule-1", 6), ("rule-2", 6), ("rule-3", 3)]


@pytest.mark.parametrize("which", ['categories = ["a"]', 'rules = ["rule-1", "rule-2"]', 'currency = "points"'])
def test_a_shared_limit_names_rules_categories_or_a_currency(which: str) -> None:
    story = told(TWO, shared(f'{which}\npoints = 20\nper = "week"'))
    assert earned_on(story, ["2026-03-02", "2026-03-08", "2026-03-09"]) == [14, 6, 14]


def test_a_rule_outside_a_shared_limit_is_not_held_to_it() -> None:
    story = told(TWO, earn("amount = 9", 3), shared('rules = ["rule-1", "rule-2"]\npoints = 10\nper = "day"'))
    assert earned_on(story, ["2026-03-02"] * 2) == [19, 9]


def test_own_limits_come_before_shared_ones() -> None:
    rules = earn('amount = 6\nlimits = [{ points = 3, per = "day" }]') + earn("amount = 8", 2)
    decision = told(rules, shared('currency = "points"\npoints = 10\nper = "day"')).tell("go")
    assert [line.amount for line in decision.awards] == [3, 7]


def test_a_shared_limit_of_times_counts_the_awards_of_all_its_rules() -> None:
    story = told(TWO, shared('categories = ["a"]\ntimes = 3\nper = "day"'))
    assert earned_on(story, ["2026-03-02"] * 3) == [14, 6, 0]


def test_a_shared_limit_of_quantity_holds_within_one_event_too() -> None:
    rules = earn('amount = 5\neach = "items"') + earn('amount = 1\neach = "items"', 2)
    story = told(rules, shared('rules = ["rule-1", "rule-2"]\nquantity = 3\nper = "day"'))
    decision = story.tell("go", items=2)
    assert [(line.rule_id, line.amount) for line in decision.awards] == [("rule-1", 10), ("rule-2", 1)]


def test_a_shared_limit_for_each_event_holds_all_its_rules_together() -> None:
    three = TWO + earn('amount = 5\ncategory = "a"', 3)
    story = told(three, shared('categories = ["a"]\npoints = 16\nper = "event"'))
    for _ in range(2):
        assert [line.amount for line in story.tell("go", "2026-03-02").awards] == [6, 8, 2]


def test_a_shared_limit_of_deductions_holds_what_is_taken() -> None:
    rules = currency("floor = 'none'") + deduct('amount = 6\ncategory = "x"')
    story = told(rules, shared('categories = ["x"]\npoints = 10\nper = "day"'))
    assert [story.earns("lose", "2026-03-02") for _ in range(3)] == [-6, -4, 0]


# --- ceilings and overflow --------------------------------------------------------------------------------------------


def test_a_ceiling_leaves_what_fits_and_the_rest_is_lost() -> None:
    story = told(currency("ceiling = 10"), earn("amount = 6"))
    assert earned_on(story, ["2026-03-02"] * 3) == [6, 4, 0]
    line = only(story.tell("go"))
    assert line.kind is LineKind.NOTHING
    assert "余额上限 10 分，超出的 6 分作废" in line.explanation
    assert story.points() == 10


def test_spending_makes_room_under_a_ceiling() -> None:
    story = told(currency("ceiling = 10"), earn("amount = 6"), deduct("amount = 3"))
    earned_on(story, ["2026-03-02"] * 2)
    story.tell("lose")
    assert story.earns("go") == 3


def test_what_passes_a_ceiling_may_flow_into_another_currency_and_on() -> None:
    rules = currency('ceiling = 10\noverflow = "gift"') + currency('ceiling = 4\noverflow = "rest"', "gift")
    story = told(rules + currency("", "rest"), earn("amount = 16"))
    decision = story.tell("go")
    assert [(line.currency, line.amount) for line in decision.awards] == [("points", 10), ("gift", 4), ("rest", 2)]
    assert {line.rule_id for line in decision.awards} == {"rule-1"}
    assert "超出的 6 分转入gift" in decision.awards[1].explanation
    assert [story.points(each) for each in ("points", "gift", "rest")] == [10, 4, 2]


def test_what_flows_over_is_counted_under_the_limits_of_its_rule() -> None:
    rules = currency('ceiling = 10\noverflow = "gift"') + currency("", "gift")
    story = told(rules, earn('amount = 16\nlimits = [{ points = 20, per = "day" }]'))
    story.tell("go", "2026-03-02")
    story.tell("go", "2026-03-02")
    assert (story.points(), story.points("gift")) == (10, 10)


def test_an_award_of_which_the_ceiling_leaves_nothing_is_not_counted_under_limits() -> None:
    rules = currency("ceiling = 6") + deduct('amount = "all"')
    story = told(rules, earn('amount = 6\nlimits = [{ times = 2, per = "day" }]'))
    assert earned_on(story, ["2026-03-02"] * 2) == [6, 0]
    story.tell("lose")
    assert earned_on(story, ["2026-03-02"]) == [6]


# --- what goes --------------------------------------------------------------------------------------------------------


def with_balance(points: int, *rules: str) -> Story:
    story = told(earn(f"amount = {points}"), *rules)
    story.tell("go", "2026-03-02")
    return story


def test_a_deduction_takes_its_amount() -> None:
    story = with_balance(20, deduct("amount = 6"))
    line = only(story.tell("lose"))
    assert (line.kind, line.amount, line.lots) == (LineKind.DEDUCTION, 6, ((date(2027, 12, 31), 6),))
    assert "每次 6 分 × 1 次 = 6 分" in line.explanation
    assert story.points() == 14


def test_a_deduction_stops_at_the_floor() -> None:
    story = with_balance(10, deduct("amount = 6"))
    assert [story.earns("lose") for _ in range(3)] == [-6, -4, 0]
    assert "扣至 0 分为止，本次扣 0 分" in reasons(story.tell("lose"))
    assert story.points() == 0


def test_a_deduction_that_falls_short_may_take_nothing() -> None:
    story = with_balance(10, deduct('amount = 6\nshort = "nothing"'))
    assert [story.earns("lose") for _ in range(2)] == [-6, 0]
    assert story.points() == 4


@pytest.mark.parametrize(("floor", "taken"), [("-5", [-6, -6, -3, 0]), ("3", [-6, -1, 0, 0]), ("'none'", [-6] * 4)])
def test_a_floor_may_lie_elsewhere_or_nowhere(floor: str, taken: list[int]) -> None:
    story = with_balance(10, currency(f"floor = {floor}"), deduct("amount = 6"))
    assert [story.earns("lose") for _ in range(4)] == taken


def test_what_is_owed_is_paid_back_first() -> None:
    story = with_balance(10, currency("floor = 'none'"), deduct("amount = 16"))
    line = only(story.tell("lose"))
    assert line.lots == ((date(2027, 12, 31), 10), (NEVER, 6))
    assert story.points() == -6
    story.tell("go")
    assert story.points() == 4
    assert only(story.tell("lose")).amount == 16


def test_a_deduction_of_all_takes_the_whole_balance_down_to_the_floor() -> None:
    story = with_balance(10, deduct('amount = "all"'))
    line = only(story.tell("lose"))
    assert line.amount == 10
    assert "全部余额 10 分" in line.explanation
    assert only(story.tell("lose")).kind is LineKind.NOTHING
    assert with_balance(10, currency("floor = 3"), deduct('amount = "all"')).earns("lose") == -7
    assert with_balance(10, currency("floor = -3"), deduct('amount = "all"')).earns("lose") == -10


def test_a_deduction_takes_first_what_lapses_first_and_nothing_that_has_lapsed() -> None:
    rules = earn("amount = 5\nexpiry = { never = true }"), earn("amount = 5\nexpiry = { months = 1 }", 2)
    story = told(*rules, deduct("amount = 7"))
    story.tell("go", "2026-03-02")
    story.tell("go", "2026-04-02")
    assert story.points() == 20
    assert story.earns("lose", "2026-05-01") == -7
    assert story.standing.lots["points"] == {date(2026, 4, 30): 5, NEVER: 8}


def test_a_deduction_counts_quantities_and_limits_as_an_award_does() -> None:
    rule = 'amount = 2\neach = "items"\nlimits = [{ points = 10, per = "month" }, { quantity = 4, per = "day" }]'
    story = with_balance(50, deduct(rule))
    assert [story.earns("lose", day, items=3) for day in ("2026-03-02", "2026-03-02", "2026-03-03")] == [-6, -2, -2]


def test_what_comes_is_there_before_something_goes() -> None:
    story = told(earn("amount = 5"), deduct("amount = 9").replace('"lose"', '"go"'))
    decision = story.tell("go")
    assert kinds(decision) == [LineKind.AWARD, LineKind.DEDUCTION]
    assert decision.lines[1].amount == 5


def test_a_void_names_the_event_whose_points_it_takes_back() -> None:
    rule = (
        '[[void]]\nid = "complaint"\ntitle = "投诉"\nevent = "complaint"\nwhere = { serious = true }\nof = "service"\n'
    )
    story = told(rule)
    line = only(story.tell("complaint", serious=True, service="s-17"))
    assert (line.kind, line.rule_id, line.about, line.amount) == (LineKind.VOID, "complaint", "s-17", 0)
    assert "收回该次服务所得积分" in line.explanation
    assert story.tell("complaint", service="s-17").lines == []


# --- what turns into what ---------------------------------------------------------------------------------------------


def convert(said: str, word: str = "turn") -> str:
    return f'[[convert]]\nid = "{word}"\ntitle = "折算"\n{said}\n'


TWO_CURRENCIES = currency("decimals = 1") + currency("", "coins")


def test_a_currency_turns_by_itself_at_its_rate_as_soon_as_it_is_earned() -> None:
    turn = convert('source = ["points"]\ntarget = "coins"\nrate = 0.5\nautomatic = true')
    story = told(TWO_CURRENCIES, earn("amount = 5"), turn)
    decision = story.tell("go")
    assert [(line.kind, line.currency, line.amount) for line in decision.lines] == [
        (LineKind.AWARD, "points", 50),
        (LineKind.CONVERSION, "points", 50),
        (LineKind.AWARD, "coins", 2),
    ]
    assert "5.0 points × 0.5 = 2 coins" in decision.lines[2].explanation
    assert (story.points("points"), story.points("coins")) == (0, 2)


def test_a_currency_that_turns_when_asked_stays_until_then() -> None:
    story = told(TWO_CURRENCIES, earn("amount = 5"), convert('source = ["points"]\ntarget = "coins"'))
    story.tell("go")
    assert (story.points("points"), story.points("coins")) == (5, 0)


def test_a_conversion_has_conditions_and_limits() -> None:
    turn = convert(
        'source = ["points"]\ntarget = "coins"\nautomatic = true\nwhere = { signed = true }\n'
        'limits = [{ points = 8, per = "year" }]'
    )
    story = told(TWO_CURRENCIES, earn("amount = 5"), turn)
    for signed in (True, False, True):
        story.tell("go", signed=signed)
    assert (story.points("points"), story.points("coins")) == (7, 8)


def test_of_two_conversions_the_second_turns_what_the_first_has_left() -> None:
    first = convert(
        'source = ["points"]\ntarget = "coins"\nautomatic = true\nlimits = [{ points = 3, per = "year" }]', "a"
    )
    second = convert('source = ["points"]\ntarget = "gifts"\nautomatic = true', "b")
    story = told(TWO_CURRENCIES, currency("", "gifts"), earn("amount = 5"), first, second)
    story.tell("go")
    assert [story.points(each) for each in ("points", "coins", "gifts")] == [0, 3, 2]


def test_a_conversion_is_held_to_the_ceiling_of_what_it_turns_into() -> None:
    rules = currency() + currency('ceiling = 4\noverflow = "rest"', "coins") + currency("", "rest")
    story = told(rules, earn("amount = 5"), convert('source = ["points"]\ntarget = "coins"\nautomatic = true'))
    story.tell("go")
    assert [story.points(each) for each in ("points", "coins", "rest")] == [0, 4, 1]


# --- opening balances -------------------------------------------------------------------------------------------------


def test_an_account_is_opened_with_what_the_currency_says_and_once_only() -> None:
    story = told(currency("opening = 200"))
    line = only(story.tell("account_opened", "2026-03-02"))
    assert (line.rule_id, line.amount) == ("opening-points", 200)
    assert "初始积分：200 分" in line.explanation
    assert story.tell("account_opened", "2027-03-02").lines == []
    assert story.points() == 200


def test_an_opening_of_each_period_comes_anew_and_the_old_one_lapses() -> None:
    story = told(currency('opening = 12\nopening_each = "year"\nexpiry = { end_of = "year" }'), deduct("amount = 3"))
    story.tell("account_opened", "2026-03-02")
    story.tell("lose")
    assert story.tell("period_started", "2026-06-01", period="year").lines == [], "this year's is there"
    assert story.earns("period_started", "2027-01-01", period="month") == 0
    assert story.earns("period_started", "2027-01-01", period="year") == 12
    assert story.earns("period_started", "2027-01-02", period="year") == 0
    assert story.points() == 12


def test_only_the_currencies_with_an_opening_are_opened() -> None:
    story = told(currency("opening = 5") + currency("", "coins") + currency("opening = 1", "gifts"))
    assert [line.currency for line in story.tell("account_opened").lines] == ["points", "gifts"]


# --- not yet, not any more --------------------------------------------------------------------------------------------


def test_what_needs_approval_waits_for_the_one_who_has_to_agree() -> None:
    story = told(earn('amount = 5\napproval = "panel"'))
    for approved in ({}, {"approved_by": "staff"}, {"approved_by": ["staff"]}, {"approved_by": None}):
        line = only(story.tell("go", **approved))
        assert (line.kind, line.about, line.amount) == (LineKind.PENDING, "panel", 0)
        assert "待评议小组确认" in line.explanation
    assert story.points() == 0
    assert story.earns("go", approved_by="panel") == 5
    assert story.earns("go", approved_by=["staff", "panel"]) == 5


@pytest.mark.parametrize(
    ("claim", "claimed_on", "points"),
    [
        ("{ within_days = 3 }", "2026-03-05", 5),
        ("{ within_days = 3 }", "2026-03-06", 0),
        ("{ within_days = 0 }", "2026-03-02", 5),
        ("{ within_days = 0 }", "2026-03-03", 0),
        ("{ by_day = 8 }", "2026-04-08", 5),
        ("{ by_day = 8 }", "2026-04-09", 0),
        ("{ by_day = 8, within_days = 10 }", "2026-03-13", 0),
        ("{ by_day = 8, within_days = 60 }", "2026-04-09", 0),
        ("{ within_days = 3 }", "soon", 0),
        ("{ within_days = 3 }", 20260302, 0),
        ("{ within_days = 3 }", None, 0),
        ("{ within_days = 3 }", date(2026, 3, 5), 5),
    ],
)
def test_a_claim_has_a_deadline(claim: str, claimed_on: Any, points: int) -> None:
    assert told(earn(f"amount = 5\nclaim = {claim}")).earns("go", "2026-03-02", claimed_on=claimed_on) == points


def test_a_late_claim_is_told_its_deadline_and_one_without_a_day_is_claimed_at_once() -> None:
    story = told(earn("amount = 5\nclaim = { within_days = 3 }"))
    assert story.earns("go", "2026-03-02") == 5
    late = story.tell("go", "2026-03-02", claimed_on="2026-03-09")
    assert kinds(late) == [LineKind.NOTHING]
    assert "申报期限为 2026-03-05，已逾期" in reasons(late)


def test_a_claim_may_need_evidence() -> None:
    story = told(earn("amount = 5\nclaim = { evidence = true }"))
    assert story.earns("go", evidence="照片") == 5
    for evidence in ({}, {"evidence": False}, {"evidence": ""}):
        assert "须有凭证" in reasons(story.tell("go", **evidence))


def test_what_may_be_objected_to_is_given_when_the_days_are_over() -> None:
    story = told(earn('amount = 5\nobjection_days = 3\nlimits = [{ times = 1, per = "ever" }]'))
    line = only(story.tell("go", "2026-03-02"))
    assert (line.kind, line.amount, line.due_on) == (LineKind.PENDING, 5, date(2026, 3, 6))
    assert "公示 3 天，无异议后于 2026-03-06 计入" in line.explanation
    assert story.points() == 0
    assert story.earns("go", "2026-03-02", objections_over=True) == 5
    assert story.earns("go", "2026-03-02", objections_over=True) == 0


# --- tallies and milestones -------------------------------------------------------------------------------------------


def tally(said: str, word: str = "days") -> str:
    return f'[[tally]]\nid = "{word}"\ntitle = "x"\n{said}\n'


def milestone(reached: str) -> str:
    return earn(f'amount = 10\nmilestone = {{ tally = "days", {reached} }}')


def test_a_milestone_is_given_once_when_the_number_is_reached() -> None:
    story = told(tally('events = ["go"]'), milestone("at = 3"))
    assert [story.earns("go") for _ in range(6)] == [0, 0, 10, 0, 0, 0]


def test_a_milestone_of_every_so_many_is_given_again_and_again() -> None:
    story = told(tally('events = ["go"]'), milestone("every = 2"))
    assert [story.earns("go") for _ in range(6)] == [0, 10, 0, 10, 0, 10]


def test_a_milestone_may_be_passed_by_a_leap_and_counts_once() -> None:
    story = told(tally('events = ["go"]\nof = "items"'), milestone("every = 10"))
    assert [story.earns("go", items=items) for items in (9, 25, 5, 1)] == [0, 10, 0, 10]
    story = told(tally('events = ["go"]\nof = "items"'), milestone("at = 10"))
    assert [story.earns("go", items=items) for items in (9, 25, 5)] == [0, 10, 0]


def test_a_milestone_in_a_window_begins_anew_with_it() -> None:
    story = told(tally('events = ["go"]\nper = "month"'), milestone("at = 2"))
    assert earned_on(story, ["2026-03-01", "2026-03-30", "2026-03-31", "2026-04-01", "2026-04-02"]) == [0, 10, 0, 0, 10]


def test_a_milestone_waits_for_an_event_of_the_rules_own_kind() -> None:
    story = told(tally('events = ["go", "come"]'), milestone("at = 2"))
    assert [story.earns(kind) for kind in ("go", "come", "go")] == [0, 0, 0], "the second was none of the rule's"


def row(days: list[int], reached: str = "at = 3", streak: str = "day") -> list[int]:
    story = told(tally(f'events = ["go"]\nstreak = "{streak}"'), milestone(reached))
    return earned_on(story, [f"2026-03-{day:02}" for day in days])


def test_a_row_of_days_is_rewarded_on_the_day_that_completes_it_and_not_again() -> None:
    assert row([1, 2, 3, 4, 5]) == [0, 0, 10, 0, 0]
    assert row([1, 2, 3, 3, 4], "at = 3") == [0, 0, 10, 0, 0]


def test_a_row_that_is_interrupted_begins_anew() -> None:
    assert row([1, 2, 4, 5, 6, 8, 9, 10]) == [0, 0, 0, 0, 10, 0, 0, 10]


def test_a_row_of_every_so_many_days_is_rewarded_each_time() -> None:
    assert row([1, 2, 3, 4, 5, 6, 7], "every = 3") == [0, 0, 10, 0, 0, 10, 0]


def test_several_events_of_one_day_are_one_day_of_a_row() -> None:
    assert row([1, 1, 1, 2, 2]) == [0, 0, 0, 0, 0]


def test_a_gap_that_is_filled_later_completes_the_row() -> None:
    assert row([1, 2, 4, 5, 3], "at = 5") == [0, 0, 0, 0, 10]
    assert row([1, 2, 3, 5, 6, 7, 4]) == [0, 0, 10, 0, 0, 10, 0], "both parts were rewarded already"
    assert row([3, 2, 1]) == [0, 0, 10], "in whatever order they arrive"
    assert row([1, 2, 4, 5, 6, 3], "every = 3") == [0, 0, 0, 0, 10, 10]
    assert row([2, 3, 1, 4], "at = 4") == [0, 0, 0, 10]


def test_weeks_and_months_in_a_row() -> None:
    assert row([2, 8, 9, 15, 16], streak="week") == [0, 0, 0, 0, 10]
    story = told(tally('events = ["go"]\nstreak = "month"'), milestone("at = 3"))
    assert earned_on(story, ["2026-11-30", "2026-12-01", "2027-01-31", "2027-02-01"]) == [0, 0, 10, 0]


def test_a_tally_counts_what_its_condition_lets_pass_in_steps_and_up_to_a_bound() -> None:
    rules = tally(
        'events = ["go"]\nof = "hours"\nwhere = { signed = true }\nat_most = 2\nstep = { of = 0.5, round = "down" }'
    )
    story = told(rules)
    for minutes, signed in ((89, True), (300, True), (60, False), (29, True)):
        story.tell("go", minutes=minutes, signed=signed)
    assert story.fact("tally.days") == 3


def test_a_tally_has_days_of_force() -> None:
    story = told(tally('events = ["go"]\nstarts_on = 2026-03-02\nends_on = 2026-03-03'))
    for day in ("2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"):
        story.tell("go", day)
    assert story.fact("tally.days") == 2


def test_a_tally_of_points_adds_up_what_its_rules_gave_after_limits() -> None:
    rules = earn('amount = 6\nlimits = [{ points = 8, per = "day" }]') + earn("amount = 1", 2)
    story = told(rules, tally('of = "points"\nrules = ["rule-1"]'), tally('of = "points"\nper = "month"', "all"))
    for day in ("2026-03-02", "2026-03-02", "2026-04-01"):
        story.tell("go", day)
    assert (story.fact("tally.days"), story.fact("tally.all")) == (14, 7)


def test_a_net_tally_of_points_goes_down_with_deductions() -> None:
    story = told(earn("amount = 6"), deduct("amount = 2"), tally('of = "net_points"'), tally('of = "points"', "gross"))
    for kind in ("go", "lose", "lose", "go"):
        story.tell(kind)
    assert (story.fact("tally.days"), story.fact("tally.gross")) == (8, 12)


def test_a_tally_is_counted_before_the_rules_that_ask_for_it() -> None:
    story = told(tally('events = ["go"]'), earn("amount = 1\nwhere = { tally.days = { min = 2 } }"))
    assert [story.earns("go") for _ in range(3)] == [0, 1, 1]


def test_tallies_of_facts_are_counted_apart() -> None:
    story = told(tally('events = ["go"]\nby = ["hospital"]'), milestone("at = 2"))
    assert [story.earns("go", hospital=hospital) for hospital in ("a", "b", "a", "b", "b")] == [0, 0, 10, 10, 0]
