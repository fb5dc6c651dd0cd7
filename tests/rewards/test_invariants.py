"""Whatever happens to redemptions, in whatever order: pieces, points and counters are those of a plain model.

Before each deed the model says whether it can be done. `BINFEN_LONG=1` runs many more and longer histories.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import date, timedelta
from typing import Any

import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from blueprints.edge.house import House
from models.residents import Role
from models.rewards import Reward
from rules.clock import local_day, local_moment
from rules.errors import RuleError
from rules.ledger.expiring import expire
from rules.rewards.ending import cancel_redemption, refund_redemption
from rules.rewards.fulfilling import fulfil
from rules.rewards.lapsing import tend_redemptions
from rules.rewards.redeeming import RedemptionWish, redeem
from rules.rewards.stock import change_stock
from rules.rewards.substituting import answer_substitute, offer_substitute
from tests.build import Person, new_town
from tests.rewards.mall import assert_mall_agrees, balances, merchant, open_mall, reward, rich

IS_LONG = os.environ.get("BINFEN_LONG") == "1"
LIMITS = settings(
    max_examples=100 if IS_LONG else 3,
    stateful_step_count=60 if IS_LONG else 20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
START = local_moment(date(2028, 2, 25), "08:00")
PRICES = (20, 15)
STOCK = (3, 2)
A_MONTH = 2
PICKS = st.integers(0, 10**6)
DAYS_TO_PICK_UP = 7


class MallMachine(RuleBasedStateMachine):
    """Two rewards of one merchant, the cheaper a substitute for the other, and two residents."""

    house: House

    def __init__(self) -> None:
        super().__init__()
        self.traveller = time_machine.travel(START, tick=False)
        self.clock = self.traveller.start()
        self.now = START
        self.town = new_town(self.house)
        open_mall(self.town)
        self.counter, self.manager = merchant(self.town), self.town.staff(Role.MANAGER)
        limits: list[list[dict[str, Any]]] = [[{"per": "month", "quantity": A_MONTH}], []]
        self.rewards = [
            reward(self.town, operator_id=self.town.operator_id, price=price, stock=stock, limits=limit)
            for price, stock, limit in zip(PRICES, STOCK, limits, strict=True)
        ]
        self.people = [rich(self.town, 100) for _ in range(2)]
        self.points = [100, 100]
        self.left = list(STOCK)
        self.had: Counter[tuple[int, str]] = Counter()  #: of the first reward, by person and month
        self.ready: dict[int, dict[str, Any]] = {}

    def teardown(self) -> None:
        assert_mall_agrees(self.town)
        self.traveller.stop()

    def done(self, person: Person | None, deed: Any, *args: Any, **named: Any) -> Any:
        """What a deed answers; the code of a refusal."""
        try:
            return self.town.act(person, lambda work: deed(work, *args, **named))
        except RuleError as refusal:
            return refusal.code

    def pick(self, pick: int) -> tuple[int, dict[str, Any]]:
        id_ = sorted(self.ready)[pick % len(self.ready)]
        return id_, self.ready[id_]

    def is_over(self, mine: dict[str, Any]) -> bool:
        return bool(self.now >= mine["until"])

    def end(self, id_: int, *, back: bool, piece: bool, counts: bool) -> None:
        mine = self.ready.pop(id_)
        self.points[mine["who"]] += mine["price"] if back else 0
        self.left[mine["what"]] += piece
        if mine["what"] == 0 and not counts:
            self.had[mine["who"], mine["month"]] -= 1

    @rule(who=st.integers(0, 1), what=st.integers(0, 1))
    def redeem(self, who: int, what: int) -> None:
        month = f"{local_day(self.now):%Y-%m}"
        if self.left[what] == 0:
            expected = "reward.sold_out"
        elif what == 0 and self.had[who, month] == A_MONTH:
            expected = "reward.limit_reached"
        elif self.points[who] < PRICES[what]:
            expected = "points.insufficient"
        else:
            expected = ""
        answer = self.done(self.people[who], redeem, self.rewards[what], RedemptionWish())
        if expected:
            assert answer == expected
            return
        self.points[who] -= PRICES[what]
        self.left[what] -= 1
        self.had[who, month] += what == 0
        until = local_moment(local_day(self.now) + timedelta(days=DAYS_TO_PICK_UP + 1), "00:00")
        mine = {"who": who, "what": what, "price": PRICES[what], "month": month, "code": answer.code}
        self.ready[answer.id] = mine | {"until": until, "offered": False}

    @precondition(lambda self: self.ready)
    @rule(pick=PICKS)
    def scan(self, pick: int) -> None:
        id_, mine = self.pick(pick)
        answer = self.done(self.counter, fulfil, mine["code"], fee_paid=False)
        if self.is_over(mine):
            assert answer == "redemption.lapsed"
            return
        assert not answer.replayed
        assert self.done(self.counter, fulfil, mine["code"], fee_paid=False).replayed
        self.end(id_, back=False, piece=False, counts=True)

    @precondition(lambda self: self.ready)
    @rule(pick=PICKS)
    def give_up(self, pick: int) -> None:
        id_, mine = self.pick(pick)
        answer = self.done(self.people[mine["who"]], cancel_redemption, id_)
        if self.is_over(mine):
            assert answer == "redemption.lapsed"
        else:
            self.end(id_, back=True, piece=True, counts=False)

    @precondition(lambda self: self.ready)
    @rule(pick=PICKS, is_out_of_stock=st.booleans())
    def refund(self, pick: int, is_out_of_stock: bool) -> None:
        id_, _ = self.pick(pick)
        self.done(self.counter, refund_redemption, id_, "破损", is_out_of_stock=is_out_of_stock)
        self.end(id_, back=True, piece=not is_out_of_stock, counts=False)

    @precondition(lambda self: self.ready)
    @rule(pick=PICKS)
    def offer_something_else(self, pick: int) -> None:
        id_, mine = self.pick(pick)
        answer = self.done(self.counter, offer_substitute, id_, self.rewards[1], "缺货")
        if self.is_over(mine):
            assert answer == "redemption.lapsed"
        elif mine["what"] == 1:
            assert answer == "redemption.substitute_unfit"
        elif self.left[1] == 0:
            assert answer == "reward.sold_out"
        else:
            mine["offered"] = True

    @precondition(lambda self: self.ready)
    @rule(pick=PICKS, accept=st.booleans())
    def answer(self, pick: int, accept: bool) -> None:
        id_, mine = self.pick(pick)
        answer = self.done(self.people[mine["who"]], answer_substitute, id_, accept=accept)
        if self.is_over(mine):
            assert answer == "redemption.lapsed"
        elif not mine["offered"]:
            assert answer == "redemption.no_substitute"
        elif not accept:
            self.end(id_, back=True, piece=False, counts=False)
        elif self.left[1] == 0:
            assert answer == "reward.sold_out"
        else:
            self.had[mine["who"], mine["month"]] -= 1
            self.left[1] -= 1
            self.points[mine["who"]] += PRICES[0] - PRICES[1]
            until = local_moment(local_day(self.now) + timedelta(days=DAYS_TO_PICK_UP + 1), "00:00")
            mine |= {"what": 1, "price": PRICES[1], "offered": False, "until": max(mine["until"], until)}

    @rule(what=st.integers(0, 1), change=st.integers(-2, 2).filter(bool))
    def correct_stock(self, what: int, change: int) -> None:
        answer = self.done(self.manager, change_stock, self.rewards[what], change, "盘点")
        if self.left[what] + change < 0:
            assert answer == "reward.stock_too_low"
        else:
            self.left[what] += change

    @rule(days=st.integers(1, 9), runs=st.booleans())
    def let_time_pass(self, days: int, runs: bool) -> None:
        self.now += timedelta(days=days)
        self.clock.move_to(self.now)
        if not runs:
            return
        expire(self.town.database, self.town.id, local_day(self.now))
        lapsed = [id_ for id_, mine in self.ready.items() if self.is_over(mine)]
        assert tend_redemptions(self.town.database, self.town.id).lapsed == len(lapsed)
        for id_ in lapsed:
            comes_back = self.ready[id_]["offered"]
            self.end(id_, back=comes_back, piece=True, counts=not comes_back)

    @invariant()
    def points_and_pieces_are_the_models(self) -> None:
        held = [sum(each["price"] for each in self.ready.values() if each["who"] == who) for who in (0, 1)]
        for who in (0, 1):
            assert balances(self.town, self.people[who]) == (self.points[who], held[who])
        rows = self.town.rows(Reward.id, Reward.stock, Reward.taken)
        stocks = {row.id: row.stock - row.taken for row in rows}
        assert [stocks[id_] for id_ in self.rewards] == self.left


def test_pieces_and_points_are_those_of_a_plain_model(house: House) -> None:
    machine = type("MallMachineOfOneEngine", (MallMachine,), {"house": house})
    run_state_machine_as_test(machine, settings=LIMITS)
