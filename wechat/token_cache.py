"""The shared access token, as the client asks for it.

Each step is a short transaction of its own and WeChat is asked between two of them, so `get` and `forget` are never
called inside a unit of work. The table is no town's: the work is done in town 0, by the system.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from rules import wechat_token
from rules.errors import RuleError
from rules.keys import Keys
from rules.wechat_token import FetchedToken
from rules.work import SYSTEM, Transactions
from wechat.refusals import WechatBusy

NO_TOWN = 0
#: How long to wait for another one's fetch, look by look: 3 seconds in all.
PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.75, 0.75, 0.75)


class TokenCache:
    """The access token of one mini-program. Safe for threads and processes."""

    def __init__(
        self, transactions: Transactions, keys: Keys, appid: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._transactions = transactions
        self._keys = keys
        self._appid = appid
        self._sleep = sleep

    def get(self, fetch: Callable[[], FetchedToken]) -> str:
        """A valid token. Of all who ask near its end or after it, one fetches; the others use the old one or wait.

        Raises WechatBusy when the wait was too long, and what `fetch` raises when there is no old one.
        """
        token = self._look(fetch)
        for pause_seconds in PAUSES_SECONDS:
            if token is not None:
                return token
            self._sleep(pause_seconds)
            token = self._look(fetch)
        if token is None:
            raise WechatBusy
        return token

    def forget(self, token: str) -> None:
        """Drop a token that WeChat has refused, unless a newer one took its place."""
        self._transactions.write(NO_TOWN, SYSTEM, wechat_token.forget_token, self._keys, self._appid, token)

    def _look(self, fetch: Callable[[], FetchedToken]) -> str | None:
        cached = self._transactions.read(NO_TOWN, SYSTEM, wechat_token.read_token, self._keys, self._appid)
        if not cached.wants_fetch:
            return cached.value
        lease = self._transactions.write(NO_TOWN, SYSTEM, wechat_token.claim_fetch, self._appid)
        if lease is None:
            return cached.value
        try:
            return self._renew(fetch, lease)
        except RuleError:
            if cached.value is None:
                raise
            return cached.value

    def _renew(self, fetch: Callable[[], FetchedToken], lease: datetime) -> str:
        fetched = fetch()
        self._transactions.write(NO_TOWN, SYSTEM, wechat_token.store_token, self._keys, self._appid, lease, fetched)
        return fetched.value
