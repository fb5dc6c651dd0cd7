"""What must hold in every ledger, each as one statement that finds where it doesn't.

The statements are SQL, so that whoever doubts the ledger can read them and run them without this program. Each reads
one town, sorts and adds up in the database, and returns the first violations only; none loads the ledger into Python.

That the order of an account's postings is right follows from three checks together: what came in is a chain without a
gap, so is what went out, and each posting says where the other chain stood. A posting that lied about it would stand
before one that it claims to come after.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Executable, bindparam, select, text

from models.ledger import AccountKind, Lot, Posting, Txn, TxnKind
from rules.local_time import day_of


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    name: str  #: a stable word
    finds: Executable  #: the violations of the town `:town`, up to `:most`
    sentence: str  #: a violation in words; the columns of its row fill the placeholders


#: From which kind of account to which a transaction of a kind may move points. A reversal goes the way of its original
#: backwards.
MOVES: dict[TxnKind, tuple[tuple[AccountKind, AccountKind], ...]] = {
    TxnKind.GRANT_BUDGET: ((AccountKind.MINT, AccountKind.POOL),),
    TxnKind.EARN: ((AccountKind.POOL, AccountKind.WALLET),),
    TxnKind.SPEND: ((AccountKind.WALLET, AccountKind.REDEEMED),),
    TxnKind.HOLD: ((AccountKind.WALLET, AccountKind.ESCROW),),
    TxnKind.CAPTURE: ((AccountKind.ESCROW, AccountKind.REDEEMED),),
    TxnKind.VOID: ((AccountKind.ESCROW, AccountKind.WALLET),),
    TxnKind.TRANSFER: ((AccountKind.WALLET, AccountKind.WALLET), (AccountKind.POOL, AccountKind.POOL)),
    TxnKind.ADJUST: ((AccountKind.POOL, AccountKind.WALLET), (AccountKind.WALLET, AccountKind.BREAKAGE)),
    TxnKind.EXPIRE: ((AccountKind.WALLET, AccountKind.BREAKAGE),),
}


def _finding(sql: str, order: str) -> Executable:
    return text(f"{sql} ORDER BY {order} LIMIT :most")


# Accounts and books

_BOOK_IN_BALANCE = """
    SELECT book_id, sum(credited) AS credited, sum(debited) AS debited
    FROM account WHERE town_id = :town
    GROUP BY book_id HAVING sum(credited) <> sum(debited)"""

_ACCOUNT_TOTALS = """
    SELECT account.id, account.credited, account.debited,
           coalesce(ins.total, 0) AS came_in, coalesce(outs.total, 0) AS went_out
    FROM account
    LEFT JOIN (SELECT dst_account_id, sum(amount) AS total FROM posting WHERE town_id = :town GROUP BY dst_account_id)
        AS ins ON ins.dst_account_id = account.id
    LEFT JOIN (SELECT src_account_id, sum(amount) AS total FROM posting WHERE town_id = :town GROUP BY src_account_id)
        AS outs ON outs.src_account_id = account.id
    WHERE account.town_id = :town
      AND (account.credited <> coalesce(ins.total, 0) OR account.debited <> coalesce(outs.total, 0))"""

_FLOOR = """
    SELECT id, floor, credited - debited AS balance
    FROM account WHERE town_id = :town AND NOT unbounded AND credited - debited < floor"""

# The chains of counters


def _chain(owner: str, counter: str) -> Executable:
    """Each counter of an account or a lot is the one before it plus the amount."""
    return _finding(
        f"""
    SELECT owner, txn_id, n, amount, reached, stood
    FROM (SELECT {owner} AS owner, txn_id, n, amount, {counter} AS reached,
                 coalesce(lag({counter}) OVER (PARTITION BY {owner} ORDER BY {counter}, txn_id, n), 0) AS stood
          FROM posting WHERE town_id = :town AND {owner} IS NOT NULL) AS chain
    WHERE stood + amount <> reached""",  # noqa: S608  our own words
        "owner, reached",
    )


_CHAIN = "{name} {{owner}}: posting {{txn_id}}/{{n}} of {{amount}} leads from {{stood}} {moved} to {{reached}}."

#: Every state that an account was in after a posting, in the order of its sum, which every posting makes larger.
_ONE_ORDER = """
    SELECT account_id, txn_id, n, came_in, credited, debited, credited_before, debited_before
    FROM (SELECT account_id, txn_id, n, came_in, credited, debited,
                 coalesce(lag(credited) OVER states_in_order, 0) AS credited_before,
                 coalesce(lag(debited) OVER states_in_order, 0) AS debited_before
          FROM (SELECT dst_account_id AS account_id, txn_id, n, 1 AS came_in,
                       dst_credited_after AS credited, dst_debited AS debited
                FROM posting WHERE town_id = :town
                UNION ALL
                SELECT src_account_id, txn_id, n, 0, src_credited, src_debited_after
                FROM posting WHERE town_id = :town) AS states
          WINDOW states_in_order AS (PARTITION BY account_id ORDER BY credited + debited, txn_id, n)) AS in_order
    WHERE (came_in = 1 AND debited <> debited_before) OR (came_in = 0 AND credited <> credited_before)"""

# Lots

_LOT_TOTALS = """
    SELECT lot.id, lot.credited, lot.debited, coalesce(ins.total, 0) AS came_in, coalesce(outs.total, 0) AS went_out
    FROM lot
    LEFT JOIN (SELECT dst_lot_id, sum(amount) AS total FROM posting
               WHERE town_id = :town AND dst_lot_id IS NOT NULL GROUP BY dst_lot_id)
        AS ins ON ins.dst_lot_id = lot.id
    LEFT JOIN (SELECT src_lot_id, sum(amount) AS total FROM posting
               WHERE town_id = :town AND src_lot_id IS NOT NULL GROUP BY src_lot_id)
        AS outs ON outs.src_lot_id = lot.id
    WHERE lot.town_id = :town AND (lot.credited <> coalesce(ins.total, 0) OR lot.debited <> coalesce(outs.total, 0))"""

_LOT_NOT_OVERDRAWN = """
    SELECT id, credited, debited FROM lot WHERE town_id = :town AND (debited < 0 OR debited > credited)"""

_LOTS_MAKE_THE_BALANCE = """
    SELECT account.id, account.credited - account.debited AS balance, coalesce(lots.left_over, 0) AS in_lots
    FROM account
    LEFT JOIN (SELECT account_id, sum(credited - debited) AS left_over FROM lot WHERE town_id = :town
               GROUP BY account_id) AS lots ON lots.account_id = account.id
    WHERE account.town_id = :town AND account.kind IN ('wallet', 'escrow')
      AND account.credited - account.debited <> coalesce(lots.left_over, 0)"""

_LOTS_OF_RESIDENTS_ONLY = """
    SELECT lot.id, account.id AS account_id, account.kind
    FROM lot JOIN account ON account.town_id = :town AND account.id = lot.account_id
    WHERE lot.town_id = :town AND account.kind NOT IN ('wallet', 'escrow')"""

_POSTING_NAMES_ITS_LOTS = """
    SELECT posting.txn_id, posting.n, src.kind AS src_kind, dst.kind AS dst_kind
    FROM posting
    JOIN account AS src ON src.town_id = :town AND src.id = posting.src_account_id
    JOIN account AS dst ON dst.town_id = :town AND dst.id = posting.dst_account_id
    WHERE posting.town_id = :town
      AND ((posting.src_lot_id IS NOT NULL) <> (src.kind IN ('wallet', 'escrow'))
        OR (posting.dst_lot_id IS NOT NULL) <> (dst.kind IN ('wallet', 'escrow')))"""

_LOT_OF_ITS_ACCOUNT = """
    SELECT posting.txn_id, posting.n, lot.id AS lot_id, lot.account_id
    FROM posting
    JOIN lot ON lot.town_id = :town AND lot.id = posting.src_lot_id AND lot.account_id <> posting.src_account_id
    WHERE posting.town_id = :town
    UNION ALL
    SELECT posting.txn_id, posting.n, lot.id AS lot_id, lot.account_id
    FROM posting
    JOIN lot ON lot.town_id = :town AND lot.id = posting.dst_lot_id AND lot.account_id <> posting.dst_account_id
    WHERE posting.town_id = :town"""

_LOT_IS_KEPT = """
    SELECT posting.txn_id, posting.n, src.id AS src_lot_id, dst.id AS dst_lot_id
    FROM posting
    JOIN lot AS src ON src.town_id = :town AND src.id = posting.src_lot_id
    JOIN lot AS dst ON dst.town_id = :town AND dst.id = posting.dst_lot_id
    WHERE posting.town_id = :town
      AND (src.expires_on <> dst.expires_on OR src.scope <> dst.scope OR src.issuer_id <> dst.issuer_id)"""

_ISSUER_IS_THE_POOLS_OWNER = """
    SELECT posting.txn_id, posting.n, lot.id AS lot_id, lot.issuer_id, pool.owner_id
    FROM posting
    JOIN account AS pool ON pool.town_id = :town AND pool.kind = 'pool'
        AND pool.id IN (posting.src_account_id, posting.dst_account_id)
    JOIN lot ON lot.town_id = :town AND lot.id = coalesce(posting.dst_lot_id, posting.src_lot_id)
    WHERE posting.town_id = :town AND lot.issuer_id <> pool.owner_id"""


_EXPIRED_LOTS_ONLY = (
    select(Txn.id.label("txn_id"), Posting.n, Lot.id.label("lot_id"), Lot.expires_on)
    .join(Posting, (Posting.town_id == bindparam("town")) & (Posting.txn_id == Txn.id))
    .join(Lot, (Lot.town_id == bindparam("town")) & (Lot.id == Posting.src_lot_id))
    .where(
        Txn.town_id == bindparam("town"),
        Txn.kind == TxnKind.EXPIRE,
        Lot.expires_on >= day_of(Txn.effective_at),
    )
    .order_by(Txn.id, Posting.n)
    .limit(bindparam("most"))
)

# Transactions

_ONE_BOOK = """
    SELECT txn.id AS txn_id, posting.n, txn.book_id, src.book_id AS src_book_id, dst.book_id AS dst_book_id
    FROM txn
    JOIN posting ON posting.town_id = :town AND posting.txn_id = txn.id
    JOIN account AS src ON src.town_id = :town AND src.id = posting.src_account_id
    JOIN account AS dst ON dst.town_id = :town AND dst.id = posting.dst_account_id
    WHERE txn.town_id = :town AND (src.book_id <> txn.book_id OR dst.book_id <> txn.book_id)"""

_POSTINGS_ARE_NUMBERED = """
    SELECT txn.id AS txn_id, count(posting.n) AS postings, coalesce(min(posting.n), 0) AS first,
           coalesce(max(posting.n), 0) AS last
    FROM txn LEFT JOIN posting ON posting.town_id = :town AND posting.txn_id = txn.id
    WHERE txn.town_id = :town
    GROUP BY txn.id
    HAVING count(posting.n) = 0 OR min(posting.n) <> 0 OR max(posting.n) <> count(posting.n) - 1"""


def _kinds_allowed(moves: Iterable[tuple[TxnKind, tuple[tuple[AccountKind, AccountKind], ...]]]) -> str:
    rows = [f"('{kind}', '{source}', '{destination}')" for kind, ways in moves for source, destination in ways]
    return ", ".join(rows)


_MOVES_OF_ITS_KIND = f"""
    SELECT txn.id AS txn_id, txn.kind, posting.n, src.kind AS src_kind, dst.kind AS dst_kind
    FROM txn
    JOIN posting ON posting.town_id = :town AND posting.txn_id = txn.id
    JOIN account AS src ON src.town_id = :town AND src.id = posting.src_account_id
    JOIN account AS dst ON dst.town_id = :town AND dst.id = posting.dst_account_id
    WHERE txn.town_id = :town AND txn.kind <> 'reverse'
      AND (txn.kind, src.kind, dst.kind) NOT IN (VALUES {_kinds_allowed(MOVES.items())})"""  # noqa: S608

#: What was captured left the escrow for good: it comes back into the wallet.
_REVERSAL_GOES_BACKWARDS = """
    SELECT txn.id AS txn_id, posting.n, src.kind AS src_kind, dst.kind AS dst_kind, txn.reverses_txn_id
    FROM txn
    JOIN posting ON posting.town_id = :town AND posting.txn_id = txn.id
    JOIN account AS src ON src.town_id = :town AND src.id = posting.src_account_id
    JOIN account AS dst ON dst.town_id = :town AND dst.id = posting.dst_account_id
    WHERE txn.town_id = :town AND txn.kind = 'reverse'
      AND NOT EXISTS (
        SELECT 1 FROM txn AS original
        JOIN posting AS there ON there.town_id = :town AND there.txn_id = original.id
        JOIN account AS giver ON giver.town_id = :town AND giver.id = there.src_account_id
        JOIN account AS taker ON taker.town_id = :town AND taker.id = there.dst_account_id
        WHERE original.town_id = :town AND original.id = txn.reverses_txn_id
          AND taker.kind = src.kind AND taker.owner_type = src.owner_type AND taker.owner_id = src.owner_id
          AND (giver.kind = dst.kind OR (original.kind = 'capture' AND dst.kind = 'wallet'))
          AND giver.owner_type = dst.owner_type AND giver.owner_id = dst.owner_id)"""

_LINKED_AS_ITS_KIND = """
    SELECT txn.id AS txn_id, txn.kind, txn.reverses_txn_id, txn.hold_txn_id
    FROM txn
    WHERE txn.town_id = :town
      AND ((txn.kind = 'reverse') <> (txn.reverses_txn_id IS NOT NULL)
        OR (txn.kind IN ('capture', 'void')) <> (txn.hold_txn_id IS NOT NULL))"""

# Holds, reversals, caps

_HOLD_AND_ITS_TRANSACTION = """
    SELECT txn.id AS txn_id
    FROM txn LEFT JOIN hold ON hold.town_id = :town AND hold.txn_id = txn.id
    WHERE txn.town_id = :town AND (txn.kind = 'hold') <> (hold.txn_id IS NOT NULL)"""

_HOLD_AMOUNT = """
    SELECT hold.txn_id, hold.amount, coalesce(sum(posting.amount), 0) AS posted
    FROM hold LEFT JOIN posting ON posting.town_id = :town AND posting.txn_id = hold.txn_id
    WHERE hold.town_id = :town
    GROUP BY hold.txn_id, hold.amount HAVING hold.amount <> coalesce(sum(posting.amount), 0)"""

_HOLD_ACCOUNTS = """
    SELECT hold.txn_id, posting.n, hold.wallet_id, hold.escrow_id
    FROM hold JOIN posting ON posting.town_id = :town AND posting.txn_id = hold.txn_id
    WHERE hold.town_id = :town
      AND (posting.src_account_id <> hold.wallet_id OR posting.dst_account_id <> hold.escrow_id)"""

_HOLD_COUNTERS = """
    SELECT hold.txn_id, hold.captured, hold.released,
           coalesce(settled.captured, 0) AS was_captured, coalesce(settled.released, 0) AS was_released
    FROM hold
    LEFT JOIN (SELECT txn.hold_txn_id,
                      sum(CASE WHEN txn.kind = 'capture' THEN posting.amount ELSE 0 END) AS captured,
                      sum(CASE WHEN txn.kind = 'void' THEN posting.amount ELSE 0 END) AS released
               FROM txn JOIN posting ON posting.town_id = :town AND posting.txn_id = txn.id
               WHERE txn.town_id = :town AND txn.hold_txn_id IS NOT NULL
               GROUP BY txn.hold_txn_id) AS settled ON settled.hold_txn_id = hold.txn_id
    WHERE hold.town_id = :town
      AND (hold.captured <> coalesce(settled.captured, 0) OR hold.released <> coalesce(settled.released, 0))"""

_ESCROW_IS_WHAT_IS_HELD = """
    SELECT account.id, account.credited - account.debited AS balance, coalesce(held.open, 0) AS held
    FROM account
    LEFT JOIN (SELECT escrow_id, sum(amount - captured - released) AS open FROM hold WHERE town_id = :town
               GROUP BY escrow_id) AS held ON held.escrow_id = account.id
    WHERE account.town_id = :town AND account.kind = 'escrow'
      AND account.credited - account.debited <> coalesce(held.open, 0)"""

_REVERSAL_AMOUNT = """
    SELECT reversal.txn_id, reversal.n, reversal.amount, reversal.reversed, posting.amount AS posted
    FROM reversal
    LEFT JOIN posting ON posting.town_id = :town AND posting.txn_id = reversal.txn_id AND posting.n = reversal.n
    WHERE reversal.town_id = :town
      AND (posting.amount IS NULL OR posting.amount <> reversal.amount
        OR reversal.reversed < 1 OR reversal.reversed > reversal.amount)"""

_REVERSED_IN_ALL = """
    SELECT original_id, sum(noted) AS noted, sum(taken) AS taken
    FROM (SELECT txn_id AS original_id, reversed AS noted, 0 AS taken FROM reversal WHERE town_id = :town
          UNION ALL
          SELECT txn.reverses_txn_id, 0, posting.amount
          FROM txn JOIN posting ON posting.town_id = :town AND posting.txn_id = txn.id
          WHERE txn.town_id = :town AND txn.kind = 'reverse') AS both_sides
    GROUP BY original_id HAVING sum(noted) <> sum(taken)"""

_USED_WITHIN_CAP = """
    SELECT account_id, rule_id, period_key, used, cap
    FROM rule_usage WHERE town_id = :town AND (used < 0 OR used > cap)"""

CHECKS: tuple[Check, ...] = (
    Check(
        "book_in_balance",
        _finding(_BOOK_IN_BALANCE, "book_id"),
        "Book {book_id}: {credited} credited, {debited} debited.",
    ),
    Check(
        "account_totals",
        _finding(_ACCOUNT_TOTALS, "account.id"),
        "Account {id}: {credited} credited and {debited} debited; by its postings {came_in} and {went_out}.",
    ),
    Check("floor", _finding(_FLOOR, "id"), "Account {id}: its balance {balance} is below its floor {floor}."),
    Check(
        "src_account_chain",
        _chain("src_account_id", "src_debited_after"),
        _CHAIN.format(name="Account", moved="debited"),
    ),
    Check(
        "dst_account_chain",
        _chain("dst_account_id", "dst_credited_after"),
        _CHAIN.format(name="Account", moved="credited"),
    ),
    Check("src_lot_chain", _chain("src_lot_id", "src_lot_debited_after"), _CHAIN.format(name="Lot", moved="debited")),
    Check("dst_lot_chain", _chain("dst_lot_id", "dst_lot_credited_after"), _CHAIN.format(name="Lot", moved="credited")),
    Check(
        "one_order",
        _finding(_ONE_ORDER, "account_id, credited + debited, txn_id, n"),
        "Account {account_id}: posting {txn_id}/{n} says {credited} credited and {debited} debited, "
        "where {credited_before} and {debited_before} came before.",
    ),
    Check(
        "lot_totals",
        _finding(_LOT_TOTALS, "lot.id"),
        "Lot {id}: {credited} credited and {debited} debited; by its postings {came_in} and {went_out}.",
    ),
    Check(
        "lot_not_overdrawn",
        _finding(_LOT_NOT_OVERDRAWN, "id"),
        "Lot {id}: {debited} debited of {credited} credited.",
    ),
    Check(
        "lots_make_the_balance",
        _finding(_LOTS_MAKE_THE_BALANCE, "account.id"),
        "Account {id}: its balance is {balance}, and {in_lots} are in its lots.",
    ),
    Check(
        "lots_of_residents_only",
        _finding(_LOTS_OF_RESIDENTS_ONLY, "lot.id"),
        "Lot {id} belongs to account {account_id}, a {kind}, which has no lots.",
    ),
    Check(
        "posting_names_its_lots",
        _finding(_POSTING_NAMES_ITS_LOTS, "posting.txn_id, posting.n"),
        "Posting {txn_id}/{n} from {src_kind} to {dst_kind} doesn't name a lot just where there is one.",
    ),
    Check(
        "lot_of_its_account",
        _finding(_LOT_OF_ITS_ACCOUNT, "txn_id, n"),
        "Posting {txn_id}/{n} moves lot {lot_id}, which belongs to account {account_id}.",
    ),
    Check(
        "lot_is_kept",
        _finding(_LOT_IS_KEPT, "posting.txn_id, posting.n"),
        "Posting {txn_id}/{n} moves points from lot {src_lot_id} to lot {dst_lot_id} of another expiry, scope or issuer.",
    ),
    Check(
        "issuer_is_the_pools_owner",
        _finding(_ISSUER_IS_THE_POOLS_OWNER, "posting.txn_id, posting.n"),
        "Posting {txn_id}/{n}: lot {lot_id} is owed by {issuer_id}, the pool is {owner_id}'s.",
    ),
    Check(
        "expired_lots_only",
        _EXPIRED_LOTS_ONLY,
        "Posting {txn_id}/{n} lets lot {lot_id} lapse, which was good until {expires_on}.",
    ),
    Check(
        "one_book",
        _finding(_ONE_BOOK, "txn.id, posting.n"),
        "Transaction {txn_id} of book {book_id}: posting {n} goes from book {src_book_id} to book {dst_book_id}.",
    ),
    Check(
        "postings_are_numbered",
        _finding(_POSTINGS_ARE_NUMBERED, "txn.id"),
        "Transaction {txn_id} has {postings} postings, numbered {first} to {last}.",
    ),
    Check(
        "moves_of_its_kind",
        _finding(_MOVES_OF_ITS_KIND, "txn.id, posting.n"),
        "Transaction {txn_id}, a {kind}: posting {n} goes from {src_kind} to {dst_kind}.",
    ),
    Check(
        "reversal_goes_backwards",
        _finding(_REVERSAL_GOES_BACKWARDS, "txn.id, posting.n"),
        "Posting {txn_id}/{n} from {src_kind} to {dst_kind} is not the way of transaction {reverses_txn_id} backwards.",
    ),
    Check(
        "linked_as_its_kind",
        _finding(_LINKED_AS_ITS_KIND, "txn.id"),
        "Transaction {txn_id}, a {kind}, reverses {reverses_txn_id} and settles hold {hold_txn_id}.",
    ),
    Check(
        "hold_and_its_transaction",
        _finding(_HOLD_AND_ITS_TRANSACTION, "txn.id"),
        "Transaction {txn_id}: it is a hold, or has one, but not both.",
    ),
    Check(
        "hold_amount",
        _finding(_HOLD_AMOUNT, "hold.txn_id"),
        "Hold {txn_id}: its amount is {amount}, its postings are {posted}.",
    ),
    Check(
        "hold_accounts",
        _finding(_HOLD_ACCOUNTS, "hold.txn_id, posting.n"),
        "Hold {txn_id}: posting {n} doesn't go from wallet {wallet_id} to escrow {escrow_id}.",
    ),
    Check(
        "hold_counters",
        _finding(_HOLD_COUNTERS, "hold.txn_id"),
        "Hold {txn_id}: {captured} captured and {released} released; by its transactions {was_captured} and "
        "{was_released}.",
    ),
    Check(
        "escrow_is_what_is_held",
        _finding(_ESCROW_IS_WHAT_IS_HELD, "account.id"),
        "Escrow {id}: its balance is {balance}, and {held} are held.",
    ),
    Check(
        "reversal_amount",
        _finding(_REVERSAL_AMOUNT, "reversal.txn_id, reversal.n"),
        "Reversal of posting {txn_id}/{n}: {reversed} of {amount}; the posting is {posted}.",
    ),
    Check(
        "reversed_in_all",
        _finding(_REVERSED_IN_ALL, "original_id"),
        "Transaction {original_id}: {noted} noted as reversed, {taken} taken back.",
    ),
    Check(
        "used_within_cap",
        _finding(_USED_WITHIN_CAP, "account_id, rule_id, period_key"),
        "Rule {rule_id} for account {account_id} in {period_key}: {used} used of {cap}.",
    ),
)
