"""The client as a deployment uses it: with WeChat itself, or with the fake inside this process.

The fake of a deployment takes every subscription message, and pushes what it found in a picture a second later to the rule
that takes WeChat's pushes, in whatever process asked: the demo needs no address for it. The access token is one for all
processes, so the fakes of all of them take it.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from rules.clock import utc_now
from rules.keys import Keys
from rules.wechat_push import receive_event, require_signature
from rules.work import Transactions
from wechat.client import BASE_URL, WechatClient
from wechat.fake import FakeWechat
from wechat.fake_push import Push
from wechat.token_cache import TokenCache

PUSH_TOKEN = "push-token-of-the-fake"  # noqa: S105  nothing but the fake in this process knows or needs it
PUSH_DELAY_SECONDS = 1.0


def make_client(
    *,
    mode_is_fake: bool,
    appid: str,
    secret: str,
    transactions: Transactions,
    keys: Keys,
    base_url: str = BASE_URL,
) -> WechatClient:
    """A client for one process. Make it after the fork."""
    fake = _fake_of(appid, secret, transactions, keys) if mode_is_fake else None
    return WechatClient(
        appid=appid,
        secret=secret,
        token_cache=TokenCache(transactions, keys, appid),
        transport=None if fake is None else fake.transport(),
        base_url=base_url,
    )


def _fake_of(appid: str, secret: str, transactions: Transactions, keys: Keys) -> FakeWechat:
    fake = FakeWechat(
        appid=appid,
        secret=secret,
        wants_grants=False,
        push=push_to_rule(transactions, keys, PUSH_TOKEN),
        push_token=PUSH_TOKEN,
        push_delay_seconds=PUSH_DELAY_SECONDS,
    )
    fake.share_tokens(keys.index_of("access tokens of the fake"))
    return fake


def push_to_rule(transactions: Transactions, keys: Keys, token: str) -> Push:
    """Push to the rule itself, without a request."""

    def push(query: Mapping[str, str], body: bytes) -> bool:
        require_signature(token, query, utc_now())
        receive_event(transactions, keys, orjson.loads(body))
        return True

    return push
