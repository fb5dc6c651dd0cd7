"""WeChat is down, hangs or lies, over a real socket: sign-in says "later" in time, and no transaction is open meanwhile."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
from flask import Flask

from blueprints.edge.house import EXTENSION, House
from tests.build import ApiClient, TownBuilder
from tests.wechat.conftest import NoCache
from wechat.client import WechatClient

WAIT_SECONDS_MAX = 10


@dataclass
class Liar:
    """A WeChat that answers what a test wants, or nothing at all."""

    status: int = 200
    body: bytes = b""
    hangs: threading.Event | None = None  #: answers nothing until this is set
    asked: threading.Event = field(default_factory=threading.Event)
    address: str = ""


@pytest.fixture
def liar() -> Iterator[Liar]:
    liar = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            liar.asked.set()
            if liar.hangs is not None:
                liar.hangs.wait(WAIT_SECONDS_MAX)
            with suppress(OSError):  # the caller may be gone
                self.send_response(liar.status)
                self.send_header("Content-Length", str(len(liar.body)))
                self.end_headers()
                self.wfile.write(liar.body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    liar.address = f"http://127.0.0.1:{server.server_port}"
    yield liar
    server.shutdown()
    server.server_close()


@pytest.fixture
def at_liar(app: Flask, house: House, liar: Liar, monkeypatch: pytest.MonkeyPatch) -> Liar:
    client = WechatClient(
        appid="wx-test",
        secret="secret-of-the-tests",
        token_cache=NoCache(),  # type: ignore[arg-type]
        base_url=liar.address,
        timeout=httpx2.Timeout(0.5),
    )
    monkeypatch.setitem(app.extensions, EXTENSION, replace(house, wechat=client))
    return liar


def sign_in(api: ApiClient) -> Any:
    return api.post("/auth/wechat", {"code": "demo:openid-of-the-liar"})


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (500, b"", "wechat.busy"),
        (502, b"<html>", "wechat.busy"),
        (200, b"not json", "wechat.busy"),
        (200, b'{"openid": ["a", "b"]}', "wechat.busy"),
        (200, b'{"errcode": "0", "openid": "x"}', "wechat.busy"),
        (200, json.dumps({"errcode": -1}).encode(), "wechat.busy"),
        (200, json.dumps({"errcode": 99999, "errmsg": "?"}).encode(), "wechat.misconfigured"),
    ],
)
def test_a_wechat_that_fails_or_lies_is_answered_503_and_registers_nobody(
    at_liar: Liar, api: ApiClient, town: TownBuilder, status: int, body: bytes, code: str
) -> None:
    at_liar.status, at_liar.body = status, body
    before = town.contents()
    answer = sign_in(api)
    assert (answer.status_code, answer.json["code"]) == (503, code)
    assert "Retry-After" in answer.headers
    assert town.contents() == before


def test_a_wechat_that_is_down_is_answered_503(at_liar: Liar, api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:  # a port at which nobody listens
        taken.bind(("127.0.0.1", 0))
        client: Any = api._app.extensions[EXTENSION].wechat
        monkeypatch.setattr(client._http, "base_url", f"http://127.0.0.1:{taken.getsockname()[1]}")
        assert sign_in(api).status_code == 503


def test_while_wechat_hangs_no_connection_to_the_database_is_taken(
    at_liar: Liar, api: ApiClient, town: TownBuilder
) -> None:
    at_liar.hangs = threading.Event()
    pool: Any = town.database.engine.pool
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(sign_in, api)
        assert at_liar.asked.wait(WAIT_SECONDS_MAX)
        assert pool.checkedout() == 0, "a slow WeChat would use up the connections"
        assert answer.result(WAIT_SECONDS_MAX).status_code == 503
        at_liar.hangs.set()


def test_a_wechat_that_is_back_signs_in_at_once(at_liar: Liar, api: ApiClient) -> None:
    at_liar.status = 500
    assert sign_in(api).status_code == 503
    at_liar.status, at_liar.body = 200, b'{"openid": "openid-of-the-liar-1", "session_key": "k"}'
    assert sign_in(api).status_code == 200
