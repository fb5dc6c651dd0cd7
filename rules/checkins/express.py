"""The express way of a scan that lets somebody in and pays (rules.fusing), for what comes most often at a door.

Two ways there and back stand for a dozen statements. On the first go all questions, one after the other: the door, the
person, whose row is locked by the very question, and then what the rules turn on and what the wallet holds. Between the two
the rules are asked. On the second goes one statement that writes everything in the order of locks (the reservation is used,
the visit begins, the event is noted, the resident's turn is taken, what is counted, one award from the town's pool, the
log), and the COMMIT with it. So the row of the pool, which all doors share, is locked for the way of that one message.

The general way (rules.checkins.deciding) takes over before anything is written where the case is another: something is
known of the resident around this session, the event is on record, there is no wallet yet, or the rules say something else
than one award. What only the statement can find out (the reservation was used, somebody had a turn or touched the wallet
since we asked, the pool was emptied, the nonce was used) undoes the work, and it is tried again the general way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CTE, Select, Table, and_, bindparam, literal, select
from sqlalchemy.dialects.postgresql import insert

from models.checkins import Scan
from models.ledger import ACCOUNT, EVENT
from models.rulebook import STANDING
from rules.checkins.presence import TOUCHES_HERE, entering_parameters, entering_part
from rules.checkins.visits import Room, Sight
from rules.clock import local_day
from rules.fusing import all_or_nothing, can_fuse, given, parameters_of
from rules.ledger.earning_fused import SeenWallet, earning_parameters, earning_parts
from rules.ledger.events import ON_RECORD, event_row, noting_part
from rules.ledger.pools import SHARES, shard_of
from rules.ledger.reading import IS_WALLET, SPENDABLE
from rules.ledger.transactions import book_of
from rules.points.events import Judged, LoneAward, Occurrence, judge_noted, lone_award_of, payload_of
from rules.points.holders import complete_standing
from rules.reservations.attending import using_part
from rules.rows import AnyRow
from rules.rulebook.standing import Standing
from rules.rulebook.standings import AskedStanding, ask_standing, counting_parameters, counting_part, turn_part
from rules.rulebook.versions import InForce, rulebook_in_force
from rules.sending import Reply
from rules.work import Work

SCAN = cast(Table, Scan.__table__)


@dataclass(frozen=True, slots=True)
class Situation:
    """What the statement builds on, as of after the resident's row was locked."""

    in_force: InForce
    standing: Standing
    turns: int  #: that events of the resident have taken
    wallet: SeenWallet | None
    spendable: int
    shares: list[int]  #: what each shard of the town's pool can pay
    is_plain: bool  #: nothing is known of the resident around the session, and the event is not on record

    @property
    def left(self) -> int:
        """Of the town's budget."""
        return sum(self.shares)


@dataclass(frozen=True, slots=True)
class AskedSituation:
    """The same, once it is waited for."""

    in_force: InForce
    guarded: Reply
    standing: AskedStanding | None

    def read(self) -> Situation:
        row: AnyRow = self.guarded.one()
        return Situation(
            self.in_force,
            self.standing.read() if self.standing is not None else Standing(),
            row.turns or 0,
            None if row.wallet_id is None else SeenWallet(row.wallet_id, row.credited, row.debited),
            row.spendable,
            row.shares or [],
            not (row.touches or row.on_record),
        )


@dataclass(frozen=True, slots=True)
class Booking:
    """What is written besides the scan."""

    room: Room
    sight: Sight
    event: Mapping[str, Any]  #: its row
    award: LoneAward
    situation: Situation
    wallet: SeenWallet
    balance: int  #: what may be spent afterwards


_one = select(literal(1).label("one")).subquery("one")
_GUARDED = (
    select(
        select(STANDING.c.events)
        .where(STANDING.c.town_id == bindparam("town"), STANDING.c.resident_id == bindparam("resident"))
        .scalar_subquery()
        .label("turns"),
        ACCOUNT.c.id.label("wallet_id"),
        ACCOUNT.c.credited,
        ACCOUNT.c.debited,
        SPENDABLE.scalar_subquery().label("spendable"),
        SHARES.scalar_subquery().label("shares"),
        TOUCHES_HERE.label("touches"),
        ON_RECORD.label("on_record"),
    )
    .select_from(_one)
    .outerjoin(ACCOUNT, and_(*IS_WALLET))
)
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


def _admitting(*, keeps_standing: bool) -> Select[Any]:
    noted = noting_part(entering_part(using_part()))
    ready = turn_part(noted) if keeps_standing else noted
    return all_or_nothing(_logged(earning_parts(ready, counting_part(ready))))


_ADMIT = {keeps_standing: _admitting(keeps_standing=keeps_standing) for keeps_standing in (True, False)}


def ask_situation(work: Work, session_id: int, resident_id: int, source: str, ref: str) -> AskedSituation | None:
    """Ask what an event that happens now at a session turns on; None where no scan goes this way.

    It goes out after the question that locks the resident's row. The turns and the wallet's counters, which the statement
    guards, are asked for first: what is read after them is at least as new, and what changes from then on comes short.
    """
    in_force = rulebook_in_force(work, work.now) if can_fuse(work) else None
    if in_force is None:
        return None
    plan = in_force.plan
    asked = {
        "town": work.town_id,
        "resident": resident_id,
        "session": session_id,
        "of_source": source,
        "ref": ref,
        "book": book_of(work).id,
        "today": local_day(work.now),
    }
    guarded = work.send(_GUARDED, asked)
    standing = ask_standing(work, plan, resident_id, (source, work.now)) if plan.keeps_standing else None
    return AskedSituation(in_force, guarded, standing)


def booking_of(
    work: Work, room: Room, sight: Sight, occurrence: Occurrence, situation: Situation
) -> tuple[Booking, Judged] | None:
    """What lets somebody in who holds a confirmed place that costs nothing, and what the rules said; None where the
    general way has to. The caller holds the resident's row."""
    plan, happening, wallet = situation.in_force.plan, occurrence.happening, situation.wallet
    if wallet is None or not situation.is_plain:
        return None
    event = event_row(work, occurrence.source, occurrence.ref, occurrence.resident_id, sight.at, payload_of(occurrence))
    standing = complete_standing(work, plan, occurrence.resident_id, happening, situation.standing)
    judged = judge_noted(occurrence, event["id"], situation.in_force, standing, lambda: situation.left)
    award = lone_award_of(occurrence, judged)
    if award is None:
        return None
    shard = shard_of(award.key, book_of(work).pool_shards)
    if shard >= len(situation.shares) or situation.shares[shard] < award.earning.amount:
        return None
    comes = award.earning.amount if award.earning.expires_on >= local_day(work.now) else 0
    return Booking(room, sight, event, award, situation, wallet, situation.spendable + comes), judged


def send_booking(work: Work, booking: Booking, scan: Mapping[str, Any]) -> None:
    """Let in, pay, and write the scan into the log. Nobody waits for it: where it comes short, nothing is committed."""
    award = booking.award
    parameters = {
        **earning_parameters(work, award.key, award.earning, booking.wallet),
        "resident": award.earning.resident_id,
        "reservation": booking.sight.reservation_id,
        "at": booking.sight.at,
        **entering_parameters(work, booking.room, booking.sight),
        **parameters_of(EVENT, {name: value for name, value in booking.event.items() if name != "town_id"}),
        **counting_parameters(award.counts),
        **parameters_of(SCAN, {name: scan[name] for name in _LOGGED}),
    }
    keeps_standing = booking.situation.in_force.plan.keeps_standing
    if keeps_standing:
        parameters["turns_before"] = booking.situation.turns
    work.send(_ADMIT[keeps_standing], parameters)
