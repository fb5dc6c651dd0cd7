"""What the API answers, as the pages are shown it in tests: the shapes of the real one, with numbers that never change."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

AS_OF = "2026-03-18T04:30:05+00:00"
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 18)
PLACE = {"id": None, "name": "缤纷未来社区"}
PERIOD = {"kind": "month", "first_day": FIRST.isoformat(), "last_day": LAST.isoformat(), "is_running": True}
HEAD = {"as_of": AS_OF, "place": PLACE, "period": PERIOD}

#: name, title, unit, kind, better, value, previous, target and amber value, light
TILES: list[tuple[Any, ...]] = [
    ("residents.registered", "注册居民", "people", "state", "more", 14657, 14210, None, None),
    ("residents.active_month", "月活跃居民", "people", "state", "more", 5213, 5098, (6000, 5000), "amber"),
    ("sessions.held", "举办场次", "sessions", "flow", "more", 412, 388, (400, 320), "green"),
    ("reservations.attended", "到场人次", "places", "flow", "more", 6840, 7125, None, None),
    ("reservations.no_show_rate", "爽约率", "share", "ratio", "less", 0.182, 0.124, (0.1, 0.15), "red"),
    ("venues.utilisation", "场馆使用率", "share", "ratio", "more", 0.316, 0.287, (0.4, 0.3), "amber"),
    ("points.issued", "发放积分", "points", "flow", "neither", 128340, 119204, None, None),
    ("points.redeemed", "兑换积分", "points", "flow", "more", 61230, 48011, (60000, 50000), "green"),
    ("points.outstanding", "未用积分", "points", "state", "less", 1284560, 1217450, None, None),
    ("volunteering.hours", "志愿服务时长", "hours", "flow", "more", 1836.5, 1612.0, None, None),
    ("repairs.on_time_rate", "报修及时率", "share", "ratio", "more", 0.943, 0.951, (0.95, 0.9), "amber"),
    ("queues.outbox_oldest", "最久未送消息", "seconds", "state", "less", 42, 35, None, None),
]
SCENES = {
    "neighbourhood": "邻里",
    "education": "教育",
    "health": "健康",
    "enterprise": "创业",
    "architecture": "建筑",
    "transport": "交通",
    "low_carbon": "低碳",
    "services": "服务",
    "governance": "治理",
}
OPERATORS = ["缤纷文化", "邻里汇", "银龄之家", "小桔灯亲子", "绿行低碳", "四季健身", "云上书房", "社区食堂"]


def wave(seed: int, place: int) -> float:
    """A number from 0 to 1 that looks like a week's rhythm."""
    return 0.5 + 0.35 * math.sin((place + seed) * 2 * math.pi / 7) + 0.15 * math.sin(place * 1.7 + seed)


def days(count: int) -> list[str]:
    return [(LAST - timedelta(days=count - 1 - place)).isoformat() for place in range(count)]


def measures() -> dict[str, Any]:
    known = [
        {
            "name": name,
            "title": title,
            "meaning": f"{title}：按当日记录计，不含演练数据。",
            "unit": unit,
            "kind": kind,
            "better": better,
            "slices": ["all", "scene", "operator"],
            "divisor": 1,
            "over": ["reservations.no_shows", "reservations.kept"] if name == "reservations.no_show_rate" else None,
        }
        for name, title, unit, kind, better, *_ in TILES
    ]
    more = [("places.offered", "开放名额", "places"), ("reservations.made", "预约人次", "places")]
    more += [("reservations.no_shows", "爽约人次", "places"), ("reservations.kept", "应到人次", "places")]
    more += [("points.expired", "过期积分", "points"), ("venues.used_hours", "使用时长", "hours")]
    for name, title, unit in more:
        known.append(known[0] | {"name": name, "title": title, "unit": unit, "kind": "flow", "better": "neither"})
    return {"items": known}


def overview() -> dict[str, Any]:
    tiles = []
    for seed, (name, title, unit, kind, better, value, previous, target, light) in enumerate(TILES):
        tiles.append(
            {
                "measure": name,
                "title": title,
                "unit": unit,
                "kind": kind,
                "better": better,
                "value": value,
                "previous": previous,
                "change": None,
                "trend": [
                    {"day": day, "value": value * (0.6 + 0.4 * wave(seed, at))} for at, day in enumerate(days(30))
                ],
                "target": {"target": target[0], "amber": target[1]} if target else None,
                "light": light,
            }
        )
    funnel = [
        {"measure": "places.offered", "title": "开放名额", "value": 12480},
        {"measure": "reservations.made", "title": "预约人次", "value": 8362},
        {"measure": "reservations.attended", "title": "到场人次", "value": 6840},
    ]
    previous = {"first_day": "2026-02-11", "last_day": "2026-02-28"}
    return HEAD | {"previous": previous, "snapshot_day": "2026-03-17", "tiles": tiles, "funnel": funnel}


def series(query: dict[str, list[str]]) -> dict[str, Any]:
    found = []
    for name in query["measure"]:
        one = next(measure for measure in measures()["items"] if measure["name"] == name)
        scale = 0.2 if one["unit"] == "share" else 240
        values = [
            {"first_day": day, "last_day": day, "value": round(scale * wave(3, at), 3 if scale < 1 else 0)}
            for at, day in enumerate(days(30))
        ]
        found.append({"measure": name, "title": one["title"], "unit": one["unit"], "values": values})
    return {"as_of": AS_OF, "by": "day", "series": found}


def table(columns: list[tuple[str, str, str]], rows: list[dict[str, Any]]) -> dict[str, Any]:
    described = [{"name": name, "title": title, "unit": unit} for name, title, unit in columns]
    return HEAD | {"columns": described, "rows": rows}


BOARD = [
    ("reservations.attended", "到场人次", "places"),
    ("sessions.held", "举办场次", "sessions"),
    ("reservations.no_show_rate", "爽约率", "share"),
]


def board_row(key: str, title: str, seed: int, **more: Any) -> dict[str, Any]:
    attended = round(1400 * wave(seed, seed * 2) + 40)
    cells = {
        "reservations.attended": attended,
        "sessions.held": attended // 17,
        "reservations.no_show_rate": 0.04 * (1 + seed % 5),
    }
    before = cells | {"reservations.attended": round(attended * (0.85 + 0.05 * (seed % 7)))}
    return {
        "key": key,
        "title": title,
        "cells": cells,
        "previous": before,
        "rank": None,
        "score": None,
        "parts": [],
        "lights": [],
    } | more


def scenes() -> dict[str, Any]:
    return table(BOARD, [board_row(key, title, seed) for seed, (key, title) in enumerate(SCENES.items())])


def operators() -> dict[str, Any]:
    ranked = sorted(
        (board_row(str(100 + seed), name, seed + 3) for seed, name in enumerate(OPERATORS)),
        key=lambda row: -row["cells"]["reservations.attended"],
    )
    best = ranked[0]["cells"]["reservations.attended"]
    weights = [
        {"measure": "sessions.held", "title": "举办场次", "weight": 30},
        {"measure": "reservations.attended", "title": "到场人次", "weight": 50},
        {"measure": "reservations.no_show_rate", "title": "爽约率", "weight": 20},
    ]
    for place, row in enumerate(ranked):
        share = row["cells"]["reservations.attended"] / best
        parts = [
            {"measure": each["measure"], "weight": each["weight"], "share": share, "points": share * each["weight"]}
            for each in weights
        ]
        row |= {"rank": place + 1, "score": round(100 * share, 2), "parts": parts}
    ranked[-1] |= {"rank": None, "score": None, "parts": []}
    return table(BOARD, ranked) | {"weights": weights}


def communities() -> dict[str, Any]:
    columns = [
        ("residents.registered", "注册居民", "people"),
        *BOARD,
        ("reservations.attended:per_thousand", "到场人次·每千人", "per_thousand"),
    ]
    rows = []
    for seed, (key, name, residents) in enumerate(
        (("11", "缤纷社区", 6120), ("12", "江湾社区", 4890), ("13", "和睦社区", 3647))
    ):
        row = board_row(key, name, seed + 4)
        row["cells"] |= {"residents.registered": residents, "reservations.attended:per_thousand": 117.4 + seed * 31}
        rows.append(row)
    return table(columns, rows)


def estates() -> dict[str, Any]:
    rows = [
        board_row(str(20 + seed), name, seed)
        for seed, name in enumerate(("缤纷西苑", "缤纷北苑", "江湾里", "和睦公寓", "春晓庭"))
    ]
    return table(BOARD, rows)


def venues() -> dict[str, Any]:
    heat = []
    for weekday in range(7):
        for hour in range(8, 21):
            share = min(1.0, max(0.0, 0.62 * wave(weekday, hour) + (0.25 if hour in (9, 10, 14, 19) else -0.12)))
            if weekday == 0 and hour < 13:
                continue  # closed on Monday mornings
            heat.append(
                {"weekday": weekday, "hour": hour, "open_hours": 42, "used_hours": round(42 * share, 2), "share": share}
            )
    columns = [("venues.open_hours", "开放时长", "hours"), ("venues.used_hours", "使用时长", "hours")]
    columns += [("venues.utilisation", "使用率", "share"), ("is_idle", "闲置", "flag")]
    names = [
        "多功能厅",
        "舞蹈室",
        "乒乓球室",
        "书画室",
        "亲子活动室",
        "会议室 201",
        "会议室 202",
        "篮球场",
        "共享厨房",
        "瑜伽室",
    ]
    rows = []
    for seed, name in enumerate(names):
        share = 0.02 if seed in (5, 6) else round(0.25 + 0.6 * wave(seed, seed), 3)
        cells = {
            "venues.open_hours": 216,
            "venues.used_hours": round(216 * share, 1),
            "venues.utilisation": share,
            "is_idle": int(share < 0.05),
        }
        rows.append(
            {
                "key": str(500 + seed),
                "title": f"邻里中心 {name}",
                "cells": cells,
                "previous": {"venues.utilisation": 0.3},
            }
        )
    return {"heat": heat, "table": table(columns, rows)}


def points() -> dict[str, Any]:
    flows = []
    for seed, (name, title, scale) in enumerate(
        (
            ("points.issued", "发放积分", 7200),
            ("points.redeemed", "兑换积分", 3600),
            ("points.expired", "过期积分", 700),
        )
    ):
        values = [
            {"first_day": day, "last_day": day, "value": round(scale * wave(seed, at))}
            for at, day in enumerate(days(18))
        ]
        flows.append({"measure": name, "title": title, "unit": "points", "values": values})
    months = [f"{2026 + (2 + place) // 12}-{(2 + place) % 12 + 1:02d}" for place in range(12)]
    liability = [
        {
            "key": f"7:{month}",
            "title": f"缤纷街道 {month}",
            "cells": {"points.outstanding": 60000 + 9000 * (place % 5)},
            "previous": {},
        }
        for place, month in enumerate(months)
    ]
    rules = [
        {
            "key": f"rule-{place}",
            "title": title,
            "cells": {"points.issued": 42000 - 6000 * place},
            "previous": {"points.issued": 40000},
        }
        for place, title in enumerate(("参加活动签到", "志愿服务满一小时", "垃圾分类投放", "亲子共读打卡", "邻里互助"))
    ]
    budgets = [
        {
            "key": str(100 + place),
            "title": name,
            "cells": {"granted": 100000, "used": 31000 + 8000 * place, "left": 69000 - 8000 * place},
            "previous": {},
        }
        for place, name in enumerate(OPERATORS[:5])
    ]
    return HEAD | {
        "flows": {"as_of": AS_OF, "by": "day", "series": flows},
        "outstanding": 1284560,
        "liability": table([("points.outstanding", "未用积分", "points")], liability),
        "rules": table([("points.issued", "发放积分", "points")], rules),
        "budgets": table(
            [("granted", "已拨", "points"), ("used", "已用", "points"), ("left", "剩余", "points")], budgets
        ),
    }


def places() -> dict[str, Any]:
    named = [(None, "缤纷未来社区", None), ("11", "缤纷社区", "community"), ("12", "江湾社区", "community")]
    named += [("13", "和睦社区", "community"), ("20", "缤纷西苑", "estate")]
    return {"items": [{"id": id_, "name": name, "kind": kind} for id_, name, kind in named], "next_cursor": None}


def patterns() -> dict[str, Any]:
    return {"items": [], "next_cursor": None, "as_of": AS_OF}


def ring() -> dict[str, Any]:
    """A finding."""
    one, other = (
        {"kind": "resident", "id": str(7000 + place), "name": name} for place, name in enumerate(("王**", "李*"))
    )
    deeds = [
        {"subject": "txn", "id": str(place), "at": AS_OF, "people": people, "amount": 50}
        for place, people in enumerate(([one, other], [other, one]))
    ]
    found = {
        "measure": "patterns.rings",
        "title": "积分转圈",
        "day": LAST.isoformat(),
        "subject": "resident",
        "id": "7000",
    }
    return {"items": [found | {"who": one, "amount": 2, "rows": deeds}], "next_cursor": None, "as_of": AS_OF}


def rows(query: dict[str, list[str]]) -> dict[str, Any]:
    """Two pages of rows, 90 in all."""
    start = int(query.get("cursor", ["0"])[0])
    found = [
        {
            "id": str(9000 + place),
            "subject": "reservation",
            "day": days(18)[place % 18],
            "territory_id": "11",
            "place": "缤纷社区",
            "scene": "health",
            "operator_id": "100",
            "detail": None,
            "amount": 76,
        }
        for place in range(start, min(90, start + 50))
    ]
    return {"items": found, "next_cursor": "50" if start == 0 else None, "as_of": AS_OF}


def jobs() -> dict[str, Any]:
    def job(name: str, schedule: str, alarm: str | None, **more: Any) -> dict[str, Any]:
        ran = {
            "slot": "2026-03-18",
            "due_at": "2026-03-17T19:30:00+00:00",
            "attempts": 1,
            "started_at": "2026-03-17T19:30:00.2+00:00",
            "finished_at": "2026-03-17T19:30:04.6+00:00",
            "seconds": 4.4,
            "outcome": "ok",
            "result": {"days": 1, "rows": 8123},
            "succeeded_at": "2026-03-17T19:30:04.6+00:00",
        }
        return (
            {"job": name, "schedule": schedule, "alarm": alarm, "next_due_at": "2026-03-18T19:30:00+00:00"} | ran | more
        )

    never = dict.fromkeys(
        ("slot", "due_at", "attempts", "started_at", "finished_at", "seconds", "outcome", "result", "succeeded_at")
    )
    return {
        "leader": {"term": 12, "began_at": "2026-03-16T01:00:00+00:00", "seen_at": AS_OF, "is_there": True},
        "items": [
            job("ledger-expiry", "30 3 * * *", None),
            job("monitor-snapshots", "40 0 * * *", "missed"),
            job("outbox", "*/1 * * * *", None),
            job("audit", "0 4 * * *", "failed", outcome="failed"),
            job("clearing", "15 2 * * *", None, **never),
        ],
    }
