"""Earning by hand, and the audit that every ledger must pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from models.ledger import Account, AccountKind, Hold, Lot, OwnerType, Posting, Reversal, RuleUsage
from models.rulebook import RulebookVersion
from models.territory import Scene
from rules.ledger import audit as full
from rules.ledger.earning import Earning, earn
from rules.ledger.events import note_event
from rules.ledger.transactions import Cause, Receipt
from rules.rows import AnyRow
from rules.work import SYSTEM, Work
from tests.build import Person, TownBuilder, fresh_key

GOOD_UNTIL = date(2027, 12, 31)
WITH_LOTS = (AccountKind.WALLET, AccountKind.ESCROW)


@dataclass(frozen=True)
class Place:
    """Where points are earned, in ids that another process can be told."""

    rulebook_version_id: int
    community_id: int
    operator_id: int


def place_of(town: TownBuilder) -> Place:
    [(version_id,)] = town.rows(RulebookVersion.id)
    return Place(version_id, town.community_id, town.operator_id)


def note_earning(
    work: Work, place: Place, resident_id: int, amount: int, expires_on: date = GOOD_UNTIL, scope: str = ""
) -> Earning:
    """Something that happened just now, and what it earns."""
    event_id = note_event(work, "checkin", fresh_key(), resident_id, work.now, {})
    assert event_id is not None
    return Earning(
        resident_id=resident_id,
        amount=amount,
        expires_on=expires_on,
        cause=Cause(
            reason="checkin",
            explanation=f"签到：{amount} 分",
            effective_at=work.now,
            event_id=event_id,
            rulebook_version_id=place.rulebook_version_id,
            rule_id="activity-checkin",
            community_id=place.community_id,
            operator_id=place.operator_id,
            scene=Scene.EDUCATION,
        ),
        scope=scope,
    )


def an_earning(
    town: TownBuilder, resident: Person, amount: int, expires_on: date = GOOD_UNTIL, scope: str = ""
) -> Earning:
    """An earning that is not booked yet."""
    return town.act(None, note_earning, place_of(town), resident.id, amount, expires_on, scope)


def earn_points(
    town: TownBuilder, resident: Person, amount: int, expires_on: date = GOOD_UNTIL, scope: str = ""
) -> Receipt:
    """Book an earning under a key of its own."""
    return town.act(None, earn, fresh_key(), an_earning(town, resident, amount, expires_on, scope))


def wallet_of(town: TownBuilder, resident: Person) -> Account:
    [(wallet,)] = town.rows(Account, kind=AccountKind.WALLET, owner_id=resident.id)
    return wallet


def account_of_town(town: TownBuilder, kind: AccountKind) -> Account:
    [(account,)] = town.rows(Account, kind=kind, owner_type=OwnerType.TOWN)
    return account


def audit(town: TownBuilder) -> None:
    """What holds in every ledger of a town, whatever happened to it: in the tests' own words, then in the product's."""
    accounts, lots, postings, holds, reversals, usages = town.database.survey(town.id, SYSTEM, _read_ledger)
    for book_id in {account.book_id for account in accounts}:
        book = [account for account in accounts if account.book_id == book_id]
        assert sum(account.credited for account in book) == sum(account.debited for account in book)
    for account in accounts:
        assert_chain([p for p in postings if p.dst_account_id == account.id], "dst_credited_after", account.credited)
        assert_chain([p for p in postings if p.src_account_id == account.id], "src_debited_after", account.debited)
        in_lots = sum(lot.credited - lot.debited for lot in lots if lot.account_id == account.id)
        assert in_lots == (account.credited - account.debited if account.kind in WITH_LOTS else 0)
    for lot in lots:
        assert_chain([p for p in postings if p.dst_lot_id == lot.id], "dst_lot_credited_after", lot.credited)
        assert_chain([p for p in postings if p.src_lot_id == lot.id], "src_lot_debited_after", lot.debited)
        assert 0 <= lot.debited <= lot.credited
    for account in accounts:
        held = sum(hold.amount - hold.captured - hold.released for hold in holds if hold.escrow_id == account.id)
        assert account.kind is not AccountKind.ESCROW or account.credited - account.debited == held
    assert all(0 <= hold.captured + hold.released <= hold.amount for hold in holds)
    assert all(0 < reversal.reversed <= reversal.amount for reversal in reversals)
    assert all(0 <= usage.used <= usage.cap for usage in usages)
    report = town.database.survey(town.id, SYSTEM, full.audit)
    assert report.is_clean, report.violations


def assert_chain(postings: Sequence[AnyRow], counter: str, total: int) -> None:
    """Each posting's counter is the one before it plus the amount, and the last one is the account's or the lot's."""
    reached = 0
    for posting in sorted(postings, key=lambda posting: getattr(posting, counter)):
        reached += posting.amount
        assert getattr(posting, counter) == reached
    assert reached == total


def _read_ledger(work: Work) -> list[list[Any]]:
    return [
        list(work.db.execute(select(table.__table__).where(table.town_id == work.town_id)))
        for table in (Account, Lot, Posting, Hold, Reversal, RuleUsage)
    ]
