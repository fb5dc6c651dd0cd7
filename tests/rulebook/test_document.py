"""A rulebook that can't be right is refused, with a message that names the key and says what is allowed."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.rulebook.document import (
    AMOUNT_MAX,
    EVENTS,
    YEARS_MAX,
    Period,
    Rulebook,
    RulebookInvalid,
    TransferWithin,
    parse,
)

GOOD = """
name = "测试积分规则"
[expiry]
years = 1
[[earn]]
id = "activity-checkin"
event = "checkin"
title = "参加活动签到"
amount = 5
unit = "场"
"""
SECOND_RULE = GOOD[GOOD.index("[[earn]]") :]

#: What is changed in the good document, and what the message must say.
BROKEN = [
    ('name = "测试积分规则"', "", "`name` must be a text"),
    ('name = "测试积分规则"', 'name = "  "', "`name` must be a text"),
    ('name = "测试积分规则"', "name = 5", "`name` must be a text"),
    (
        'name = "测试积分规则"',
        'name = "x"\nnames = "y"',
        "unknown key `names`; allowed: adjustment, earn, expiry, name, transfer",
    ),
    ("[expiry]\nyears = 1", "", "`expiry` is missing: a table with `years`, 0 to 50"),
    ("[expiry]\nyears = 1", "expiry = 1", "`expiry`"),
    ("years = 1", "", "`expiry` must have either `years`, 0 to 50, or `months`, 0 to 600"),
    ("years = 1", "years = 1\nmonths = 12", "`expiry` must have either"),
    ("years = 1", 'years = 1\nround_up_to = "year"', "`expiry.round_up_to` goes with `months`"),
    ("years = 1", "months = 601", "`expiry.months` must be a whole number from 0 to 600"),
    ("years = 1", 'months = 1\nround_up_to = "week"', "allowed: day, month, quarter, year"),
    ("years = 1", "months = 1\nround_up_to = 3", "allowed: day, month, quarter, year"),
    ("years = 1", "years = -1", "`expiry.years` must be a whole number from 0 to 50"),
    ("years = 1", "years = 51", "`expiry.years` must be a whole number from 0 to 50"),
    ("years = 1", "years = 1.0", "`expiry.years` must be a whole number from 0 to 50"),
    ("years = 1", "years = true", "`expiry.years` must be a whole number from 0 to 50"),
    ("years = 1", 'years = "1"', "`expiry.years` must be a whole number from 0 to 50"),
    *(
        ("years = 1", f"years = 1\nnotice_days = {days}", "`expiry.notice_days` must be a whole number from 0 to 366")
        for days in ("-1", "367", "1.5", "true", '"30"')
    ),
    ("[expiry]", "transfer = 1\n[expiry]", "`transfer` must be a table with within"),
    ("[expiry]", '[transfer]\nwithin = "town"\n[expiry]', "`transfer.within` is 'town'; allowed: household, nobody"),
    ("[expiry]", "[transfer]\nwithin = true\n[expiry]", "`transfer.within` is True; allowed: household, nobody"),
    ("[expiry]", "[transfer]\nwithin = []\n[expiry]", "`transfer.within` is []; allowed: household, nobody"),
    ("[expiry]", "[transfer]\nto = 1\n[expiry]", "`transfer` has an unknown key `to`; allowed: within"),
    ("[expiry]", "adjustment = []\n[expiry]", "`adjustment` must be a table with second_person_above"),
    ("[expiry]", "[adjustment]\nabove = 1\n[expiry]", "`adjustment` has an unknown key `above`"),
    *(
        (
            "[expiry]",
            f"[adjustment]\nsecond_person_above = {points}\n[expiry]",
            "`adjustment.second_person_above` must be a whole number from 0 to 1000000",
        )
        for points in ("-1", "1000001", "1.5", "true", '"100"')
    ),
    (
        "years = 1",
        "years = 1\ndays = 2",
        "`expiry` has an unknown key `days`; allowed: months, notice_days, round_up_to, years",
    ),
    (SECOND_RULE, "", "`earn` must be a list of tables, [[earn]]"),
    ("[[earn]]", "[earn]", "`earn` must be a list of tables, [[earn]]"),
    ('id = "activity-checkin"', "", "`earn[0].id` must be a text"),
    ('id = "activity-checkin"', 'id = ""', "`earn[0].id` must be a text"),
    ('event = "checkin"', "", "`earn[0].event` must be a text"),
    ('event = "checkin"', 'event = "like"', "`earn[0].event` is 'like'; allowed: checkin"),
    ('title = "参加活动签到"', "", "`earn[0].title` must be a text"),
    ("amount = 5", "", "`earn[0].amount` must be a whole number from 1 to 1000000"),
    ("amount = 5", "amount = 0", "`earn[0].amount` must be a whole number from 1 to 1000000"),
    ("amount = 5", "amount = 1000001", "`earn[0].amount` must be a whole number from 1 to 1000000"),
    ("amount = 5", "amount = 1_000_000_000_000_000_000_000", "`earn[0].amount` must be a whole number"),
    ("amount = 5", "amount = inf", "`earn[0].amount` must be a whole number"),
    ('unit = "场"', "", "`earn[0].unit` must be a text"),
    (
        'unit = "场"',
        'unit = "场"\ncap = 3',
        "`earn[0]` has an unknown key `cap`; allowed: amount, event, id, title, unit",
    ),
    ('unit = "场"\n', f'unit = "场"\n{SECOND_RULE}', "`earn.id` must differ from rule to rule"),
    ('unit = "场"\n', f'unit = "场"\n{SECOND_RULE.replace("5", "0")}', "`earn[1].amount`"),
    ("amount = 5", "amount = ", "not TOML: "),
    ("amount = 5", "amount = 5\namount = 6", "not TOML: "),
]


@pytest.mark.parametrize(("good", "bad", "says"), BROKEN)
def test_a_broken_document_is_refused_by_the_name_of_its_key(good: str, bad: str, says: str) -> None:
    assert GOOD.count(good) == 1
    with pytest.raises(RulebookInvalid) as refused:
        parse(GOOD.replace(good, bad))
    assert says in str(refused.value)


def test_a_good_document_is_what_it_says() -> None:
    rulebook = parse(GOOD)
    assert (rulebook.name, rulebook.expiry_months, rulebook.round_up_to) == ("测试积分规则", 12, Period.YEAR)
    [rule] = rulebook.earn
    assert (rule.id, rule.event, rule.title, rule.amount, rule.unit) == (
        "activity-checkin",
        "checkin",
        "参加活动签到",
        5,
        "场",
    )


def test_what_a_document_does_not_say_has_its_default() -> None:
    rulebook = parse(GOOD)
    assert rulebook.transfer_within is TransferWithin.NOBODY
    assert (rulebook.second_person_above, rulebook.notice_days) == (0, 30)
    assert parse(GOOD.replace("[expiry]", "[transfer]\n[adjustment]\n[expiry]")) == rulebook


@pytest.mark.parametrize("within", TransferWithin)
def test_what_a_document_says_of_transfers_adjustments_and_notices_is_read(within: TransferWithin) -> None:
    said = f'[transfer]\nwithin = "{within}"\n[adjustment]\nsecond_person_above = 100\n[expiry]\nnotice_days = 7'
    rulebook = parse(GOOD.replace("[expiry]", said))
    assert rulebook.transfer_within is within
    assert (rulebook.second_person_above, rulebook.notice_days, rulebook.expiry_months) == (100, 7, 12)


@pytest.mark.parametrize(("good", "also_good"), [("years = 1", "years = 0"), ("years = 1", f"years = {YEARS_MAX}")])
def test_the_limits_are_allowed(good: str, also_good: str) -> None:
    parse(GOOD.replace(good, also_good))
    parse(GOOD.replace("amount = 5", f"amount = {AMOUNT_MAX}"))


def test_a_rulebook_may_have_no_rules() -> None:
    assert parse(GOOD.replace(SECOND_RULE, "").replace("[expiry]", "earn = []\n[expiry]")).earn == ()


def test_rules_keep_their_order() -> None:
    rulebook = parse(GOOD + SECOND_RULE.replace("activity-checkin", "another"))
    assert [rule.id for rule in rulebook.earn] == ["activity-checkin", "another"]


@pytest.mark.parametrize(
    ("years", "earned_on", "good_until"),
    [
        (0, date(2026, 1, 1), date(2026, 12, 31)),
        (1, date(2026, 12, 31), date(2027, 12, 31)),
        (1, date(2027, 1, 1), date(2028, 12, 31)),
        (2, date(2028, 2, 29), date(2030, 12, 31)),
    ],
)
def test_points_are_good_until_the_end_of_a_calendar_year(years: int, earned_on: date, good_until: date) -> None:
    assert Rulebook("x", 12 * years, Period.YEAR, ()).expiry_of(earned_on) == good_until


@given(st.text())
def test_any_text_is_a_rulebook_or_is_refused(text: str) -> None:
    with pytest.raises(RulebookInvalid):
        parse(text)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(['"x"', "[1]", "1.5", "2026-01-01", "{}", *EVENTS]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(
    st.sampled_from(
        ["name", "expiry", "earn", "transfer", "adjustment", "years", "id", "event", "title", "amount", "unit"]
    ),
    values,
)
def test_any_value_in_place_of_a_good_one_is_taken_or_refused(key: str, value: object) -> None:
    lines = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in GOOD.splitlines()]
    with suppress(RulebookInvalid):
        assert isinstance(parse("\n".join(lines)), Rulebook)


@pytest.mark.parametrize(
    ("months", "round_up_to", "earned_on", "good_until"),
    [
        (0, "day", date(2026, 5, 1), date(2026, 5, 1)),
        (1, "day", date(2026, 1, 31), date(2026, 2, 28)),
        (12, "day", date(2028, 2, 29), date(2029, 2, 28)),
        (0, "month", date(2028, 2, 1), date(2028, 2, 29)),
        (6, "month", date(2026, 8, 31), date(2027, 2, 28)),
        (6, "quarter", date(2026, 5, 1), date(2026, 12, 31)),
        (6, "quarter", date(2026, 3, 31), date(2026, 9, 30)),
        (18, "year", date(2026, 7, 1), date(2028, 12, 31)),
        (18, "year", date(2026, 6, 30), date(2027, 12, 31)),
    ],
)
def test_points_are_good_for_so_many_months_and_to_the_end_of_the_period(
    months: int, round_up_to: str, earned_on: date, good_until: date
) -> None:
    rulebook = parse(GOOD.replace("years = 1", f'months = {months}\nround_up_to = "{round_up_to}"'))
    assert rulebook.expiry_of(earned_on) == good_until


def test_months_are_rounded_up_to_the_end_of_the_month_unless_the_rulebook_says_otherwise() -> None:
    assert parse(GOOD.replace("years = 1", "months = 12")).expiry_of(date(2026, 5, 1)) == date(2027, 5, 31)
