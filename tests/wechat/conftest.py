"""A mini-program of the test's own at a fake WeChat, and a clock that both sides read."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from rules import keys as keys_file
from rules.keys import Keys
from rules.wechat_token import FetchedToken
from rules.work import Transactions
from wechat.client import WechatClient
from wechat.fake import FakeWechat

SECRET = "the-secret-密钥"


@dataclass
class Clock:
    now: datetime = datetime(2026, 5, 1, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


class NoCache:
    """A token cache that keeps nothing."""

    def get(self, fetch: Callable[[], FetchedToken]) -> str:
        return fetch().value

    def forget(self, token: str) -> None:
        """There is nothing to forget."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def appid() -> str:
    """The tests of an engine share one database, so each has a mini-program of its own."""
    return f"wx-{uuid.uuid4().hex}"


@pytest.fixture
def fake(appid: str, clock: Clock) -> FakeWechat:
    return FakeWechat(appid=appid, secret=SECRET, clock=clock)


@pytest.fixture
def client(fake: FakeWechat, appid: str) -> WechatClient:
    return WechatClient(appid=appid, secret=SECRET, token_cache=NoCache(), transport=fake.transport())


@pytest.fixture(scope="session")
def keys() -> Keys:
    return keys_file.read(keys_file.generate())


@pytest.fixture
def transactions(database: Transactions, clock: Clock) -> Transactions:
    """Units of work on the shared database at the test's own time."""
    return Transactions(database.engine, clock=clock)
