"""The client as a deployment uses it: with WeChat itself, or with the fake inside this process."""

from __future__ import annotations

from rules.keys import Keys
from rules.work import Transactions
from wechat.client import WechatClient
from wechat.fake import FakeWechat
from wechat.token_cache import TokenCache


def make_client(*, mode_is_fake: bool, appid: str, secret: str, transactions: Transactions, keys: Keys) -> WechatClient:
    """A client for one process. Make it after the fork."""
    return WechatClient(
        appid=appid,
        secret=secret,
        token_cache=TokenCache(transactions, keys, appid),
        transport=FakeWechat(appid=appid, secret=secret).transport() if mode_is_fake else None,
    )
