"""What the rules cost: `python3 bench/rulebook.py [--events N] [--people N]`.

One run, one core, no database: a rulebook of 60 rules with everything that rules may have, and 200,000 events of 5,000
people over a year. Printed are the time of one evaluation at the year's end, with its explanations and without, of reading
the document, and how many events a second are judged one after the other. Seconds are the processor's, so what else runs
doesn't count; the figures are this machine's.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rules.clock import ZONE
from rules.rulebook.decision import Happening
from rules.rulebook.document import parse
from rules.rulebook.evaluation import evaluate
from rules.rulebook.plan import Plan
from rules.rulebook.replaying import Past, replay
from rules.rulebook.standing import Standing, apply

HEAD = """
name = "压测积分规则"

[expiry]
months = 24
round_up_to = "quarter"

[calculation]
round = "half_up"
order = "largest_first"

[eligibility]
title = "仅限注册居民"
where = { person.registered = true }

[[currency]]
id = "points"
name = "积分"
decimals = 1
opening = 100
ceiling = 20000
overflow = "donation"

[[currency]]
id = "donation"
name = "公益积分"
decimals = 1

[[currency]]
id = "credit"
name = "信用分"
floor = 0
opening = 100
spendable = false
expiry = { never = true }

[[tally]]
id = "hours"
title = "服务时长"
events = ["service-1", "service-2", "service-3", "service-4"]
of = "hours"
step = { of = 0.5, round = "down" }

[[tally]]
id = "hours-year"
title = "本年服务时长"
events = ["service-1", "service-2", "service-3", "service-4"]
of = "hours"
per = "year"

[[tally]]
id = "reading"
title = "连续阅读"
events = ["reading-1"]
streak = "day"

[[tally]]
id = "lectures"
title = "讲座场次"
events = ["activity-1"]
per = "120 days"

[[tally]]
id = "month-points"
title = "本月积分"
of = "points"
per = "month"

[[limit]]
id = "activity-day"
title = "活动类"
categories = ["activity"]
points = 30
per = "day"

[[limit]]
id = "service-month"
title = "服务类"
categories = ["service"]
points = 400
per = "month"

[[limit]]
id = "reading-rolling"
title = "阅读类"
categories = ["reading"]
points = 60
per = "30 days"

[[limit]]
id = "all-year"
title = "全部"
currency = "points"
points = 5000
per = "year"

[[ladder]]
id = "star"
title = "星级志愿者"
falls = false
level = [
  { id = "one", title = "一星", at = { "tally.hours" = 100 } },
  { id = "two", title = "二星", at = { "tally.hours" = 300, "earned.points" = 1000 } },
  { id = "three", title = "三星", at = { "tally.hours" = 600 }, where = { balance.credit = { min = 90 } } },
]

[[ladder]]
id = "year"
title = "年度之星"
falls = true
level = [{ id = "one", title = "年度之星", at = { "tally.hours-year" = 50 } }]

[[freeze]]
id = "borrowing"
title = "借阅冻结"
where = { balance.credit = { max = 60 } }
blocks = ["borrow"]
exit = [
  { title = "60 天", after_days = 60, balance_becomes = 80 },
  { title = "服务 2 小时", collects = { events = ["service-1"], quantity = "hours", amount = 2 }, balance_becomes = 80 },
]

[[penalty]]
id = "absence"
title = "爽约"
events = ["no-show-1", "no-show-2"]
where = { excused = false }
per = "120 days"
by = ["kind"]
step = [{ at = 2, warns = true }, { at = 3, suspends = { days = 30 }, clears = true }]

[[warning]]
id = "low"
title = "信用分不足 80"
event = ["no-show-1", "no-show-2", "no-show-3"]
where = { balance.credit = { below = 80 } }
"""
#: How rules of a family go on, in turn. Each event has two or three rules that speak of it.
FAMILIES: dict[str, tuple[str, ...]] = {
    "activity": (
        'amount = 5\nwhere = { late = false }\nlimits = [{ times = 1, per = "day", by = ["activity"] }]',
        'amount = 2\nfactors = [{ fact = "level", values = { "区级" = 1.2, "市级" = 1.5 }, otherwise = 1 }]',
        'amount = { fact = "role", values = { host = 8 }, otherwise = 1 }\nlimits = [{ times = 9, per = "week" }]',
    ),
    "service": (
        'amount = 10\neach = "hours"\nstep = { of = 0.5, round = "down" }\nlimits = [{ quantity = 8, per = "day" }]',
        'amount = 3\neach = "hours"\nper = 2\nwhere = [{ weekend = true, level = "区级" }, { person.age = { max = 25 } }]',
        'amount = 50\nmilestone = { tally = "hours", every = 100 }',
    ),
    "reading": (
        'amount = 1\neach = "items"\nlimits = [{ points = 3, per = "day" }, { points = 30, per = "month" }]',
        'amount = 20\nmilestone = { tally = "reading", at = 7 }',
        'amount = 0.5\neach = "minutes"\nper = 30\nat_most = 120',
    ),
}
COSTS = (
    'amount = 2\ncurrency = "credit"\neach = "items"',
    'amount = 5\ncurrency = "credit"\nlimits = [{ points = 20, per = "month" }]',
    'amount = 1.5\neach = "items"\nshort = "nothing"',
)
KINDS_OF_FAMILY, RULES_OF_KIND = 5, 3
EARNING = KINDS_OF_FAMILY * RULES_OF_KIND * len(FAMILIES)
COSTING = 60 - EARNING


def document() -> str:
    """A rulebook of 60 rules: 45 that earn, 15 that cost."""
    parts = [HEAD]
    for family, rules in FAMILIES.items():
        for kind in range(1, KINDS_OF_FAMILY + 1):
            for n, rule in enumerate(rules):
                head = f'[[earn]]\nid = "{family}-{kind}-{n}"\ntitle = "{family} {kind}"\nevent = "{family}-{kind}"\n'
                parts.append(f'{head}category = "{family}"\nunit = "单位"\n{rule}\n')
    for n in range(COSTING):
        head = f'[[deduct]]\nid = "cost-{n}"\ntitle = "扣分 {n}"\nevent = "no-show-{n % 5 + 1}"\nunit = "单位"\n'
        parts.append(f"{head}{COSTS[n % len(COSTS)]}\n")
    return "\n".join(parts)


def histories(people: int, events: int) -> Iterator[Past]:
    """Everybody's events of a year, in order of time."""
    chance = random.Random(1)
    kinds = [f"{family}-{n}" for family in FAMILIES for n in range(1, KINDS_OF_FAMILY + 1)]
    often = [*kinds * 3, *(f"no-show-{n}" for n in range(1, 6))]
    begin = datetime(2026, 1, 1, 8, tzinfo=ZONE)
    for holder in range(people):
        yield Past(holder, Happening("account_opened", begin))
        minutes = sorted(chance.randrange(365 * 24 * 60) for _ in range(events // people - 1))
        for minute in minutes:
            yield Past(
                holder, Happening(chance.choice(often), begin + timedelta(minutes=minute), "周末读书会", facts(chance))
            )


def facts(chance: random.Random) -> dict[str, Any]:
    return {
        "late": chance.random() < 0.1,
        "level": chance.choice(["区级", "市级", "社区"]),
        "role": chance.choice(["host", "helper", "guest"]),
        "minutes": chance.choice([25, 60, 90, 135]),
        "items": chance.choice([1, 2, 3, Decimal("1.5")]),
        "weekend": chance.random() < 0.3,
        "activity": chance.randrange(1000),
    }


def fold(plan: Plan, past: Sequence[Past], people: int) -> dict[int, Standing]:
    """Judge event after event, as things stand by then."""
    standings = {holder: Standing(person={"registered": True, "age": 18 + holder % 60}) for holder in range(people)}
    for each in past:
        standing = standings[each.holder_id]
        apply(standing, evaluate(plan, each.happening, standing).changes)
    return standings


def microseconds_of(judge: Callable[[Past], Any], past: Sequence[Past]) -> list[float]:
    """How long each takes, sorted."""
    took = []
    for each in past:
        began = time.perf_counter_ns()
        judge(each)
        took.append((time.perf_counter_ns() - began) / 1000)
    return sorted(took)


def print_times(name: str, took: list[float], more: str = "") -> None:
    p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    print(f"{name:36}p50 {p50:8.1f} µs   p99 {p99:8.1f} µs   {more}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--people", type=int, default=5_000)
    options = parser.parse_args()
    text = document()
    rulebook = parse(text)
    plan = Plan(rulebook)
    rules = len(rulebook.earn) + len(rulebook.deduct)
    past = list(histories(options.people, options.events))
    print(f"{rules} rules, {text.count(chr(10)):,} lines; {len(past):,} events of {options.people:,} people\n")
    reading = [_seconds(lambda: parse(text)) for _ in range(15)]
    planning = [_seconds(lambda: Plan(rulebook)) for _ in range(15)]
    print(f"parse {statistics.median(reading) * 1000:.1f} ms, plan {statistics.median(planning) * 1000:.1f} ms")

    began = time.process_time()
    standings = fold(plan, past, options.people)
    folded = time.process_time() - began
    today = max(each.happening.occurred_at for each in past)
    sample = [
        Past(each.holder_id, replace(each.happening, occurred_at=today))
        for each in random.Random(2).sample(past, min(20_000, len(past)))
    ]
    lines = sum(len(evaluate(plan, each.happening, standings[each.holder_id]).lines) for each in sample) / len(sample)

    def judge(each: Past) -> Any:
        return evaluate(plan, each.happening, standings[each.holder_id])

    def explain(each: Past) -> Any:
        return [line.explanation for line in judge(each).lines]

    print_times("one evaluation", microseconds_of(judge, sample), f"{lines:.1f} lines an event")
    print_times("one evaluation, explained", microseconds_of(explain, sample))
    print(f"{'judging one after the other':36}{len(past) / folded:10,.0f} events/s")
    persons = {holder: standing.person for holder, standing in standings.items()}
    compared = _seconds(lambda: replay([(past[0].happening.occurred_at, plan)], plan, past, persons))
    print(f"{'replay: in force against a draft':36}{len(past) / compared:10,.0f} events/s, each judged twice")


def _seconds(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
