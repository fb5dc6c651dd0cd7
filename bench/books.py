"""The ledger by itself: earning, spending and balances by the rules in this process, one after the other.

No server and no other client: what is measured is the rules, the driver and the commit. The floor does the same by hand.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle

from sqlalchemy import select

from bench.ledger_floor import EACH, Books, Floor
from bench.load import Arm, InProcessArm
from bench.town import BenchTown
from models.ledger import ACCOUNT, LOT, AccountKind
from models.rulebook import RulebookVersion
from models.territory import Operator, Scene, Territory, TerritoryKind
from rules.clock import local_day, utc_now
from rules.ledger.earning import Earning, earn
from rules.ledger.reading import read_open_lots, read_wallet
from rules.ledger.spending import Spending, spend
from rules.ledger.transactions import Cause, book_of
from rules.work import SYSTEM, Work

EARN, SPEND, BALANCE = "earn, in process", "spend, in process", "balance, in process"  #: names of arms
FLOOR_EARN, FLOOR_BALANCE = "floor: earn by hand", "floor: balance by hand"
REASON = "bench"
GOOD_FOR = timedelta(days=30)  #: at least, of points that are spent
OWNERS_MAX = 20_000


@dataclass(frozen=True, slots=True)
class _Facts:
    """What of a town the books' arms need."""

    book_id: int
    version_id: int
    community_id: int
    operator_id: int
    owners: list[int]  #: residents whose points are good for a while


def book_arms(town: BenchTown, stack: ExitStack) -> list[Arm]:
    """The floor's connection is closed with the stack."""
    facts = town.transactions.read(town.id, SYSTEM, _read_facts)
    owners = cycle(facts.owners)
    floor = Floor(
        Books(
            url=town.transactions.engine.url.render_as_string(hide_password=False),
            town_id=town.id,
            book_id=facts.book_id,
            version_id=facts.version_id,
            community_id=facts.community_id,
            operator_id=facts.operator_id,
            resident=lambda: next(owners),
            reason=REASON,
        )
    )
    stack.callback(floor.connection.close)
    calls: list[tuple[str, str | None, Callable[[], None]]] = [
        (FLOOR_EARN, None, floor.earn_once),
        (EARN, FLOOR_EARN, _earning(town, facts, owners)),
        (SPEND, None, _spending(town, facts)),
        (FLOOR_BALANCE, None, floor.read_balance),
        (BALANCE, FLOOR_BALANCE, _reading(town, owners)),
    ]
    return [InProcessArm(name, town.size, of, call=call) for name, of, call in calls]


def _read_facts(work: Work) -> _Facts:
    def first(statement: object) -> int:
        return int(work.core.scalars(statement).first() or 0)  # type: ignore[call-overload]

    book_id = book_of(work).id
    of_town = (ACCOUNT.c.town_id == work.town_id, LOT.c.town_id == work.town_id)
    owners = (
        select(ACCOUNT.c.owner_id)
        .join(LOT, LOT.c.account_id == ACCOUNT.c.id)
        .where(*of_town, ACCOUNT.c.book_id == book_id, ACCOUNT.c.kind == AccountKind.WALLET)
        .where(LOT.c.scope == "", LOT.c.expires_on > local_day(work.now) + GOOD_FOR, LOT.c.credited > LOT.c.debited)
        .distinct()
        .limit(OWNERS_MAX)
    )
    communities = select(Territory.id).where(
        Territory.town_id == work.town_id, Territory.kind == TerritoryKind.COMMUNITY
    )
    return _Facts(
        book_id,
        first(select(RulebookVersion.id).where(RulebookVersion.town_id == work.town_id)),
        first(communities),
        first(select(Operator.id).where(Operator.town_id == work.town_id)),
        list(work.core.scalars(owners)),
    )


def _earning(town: BenchTown, facts: _Facts, owners: cycle[int]) -> Callable[[], None]:
    def call() -> None:
        now = utc_now()
        cause = Cause(
            REASON,
            "参加活动签到：每场 10 分 × 1 场 = 10 分",
            now,
            rulebook_version_id=facts.version_id,
            rule_id="activity-checkin",
            community_id=facts.community_id,
            operator_id=facts.operator_id,
            scene=Scene.EDUCATION,
        )
        expires_on = local_day(now).replace(month=12, day=28) + timedelta(days=365)
        town.transactions.write(town.id, SYSTEM, earn, uuid.uuid4().hex, Earning(next(owners), EACH, expires_on, cause))

    return call


def _spending(town: BenchTown, facts: _Facts) -> Callable[[], None]:
    owners = cycle(facts.owners)

    def call() -> None:
        spending = Spending(next(owners), 1, Cause(REASON, "兑换", utc_now()))
        town.transactions.write(town.id, SYSTEM, spend, uuid.uuid4().hex, spending)

    return call


def _reading(town: BenchTown, owners: cycle[int]) -> Callable[[], None]:
    def deed(work: Work) -> int:
        wallet = read_wallet(work, next(owners))
        return sum(lot.amount for lot in read_open_lots(work, wallet, local_day(work.now)))

    def call() -> None:
        assert town.transactions.read(town.id, SYSTEM, deed) >= 0

    return call
