"""A writer that is killed with SIGKILL, between any two statements or after its commit: the same keys again converge.

More than a hundred writers on each engine, real processes, work through one of every deed; each dies at another point
of the list, so that every statement of every deed has a death before it, and every commit one before and one after it.
Then the same deeds are done again under the same keys, as a client does that had no reply.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from blueprints.edge.house import EXTENSION
from models.ledger import AccountKind, Posting, Txn
from rules.clock import local_day, utc_now
from rules.ledger.caps import CapUse
from rules.work import Work
from tests.apps import make_app
from tests.build import Person, fresh_key, new_town, settings_for
from tests.conftest import Databases
from tests.ledger.clerk import Clerk
from tests.ledger.keeping import GOOD_UNTIL
from tests.ledger.writer import Done, Errand, Nursery, Wish, nursery

KILLS_MIN = 100
LOST_REPLIES_MIN = 3  #: each deed has one point after its commit, of some ten
OTHERS_OF_A_BATCH = 5  #: points of the awards that have no receipt of their own here
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def writers() -> Iterator[Nursery]:
    with nursery() as ready:
        yield ready


@pytest.fixture
def clerk(databases: Databases, tmp_path: Path) -> Iterator[Clerk]:
    """A town in a database of its own."""
    app = make_app(settings_for(databases.make(), tmp_path, log_level="ERROR"))
    house = app.extensions[EXTENSION]
    yield Clerk(new_town(house))
    house.transactions.engine.dispose()


def one_of_every_deed(clerk: Clerk, giver: Person, taker: Person) -> list[tuple[str, tuple[object, ...]]]:
    """Deeds that can be done hundreds of times over."""
    for days in range(3):
        clerk.earn(giver, 10_000, GOOD_UNTIL + days * DAY)
    clerk.split(4)
    held, spent = clerk.hold(giver, 9_000, utc_now() + DAY), clerk.spend(giver, 9_000)
    earned = clerk.earn(giver, 9_000, usages=[CapUse("visits", "2027-11", 9_000, 9_000)])
    use = CapUse("checkin", "2027-11", 1, 9_000)
    clerk.adjust(taker, 2)
    return [
        ("grant", (5,)),
        ("earn", (taker.id, 3, GOOD_UNTIL, "", None, (use,))),
        ("batch", ((taker.id, 3), (giver.id, 1), (taker.id, 4, GOOD_UNTIL, "", None, (use,)))),
        ("spend", (giver.id, 4)),
        ("hold", (giver.id, 3, utc_now() + DAY)),
        ("capture", (held.txn_id, 2)),
        ("void", (held.txn_id, 3)),
        ("transfer", (giver.id, taker.id, 5)),
        ("reverse", (spent.txn_id, 2)),
        ("reverse", (earned.txn_id, 2)),
        ("adjust", (taker.id, 6)),
        ("adjust", (taker.id, -1)),
    ]


def test_writers_that_are_killed_at_every_point_and_try_again_do_everything_once(
    clerk: Clerk, writers: Nursery, tmp_path: Path
) -> None:
    town = clerk.town
    todo = one_of_every_deed(clerk, clerk.resident(), clerk.resident())

    def errand(dies_at: int) -> Errand:
        wishes = tuple(Wish(name, fresh_key(), arguments) for name, arguments in todo)
        return Errand(town.house.settings.database_url, town.id, wishes, tmp_path / "replies", dies_at)

    whole = errand(dies_at=0)
    done = writers.send(whole)
    assert (done.signal, set(done.replies)) == (0, {wish.key for wish in whole.wishes})
    assert done.points >= KILLS_MIN
    receipts, kills, lost_replies = dict(done.replies), 0, 0
    for dies_at in range(1, done.points + 1):
        killed = errand(dies_at)
        died = writers.send(killed)
        kills += died.signal == signal.SIGKILL
        for wish in killed.wishes:
            again = wish.do(town.database, town.id)
            receipts[wish.key] = (again.txn_id, again.amount, again.balance)
            lost_replies += again.replayed and wish.key not in died.replies
            if wish.key in died.replies:
                assert again.replayed
                assert died.replies[wish.key] == receipts[wish.key]
    # Which shard pays follows from the key, so runs differ by a few statements, and a late point may never be reached.
    assert kills >= KILLS_MIN
    assert lost_replies >= LOST_REPLIES_MIN
    assert len(receipts) == (done.points + 1) * len(todo)
    assert_each_once(clerk, receipts)
    clerk.audit()


def assert_each_once(clerk: Clerk, receipts: dict[str, tuple[int, int, int]]) -> None:
    """Every key stands in the ledger once, with the amount that its receipt says; of a batch the others do as well."""

    def deed(work: Work) -> list[tuple[str, int, int]]:
        rows = work.db.execute(
            select(Txn.idempotency_key, Txn.id, Posting.amount)
            .join(Posting, (Posting.town_id == Txn.town_id) & (Posting.txn_id == Txn.id))
            .where(Txn.town_id == work.town_id)
        )
        return [(key, id_, amount) for key, id_, amount in rows]

    booked: Counter[tuple[str, int]] = Counter()
    others: Counter[str] = Counter()
    for key, id_, amount in clerk.town.act(None, deed):
        if key in receipts:
            booked[key, id_] += amount
        elif key.rstrip("+") in receipts:
            others[key.rstrip("+")] += amount
    assert booked == {(key, id_): amount for key, (id_, amount, _) in receipts.items()}
    assert set(others.values()) == {OTHERS_OF_A_BATCH}


def test_a_run_that_books_what_has_lapsed_and_is_killed_at_every_point_books_it_once(
    clerk: Clerk, writers: Nursery, tmp_path: Path
) -> None:
    town, residents = clerk.town, [clerk.resident() for _ in range(3)]
    today = local_day(utc_now())
    wishes = (Wish("lapse", "", (today,)),)

    def lapse(dies_at: int) -> Done:
        for resident in residents:
            clerk.earn(resident, 5, today - DAY)
            clerk.earn(resident, 2, today - 2 * DAY)
        errand = Errand(town.house.settings.database_url, town.id, wishes, tmp_path / "replies", dies_at)
        return writers.send(errand)

    done = lapse(dies_at=0)
    assert clerk.sunk(AccountKind.BREAKAGE) == 21
    for dies_at in range(1, done.points + 1):
        assert lapse(dies_at).signal == signal.SIGKILL
        wishes[0].do(town.database, town.id)
        assert clerk.sunk(AccountKind.BREAKAGE) == 21 * (dies_at + 1)
    assert {clerk.balance(resident) for resident in residents} == {0}
    clerk.audit()
