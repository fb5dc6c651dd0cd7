"""A points mall for tests: rules that let points be spent, merchants with staff, rewards, and what must hold of it all."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import date
from typing import Any

from sqlalchemy import select, update
from werkzeug.test import TestResponse

from models.ledger import Account, AccountKind, Hold
from models.operators import OperatorStaff
from models.residents import Resident, Role
from models.rewards import Redemption, RedemptionStatus, Reward, RewardKind, RewardStatus, RewardUse
from models.territory import HostKind, Operator, Town
from rules.ledger.transactions import Cause
from rules.ledger.transferring import Correction, adjust
from rules.work import SYSTEM, ActorKind, Work
from tests.build import RULEBOOK, ApiClient, Person, TownBuilder, add
from tests.ledger.keeping import audit
from tests.points.hands import give
from tests.rulebook.live import put_in_force

MALL = """
[[redemption]]
id = "goods"
title = "兑换礼品"
kinds = ["goods"]
refund = "until_pick_up"
pick_up_days = 7
when_lapsed = "forfeited"
substitution = true

[[redemption]]
id = "others"
title = "兑换服务"
kinds = ["service", "fee", "place"]
pick_up_days = 30
when_lapsed = "returned"

[[redemption]]
id = "donation"
title = "捐赠积分"
kinds = ["donation"]
grades = [{ at = 50, title = "铜牌爱心居民" }]
"""
_serial = itertools.count(1)


def open_mall(town: TownBuilder, rules: str = MALL) -> None:
    """Let points be spent, in a town whose programme an operator hosts."""
    put_in_force(town, RULEBOOK + rules)
    host(town, HostKind.OPERATOR)


def host(town: TownBuilder, kind: HostKind) -> None:
    town.act(None, lambda work: work.core.execute(update(Town).where(Town.id == town.id).values(host_kind=kind)))


def merchant(town: TownBuilder, operator_id: int | None = None) -> Person:
    """A member of staff who acts for a merchant, the town's operator unless another is given."""
    person = town.staff(Role.OPERATOR)
    link = {"operator_id": operator_id or town.operator_id, "staff_id": person.id}
    town.act(
        None,
        lambda work: work.core.execute(
            OperatorStaff.__table__.insert(), {"town_id": town.id, **link, "added_at": work.now, "added_by": None}
        ),
    )
    return person


def another_operator(town: TownBuilder, name: str = "理发店") -> int:
    return town.act(None, lambda work: add(work, Operator, name=name))


def reward(town: TownBuilder, **columns: Any) -> int:
    """A published reward of the community's own: 10 points, without limits."""
    row: dict[str, Any] = {
        "operator_id": None,
        "territory_id": town.street_id,
        "kind": RewardKind.GOODS,
        "title": f"抽纸 {next(_serial)}",
        "upload_ids": [],
        "price": 10,
        "limits": [],
        "quantity_max": 3,
        "status": RewardStatus.PUBLISHED,
    }
    return town.act(None, lambda work: add(work, Reward, created_at=work.now, **row | columns))


def rich(town: TownBuilder, points: int = 100, **columns: Any) -> Person:
    """A resident with points."""
    resident = town.resident(**columns)
    give(town, resident, points)
    return resident


def crowd_of_rich(town: TownBuilder, count: int, points: int = 10) -> list[Person]:
    """Many residents with points, made at once."""

    def deed(work: Work) -> list[Person]:
        people = []
        for _ in range(count):
            id_ = add(work, Resident, name="王小明", territory_id=town.community_id, registered_at=work.now)
            cause = Cause("test", f"测试：{points} 分", work.now)
            adjust(work, f"rich:{id_}", Correction(id_, points, date(2030, 12, 31), cause))
            people.append(Person(id_, ActorKind.RESIDENT, "王小明"))
        return people

    return town.act(None, deed)


def redeem(caller: ApiClient, reward_id: int, **body: Any) -> TestResponse:
    return caller.post(f"/rewards/{reward_id}/redemptions", body)


def redeemed(caller: ApiClient, reward_id: int, **body: Any) -> dict[str, Any]:
    answer = redeem(caller, reward_id, **body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def scan(caller: ApiClient, code: str, **body: Any) -> TestResponse:
    return caller.post(f"/redemptions/{code}/fulfilment", body)


def refused(answer: TestResponse, status: int, code: str) -> str:
    """The sentence of a refusal."""
    assert (answer.status_code, answer.json.get("code")) == (status, code), answer.text
    return str(answer.json["detail"])


def balances(town: TownBuilder, resident: Person) -> tuple[int, int]:
    """What a resident has, and what is held of it."""
    rows = town.rows(Account, owner_id=resident.id)
    found = {account.kind: account.credited - account.debited for (account,) in rows}
    return found.get(AccountKind.WALLET, 0), found.get(AccountKind.ESCROW, 0)


def redeemed_at(town: TownBuilder, owner_id: int) -> int:
    """The points that an operator, or the town, has redeemed."""
    rows = town.rows(Account, kind=AccountKind.REDEEMED, owner_id=owner_id)
    return sum(account.credited - account.debited for (account,) in rows)


def assert_mall_agrees(town: TownBuilder) -> None:
    """Pieces are what redemptions took, held points are what waits, and the ledger is as a ledger must be."""

    def read(work: Work) -> list[list[Any]]:
        return [
            list(work.core.execute(select(table.__table__).where(table.town_id == town.id)))
            for table in (Reward, Redemption, RewardUse, Hold)
        ]

    rewards, redemptions, uses, holds = town.database.read(town.id, SYSTEM, read)
    out = (RedemptionStatus.READY, RedemptionStatus.FULFILLED)
    taken: Counter[int] = Counter()
    for each in redemptions:
        taken[each.reward_id] += each.quantity if each.status in out else 0
    for each in rewards:
        assert each.taken == taken[each.id]
        assert each.stock is None or each.taken <= each.stock
    counted: Counter[tuple[int, int, str]] = Counter()
    for each in redemptions:
        stays = each.status in out or (each.status is RedemptionStatus.LAPSED and not each.returns_when_lapsed)
        for period in each.limit_periods if stays else ():
            counted[each.reward_id, each.resident_id, period] += each.quantity
    assert {key: n for key, n in counted.items() if n} == {
        (use.reward_id, use.resident_id, use.period): use.used for use in uses if use.used
    }
    held = {each.txn_id: each.amount - each.captured - each.released for each in holds}
    waiting = {
        payment["hold_id"]: payment["amount"]
        for each in redemptions
        if each.status is RedemptionStatus.READY
        for payment in each.payments
    }
    assert {hold_id: amount for hold_id, amount in held.items() if amount} == waiting
    audit(town)
