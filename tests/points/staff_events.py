"""Rules for what staff write down, and the moments at which they do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import time_machine

from rules.clock import ZONE, local_day, utc_now
from tests.build import ApiClient, Person, TownBuilder
from tests.rulebook.live import put_in_force

HEAD = """
name = "红星积分"
[expiry]
years = 1
[calculation]
round = "down"
"""
SERVICE = """
[[tally]]
id = "hours"
title = "服务时长"
events = ["care"]
of = "hours"
[[earn]]
id = "care"
event = "care"
title = "志愿服务"
each = "hours"
unit = "小时"
amount = 10
"""
NO_SHOWS = """
[[penalty]]
id = "no-show"
title = "爽约"
events = ["absent"]
where = { excused = false }
per = "120 days"
[[penalty.step]]
at = 2
warns = true
[[penalty.step]]
at = 3
suspends = { days = 30 }
"""
LADDER = """
[[ladder]]
id = "star"
title = "星级志愿者"
falls = false
[[ladder.level]]
id = "star-1"
title = "一星级"
at = { "tally.hours" = 3 }
rights = [{ title = "可借图书", id = "loans", value = 2 }]
[[ladder.level]]
id = "star-2"
title = "二星级"
at = { "tally.hours" = 10, "balance.points" = 60 }
rights = [{ title = "公交卡" }]
"""
BOOKS = """
[[currency]]
id = "points"
name = "积分"
[[currency]]
id = "culture"
name = "文化积分"
[[currency]]
id = "lebi"
name = "乐币"
decimals = 1
[[earn]]
id = "reading"
event = "reading"
title = "阅读"
amount = 3
currency = "culture"
[[earn]]
id = "reciting"
event = "reading"
title = "朗诵"
amount = 5
currency = "culture"
[[earn]]
id = "presence"
event = "reading"
title = "到场"
amount = 2
[[convert]]
id = "to-lebi"
title = "折算为乐币"
source = ["culture"]
target = "lebi"
rate = 0.5
automatic = true
limits = [{ points = 10, per = "ever" }]
"""
VOID = '[[void]]\nid = "complaint"\nevent = "complaint"\ntitle = "被投诉"\nof = "care"\n'
#: Noon of a day in a past that begins after the town's first rules.
THEN = datetime.now(ZONE).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=100)
NEXT_YEAR = local_day(utc_now()).year + 1


def under(town: TownBuilder, *sections: str) -> None:
    put_in_force(town, HEAD + "".join(sections))


def at(days: float) -> time_machine.travel:
    """Noon, so many days after THEN."""
    return time_machine.travel(THEN + timedelta(days=days), tick=False)


def standing(api: ApiClient, resident: Person) -> dict[str, Any]:
    answer = api.as_(resident).get("/me/standing")
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def books(api: ApiClient, resident: Person) -> dict[str, float]:
    return {each["id"]: each["amount"] for each in standing(api, resident)["balances"]}
