"""Signing in and refreshing through the API, and what a pair of tokens says."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import update
from werkzeug.test import TestResponse

from models.residents import RefreshToken, Resident, Staff
from rules.residents.tokens import Owner, read_access_token
from rules.work import ActorKind
from tests.build import PASSWORD, ApiClient, Person, TownBuilder


def fresh_openid() -> str:
    """An openid that was never seen."""
    return f"o{uuid.uuid4().hex[:27]}"


def sign_in(api: ApiClient, openid: str, **wishes: Any) -> TestResponse:
    return api.post("/auth/wechat", {"code": f"demo:{openid}", **wishes})


def sign_in_staff(api: ApiClient, username: str, password: str = PASSWORD) -> TestResponse:
    return api.post("/auth/staff", {"username": username, "password": password})


def refresh(api: ApiClient, refresh_token: str) -> TestResponse:
    return api.post("/auth/refresh", {"refresh_token": refresh_token})


def a_pair(api: ApiClient) -> dict[str, Any]:
    """The tokens of a new resident who has just signed in."""
    signed_in = sign_in(api, fresh_openid())
    assert signed_in.status_code == 200
    return signed_in.json


def next_pair(api: ApiClient, pair: dict[str, Any]) -> dict[str, Any]:
    """What this pair's refresh token is exchanged for."""
    refreshed = refresh(api, pair["refresh_token"])
    assert refreshed.status_code == 200
    return refreshed.json


def owner_of(town: TownBuilder, pair: dict[str, Any]) -> Owner:
    return read_access_token(town.house.keys, pair["access_token"])


def refusal(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def live_tokens(town: TownBuilder) -> int:
    """How many refresh tokens of the town open anything."""
    return len(town.rows(RefreshToken.id, used_at=None, revoked_at=None))


def change(town: TownBuilder, person: Person, **columns: Any) -> None:
    """Change a person's row behind the application's back."""
    table = Resident if person.kind is ActorKind.RESIDENT else Staff
    where = (table.town_id == town.id, table.id == person.id)
    town.act(None, lambda work: work.db.execute(update(table).where(*where).values(columns)))
