"""People who use the service while it suffers: `python -m tests.faults.people PLAN.json`, a process of its own.

Each of them lives through one visit over HTTP: signs up, reserves a place, comes to the door and earns points, redeems them.
Whoever gets no answer, or one that says "later", asks again with the same key or nonce, as devices do, until there is an
answer or too much time has passed. Every answer is a line in a file, flushed to the disk before the next step; so is every
try that failed. Once the file `stop` is there nobody begins a new visit.

Only the standard library, so that a process is there at once.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: "Later" in HTTP: too many requests, and a service that is busy or isn't there.
LATER = frozenset({429, 502, 503, 504})
PAUSE_SECONDS = 0.1
PAUSE_SECONDS_MAX = 1.0
LOST = 0  #: the status of a try that got no answer


@dataclass(frozen=True)
class Plan:
    """What a process of people needs to know."""

    address: str  #: host:port
    town: str  #: its code
    sessions: list[str]  #: whose doors are open
    reward: str
    scanner: tuple[str, str]  #: the name and password of staff at the door
    people: int  #: at once
    notes: str  #: the file of what they were told
    stop: str  #: the file that tells them to begin nothing new
    answer_seconds_max: float  #: when a device gives up waiting for one answer
    pause_seconds: float  #: between two visits: what is killed needs the processor to come back
    patience_seconds: float  #: when a person gives up asking, which is a failure of the service


@dataclass
class Notes:
    """A file of lines, each on the disk before the next thing happens."""

    path: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **line: Any) -> None:
        with self._lock, self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int
    body: Any
    headers: dict[str, str]


class Device:
    """One connection, kept as long as it holds."""

    def __init__(self, plan: Plan, notes: Notes) -> None:
        self._plan, self._notes = plan, notes
        self._connection: http.client.HTTPConnection | None = None

    def ask(
        self, deed: str, method: str, path: str, body: Any = None, *, token: str | None = None, key: str | None = None
    ) -> Told:
        """Ask until there is an answer. Raises GaveUp after too long."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Idempotency-Key": key} if key else {}
        began, pause = time.monotonic(), PAUSE_SECONDS
        while True:
            tried_at = time.monotonic()
            told = self._try(method, path, body, headers)
            seconds = time.monotonic() - tried_at
            if told.status != LOST and told.status not in LATER:
                return told
            self._notes.add(failed=deed, status=told.status, seconds=seconds, at=time.time(), **_said(told))
            if time.monotonic() - began > self._plan.patience_seconds:
                raise GaveUp(deed, told)
            time.sleep(pause)
            pause = min(pause * 1.5, PAUSE_SECONDS_MAX)

    def tell(self, deed: str, method: str, path: str, body: Any, **who: Any) -> Told:
        """Ask for something that is to be remembered, and write down what was answered."""
        told = self.ask(deed, method, path, body, **who)
        asked = {"method": method, "path": path, "body": body, **who}
        self._notes.add(deed=deed, asked=asked, status=told.status, answer=told.body, at=time.time())
        return told

    def _try(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Told:
        """One question. A connection that the service closed while nobody used it is no answer: another is opened."""
        was_open = self._connection is not None
        if self._connection is None:
            host, _, port = self._plan.address.partition(":")
            self._connection = http.client.HTTPConnection(host, int(port), timeout=self._plan.answer_seconds_max)
        try:
            self._connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = self._connection.getresponse()
            content = answer.read()
            told = Told(answer.status, _read(content), {name.lower(): value for name, value in answer.getheaders()})
        except BrokenPipeError:
            self.close()
            return self._try(method, path, body, headers) if was_open else Told(LOST, "BrokenPipeError", {})
        except (OSError, http.client.HTTPException) as error:
            told = Told(LOST, type(error).__name__, {})
        if told.status == LOST or told.headers.get("connection") == "close":
            self.close()
        return told

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class GaveUp(Exception):
    """The service didn't come back."""


def _read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")[:500]


def _said(told: Told) -> dict[str, Any]:
    code = told.body.get("code") if isinstance(told.body, dict) else told.body
    return {"code": code, "retry_after": told.headers.get("retry-after")}


@dataclass
class Door:
    """The scanner's sign-in, which all share and whoever needs a fresh one renews."""

    plan: Plan
    _token: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def token(self, device: Device, *, not_this: str | None = None) -> str:
        with self._lock:
            if not self._token or self._token == not_this:
                name, password = self.plan.scanner
                path, wish = f"/api/v1/auth/staff?town={self.plan.town}", {"username": name, "password": password}
                told = device.ask("sign-in", "POST", path, wish)
                assert told.status == 200, told.body
                self._token = told.body["access_token"]
            return self._token


def visits(plan: Plan) -> Iterator[str]:
    """Openids of new people, until it is time to stop."""
    while not Path(plan.stop).exists():
        yield f"openid-{uuid.uuid4().hex}"


def live(plan: Plan, notes: Notes, door: Door, number: int) -> None:
    """One after the other, people come with this device."""
    device = Device(plan, notes)
    for n, openid in enumerate(visits(plan), start=number):
        visit(device, plan, door, openid, plan.sessions[n % len(plan.sessions)])
        time.sleep(plan.pause_seconds)


def visit(device: Device, plan: Plan, door: Door, openid: str, session: str) -> None:
    """One visit, from the sign-up to the redemption."""
    signed_up = device.tell("sign-up", "POST", f"/api/v1/auth/wechat?town={plan.town}", {"code": f"demo:{openid}"})
    if signed_up.status != 200:
        return
    token = signed_up.body["access_token"]
    path = f"/api/v1/sessions/{session}/reservations"
    device.tell("reserve", "POST", path, {"party_size": 1}, token=token, key=uuid.uuid4().hex)
    if not scan(device, door, session, token):
        return
    path = f"/api/v1/rewards/{plan.reward}/redemptions"
    device.tell("redeem", "POST", path, {"quantity": 1}, token=token, key=uuid.uuid4().hex)


def scan(device: Device, door: Door, session: str, token: str) -> bool:
    """Be let in. A code that grew too old while the service was away is shown anew, under a nonce of its own."""
    while True:
        code = device.ask("code", "GET", "/api/v1/me/code", token=token)
        if code.status != 200:
            return False
        wish = {"code": code.body["code"], "session_id": session, "direction": "in", "nonce": uuid.uuid4().hex}
        staff = door.token(device)
        told = device.tell("scan", "POST", "/api/v1/checkins", wish, token=staff)
        if told.status == 401:
            door.token(device, not_this=staff)
        elif not (told.status == 200 and told.body.get("reason") == "expired_code"):
            return told.status == 200


def main(plan_file: str) -> int:
    written = json.loads(Path(plan_file).read_text())
    plan = Plan(**{**written, "scanner": tuple(written["scanner"])})
    notes, door, failed = Notes(Path(plan.notes)), Door(plan), threading.Event()

    def live_on(number: int) -> None:
        try:
            live(plan, notes, door, number)
        except Exception as error:
            notes.add(gave_up=repr(error)[:500])
            failed.set()

    threads = [threading.Thread(target=live_on, args=(number,)) for number in range(plan.people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return int(failed.is_set())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
