"""Small builders for notices, and a worker that delivers one town's outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, update

from jobs.delivery.courier import Courier, Handler
from jobs.delivery.handlers import HANDLERS
from jobs.delivery.worker import deliver_one
from models.jobs import Outbox
from models.notices import NoticeSettings, SubscriptionGrant
from rules import delivery
from rules.clock import utc_now
from rules.notices.catalogue import Template
from rules.notices.grants import GrantSource, record_answers
from rules.notices.templates import OF_THE_DEMO, read_templates
from rules.outbox import Message, put
from rules.work import SYSTEM, Work
from tests.build import Person, TownBuilder
from wechat.client import WechatClient
from wechat.fake import FakeWechat
from wechat.token_cache import TokenCache

TEMPLATES = read_templates(OF_THE_DEMO)
RESERVATION = TEMPLATES[Template.RESERVATION].id
LEASE = timedelta(seconds=60)


def openid_of(resident: Person) -> str:
    """As tests.build seals it."""
    return f"openid-{resident.id}"


def fake_wechat(town: TownBuilder) -> FakeWechat:
    """A WeChat of the town's own."""
    return FakeWechat(appid=f"wx-{town.id}", secret="a secret")


def courier_of(town: TownBuilder, fake: FakeWechat, **changes: Any) -> Courier:
    """The ways out of the house, with this WeChat at the end of one."""
    courier = Courier(town.database, town.house.keys, client_of(town, fake), templates=TEMPLATES)
    return replace(courier, **changes)


def client_of(town: TownBuilder, fake: FakeWechat) -> WechatClient:
    appid = f"wx-{town.id}"
    token_cache = TokenCache(town.database, town.house.keys, appid)
    return WechatClient(appid=appid, secret="a secret", token_cache=token_cache, transport=fake.transport())


def deliver(
    town: TownBuilder, courier: Courier, handlers: Mapping[str, Handler] = HANDLERS, lease: timedelta = LEASE
) -> int:
    """Deliver everything of the town that is due, what comes of it included. Returns how many messages were taken up."""
    taken_up = 0
    while claimed := town.database.write(town.id, SYSTEM, delivery.claim_due, 10, lease):
        for message in claimed:
            deliver_one(courier, message, handlers)
            taken_up += 1
    return taken_up


def tell(town: TownBuilder, *messages: Message) -> None:
    """Put messages into the outbox."""
    town.act(None, put, messages)


def grant(town: TownBuilder, fake: FakeWechat | None, resident: Person, template_id: str = RESERVATION) -> None:
    """The resident accepts one message of a template, here and, where there is one, at WeChat."""
    town.act(None, record_answers, resident.id, {template_id: True}, GrantSource.APP)
    if fake is not None:
        fake.grant(openid_of(resident), template_id)


def never_quiet(town: TownBuilder, resident: Person) -> None:
    """The resident wants no quiet hours, so that a test may run at night."""
    row = {"quiet_from": None, "quiet_until": None, "kinds_off": [], "changed_at": utc_now()}

    def deed(work: Work) -> None:
        work.core.execute(insert(NoticeSettings), {"town_id": town.id, "resident_id": resident.id, **row})

    town.act(None, deed)


def make_due(town: TownBuilder, at: datetime | None = None) -> None:
    """Let the pauses of all waiting messages be over."""
    due = update(Outbox).where(Outbox.town_id == town.id, Outbox.delivered_at.is_(None), Outbox.failed_at.is_(None))
    town.act(None, lambda work: work.core.execute(due.values(available_at=at or work.now - timedelta(seconds=1))))


def left(town: TownBuilder, resident: Person) -> int:
    """How many messages of the template of reservations the resident has left."""
    rows = town.rows(
        SubscriptionGrant.accepted_in_app,
        SubscriptionGrant.accepted_by_push,
        SubscriptionGrant.used,
        SubscriptionGrant.given_back,
        resident_id=resident.id,
    )
    return sum(max(row.accepted_in_app, row.accepted_by_push) + row.given_back - row.used for row in rows)


def session_message(resident: Person, session_id: int, topic: str = "session.cancelled") -> Message:
    """Something urgent about a session."""
    payload = {"resident_id": str(resident.id), "session_id": str(session_id), "reason": "下雨"}
    return Message(topic, f"{resident.id}:{session_id}", payload)
