"""The ledger's floor: an earning and a balance in SQL by hand, with one connection, prepared statements and no layers."""

from __future__ import annotations

import hashlib
import os
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import psycopg

from bench.grow import dsn_of
from rules.clock import local_day, utc_now
from rules.ids import NODE_BITS, IdMaker

EACH = 10  #: points of an earning


@dataclass(frozen=True, slots=True)
class Books:
    """Where a town's points are, and what an earning names."""

    url: str
    town_id: int
    book_id: int
    version_id: int
    community_id: int
    operator_id: int
    resident: Callable[[], int]  #: the next one who earns, or whose balance is read
    reason: str = "checkin"


class Floor:
    """Does what `earn` and a read of a balance do, in as few statements as it takes."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._ids = IdMaker(os.getpid() % (1 << NODE_BITS))  # each of several writers has a node of its own
        self._year = local_day(utc_now()).year + 1
        self.connection = psycopg.connect(dsn_of(books.url), prepare_threshold=0)

    def _new_id(self) -> int:
        return self._ids.make(utc_now())

    def earn_once(self) -> None:
        books, txn_id, key = self._books, self._new_id(), uuid.uuid4().hex
        town, book = books.town_id, books.book_id
        run = self.connection.execute
        opened = run(
            "INSERT INTO txn (town_id, id, book_id, idempotency_key, request_hash, kind, rulebook_version_id, rule_id,"
            " reason, community_id, operator_id, scene, effective_at, recorded_at, explanation) VALUES (%s, %s, %s, %s, %s,"
            " 'earn', %s, 'activity-checkin', %s, %s, %s, 'education', now(), clock_timestamp(), %s)"
            " ON CONFLICT (town_id, book_id, idempotency_key) DO NOTHING RETURNING id",
            (
                town,
                txn_id,
                book,
                key,
                hashlib.sha256(key.encode()).digest(),
                books.version_id,
                books.reason,
                books.community_id,
                books.operator_id,
                "参加活动签到：每场 10 分 × 1 场 = 10 分",
            ),
        ).fetchone()
        assert opened
        wallet = run(
            "INSERT INTO account (town_id, id, book_id, kind, owner_type, owner_id, shard, floor, unbounded, credited,"
            " debited) VALUES (%s, %s, %s, 'wallet', 'resident', %s, 0, 0, false, %s, 0)"
            " ON CONFLICT (town_id, book_id, kind, owner_type, owner_id, shard)"
            " DO UPDATE SET credited = account.credited + excluded.credited RETURNING id, credited, debited",
            (town, self._new_id(), book, books.resident(), EACH),
        ).fetchone()
        assert wallet
        lot = run(
            "INSERT INTO lot (town_id, id, account_id, expires_on, scope, issuer_id, credited, debited)"
            " VALUES (%s, %s, %s, %s, '', %s, %s, 0) ON CONFLICT (town_id, account_id, expires_on, scope, issuer_id)"
            " DO UPDATE SET credited = lot.credited + excluded.credited RETURNING id, credited",
            (town, self._new_id(), wallet[0], date(self._year, random.randint(1, 12), 28), town, EACH),
        ).fetchone()
        assert lot
        pool = run(
            "UPDATE account SET debited = debited + %s WHERE town_id = %s AND book_id = %s AND kind = 'pool'"
            " AND owner_type = 'town' AND owner_id = %s AND shard = 0 AND credited - debited - %s >= floor"
            " RETURNING id, credited, debited",
            (EACH, town, book, town, EACH),
        ).fetchone()
        assert pool
        run(
            "INSERT INTO posting (town_id, txn_id, n, src_account_id, dst_account_id, dst_lot_id, amount, src_debited_after,"
            " dst_credited_after, dst_lot_credited_after, src_credited, dst_debited, recorded_at)"
            " VALUES (%s, %s, 0, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp())",
            (town, txn_id, pool[0], wallet[0], lot[0], EACH, pool[2], wallet[1], lot[1], pool[1], wallet[2]),
        )
        self.connection.commit()

    def read_balance(self) -> None:
        row = self.connection.execute(
            "SELECT sum(lot.credited - lot.debited) FROM account JOIN lot ON lot.town_id = account.town_id"
            " AND lot.account_id = account.id WHERE account.town_id = %s AND account.book_id = %s"
            " AND account.kind = 'wallet' AND account.owner_type = 'resident' AND account.owner_id = %s"
            " AND account.shard = 0 AND lot.expires_on >= current_date AND lot.credited > lot.debited",
            (self._books.town_id, self._books.book_id, self._books.resident()),
        ).fetchone()
        assert row
        self.connection.commit()
