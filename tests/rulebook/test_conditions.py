"""What has to be true before a rule speaks: facts that are given and missing, alternatives, bounds, namespaces."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from rules.rulebook.conditions import NAMESPACES, WhereReader, facts_in, is_met
from rules.rulebook.reading import Faults, Wrong
from tests.rulebook.story import Story
from tests.rulebook.strategies import wheres

NAN = Decimal("NaN")


def holds(where: Any, **facts: Any) -> bool:
    return is_met(WhereReader().read(where), facts.get)


# --- values -----------------------------------------------------------------------------------------------------------


def test_no_condition_always_holds() -> None:
    assert is_met((), {}.get)


@pytest.mark.parametrize(
    ("where", "facts", "expected"),
    [
        ({"category": "讲座"}, {"category": "讲座"}, True),
        ({"category": "讲座"}, {"category": "亲子"}, False),
        ({"category": ["讲座", "亲子"]}, {"category": "亲子"}, True),
        ({"category": ["讲座", "亲子"]}, {"category": "手工"}, False),
        ({"hours": 2}, {"hours": 2}, True),
        ({"hours": 2}, {"hours": Decimal("2.0")}, True),
        ({"hours": 2}, {"hours": "2"}, False),
        ({"hours": "2"}, {"hours": 2}, False),
        ({"late": True}, {"late": True}, True),
        ({"late": True}, {"late": False}, False),
        ({"late": False}, {"late": False}, True),
    ],
)
def test_a_fact_is_one_of_the_wanted_values(where: Any, facts: Any, expected: bool) -> None:
    assert holds(where, **facts) is expected


def test_a_fact_that_nobody_gave_is_false() -> None:
    assert holds({"late": False})
    assert holds({"late": [False, "excused"]})
    assert holds({"late": False}, late=None)
    assert not holds({"late": True})


@pytest.mark.parametrize("wanted", ["讲座", 0, 1, [0, "x"], {"min": 0}, {"max": 0}, {"below": 99}, {"above": -1}])
def test_a_fact_that_nobody_gave_is_no_word_no_number_and_within_no_bounds(wanted: Any) -> None:
    assert not holds({"children": wanted})


def test_true_and_false_are_no_numbers_and_numbers_are_neither() -> None:
    assert not holds({"late": 1}, late=True)
    assert not holds({"late": 0}, late=False)
    assert not holds({"late": True}, late=1)
    assert not holds({"late": False}, late=0)
    assert not holds({"late": {"min": 0}}, late=True)


def test_all_of_one_table_has_to_hold() -> None:
    where = {"category": "讲座", "late": False, "hours": {"min": 2}}
    assert holds(where, category="讲座", hours=2)
    assert not holds(where, category="讲座", hours=1)
    assert not holds(where, category="讲座", hours=2, late=True)
    assert not holds(where, hours=2)


def test_of_several_tables_one_has_to_hold() -> None:
    where = [{"category": "讲座", "hours": {"min": 2}}, {"vip": True}]
    assert holds(where, category="讲座", hours=2)
    assert holds(where, vip=True)
    assert not holds(where, category="讲座", hours=1)
    assert not holds(where, hours=2)


# --- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        ({"min": 2}, [2, 3, Decimal("2.0")], [1, Decimal("1.9999")]),
        ({"max": 2}, [2, -1], [3, Decimal("2.0001")]),
        ({"above": 2}, [3, Decimal("2.0001")], [2, 1]),
        ({"below": 2}, [1, Decimal("1.9999")], [2, 3]),
        ({"min": 2, "below": 4}, [2, 3, Decimal("3.9")], [1, 4]),
        ({"min": Decimal("0.5"), "max": Decimal("0.5")}, [Decimal("0.5")], [0, 1]),
    ],
)
def test_bounds_hold_numbers(bounds: Any, inside: list[Any], outside: list[Any]) -> None:
    assert all(holds({"hours": bounds}, hours=hours) for hours in inside)
    assert not any(holds({"hours": bounds}, hours=hours) for hours in outside)


@pytest.mark.parametrize("value", [None, "3", True, [3], {}, NAN, Decimal("sNaN"), Decimal("Infinity"), object()])
def test_what_is_no_finite_number_lies_within_no_bounds(value: Any) -> None:
    assert not holds({"hours": {"min": 0}}, hours=value)
    assert not holds({"hours": {"max": 10**9}}, hours=value)


def test_none_of_excludes_values_and_lets_pass_what_nobody_gave() -> None:
    where = {"absence": {"none_of": ["请假", "迟到"]}}
    assert holds(where, absence="旷课")
    assert holds(where)
    assert holds(where, absence=3)
    assert not holds(where, absence="请假")


def test_none_of_false_excludes_what_is_false_or_missing_and_nothing_else() -> None:
    where = {"paid": {"none_of": [False]}}
    assert not holds(where)
    assert not holds(where, paid=False)
    assert holds(where, paid=True)
    assert holds(where, paid=0)
    assert holds(where, paid="")


def test_bounds_and_none_of_hold_together() -> None:
    where = {"count": {"min": 1, "none_of": [13]}}
    assert [holds(where, count=count) for count in (0, 1, 13, 14)] == [False, True, False, True]


def test_a_fact_may_have_to_be_the_same_as_another() -> None:
    where = {"card": {"same_as": "wanted"}}
    assert holds(where, card="成人", wanted="成人")
    assert not holds(where, card="成人", wanted="少儿")
    assert not holds(where, card="成人")
    assert not holds(where, wanted="成人")
    assert not holds(where), "two facts that nobody gave aren't the same"
    assert not holds(where, card=True, wanted=1)
    assert not holds(where, card=3, wanted=Decimal("sNaN"))


def test_bounds_may_be_multiplied_by_another_fact() -> None:
    where = {"points": {"min": 10, "times": "hours"}}
    assert holds(where, points=30, hours=3)
    assert not holds(where, points=29, hours=3)
    assert holds(where, points=5, hours=Decimal("0.5"))
    assert not holds(where, points=30), "a factor that nobody gave holds for nothing"
    assert not holds(where, points=30, hours="3")
    assert not holds(where, points=30, hours=NAN)


# --- names ------------------------------------------------------------------------------------------------------------


def test_a_fact_in_a_namespace_may_be_written_as_a_table_or_with_a_dot() -> None:
    dotted = WhereReader().read({"person.age": {"min": 18}, "late": False})
    assert WhereReader().read({"person": {"age": {"min": 18}}, "late": False}) == dotted
    assert facts_in(dotted) == {"person.age", "late"}


def test_facts_of_all_alternatives_and_of_bounds_are_named() -> None:
    where = [{"a": 1}, {"b": {"min": 1, "times": "tally.c"}, "d": {"same_as": "person.e"}}]
    assert facts_in(WhereReader().read(where)) == {"a", "b", "tally.c", "d", "person.e"}


@pytest.mark.parametrize("space", NAMESPACES)
def test_a_namespaces_name_alone_is_a_fact_of_the_event(space: str) -> None:
    assert holds({space: "国家级"}, **{space: "国家级"})
    assert holds({space: {"none_of": "国家级"}}, **{space: "省级"})
    assert not holds({space: {"min": 3}}, **{space: 2})


@pytest.mark.parametrize(
    ("where", "below", "en"),
    [
        ({}, (), "must be a table of conditions"),
        ([], (), "must be a table of conditions"),
        ([{}], (0,), "must be a table of conditions"),
        ("late", (), "must be a table of conditions"),
        ([1], (), "must be a table of conditions"),
        ({"person": {}}, (), "must be a table of conditions"),
        ({"a b": 1}, ("a b",), "a fact is named by a word"),
        ({"": 1}, ("",), "a fact is named by a word"),
        ({"person.": 1}, ("person.",), "a fact is named by a word"),
        ({"person.a.b": 1}, ("person.a.b",), "before the dot is allowed"),
        ({"shop.open": 1}, ("shop.open",), "before the dot is allowed: person, balance"),
        ({"a": {}}, ("a",), "must have min, max"),
        ({"a": {"least": 1}}, ("a", "least"), "unknown key"),
        ({"a": {"min": "1"}}, ("a", "min"), "must be a number"),
        ({"a": {"times": "b"}}, ("a",), "must have min, max"),
        ({"a": {"same_as": "shop.open"}}, ("a", "same_as"), "before the dot is allowed"),
        ({"a": {"min": 1, "times": "b c"}}, ("a", "times"), "a fact is named by a word"),
        ({"a": []}, ("a",), "must be a list of 1 to"),
        ({"a": [1, [2]]}, ("a", 1), "must be true or false, or must be a number"),
        ([{"a": 1}, {"b": {}}], (1, "b"), "must have min, max"),
        ({"person.age": 1, "person": {"age": 2}}, ("person.age",), "stands twice"),
    ],
)
def test_what_is_no_condition_is_refused_where_it_stands(where: Any, below: tuple[Any, ...], en: str) -> None:
    with pytest.raises((Wrong, Faults)) as raised:
        WhereReader().read(where)
    wrongs = raised.value.wrongs if isinstance(raised.value, Faults) else (raised.value,)
    [wrong] = wrongs
    assert wrong.below == below
    assert en in wrong.en
    assert wrong.zh


def test_everything_that_is_wrong_in_a_condition_is_told_at_once() -> None:
    with pytest.raises(Faults) as raised:
        WhereReader().read([{"a b": 1, "c": {}}, {"shop.open": 1}])
    assert [wrong.below for wrong in raised.value.wrongs] == [(0, "a b"), (0, "c"), (1, "shop.open")]


@given(wheres())
def test_a_condition_is_written_so_that_it_is_read_again(where: Any) -> None:
    reader = WhereReader()
    try:
        read = reader.read(where)
    except (Wrong, Faults):
        return  # some that are drawn say the same fact twice
    assert reader.read(reader.write(read)) == read


# --- namespaces before a rulebook -------------------------------------------------------------------------------------

RULES = """
name = "x"
[expiry]
never = true
[[currency]]
id = "points"
name = "积分"
decimals = 1
[[currency]]
id = "coins"
name = "币"
[[total]]
id = "all"
title = "合计"
currencies = ["points"]
[[tally]]
id = "served"
title = "时长"
events = ["service"]
of = "hours"
[[earn]]
id = "service"
title = "服务"
event = "service"
amount = 2.5
[[deduct]]
id = "loss"
title = "丢失"
event = "loss"
amount = 1
[[ladder]]
id = "star"
title = "星级"
falls = true
level = [{ id = "one", title = "一星", at = { "earned.points" = 2.5 } }]
[[freeze]]
id = "loans"
title = "冻结"
where = { balance.points = { max = 1.5 }, earned.points = { above = 0 } }
blocks = ["borrow"]
exit = [{ title = "交还", event = "returned" }]
[[penalty]]
id = "no-show"
title = "爽约"
events = ["no_show"]
per = "ever"
step = [{ at = 1, suspends = { days = 1 } }]
[[warning]]
id = "asked"
title = "是"
event = "ask"
WHERE
"""


def says_yes(where: str, events: list[tuple[str, str]] | None = None, **facts: Any) -> bool:
    """Whether a condition holds after these events, for a person of 17 who owes nothing."""
    story = Story.under(RULES.replace("WHERE", f"where = {where}"), age=17, owes=False, name="王")
    for kind, on in events or ():
        story.tell(kind, on, minutes=90)
    return bool(story.tell("ask", None, **facts).lines)


SERVED = [("service", "2026-03-02")]
LOST = [*SERVED, ("loss", "2026-03-02")]


@pytest.mark.parametrize(
    ("where", "events", "expected"),
    [
        ("{ person.age = { below = 18 } }", [], True),
        ("{ person.name = '王', person.owes = false }", [], True),
        ("{ person.height = { min = 1 } }", [], False),
        ("{ person.height = false }", [], True),
        ("{ balance.points = 2.5 }", SERVED, True),
        ("{ balance.points = 0 }", [], True),
        ("{ balance.coins = { max = 0 } }", SERVED, True),
        ("{ total.all = 2.5 }", SERVED, True),
        ("{ balance.points = 1.5, earned.points = 2.5 }", LOST, True),
        ("{ tally.served = 1.5 }", SERVED, True),
        ("{ tally.served = { min = 3 } }", [*SERVED, *SERVED], True),
        ("{ level.star = 0 }", [], True),
        ("{ level.star = { min = 1 } }", SERVED, True),
        ("{ frozen.loans = false }", SERVED, True),
        ("{ frozen.loans = true }", LOST, True),
        ("{ frozen.loans = true }", [*LOST, ("returned", "2026-03-03")], False),
        ("{ suspended.no-show = false }", [], True),
        ("{ suspended.no-show = true }", [("no_show", "2026-03-02")], True),
        ("{ suspended.no-show = true }", [("no_show", "2026-03-02"), ("x", "2026-03-03")], False),
        ("{ balance.points = { min = 1, times = 'tally.served' } }", SERVED, True),
        ("{ balance.points = { min = 2, times = 'tally.served' } }", SERVED, False),
    ],
)
def test_a_condition_sees_the_person_and_where_they_stand(
    where: str, events: list[tuple[str, str]], expected: bool
) -> None:
    assert says_yes(where, events) is expected


def test_a_condition_sees_the_kind_of_the_event_unless_the_event_says_one_itself() -> None:
    assert says_yes("{ kind = 'ask' }")
    assert says_yes("{ kind = 'other' }", kind="other")


@pytest.mark.parametrize(
    ("where", "facts"),
    [
        ("{ person.age = { min = 18 } }", {"person.age": 30}),
        ("{ balance.points = { min = 500 } }", {"balance.points": 500}),
        ("{ level.star = 1 }", {"level.star": 1}),
        ("{ frozen.loans = true }", {"frozen.loans": True}),
        ("{ points = { min = 1, times = 'tally.served' }, person.age = 30 }", {"tally.served": 1, "person.age": 30}),
    ],
)
def test_an_event_cannot_say_what_the_house_knows(where: str, facts: dict[str, Any]) -> None:
    story = Story.under(RULES.replace("WHERE", f"where = {where}"), age=17)
    assert story.tell("ask", "2026-03-02", **{**facts, "points": 1}).lines == []


def test_hours_are_told_by_the_minutes_of_an_event() -> None:
    assert says_yes("{ hours = 1.5 }", minutes=90)
    assert says_yes("{ hours = { min = 1.5 } }", hours=2, minutes=10), "hours that are given count themselves"
    assert not says_yes("{ hours = { min = 0 } }")
