"""A draft held against what was in force: both judge the same events, each as if it had been there from the beginning."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from rules.rulebook.decision import Happening
from rules.rulebook.document import parse
from rules.rulebook.plan import Plan
from rules.rulebook.replaying import DIFFERENCES_MAX, Difference, Past, Replay, replay
from tests.rulebook.story import moment

HEAD = 'name = "规则"\n[expiry]\nyears = 1\n[calculation]\nround = "down"\n'
BORROW = '[[earn]]\nid = "borrow"\nevent = "borrow"\ntitle = "借书"\namount = 5\n'
LATE = '[[deduct]]\nid = "late"\nevent = "late"\ntitle = "逾期"\namount = 3\n'
BEGIN = moment("2026-01-01")


def plan(*sections: str) -> Plan:
    return Plan(parse(HEAD + "".join(sections)))


def past(holder_id: int, kind: str, on: str, **facts: Any) -> Past:
    return Past(holder_id, Happening(kind, moment(on), "", facts))


def held(
    before: Plan | list[tuple[datetime, Plan]], draft: Plan, *events: Past, persons: dict[int, Any] | None = None
) -> Replay:
    """A draft against one plan, in force from the beginning, or against several."""
    return replay(before if isinstance(before, list) else [(BEGIN, before)], draft, events, persons or {})


def test_winners_losers_and_what_it_costs() -> None:
    new = plan(BORROW.replace("5", "8"), LATE.replace("3", "10"))
    seen = held(
        plan(BORROW, LATE),
        new,
        past(1, "borrow", "2026-03-01"),
        past(1, "borrow", "2026-03-02"),
        past(2, "borrow", "2026-03-01"),
        past(2, "late", "2026-03-02"),
        past(3, "return", "2026-03-01"),
    )
    assert (seen.events, seen.holders) == (5, 3)
    assert (seen.before.given, seen.before.taken) == ({"points": 15}, {"points": 3})
    assert (seen.after.given, seen.after.taken) == ({"points": 24}, {"points": 8}), "no more goes than there is"
    assert (seen.before.by_rule, seen.after.by_rule) == ({"borrow": 15, "late": -3}, {"borrow": 24, "late": -8})
    assert (seen.before.lines, seen.after.lines) == ({"award": 3, "deduction": 1}, {"award": 3, "deduction": 1})
    assert (seen.winners, seen.losers, seen.unchanged) == (1, 1, 1)
    assert seen.differences == [Difference(1, 10, 16), Difference(2, 2, 0)]


def test_without_events_nothing_differs() -> None:
    seen = held(plan(BORROW), plan(LATE))
    assert (seen.events, seen.holders, seen.winners, seen.losers, seen.unchanged) == (0, 0, 0, 0, 0)
    assert (seen.differences, seen.before.given, seen.after.lines) == ([], {}, {})


@pytest.mark.parametrize(
    ("on", "amount"),
    [("2026-02-28 23:59", 5), ("2026-03-01 00:00", 7), ("2026-03-31 23:59", 7), ("2026-04-01 00:00", 9)],
)
def test_an_event_is_judged_by_the_version_of_its_moment(on: str, amount: int) -> None:
    versions = [
        (moment(since), plan(BORROW.replace("5", str(points))))
        for since, points in (("2026-01-01 00:00", 5), ("2026-03-01 00:00", 7), ("2026-04-01 00:00", 9))
    ]
    assert held(versions, plan(), past(1, "borrow", on)).before.given == {"points": amount}


def test_before_the_first_version_only_the_draft_speaks() -> None:
    seen = held([(moment("2026-03-02"), plan(BORROW))], plan(BORROW), past(1, "borrow", "2026-03-01"))
    assert (seen.before.given, seen.before.lines, seen.after.given) == ({}, {}, {"points": 5})
    assert seen.differences == [Difference(1, 0, 5)]
    nothing = held([], plan(BORROW), past(1, "borrow", "2026-03-01"))
    assert (nothing.before.given, nothing.winners) == ({}, 1)


def test_each_side_counts_its_own_limits_and_each_holder_begins_anew() -> None:
    capped = plan(BORROW, 'limits = [{ points = 12, per = "month" }]\n')
    events = [past(holder, "borrow", f"2026-03-0{day}") for holder in (1, 2) for day in (1, 2, 3, 4)]
    seen = held(capped, plan(BORROW, 'limits = [{ times = 3, per = "week" }]\n'), *events)
    assert (seen.before.given, seen.before.lines) == ({"points": 24}, {"award": 6, "nothing": 2})
    assert (seen.after.given, seen.after.lines) == ({"points": 40}, {"award": 8})
    assert seen.differences == [Difference(1, 12, 20), Difference(2, 12, 20)]


def test_a_level_and_a_freeze_hold_for_the_events_after_them() -> None:
    strict = plan(
        BORROW,
        LATE,
        """
[[freeze]]
id = "account"
title = "冻结"
where = { balance.points = { max = 2 } }
blocks = ["earning"]
[[freeze.exit]]
title = "学习"
event = "lesson"
""",
    )
    events = [
        past(1, kind, f"2026-03-0{n}") for n, kind in enumerate(["borrow", "late", "borrow", "lesson", "borrow"], 1)
    ]
    seen = held(plan(BORROW, LATE), strict, *events)
    assert seen.differences == [Difference(1, 12, 7)]
    assert seen.after.lines == {"award": 2, "deduction": 1, "frozen": 1, "nothing": 1, "unfrozen": 1}


def test_what_is_known_of_a_person_is_asked_of_that_person() -> None:
    for_adults = plan(BORROW, "where = { person.age = { min = 18 } }\n")
    events = [past(holder, "borrow", "2026-03-01") for holder in (1, 2, 3)]
    seen = held(plan(BORROW), for_adults, *events, persons={1: {"age": 30}, 2: {"age": 10}})
    assert (seen.losers, seen.unchanged) == (2, 1)
    assert [each.holder_id for each in seen.differences] == [2, 3]


def test_other_currencies_are_added_up_and_make_nobody_a_winner() -> None:
    two = plan(
        '[[currency]]\nid = "points"\nname = "积分"\n[[currency]]\nid = "coins"\nname = "乐币"\ndecimals = 1\n',
        BORROW,
        '[[earn]]\nid = "coin"\nevent = "borrow"\ntitle = "乐币"\namount = 0.5\ncurrency = "coins"\n',
        '[[convert]]\nid = "change"\ntitle = "折算"\nsource = ["coins"]\ntarget = "points"\nrate = 2\nautomatic = true\n',
    )
    seen = held(plan(BORROW), two, past(1, "borrow", "2026-03-01"))
    assert seen.after.given == {"points": 5 + 1, "coins": 5}
    assert (seen.after.taken, seen.after.lines) == ({"coins": 5}, {"award": 3, "conversion": 1})
    assert seen.differences == [Difference(1, 5, 6)]
    coins_only = plan(
        '[[currency]]\nid = "points"\nname = "积分"\n[[currency]]\nid = "coins"\nname = "乐币"\n',
        BORROW,
        BORROW.replace('"borrow"\nevent', '"coin"\nevent') + 'currency = "coins"\n',
    )
    seen = held(plan(BORROW), coins_only, past(1, "borrow", "2026-03-01"))
    assert (seen.after.given, seen.unchanged, seen.differences) == ({"points": 5, "coins": 5}, 1, [])


def test_the_biggest_differences_come_first_whichever_way_they_go() -> None:
    new = plan(BORROW.replace("amount = 5", 'each = "books"\namount = 5'))
    events = [past(holder, "borrow", "2026-03-01", books=holder - 10) for holder in range(1, 40)]
    seen = held(plan(BORROW), new, *events)
    assert len(seen.differences) == DIFFERENCES_MAX
    sizes = [abs(each.after - each.before) for each in seen.differences]
    assert sizes == sorted(sizes, reverse=True)
    assert seen.differences[0] == Difference(39, 5, 145)
    assert (seen.winners, seen.losers, seen.unchanged) == (28, 10, 1)


def test_of_equal_differences_the_order_is_always_the_same() -> None:
    events = [past(holder, "borrow", "2026-03-01") for holder in (7, 3, 5)]
    seen = held(plan(BORROW), plan(BORROW.replace("5", "6")), *events)
    assert [each.holder_id for each in seen.differences] == [3, 5, 7]


def test_events_are_read_one_by_one() -> None:
    """A period of millions of events fits, since none of them is kept."""
    seen = 0

    def stream() -> Any:
        nonlocal seen
        for n in range(1000):
            seen += 1
            yield past(n // 10, "borrow", "2026-03-01", minutes=Decimal("1.5"))

    assert replay([(BEGIN, plan(BORROW))], plan(BORROW), stream(), {}).events == seen == 1000
