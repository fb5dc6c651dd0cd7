"""Builders: a town, its people and its sessions, with everything a test doesn't care about filled in."""

from __future__ import annotations

import itertools
import json
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import bindparam, insert, select, text
from werkzeug.test import TestResponse

from blueprints.edge.house import House
from models import Base
from models.activities import Activity, Session
from models.residents import Resident, ResidentStatus, Role, RoleGrant, Staff, StaffLookup
from models.territory import HostKind, Operator, Scene, ServiceCentre, Territory, TerritoryKind, Town
from models.venues import Venue
from models.volunteering import VolunteerRegistration
from rules.checkins.codes import issue_code
from rules.clock import utc_now
from rules.ledger.pools import grant_budget, open_book
from rules.ledger.transactions import POINTS
from rules.notices.templates import OF_THE_DEMO, read_templates
from rules.residents.passwords import HASHER
from rules.residents.sign_in import openid_context
from rules.residents.tokens import Owner, issue_access_token
from rules.rulebook.versions import publish
from rules.work import SYSTEM, Actor, ActorKind, Grant, Transactions, Work
from settings import Environment, Settings, StorageMode, WechatMode

PASSWORD = "a password of the tests"
PASSWORD_HASH = HASHER.hash(PASSWORD)
BUDGET = 1_000_000
RULEBOOK = """
name = "测试积分规则"
[expiry]
years = 1
[[earn]]
id = "activity-checkin"
event = "checkin"
title = "参加活动签到"
amount = 5
unit = "场"
"""
_serial = itertools.count(1)
#: A town's rows of each table; and which tables have any, asked at once, as most have none.
ROWS = {
    table.name: select(table).where(table.c.town_id == bindparam("here"))
    for table in Base.metadata.sorted_tables
    if "town_id" in table.c
}
FILLED = text(
    " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\" WHERE town_id = :here)" for name in ROWS
    )
)


def settings_for(database_url: str, instance_dir: Path, **changes: Any) -> Settings:
    """Settings of a test."""
    defaults = Settings(
        environment=Environment.DEVELOPMENT,
        instance_dir=instance_dir,
        database_url=database_url,
        database_replica_url="",
        database_pool_size=16,
        keys_file=instance_dir / "keys.json",
        request_seconds=10.0,
        body_bytes_max=512 * 1024,
        public_seconds=0,
        town="binfen",
        wechat=WechatMode.FAKE,
        wechat_appid="wx-test",
        wechat_secret="secret-of-the-tests",
        wechat_url="https://api.weixin.qq.com",
        wechat_templates=read_templates(OF_THE_DEMO),
        wechat_push_token="push-token-of-the-tests",
        storage=StorageMode.LOCAL,
        s3_endpoint="",
        s3_bucket="",
        s3_access_key="",
        s3_secret_key="",
        s3_region="us-east-1",
        upload_bytes_max=8 * 1024 * 1024,
        demo_password="binfen-demo",
        log_level="INFO",
        public_url="",
        webhooks_private=False,
        https_only=False,
        trusted_proxies="",
        redis_url="",
        rate_visitor="",
        rate_caller="",
        rate_writes="",
        rate_passwords="",
    )
    return replace(defaults, **changes)


@dataclass(frozen=True)
class Person:
    """A resident or a member of staff that a test made."""

    id: int
    kind: ActorKind
    name: str


@dataclass(frozen=True)
class TownBuilder:
    """A town with one street, two communities, one room and a budget. Its methods add what a test needs."""

    house: House
    id: int
    code: str
    street_id: int
    community_id: int
    other_community_id: int
    venue_id: int
    operator_id: int

    @property
    def database(self) -> Transactions:
        return self.house.transactions

    def resident(
        self, name: str = "王小明", *, community_id: int | None = None, volunteer: bool = False, **columns: Any
    ) -> Person:
        """A resident, of the first community unless another is given."""

        def deed(work: Work) -> int:
            id_ = work.new_id()
            sealed = self.house.keys.seal(f"openid-{id_}", openid_context(self.id, id_))
            row = {
                "name": name,
                "openid_sealed": sealed,
                "territory_id": community_id or self.community_id,
                "status": ResidentStatus.ACTIVE,
                "registered_at": work.now,
            }
            add(work, Resident, id=id_, **row | columns)
            if volunteer:
                work.db.execute(
                    insert(VolunteerRegistration),
                    {"town_id": self.id, "resident_id": id_, "registered_at": work.now},
                )
            return id_

        return Person(self.database.write(self.id, SYSTEM, deed), ActorKind.RESIDENT, name)

    def staff(self, *roles: Role, at: int | None = None) -> Person:
        """A member of staff with roles on a node of the tree, the street unless another is given."""

        def deed(work: Work) -> tuple[int, str]:
            id_, username = work.new_id(), f"staff-{uuid.uuid4().hex[:12]}"
            add(work, Staff, id=id_, username=username, name="张工", password_hash=PASSWORD_HASH, created_at=work.now)
            work.db.execute(insert(StaffLookup), {"username": username, "town_id": self.id, "staff_id": id_})
            for role in roles:
                add(work, RoleGrant, staff_id=id_, role=role, territory_id=at or self.street_id, granted_at=work.now)
            return id_, username

        id_, username = self.database.write(self.id, SYSTEM, deed)
        return Person(id_, ActorKind.STAFF, username)

    def activity(self, **columns: Any) -> int:
        """A published activity for everybody, parties up to 4."""
        defaults = {
            "title": f"亲子早教 {next(_serial)}",
            "summary": "和孩子一起玩",
            "category": "亲子早教",
            "scene": Scene.EDUCATION,
            "community_id": self.community_id,
            "operator_id": self.operator_id,
            "party_size_max": 4,
        }
        return self.database.write(
            self.id, SYSTEM, lambda work: add(work, Activity, created_at=work.now, **defaults | columns)
        )

    def session(
        self,
        *,
        activity_id: int | None = None,
        capacity: int = 30,
        begins_in: timedelta = timedelta(0),
        reservable_for: timedelta = timedelta(hours=2),
        **columns: Any,
    ) -> int:
        """A session of two hours that begins now, with places to take until it ends and check-in open."""
        starts_at = utc_now() + begins_in
        defaults = {
            "venue_id": self.venue_id,
            "starts_at": starts_at,
            "ends_at": starts_at + timedelta(hours=2),
            "reservable_until": starts_at + reservable_for,
            "checkin_opens_at": starts_at - timedelta(minutes=30),
            "capacity": capacity,
        }
        activity = activity_id or self.activity()
        return self.database.write(
            self.id, SYSTEM, lambda work: add(work, Session, activity_id=activity, **defaults | columns)
        )

    def act(self, person: Person | None, deed: Any, *args: Any) -> Any:
        """Run a rule as somebody."""
        return self.database.write(self.id, self.actor(person), deed, *args)

    def actor(self, person: Person | None) -> Actor:
        if person is None:
            return SYSTEM
        if person.kind is ActorKind.RESIDENT:
            return Actor(ActorKind.RESIDENT, person.id)
        return self.database.read(self.id, SYSTEM, _staff_actor, person.id)

    def code_of(self, resident: Person) -> str:
        """The code that the resident's phone shows now."""
        return self.act(resident, issue_code, self.house.keys).code

    def rows(self, *columns: Any, **where: Any) -> list[Any]:
        """Rows of this town, as they stand in the database, in the order of their keys."""
        table = columns[0] if isinstance(columns[0], type) else columns[0].class_
        conditions = [getattr(table, name) == value for name, value in where.items()]
        statement = select(*columns).where(table.town_id == self.id, *conditions).order_by(*table.__table__.primary_key)
        return self.database.read(self.id, SYSTEM, lambda work: list(work.db.execute(statement).all()))

    def contents(self) -> dict[str, list[Any]]:
        """Everything that the database holds of this town, for comparing before and after."""

        def deed(work: Work) -> dict[str, list[Any]]:
            here = {"here": work.town_id}
            filled = {name for (name,) in work.db.execute(FILLED, here)}
            return {
                name: sorted(map(repr, work.db.execute(rows, here).all())) if name in filled else []
                for name, rows in ROWS.items()
            }

        return self.database.read(self.id, SYSTEM, deed)


class ApiClient:
    """The API as one caller of one town sees it."""

    def __init__(self, app: Flask, town: TownBuilder, token: str | None = None) -> None:
        self._app, self._town, self._token = app, town, token

    def as_(self, person: Person, *, at: datetime | None = None, token_version: int = 1) -> ApiClient:
        """The same API, called by somebody who signed in."""
        owner = Owner(person.kind, self._town.id, person.id, token_version)
        return ApiClient(self._app, self._town, issue_access_token(self._town.house.keys, owner, at or utc_now()))

    def with_token(self, token: str | None) -> ApiClient:
        return ApiClient(self._app, self._town, token)

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.call("GET", path, query_string=query)

    def post(self, path: str, body: Any = None, *, key: str | None = None, **options: Any) -> TestResponse:
        return self.call("POST", path, body, key=key or fresh_key(), **options)

    def delete(self, path: str, *, key: str | None = None) -> TestResponse:
        return self.call("DELETE", path, key=key or fresh_key())

    def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, headers: Any = None, **options: Any
    ) -> TestResponse:
        headers = dict(headers or {})
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        if key is not None:
            headers["Idempotency-Key"] = key
        if body is not None:
            options |= {"data": json.dumps(body), "content_type": "application/json"}
        if self._token is None and method == "GET":
            options["query_string"] = {"town": self._town.code, **(options.get("query_string") or {})}
        elif self._token is None:
            options["query_string"] = {"town": self._town.code}
        return self._app.test_client().open(f"/api/v1{path}", method=method, headers=headers, **options)


def fresh_key() -> str:
    """An Idempotency-Key or a nonce that was never used."""
    return uuid.uuid4().hex


def new_town(house: House) -> TownBuilder:
    """A town of its own."""
    code = f"town-{uuid.uuid4().hex[:12]}"

    def deed(work: Work) -> TownBuilder:
        town_id = work.new_id()
        town_work = replace(work, town_id=town_id)
        work.db.execute(
            insert(Town), {"id": town_id, "code": code, "name": "测试街道", "host_kind": HostKind.GOVERNMENT}
        )
        street = _territory(town_work, None, TerritoryKind.STREET, "测试街道")
        community = _territory(town_work, street, TerritoryKind.COMMUNITY, "星民社区")
        other = _territory(town_work, street, TerritoryKind.COMMUNITY, "水电社区")
        centre = add(
            town_work,
            ServiceCentre,
            territory_id=community[0],
            name="党群服务中心",
            address="测试路 1 号",
            opens_at="09:00",
            closes_at="17:00",
        )
        venue = add(town_work, Venue, service_centre_id=centre, name="多功能厅", capacity=200)
        operator = add(town_work, Operator, name="测试运营")
        open_book(town_work, POINTS, "积分")
        publish(town_work, RULEBOOK, work.now - timedelta(days=365))
        grant_budget(town_work, "budget", BUDGET, "测试预算")
        return TownBuilder(house, town_id, code, street[0], community[0], other[0], venue, operator)

    return house.transactions.write(0, SYSTEM, deed)


def add(work: Work, table: type[Any], **columns: Any) -> int:
    """Insert a row of the work's town and return its id."""
    id_ = columns.pop("id", None) or work.new_id()
    work.db.execute(insert(table), {"town_id": work.town_id, "id": id_, **columns})
    return id_


def _territory(work: Work, parent: tuple[int, str] | None, kind: TerritoryKind, name: str) -> tuple[int, str]:
    id_ = work.new_id()
    path = f"{parent[1] if parent else ''}{id_}/"
    add(work, Territory, id=id_, parent_id=parent[0] if parent else None, kind=kind, name=name, path=path)
    return id_, path


def _staff_actor(work: Work, staff_id: int) -> Actor:
    grants = work.db.execute(
        select(RoleGrant.role, Territory.path)
        .join(Territory, (Territory.town_id == RoleGrant.town_id) & (Territory.id == RoleGrant.territory_id))
        .where(RoleGrant.town_id == work.town_id, RoleGrant.staff_id == staff_id)
    )
    return Actor(ActorKind.STAFF, staff_id, tuple(Grant(role, path) for role, path in grants))
