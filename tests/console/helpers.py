"""A browser at the pages of the console: what it was shown, and what it complained of."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from flask import Flask, Response, jsonify, request
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
from werkzeug.serving import make_server

from blueprints.console.routes import PACKAGE_FILES, console, find_version
from tests.console import recorded

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: As root and in a container: without a sandbox of its own, and with little shared memory.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
#: What chromium says of an answer that isn't a success; the pages say it in their own words.
ANSWER_WORDS = "Failed to load resource"


def find_browser() -> str:
    """The program of a browser; skips the test, with the reason, where there is none."""
    programs = (os.environ.get("CHROMIUM", ""), *PROGRAMS)
    found = next((path for program in programs if program and (path := shutil.which(program))), None)
    if found is None:
        pytest.skip("NO BROWSER: the pages of the console weren't tested. On Debian: apt install chromium.")
    if not all(path.exists() for path in PACKAGE_FILES.values()):
        pytest.skip(
            "NO CHARTS: node_modules is empty, the pages of the console weren't tested. Run python3 dev.py check."
        )
    return found


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser without a window."""
    program = find_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The application behind a real socket; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Recording:
    """Stands for the API: what it answers, and what it was asked. A number is a refusal's status, bytes are a file."""

    answers: dict[str, Any] = field(default_factory=dict)  #: by paths under /api/v1; others as recorded
    asked: list[str] = field(default_factory=list)  #: paths under /api/v1 with their query, in order
    expired: str = ""  #: an access token that isn't good any more

    def answer(self, path: str) -> Response:
        query = request.query_string.decode()
        self.asked.append(f"{path}?{query}")
        found = self.answers.get(path)
        if self.expired and request.headers.get("Authorization") == f"Bearer {self.expired}":
            found = 401
        if isinstance(found, int):
            problem = {"status": found, "code": "test.refused", "detail": f"测试拒绝 {found}"}
            return Response(json.dumps(problem), found, content_type="application/problem+json")
        if isinstance(found, bytes):
            return Response(found, headers={"Content-Disposition": "attachment; filename*=UTF-8''%E8%A1%A8.csv"})
        return jsonify(answer_of(path, parse_qs(query)) if found is None else found)


def recorded_app(current: Callable[[], Recording]) -> Flask:
    """The pages on recorded answers."""
    app = Flask("recorded", static_folder=None)
    app.register_blueprint(console)

    @app.route("/api/v1/<path:path>", methods=["GET", "POST"])
    def answer(path: str) -> Response:
        return current().answer(f"/{path}")

    return app


@dataclass
class Desk:
    """A page in front of somebody."""

    page: Page
    address: str
    api: Recording = field(default_factory=Recording)
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)  #: addresses elsewhere

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self.hear)
        self.page.on("request", self.see)

    @property
    def answers(self) -> dict[str, Any]:
        return self.api.answers

    @property
    def asked(self) -> list[str]:
        return self.api.asked

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and ANSWER_WORDS not in message.text:
            self.complaints.append(message.text)

    def see(self, request: Request) -> None:
        if not request.url.startswith((f"{self.address}/", "data:", "blob:")):
            self.strangers.append(request.url)

    def sign_in(self, then: str = "/console/monitor") -> None:
        """As somebody who was let in a moment ago."""
        self.page.goto(f"{self.address}/console/assets/{find_version()}/icon.svg")
        self.page.evaluate(
            "sessionStorage.setItem('binfen.console.session', JSON.stringify({access: 'a', refresh: 'r', username: 'x'}))"
        )
        self.page.goto(f"{self.address}{then}")

    def texts(self, selector: str) -> list[str]:
        return [text.strip() for text in self.page.locator(selector).all_inner_texts()]

    def count(self, path: str) -> int:
        return sum(one.startswith(path) for one in self.asked)


def answer_of(path: str, query: dict[str, list[str]]) -> Any:
    """What was recorded of a path."""
    if path.startswith("/auth/"):
        return {"access_token": "a2", "refresh_token": "r2", "token_type": "bearer", "expires_in": 900}
    if path.endswith("/rows"):
        return recorded.rows(query)
    if path == "/monitor/series":
        return recorded.series(query)
    return getattr(recorded, Path(path).name)()
