"""Volunteers, what they serve, and the staff who write it down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from werkzeug.test import TestResponse

from models.residents import Proxy, ProxyKind, Role
from models.volunteering import ServiceDay, ServiceRecord, ServiceStatus
from rules.clock import local_day, utc_now
from rules.rows import AnyRow
from rules.volunteering.book import Minutes, read_minutes
from rules.volunteering.hours import book_signed_hours, tell_signed_hours
from rules.work import SYSTEM, Work
from tests.build import ApiClient, Person, TownBuilder, add
from tests.points.hands import balance_of

RULES = """
name = "红星志愿服务"
[expiry]
years = 1
[[earn]]
id = "service-signed"
title = "志愿服务"
event = "service"
where = { provenance = "signed" }
amount = 10
each = "hours"
unit = "小时"
step = { of = 0.5, round = "down" }
[[earn]]
id = "service-recorded"
title = "志愿服务（补录）"
event = "service"
where = { provenance = { none_of = ["signed"] } }
amount = 4
each = "hours"
unit = "小时"
step = { of = 0.5, round = "down" }
[[tally]]
id = "service-hours"
title = "志愿服务时长"
events = ["service"]
where = { provenance = "signed" }
of = "hours"
[[tally]]
id = "waste"
title = "分类次数"
events = ["sorted_waste"]
[[ladder]]
id = "star"
title = "星级志愿者"
falls = false
[[ladder.level]]
id = "star-1"
title = "一星级志愿者"
at = { "tally.service-hours" = 2 }
rights = [{ title = "佩戴一星标识" }]
[[ladder.level]]
id = "star-2"
title = "二星级志愿者"
at = { "tally.service-hours" = 10 }
[[ladder]]
id = "green"
title = "绿色达人"
falls = false
[[ladder.level]]
id = "green-1"
title = "绿芽"
at = { "tally.waste" = 1 }
"""


def today() -> date:
    return local_day(utc_now())


def days_ago(days: int) -> date:
    return today() - timedelta(days=days)


def organiser(town: TownBuilder, api: ApiClient, *, at: int | None = None) -> ApiClient:
    return api.as_(town.staff(Role.ORGANISER, at=at))


def manager(town: TownBuilder, api: ApiClient, *, at: int | None = None) -> ApiClient:
    return api.as_(town.staff(Role.MANAGER, at=at))


def entry(who: Person | int, minutes: int = 60, served_on: date | None = None, **more: Any) -> dict[str, Any]:
    """One item of a request."""
    resident_id = who if isinstance(who, int) else who.id
    day = served_on or days_ago(1)
    told = {
        "resident_id": str(resident_id),
        "minutes": minutes,
        "served_on": day.isoformat(),
        "description": "清扫楼道",
    }
    return told | more


def write_down(staff: ApiClient, *items: dict[str, Any], key: str | None = None) -> TestResponse:
    return staff.post("/volunteering/records", {"items": list(items)}, key=key)


def written_down(staff: ApiClient, *items: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of a request, which was granted."""
    answer = write_down(staff, *items)
    assert answer.status_code == 201, answer.text
    return list(answer.json["items"])


def void(staff: ApiClient, record_id: str, reason: str = "登记错了", **more: Any) -> TestResponse:
    return staff.call(
        "DELETE", f"/volunteering/records/{record_id}", {"reason": reason} | more, key=f"void-{record_id}-{len(more)}"
    )


def decide(staff: ApiClient, record_id: str, *, accepts: bool, **more: Any) -> TestResponse:
    return staff.post(f"/volunteering/records/{record_id}/decision", {"accepts": accepts} | more)


def serve(town: TownBuilder, who: Person, session_id: int, minutes: int) -> Any:
    """What a check-out leads to: the visits of a session add up to so many minutes."""
    return settle(town, who, {session_id: minutes}).get(session_id)


def settle(town: TownBuilder, who: Person, minutes_of: Mapping[int, int]) -> dict[int, Any]:
    """The same of several sessions at once; returns what came of each in points."""

    def deed(work: Work) -> dict[int, Any]:
        corrections = tell_signed_hours(work, who.id, minutes_of)
        book_signed_hours(work, corrections)
        return {each.session_id: each.told.outcome for each in corrections}

    return town.act(None, deed)


def a_session(town: TownBuilder, **columns: Any) -> int:
    """A session for volunteers."""
    return town.session(activity_id=town.activity(volunteers_only=True, title="长者助餐", category="助老"), **columns)


def minutes_of(town: TownBuilder, who: Person) -> Minutes:
    """What the book of hours holds of a resident."""
    return town.database.read(town.id, SYSTEM, read_minutes, who.id)


def records_of(town: TownBuilder, who: Person) -> list[AnyRow]:
    rows = town.rows(ServiceRecord, resident_id=who.id)
    return sorted((row[0] for row in rows), key=lambda record: record.id)


def live_of(town: TownBuilder, who: Person) -> list[AnyRow]:
    return [each for each in records_of(town, who) if each.status in (ServiceStatus.COUNTED, ServiceStatus.PENDING)]


def day_of(town: TownBuilder, who: Person, day: date) -> tuple[int, int]:
    """Minutes on record for a day: signed for, written down."""
    rows = town.rows(ServiceDay.signed, ServiceDay.entered, resident_id=who.id, served_on=day)
    return (rows[0].signed, rows[0].entered) if rows else (0, 0)


def guardian_of(town: TownBuilder, child: Person, kind: ProxyKind = ProxyKind.GUARDIAN) -> Person:
    """Somebody who may act for a resident."""
    agent = town.resident("王大明")

    def deed(work: Work) -> int:
        return add(
            work,
            Proxy,
            principal_id=child.id,
            agent_id=agent.id,
            kind=kind,
            consent_note="本人到场签字",
            recorded_by_kind="resident",
            recorded_by_id=agent.id,
            recorded_at=work.now,
        )

    town.act(None, deed)
    return agent


def points_of(api: ApiClient, who: Person) -> int:
    return balance_of(api, who)
