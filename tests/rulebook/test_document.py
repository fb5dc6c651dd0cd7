"""A document that can't be right is refused: every fault with its key, its line and what is allowed, in both languages."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest

from rules.rulebook.agreement import LIMITS_MAX
from rules.rulebook.document import DOCUMENT_BYTES_MAX, KEY_PARTS_MAX, Rulebook, RulebookInvalid, as_document, parse
from rules.rulebook.expiring import expiry_of
from rules.rulebook.reading import Fault
from rules.rulebook.sections.accounts import Holder, TransferWithin
from rules.rulebook.sections.common import AMOUNT_MAX, YEARS_MAX, RoundUpTo
from rules.rulebook.sections.earning import ByFact, Range
from tests.edge.helpers import is_chinese

GOOD = """\
name = "测试积分规则"

[expiry]
years = 1

[[tally]]
id = "days"
title = "签到天数"
events = ["checkin"]

[[earn]]
id = "checkin"
title = "参加活动签到"
event = "checkin"
amount = 5
category = "activity"

[[earn]]
id = "service"
title = "志愿服务"
event = "service"
amount = 2
each = "hours"
step = { of = 1, round = "down" }
"""
TALLY, CHECKIN, SERVICE = (f"[[{part}" for part in GOOD.split("[[")[1:])


def faults_of(document: str) -> tuple[Fault, ...]:
    with pytest.raises(RulebookInvalid) as refused:
        parse(document)
    return refused.value.faults


def changed(good: str, bad: str) -> str:
    assert GOOD.count(good) == 1
    return GOOD.replace(good, bad)


#: What is changed in the good document; of the one fault: its key, its line, what it says in English and in Chinese.
BROKEN = [
    ('name = "测试积分规则"', "", "name", 1, "is missing: must be a text", "缺少这个键：须为非空文字"),
    ('name = "测试积分规则"', 'name = "  "', "name", 1, "must be a text that is not empty", "须为非空文字"),
    ('name = "测试积分规则"', "name = 5", "name", 1, "must be a text", "须为非空文字"),
    (
        'name = "测试积分规则"',
        'name = "x"\nnames = "y"',
        "names",
        2,
        "unknown key; allowed: name, source",
        "没有这个键",
    ),
    ("[expiry]\nyears = 1", "", "expiry", 1, "is missing: must be a table with the keys", "缺少这个键"),
    ("[expiry]\nyears = 1", "expiry = 1", "expiry", 3, "must be a table with the keys never, years", "须为表"),
    ("years = 1", "", "expiry", 3, "must have exactly one of `never`, `years`, `months`, `end_of`", "须且只能给出一个"),
    ("years = 1", "years = 1\nmonths = 12", "expiry.months", 5, "must have exactly one of", "须且只能给出一个"),
    ("years = 1", 'years = 1\nround_up_to = "year"', "expiry.round_up_to", 5, "goes with `months`", "只与 months 连用"),
    ("years = 1", "months = 601", "expiry.months", 4, "must be a whole number from 0 to 600", "须为整数，0 至 600"),
    ("years = 1", 'months = 1\nround_up_to = "week"', "expiry.round_up_to", 5, '"day", "month"', "须为以下之一"),
    ("years = 1", "months = 1\nround_up_to = 3", "expiry.round_up_to", 5, '"quarter", "year"', "须为以下之一"),
    ("years = 1", 'end_of = "ever"', "expiry.end_of", 4, "can't be event or ever", "不能为 event 或 ever"),
    ("years = 1", "never = false", "expiry.never", 4, "can only be true", "只能为 true"),
    *(
        ("years = 1", f"years = {years}", "expiry.years", 4, "must be a whole number from 0 to 50", "须为整数，0 至 50")
        for years in ("-1", "51", "1.0", "true", '"1"', "[1]", "2026-01-01")
    ),
    *(
        ("years = 1", f"years = 1\nnotice_days = {days}", "expiry.notice_days", 5, "from 0 to 366", "0 至 366")
        for days in ("-1", "367", "1.5", "true", '"30"')
    ),
    ("[expiry]", "transfer = 1\n[expiry]", "transfer", 3, "must be a table with the keys within", "须为表，可用的键"),
    ("[expiry]", '[transfer]\nwithin = "town"\n[expiry]', "transfer.within", 4, 'one of "household"', "须为以下之一"),
    (
        "[expiry]",
        "[transfer]\nwithin = []\n[expiry]",
        "transfer.within",
        4,
        'must be one of "household"',
        "须为以下之一",
    ),
    (
        "[expiry]",
        "[transfer]\nto = 1\n[expiry]",
        "transfer.to",
        4,
        "unknown key; allowed: within",
        "没有这个键；可用：within",
    ),
    (
        "[expiry]",
        '[transfer]\nwithin = "household"\ncurrencies = ["gold"]\n[expiry]',
        "transfer.currencies",
        5,
        "there is no gold; allowed: points",
        "没有 gold；可用：points",
    ),
    (
        "[expiry]",
        '[transfer]\nlimits = [{ quantity = 1, per = "day" }]\n[expiry]',
        "transfer.limits",
        4,
        "here a limit has points or times",
        "这里只用 points 或 times",
    ),
    *(
        (
            "[expiry]",
            f"[adjustment]\nsecond_person_above = {points}\n[expiry]",
            "adjustment.second_person_above",
            4,
            "must be a whole number from 0 to 1000000",
            "须为整数，0 至 1000000",
        )
        for points in ("-1", "1000001", "1.5", "true", '"100"')
    ),
    (
        "[expiry]",
        '[account]\nholder = "town"\n[expiry]',
        "account.holder",
        4,
        '"resident", "household", "team"',
        "须为",
    ),
    (
        "[expiry]",
        '[calculation]\nyear_starts = "02-29"\n[expiry]',
        "calculation.year_starts",
        4,
        "month and day",
        "须为月-日",
    ),
    ("[expiry]", "[publication]\n[expiry]", "publication.every", 3, "is missing: must be one of", "缺少这个键"),
    (
        "[expiry]",
        '[eligibility]\ntitle = "x"\nwhere = { person.age = { least = 18 } }\n[expiry]',
        "eligibility.where.person.age.least",
        5,
        "unknown key; allowed: min, max, above, below",
        "没有这个键；可用：min",
    ),
    # lists
    (CHECKIN, CHECKIN.replace("[[earn]]", "[earn]"), "rulebook", 18, "not TOML", "不是有效的 TOML"),
    (TALLY, TALLY.replace("[[tally]]", "[tally]"), "tally", 6, "is written with two brackets", "须写成两层方括号"),
    ('id = "checkin"', 'id = ""', "earn[1].id", 12, "must be one word: letters, digits", "须为一个词"),
    ('id = "checkin"', 'id = "check in"', "earn[1].id", 12, "must be one word", "须为一个词"),
    ('id = "checkin"', "", "earn[1].id", 11, "is missing: must be one word", "缺少这个键：须为一个词"),
    ('id = "service"', 'id = "checkin"', "earn[2].id", 19, "the id checkin stands twice", "id 重复：checkin"),
    ('event = "checkin"', "", "earn[1].event", 11, "is missing: must be a list", "缺少这个键"),
    (
        'event = "checkin"',
        "event = []",
        "earn[1].event",
        14,
        "must be a list of 1 to 500; each must be one word",
        "须为列表",
    ),
    ('event = "checkin"', 'event = ["checkin", 1]', "earn[1].event[2]", 14, "must be one word", "须为一个词"),
    ('title = "参加活动签到"', "", "earn[1].title", 11, "is missing", "缺少这个键"),
    ("amount = 5", "", "earn[1].amount", 11, "is missing: must be a number from 0.0001 to 1000000", "缺少这个键"),
    *(
        (
            "amount = 5",
            f"amount = {amount}",
            "earn[1].amount",
            15,
            "must be a number from 0.0001 to 1000000",
            "须为数字",
        )
        for amount in ("0", "-1", "1000001", "1_000_000_000_000_000_000_000", "inf", "nan", "0.00001", "true", '"5"')
    ),
    ("amount = 5", "amount = { min = 5 }", "earn[1].amount.max", 15, "is missing: must be a number", "缺少这个键"),
    ("amount = 5", "amount = { min = 9, max = 5 }", "earn[1].amount.min", 15, "can't be above max", "不能大于 max"),
    (
        "amount = 5",
        'amount = { fact = "level" }',
        "earn[1].amount.values",
        15,
        "is missing: must be a table",
        "缺少这个键",
    ),
    ("amount = 5", 'amount = { fact = "level", values = {} }', "earn[1].amount.values", 15, "at least 1", "至少 1 项"),
    (
        "amount = 5",
        "amount = 5\ncap = 3",
        "earn[1].cap",
        16,
        "unknown key; allowed: id, title, event",
        "没有这个键；可用：id",
    ),
    ("amount = 2", "amount = 0", "earn[2].amount", 22, "must be a number", "须为数字"),
    (
        'round = "down"',
        'round = "off"',
        "earn[2].step.round",
        24,
        'must be one of "down", "up", "half_up"',
        "须为以下之一",
    ),
    ("step = {", "stop = {", "earn[2].stop", 24, "unknown key", "没有这个键"),
    # limits and windows
    *(
        (
            "amount = 5",
            f"amount = 5\nlimits = [{{ points = 3, per = {per} }}]",
            "earn[1].limits[1].per",
            16,
            'or a rolling window such as "120 days", "3 months"',
            '或滚动窗口如 "120 days"、"3 months"',
        )
        for per in ('"fortnight"', '"0 days"', '"3661 days"', '"119 months"', '"1.5 days"', "7")
    ),
    (
        "amount = 5",
        'amount = 5\nlimits = [{ times = 1, per = "day" }, { points = 1, times = 1, per = "day" }]',
        "earn[1].limits[2].times",
        16,
        "must have exactly one of `points`, `times`, `quantity`",
        "须且只能给出一个",
    ),
    (
        "amount = 5",
        'amount = 5\nlimits = [{ quantity = 1, per = "day" }]',
        "earn[1].limits",
        16,
        "a limit of quantity needs one quantity in `each`",
        "quantity 限额须与 each",
    ),
    (
        "amount = 5",
        'amount = 5\nlimits = [{ points = 1.5, per = "day" }]',
        "earn[1].limits[1].points",
        16,
        "has more decimals than the currency (0)",
        "小数最多 0 位",
    ),
    (
        "amount = 5",
        'amount = 5\nlimits = [{ points = 3, per = "day" }, { times = 3, per = "day" }, { points = 4, per = "day" }]',
        "earn[1].limits",
        16,
        "two limits of one kind and window can't stand together",
        "同一窗口的同类限额只能有一项",
    ),
    # what has to be there
    (
        'event = "checkin"',
        'event = "checkin"\ncurrency = "gold"',
        "earn[1].currency",
        15,
        "there is no gold; allowed: points",
        "没有 gold",
    ),
    (
        'event = "checkin"',
        'event = "checkin"\nmilestone = { tally = "nights", at = 7 }',
        "earn[1].milestone.tally",
        15,
        "there is no nights; allowed: days",
        "没有 nights；可用：days",
    ),
    (
        'event = "checkin"',
        'event = "checkin"\nwhere = { tally.nights = { min = 7 } }',
        "earn[1].where.tally.nights",
        15,
        "there is no nights; allowed: days",
        "没有 nights；可用：days",
    ),
    (
        'event = "checkin"',
        'event = "checkin"\nwhere = [{ late = false }, { frozen.all = true }]',
        "earn[1].where.frozen.all",
        15,
        "there is no all; allowed: (none)",
        "没有 all；可用：（没有）",
    ),
    (
        'event = "checkin"',
        'event = "checkin"\nwhere = { shop.open = true }',
        "earn[1].where.shop.open",
        15,
        "unknown key",
        "没有这个键",
    ),
    (
        'event = "checkin"',
        'event = "checkin"\nwhere = { "shop.open" = true }',
        "earn[1].where.shop.open",
        15,
        "before the dot is allowed: person, balance",
        "点号前可用：person",
    ),
    (
        'event = "checkin"',
        'event = "checkin"\nwhere = {}',
        "earn[1].where",
        15,
        "must be a table of conditions",
        "须为条件表",
    ),
    (
        'event = "checkin"',
        'event = "checkin"\nwhere = { person = {} }',
        "earn[1].where",
        15,
        "must be a table of conditions",
        "须为条件表",
    ),
    (
        'event = "checkin"',
        'event = "checkin"\nwhere = []',
        "earn[1].where",
        15,
        "must be a table of conditions",
        "须为条件表",
    ),
    (
        'event = "checkin"',
        'event = "checkin"\nwhere = { hours = {} }',
        "earn[1].where.hours",
        15,
        "must have min, max, above, below",
        "至少要给出 min",
    ),
    (
        'event = "checkin"',
        'event = "checkin"\nwhere = { person.age = 3, "person.age" = 4 }',
        "earn[1].where.person.age",
        15,
        "stands twice",
        "只能写一次",
    ),
    *(
        (
            'event = "checkin"',
            f'event = "checkin"\nwhere = {{ {condition} }}',
            f"earn[1].where.{condition.split(' = ')[0]}",
            15,
            en,
            zh,
        )
        for condition, en, zh in (
            ('hours = "2"', "is a number", "这是数字"),
            ("tally.days = true", "is a number", "这是数字"),
            ('balance.points = { none_of = ["3"] }', "is a number", "这是数字"),
            ('late = "true"', "true and false stand without quotes", "不加引号"),
        )
    ),
    *(
        (
            'event = "checkin"',
            f'event = "checkin"\nmilestone = {{ tally = "days", {name} = 1.5 }}',
            f"earn[1].milestone.{name}",
            15,
            "whole number",
            "整数",
        )
        for name in ("at", "every")
    ),
    # what has to be stated, and what doesn't go together
    (
        'step = { of = 1, round = "down" }',
        "",
        "calculation.round",
        1,
        "is needed: rule service may come out uneven",
        "规则 service 可能算出小数，须写明取整方向",
    ),
    (
        'step = { of = 1, round = "down" }',
        'step = { of = 0.25, round = "up" }',
        "calculation.round",
        1,
        "is needed",
        "须写明取整方向",
    ),
    (
        "amount = 5",
        "amount = 5.5",
        "calculation.round",
        1,
        "rule checkin may come out uneven",
        "规则 checkin 可能算出小数",
    ),
    ("amount = 5", "amount = 5\nper = 2", "calculation.round", 1, "rule checkin may come out uneven", "可能算出小数"),
    (
        "amount = 5",
        'amount = { fact = "level", values = { a = 1 }, otherwise = 0.5 }',
        "calculation.round",
        1,
        "rule checkin may come out uneven",
        "可能算出小数",
    ),
    (
        "amount = 5",
        'amount = 5\nfactors = [{ fact = "level", values = { a = 2 } }]',
        "calculation.round",
        1,
        "rule checkin may come out uneven",
        "可能算出小数",
    ),
    (
        SERVICE,
        SERVICE + '[[limit]]\nid = "all"\ntitle = "合计"\ncurrency = "points"\npoints = 9\nper = "day"\n',
        "calculation.order",
        1,
        "is needed where there is a [[limit]]",
        "有 [[limit]] 时须写明先后顺序",
    ),
    ('each = "hours"', "", "earn[2].each", 18, "is needed for step, at_most and beyond", "须与 each 连用"),
    (
        "amount = 5",
        "amount = 5\nstarts_on = 2026-05-02\nends_on = 2026-05-01",
        "earn[1].ends_on",
        17,
        "can't be before starts_on",
        "不能早于 starts_on",
    ),
    (
        "amount = 5",
        "amount = 5\nends_on = 2026-05-01T00:00:00",
        "earn[1].ends_on",
        16,
        "must be a date such as",
        "须为日期",
    ),
    ('events = ["checkin"]', "", "tally[1].events", 6, "is missing", "缺少这个键"),
    (
        'events = ["checkin"]',
        'of = "points"\nrules = ["chess"]',
        "tally[1].rules",
        10,
        "there is no chess; allowed: checkin, service",
        "没有 chess",
    ),
    (
        'events = ["checkin"]',
        'events = ["checkin"]\nof = "points"',
        "tally[1].events",
        9,
        "`rules` says what counts",
        "由 rules 决定",
    ),
    (
        'events = ["checkin"]',
        'events = ["checkin"]\nstreak = "day"\nper = "year"',
        "tally[1].per",
        11,
        "don't go together",
        "不能同时给出",
    ),
]


@pytest.mark.parametrize(("good", "bad", "key", "line", "en", "zh"), BROKEN)
def test_a_fault_is_told_with_its_key_its_line_and_what_is_allowed(
    good: str, bad: str, key: str, line: int, en: str, zh: str
) -> None:
    [fault] = faults_of(changed(good, bad))
    assert (fault.key, fault.line) == (key, line)
    assert en in fault.en
    assert zh in fault.zh


#: Sections that the good document doesn't have; each is added to it, as its line 26 and on.
ADDED = [
    (
        '[[limit]]\nid = "x"\ntitle = "x"\npoints = 9\nper = "day"\ncategories = ["sport"]',
        "limit[1].categories",
        "there is no sport; allowed: activity",
    ),
    (
        '[[limit]]\nid = "x"\ntitle = "x"\npoints = 9\nper = "day"',
        "limit[1]",
        "must have exactly one of rules, categories, currency",
    ),
    (
        '[[limit]]\nid = "x"\ntitle = "x"\npoints = 9\nper = "day"\nrules = ["chess"]',
        "limit[1].rules",
        "there is no chess",
    ),
    (
        '[[limit]]\nid = "x"\ntitle = "x"\nquantity = 9\nper = "day"\nrules = ["checkin", "service"]',
        "limit[1]",
        "the rules of a limit of quantity have one and the same `each`",
    ),
    (
        '[[currency]]\nid = "points"\nname = "积分"\nceiling = 9\noverflow = "gold"',
        "currency[1].overflow",
        "there is no gold; allowed: points",
    ),
    (
        '[[currency]]\nid = "points"\nname = "积分"\noverflow = "points"',
        "currency[1].overflow",
        "goes with `ceiling` only",
    ),
    (
        '[[currency]]\nid = "points"\nname = "积分"\nceiling = 9\noverflow = "points"',
        "currency[1].overflow",
        "can't come back to itself",
    ),
    (
        '[[currency]]\nid = "points"\nname = "积分"\nfloor = 1.5',
        "currency[1].floor",
        "has more decimals than the currency (0)",
    ),
    ('[[currency]]\nid = "points"\nname = "积分"\nfloor = "deep"', "currency[1].floor", 'must be one of "none"'),
    (
        '[[convert]]\nid = "x"\ntitle = "x"\nsource = "points"\ntarget = "points"',
        "convert[1].target",
        "can't turn back into `source`",
    ),
    (
        (
            '[[currency]]\nid = "points"\nname = "积分"\n[[currency]]\nid = "fine"\nname = "细"\ndecimals = 2\n'
            '[[redemption]]\nid = "x"\ntitle = "x"\nkinds = ["goods"]\ncurrencies = ["points", "fine"]'
        ),
        "redemption[1].currencies",
        "must have the same decimals",
    ),
    (
        '[[deduct]]\nid = "checkin"\ntitle = "x"\nevent = "x"\namount = "all"',
        "deduct[1].id",
        "the id checkin stands twice; ids must differ",
    ),
    ('[[deduct]]\nid = "x"\ntitle = "x"\nevent = "x"\namount = "most"', "deduct[1].amount", 'must be one of "all"'),
    ('[[void]]\nid = "x"\ntitle = "x"', "void[1].event", "is missing"),
    ('[[ladder]]\nid = "x"\ntitle = "x"\nfalls = true', "ladder[1].level", "is missing: must be a list of 1 to 500"),
    (
        '[[ladder]]\nid = "x"\ntitle = "x"\nfalls = true\nlevel = [{ id = "a", title = "a", at = { "tally.nights" = 1 } }]',
        "ladder[1].level[1].at.tally.nights",
        "there is no nights; allowed: days",
    ),
    (
        '[[ladder]]\nid = "x"\ntitle = "x"\nfalls = true\nlevel = [{ id = "a", title = "a", at = { "shop.open" = 1 } }]',
        "ladder[1].level[1].at.shop.open",
        "before the dot is allowed: person, balance",
    ),
    (
        (
            '[[ladder]]\nid = "x"\ntitle = "x"\nfalls = true\ncycle = 5\n'
            'level = [{ id = "a", title = "a", at = { "tally.days" = 6 } }]'
        ),
        "ladder[1].level",
        "the steps rise and end within it",
    ),
    (
        (
            '[[freeze]]\nid = "x"\ntitle = "x"\nblocks = ["booking"]\nwhere = { balance.points = { max = 0 } }\n'
            'exit = [{ title = "a", after_days = 3, event = "quiz" }]'
        ),
        "freeze[1].exit[1].event",
        "must have exactly one of `after_days`, `event`, `collects`",
    ),
    (
        (
            '[[freeze]]\nid = "x"\ntitle = "x"\nblocks = ["booking"]\nwhere = { balance.points = { max = 0 } }\n'
            'exit = [{ title = "a", after_days = 3, balance_becomes = -1 }]'
        ),
        "freeze[1].exit[1].balance_becomes",
        "must lie between the currency's floor and ceiling",
    ),
    (
        (
            '[[penalty]]\nid = "x"\ntitle = "x"\nevents = ["no_show"]\nper = "year"\n'
            "step = [{ at = 2, warns = true }, { at = 2, warns = true }]"
        ),
        "penalty[1].step",
        "the steps' numbers must rise",
    ),
    (
        '[[penalty]]\nid = "x"\ntitle = "x"\nevents = ["no_show"]\nper = "year"\nstep = [{ at = 2 }]',
        "penalty[1].step[1]",
        "must have `warns`, `suspends` or `consequences`",
    ),
    (
        '[[penalty]]\nid = "x"\ntitle = "x"\nevents = ["no_show"]\nper = "year"\nstep = [{ at = 2, suspends = {} }]',
        "penalty[1].step[1].suspends",
        "must have exactly one of `hours`, `days`, `months`, `to_end_of`, `for_good`",
    ),
    ('[[booking]]\nid = "x"\ntitle = "x"\ncancel = { days_before = 1 }', "booking[1].cancel.at", "`at` goes with"),
    (
        '[[booking]]\nid = "x"\ntitle = "x"\ncancel = { days_before = 1, at = "24:00" }',
        "booking[1].cancel.at",
        "must be a time of day",
    ),
    ('[[booking]]\nid = "x"\ntitle = "x"\ncurrency = "gold"', "booking[1].currency", "there is no gold"),
    ('[[redemption]]\nid = "x"\ntitle = "x"\nkinds = ["food"]', "redemption[1].kinds[1]", 'must be one of "goods"'),
    (
        '[[redemption]]\nid = "x"\ntitle = "x"\nkinds = ["goods"]\nwindows = [{}]',
        "redemption[1].windows[1]",
        "must have at least one key",
    ),
    (
        '[[ranking]]\nid = "x"\ntitle = "x"\nevery = "month"\ntop = 3\nmeasure = "tally.nights"',
        "ranking[1].measure",
        "there is no nights",
    ),
    (
        '[[ranking]]\nid = "x"\ntitle = "x"\nevery = "month"\ntop = 3\nmeasure = "shop.open"',
        "ranking[1].measure",
        "before the dot",
    ),
    ('[[warning]]\nid = "x"\ntitle = "x"', "warning[1].event", "is missing"),
]


@pytest.mark.parametrize(("added", "key", "en"), ADDED)
def test_what_one_section_says_of_another_has_to_be_there(added: str, key: str, en: str) -> None:
    document = GOOD.replace("[expiry]", '[calculation]\nround = "down"\norder = "document"\n[expiry]') + added
    [fault] = faults_of(document)
    assert fault.key == key
    assert en in fault.en
    assert fault.line > GOOD.count("\n") + 3


def test_all_faults_of_a_document_are_told_at_once_in_the_order_of_their_lines() -> None:
    document = GOOD.replace("years = 1", "years = 99").replace("amount = 5", "amount = 0").replace('"hours"', "3")
    faults = faults_of(document + 'colour = "red"\n')
    assert [(fault.key, fault.line) for fault in faults] == [
        ("expiry.years", 4),
        ("earn[1].amount", 15),
        ("earn[2].each", 23),
        ("earn[2].colour", 25),
    ]


def test_all_that_does_not_agree_is_told_at_once() -> None:
    document = GOOD.replace('each = "hours"', 'each = "hours"\ncurrency = "gold"\nmilestone = { tally = "x", at = 1 }')
    assert [fault.key for fault in faults_of(document)] == ["earn[2].currency", "earn[2].milestone.tally"]


def test_a_faults_sentence_names_line_and_key_in_both_languages() -> None:
    [fault] = faults_of(GOOD.replace("amount = 5", "amount = true"))
    assert fault.sentence("zh") == f"第 15 行 `earn[1].amount`：{fault.zh}"
    assert fault.sentence("en") == f"line 15, `earn[1].amount`: {fault.en}"
    with pytest.raises(RulebookInvalid) as refused:
        parse(GOOD.replace("amount = 5", "amount = true"))
    assert str(refused.value) == fault.sentence("en")


@pytest.mark.parametrize(
    ("good", "bad", "line"),
    [
        ("amount = 5", "amount = ", 15),
        ("amount = 5", "amount = 5\namount = 6", 16),
        ('[[earn]]\nid = "checkin"', '[[earn]\nid = "checkin"', 11),
        ("years = 1", "years = 1\nyears", 5),
        ('title = "志愿服务"', 'title = "志愿服务', 20),
    ],
)
def test_a_syntax_error_is_told_with_its_line(good: str, bad: str, line: int) -> None:
    [fault] = faults_of(changed(good, bad))
    assert (fault.key, fault.line) == ("rulebook", line)
    assert fault.en.startswith("not TOML: ")
    assert fault.zh.startswith("不是有效的 TOML：")


def test_a_chinese_key_without_quotes_is_told_to_need_them() -> None:
    good = 'amount = { fact = "level", values = { "区级" = 2 } }'
    assert parse(changed("amount = 5", good)).earn[0].amount == ByFact(fact="level", values={"区级": Decimal(2)})
    [fault] = faults_of(changed("amount = 5", good.replace('"区级"', "区级")))
    assert fault.line == 15
    assert "中文的键须加引号" in fault.zh
    assert "needs quotes" in fault.en


def test_a_document_that_is_too_large_is_refused_and_one_at_the_limit_is_read() -> None:
    filling = "#" * (DOCUMENT_BYTES_MAX - len(GOOD.encode()))
    parse(GOOD + filling)
    [fault] = faults_of(GOOD + filling + "#")
    assert (fault.key, fault.line) == ("rulebook", 1)
    assert "at most 256 KiB" in fault.en
    assert "最多 256 KiB" in fault.zh


@pytest.mark.parametrize(
    "nested",
    [
        "x = " + "[" * 50_000,
        "x = " + "[" * 50_000 + "]" * 50_000,
        "x = " + "{ a = " * 20_000 + "1" + " }" * 20_000,
        "[" + "a." * 900 + "a]",
        "where = " + "[" * 100 + "]" * 100,
    ],
    ids=["open lists", "lists", "tables", "a dotted header", "a where"],
)
def test_deep_nesting_is_refused(nested: str) -> None:
    assert faults_of(nested)
    assert faults_of(GOOD + nested)


@pytest.mark.parametrize(
    "text", ["", "\ud800", "\x00", "name", "= 1", "[", "]", '"' * 7, "[[a]]\n[a]", "a.b = 1\na = 2", "x = 1e9999999999"]
)
def test_no_text_is_more_than_a_fault(text: str) -> None:
    for document in (text, GOOD + text):
        with suppress(RulebookInvalid):
            assert parse(document) == parse(GOOD)


@pytest.mark.parametrize(
    "line", ["[" + " " * 100_000, " " * 100_000, "a" * 100_000, "a." * 50_000, '"' + "a" * 100_000]
)
def test_a_long_line_in_a_text_does_not_hold_up_the_search_for_lines(line: str) -> None:
    fault, *_ = faults_of(changed("amount = 5", f"amount = true\nnote = '''\n{line}\n'''"))
    assert (fault.key, fault.line) == ("earn[1].amount", 15)


# --- what a good document says ----------------------------------------------------------------------------------------


def test_a_good_document_is_what_it_says() -> None:
    rulebook = parse(GOOD)
    assert (rulebook.name, rulebook.expiry.years, rulebook.expiry.notice_days) == ("测试积分规则", 1, 30)
    checkin, service = rulebook.earn
    assert (checkin.id, checkin.event, checkin.title, checkin.amount) == ("checkin", ("checkin",), "参加活动签到", 5)
    assert (service.each, service.unit, service.per) == ("hours", "次", 1)


def test_what_a_document_does_not_say_has_its_default() -> None:
    rulebook = parse(GOOD)
    assert rulebook.account.holder is Holder.RESIDENT
    assert rulebook.transfer.within is TransferWithin.NOBODY
    assert rulebook.adjustment.second_person_above == 0
    assert [currency.id for currency in rulebook.currency] == ["points"]
    assert parse(GOOD.replace("[expiry]", "[transfer]\n[adjustment]\n[account]\n[calculation]\n[expiry]")) == rulebook


@pytest.mark.parametrize("within", TransferWithin)
def test_what_a_document_says_of_transfers_adjustments_and_notices_is_read(within: TransferWithin) -> None:
    said = f'[transfer]\nwithin = "{within}"\n[adjustment]\nsecond_person_above = 100\n[expiry]\nnotice_days = 7'
    rulebook = parse(GOOD.replace("[expiry]", said))
    assert rulebook.transfer.within is within
    assert (rulebook.adjustment.second_person_above, rulebook.expiry.notice_days) == (100, 7)


@pytest.mark.parametrize(
    ("good", "also_good"),
    [
        ("years = 1", "years = 0"),
        ("years = 1", f"years = {YEARS_MAX}"),
        ("years = 1", f"months = {12 * YEARS_MAX}"),
        ("amount = 5", f"amount = {AMOUNT_MAX}"),
        ("amount = 5", 'amount = 5\nlimits = [{ points = 0, per = "3660 days" }, { times = 0, per = "118 months" }]'),
        ('id = "checkin"', f'id = "{"签" * 64}"'),
    ],
)
def test_the_bounds_are_allowed(good: str, also_good: str) -> None:
    parse(changed(good, also_good))


def test_a_rounding_need_not_be_stated_where_steps_make_amounts_even() -> None:
    parse(changed('step = { of = 1, round = "down" }', 'step = { of = 0.5, round = "down" }'))
    parse(changed("amount = 2\n", "amount = 2\nper = 0.5\n"))


def test_one_word_may_stand_for_a_list_of_one() -> None:
    assert parse(changed('event = "checkin"', 'event = ["checkin"]')) == parse(GOOD)
    assert parse(changed('event = "checkin"', 'event = ["checkin", "scan"]')).earn[0].event == ("checkin", "scan")


def test_a_fact_of_the_event_may_be_called_like_what_the_house_counts() -> None:
    parse(changed('event = "checkin"', 'event = "checkin"\nwhere = { level = "区级", balance = "正", frozen = 3 }'))


def test_an_amount_is_a_number_or_bounds_or_depends_on_a_fact() -> None:
    def amount(written: str) -> object:
        return parse(changed("amount = 5", f"amount = {written}")).earn[0].amount

    assert amount("5.0") == Decimal(5)
    assert amount("{ min = 1, max = 3 }") == Range(min=Decimal(1), max=Decimal(3))
    by_fact = ByFact(fact="level", values={"a": Decimal(1), "b": Decimal(2)}, otherwise=Decimal(3))
    assert amount('{ fact = "level", values = { a = 1, b = 2 }, otherwise = 3 }') == by_fact


def test_numbers_that_are_equal_make_equal_rulebooks() -> None:
    assert parse(changed("amount = 5", "amount = 5.000")) == parse(changed("amount = 5", "amount = 0.5e1"))


def test_a_rulebook_may_have_no_rules() -> None:
    assert parse(GOOD.replace(CHECKIN, "").replace(SERVICE, "")).earn == ()


def test_rules_keep_their_order() -> None:
    rulebook = parse(GOOD + CHECKIN.replace('id = "checkin"', 'id = "another"'))
    assert [rule.id for rule in rulebook.earn] == ["checkin", "service", "another"]


def test_a_rulebook_is_written_without_what_it_does_not_say() -> None:
    assert as_document(parse(GOOD)) == {
        "name": "测试积分规则",
        "expiry": {"years": 1},
        "tally": [{"id": "days", "title": "签到天数", "events": ["checkin"]}],
        "earn": [
            {"id": "checkin", "title": "参加活动签到", "event": ["checkin"], "category": "activity", "amount": 5},
            {
                "id": "service",
                "title": "志愿服务",
                "event": ["service"],
                "each": "hours",
                "step": {"of": 1, "round": "down"},
                "amount": 2,
            },
        ],
    }


# --- until when points are good ---------------------------------------------------------------------------------------


def good_until(expiry: str, earned_on: date, more: str = "") -> date:
    return expiry_of(parse(changed("years = 1", expiry) + more), earned_on)


@pytest.mark.parametrize(
    ("years", "earned_on", "last"),
    [
        (0, date(2026, 1, 1), date(2026, 12, 31)),
        (1, date(2026, 12, 31), date(2027, 12, 31)),
        (1, date(2027, 1, 1), date(2028, 12, 31)),
        (2, date(2028, 2, 29), date(2030, 12, 31)),
    ],
)
def test_points_are_good_until_the_end_of_a_calendar_year(years: int, earned_on: date, last: date) -> None:
    assert good_until(f"years = {years}", earned_on) == last


@pytest.mark.parametrize(
    ("months", "round_up_to", "earned_on", "last"),
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
    months: int, round_up_to: str, earned_on: date, last: date
) -> None:
    assert RoundUpTo(round_up_to) in RoundUpTo
    assert good_until(f'months = {months}\nround_up_to = "{round_up_to}"', earned_on) == last


def test_months_are_rounded_up_to_the_end_of_the_month_unless_the_rulebook_says_otherwise() -> None:
    assert good_until("months = 12", date(2026, 5, 1)) == date(2027, 5, 31)


@pytest.mark.parametrize(
    ("end_of", "last"),
    [
        ("day", date(2026, 5, 20)),
        ("week", date(2026, 5, 24)),
        ("month", date(2026, 5, 31)),
        ("quarter", date(2026, 6, 30)),
        ("half_year", date(2026, 6, 30)),
        ("year", date(2026, 8, 31)),
    ],
)
def test_points_are_good_until_the_end_of_a_part_of_the_rulebooks_calendar(end_of: str, last: date) -> None:
    school = '[calculation]\nyear_starts = "09-01"\n'
    document = changed("years = 1", f'end_of = "{end_of}"').replace("[expiry]", school + "[expiry]")
    assert expiry_of(parse(document), date(2026, 5, 20)) == last


def test_points_that_never_lapse_have_the_last_day_of_all() -> None:
    assert good_until("never = true", date(2026, 5, 1)) == date(9999, 12, 31)


def test_the_currency_says_how_long_its_points_are_good_before_the_rulebook_does() -> None:
    score = '[[currency]]\nid = "points"\nname = "积分"\nexpiry = { end_of = "quarter" }\n'
    assert good_until("years = 3", date(2026, 5, 1), score) == date(2026, 6, 30)


def test_a_rulebook_is_a_value() -> None:
    assert isinstance(parse(GOOD), Rulebook)
    assert parse(GOOD) == parse(GOOD)
    assert parse(GOOD) != parse(changed("amount = 5", "amount = 6"))


def test_a_rounding_has_to_be_stated_where_a_quantity_is_cut_within_its_unit() -> None:
    rule = 'id = "a"\ntitle = "a"\nevent = "go"\namount = 3\neach = "minutes"\n'
    minutes = f'name = "x"\n[expiry]\nnever = true\n[[earn]]\n{rule}'
    parse(minutes + "at_most = 2\n")
    with pytest.raises(RulebookInvalid, match=r"calculation\.round"):
        parse(minutes + "at_most = 0.5\n")


# What would take too long


def chain(parts: int, part: str = "a") -> str:
    return ".".join([part] * parts)


LONG_KEYS = {
    "a key": (f"{chain(KEY_PARTS_MAX + 1)} = 1", 1),
    "a header": (f"x = 1\n[{chain(KEY_PARTS_MAX + 1)}]", 2),
    "a header of a list": (f"\n\n[[{chain(KEY_PARTS_MAX + 1)}]]", 3),
    "with spaces": (f"{chain(KEY_PARTS_MAX + 1).replace('.', ' . ')} = 1", 1),
    "quoted": (chain(KEY_PARTS_MAX + 1, '"b c"') + " = 1", 1),
    "quoted once": (chain(KEY_PARTS_MAX + 1, "'='") + " = 1", 1),
    "after a quoted sign": (f'"=".{chain(KEY_PARTS_MAX)} = 1', 1),
    "after a quoted quote": (f'"\\"\'=".{chain(KEY_PARTS_MAX)} = 1', 1),
    "within a table of one line": (f"x = {{ y = 1, {chain(KEY_PARTS_MAX + 1)} = 1 }}", 1),
    "within a list": (f"x = [\n  1.5,\n  {{ {chain(KEY_PARTS_MAX + 1)} = 1 }}]", 3),
    "after a comment with quotes": (f'# """\n{chain(KEY_PARTS_MAX + 1)} = 1', 2),
    "after an empty text": (f'x = """"""\n{chain(KEY_PARTS_MAX + 1)} = 1', 2),
    "after a text that ends with quotes": (f'x = [{{ y = """\n""""", {chain(KEY_PARTS_MAX + 1)} = 1 }}]', 2),
    "after a text with a quote in it": (f'x = "it\'s"\n{chain(KEY_PARTS_MAX + 1)} = 1', 2),
}


@pytest.mark.parametrize("where", LONG_KEYS)
def test_a_key_with_very_many_parts_is_refused_wherever_it_stands(where: str) -> None:
    document, line = LONG_KEYS[where]
    [fault] = faults_of(document)
    assert (fault.line, fault.en) == (line, f"the key has too many parts; at most {KEY_PARTS_MAX}")
    assert is_chinese(fault.zh)


@pytest.mark.parametrize(
    "document",
    [
        f"{chain(KEY_PARTS_MAX)} = 1",
        f"x = {{ {chain(KEY_PARTS_MAX)} = 1, {chain(KEY_PARTS_MAX, 'b')} = 2 }}",
        f'name = "{chain(KEY_PARTS_MAX * 3)}"',
        f"name = '{chain(KEY_PARTS_MAX * 3)}'",
        f'name = """\n{chain(KEY_PARTS_MAX * 3)}\n"""',
        f"name = '''\n{chain(KEY_PARTS_MAX * 3)}\n'''",
        f"# {chain(KEY_PARTS_MAX * 3)}\nname = 1",
        f"x = [{', '.join(['1.5'] * KEY_PARTS_MAX * 3)}]",
        "\n".join(f"x{n} = {n}.5 # {n}" for n in range(KEY_PARTS_MAX * 3)),
    ],
)
def test_many_dots_that_are_no_parts_of_one_key_are_read(document: str) -> None:
    assert all("too many parts" not in fault.en for fault in faults_of(document))


@pytest.mark.parametrize(
    "text",
    [
        '"=".' + chain(100_000) + " = 1",
        '# """\n' + chain(100_000) + " = 1",
        "x = { " + chain(100_000) + " = 1 }",
        "x = '" + '"' * 200_000,
        'x = "' + "\\" * 200_000,
        '"""' * 80_000,
        "=" * 250_000,
        " " * 250_000,
    ],
    ids=range(8),
)
def test_no_document_keeps_the_reader_busy(text: str) -> None:
    began = time.process_time()
    faults_of(text)
    assert time.process_time() - began < 5


def limits(count: int, *, per_rule: int = 100) -> str:
    """Rules with so many limits in all, each with another window."""
    rules = []
    for n in range(0, count, per_rule):
        windows = range(1, min(per_rule, count - n) + 1)
        own = ", ".join(f'{{ times = 9, per = "{days} days" }}' for days in windows)
        rules.append(f'[[earn]]\nid = "r{n}"\ntitle = "r"\nevent = "go"\namount = 1\nlimits = [{own}]\n')
    return 'name = "限额"\n[expiry]\nyears = 1\n' + "".join(rules)


def test_limits_may_be_many_and_not_without_end() -> None:
    parse(limits(LIMITS_MAX))
    [fault] = faults_of(limits(LIMITS_MAX + 1))
    assert (fault.key, fault.en) == ("limit", f"there are too many limits; at most {LIMITS_MAX}")


def test_a_shared_limit_counts_for_each_of_its_rules() -> None:
    """Every event is held to each of them."""
    rule = '[[earn]]\nid = "r{0}"\ntitle = "r"\nevent = "go"\namount = 1\ncategory = "c"\n'
    rules = "".join(rule.format(n) for n in range(100))
    shared = "".join(
        f'[[limit]]\nid = "l{n}"\ntitle = "l"\ncategories = ["c"]\ntimes = 9\nper = "day"\n' for n in range(51)
    )
    head = 'name = "限额"\n[calculation]\norder = "document"\n[expiry]\nyears = 1\n'
    parse(head + rules + shared.rpartition("[[limit]]")[0])
    [fault] = faults_of(head + rules + shared)
    assert fault.en == f"there are too many limits; at most {LIMITS_MAX}"


#: Two limits side by side, and whether they count the same in the same window.
PAIRS = [
    ('{ points = 5, per = "day" }, { points = 9, per = "day" }', True),
    ('{ times = 1, per = "7 days" }, { times = 2, per = "7 days" }', True),
    ('{ quantity = 1, per = "month" }, { quantity = 2, per = "month" }', True),
    ('{ points = 5, per = "day", by = ["loan"] }, { points = 9, per = "day", by = ["loan"] }', True),
    ('{ points = 5, per = "day" }, { points = 9, per = "week" }', False),
    ('{ points = 5, per = "day" }, { times = 9, per = "day" }', False),
    ('{ points = 5, per = "day" }, { quantity = 9, per = "day" }', False),
    ('{ points = 5, per = "day" }, { points = 9, per = "day", by = ["loan"] }', False),
    ('{ points = 5, per = "1 days" }, { points = 9, per = "day" }', False),
]


@pytest.mark.parametrize(("pair", "is_doubled"), PAIRS)
def test_two_limits_that_count_the_same_in_one_window_do_not_stand_together(pair: str, is_doubled: bool) -> None:
    """They would share a counter, and only one of them could hold."""
    rounded = GOOD.replace("[expiry]", '[calculation]\nround = "down"\n[expiry]')
    earn = rounded.replace(
        'step = { of = 1, round = "down" }', f'step = {{ of = 1, round = "down" }}\nlimits = [{pair}]'
    )
    deduct = rounded + (
        f'[[deduct]]\nid = "late"\ntitle = "逾期"\nevent = "late"\namount = 1\neach = "items"\n'
        f'step = {{ of = 1, round = "down" }}\nlimits = [{pair}]\n'
    )
    for document, key in ((earn, "earn[2].limits"), (deduct, "deduct[1].limits")):
        if is_doubled:
            [fault] = faults_of(document)
            assert (fault.key, fault.en) == (key, "two limits of one kind and window can't stand together")
        else:
            parse(document)


def test_limits_of_gifts_and_of_redemptions_are_held_to_the_same() -> None:
    pair = '{ points = 5, per = "day" }, { points = 9, per = "day" }'
    gifts = f'[transfer]\nwithin = "household"\nlimits = [{pair}]\n'
    shop = f'[[redemption]]\nid = "shop"\ntitle = "商城"\nkinds = ["goods"]\nlimits = [{pair}]\n'
    for section, key in ((gifts, "transfer.limits"), (shop, "redemption[1].limits")):
        assert [(fault.key, fault.en) for fault in faults_of(GOOD + section)] == [
            (key, "two limits of one kind and window can't stand together")
        ]
