"""Neighbours of the tests: people with names, groups, posts, and moderation that passes everything."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from models.jobs import Outbox
from models.moderation import Content, ContentState
from rules.clock import utc_now
from rules.work import SYSTEM, Work
from tests.build import ApiClient, Person, TownBuilder


def pass_all(town: TownBuilder) -> None:
    """What was written so far is checked and passed."""

    def deed(work: Work) -> None:
        work.db.execute(
            update(Content)
            .where(Content.town_id == town.id, Content.state == ContentState.PENDING)
            .values(state=ContentState.PASSED)
        )

    town.database.write(town.id, SYSTEM, deed)


def group_of(town: TownBuilder, api: ApiClient, founder: Person, **wish: Any) -> dict[str, Any]:
    """A group that is passed."""
    defaults = {
        "name": "星民羽毛球队",
        "about": "周末一起打球",
        "category": "羽毛球",
        "scene": "health",
        "community_id": str(town.community_id),
    }
    answer = api.as_(founder).post("/groups", defaults | wish)
    assert answer.status_code == 201, answer.text
    pass_all(town)
    return answer.json


def join(api: ApiClient, person: Person, group: dict[str, Any], **wish: Any) -> dict[str, Any]:
    answer = api.as_(person).post(f"/groups/{group['id']}/members", wish)
    assert answer.status_code == 201, answer.text
    return answer.json


def meetup_of(
    town: TownBuilder, api: ApiClient, person: Person, group: dict[str, Any], *, capacity: int = 10
) -> dict[str, Any]:
    """A meet-up tomorrow, passed."""
    begin = utc_now() + timedelta(days=1)
    wish = {"title": "周六打球", "place": "小区球场", "capacity": capacity, **span(begin)}
    answer = api.as_(person).post(f"/groups/{group['id']}/meetups", wish)
    assert answer.status_code == 201, answer.text
    pass_all(town)
    return answer.json


def span(begin: datetime, hours: int = 2) -> dict[str, str]:
    return {"starts_at": begin.isoformat(), "ends_at": (begin + timedelta(hours=hours)).isoformat()}


def post_of(town: TownBuilder, api: ApiClient, author: Person, **wish: Any) -> dict[str, Any]:
    """A partner-wanted post that is passed."""
    defaults = {
        "kind": "sport",
        "words": "找羽毛球搭子",
        "when_words": "周三晚上",
        "community_id": str(town.community_id),
        "lapses_at": (utc_now() + timedelta(days=7)).isoformat(),
    }
    answer = api.as_(author).post("/partner-posts", defaults | wish)
    assert answer.status_code == 201, answer.text
    pass_all(town)
    return answer.json


def respond(town: TownBuilder, api: ApiClient, person: Person, post: dict[str, Any]) -> dict[str, Any]:
    answer = api.as_(person).post(f"/partner-posts/{post['id']}/responses", {"words": "算我一个"})
    assert answer.status_code == 201, answer.text
    pass_all(town)
    return answer.json


def card_of(town: TownBuilder, api: ApiClient, person: Person, name: str) -> None:
    """A card that is on and passed."""
    wish = {"display_name": name, "about": "爱打球", "interests": ["羽毛球"], "is_on": True}
    answer = api.as_(person).call("PATCH", "/me/card", wish)
    assert answer.status_code == 200, answer.text
    pass_all(town)


def told(town: TownBuilder, topic: str) -> list[int]:
    """Who was told of it."""
    return sorted(int(row[0].payload["resident_id"]) for row in town.rows(Outbox, topic=topic))
