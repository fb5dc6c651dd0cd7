"""Every point can be explained: what earned it, what happened to it since, and where it went."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from itertools import groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.ledger import AccountKind, TxnKind
from models.territory import Operator
from rules.clock import local_day
from rules.ledger.earning import earn
from rules.ledger.explaining import ExplainedPart, ExplainedTxn, explain_balance, explain_txn
from rules.ledger.reading import read_wallet
from rules.ledger.transactions import Receipt, TxnUnknown
from rules.paging import Page, Position
from rules.work import Work
from tests.build import Person
from tests.ledger.clerk import Clerk
from tests.ledger.keeping import an_earning

SOON, LATER = date(2027, 12, 31), date(2028, 12, 31)


def explained(clerk: Clerk, resident: Person, limit: int = 100, after: Position | None = None) -> Page[ExplainedPart]:
    def deed(work: Work) -> Page[ExplainedPart]:
        return explain_balance(work, read_wallet(work, resident.id), local_day(work.now), after, limit)

    return clerk.town.act(None, deed)


def explained_txn(clerk: Clerk, resident: Person, receipt: Receipt) -> ExplainedTxn:
    return clerk.town.act(None, lambda work: explain_txn(work, read_wallet(work, resident.id), receipt.txn_id))


def sources(clerk: Clerk, resident: Person) -> list[tuple[int, int]]:
    return [(part.amount, part.earned.txn_id) for part in explained(clerk, resident).items]


def test_a_part_names_the_event_the_rule_and_the_arithmetic(clerk: Clerk) -> None:
    resident = clerk.town.resident()
    earning = an_earning(clerk.town, resident, 5, SOON)
    clerk.town.act(None, earn, "why", earning)
    [part] = explained(clerk, resident).items
    assert (part.amount, part.expires_on, part.scope, part.issuer, part.way) == (5, SOON, "", None, ())
    assert (part.earned.kind, part.earned.reason, part.earned.rule_id) == (TxnKind.EARN, "checkin", "activity-checkin")
    assert (part.earned.rulebook_number, part.earned.event_source) == (1, "checkin")
    assert part.earned.explanation == "签到：5 分"
    assert part.earned.event_occurred_at == earning.cause.effective_at


def test_an_empty_wallet_is_made_of_nothing(clerk: Clerk) -> None:
    assert explained(clerk, clerk.town.resident()) == Page([], None)


def test_what_lapsed_is_not_part_of_the_balance(clerk: Clerk) -> None:
    resident = clerk.town.resident()
    clerk.earn(resident, 5, date(2027, 11, 14))
    kept = clerk.earn(resident, 7, date(2027, 11, 15))
    assert sources(clerk, resident) == [(7, kept.txn_id)]


def test_an_issuer_is_named(clerk: Clerk) -> None:
    resident, operator_id = clerk.town.resident(), clerk.operator(budget=100)
    clerk.earn(resident, 5, issuer_id=operator_id)
    [(name,)] = clerk.town.rows(Operator.name, id=operator_id)
    assert [part.issuer for part in explained(clerk, resident).items] == [name]


def test_points_that_were_held_and_given_back_are_still_the_ones_that_were_earned(clerk: Clerk) -> None:
    resident = clerk.town.resident()
    first, second = clerk.earn(resident, 10, SOON), clerk.earn(resident, 10, LATER)
    held = clerk.hold(resident, 15)
    released = clerk.void(held, 15)
    parts = explained(clerk, resident).items
    assert [(part.amount, part.earned.txn_id) for part in parts] == [
        (10, first.txn_id),
        (5, second.txn_id),
        (5, second.txn_id),
    ]
    assert [[step.txn_id for step in part.way] for part in parts] == [
        [released.txn_id],
        [],
        [released.txn_id],
    ]


def test_points_that_were_given_are_followed_to_who_earned_them(clerk: Clerk) -> None:
    giver, taker = clerk.town.resident(), clerk.town.resident()
    earned = clerk.earn(giver, 10)
    given_on = clerk.transfer(giver, taker, 4)
    [part] = explained(clerk, taker).items
    assert (part.amount, part.earned.txn_id) == (4, earned.txn_id)
    assert [step.txn_id for step in part.way] == [given_on.txn_id]


def test_a_refund_in_parts_is_followed_to_what_was_spent(clerk: Clerk) -> None:
    resident = clerk.town.resident()
    first, second = clerk.earn(resident, 10, SOON), clerk.earn(resident, 10, SOON)
    spent = clerk.spend(resident, 15)
    clerk.reverse(spent, 4)
    clerk.reverse(spent, 8)
    by_source: dict[int, int] = defaultdict(int)
    for amount, txn_id in sources(clerk, resident):
        by_source[txn_id] += amount
    assert by_source == {first.txn_id: 10, second.txn_id: 7}


def test_a_reversed_capture_is_followed_through_the_hold(clerk: Clerk) -> None:
    resident = clerk.town.resident()
    earned = clerk.earn(resident, 10)
    taken = clerk.capture(clerk.hold(resident, 10), 6)
    clerk.reverse(taken)
    assert sources(clerk, resident) == [(6, earned.txn_id)]


def test_a_spending_says_what_it_was_made_of(clerk: Clerk) -> None:
    resident = clerk.town.resident()
    first, second = clerk.earn(resident, 10, SOON), clerk.earn(resident, 10, LATER)
    spent = explained_txn(clerk, resident, clerk.spend(resident, 12))
    assert (spent.amount, [(each.amount, each.to_kind) for each in spent.went_to]) == (
        -12,
        [(10, AccountKind.REDEEMED), (2, AccountKind.REDEEMED)],
    )
    assert [(part.amount, part.earned.txn_id) for part in spent.came_from] == [(10, first.txn_id), (2, second.txn_id)]


def test_an_earning_says_where_its_points_are_now(clerk: Clerk) -> None:
    resident, operator_id = clerk.town.resident(), clerk.operator()
    [(name,)] = clerk.town.rows(Operator.name, id=operator_id)
    earned = clerk.earn(resident, 20, SOON)
    spent = clerk.spend(resident, 5, redeemer_id=operator_id)
    held = clerk.hold(resident, 6)
    now = explained_txn(clerk, resident, earned)
    assert (now.amount, now.came_from) == (20, [])
    assert [(each.amount, each.step and each.step.txn_id, each.to_kind, each.to_owner) for each in now.went_to] == [
        (5, spent.txn_id, AccountKind.REDEEMED, name),
        (6, held.txn_id, AccountKind.ESCROW, None),
        (9, None, None, None),
    ]


def test_a_transaction_of_somebody_else_is_unknown(clerk: Clerk) -> None:
    mine, other = clerk.resident(5), clerk.town.resident()
    receipt = clerk.earn(other, 5)
    with pytest.raises(TxnUnknown):
        explained_txn(clerk, mine, receipt)
    with pytest.raises(TxnUnknown):
        explained_txn(clerk, clerk.town.resident(), receipt)


def test_pages_hold_every_part_once(clerk: Clerk) -> None:
    resident = clerk.town.resident()
    earned = [clerk.earn(resident, n + 1, day).txn_id for n in range(4) for day in (SOON, LATER)]
    clerk.spend(resident, 2)
    seen, after = [], None
    while True:
        page = explained(clerk, resident, limit=3, after=after)
        seen.extend(page.items)
        if (after := page.next_after) is None:
            break
    assert [(part.amount, part.earned.txn_id) for part in seen] == sources(clerk, resident)
    assert {part.earned.txn_id for part in seen} == set(earned) - {earned[0]}
    assert sum(part.amount for part in seen) == clerk.spendable(resident)


def whereabouts(explained: ExplainedTxn) -> list[tuple[int, AccountKind | None]]:
    return [(each.amount, each.to_kind) for each in explained.went_to]


def test_what_is_left_after_an_earning_was_taken_back_is_what_the_others_earned(clerk: Clerk) -> None:
    resident = clerk.town.resident()
    first, second = clerk.earn(resident, 10, SOON), clerk.earn(resident, 10, SOON)
    taken_back = clerk.reverse(second)
    assert sources(clerk, resident) == [(10, first.txn_id)]
    assert whereabouts(explained_txn(clerk, resident, first)) == [(10, None)]
    assert whereabouts(explained_txn(clerk, resident, second)) == [(10, AccountKind.POOL)]
    [part] = explained_txn(clerk, resident, taken_back).came_from
    assert (part.amount, part.earned and part.earned.txn_id) == (10, second.txn_id)


def test_an_earning_that_is_taken_back_in_parts_loses_its_own_points(clerk: Clerk) -> None:
    resident = clerk.town.resident()
    first, second, third = (clerk.earn(resident, 10, SOON) for _ in range(3))
    clerk.reverse(second, 4)
    clerk.spend(resident, 3)
    clerk.reverse(second, 4)
    left: dict[int, int] = defaultdict(int)
    for amount, txn_id in sources(clerk, resident):
        left[txn_id] += amount
    assert left == {first.txn_id: 7, second.txn_id: 2, third.txn_id: 10}


def test_holds_of_one_lot_do_not_mix(clerk: Clerk) -> None:
    resident = clerk.town.resident()
    first, second = clerk.earn(resident, 10, SOON), clerk.earn(resident, 10, SOON)
    one, other = clerk.hold(resident, 10), clerk.hold(resident, 10)
    captured = clerk.capture(other, 10)
    clerk.void(one, 10)
    assert sources(clerk, resident) == [(10, first.txn_id)]
    spent = explained_txn(clerk, resident, captured)
    assert [(part.amount, part.earned and part.earned.txn_id) for part in spent.came_from] == [(10, second.txn_id)]
    assert whereabouts(explained_txn(clerk, resident, second)) == [(10, AccountKind.REDEEMED)]


def test_points_that_were_held_are_followed_to_where_they_are(clerk: Clerk) -> None:
    resident, operator_id = clerk.town.resident(), clerk.operator()
    earned = clerk.earn(resident, 20, SOON)
    held = clerk.hold(resident, 20)
    captured = clerk.capture(held, 8, redeemer_id=operator_id)
    clerk.void(held, 5)
    clerk.reverse(captured, 2)
    assert sorted(whereabouts(explained_txn(clerk, resident, earned)), key=str) == sorted(
        [(2, None), (6, AccountKind.REDEEMED), (7, AccountKind.ESCROW), (5, None)], key=str
    )
    assert sum(amount for amount, _ in whereabouts(explained_txn(clerk, resident, held))) == 20


def test_a_refund_is_back_in_the_balance(clerk: Clerk) -> None:
    resident = clerk.town.resident()
    earned = clerk.earn(resident, 10, SOON)
    clerk.reverse(clerk.spend(resident, 8), 3)
    assert sorted(whereabouts(explained_txn(clerk, resident, earned)), key=str) == sorted(
        [(3, None), (5, AccountKind.REDEEMED), (2, None)], key=str
    )


def test_a_transfer_that_is_taken_back_is_as_if_it_had_not_been(clerk: Clerk) -> None:
    giver, taker = clerk.town.resident(), clerk.town.resident()
    mine, yours = clerk.earn(giver, 10, SOON), clerk.earn(taker, 10, SOON)
    given = clerk.transfer(giver, taker, 6)
    clerk.reverse(given)
    assert {txn_id for _, txn_id in sources(clerk, giver)} == {mine.txn_id}
    assert {txn_id for _, txn_id in sources(clerk, taker)} == {yours.txn_id}


def test_points_that_went_back_and_forth_for_ever_are_explained_within_bounds(clerk: Clerk) -> None:
    one, other = clerk.resident(10), clerk.town.resident()
    for _ in range(30):
        clerk.transfer(one, other, 10)
        clerk.transfer(other, one, 10)
    [part] = explained(clerk, one).items
    assert (part.amount, len(part.way)) == (10, 20)
    assert part.earned is not None


def test_a_history_that_is_too_long_is_told_to_be_so(clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rules.ledger.tracing.LOOKS_MAX", 5)
    one, other = clerk.resident(10), clerk.town.resident()
    for _ in range(5):
        clerk.transfer(one, other, 10)
        last = clerk.transfer(other, one, 10)
    later = clerk.earn(one, 3, date(2030, 12, 31))
    page = explained(clerk, one)
    assert [(part.amount, part.earned) for part in page.items] == [(10, None)]
    rest = explained(clerk, one, after=page.next_after)
    assert [(part.amount, part.earned and part.earned.txn_id) for part in rest.items] == [(3, later.txn_id)]
    assert not explained_txn(clerk, other, last).is_complete


@pytest.mark.parametrize("position", [(0, 0, 0), (1, 1, 1), (date.max.toordinal(), 1, 1)])
def test_any_position_is_a_place_in_the_explanation(clerk: Clerk, position: Position) -> None:
    explained(clerk, clerk.resident(10), after=position)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    deeds=st.lists(
        st.tuples(st.sampled_from(["earn", "earn", "spend", "take back", "take back some"]), st.integers(1, 12)),
        min_size=3,
        max_size=14,
    )
)
def test_what_each_earning_gave_is_in_the_balance_in_spendings_or_taken_back(
    clerk: Clerk, deeds: list[tuple[str, int]]
) -> None:
    resident = clerk.town.resident()
    earned: list[Receipt] = []
    spent: list[Receipt] = []
    left: dict[int, int] = {}
    for deed, amount in deeds:
        available = clerk.spendable(resident)
        if deed == "earn":
            earned.append(clerk.earn(resident, amount, SOON))
            left[earned[-1].txn_id] = amount
        elif deed == "spend" and amount <= available:
            spent.append(clerk.spend(resident, amount))
        elif deed.startswith("take back") and earned:
            receipt = earned[amount % len(earned)]
            part = left[receipt.txn_id] if deed == "take back" else min(amount, left[receipt.txn_id])
            if 0 < part <= available:
                clerk.reverse(receipt, part)
                left[receipt.txn_id] -= part
    told: dict[int, int] = defaultdict(int)
    parts = list(explained(clerk, resident).items)
    for receipt in spent:
        parts += explained_txn(clerk, resident, receipt).came_from
    for part in parts:
        assert part.earned is not None
        told[part.earned.txn_id] += part.amount
    assert told == {txn_id: amount for txn_id, amount in left.items() if amount}


class PointByPoint:
    """The same history, kept point by point: each point is the number of the transaction that earned it."""

    def __init__(self) -> None:
        self.lots: dict[tuple[str, date], list[int]] = defaultdict(list)
        self.gone: dict[tuple[str, date], int] = defaultdict(int)

    def put(self, owner: str, day: date, points: list[int]) -> None:
        self.lots[owner, day].extend(points)

    def take(self, owner: str, day: date, amount: int) -> list[int]:
        start = self.gone[owner, day]
        self.gone[owner, day] += amount
        return self.lots[owner, day][start : start + amount]

    def take_first_out(self, owner: str, amount: int) -> list[tuple[date, list[int]]]:
        taken = []
        for day in (SOON, LATER):
            part = min(amount, len(self.lots[owner, day]) - self.gone[owner, day])
            if part:
                taken.append((day, self.take(owner, day, part)))
                amount -= part
        return taken

    def left(self, owner: str) -> list[tuple[int, int]]:
        points = [point for day in (SOON, LATER) for point in self.lots[owner, day][self.gone[owner, day] :]]
        return [(len(list(group)), point) for point, group in groupby(points)]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    deeds=st.lists(
        st.tuples(
            st.sampled_from(["earn", "earn", "spend", "hold and void", "hold and capture", "give", "refund"]),
            st.integers(1, 12),
            st.sampled_from([SOON, LATER]),
        ),
        min_size=3,
        max_size=14,
    )
)
def test_whatever_happened_each_point_is_explained_by_what_earned_it(
    clerk: Clerk, deeds: list[tuple[str, int, date]]
) -> None:
    me, you, book = clerk.town.resident(), clerk.town.resident(), PointByPoint()
    spendings: list[tuple[Receipt, list[tuple[date, list[int]]]]] = []
    for deed, amount, day in deeds:
        available = clerk.spendable(me)
        if deed == "earn":
            receipt = clerk.earn(me, amount, day)
            book.put("me", day, [receipt.txn_id] * amount)
        elif deed == "refund" and spendings:
            receipt, taken = spendings.pop()
            clerk.reverse(receipt)
            for back_day, points in taken:
                book.put("me", back_day, points)
        elif deed == "spend" and amount <= available:
            spendings.append((clerk.spend(me, amount), book.take_first_out("me", amount)))
        elif deed == "give" and amount <= available:
            clerk.transfer(me, you, amount)
            for on, points in book.take_first_out("me", amount):
                book.put("you", on, points)
        elif deed.startswith("hold") and amount <= available:
            held, taken = clerk.hold(me, amount), book.take_first_out("me", amount)
            for on, points in taken:
                book.put("escrow", on, points)
            settle = clerk.void if deed == "hold and void" else clerk.capture
            settle(held, amount)
            for on, points in taken:
                back = book.take("escrow", on, len(points))
                if deed == "hold and void":
                    book.put("me", on, back)
    for person, owner in ((me, "me"), (you, "you")):
        merged = [
            (sum(amount for amount, _ in group), txn_id)
            for txn_id, group in ((key, list(each)) for key, each in groupby(sources(clerk, person), lambda s: s[1]))
        ]
        assert merged == book.left(owner)
