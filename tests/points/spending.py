"""Spending by hand, as long as no rule spends: the first to lapse goes first, and every counter is written down."""

from __future__ import annotations

from sqlalchemy import insert, select

from models.ledger import Account, AccountKind, Lot, OwnerType, Posting, Txn, TxnKind
from rules.ledger.posting import book_id_of, recorded_now
from rules.work import Work
from tests.build import Person, TownBuilder, add, fresh_key


def spend_points(town: TownBuilder, resident: Person, amount: int) -> None:
    """One transaction out of the wallet, with a posting for each lot that it takes from."""
    town.act(None, _spend, resident.id, amount)


def _spend(work: Work, resident_id: int, amount: int) -> None:
    book_id = book_id_of(work)
    accounts = select(Account).where(Account.town_id == work.town_id, Account.book_id == book_id)
    wallet = work.db.scalars(accounts.where(Account.owner_id == resident_id)).one()
    sink = work.db.scalars(accounts.where(Account.kind == AccountKind.REDEEMED)).first() or _open_sink(work, book_id)
    txn_id = add(
        work,
        Txn,
        book_id=book_id,
        idempotency_key=fresh_key(),
        request_hash=b"",
        kind=TxnKind.SPEND,
        reason="redemption",
        effective_at=work.now,
        recorded_at=work.now,
        explanation=f"兑换：{amount} 分",
    )
    open_lots = (
        select(Lot)
        .where(Lot.town_id == work.town_id, Lot.account_id == wallet.id, Lot.credited > Lot.debited)
        .order_by(Lot.expires_on)
    )
    for n, lot in enumerate(work.db.scalars(open_lots).all()):
        part = min(amount, lot.credited - lot.debited)
        if part == 0:
            break
        amount -= part
        lot.debited += part
        wallet.debited += part
        sink.credited += part
        work.db.flush()
        posting = {
            "town_id": work.town_id,
            "txn_id": txn_id,
            "n": n,
            "src_account_id": wallet.id,
            "dst_account_id": sink.id,
            "src_lot_id": lot.id,
            "amount": part,
            "src_debited_after": wallet.debited,
            "dst_credited_after": sink.credited,
            "src_lot_debited_after": lot.debited,
            "recorded_at": recorded_now(),
        }
        work.db.execute(insert(Posting).values(posting))
    assert amount == 0, "nobody spends more than there is"


def _open_sink(work: Work, book_id: int) -> Account:
    sink = Account(
        town_id=work.town_id,
        id=work.new_id(),
        book_id=book_id,
        kind=AccountKind.REDEEMED,
        owner_type=OwnerType.TOWN,
        owner_id=work.town_id,
        credited=0,
        debited=0,
    )
    work.db.add(sink)
    return sink
