"""Eight processes do everything to a few residents at once; afterwards the books are right and every receipt is true.

`BINFEN_LONG=1` goes on for many times as long.
"""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.edge.house import EXTENSION
from models.ledger import Posting, Txn
from rules.clock import local_day, utc_now
from rules.ledger.caps import CapUse
from rules.ledger.expiring import expire
from rules.ledger.holds import release_lapsed_holds
from rules.ledger.pools import set_shards
from rules.ledger.transactions import Receipt
from rules.work import Transactions, Work
from tests.apps import make_app
from tests.build import fresh_key, new_town, settings_for
from tests.conftest import Databases
from tests.ledger.clerk import Clerk
from tests.ledger.crowd import Crowd, crowd_of
from tests.ledger.deeds import DEEDS, answer_of, until_answered

IS_LONG = os.environ.get("BINFEN_LONG") == "1"
PROCESSES = 8
DEEDS_OF_A_PROCESS = 2_500 if IS_LONG else 100
RESIDENTS = 5
BUDGET_OF_THE_SHOP = 600
CAP = 12
DAY = timedelta(days=1)
Given = tuple[str, str, int, int, int]  #: the deed, its key, the transaction, the amount, the balance


@pytest.fixture(scope="module")
def crowd(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    app = make_app(settings_for(databases.make(), tmp_path_factory.mktemp("hammer"), log_level="ERROR"))
    house = app.extensions[EXTENSION]
    with crowd_of(PROCESSES, house) as crowd:
        yield crowd
    house.transactions.engine.dispose()


def hammer(app: Flask, town_id: int, seed: int, resident_ids: list[int], shop_id: int) -> list[Given | str]:
    """What one process was told, deed after deed; it knows of nobody else's."""
    chance = random.Random(seed)
    transactions = app.extensions[EXTENSION].transactions
    given: list[Given | str] = []
    mine: list[tuple[str, Receipt]] = []
    asked: list[tuple[str, str, tuple[Any, ...]]] = []
    for _ in range(DEEDS_OF_A_PROCESS):
        if chance.random() < 0.06:
            given.append(run_a_job(transactions, town_id, chance))
            continue
        again = asked and chance.random() < 0.1
        wish = chance.choice(asked) if again else choose(chance, mine, resident_ids, shop_id)
        name, key, arguments = wish
        answer = answer_of(transactions, town_id, DEEDS[name], key, *arguments)
        if isinstance(answer, Receipt):
            given.append((name, key, answer.txn_id, answer.amount, answer.balance))
            mine.append((name, answer))
            asked.append(wish)
        else:
            given.append(answer)
    return given


def choose(
    chance: random.Random, mine: list[tuple[str, Receipt]], resident_ids: list[int], shop_id: int
) -> tuple[str, str, tuple[Any, ...]]:
    """The next deed; it is about something that this process has done where it needs that."""
    who, other = chance.sample(resident_ids, 2)
    amount = chance.randint(1, 20)
    days = chance.choice((-1, 0, 1, 30, 400))
    expires_on, scope = local_day(utc_now()) + days * DAY, chance.choice(("", "", "mall"))
    issuer = chance.choice((None, shop_id))
    use = CapUse("checkin", f"2027-{chance.randint(1, 3):02}", chance.randint(1, 3), CAP)
    holds = [receipt for name, receipt in mine if name == "hold"]
    reversible = [receipt for name, receipt in mine if name in ("earn", "spend", "capture", "transfer", "adjust")]
    deeds: list[tuple[str, tuple[Any, ...]]] = [
        ("grant", (amount, issuer)),
        ("earn", (who, amount, expires_on, scope, issuer, (use,) if amount % 2 else ())),
        ("earn", (who, amount * 3, expires_on, scope, issuer, ())),
        ("batch", tuple((resident, amount, expires_on) for resident in chance.sample(resident_ids, 3))),
        ("spend", (who, amount, scope, issuer)),
        ("spend", (who, amount * 5, scope, issuer)),
        ("transfer", (who, other, amount)),
        ("hold", (who, amount, utc_now() + chance.choice((DAY, DAY / 2)), scope)),
        ("adjust", (who, chance.choice((amount, -amount)), expires_on)),
    ]
    if holds:
        deeds += [(name, (chance.choice(holds).txn_id, chance.randint(1, 8))) for name in ("capture", "void")]
    if reversible:
        deeds += [("reverse", (chance.choice(reversible).txn_id, chance.choice((None, amount))))] * 2
    name, arguments = chance.choice(deeds)
    return name, fresh_key(), arguments


def run_a_job(transactions: Transactions, town_id: int, chance: random.Random) -> str:
    """What runs at night: today or, as it seems to it, two days later."""
    later = Transactions(transactions.engine, clock=lambda: utc_now() + chance.choice((0, 2)) * DAY)
    match chance.choice(("expire", "release", "split")):
        case "expire":
            expire(later, town_id, local_day(utc_now()), wallets_max=chance.choice((1, 2, 100)))
        case "release":
            until_answered(later, town_id, release_lapsed_holds, 5)
        case _:
            until_answered(later, town_id, set_shards, chance.choice((1, 3, 8)))
    return "job"


def test_after_eight_processes_did_everything_at_once_the_books_are_right(crowd: Crowd) -> None:
    clerk = Clerk(new_town(crowd.house))
    shop, residents = clerk.operator(BUDGET_OF_THE_SHOP), [clerk.resident(200) for _ in range(RESIDENTS)]
    ids = [resident.id for resident in residents]
    answers = crowd.call(hammer, [(clerk.town.id, seed, ids, shop) for seed in range(PROCESSES)], threads=1)
    told = [given for share in answers.all for given in share]
    assert len(told) == PROCESSES * DEEDS_OF_A_PROCESS
    receipts = [given for given in told if not isinstance(given, str)]
    assert {name for name, *_ in receipts} == set(DEEDS) - {"lapse"}
    assert Counter(given for given in told if isinstance(given, str))["points.insufficient"] > 0
    clerk.audit()
    assert_true(clerk, receipts)


def assert_true(clerk: Clerk, receipts: list[Given]) -> None:
    """Every receipt that somebody was given is in the ledger, with its amount and its balance; each key is there once."""

    def deed(work: Work) -> list[Any]:
        rows = work.db.execute(
            select(
                Txn.idempotency_key,
                Txn.id,
                Posting.amount,
                (Posting.src_credited - Posting.src_debited_after).label("src"),
                (Posting.dst_credited_after - Posting.dst_debited).label("dst"),
            )
            .join(Posting, (Posting.town_id == Txn.town_id) & (Posting.txn_id == Txn.id))
            .where(Txn.town_id == work.town_id)
            .order_by(Txn.id, Posting.n)
        )
        return list(rows)

    written: defaultdict[str, list[Any]] = defaultdict(list)
    for row in clerk.town.act(None, deed):
        written[row.idempotency_key].append(row)
    for _name, key, txn_id, amount, balance in receipts:
        postings = written[key]
        assert {posting.id for posting in postings} == {txn_id}
        assert sum(posting.amount for posting in postings) == amount
        assert balance in (postings[-1].src, postings[-1].dst)
