"""What tests of moderation do again and again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jobs.delivery.content import check_content
from jobs.delivery.courier import Courier
from models.jobs import Outbox
from models.moderation import Content, ContentKind, ContentState
from models.territory import Territory
from rules.delivery import OutboxMessage
from rules.moderation.submitting import CHECK, submit
from tests.build import Person, TownBuilder, fresh_key
from wechat.client import WechatClient
from wechat.fake import FakeWechat
from wechat.token_cache import TokenCache


def path_of(town: TownBuilder, node_id: int | None = None) -> str:
    """The path of a node, the first community unless another is given."""
    [(path,)] = town.rows(Territory.path, id=node_id or town.community_id)
    return path


def write(town: TownBuilder, author: Person | None, text: str = "周末一起打羽毛球", **more: Any) -> int:
    """Somebody writes something; a post in the first community unless it is said otherwise."""
    kind = more.pop("kind", ContentKind.POST)
    place = more.pop("at", None)
    return town.act(author, lambda work: submit(work, kind, text, place_path=path_of(town, place), **more))


def shown(town: TownBuilder, author: Person, text: str = "周末一起打羽毛球", **more: Any) -> int:
    """Something that everybody sees."""
    content_id = write(town, author, text, **more)
    Checks.of(town).deliver(content_id)
    assert state_of(town, content_id) is ContentState.PASSED
    return content_id


def state_of(town: TownBuilder, content_id: int) -> ContentState:
    [(state,)] = town.rows(Content.state, id=content_id)
    return state


def messages(town: TownBuilder, topic: str) -> list[dict[str, Any]]:
    """The payloads of what waits in the outbox, in the order it was written."""
    rows = town.rows(Outbox.id, Outbox.payload, topic=topic)
    return [row.payload for row in sorted(rows)] if rows else []


@dataclass
class Checks:
    """Delivers checks to a fake of WeChat's own."""

    town: TownBuilder
    fake: FakeWechat
    courier: Courier

    @classmethod
    def of(cls, town: TownBuilder) -> Checks:
        house, appid = town.house, f"wx-checks-{fresh_key()}"
        fake = FakeWechat(appid=appid, secret="s")
        cache = TokenCache(house.transactions, house.keys, appid)
        client = WechatClient(appid=appid, secret="s", token_cache=cache, transport=fake.transport())
        return cls(town, fake, Courier(house.transactions, house.keys, client, None, "https://binfen.example"))

    def deliver(self, content_id: int) -> None:
        """What the worker of the outbox does with the message."""
        [(payload,)] = self.town.rows(Outbox.payload, topic=CHECK, key=str(content_id))
        now = self.town.act(None, lambda work: work.now)
        message = OutboxMessage(self.town.id, 1, CHECK, str(content_id), payload, 1, now, now + timedelta(minutes=2))
        check_content(self.courier, message)
