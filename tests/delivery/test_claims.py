"""Protects who has a message of the outbox, when it is tried again, and when it is given up."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from itertools import chain

import pytest

from jobs.delivery.courier import Courier, OutboxMessage, TryLater, Undeliverable
from jobs.delivery.worker import deliver_due
from models.jobs import Outbox
from models.residents import Role
from rules import delivery
from rules.clock import utc_now
from rules.outbox import Message
from rules.work import SYSTEM, Work
from tests.build import ApiClient, TownBuilder
from tests.notices.helpers import LEASE, courier_of, deliver, fake_wechat, make_due, tell
from tests.races import from_threads

TOPIC = "something.told"


def claim(town: TownBuilder, limit: int = 10, lease: timedelta = LEASE) -> list[OutboxMessage]:
    return town.database.write(town.id, SYSTEM, delivery.claim_due, limit, lease)


def tell_times(town: TownBuilder, count: int) -> None:
    tell(town, *(Message(TOPIC, str(n), {"n": n}) for n in range(count)))


def test_workers_at_once_never_have_the_same_message(town: TownBuilder) -> None:
    tell_times(town, 40)
    claimed = from_threads(lambda: claim(town, limit=5), [()] * 12, threads=12)
    keys = [message.key for message in chain.from_iterable(claimed)]
    assert len(keys) == len(set(keys)) == 40
    assert claim(town) == []


def test_who_is_stopped_lets_go_of_what_was_not_begun(town: TownBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    tell_times(town, 3)
    stop, begun = threading.Event(), list[str]()
    monkeypatch.setattr(delivery, "towns_with_due", lambda _work: [town.id])

    def handle(_courier: Courier, message: OutboxMessage) -> None:
        begun.append(message.key)
        stop.set()

    deliver_due(courier_of(town, fake_wechat(town)), handlers={TOPIC: handle}, stop=stop)
    assert begun == ["0"]
    assert [(message.key, message.attempts) for message in claim(town)] == [("1", 1), ("2", 1)]


def test_without_the_claim_workers_have_the_same_message(town: TownBuilder) -> None:
    """The control arm: what is due is read and not claimed."""
    tell_times(town, 4)

    def look(work: Work) -> list[str]:
        return [row.key for row in work.core.execute(delivery._due.element.with_only_columns(Outbox.key), asked)]

    asked = {"town": town.id, "now": utc_now(), "limit": 5}
    assert town.database.write(town.id, SYSTEM, look) == town.database.write(town.id, SYSTEM, look) != []


def test_a_message_whose_worker_never_came_back_is_taken_up_again_and_the_late_worker_has_no_say(
    town: TownBuilder,
) -> None:
    tell_times(town, 1)
    [of_the_dead] = claim(town, lease=timedelta(0))
    [of_the_next] = claim(town)
    assert (of_the_dead.attempts, of_the_next.attempts) == (1, 2)
    assert town.act(None, delivery.finish, of_the_dead) is False
    assert town.act(None, delivery.give_up, of_the_dead, "late") is False
    assert town.rows(Outbox.delivered_at, Outbox.failed_at) == [(None, None)]
    assert town.act(None, delivery.finish, of_the_next) is True
    assert claim(town) == []


def test_a_message_that_fails_rests_longer_each_time_and_is_given_up_in_the_end(town: TownBuilder) -> None:
    tell_times(town, 1)
    pauses = []
    for _ in range(delivery.ATTEMPTS_MAX):
        [message] = claim(town)
        before = utc_now()
        town.act(None, delivery.put_off, message, "busy")
        [row] = town.rows(Outbox.available_at, Outbox.failed_at)
        pauses.append(round((row.available_at - before).total_seconds()))
        make_due(town)
    assert pauses[:8] == [5, 15, 45, 135, 405, 1215, 3645, 10_935]
    assert pauses[8:-1] == [21_600] * 3
    assert claim(town) == []
    [row] = town.rows(Outbox.failure, Outbox.failed_at)
    assert (row.failure, row.failed_at is not None) == ("busy", True)


def test_what_a_handler_raises_decides_what_becomes_of_its_message(town: TownBuilder) -> None:
    later = utc_now() + timedelta(hours=5)
    ends = {"later": TryLater("busy"), "held": TryLater("quiet", at=later), "never": Undeliverable("wrong")}

    def handler(courier: Courier, message: OutboxMessage) -> None:
        if message.key in ends:
            raise ends[message.key]
        if message.key == "fault":
            raise ValueError("王小明")

    tell(town, *(Message(TOPIC, key, {}) for key in ("later", "held", "never", "fault", "fine")))
    tell(town, Message("of.another.version", "unknown", {}))
    deliver(town, courier_of(town, fake_wechat(town)), {TOPIC: handler})
    rows = {
        row.key: row
        for row in town.rows(
            Outbox.key, Outbox.attempts, Outbox.failure, Outbox.delivered_at, Outbox.failed_at, Outbox.available_at
        )
    }
    assert {key: row.failure for key, row in rows.items()} == {
        "later": "busy",
        "held": None,
        "never": "wrong",
        "fault": "ValueError",
        "unknown": "topic_unknown",
        "fine": None,
    }
    assert [key for key, row in rows.items() if row.delivered_at] == ["fine"]
    assert [key for key, row in rows.items() if row.failed_at] == ["never"]
    assert (rows["held"].attempts, rows["held"].available_at) == (0, later)


def test_a_message_that_kills_its_workers_is_given_up(town: TownBuilder) -> None:
    tell_times(town, 1)
    for _ in range(delivery.ATTEMPTS_MAX):
        claim(town, lease=timedelta(0))
    deliver(town, courier_of(town, fake_wechat(town)), {TOPIC: lambda *_: pytest.fail("it was tried again")})
    assert [row.failure for row in town.rows(Outbox.failure)] == ["no_worker_came_back"]


def test_staff_see_dead_letters_have_them_tried_again_or_dismiss_them(town: TownBuilder, api: ApiClient) -> None:
    tell_times(town, 2)
    for message in claim(town):
        town.act(None, delivery.give_up, message, "wechat.template_wrong")
    manager = api.as_(town.staff(Role.MANAGER))
    assert api.as_(town.staff(Role.MANAGER, at=town.community_id)).get("/notices/dead-letters").status_code == 403
    letters = manager.get("/notices/dead-letters").json["items"]
    assert [(each["topic"], each["failure"]) for each in letters] == [(TOPIC, "wechat.template_wrong")] * 2
    assert "payload" not in letters[0], "that is people's"
    auditor = api.as_(town.staff(Role.AUDITOR))
    queue = auditor.get("/notices/queue").json
    assert (queue["waiting"], queue["dead"]) == (0, 2)
    assert manager.post(f"/notices/dead-letters/{letters[0]['id']}/retry").status_code == 204
    assert manager.post(f"/notices/dead-letters/{letters[1]['id']}/dismissal").status_code == 204
    assert manager.get("/notices/dead-letters").json["items"] == []
    assert manager.post(f"/notices/dead-letters/{letters[1]['id']}/retry").json["code"] == "outbox.unknown"
    assert [(message.id, message.attempts) for message in claim(town)] == [(int(letters[0]["id"]), 1)]
    assert auditor.get("/notices/queue").json["claimed"] == 1


def test_what_ended_long_ago_is_cleared_and_what_waits_is_kept(town: TownBuilder) -> None:
    tell_times(town, 3)
    ended, dead, _waiting = claim(town)
    town.act(None, delivery.finish, ended)
    town.act(None, delivery.give_up, dead, "wrong")

    def clear_in_a_year(work: Work) -> int:
        return delivery.clear_ended(replace(work, now=work.now + timedelta(days=365)))

    assert town.act(None, clear_in_a_year) == 1
    assert len(town.rows(Outbox.id)) == 2
