"""What a rulebook says about an event depends on nothing but the two, and its arithmetic can be checked by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from rules.clock import ZONE, local_day
from rules.rulebook.document import AMOUNT_MAX, EVENTS, YEARS_MAX, EarnRule, Period, Rulebook
from rules.rulebook.evaluation import Happening, evaluate

RULE = EarnRule("activity-checkin", "checkin", "参加活动签到", 5, "场")
RULEBOOK = Rulebook("测试积分规则", 12, Period.YEAR, (RULE,))
CHECKIN = Happening("checkin", datetime(2026, 5, 1, 9, 0, tzinfo=ZONE), "亲子早教")
ARITHMETIC = re.compile(r"每(?P<unit>.+) (?P<each>\d+) 分 × (?P<times>\d+) (?P=unit) = (?P<total>\d+) 分")

words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=9)
rules = st.builds(EarnRule, words, st.sampled_from(EVENTS), words, st.integers(1, AMOUNT_MAX), words)
rulebooks = st.builds(
    Rulebook,
    words,
    st.integers(0, 12 * YEARS_MAX),
    st.sampled_from(Period),
    st.lists(rules, max_size=4, unique_by=lambda rule: rule.id).map(tuple),
)
happenings = st.builds(
    Happening,
    st.sampled_from([*EVENTS, "something else"]),
    st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    words,
    st.integers(1, 1000),
)


def test_a_rule_gives_its_amount_for_its_event() -> None:
    [award] = evaluate(RULEBOOK, CHECKIN)
    assert (award.rule_id, award.amount, award.expires_on) == ("activity-checkin", 5, date(2027, 12, 31))
    assert award.explanation == (
        "参加活动签到《亲子早教》：每场 5 分 × 1 场 = 5 分，有效期至 2027-12-31（测试积分规则，规则 activity-checkin）"
    )


def test_an_event_of_which_no_rule_speaks_earns_nothing() -> None:
    assert evaluate(RULEBOOK, replace(CHECKIN, kind="like")) == []
    assert evaluate(replace(RULEBOOK, earn=()), CHECKIN) == []


@pytest.mark.parametrize(
    ("occurred_at", "good_until"),
    [
        (datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC), date(2027, 12, 31)),
        (datetime(2026, 12, 31, 16, 0, 0, tzinfo=UTC), date(2028, 12, 31)),
    ],
)
def test_the_year_of_earning_is_the_communitys(occurred_at: datetime, good_until: date) -> None:
    [award] = evaluate(RULEBOOK, replace(CHECKIN, occurred_at=occurred_at))
    assert award.expires_on == good_until


@given(rulebooks, happenings)
def test_awards_are_those_of_the_rules_that_speak_of_the_event_in_their_order(
    rulebook: Rulebook, happening: Happening
) -> None:
    awards = evaluate(rulebook, happening)
    assert [award.rule_id for award in awards] == [rule.id for rule in rulebook.earn if rule.event == happening.kind]
    for award in awards:
        assert award.amount > 0
        assert award.expires_on >= local_day(happening.occurred_at)


@given(rulebooks, happenings)
def test_the_arithmetic_of_an_explanation_adds_up(rulebook: Rulebook, happening: Happening) -> None:
    amounts = {rule.id: rule.amount for rule in rulebook.earn}
    for award in evaluate(rulebook, happening):
        found = ARITHMETIC.search(award.explanation)
        assert found
        assert int(found["each"]) * int(found["times"]) == int(found["total"]) == award.amount
        assert (int(found["each"]), int(found["times"])) == (amounts[award.rule_id], happening.quantity)
        for fact in (happening.subject, rulebook.name, award.rule_id, award.expires_on.isoformat()):
            assert fact in award.explanation


@given(rulebooks, happenings, st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001
def test_the_same_question_has_the_same_answer_at_any_time(
    rulebook: Rulebook, happening: Happening, asked_at: datetime
) -> None:
    before = repr((rulebook, happening))
    answer = evaluate(rulebook, happening)
    with time_machine.travel(asked_at, tick=False):
        assert evaluate(rulebook, happening) == answer
    assert repr((rulebook, happening)) == before
