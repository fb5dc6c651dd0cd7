"""Redemption by the rulebook: who may spend points on what, when, how much, and which points pay."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rules.rulebook.reading import Section
from rules.rulebook.redeeming import grade_of, is_open
from rules.rulebook.sections.redemption import OpenDays
from tests.rulebook.story import Story, codes

HEAD = """
name = "测试规则"
[expiry]
never = true
[calculation]
round = "down"
[[earn]]
id = "go"
title = "参加"
event = "go"
amount = 1
each = "items"
"""


def redemption(said: str = "", kinds: str = '["goods"]', word: str = "goods") -> str:
    return f'[[redemption]]\nid = "{word}"\ntitle = "兑换"\nkinds = {kinds}\n{said}\n'


def told(*sections: str, points: int = 100, **person: Any) -> Story:
    """Somebody who has so many points since 2 March."""
    story = Story.under(HEAD + "".join(sections), **person)
    story.tell("go", "2026-03-02", items=points)
    return story


# --- on what, by whom -------------------------------------------------------------------------------------------------


def test_points_buy_what_the_rulebook_offers() -> None:
    story = told(redemption())
    verdict = story.redeem("goods", 30)
    assert (verdict.is_allowed, verdict.pays, story.points()) == (True, {"points": 30}, 70)
    assert codes(story.redeem("donation", 30)) == ["not_offered"]
    assert story.points() == 70


def test_the_first_section_for_it_whose_condition_holds_counts() -> None:
    sections = redemption("where = { item = 'gift' }\nleast = 50", word="gifts") + redemption("least = 10")
    story = told(sections)
    assert codes(story.redeem("goods", 20, item="gift")) == ["below_minimum"]
    assert story.redeem("goods", 20, item="food").is_allowed


def test_who_may_redeem_at_all() -> None:
    section = redemption('who = { person.age = { min = 18 } }\nwho_title = "年满 18 岁"')
    assert told(section, age=18).redeem("goods", 1).is_allowed
    [refusal] = told(section, age=17).redeem("goods", 1).refusals
    assert (refusal.code, refusal.sentence) == ("not_eligible", "年满 18 岁")


def test_who_is_frozen_from_redeeming_cannot() -> None:
    freeze = '[[freeze]]\nid = "debt"\ntitle = "欠费"\nwhere = { kind = "debt" }\nblocks = ["redemption"]\n'
    story = told(redemption(), freeze + 'exit = [{ title = "缴清", event = "paid" }]\n')
    story.tell("debt")
    [refusal] = story.redeem("goods", 1).refusals
    assert (refusal.code, refusal.sentence) == ("suspended", "欠费")
    story.tell("paid")
    assert story.redeem("goods", 1).is_allowed


@pytest.mark.parametrize(
    "points",
    [0, -1, None, "30", True, Decimal("0.5"), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), 10**30, [3]],
)
def test_what_is_no_number_of_points_is_refused(points: Any) -> None:
    story = told(redemption())
    assert codes(story.redeem("goods", points)) == ["points_missing"]
    assert story.points() == 100


def test_points_may_be_parts_where_the_currency_has_decimals() -> None:
    story = told(redemption(), '[[currency]]\nid = "points"\nname = "积分"\ndecimals = 1\n')
    assert story.redeem("goods", Decimal("0.5")).pays == {"points": 5}
    assert codes(story.redeem("goods", Decimal("0.25"))) == ["points_missing"]


# --- when -------------------------------------------------------------------------------------------------------------

YEAR = [date(2027, 9, 1) + timedelta(days=n) for n in range(366)]  #: with a leap day


def open_days(year_starts: str = "01-01", **said: Any) -> list[str]:
    days = Section(OpenDays).read(said)
    return [day.isoformat() for day in YEAR if is_open(days, day, year_starts)]


@pytest.mark.parametrize(
    ("said", "days"),
    [
        ({"days": 15, "months": [1, 2]}, ["2028-01-15", "2028-02-15"]),
        ({"months": 2, "days": [29, 30, 31]}, ["2028-02-29"]),
        ({"months": 5, "weekdays": [6, 7], "days": [6, 7, 8]}, ["2028-05-06", "2028-05-07"]),
        ({"months": 2, "last_days_of": "month", "count": 2}, ["2028-02-28", "2028-02-29"]),
        ({"months": [3, 4], "first_days_of": "quarter", "count": 2}, ["2028-04-01", "2028-04-02"]),
        ({"months": 6, "last_days_of": "half_year"}, ["2028-06-30"]),
        ({"months": [12, 1], "last_days_of": "year", "count": 2}, ["2027-12-30", "2027-12-31"]),
        ({"months": [12, 1], "first_days_of": "year", "count": 2}, ["2028-01-01", "2028-01-02"]),
        ({"months": 5, "first_days_of": "week", "weekdays": 1}, [f"2028-05-{n:02}" for n in (1, 8, 15, 22, 29)]),
    ],
)
def test_some_days_are_open(said: dict[str, Any], days: list[str]) -> None:
    assert open_days(**said) == days


def test_the_last_days_of_a_quarter_come_four_times_a_year() -> None:
    days = open_days(last_days_of="quarter", count=10)
    assert len(days) == 40
    assert days[:10] == [f"2027-09-{n}" for n in range(21, 31)]


def test_the_first_days_of_a_year_are_those_of_the_rulebooks_year() -> None:
    assert open_days("03-01", first_days_of="year", count=2) == ["2028-03-01", "2028-03-02"]
    assert open_days("03-01", last_days_of="year", count=2) == ["2028-02-28", "2028-02-29"]


def test_of_several_windows_one_is_enough() -> None:
    story = told(redemption("windows = [{ days = 15 }, { weekdays = 7 }]"))
    assert [
        codes(story.redeem("goods", 1, day)) for day in ("2026-03-15", "2026-03-08", "2026-03-09", "2026-04-15")
    ] == [
        [],
        [],
        ["outside_window"],
        [],
    ]


# --- how much ---------------------------------------------------------------------------------------------------------


def test_a_redemption_costs_at_least_so_much() -> None:
    story = told(redemption("least = 10"))
    assert codes(story.redeem("goods", 9)) == ["below_minimum"]
    assert story.redeem("goods", 10).is_allowed


def test_who_has_too_few_points_is_told_how_many_there_are() -> None:
    [refusal] = told(redemption()).redeem("goods", 101).refusals
    assert (refusal.code, refusal.sentence) == ("points_insufficient", "需要 101 分，可用 100 分")


def test_what_has_lapsed_pays_nothing() -> None:
    story = told(redemption(), '[[currency]]\nid = "points"\nname = "积分"\nexpiry = { end_of = "month" }\n')
    assert story.redeem("goods", 10, "2026-03-31").is_allowed
    assert codes(story.redeem("goods", 10, "2026-04-01")) == ["points_insufficient"]


@pytest.mark.parametrize(
    ("limit", "wishes"),
    [
        ('{ times = 2, per = "month" }', [(5, 1, True), (5, 1, True), (5, 1, False)]),
        ('{ points = 12, per = "month" }', [(5, 1, True), (8, 1, False), (7, 1, True), (1, 1, False)]),
        ('{ quantity = 3, per = "month" }', [(5, 2, True), (5, 2, False), (5, 1, True), (5, 1, False)]),
        ('{ points = 12, per = "event" }', [(12, 1, True), (13, 1, False), (12, 1, True)]),
        ('{ quantity = 2, per = "event" }', [(5, 2, True), (5, 3, False), (5, 2, True)]),
    ],
)
def test_a_redemption_that_would_pass_a_limit_is_refused_whole(limit: str, wishes: list[tuple[int, int, bool]]) -> None:
    story = told(redemption(f"limits = [{limit}]"))
    for points, quantity, expected in wishes:
        verdict = story.redeem("goods", points, "2026-03-03", quantity=quantity)
        assert verdict.is_allowed is expected
        assert codes(verdict) == ([] if expected else ["limit_reached"])


def test_a_limit_begins_anew_with_its_window_and_is_told() -> None:
    story = told(redemption('limits = [{ times = 1, per = "quarter" }]'))
    assert story.redeem("goods", 5, "2026-03-31").is_allowed
    assert story.redeem("goods", 5, "2026-04-01").is_allowed
    [refusal] = story.redeem("goods", 5, "2026-06-30").refusals
    assert refusal.sentence == "每季度最多 1 次"


def test_a_limit_of_a_fact_is_counted_apart() -> None:
    story = told(redemption('limits = [{ quantity = 2, per = "ever", by = ["item"] }]'))
    wishes = [("a", 2), ("b", 2), ("a", 1)]
    assert [codes(story.redeem("goods", 1, item=item, quantity=quantity)) for item, quantity in wishes] == [
        [],
        [],
        ["limit_reached"],
    ]


def test_a_section_is_not_held_to_the_limits_of_another() -> None:
    sections = redemption('limits = [{ times = 1, per = "ever" }]', '["goods"]') + redemption(
        'limits = [{ times = 1, per = "ever" }]', '["service"]', "service"
    )
    story = told(sections)
    assert [story.redeem(what, 1).is_allowed for what in ("goods", "service", "goods", "service")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("quantity", [0, -3, "2", Decimal("NaN"), True])
def test_what_is_no_number_of_pieces_is_refused(quantity: Any) -> None:
    story = told(redemption('limits = [{ quantity = 2, per = "ever" }]'))
    assert not story.redeem("goods", 1, quantity=quantity).is_allowed
    assert story.redeem("goods", 1, quantity=2).is_allowed


def test_every_refusal_is_told_at_once() -> None:
    said = "who = { person.age = { min = 18 } }\nwindows = [{ days = 15 }]\nleast = 200\n"
    said += "limits = [{ points = 5, per = 'day' }]"
    assert codes(told(redemption(said)).redeem("goods", 150)) == [
        "not_eligible",
        "outside_window",
        "below_minimum",
        "limit_reached",
        "points_insufficient",
    ]


# --- what points are worth --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "allowed"), [(10, True), (100, True), (Decimal("9.9"), False), (101, False), (None, False)]
)
def test_merchants_set_their_price_within_bounds(offered: Any, allowed: bool) -> None:
    facts = {} if offered is None else {"worth_per_point": offered}
    assert told(redemption("price = { least = 10, most = 100 }")).redeem("goods", 1, **facts).is_allowed is allowed


@pytest.mark.parametrize(
    ("points", "price", "allowed"),
    [
        (10, 100, True),
        (50, 100, True),
        (51, 100, False),
        (9, 100, False),
        (10, None, True),
        (10, Decimal("19.9"), False),
    ],
)
def test_points_pay_a_part_within_bounds(points: int, price: Any, allowed: bool) -> None:
    section = redemption("rate = { points = 1, worth = 1 }\npart_payment = { least_percent = 10, most_percent = 50 }")
    verdict = told(section).redeem("goods", points, **({} if price is None else {"price": price}))
    assert codes(verdict) == ([] if allowed else ["part_out_of_bounds"])


def test_the_part_that_points_pay_is_computed_by_their_rate() -> None:
    section = redemption("rate = { points = 10, worth = 1 }\npart_payment = { most_percent = 50 }")
    assert told(section).redeem("goods", 50, price=10).is_allowed
    assert codes(told(section).redeem("goods", 51, price=10)) == ["part_out_of_bounds"]


def test_a_ticket_costs_what_the_draw_says() -> None:
    story = told(redemption("lottery = { points = 10 }", '["lottery"]'))
    assert story.redeem("lottery", 10).is_allowed
    assert story.redeem("lottery", 30, quantity=3).is_allowed
    assert codes(story.redeem("lottery", 10, quantity=2)) == ["price_out_of_bounds"]
    assert codes(story.redeem("lottery", 7)) == ["price_out_of_bounds"]


# --- which points pay -------------------------------------------------------------------------------------------------

TWO = """
[[currency]]
id = "points"
name = "积分"
[[currency]]
id = "gift"
name = "赠送"
[[currency]]
id = "score"
name = "评分"
spendable = false
[[earn]]
id = "gift"
title = "赠送"
event = "gift"
currency = "gift"
amount = 1
each = "items"
[[earn]]
id = "score"
title = "评分"
event = "gift"
currency = "score"
amount = 1
each = "items"
"""


def test_currencies_pay_in_their_order() -> None:
    story = told(TWO, redemption('currencies = ["gift", "points"]'), points=10)
    story.tell("gift", items=4)
    assert list(story.redeem("goods", 6).pays.items()) == [("gift", 4), ("points", 2)]
    assert story.redeem("goods", 6).pays == {"points": 6}
    assert codes(story.redeem("goods", 3)) == ["points_insufficient"]


def test_a_currency_that_only_counts_is_never_spent() -> None:
    story = told(TWO, redemption('currencies = ["score", "points"]'), points=5)
    story.tell("gift", items=4)
    assert story.redeem("goods", 5).pays == {"points": 5}
    assert codes(story.redeem("goods", 1)) == ["points_insufficient"]


MATCHING = """currencies = ["points", "gift"]
[redemption.matching]
given = "gift"
earned = "points"
given_per_earned = { fact = "household", values = { "一般户" = 1, "困难户" = 3, "不参加" = 0 } }
"""


@pytest.mark.parametrize(
    ("household", "earned", "given", "wanted", "pays"),
    [
        ("一般户", 10, 10, 10, {"gift": 5, "points": 5}),
        ("一般户", 10, 10, 20, {"gift": 10, "points": 10}),
        ("一般户", 10, 10, 11, {"gift": 5, "points": 6}),
        ("一般户", 10, 2, 8, {"gift": 2, "points": 6}),
        ("困难户", 10, 10, 8, {"gift": 6, "points": 2}),
        ("困难户", 2, 10, 8, {"gift": 6, "points": 2}),
        ("不参加", 10, 10, 8, {"points": 8}),
        ("一般户", 3, 10, 8, None),
        ("困难户", 1, 10, 8, None),
        ("一般户", 10, 0, 11, None),
    ],
)
def test_given_points_pay_as_far_as_earned_ones_go_with_them(
    household: str, earned: int, given: int, wanted: int, pays: dict[str, int] | None
) -> None:
    story = told(TWO, redemption(MATCHING), points=earned, household=household)
    story.tell("gift", items=given)
    verdict = story.redeem("goods", wanted)
    assert codes(verdict) == ([] if pays else ["points_insufficient"])
    assert not pays or verdict.pays == pays


def test_who_is_of_no_kind_that_has_a_ratio_cannot_match() -> None:
    story = told(TWO, redemption(MATCHING), household="外来户")
    [refusal] = story.redeem("goods", 1).refusals
    assert (refusal.code, refusal.sentence) == ("not_eligible", "household 须为 一般户、困难户、不参加 之一")


def test_the_redemption_itself_may_say_the_kind() -> None:
    story = told(TWO, redemption(MATCHING), points=2, household="一般户")
    story.tell("gift", items=6)
    assert codes(story.redeem("goods", 8)) == ["points_insufficient"]
    assert story.redeem("goods", 8, household="困难户").pays == {"gift": 6, "points": 2}


@pytest.mark.parametrize(("given", "title"), [("99.9", None), ("100", "铜牌"), ("499", "铜牌"), ("500", "金牌")])
def test_donors_have_the_highest_title_that_they_reach(given: str, title: str | None) -> None:
    grades = 'grades = [{ at = 500, title = "金牌" }, { at = 100, title = "铜牌" }]'
    [section] = told(redemption(grades, '["donation"]')).plan.rulebook.redemption
    assert grade_of(section, Decimal(given)) == title
