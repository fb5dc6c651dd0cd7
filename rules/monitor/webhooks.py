"""Addresses outside of the house that are called when a snapshot is new.

A call is a message of the outbox, written in the transaction of the snapshot: it is delivered at least once, tried again
with the outbox's pauses, and named by `webhook-id`, so that its receiver takes it once. It is signed as Standard
Webhooks says (https://www.standardwebhooks.com): HMAC-SHA256 over id, moment and body. The secret is shown when it is
made, and is sealed here. What is sent are the town's totals of one day, no more than the monitoring shows; nothing of
what only auditors see.

An address that doesn't take FAILURES_MAX calls in a row (two days, with one snapshot a day) is called no more, and
staff are told.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Text, bindparam, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from models.monitor import WHOLE_TOWN, Slice, Snapshot, SnapshotValue
from models.residents import Role
from models.territory import Territory, Town
from models.webhooks import Webhook
from rules.errors import Kind, RuleError
from rules.keys import Keys
from rules.monitor.addresses import is_callable_url
from rules.monitor.measures import MEASURES
from rules.outbox import Message, put
from rules.paging import Page, Position, cut
from rules.residents.identity import require_role_at_root
from rules.rows import AnyRow
from rules.sets import is_text_in
from rules.work import Work

SNAPSHOT, TEST, DISABLED = "monitor.snapshot", "webhook.test", "webhook.disabled"
FAILURES_MAX = 24
WEBHOOKS_MAX = 20
SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"  # noqa: S105  the scheme's own prefix
GONE = "gone"  #: why a call failed: its receiver wants no more
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class WebhookUnknown(RuleError):
    code = "webhook.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个回调地址。"
    en = "There is no such webhook."


class WebhookUrlInvalid(RuleError):
    code = "webhook.url_invalid"
    kind = Kind.INVALID
    zh = "回调地址须为公网的 https:// 地址，不含用户名、密码和 # 部分，不超过 500 个字符。"
    en = "A webhook must be a public https:// address without user, password and fragment, of 500 characters at most."


class WebhookUrlTaken(RuleError):
    code = "webhook.url_taken"
    kind = Kind.CONFLICT
    zh = "这个回调地址已经登记过了。"
    en = "This address is registered already."


class TooManyWebhooks(RuleError):
    code = "webhook.too_many"
    kind = Kind.CONFLICT
    zh = "最多登记 {max} 个回调地址，请先删除不用的。"
    en = "There may be {max} webhooks at most. Remove one that isn't used first."


class WebhookDisabled(RuleError):
    code = "webhook.disabled"
    kind = Kind.CONFLICT
    zh = "这个回调地址已停用，请先启用。"
    en = "This webhook is disabled. Enable it first."


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A webhook as administrators see it."""

    id: int
    url: str
    description: str
    created_at: datetime
    is_enabled: bool
    failures: int
    failure: str | None
    failed_at: datetime | None
    delivered_at: datetime | None
    disabled_at: datetime | None
    secret: str | None = field(default=None, repr=False)  #: only when it was just made


@dataclass(frozen=True, slots=True)
class Call:
    """What is to be sent, where, and with which secret."""

    webhook_id: int
    url: str
    secret: str = field(repr=False)
    body: bytes
    is_enabled: bool


_columns = (
    Webhook.id,
    Webhook.url,
    Webhook.description,
    Webhook.created_at,
    Webhook.failures,
    Webhook.failure,
    Webhook.failed_at,
    Webhook.delivered_at,
    Webhook.disabled_at,
)
_is_it = (Webhook.town_id == bindparam("town"), Webhook.id == bindparam("webhook"))
_count = select(func.count()).where(Webhook.town_id == bindparam("town"))
_town = select(Town.code).where(Town.id == bindparam("town")).with_for_update(key_share=True)
_town_code = select(Town.code).where(Town.id == bindparam("town"))
_add = insert(Webhook).on_conflict_do_nothing(index_elements=["town_id", "url"]).returning(*_columns)
_list = (
    select(*_columns)
    .where(Webhook.town_id == bindparam("town"), Webhook.id > bindparam("after"))
    .order_by(Webhook.id)
    .limit(bindparam("limit"))
)
_one = select(*_columns, Webhook.secret_sealed).where(*_is_it)
_other = select(Webhook.id).where(
    Webhook.town_id == bindparam("town"), Webhook.url == bindparam("at"), Webhook.id != bindparam("webhook")
)
_update = update(Webhook).where(*_is_it).returning(*_columns).execution_options(synchronize_session=False)
_describe = _update.values(
    url=func.coalesce(bindparam("new_url", type_=Text()), Webhook.url),
    description=func.coalesce(bindparam("new_description", type_=Text()), Webhook.description),
)
_enable = _update.values(disabled_at=None, disabled_by=None, failures=0, failure=None)
_disable = _update.where(Webhook.disabled_at.is_(None)).values(
    disabled_at=bindparam("now"), disabled_by=bindparam("actor")
)
_renew = _update.values(secret_sealed=bindparam("sealed"))
_remove = delete(Webhook).where(*_is_it).returning(Webhook.id)
_active = (
    select(Webhook.id).where(Webhook.town_id == bindparam("town"), Webhook.disabled_at.is_(None)).order_by(Webhook.id)
)
_latest = select(func.max(Snapshot.recorded_at)).where(
    Snapshot.town_id == bindparam("town"), Snapshot.day == bindparam("of_day")
)
_snapshot = select(Snapshot.as_of).where(
    Snapshot.town_id == bindparam("town"),
    Snapshot.day == bindparam("of_day"),
    Snapshot.recorded_at == bindparam("recorded"),
)
_totals = (
    select(SnapshotValue.measure, func.sum(SnapshotValue.change).label("total"))
    .where(
        SnapshotValue.town_id == bindparam("town"),
        is_text_in(SnapshotValue.measure, "measures"),  # the key begins with it
        SnapshotValue.territory_id == WHOLE_TOWN,
        SnapshotValue.slice == Slice.ALL,
        SnapshotValue.day == bindparam("of_day"),
        SnapshotValue.recorded_at <= bindparam("recorded"),
    )
    .group_by(SnapshotValue.measure)
    .order_by(SnapshotValue.measure)
)
_taken = (
    update(Webhook)
    .where(*_is_it)
    .values(failures=0, failure=None, delivered_at=bindparam("now"))
    .execution_options(synchronize_session=False)
)
_failed = (
    update(Webhook)
    .where(*_is_it, Webhook.disabled_at.is_(None))
    .values(
        failures=Webhook.failures + 1,
        failure=bindparam("why"),
        failed_at=bindparam("now"),
        disabled_at=case((Webhook.failures + 1 >= bindparam("failures_max"), bindparam("now"))),
    )
    .returning(Webhook.description, Webhook.disabled_at)
    .execution_options(synchronize_session=False)
)
_roots = (
    select(Territory.path)
    .where(Territory.town_id == bindparam("town"), Territory.parent_id.is_(None))
    .order_by(Territory.id)
)


# What administrators of the whole town do


def list_webhooks(work: Work, after: Position | None, limit: int) -> Page[WebhookView]:
    """The town's webhooks, without their secrets. Raises Forbidden."""
    require_role_at_root(work, Role.ADMIN)
    asked = {"town": work.town_id, "after": int(after[0]) if after else 0, "limit": limit + 1}
    rows = work.core.execute(_list, asked).all()
    return cut([_view(row) for row in rows], limit, lambda webhook: (webhook.id,))


def add_webhook(work: Work, keys: Keys, url: str, description: str, *, private_allowed: bool) -> WebhookView:
    """Have an address called from now on. The answer holds its secret, which isn't shown again.

    `private_allowed`: whether the deployment calls addresses that aren't public. Raises Forbidden, WebhookUrlInvalid,
    WebhookUrlTaken, TooManyWebhooks.
    """
    require_role_at_root(work, Role.ADMIN)
    _check_url(url, private_allowed)
    work.core.execute(_town, {"town": work.town_id})  # so that two can't be the last one
    if work.core.execute(_count, {"town": work.town_id}).scalar_one() >= WEBHOOKS_MAX:
        raise TooManyWebhooks(max=WEBHOOKS_MAX)
    id_, secret = work.new_id(), _new_secret()
    row = {
        "town_id": work.town_id,
        "id": id_,
        "url": url,
        "description": description,
        "secret_sealed": keys.seal(secret, secret_context(work.town_id, id_)),
        "created_at": work.now,
        "created_by": work.actor.id,
        "failures": 0,
    }
    added = work.core.execute(_add, row).first()
    if added is None:
        raise WebhookUrlTaken
    return _view(added, secret)


def change_webhook(
    work: Work,
    webhook_id: int,
    *,
    url: str | None = None,
    description: str | None = None,
    is_enabled: bool | None = None,
    private_allowed: bool = False,
) -> WebhookView:
    """Change what is given of a webhook. One that is enabled again begins without failures.

    Raises Forbidden, WebhookUnknown, WebhookUrlInvalid, WebhookUrlTaken.
    """
    require_role_at_root(work, Role.ADMIN)
    asked: dict[str, Any] = {"town": work.town_id, "webhook": webhook_id}
    if url is not None:
        _check_url(url, private_allowed)
        work.core.execute(_town, {"town": work.town_id})  # so that two can't take one address
        if work.core.execute(_other, asked | {"at": url}).first() is not None:
            raise WebhookUrlTaken
    changed = work.core.execute(_describe, asked | {"new_url": url, "new_description": description}).first()
    if changed is None:
        raise WebhookUnknown
    if is_enabled is True and changed.disabled_at is not None:
        changed = work.core.execute(_enable, asked).one()
    elif is_enabled is False and changed.disabled_at is None:
        changed = work.core.execute(_disable, asked | {"now": work.now, "actor": work.actor.id}).one()
    return _view(changed)


def renew_secret(work: Work, keys: Keys, webhook_id: int) -> WebhookView:
    """Sign with a new secret from now on. The answer holds it; it isn't shown again. Raises Forbidden, WebhookUnknown."""
    require_role_at_root(work, Role.ADMIN)
    secret = _new_secret()
    sealed = keys.seal(secret, secret_context(work.town_id, webhook_id))
    renewed = work.core.execute(_renew, {"town": work.town_id, "webhook": webhook_id, "sealed": sealed}).first()
    if renewed is None:
        raise WebhookUnknown
    return _view(renewed, secret)


def remove_webhook(work: Work, webhook_id: int) -> None:
    """Call an address no more, and forget it. Raises Forbidden, WebhookUnknown."""
    require_role_at_root(work, Role.ADMIN)
    if work.core.execute(_remove, {"town": work.town_id, "webhook": webhook_id}).first() is None:
        raise WebhookUnknown


def try_webhook(work: Work, webhook_id: int) -> None:
    """Have an address called once, without numbers. Raises Forbidden, WebhookUnknown, WebhookDisabled."""
    require_role_at_root(work, Role.ADMIN)
    row = work.core.execute(_one, {"town": work.town_id, "webhook": webhook_id}).first()
    if row is None:
        raise WebhookUnknown
    if row.disabled_at is not None:
        raise WebhookDisabled
    payload = {"webhook_id": str(webhook_id), "asked_at": work.now.isoformat()}
    put(work, [Message(TEST, f"{webhook_id}:{work.new_id()}", payload)])


# What happens without them


def tell_of_snapshot(work: Work, day: date) -> None:
    """Have every address called for the day's latest snapshot, once this work is committed."""
    webhooks = work.core.scalars(_active, {"town": work.town_id}).all()
    if not webhooks:
        return
    recorded_at = work.core.execute(_latest, {"town": work.town_id, "of_day": day}).scalar()
    if recorded_at is None:
        return
    what = {"day": day.isoformat(), "recorded_at": recorded_at.isoformat()}
    micros = (recorded_at - EPOCH) // timedelta(microseconds=1)
    put(
        work,
        [Message(SNAPSHOT, f"{id_}:{day.isoformat()}:{micros}", {"webhook_id": str(id_), **what}) for id_ in webhooks],
    )


def prepare_call(work: Work, keys: Keys, topic: str, payload: Mapping[str, Any]) -> Call | None:
    """What a message of the outbox is to send. None: there is nobody to send it to any more."""
    webhook_id = int(payload["webhook_id"])
    row = work.core.execute(_one, {"town": work.town_id, "webhook": webhook_id}).first()
    if row is None:
        return None
    if topic == TEST:
        moment, data = payload["asked_at"], {"town": _code_of(work)}
    else:
        moment, data = payload["recorded_at"], _numbers_of(work, payload)
    body = orjson.dumps({"type": topic, "timestamp": moment, "data": data})
    secret = keys.open(row.secret_sealed, secret_context(work.town_id, webhook_id))
    return Call(webhook_id, row.url, secret, body, is_enabled=row.disabled_at is None)


def record_taken(work: Work, webhook_id: int) -> None:
    """A call was taken."""
    work.core.execute(_taken, {"town": work.town_id, "webhook": webhook_id, "now": work.now})


def record_failed(work: Work, webhook_id: int, why: str) -> None:
    """A call failed. `why`: in a word; GONE: it is called no more at once. Staff are told when it is called no more."""
    failures_max = 1 if why == GONE else FAILURES_MAX
    asked = {"town": work.town_id, "webhook": webhook_id, "now": work.now, "why": why, "failures_max": failures_max}
    row = work.core.execute(_failed, asked).first()
    if row is None or row.disabled_at is None:
        return
    path = work.core.scalars(_roots, {"town": work.town_id}).first()
    told = {"webhook_id": str(webhook_id), "description": row.description, "failure": why, "path": path or ""}
    put(work, [Message(DISABLED, f"{webhook_id}:{work.new_id()}", told)])


def sign(secret: str, message_id: str, seconds: int, body: bytes) -> str:
    """The signature of a call (Standard Webhooks, "v1"). `seconds`: since 1970, as in `webhook-timestamp`."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = hmac.digest(key, f"{message_id}.{seconds}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


def secret_context(town_id: int, webhook_id: int) -> str:
    """Where a sealed secret belongs; it can't be opened in another row."""
    return f"webhook:{town_id}:{webhook_id}"


def _numbers_of(work: Work, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The town's totals of a day as of a snapshot: the same for every try, whatever was corrected since."""
    day, recorded_at = date.fromisoformat(payload["day"]), datetime.fromisoformat(payload["recorded_at"])
    asked = {"town": work.town_id, "of_day": day, "recorded": recorded_at}
    as_of = work.core.execute(_snapshot, asked).scalar()
    seen = [name for name, measure in MEASURES.items() if not measure.confidential]
    totals = {row.measure: int(row.total) for row in work.core.execute(_totals, asked | {"measures": seen})}
    return {
        "town": _code_of(work),
        "day": payload["day"],
        "recorded_at": payload["recorded_at"],
        "as_of": as_of.isoformat() if as_of is not None else None,
        "totals": totals,
    }


def _code_of(work: Work) -> str:
    return str(work.core.execute(_town_code, {"town": work.town_id}).scalar_one())


def _check_url(url: str, private_allowed: bool) -> None:
    if not is_callable_url(url, private_allowed=private_allowed):
        raise WebhookUrlInvalid


def _new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _view(row: AnyRow, secret: str | None = None) -> WebhookView:
    return WebhookView(
        id=row.id,
        url=row.url,
        description=row.description,
        created_at=row.created_at,
        is_enabled=row.disabled_at is None,
        failures=row.failures,
        failure=row.failure,
        failed_at=row.failed_at,
        delivered_at=row.delivered_at,
        disabled_at=row.disabled_at,
        secret=secret,
    )
