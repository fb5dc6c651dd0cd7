"""A worker in a process of its own, for the tests: `python -m tests.delivery.worker URL KEYS_FILE WECHAT_URL APPID NAME`.

It says its name to WeChat, so that a test knows whom it kills, and gives up on an answer early.
"""

from __future__ import annotations

import sys
import threading
from datetime import timedelta
from pathlib import Path

import httpx2

from jobs.delivery.courier import Courier, Rest
from jobs.delivery.worker import deliver_due
from rules.database import connect
from rules.keys import read_or_make
from rules.notices.templates import OF_THE_DEMO, read_templates
from rules.work import Transactions
from wechat.client import WechatClient
from wechat.token_cache import TokenCache

SECRET = "a secret"
LEASE = timedelta(seconds=2)
TIMEOUT = httpx2.Timeout(0.3)
BATCH = 4


class Named(httpx2.HTTPTransport):
    """A way to WeChat that says which worker it is."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["X-Worker"] = self._name
        return super().handle_request(request)


def main(database_url: str, keys_file: str, wechat_url: str, appid: str, name: str) -> None:
    transactions, keys = Transactions(connect(database_url)), read_or_make(Path(keys_file))
    client = WechatClient(
        appid=appid,
        secret=SECRET,
        token_cache=TokenCache(transactions, keys, appid),
        transport=Named(name),
        base_url=wechat_url,
        timeout=TIMEOUT,
    )
    courier = Courier(transactions, keys, client, wechat_rest=Rest(0.1), templates=read_templates(OF_THE_DEMO))
    rest = threading.Event()
    print("ready", flush=True)
    while True:
        if deliver_due(courier, limit=BATCH, lease=LEASE) == 0:
            rest.wait(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
