"""Protects the promise of the outbox: whatever dies, a message is sent at most once for a grant, and none is lost.

Two workers in processes of their own deliver to a WeChat on a real socket. It is dead at first (nobody listens), then slow
(it sends and answers too late), and one worker is killed in the middle of a send.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from blueprints.edge.house import EXTENSION
from jobs.delivery.courier import Courier, OutboxMessage, TryLater
from jobs.delivery.handlers import HANDLERS
from jobs.delivery.worker import Delivery
from models.jobs import Outbox
from models.notices import Notice, SendState, SubscriptionGrant, SubscriptionSend
from rules.notices import grants
from rules.notices.delivering import SEND, prepare_send
from tests.apps import make_app
from tests.build import Person, TownBuilder, new_town, settings_for
from tests.conftest import Databases
from tests.delivery.worker import SECRET
from tests.notices.helpers import (
    RESERVATION,
    courier_of,
    deliver,
    fake_wechat,
    grant,
    left,
    make_due,
    openid_of,
    session_message,
    tell,
)
from wechat.fake import FakeWechat
from wechat.messages import SubscriptionMessage
from wechat.refusals import WechatBusy

RESIDENTS = 18
SLOW_SECONDS = 0.5
DEADLINE_SECONDS = 20.0
PATH = "/cgi-bin/message/subscribe/send"


@dataclass
class Gate:
    """WeChat on a socket: each third send is done and answered too late, and the third one of a worker is held."""

    fake: FakeWechat
    holds: str  #: this worker's third send isn't answered as long as it lives
    sends: Counter[str] = field(default_factory=Counter)
    is_held: threading.Event = field(default_factory=threading.Event)
    is_over: threading.Event = field(default_factory=threading.Event)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = list(self.fake(environ, start_response))
        if environ["PATH_INFO"] != PATH:
            return answer
        worker = environ["HTTP_X_WORKER"]
        self.sends[worker] += 1
        if worker == self.holds and self.sends[worker] == 3:
            self.is_held.set()
            self.is_over.wait(DEADLINE_SECONDS)
        elif self.sends.total() % 3 == 0:
            time.sleep(SLOW_SECONDS)  # the client has gone by then
        return answer


@pytest.fixture
def own_town(databases: Databases, tmp_path: Path) -> Iterator[TownBuilder]:
    """A town on a database of its own: workers take whatever there is."""
    app = make_app(settings_for(databases.make(), tmp_path))
    yield new_town(app.extensions[EXTENSION])
    app.extensions[EXTENSION].transactions.engine.dispose()


@contextmanager
def worker(town: TownBuilder, port: int, name: str) -> Iterator[subprocess.Popen[str]]:
    settings = town.house.settings
    arguments = (settings.database_url, str(settings.keys_file), f"http://127.0.0.1:{port}", f"wx-{town.id}", name)
    command = [sys.executable, "-m", "tests.delivery.worker", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def listening(gate: Gate, port: int) -> Iterator[None]:
    server = make_server("127.0.0.1", port, gate, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        gate.is_over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.05)


def told_residents(town: TownBuilder, fake: FakeWechat, count: int = RESIDENTS) -> list[Person]:
    """Residents who accepted one message each, and have something urgent to be told."""
    session_id = town.session(begins_in=timedelta(days=1))
    residents = [town.resident() for _ in range(count)]
    for resident in residents:
        grant(town, fake, resident)
    tell(town, *(session_message(resident, session_id) for resident in residents))
    return residents


def test_a_dead_and_a_slow_wechat_and_a_killed_worker_neither_repeat_a_message_nor_lose_one(
    own_town: TownBuilder,
) -> None:
    town, fake, port = own_town, FakeWechat(appid=f"wx-{own_town.id}", secret=SECRET), free_port()
    residents = told_residents(town, fake)
    gate = Gate(fake, holds="first")
    courier_of(town, fake).wechat.access_token()  # WeChat was there a moment ago
    with worker(town, port, "first") as first, worker(town, port, "second") as second:
        for process in (first, second):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        until(lambda: len(town.rows(Notice.id)) == RESIDENTS, "a dead WeChat keeps nothing from the inbox")
        until(lambda: _are_put_off(town), "every message by WeChat was tried and put off")
        with listening(gate, port):
            make_due(town)
            assert gate.is_held.wait(DEADLINE_SECONDS), "the first worker sends"
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
            gate.is_over.set()
            until(lambda: not town.rows(Outbox.id, delivered_at=None), "everything was delivered")
    assert Counter(message.openid for message in fake.sent) == {openid_of(each): 1 for each in residents}
    assert Counter(row.resident_id for row in town.rows(Notice.resident_id)) == {each.id: 1 for each in residents}
    states = Counter(row.state for row in town.rows(SubscriptionSend.state))
    assert states.total() == RESIDENTS
    assert set(states) == {SendState.SENT, SendState.UNKNOWN}
    assert states[SendState.UNKNOWN] >= 2, "some were answered too late, and one by nobody"
    assert {row.used - row.given_back for row in town.rows(SubscriptionGrant.used, SubscriptionGrant.given_back)} == {1}
    assert [row for row in town.rows(Outbox.failed_at) if row.failed_at is not None] == []


def _are_put_off(town: TownBuilder) -> bool:
    sends = town.rows(Outbox.failure, Outbox.claimed_until, topic=SEND)
    return len(sends) == RESIDENTS and all(row.failure and row.claimed_until is None for row in sends)


def test_without_the_claim_of_a_grant_a_slow_wechat_repeats_messages(town: TownBuilder) -> None:
    """The control arm: a handler that sends first and takes every fault for a message that wasn't sent."""

    def send_without_claim(courier: Courier, message: OutboxMessage) -> None:
        letter = courier.read(message, _letter_of, courier, int(message.payload["notice_id"]))
        try:
            courier.wechat.send_subscription(letter)
        except WechatBusy:
            raise TryLater("busy") from None

    assert _sent_with({**HANDLERS, SEND: send_without_claim}, town) == 2 * 3, "each was sent twice for one accept"


def test_with_the_claim_a_slow_wechat_repeats_none(town: TownBuilder) -> None:
    assert _sent_with(HANDLERS, town) == 3
    assert {row.state for row in town.rows(SubscriptionSend.state)} == {SendState.UNKNOWN}


def _sent_with(handlers: Mapping[str, Any], town: TownBuilder) -> int:
    fake = FakeWechat(appid=f"wx-{town.id}", secret=SECRET, wants_grants=False)
    told_residents(town, fake, count=3)
    courier = courier_of(town, fake)
    courier.wechat.access_token()
    fake.is_slow = True
    for _ in range(2):
        deliver(town, courier, handlers)
        make_due(town)
    return len(fake.sent)


def _letter_of(work: Any, courier: Courier, notice_id: int) -> SubscriptionMessage:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grants, "claim_send", lambda *_: SendState.CLAIMED)
        letter = prepare_send(work, courier.keys, courier.templates, notice_id)
    return SubscriptionMessage(letter.openid, letter.template_id, letter.page, letter.data)


def test_a_grant_that_two_messages_want_is_used_by_one(town: TownBuilder) -> None:
    fake = fake_wechat(town)
    resident = town.resident()
    grant(town, fake, resident)
    tell(town, *(session_message(resident, town.session(begins_in=timedelta(days=1))) for _ in range(2)))
    deliver(town, courier_of(town, fake))
    assert len(fake.sent) == 1
    assert len(town.rows(Notice.id)) == 2
    assert left(town, resident) == 0


def test_a_dead_wechat_uses_up_no_grant_and_the_message_goes_out_when_it_is_back(town: TownBuilder) -> None:
    fake = fake_wechat(town)
    [resident] = told_residents(town, fake, count=1)
    courier = courier_of(town, fake)
    courier.wechat.access_token()
    fake.is_dead = True
    deliver(town, courier)
    assert fake.sent == []
    assert [row.state for row in town.rows(SubscriptionSend.state)] == [SendState.WAITING]
    fake.is_dead = False
    make_due(town)
    deliver(town, courier_of(town, fake))
    assert [(each.openid, each.template_id) for each in fake.sent] == [(openid_of(resident), RESERVATION)]
    assert left(town, resident) == 0


def test_the_threads_of_a_scheduler_deliver_until_they_are_stopped(own_town: TownBuilder) -> None:
    fake = fake_wechat(own_town)
    delivering = Delivery(courier_of(own_town, fake))
    delivering.start()
    try:
        residents = told_residents(own_town, fake, count=3)
        until(lambda: not own_town.rows(Outbox.id, delivered_at=None) and len(fake.sent) == 3, "all is delivered")
    finally:
        delivering.stop()
    assert {message.openid for message in fake.sent} == {openid_of(each) for each in residents}
    told_residents(own_town, fake, count=1)
    assert len(own_town.rows(Notice.id)) == 3, "nobody delivers any more"
