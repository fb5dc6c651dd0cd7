"""Protects the ledger of grants under workers at once: as many messages go out as were granted, and no more."""

from __future__ import annotations

import threading

from models.notices import Notice, SendState, SubscriptionGrant
from rules.notices import grants
from rules.outbox import Message
from rules.work import SYSTEM
from tests.build import TownBuilder
from tests.notices.helpers import RESERVATION, courier_of, deliver, fake_wechat, grant, left, tell
from tests.races import from_threads

GRANTED = 5
MESSAGES = 24


def notices_of_somebody(town: TownBuilder) -> tuple[int, list[int]]:
    """A resident who granted some messages, and more notices than that."""
    resident = town.resident()
    tell(
        town,
        *(Message("points.expiring", str(n), {"resident_id": str(resident.id), "amount": n}) for n in range(MESSAGES)),
    )
    deliver(town, courier_of(town, fake_wechat(town)))
    for _ in range(GRANTED):
        grant(town, None, resident)
    assert left(town, resident) == GRANTED
    return resident.id, [row.id for row in town.rows(Notice.id)]


def test_workers_at_once_use_each_grant_once(town: TownBuilder) -> None:
    resident_id, notice_ids = notices_of_somebody(town)

    def claim(notice_id: int) -> SendState | None:
        return town.database.write(town.id, SYSTEM, grants.claim_send, notice_id, resident_id, RESERVATION)

    claimed = from_threads(claim, [(id_,) for id_ in notice_ids], threads=MESSAGES)
    assert claimed.count(SendState.CLAIMED) == GRANTED
    assert claimed.count(None) == MESSAGES - GRANTED
    [row] = town.rows(SubscriptionGrant.used, SubscriptionGrant.given_back)
    assert (row.used, row.given_back) == (GRANTED, 0)


def test_workers_that_look_first_and_count_later_use_a_grant_twice(town: TownBuilder) -> None:
    """The control arm: whether there is one is asked in one transaction, and it is counted in another."""
    resident_id, notice_ids = notices_of_somebody(town)
    all_have_looked = threading.Barrier(MESSAGES)

    def look_then_count(_notice_id: int) -> bool:
        has_one = town.database.read(town.id, SYSTEM, grants.residents_with_grant, [resident_id], RESERVATION)
        all_have_looked.wait(10)
        return bool(has_one)

    assert sum(from_threads(look_then_count, [(id_,) for id_ in notice_ids], threads=MESSAGES)) > GRANTED


def test_two_workers_with_one_message_send_it_once_and_use_one_grant(town: TownBuilder) -> None:
    resident_id, [notice_id, *_] = notices_of_somebody(town)

    def claim() -> SendState | None:
        return town.database.write(town.id, SYSTEM, grants.claim_send, notice_id, resident_id, RESERVATION)

    assert from_threads(claim, [()] * 8, threads=8).count(SendState.CLAIMED) == 1
    [row] = town.rows(SubscriptionGrant.used, SubscriptionGrant.given_back)
    assert row.used - row.given_back == 1
