"""What follows from where somebody stands: penalties, suspensions, warnings, freezes with their ways out, levels."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from rules.rulebook.decision import Decision, LineKind
from rules.rulebook.standing import FOR_GOOD, Frozen
from tests.rulebook.story import Story, kinds, moment, reasons

HEAD = """
name = "测试积分规则"
[expiry]
never = true
[calculation]
round = "down"
[[earn]]
id = "go"
title = "参加"
event = "go"
amount = 10
each = "items"
category = "activity"
[[deduct]]
id = "lose"
title = "扣分"
event = "lose"
amount = 1
each = "items"
"""


def told(*sections: str, **person: Any) -> Story:
    return Story.under(HEAD + "\n".join(sections), **person)


# --- penalties --------------------------------------------------------------------------------------------------------


def penalty(steps: str, said: str = 'per = "30 days"') -> str:
    events = "" if "events" in said else 'events = ["no_show"]\n'
    return f'[[penalty]]\nid = "absence"\ntitle = "爽约"\n{events}{said}\nstep = [{steps}]\n'


def steps_on(story: Story, days: list[str], kind: str = "no_show", **facts: Any) -> list[int]:
    """How many lines each of these infractions leads to."""
    return [len(story.tell(kind, day, **facts).lines) for day in days]


WARN_AT_2 = "{ at = 2, warns = true }"


def test_a_step_is_taken_at_its_number_and_not_before_or_after() -> None:
    assert steps_on(told(penalty(WARN_AT_2)), ["2026-03-01", "2026-03-02", "2026-03-03"]) == [0, 1, 0]


def test_infractions_are_counted_in_a_rolling_window() -> None:
    days = ["2026-03-01", "2026-03-31", "2026-04-29", "2026-05-30", "2026-06-28"]
    assert steps_on(told(penalty(WARN_AT_2)), days) == [0, 0, 1, 0, 1]


def test_infractions_are_counted_in_a_part_of_the_calendar_or_ever() -> None:
    days = ["2026-11-30", "2026-12-31", "2027-01-01", "2027-12-31"]
    assert steps_on(told(penalty(WARN_AT_2, 'per = "year"')), days) == [0, 1, 0, 1]
    assert steps_on(told(penalty(WARN_AT_2, 'per = "ever"')), days) == [0, 1, 0, 0]


def test_an_infraction_that_arrives_late_counts_with_those_after_it() -> None:
    assert steps_on(told(penalty(WARN_AT_2)), ["2026-03-10", "2026-03-01", "2026-04-20"]) == [0, 1, 0]
    assert steps_on(told(penalty(WARN_AT_2)), ["2026-03-01", "2026-04-10", "2026-03-20"]) == [0, 0, 1]


def test_what_is_excused_does_not_count() -> None:
    story = told(penalty(WARN_AT_2, 'per = "year"\nwhere = { excused = false }'))
    assert [len(story.tell("no_show", excused=excused).lines) for excused in (True, False, True, False)] == [0, 0, 0, 1]


def test_kinds_are_counted_together_unless_they_are_counted_apart() -> None:
    both = 'events = ["no_show", "late"]\nper = "year"'
    together, apart = told(penalty(WARN_AT_2, both)), told(penalty(WARN_AT_2, f'{both}\nby = ["kind"]'))
    happened = ["no_show", "late", "late", "no_show"]
    assert [len(together.tell(kind).lines) for kind in happened] == [0, 1, 0, 0]
    assert [len(apart.tell(kind).lines) for kind in happened] == [0, 0, 1, 1]


def test_a_warning_says_for_which_time_it_is() -> None:
    story = told(penalty(WARN_AT_2))
    story.tell("no_show", "2026-03-01")
    decision = story.tell("no_show", "2026-03-02")
    assert kinds(decision) == [LineKind.WARNING]
    assert reasons(decision) == "爽约：第 2 次，予以警告"


@pytest.mark.parametrize(
    ("suspends", "until"),
    [
        ("{ hours = 36 }", "2026-03-03 22:30"),
        ("{ days = 1 }", "2026-03-03 00:00"),
        ("{ days = 90 }", "2026-05-31 00:00"),
        ("{ months = 6 }", "2026-09-02 00:00"),
        ("{ to_end_of = 'day' }", "2026-03-03 00:00"),
        ("{ to_end_of = 'week' }", "2026-03-09 00:00"),
        ("{ to_end_of = 'month' }", "2026-04-01 00:00"),
        ("{ to_end_of = 'quarter' }", "2026-04-01 00:00"),
        ("{ to_end_of = 'half_year' }", "2026-07-01 00:00"),
        ("{ to_end_of = 'year' }", "2027-01-01 00:00"),
    ],
)
def test_a_suspension_ends(suspends: str, until: str) -> None:
    story = told(penalty(f"{{ at = 1, suspends = {suspends} }}"))
    [line] = story.tell("no_show", "2026-03-02 10:30").lines
    assert (line.kind, line.rule_id, line.until) == (LineKind.SUSPENSION, "absence", moment(until))
    assert f"爽约：第 1 次，暂停预约至 {until[:10]}" == line.explanation
    assert story.fact("suspended.absence") is True
    story.tell("x", until)
    assert story.fact("suspended.absence") is False


def test_a_suspension_from_the_last_day_of_a_month_ends_with_a_shorter_one() -> None:
    story = told(penalty("{ at = 1, suspends = { months = 1 } }"))
    story.tell("no_show", "2026-01-31")
    assert story.suspended_until("absence") == date(2026, 2, 28)


def test_a_suspension_may_be_for_good() -> None:
    story = told(penalty("{ at = 1, suspends = { for_good = true } }"))
    [line] = story.tell("no_show", "2026-03-02").lines
    assert (line.kind, line.until) == (LineKind.SUSPENSION, None)
    assert "直至工作人员恢复" in line.explanation
    assert story.standing.suspended == {"absence": FOR_GOOD}
    story.tell("x", "2126-03-02")
    assert story.is_suspended_for_good("absence")
    assert story.fact("suspended.absence") is True


def test_a_later_shorter_suspension_does_not_end_a_longer_one() -> None:
    steps = "{ at = 1, suspends = { days = 90 } }, { at = 2, suspends = { days = 3 } }"
    story = told(penalty(steps))
    story.tell("no_show", "2026-03-01")
    [line] = story.tell("no_show", "2026-03-02").lines
    assert line.until == moment("2026-05-30 00:00")
    assert story.suspended_until("absence") == date(2026, 5, 30)


def test_one_step_may_lead_to_several_things() -> None:
    steps = "{ at = 1, warns = true, suspends = { days = 3 }, consequences = ['通报单位', '取消注册'] }"
    decision = told(penalty(steps)).tell("no_show")
    assert kinds(decision) == [LineKind.WARNING, LineKind.SUSPENSION, LineKind.CONSEQUENCE, LineKind.CONSEQUENCE]
    assert [line.about for line in decision.of(LineKind.CONSEQUENCE)] == ["通报单位", "取消注册"]
    assert "爽约：第 1 次，取消注册" in reasons(decision)


def test_a_suspension_names_what_it_forbids() -> None:
    said = 'per = "year"\nblocks = ["booking", "redemption", "earning", "transfer", "borrow"]'
    decision = told(penalty("{ at = 1, suspends = { days = 3 } }", said)).tell("no_show", "2026-03-02")
    assert "暂停预约、兑换、获得积分、转赠、borrow至 2026-03-05" in reasons(decision)


@pytest.mark.parametrize("per", ['"year"', '"ever"', '"30 days"', '"1 months"'])
def test_a_counter_that_is_cleared_starts_anew(per: str) -> None:
    story = told(penalty("{ at = 2, warns = true, clears = true }", f"per = {per}"))
    days = ["2026-03-01", "2026-03-20", "2026-03-21", "2026-03-22", "2026-03-23"]
    assert steps_on(story, days) == [0, 1, 0, 1, 0]


def test_a_counter_that_is_cleared_starts_anew_when_what_was_cleared_leaves_the_window() -> None:
    story = told(penalty("{ at = 2, warns = true, clears = true }"))
    days = ["2026-03-01", "2026-03-20", "2026-04-05", "2026-04-06", "2026-04-07", "2026-05-06"]
    assert steps_on(story, days) == [0, 1, 0, 1, 0, 1]


def test_a_counter_that_is_not_cleared_goes_on() -> None:
    story = told(penalty("{ at = 2, warns = true }, { at = 3, suspends = { days = 1 } }", 'per = "ever"'))
    assert steps_on(story, ["2026-03-01"] * 4) == [0, 1, 1, 0]


def test_who_is_suspended_from_earning_is_told_so_and_earns_again_afterwards() -> None:
    story = told(penalty("{ at = 1, suspends = { days = 3 } }", 'per = "year"\nblocks = ["earning"]'))
    story.tell("no_show", "2026-03-02")
    decision = story.tell("go", "2026-03-04", items=1)
    assert (kinds(decision), story.points()) == ([LineKind.NOTHING], 0)
    assert "爽约" in reasons(decision)
    assert story.earns("go", "2026-03-05", items=1) == 10


def test_suspensions_that_are_counted_apart_hold_together() -> None:
    steps = penalty("{ at = 1, suspends = { days = 3 } }", 'events = ["no_show", "late"]\nper = "year"\nby = ["kind"]')
    story = told(steps)
    story.tell("no_show", "2026-03-02")
    story.tell("late", "2026-03-04")
    assert len(story.standing.suspended) == 2
    story.tell("x", "2026-03-06")
    assert story.fact("suspended.absence") is True
    story.tell("x", "2026-03-07")
    assert story.fact("suspended.absence") is False


# --- warnings ---------------------------------------------------------------------------------------------------------


def test_a_warning_is_given_when_an_event_finds_its_condition_true() -> None:
    warning = (
        '[[warning]]\nid = "few"\ntitle = "积分不足 15"\nevent = "review"\nwhere = { balance.points = { below = 15 } }'
    )
    story = told(warning)
    story.tell("go", items=1)
    [line] = story.tell("review").lines
    assert (line.kind, line.rule_id, line.explanation) == (LineKind.WARNING, "few", "积分不足 15")
    story.tell("go", items=1)
    assert story.tell("review").lines == []


# --- freezes ----------------------------------------------------------------------------------------------------------


def freeze(*ways_out: str, said: str = "where = { balance.points = { max = 0 } }") -> str:
    head = f'[[freeze]]\nid = "loans"\ntitle = "借阅冻结"\nblocks = ["borrow"]\n{said}\n'
    return head + f"exit = [{', '.join(ways_out)}]"


QUIZ = '{ title = "答题", event = "quiz" }'
DAYS = '{ title = "60 天", after_days = 60, where = { person.owes = false }, balance_becomes = 5 }'
SERVICE = '{ title = "服务", collects = { events = ["serve"], quantity = "hours", amount = 2 } }'


def frozen(*ways_out: str, said: str = "where = { balance.points = { max = 0 } }", **person: Any) -> Story:
    """Somebody whose ten points are gone since 2 March at noon."""
    story = told(freeze(*ways_out, said=said), **person)
    assert LineKind.FROZEN not in kinds(story.tell("go", "2026-03-01", items=1))
    assert kinds(story.tell("lose", "2026-03-02", items=10)) == [LineKind.DEDUCTION, LineKind.FROZEN]
    assert story.is_frozen("loans")
    return story


def thawed(decision: Decision) -> bool:
    return LineKind.UNFROZEN in kinds(decision)


def test_a_freeze_begins_when_its_condition_becomes_true_and_once() -> None:
    story = frozen(QUIZ)
    assert story.standing.frozen == {"loans": Frozen(moment("2026-03-02"))}
    assert kinds(story.tell("lose", "2026-03-03", items=1)) == [LineKind.NOTHING]
    assert story.standing.frozen == {"loans": Frozen(moment("2026-03-02"))}


def test_a_freeze_does_not_begin_while_nothing_has_happened_that_it_hangs_on() -> None:
    assert told(freeze(QUIZ)).tell("other").lines == []


def test_a_freeze_may_hang_on_the_event_or_on_the_person() -> None:
    by_event = told(freeze(QUIZ, said='where = { kind = "theft" }'))
    assert kinds(by_event.tell("theft")) == [LineKind.FROZEN]
    assert kinds(told(freeze(QUIZ, said="where = { person.owes = true }"), owes=True).tell("x")) == [LineKind.FROZEN]


def test_an_event_ends_a_freeze() -> None:
    story = frozen(QUIZ)
    decision = story.tell("quiz", "2026-03-09")
    assert kinds(decision) == [LineKind.UNFROZEN]
    assert reasons(decision) == "借阅冻结解除：答题"
    assert not story.is_frozen("loans")


@pytest.mark.parametrize(("on", "expected"), [("2026-04-30 23:59", True), ("2026-05-01 00:00", False)])
def test_days_end_a_freeze_at_midnight_with_the_first_event_after_it(on: str, expected: bool) -> None:
    story = frozen(DAYS, owes=False)
    decision = story.tell("other", on)
    assert story.is_frozen("loans") is expected
    assert thawed(decision) is not expected


def test_a_way_out_has_a_condition() -> None:
    story = frozen(DAYS, QUIZ.replace("}", ", where = { grade = { min = 60 } } }"), owes=True)
    story.tell("other", "2026-06-01")
    assert story.is_frozen("loans")
    assert not thawed(story.tell("quiz", grade=59))
    assert thawed(story.tell("quiz", grade=60))


def test_a_way_out_sets_the_balance_up() -> None:
    story = frozen(DAYS, owes=False)
    decision = story.tell("other", "2026-05-01")
    assert kinds(decision) == [LineKind.UNFROZEN, LineKind.AWARD]
    assert "余额置为 5 分" in reasons(decision)
    assert (story.points(), story.standing.earned) == (5, {"points": 15})


def test_a_way_out_sets_the_balance_down() -> None:
    story = frozen(DAYS, owes=False)
    story.tell("go", "2026-03-03", items=2)
    decision = story.tell("other", "2026-05-01")
    assert kinds(decision) == [LineKind.UNFROZEN, LineKind.DEDUCTION]
    assert story.points() == 5


def test_what_is_over_is_over_before_the_event_itself_is_judged() -> None:
    blocking = freeze(DAYS).replace('"borrow"', '"earning"')
    story = told(blocking, owes=False)
    story.tell("go", "2026-03-01", items=1)
    story.tell("lose", "2026-03-02", items=10)
    assert story.earns("go", "2026-04-30", items=1) == 0
    assert story.earns("go", "2026-05-01", items=1) == 15
    assert story.points() == 15


def test_a_freeze_begins_anew_when_its_condition_becomes_true_again() -> None:
    story = frozen(DAYS, owes=False)
    story.tell("other", "2026-05-01")
    assert kinds(story.tell("lose", "2026-05-02", items=5)) == [LineKind.DEDUCTION, LineKind.FROZEN]
    assert story.standing.frozen["loans"].since == moment("2026-05-02")


def test_hours_are_gathered_until_they_suffice() -> None:
    story = frozen(SERVICE)
    assert [thawed(story.tell("serve", day, minutes=50)) for day in ("2026-03-03", "2026-03-04", "2026-03-05")] == [
        False,
        False,
        True,
    ]


def test_what_was_gathered_before_a_freeze_does_not_help_even_if_it_arrives_later() -> None:
    story = told(freeze(SERVICE))
    story.tell("go", "2026-03-01", items=1)
    story.tell("serve", "2026-03-01", hours=2)
    story.tell("lose", "2026-03-02", items=10)
    assert not thawed(story.tell("serve", "2026-03-01", hours=2))
    assert not thawed(story.tell("serve", "2026-03-03", hours=1))
    assert thawed(story.tell("serve", "2026-03-03", hours=1))


def test_other_events_are_not_gathered() -> None:
    story = frozen(SERVICE)
    assert not thawed(story.tell("read", "2026-03-03", hours=9))


def test_points_of_some_categories_are_gathered() -> None:
    story = frozen('{ title = "活动", collects = { categories = ["activity"], amount = 30 } }')
    assert [thawed(story.tell("go", "2026-03-03", items=items)) for items in (2, 1)] == [False, True]


def test_events_can_be_gathered_by_their_number() -> None:
    story = frozen('{ title = "签到", collects = { events = ["serve"], quantity = "times", amount = 2 } }')
    assert [thawed(story.tell("serve", "2026-03-03")) for _ in range(2)] == [False, True]


def test_each_way_out_gathers_for_itself_and_a_new_freeze_from_the_start() -> None:
    reading = (
        '{ title = "阅读", collects = { events = ["read"], quantity = "hours", amount = 2 }, balance_becomes = 5 }'
    )
    story = frozen(SERVICE, reading)
    assert not thawed(story.tell("serve", "2026-03-03", hours=1))
    assert not thawed(story.tell("read", "2026-03-03", hours=1))
    assert story.standing.frozen["loans"].collected.keys() == {0, 1}
    assert thawed(story.tell("read", "2026-03-03", hours=1))
    story.tell("lose", "2026-03-04", items=5)
    assert story.standing.frozen["loans"] == Frozen(moment("2026-03-04"))


def test_a_freeze_that_the_rulebook_no_longer_has_stays_and_does_no_harm() -> None:
    story = told(freeze(QUIZ))
    story.standing.frozen["gone"] = Frozen(datetime(2026, 1, 1, tzinfo=moment("2026-01-01").tzinfo))
    assert story.tell("quiz").lines == []
    assert story.is_frozen("gone")


# --- levels -----------------------------------------------------------------------------------------------------------

LADDER = """
[[tally]]
id = "hours"
title = "时长"
events = ["go"]
of = "hours"
per = "year"
[[ladder]]
id = "star"
title = "星级"
falls = FALLS
[[ladder.level]]
id = "one"
title = "一星"
at = { "tally.hours" = 2, "balance.points" = 20 }
rights = [{ title = "公交卡", id = "bus" }]
[[ladder.level]]
id = "two"
title = "二星"
at = { "tally.hours" = 4, "balance.points" = 50 }
where = { person.vetoed = false }
rights = [{ title = "体检" }]
"""


def climber(falls: str = "true", more: str = "", **person: Any) -> Story:
    return told(LADDER.replace("FALLS", falls).replace("[[ladder.level]]", f"{more}\n[[ladder.level]]", 1), **person)


def test_a_level_needs_all_its_measures() -> None:
    story = climber()
    story.tell("go", "2026-03-02", items=5, hours=1)
    assert story.level("star") is None
    decision = story.tell("go", items=0, hours=1)
    assert [(line.kind, line.about) for line in decision.lines[-2:]] == [
        (LineKind.LEVEL, "one"),
        (LineKind.RIGHT, "bus"),
    ]
    assert "星级：达到一星" in reasons(decision)
    assert "星级一星：公交卡" in reasons(decision)
    assert story.fact("level.star") == 1


def test_levels_may_be_climbed_several_at_once_and_each_gives_its_rights() -> None:
    decision = climber().tell("go", items=5, hours=4)
    assert [line.about for line in decision.of(LineKind.LEVEL, LineKind.RIGHT)] == ["one", "bus", "two", "体检"]


def test_a_level_has_a_condition_besides_its_measures() -> None:
    story = climber(vetoed=True)
    story.tell("go", items=9, hours=9)
    assert story.level("star") == "one"


def test_a_level_is_told_once() -> None:
    story = climber()
    story.tell("go", items=5, hours=4)
    assert story.tell("go", items=1, hours=1).of(LineKind.LEVEL, LineKind.RIGHT) == []


def test_a_level_falls_when_what_it_needs_is_gone() -> None:
    story = climber()
    story.tell("go", "2026-03-02", items=5, hours=4)
    decision = story.tell("lose", "2026-03-03", items=1)
    assert "星级：降为一星" in reasons(decision)
    assert story.level("star") == "one"
    decision = story.tell("other", "2027-01-01")
    assert "星级：降为无" in reasons(decision)
    assert story.level("star") is None


def test_a_level_that_does_not_fall_is_kept() -> None:
    story = climber("false")
    story.tell("go", "2026-03-02", items=5, hours=4)
    assert story.tell("lose", "2026-03-03", items=50).of(LineKind.LEVEL) == []
    assert story.tell("go", "2027-03-03", items=1, hours=1).of(LineKind.LEVEL) == []
    assert story.level("star") == "two"


def test_a_level_that_falls_may_be_kept_while_something_holds() -> None:
    story = climber("true", "kept_while = { person.ill = true }", ill=True)
    story.tell("go", "2026-03-02", items=5, hours=4)
    story.tell("lose", items=50)
    assert story.level("star") == "two"


def test_a_level_that_is_reached_again_is_told_and_gives_its_rights_again() -> None:
    story = climber()
    story.tell("go", "2026-03-02", items=5, hours=2)
    story.tell("lose", items=40)
    assert [line.about for line in story.tell("go", items=5).of(LineKind.LEVEL, LineKind.RIGHT)] == ["one", "bus"]


def test_a_level_may_hang_on_the_person_alone() -> None:
    level = 'level = [{ id = "80", title = "80", at = { "person.age" = 80 } }]'
    ladder = f'[[ladder]]\nid = "age"\ntitle = "长者"\nfalls = false\n{level}'
    assert kinds(told(ladder, age=80).tell("other")) == [LineKind.LEVEL]
    for age in (79, None, "80", True, Decimal("NaN"), Decimal("sNaN")):
        assert told(ladder, age=age).tell("other").lines == []


CYCLE = """
[[ladder]]
id = "star"
title = "星级"
falls = false
cycle = 300
[[ladder.level]]
id = "one"
title = "一星"
at = { "earned.points" = 100 }
rights = [{ title = "纪念章", once = true }, { title = "礼品", points = 1, currency = "gifts" }]
[[ladder.level]]
id = "two"
title = "二星"
at = { "earned.points" = 300 }
[[currency]]
id = "points"
name = "积分"
[[currency]]
id = "gifts"
name = "礼品券"
"""


def test_steps_repeat_with_each_cycle() -> None:
    story = told(CYCLE)
    levels = [(story.tell("go", items=10), story.standing.levels.get("star", 0))[1] for _ in range(7)]
    assert levels == [1, 1, 2, 3, 3, 4, 5]
    assert story.level("star") == "one"


def test_a_right_that_is_given_once_is_given_in_the_first_cycle_only() -> None:
    story = told(CYCLE)
    rights = [[line.about for line in story.tell("go", items=items).of(LineKind.RIGHT)] for items in (10, 20, 10)]
    assert rights == [["纪念章", "礼品"], [], ["礼品"]]
    assert "达到一星（第 2 轮）" in reasons(told(CYCLE).tell("go", items=40))


def test_a_right_may_give_points() -> None:
    story = told(CYCLE)
    decision = story.tell("go", items=40)
    assert [line.amount for line in decision.awards if line.currency == "gifts"] == [1, 1]
    assert (story.points("gifts"), story.points("points")) == (2, 400)


def test_points_that_come_with_a_level_are_held_to_the_ceiling() -> None:
    story = told(CYCLE.replace('id = "gifts"', 'id = "gifts"\nceiling = 1'))
    assert sum(line.amount for line in story.tell("go", items=40).awards if line.currency == "gifts") == 1
    assert story.points("gifts") == 1


def test_a_leap_over_very_many_cycles_is_told_in_few_lines() -> None:
    story = told(CYCLE)
    decision = story.tell("go", items=10_000_000)
    assert story.standing.levels["star"] == 2 * 333_333 + 1
    assert len(decision.lines) < 1000


# --- in which order ---------------------------------------------------------------------------------------------------


def test_a_suspension_a_freeze_and_a_level_may_follow_from_each_other_in_one_event() -> None:
    level = 'level = [{ id = "one", title = "一级", at = { "earned.points" = 0 }, where = { frozen.loans = true } }]'
    sections = (
        penalty("{ at = 1, suspends = { days = 3 } }"),
        freeze(QUIZ, said="where = { suspended.absence = true }"),
        f'[[ladder]]\nid = "bad"\ntitle = "失信"\nfalls = true\n{level}',
    )
    decision = told(*sections).tell("no_show")
    assert kinds(decision) == [LineKind.SUSPENSION, LineKind.FROZEN, LineKind.LEVEL]


def test_what_follows_sees_what_the_event_has_brought() -> None:
    warning = '[[warning]]\nid = "many"\ntitle = "已满 20"\nevent = "go"\nwhere = { balance.points = { min = 20 } }'
    story = told(warning)
    assert [kinds(story.tell("go", items=1))[1:] for _ in range(2)] == [[], [LineKind.WARNING]]


PUMP = """
name = "x"
[expiry]
never = true
[[earn]]
id = "good"
title = "好事"
event = "good"
amount = 10
[[deduct]]
id = "bad"
title = "坏事"
event = "bad"
amount = 10
[[ladder]]
id = "star"
title = "星级"
falls = true
level = [{ id = "one", title = "一星", at = { "balance.points" = 10 }, rights = [{ title = "奖励", points = 3 }] }]
"""


def test_the_points_of_a_level_that_is_lost_and_reached_again_come_once() -> None:
    story = Story.under(PUMP)
    assert [story.earns(event) for event in ("good", "bad", "bad", "good")] == [13, -10, -3, 10]
    assert story.level("star") == "one"


def test_all_rights_of_one_level_bring_their_points_and_again_none() -> None:
    two = 'rights = [{ title = "奖励", points = 3 }, { title = "再奖励", points = 4 }]'
    story = Story.under(PUMP.replace('rights = [{ title = "奖励", points = 3 }]', two))
    assert [story.earns(event) for event in ("good", "bad", "bad", "good")] == [17, -10, -7, 10]
