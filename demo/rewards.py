"""The points mall of the demo: merchants, rewards, redemptions in every state, causes and donations.

What was redeemed is written as it would have been one by one, on top of the points that were earned: whoever redeems has
earned nothing since, so the counters go on where their wallets stood.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from demo.making import Row, Rows
from demo.people import People
from demo.places import Places
from demo.points import NO_LINKS, Points, Purse
from models.ledger import Account, AccountKind, Event, Hold, Lot, OwnerType, Posting, Txn, TxnKind
from models.operators import OperatorStaff
from models.residents import Staff
from models.rewards import (
    Cause,
    CauseStatus,
    Donation,
    EndedBy,
    Redemption,
    RedemptionStatus,
    Reward,
    RewardStatus,
    RewardUse,
    StockChange,
)
from models.rulebook import Standing
from models.territory import Operator
from rules.clock import local_day, local_moment
from rules.ids import SEQUENCE_BITS, first_id_at
from rules.ledger.holds import Holding
from rules.ledger.spending import Spending
from rules.ledger.transactions import Cause as Why
from rules.ledger.transactions import hash_of
from rules.rewards.authoring import FIRST_STOCK
from rules.rewards.codes import ALPHABET, LENGTH
from rules.rewards.lapsing import FORFEITED
from rules.rewards.limits import YEAR_STARTS
from rules.rewards.redeeming import FOR, HELD_LONGER
from rules.rewards.terms import SOURCE, remind_at
from rules.rulebook.periods import Calendar, bucket_of
from rules.rulebook.sections.redemption import Redemption as Section
from rules.rulebook.sections.redemption import Refund, WhenLapsed
from rules.rulebook.versions import InForce

NODE = 7 << SEQUENCE_BITS  #: of ids made here, which come between those of the ledger's past
QUIET_DAYS = 12  #: whoever redeems has earned nothing for so long
EVENTS_MAX = 12
#: How many redemptions end how, and so many days after they began.
STATES = (
    (RedemptionStatus.READY, 12, 0),
    (RedemptionStatus.FULFILLED, 18, 1),
    (RedemptionStatus.CANCELLED, 4, 1),
)
FORGETFUL = 3  #: who never picked up what they redeemed …
FORGETFUL_DAYS = 24  #: … so many days ago
DONATIONS = 10
DONATED = (5, 10, 20)
TABLES = (
    Operator,
    OperatorStaff,
    Account,
    Lot,
    Event,
    Txn,
    Posting,
    Hold,
    Reward,
    RewardUse,
    StockChange,
    Redemption,
    Cause,
    Donation,
)


@dataclass(frozen=True, slots=True)
class Redeemer:
    """Somebody's wallet and the lot that is spent first."""

    resident_id: int
    wallet: Row
    lot: Row


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that moves points, to be written in its place in time."""

    at: datetime
    n: int
    do: Callable[[datetime], None]


def make_rewards(
    random: Random, places: Places, people: People, purse: Purse, in_force: InForce, points: Points, midnight: datetime
) -> Rows:
    """All of it. Changes the wallets, lots and standings of whoever redeems, which aren't written yet."""
    maker = _Maker(random, places, people, purse, in_force, points, midnight)
    maker.make()
    return maker.rows


class _Maker:
    def __init__(
        self,
        random: Random,
        places: Places,
        people: People,
        purse: Purse,
        in_force: InForce,
        points: Points,
        midnight: datetime,
    ) -> None:
        self.rows: Rows = {table: [] for table in TABLES}
        self._random, self._places, self._people = random, places, people
        self._purse, self._in_force, self._points, self._midnight = purse, in_force, points, midnight
        self._document = tomllib.loads(Path(__file__).with_name("rewards.toml").read_text(encoding="utf-8"))
        self._n = 0
        self._sinks: dict[int, Row] = {}  #: by operator or town
        self._operators: dict[str, int] = {}
        self._standings = {row["resident_id"]: row for row in points.rows[Standing]}
        self._deeds: list[Deed] = []
        self._busy = {people.first.id}  #: who redeems nothing more

    def make(self) -> None:
        """Merchants, rewards and causes first; then what residents did, in order of time."""
        opened_at = self._midnight - timedelta(days=60)
        staff_id = self.people_named("merchant")
        rewards = [self._reward(each, opened_at) for each in self._document["redemption"]]
        causes = [self._cause(each, opened_at) for each in self._document["cause"]]
        for operator_id in self._operators.values():
            self._add(OperatorStaff, operator_id=operator_id, staff_id=staff_id, added_at=opened_at, added_by=None)
        goods = [each for each in rewards if each["kind"] == "goods" and each["age_min"] is None]
        for whose in self._quiet_residents(FORGETFUL_DAYS + 1)[:FORGETFUL]:
            self._plan_lapse(whose, self._random.choice(goods))
            self._busy.add(whose.resident_id)
        residents = self._quiet_residents(QUIET_DAYS)
        unaged = [each for each in rewards if each["age_min"] is None]
        for status, count, days in STATES:
            for _ in range(count):
                self._plan_redemption(residents.pop(), self._random.choice(unaged), status, days)
        for _ in range(DONATIONS):
            self._plan_donation(residents.pop(), self._random.choice(causes))
        for deed in sorted(self._deeds, key=lambda deed: (deed.at, deed.n)):
            deed.do(deed.at)

    def people_named(self, username: str) -> int:
        """A member of staff."""
        return int(next(row["id"] for row in self._people.rows[Staff] if row["username"] == username))

    # --- what is on offer ---------------------------------------------------------------------------------------------

    def _operator(self, name: str, at: datetime) -> int:
        if name in self._places.operators:
            return self._places.operators[name]
        if name not in self._operators:
            self._operators[name] = self._add(Operator, at, name=name)["id"]
        return self._operators[name]

    def _reward(self, described: dict[str, Any], at: datetime) -> Row:
        name = described.get("operator")
        row: Row = dict.fromkeys(
            ("latitude", "longitude", "offered_from", "offered_until", "month_days", "opens_at", "closes_at")
        )
        row |= dict.fromkeys(("eligible_territory_id", "age_max", "ladder", "level"))
        row |= {"weekdays": described.get("weekdays"), "age_min": described.get("age_min")}
        row |= {"worth": described.get("worth"), "stock": described.get("stock")}
        row |= {"quantity_max": described.get("quantity_max", 1), "fee": described.get("fee", 0)}
        row |= {name: described[name] for name in ("title", "kind", "description", "pick_up_at", "price")}
        reward = self._add(
            Reward,
            at,
            **row,
            operator_id=self._operator(name, at) if name else None,
            territory_id=self._places.street_id,
            item="",
            upload_ids=[],
            taken=0,
            revision=0,
            limits=described.get("limits", []),
            status=RewardStatus.PUBLISHED,
            created_at=at,
            created_by=None,
            decided_at=at,
            decided_by=self.people_named("manager"),
            decision_note="",
        )
        stock = {"change": reward["stock"], "stock_after": reward["stock"], "taken": 0}
        self._add(StockChange, at, reward_id=reward["id"], **stock, reason=FIRST_STOCK, staff_id=None, changed_at=at)
        return reward

    def _cause(self, described: dict[str, Any], at: datetime) -> Row:
        name = described.get("operator")
        return self._add(
            Cause,
            at,
            operator_id=self._operator(name, at) if name else None,
            territory_id=self._places.street_id,
            title=described["title"],
            description=described["description"],
            upload_ids=[],
            target=described["target"],
            given=0,
            until=self._midnight + timedelta(days=60),
            status=CauseStatus.OPEN,
            created_at=at,
            created_by=self.people_named("manager"),
            cancelled_at=None,
            cancelled_reason=None,
        )

    # --- who redeems --------------------------------------------------------------------------------------------------

    def _quiet_residents(self, days: int) -> list[Redeemer]:
        """Residents with points in one lot who did little, and nothing for so many days."""
        lots: dict[int, list[Row]] = {}
        for lot in self._points.rows[Lot]:
            lots.setdefault(lot["account_id"], []).append(lot)
        last: dict[int, datetime] = {}
        for event in self._points.rows[Event]:
            last[event["subject_id"]] = max(event["occurred_at"], last.get(event["subject_id"], event["occurred_at"]))
        since = self._midnight - timedelta(days=days)
        found = []
        for wallet in self._points.rows[Account]:
            who = wallet["owner_id"]
            if wallet["book_id"] != self._purse.book_id or who in self._busy or last[who] >= since:
                continue
            own = lots[wallet["id"]]
            if len(own) == 1 and own[0]["credited"] >= 30 and self._standings[who]["events"] <= EVENTS_MAX:
                found.append(Redeemer(who, wallet, own[0]))
        found.sort(key=lambda each: each.resident_id)
        self._random.shuffle(found)
        return found

    def _plan(self, at: datetime, do: Callable[[datetime], None]) -> None:
        self._deeds.append(Deed(at, len(self._deeds), do))

    def _moment(self, days_ago: float) -> datetime:
        begin = self._midnight - timedelta(days=days_ago)
        return begin + timedelta(seconds=self._random.randrange(9 * 3600, 20 * 3600))

    def _plan_redemption(self, whose: Redeemer, reward: Row, status: RedemptionStatus, days: int) -> None:
        begun = self._moment(self._random.randrange(days + 1, 8))
        ended = begun + timedelta(days=days, hours=self._random.randrange(1, 3))
        redeemed: list[tuple[Row, Row, Row]] = []

        def redeem(at: datetime) -> None:
            redeemed.append(self._redeem(whose, reward, at))

        self._plan(begun, redeem)
        if status is RedemptionStatus.FULFILLED:
            self._plan(ended, lambda at: self._fulfil(whose, *redeemed[0], at))
        elif status is RedemptionStatus.CANCELLED:
            self._plan(ended, lambda at: self._refund(whose, *redeemed[0], at))

    def _plan_lapse(self, whose: Redeemer, reward: Row) -> None:
        redeemed: list[tuple[Row, Row, Row]] = []

        def redeem(at: datetime) -> None:
            redeemed.append(self._redeem(whose, reward, at))

        begun = self._moment(FORGETFUL_DAYS)
        lapses = self._section_of(reward).pick_up_days
        assert lapses is not None, "the demo's goods don't wait for ever"
        ended = local_moment(local_day(begun) + timedelta(days=lapses + 1), "00:03")
        self._plan(begun, redeem)
        self._plan(ended, lambda at: self._forfeit(whose, *redeemed[0], at))

    def _section_of(self, reward: Row) -> Section:
        return next(each for each in self._in_force.rulebook.redemption if FOR[reward["kind"]] in each.kinds)

    def _plan_donation(self, whose: Redeemer, cause: Row) -> None:
        self._plan(self._moment(self._random.randrange(1, 9)), lambda at: self._donate(whose, cause, at))

    # --- what they did ------------------------------------------------------------------------------------------------

    def _redeem(self, whose: Redeemer, reward: Row, at: datetime) -> tuple[Row, Row, Row]:
        section = self._section_of(reward)
        id_, price = self._id(at), reward["price"]
        days = section.pick_up_days or 0
        until = local_moment(local_day(at) + timedelta(days=days + 1), "00:00")
        facts = {"for": FOR[reward["kind"]].value, "points": price, "quantity": 1}
        facts |= {"item": reward["title"], "reward": reward["title"], "own": reward["operator_id"] is None}
        self._event(whose, at, str(id_), reward["title"], facts | {"with_fee": reward["fee"] > 0})
        why = self._why(section, f"兑换「{reward['title']}」冻结 {price} 分", at, reward)
        request = Holding(whose.resident_id, price, until + HELD_LONGER, why).request()
        txn = self._txn(at, f"{SOURCE}:{id_}:hold", TxnKind.HOLD, request, why, whose.resident_id)
        escrow, held = self._escrow(whose, at)
        self._move(txn, price, (whose.wallet, whose.lot), (escrow, held))
        hold = {"wallet_id": whose.wallet["id"], "escrow_id": escrow["id"], "amount": price}
        open_ = {"captured": 0, "released": 0, "expires_at": until + HELD_LONGER}
        kept = self._add(Hold, txn_id=txn["id"], **hold, **open_)
        periods = [self._use(reward, whose, limit, at) for limit in reward["limits"]]
        reward["taken"] += 1
        redemption = self._add(
            Redemption,
            id=id_,
            reward_id=reward["id"],
            resident_id=whose.resident_id,
            booked_by_kind=None,
            booked_by_id=None,
            quantity=1,
            price=price,
            payments=[{"book": "points", "hold_id": txn["id"], "amount": price}],
            fee=reward["fee"],
            fee_paid=False,
            code="".join(self._random.choice(ALPHABET) for _ in range(LENGTH)),
            status=RedemptionStatus.READY,
            section=section.id,
            is_refundable=section.refund is Refund.UNTIL_PICK_UP,
            returns_when_lapsed=section.when_lapsed is WhenLapsed.RETURNED,
            is_substitutable=section.substitution,
            limit_periods=periods,
            redeemed_at=at,
            pick_up_until=until,
            remind_at=remind_at(at, until),
            **dict.fromkeys(("fulfilled_at", "fulfilled_by", "ended_at", "ended_by", "ended_reason")),
            points_returned=0,
            **dict.fromkeys(("substitute_id", "substitute_reason", "replaced_id")),
        )
        return redemption, reward, kept

    def _fulfil(self, whose: Redeemer, redemption: Row, reward: Row, hold: Row, at: datetime) -> None:
        staff_id = self.people_named("scanner" if reward["operator_id"] is None else "merchant")
        explanation = f"兑换「{reward['title']}」1 件，支付 {redemption['price']} 分"
        why = self._why(None, explanation, at, reward)
        request = [hold["txn_id"], redemption["price"], reward["operator_id"]]
        key = f"{SOURCE}:{redemption['id']}:capture"
        txn = self._txn(at, key, TxnKind.CAPTURE, request, why, staff_id, hold["txn_id"])
        sink = self._sink(reward["operator_id"], at)
        self._move(txn, redemption["price"], self._escrow(whose, at), (sink, None))
        hold["captured"] = redemption["price"]
        redemption |= {"status": RedemptionStatus.FULFILLED, "fulfilled_at": at, "fulfilled_by": staff_id}
        redemption |= {"remind_at": None, "fee_paid": redemption["fee"] > 0}

    def _forfeit(self, whose: Redeemer, redemption: Row, reward: Row, hold: Row, at: datetime) -> None:
        price = redemption["price"]
        why = self._why(None, f"「{reward['title']}」逾期未领，{price} 分不予退回", at, reward)
        key = f"{SOURCE}:{redemption['id']}:capture"
        request = [hold["txn_id"], price, None]
        txn = self._txn(at, key, TxnKind.CAPTURE, request, replace(why, reason=FORFEITED), None, hold["txn_id"])
        self._move(txn, price, self._escrow(whose, at), (self._sink(None, at), None))
        hold["captured"] = price
        reward["taken"] -= 1
        ended = {"ended_at": at, "ended_by": EndedBy.TIME, "remind_at": None}
        redemption |= {"status": RedemptionStatus.LAPSED, **ended}

    def _refund(self, whose: Redeemer, redemption: Row, reward: Row, hold: Row, at: datetime) -> None:
        price, reason = redemption["price"], "到货破损"
        why = self._why(None, f"「{reward['title']}」由商家退回，退回 {price} 分", at, reward)
        key = f"{SOURCE}:{redemption['id']}:void"
        staff_id = self.people_named("manager")
        txn = self._txn(at, key, TxnKind.VOID, [hold["txn_id"], price], why, staff_id, hold["txn_id"])
        self._move(txn, price, self._escrow(whose, at), (whose.wallet, whose.lot))
        hold["released"] = price
        reward["taken"] -= 1
        for use in self.rows[RewardUse]:
            if (use["reward_id"], use["resident_id"]) == (reward["id"], whose.resident_id):
                use["used"] -= 1
        ended = {"ended_at": at, "ended_by": EndedBy.MERCHANT, "ended_reason": reason, "points_returned": price}
        redemption |= {"status": RedemptionStatus.CANCELLED, "remind_at": None, **ended}

    def _donate(self, whose: Redeemer, cause: Row, at: datetime) -> None:
        section = next(each for each in self._in_force.rulebook.redemption if "donation" in each.kinds)
        amount, id_ = self._random.choice(DONATED), self._id(at)
        facts = {"for": "donation", "points": amount, "quantity": 1, "cause": cause["title"]}
        self._event(whose, at, str(id_), cause["title"], facts)
        why = self._why(section, f"捐赠「{cause['title']}」{amount} 分", at, cause)
        request = Spending(whose.resident_id, amount, why, redeemer_id=cause["operator_id"]).request()
        txn = self._txn(at, f"{SOURCE}:{id_}:donation", TxnKind.SPEND, request, why, whose.resident_id)
        self._move(txn, amount, (whose.wallet, whose.lot), (self._sink(cause["operator_id"], at), None))
        cause["given"] += amount
        self._add(
            Donation,
            id=id_,
            cause_id=cause["id"],
            resident_id=whose.resident_id,
            amount=amount,
            payments=[{"book": "points", "txn_id": txn["id"], "amount": amount}],
            is_named=self._random.random() < 0.5,
            donated_at=at,
            returned_at=None,
        )

    # --- the ledger ---------------------------------------------------------------------------------------------------

    def _event(self, whose: Redeemer, at: datetime, ref: str, subject: str, facts: Row) -> None:
        payload = {"kind": "redeemed", "subject": subject, "facts": facts}
        named = {"source": SOURCE, "source_ref": ref, "subject_id": whose.resident_id}
        self._add(Event, at, **named, occurred_at=at, payload=payload)
        self._standings[whose.resident_id]["events"] += 1

    def _why(self, section: Section | None, explanation: str, at: datetime, of: Row) -> Why:
        rule = {} if section is None else {"rule_id": section.id}
        version = {} if section is None else {"rulebook_version_id": self._in_force.version_id}
        where = {"community_id": of["territory_id"], "operator_id": of["operator_id"]}
        return Why(SOURCE, explanation, at, **rule, **version, **where)  # type: ignore[arg-type]

    def _txn(
        self,
        at: datetime,
        key: str,
        kind: TxnKind,
        request: list[Any],
        why: Why,
        actor: int,
        hold_id: int | None = None,
    ) -> Row:
        columns = {name: getattr(why, name) for name in why.__slots__}
        moments = {"recorded_at": at, "usages": None, "reverses_txn_id": None, "hold_txn_id": hold_id}
        named = {"idempotency_key": key, "request_hash": hash_of(kind, request), "kind": kind, "actor_id": actor}
        return self._add(Txn, at, **{**NO_LINKS, **columns, **moments, **named}, book_id=self._purse.book_id)

    def _move(self, txn: Row, amount: int, source: tuple[Row, Row | None], destination: tuple[Row, Row | None]) -> None:
        (from_, from_lot), (to, to_lot) = source, destination
        for row in filter(None, (from_, from_lot)):
            row["debited"] += amount
        for row in filter(None, (to, to_lot)):
            row["credited"] += amount
        self._add(
            Posting,
            txn_id=txn["id"],
            n=0,
            src_account_id=from_["id"],
            dst_account_id=to["id"],
            src_lot_id=from_lot["id"] if from_lot else None,
            dst_lot_id=to_lot["id"] if to_lot else None,
            amount=amount,
            src_debited_after=from_["debited"],
            dst_credited_after=to["credited"],
            src_lot_debited_after=from_lot["debited"] if from_lot else None,
            dst_lot_credited_after=to_lot["credited"] if to_lot else None,
            src_credited=from_["credited"],
            dst_debited=to["debited"],
            recorded_at=txn["recorded_at"],
        )

    def _escrow(self, whose: Redeemer, at: datetime) -> tuple[Row, Row]:
        for account in self.rows[Account]:
            if account["kind"] is AccountKind.ESCROW and account["owner_id"] == whose.resident_id:
                return account, next(lot for lot in self.rows[Lot] if lot["account_id"] == account["id"])
        escrow = self._account(AccountKind.ESCROW, OwnerType.RESIDENT, whose.resident_id, at)
        key = {name: whose.lot[name] for name in ("expires_on", "scope", "issuer_id")}
        return escrow, self._add(Lot, at, account_id=escrow["id"], **key, credited=0, debited=0)

    def _sink(self, operator_id: int | None, at: datetime) -> Row:
        owner = operator_id or self._places.town_id
        if owner not in self._sinks:
            owned_by = OwnerType.OPERATOR if operator_id else OwnerType.TOWN
            self._sinks[owner] = self._account(AccountKind.REDEEMED, owned_by, owner, at)
        return self._sinks[owner]

    def _account(self, kind: AccountKind, owned_by: OwnerType, owner: int, at: datetime) -> Row:
        columns = {"shard": 0, "floor": 0, "unbounded": False, "credited": 0, "debited": 0}
        whose = {"kind": kind, "owner_type": owned_by, "owner_id": owner}
        return self._add(Account, at, book_id=self._purse.book_id, **whose, **columns)

    def _use(self, reward: Row, whose: Redeemer, limit: Row, at: datetime) -> str:
        calendar = Calendar(limit["per"])
        period = f"{calendar.value}:{bucket_of(calendar, local_day(at), YEAR_STARTS)}"
        row = {"reward_id": reward["id"], "resident_id": whose.resident_id, "period": period}
        self._add(RewardUse, **row, used=1, most=limit["quantity"])
        return period

    def _id(self, at: datetime) -> int:
        self._n += 1
        return first_id_at(at) + NODE + self._n

    def _add(self, table: type[Any], at: datetime | None = None, **columns: Any) -> Row:
        named = {} if at is None else {"id": self._id(at)}
        row = {"town_id": self._places.town_id, **named, **columns}
        self.rows[table].append(row)
        return row
