"""The express way of a scan that lets somebody in and pays (rules.fusing), for what comes most often at a door.

Two statements stand for a dozen. The first uses the reservation, begins the visit, notes the event and takes the resident's
turn, in the order of locks; with it goes the question for what is counted, and between the two the rules are asked. The
second books what they said (counts, and one award from the town's pool) and writes the scan into the log; the COMMIT
goes with it. So the row of the pool, which all doors share, is locked for the way of that one message.

The general way (rules.checkins.deciding) takes over after the first statement where it got no further: something is known of
the resident around this session, the event is on record, there is no wallet yet, or the rules say something else than one
award. It finds everything as its own steps would have left it. What only the second statement can find out (the pool was
emptied, the wallet was touched, the nonce was used meanwhile) undoes the work, and it is tried again the general way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CTE, Select, Table, and_, bindparam, literal, select
from sqlalchemy.dialects.postgresql import insert

from models.checkins import Scan
from models.ledger import ACCOUNT, EVENT, AccountKind, OwnerType
from rules.checkins.presence import entering_parameters, entering_part
from rules.checkins.visits import Room, Sight
from rules.clock import local_day
from rules.fusing import all_or_nothing, can_fuse, given, parameters_of
from rules.ledger.earning_fused import SeenWallet, earning_parameters, earning_parts
from rules.ledger.events import event_row, noting_part
from rules.ledger.pools import SHARES, shard_of
from rules.ledger.reading import SPENDABLE
from rules.ledger.transactions import book_of
from rules.points.events import Judged, LoneAward, Occurrence, lone_award_of, payload_of
from rules.reservations.attending import using_part
from rules.rows import AnyRow
from rules.rulebook.standings import counting_parameters, counting_part, turn_part
from rules.rulebook.versions import InForce, rulebook_in_force
from rules.sending import Reply
from rules.work import Work

SCAN = cast(Table, Scan.__table__)


@dataclass(frozen=True, slots=True)
class Entry:
    """How far the first statement got, and what it saw: each of its parts only where the one before was done."""

    is_used: bool  #: the reservation was confirmed
    is_in: bool  #: the visit stands alone
    event_id: int | None  #: None: it is on record already
    wallet: SeenWallet | None  #: as of the statement's beginning, like what follows
    spendable: int
    shares: list[int]  #: what each shard of the town's pool can pay

    @property
    def left(self) -> int:
        """Of the town's budget."""
        return sum(self.shares)


@dataclass(frozen=True, slots=True)
class Booking:
    """What the second statement writes besides the scan."""

    award: LoneAward
    wallet: SeenWallet
    balance: int  #: what may be spent afterwards


def _entry() -> dict[bool, Select[Any]]:
    """By whether the rulebook keeps standings."""
    used = using_part()
    came = entering_part(used)
    noted = noting_part(came)
    wallet = and_(
        ACCOUNT.c.town_id == bindparam("town"),
        ACCOUNT.c.book_id == bindparam("book"),
        ACCOUNT.c.kind == AccountKind.WALLET,
        ACCOUNT.c.owner_type == OwnerType.RESIDENT,
        ACCOUNT.c.owner_id == bindparam("resident"),
        ACCOUNT.c.shard == 0,
    )
    one = select(literal(1).label("one")).subquery("one")
    entry = select(
        *(select(part.c.id).scalar_subquery().label(part.name) for part in (used, came, noted)),
        ACCOUNT.c.id.label("wallet_id"),
        ACCOUNT.c.credited,
        ACCOUNT.c.debited,
        SPENDABLE.scalar_subquery().label("spendable"),
        SHARES.scalar_subquery().label("shares"),
    ).select_from(one.outerjoin(ACCOUNT, wallet))
    return {False: entry, True: entry.add_cte(turn_part(noted))}


_ENTRY = _entry()
_LOGGED = (
    "id",
    "scanner_kind",
    "scanner_id",
    "nonce",
    "content_hash",
    "session_id",
    "resident_id",
    "reservation_id",
    "direction",
    "method",
    "result",
    "reason",
    "conflict",
    "is_evidence",
    "offline",
    "overridden",
    "answer",
    "scanned_at",
    "occurred_at",
    "received_at",
)


def _logged(posted: CTE) -> CTE:
    return (
        insert(SCAN)
        .from_select(["town_id", *_LOGGED], select(bindparam("town"), *given(SCAN, *_LOGGED)).select_from(posted))
        .on_conflict_do_nothing(index_elements=["town_id", "scanner_id", "nonce"])
        .returning(SCAN.c.id)
        .cte("logged")
    )


_book = all_or_nothing(_logged(earning_parts(counting_part())))


def rulebook_for(work: Work, at: datetime) -> InForce | None:
    """The rulebook by which a scan that goes this way is judged; None where none can go it."""
    return rulebook_in_force(work, at) if can_fuse(work) else None


def send_entry(work: Work, room: Room, sight: Sight, occurrence: Occurrence, in_force: InForce) -> Reply:
    """Let somebody in who holds a confirmed place that costs nothing. The caller holds the resident's row."""
    event = event_row(work, occurrence.source, occurrence.ref, occurrence.resident_id, sight.at, payload_of(occurrence))
    del event["town_id"]
    asked = {
        "town": work.town_id,
        "resident": occurrence.resident_id,
        "reservation": sight.reservation_id,
        "at": sight.at,
        "book": book_of(work).id,
        "today": local_day(work.now),
        **entering_parameters(work, room, sight),
        **parameters_of(EVENT, event),
    }
    return work.send(_ENTRY[in_force.plan.keeps_standing], asked)


def read_entry(reply: Reply) -> Entry:
    """How far it got."""
    row: AnyRow = reply.one()
    wallet = None if row.wallet_id is None else SeenWallet(row.wallet_id, row.credited, row.debited)
    return Entry(row.used is not None, row.came is not None, row.noted, wallet, row.spendable, row.shares or [])


def booking_of(work: Work, occurrence: Occurrence, judged: Judged, entry: Entry) -> Booking | None:
    """What the second statement can write of all that follows from an event; None where the general way has to."""
    award = lone_award_of(occurrence, judged)
    if award is None or entry.wallet is None:
        return None
    shard = shard_of(award.key, book_of(work).pool_shards)
    if shard >= len(entry.shares) or entry.shares[shard] < award.earning.amount:
        return None
    comes = award.earning.amount if award.earning.expires_on >= local_day(work.now) else 0
    return Booking(award, entry.wallet, entry.spendable + comes)


def send_booking(work: Work, booking: Booking, scan: Mapping[str, Any]) -> None:
    """Book it, and write the scan into the log. Nobody waits for it: where it comes short, nothing is committed."""
    award = booking.award
    work.send(
        _book,
        {
            **earning_parameters(work, award.key, award.earning, booking.wallet),
            "resident": award.earning.resident_id,
            **counting_parameters(award.counts),
            **parameters_of(SCAN, {name: scan[name] for name in _LOGGED}),
        },
    )
