"""Who is let in, and out, and what it pays.

A scan pays once, ever: a reservation is used once (guarded UPDATE), and the event that earns the points is unique by session
and resident; a scan that was undone makes its event void, and the next one has another name. Coming in again is never paid.

Rows are locked in the order resident, session (where a no-show is revived), reservation, visit, event, standing, ledger,
log. The resident's row is locked by the very read that finds the person, so what is read in later statements is as the last
scan of this person left it; what that first read itself says of the reservation may be older, and is guarded.

What is said here is the general way. On PostgreSQL the case that comes most often takes the same steps in one statement:
rules.checkins.express.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, case, select

from models.activities import Activity, Session, SessionStatus
from models.cards import Identification
from models.checkins import ClosedBy, Conflict, Direction, RefusalReason, Scan
from models.reservations import LIVE, Reservation, ReservationStatus
from models.residents import Resident, ResidentStatus
from models.territory import Territory
from rules.checkins.answers import Decision
from rules.checkins.express import AskedSituation, ask_situation, booking_of
from rules.checkins.presence import ROOM_COLUMNS, Rewritten, enter_alone, lock_reservation, rewrite_visits, room_of
from rules.checkins.visits import CLOCK_SKEW, MARGIN, Folded, Meaning, Room, Sight, Stay
from rules.clock import local_day
from rules.ledger.reading import read_spendable
from rules.points.events import Occurrence, Outcome, book_event, judge_event
from rules.points.voiding import next_ref
from rules.reservations.attending import check_in, revive_no_show
from rules.rows import AnyRow
from rules.rulebook.decision import Happening
from rules.rulebook.standings import take_turn
from rules.sending import Reply
from rules.volunteering.hours import Correction, book_signed_hours
from rules.work import TryAgain, Work

SOURCE = "checkin"
NO_SKEW = timedelta(0)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something is held up at a door, and nothing is decided yet."""

    scan_id: int
    direction: Direction
    nonce: str
    content_hash: bytes
    method: Identification  #: how somebody is known, as far as it can be told before it is
    scanned_at: datetime  #: by the device's clock
    at: datetime  #: as it counts
    offline: bool = False
    override: bool = False  #: the staff at the door want to let somebody in against a rule that leaves it to them

    @property
    def skew(self) -> timedelta:
        """How far `at` may be off."""
        return CLOCK_SKEW if self.offline else NO_SKEW


#: A session, who is let in where it is, and the answer that this scanner's nonce was given before.
_door = (
    select(
        Session.id,
        Session.status,
        *ROOM_COLUMNS,
        Activity.title,
        Activity.scene,
        Activity.category,
        Activity.community_id,
        Activity.operator_id,
        Territory.path.label("community_path"),
        Scan.content_hash,
        Scan.answer,
    )
    .join(Activity, and_(Activity.town_id == Session.town_id, Activity.id == Session.activity_id))
    .join(Territory, and_(Territory.town_id == Activity.town_id, Territory.id == Activity.community_id))
    .outerjoin(
        Scan,
        and_(
            Scan.town_id == Session.town_id, Scan.scanner_id == bindparam("scanner"), Scan.nonce == bindparam("nonce")
        ),
    )
    .where(Session.town_id == bindparam("town"), Session.id == bindparam("session"))
)
#: The resident, locked, with the reservation of this session that counts most: a live one, else a no-show.
_person = (
    select(
        Resident.id,
        Resident.name,
        Resident.status,
        Reservation.id.label("reservation_id"),
        Reservation.status.label("reservation_status"),
        Reservation.party_size,
        Reservation.no_show_at,
        Reservation.price,
        Reservation.hold_txn_id,
    )
    .outerjoin(
        Reservation,
        and_(
            Reservation.town_id == Resident.town_id,
            Reservation.resident_id == Resident.id,
            Reservation.session_id == bindparam("session"),
        ),
    )
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
    .order_by(
        case((Reservation.status.in_(LIVE), 0), (Reservation.status == ReservationStatus.NO_SHOW, 1), else_=2),
        Reservation.id.desc(),
    )
    .limit(1)
    .with_for_update(key_share=True, of=Resident)
)
#: A reservation of the resident for another session that is on at the same time.
_elsewhere = (
    select(Reservation.id)
    .join(Session, and_(Session.town_id == Reservation.town_id, Session.id == Reservation.session_id))
    .where(
        Reservation.town_id == bindparam("town"),
        Reservation.resident_id == bindparam("resident"),
        Reservation.status == ReservationStatus.CONFIRMED,
        Session.checkin_opens_at <= bindparam("at"),
        Session.ends_at > bindparam("at"),
    )
    .limit(1)
)
#: Why a reservation that isn't confirmed opens no door. A no-show is looked at more closely.
NO_PLACE = {
    ReservationStatus.APPLIED: RefusalReason.APPLIED,
    ReservationStatus.WAITLISTED: RefusalReason.WAITLISTED,
    ReservationStatus.OFFERED: RefusalReason.OFFERED,
    ReservationStatus.LAPSED: RefusalReason.LAPSED,
    ReservationStatus.CANCELLED: RefusalReason.CANCELLED,
}
#: What an upload is told beside the reason, where the device couldn't know better.
CONFLICTS = {
    RefusalReason.ALREADY_IN: Conflict.ALREADY_IN,
    RefusalReason.LEFT_ALREADY: Conflict.LEFT_ALREADY,
    RefusalReason.NOT_IN: Conflict.NOT_IN,
    RefusalReason.WRONG_SESSION: Conflict.NOT_RESERVED,
    RefusalReason.NOT_RESERVED: Conflict.NOT_RESERVED,
    RefusalReason.APPLIED: Conflict.NOT_CONFIRMED,
    RefusalReason.WAITLISTED: Conflict.NOT_CONFIRMED,
    RefusalReason.OFFERED: Conflict.NOT_CONFIRMED,
    RefusalReason.LAPSED: Conflict.NOT_CONFIRMED,
    RefusalReason.CANCELLED: Conflict.CANCELLED,
    RefusalReason.SESSION_CANCELLED: Conflict.SESSION_CANCELLED,
    RefusalReason.RELEASED: Conflict.RELEASED,
    RefusalReason.SUSPENDED: Conflict.SUSPENDED,
    RefusalReason.CARD_REVOKED: Conflict.CARD_REVOKED,
}


@dataclass(frozen=True, slots=True)
class AskedPerson:
    """The resident at the door, locked, and what the express way turns on, once they are waited for."""

    person: Reply
    situation: AskedSituation | None


def ask_door(work: Work, session_id: int, nonce: str) -> Reply:
    """Ask for a session's door, with what the actor's nonce was answered before (`content_hash`, `answer`)."""
    asked = {"town": work.town_id, "session": session_id, "scanner": work.actor.id, "nonce": nonce}
    return work.send(_door, asked)


def ask_person(work: Work, session_id: int, resident_id: int, *, may_be_express: bool) -> AskedPerson:
    """Ask for the resident at a session's door, and let nobody else change their visits until the work ends."""
    person = work.send(_person, {"town": work.town_id, "session": session_id, "resident": resident_id})
    return AskedPerson(person, _ask_situation(work, session_id, resident_id) if may_be_express else None)


def _ask_situation(work: Work, session_id: int, resident_id: int) -> AskedSituation | None:
    return ask_situation(work, session_id, resident_id, SOURCE, ref_of(session_id, resident_id))


def decide(work: Work, door: AnyRow, attempt: Attempt, asked: AskedPerson) -> Decision:
    """Let this resident in or out, or say why not; everything that follows is written but the log."""
    person = asked.person.first()
    if person is None:
        return Decision(RefusalReason.UNKNOWN_CODE)
    deciding = _Deciding(work, door, attempt, person, asked.situation)
    decision = deciding.come() if attempt.direction is Direction.IN else deciding.go()
    deciding.book_hours()
    return decision


def refuse(attempt: Attempt, reason: RefusalReason) -> Decision:
    """Nobody was identified."""
    return Decision(reason, conflict=CONFLICTS.get(reason) if attempt.offline else None)


def facts_of(door: Any, party_size: int) -> dict[str, Any]:
    """What the rules may ask of a check-in: the activity's words, and how long the session is planned to last."""
    return {
        "scene": door.scene.value,
        "category": door.category,
        "volunteers_only": door.volunteers_only,
        "minutes": int((door.ends_at - door.starts_at).total_seconds()) // 60,
        "party_size": party_size,
        "provenance": "signed",
    }


class _Deciding:
    """One person at one door."""

    def __init__(
        self, work: Work, door: AnyRow, attempt: Attempt, person: AnyRow, situation: AskedSituation | None
    ) -> None:
        self._work, self._door, self._attempt, self._person = work, door, attempt, person
        self._situation = situation
        self._room: Room = room_of(door, door.id)
        self._overridden = False
        self._corrections: list[Correction] = []  #: of signed hours, to be booked

    # --- in ---

    def come(self) -> Decision:
        if (reason := self._why_not_in()) is not None:
            return self._refused(reason)
        if self._person.reservation_status is ReservationStatus.CHECKED_IN:
            if lock_reservation(self._work, self._person.reservation_id) is not ReservationStatus.CHECKED_IN:
                raise TryAgain  # a scan was undone between the look and now
            return self._come_again()
        is_revived = self._person.reservation_status is ReservationStatus.NO_SHOW
        if is_revived and not self._revive():
            return self._refused(RefusalReason.RELEASED)
        if not is_revived and (express := self._come_express()) is not None:
            return express
        self._line_up()
        if not check_in(self._work, self._person.reservation_id, self._attempt.at):
            raise TryAgain  # used or cancelled between the look and now
        stay, is_other_room = self._enter()
        conflict = Conflict.REVIVED if is_revived else Conflict.OTHER_ROOM if is_other_room else None
        return self._paid(stay, conflict, _award(self._work, self._occurrence()))

    def _come_express(self) -> Decision | None:
        """Let in as it happens, to a place without points held, where that can be written in one statement."""
        person, sight = self._person, self._sight()
        is_plain = person.hold_txn_id is None and not person.price and not self._overridden
        is_now = self._attempt.at == self._work.now < self._room.closes_at
        if self._situation is None or not (is_plain and is_now):
            return None
        made = booking_of(self._work, self._room, sight, self._occurrence(), self._situation.read())
        if made is None:
            return None
        booking, judged = made
        stay = Stay(sight.session_id, sight.reservation_id, sight.at, sight.scan_id)
        paid = Outcome(judged.event_id, judged.main_total, 0, booking.balance, judged.decision.lines)
        return replace(self._paid(stay, None, paid), booking=booking)

    def _paid(self, stay: Stay | None, conflict: Conflict | None, outcome: Outcome | None) -> Decision:
        """Let in, with what came of it."""
        admitted = self._admitted(stay, conflict)
        if outcome is None:
            return replace(admitted, balance=read_spendable(self._work, self._person.id))
        return replace(admitted, awarded=outcome.awarded, balance=outcome.balance, explanation=outcome.explanation)

    def _occurrence(self) -> Occurrence:
        """This check-in, as the rulebook hears of it."""
        person, door = self._person, self._door
        return Occurrence(
            source=SOURCE,
            ref=ref_of(door.id, person.id),
            resident_id=person.id,
            happening=Happening(SOURCE, self._attempt.at, door.title, facts_of(door, person.party_size)),
            community_id=door.community_id,
            operator_id=door.operator_id,
            scene=door.scene,
            links={"session_id": str(door.id)},
        )

    def _why_not_in(self) -> RefusalReason | None:
        person, door, at, skew = self._person, self._door, self._attempt.at, self._attempt.skew
        if person.status is ResidentStatus.SUSPENDED:
            return RefusalReason.SUSPENDED
        if door.status is SessionStatus.CANCELLED:
            return RefusalReason.SESSION_CANCELLED
        if person.reservation_status is None:
            asked = {"town": self._work.town_id, "resident": person.id, "at": at}
            elsewhere = self._work.send(_elsewhere, asked).first()
            return RefusalReason.WRONG_SESSION if elsewhere else RefusalReason.NOT_RESERVED
        if person.reservation_status in NO_PLACE:
            return NO_PLACE[person.reservation_status]
        if at < door.checkin_opens_at - skew:
            if not self._may_override_hours():
                return RefusalReason.TOO_EARLY
            self._overridden = True
        return RefusalReason.TOO_LATE if at >= door.ends_at + skew else None

    def _may_override_hours(self) -> bool:
        """Staff may let in before the door opens, on the day of the session."""
        return self._attempt.override and local_day(self._attempt.at) == local_day(self._door.starts_at)

    def _revive(self) -> bool:
        """Whether a no-show is none: they were seen before it was written down, and their place can be had again."""
        was_seen_before = self._attempt.at < self._person.no_show_at
        return was_seen_before and revive_no_show(self._work, self._person.reservation_id)

    def _line_up(self) -> None:
        """Where the place costs points, check-in goes to the ledger: take the rows that come before it in their order."""
        if self._person.price:
            lock_reservation(self._work, self._person.reservation_id)
            take_turn(self._work, self._person.id)

    def _enter(self) -> tuple[Stay | None, bool]:
        """The visit that this entry makes, and whether it met one in another room."""
        sight = self._sight()
        if not self._overridden and self._work.now < self._room.closes_at:
            stay = enter_alone(self._work, self._person.id, self._room, sight)
            if stay is not None:
                return stay, False
        return self._enter_folding()

    def _enter_folding(self) -> tuple[Stay | None, bool]:
        folded = self._fold().folded
        stay = folded.stay_of(self._attempt.scan_id, self._room.session_id)
        return stay, self._is_other_room(folded, stay)

    def _come_again(self) -> Decision:
        """In, though the reservation was used: in already, back again, or an upload that says they came earlier."""
        rewritten = self._fold()
        if self._meaning(rewritten) is Meaning.LEFT_ALREADY and self._attempt.override:
            self._overridden = True
            rewritten = self._fold()
        folded = rewritten.folded
        stay = folded.stay_of(self._attempt.scan_id, self._room.session_id)
        if self._meaning(rewritten) is Meaning.LEFT_ALREADY:
            return self._refused(RefusalReason.LEFT_ALREADY, stay, is_evidence=True)
        if not rewritten.has_more:  # the same visit, even where it now begins with this scan
            return self._refused(RefusalReason.ALREADY_IN, stay, is_evidence=True)
        conflict = Conflict.OTHER_ROOM if self._is_other_room(folded, stay) else None
        return replace(self._admitted(stay, conflict), balance=read_spendable(self._work, self._person.id))

    # --- out ---

    def go(self) -> Decision:
        if self._person.reservation_id is None:
            return self._refused(RefusalReason.NOT_IN)
        if self._attempt.at >= self._door.ends_at + MARGIN + self._attempt.skew:
            return self._refused(RefusalReason.TOO_LATE)
        rewritten = self._fold()
        if self._meaning(rewritten) is not Meaning.EXIT:
            return self._refused(RefusalReason.NOT_IN, is_evidence=True)
        admitted = self._admitted(rewritten.folded.stay_of(self._attempt.scan_id, self._room.session_id))
        if (settled := rewritten.settled) is None:
            return admitted
        return replace(admitted, awarded=settled.awarded, balance=settled.balance, explanation=settled.explanation)

    # --- both ---

    def book_hours(self) -> None:
        """Book the hours that visits sign for now; everything else that goes to the ledger comes before."""
        book_signed_hours(self._work, self._corrections)
        self._corrections.clear()

    def _fold(self) -> Rewritten:
        self.book_hours()  # of a folding before
        rewritten = rewrite_visits(self._work, self._person.id, self._room, seen=self._sight())
        self._corrections.extend(rewritten.corrections)
        return rewritten

    def _meaning(self, rewritten: Rewritten) -> Meaning:
        return rewritten.folded.meanings[self._attempt.scan_id]

    def _sight(self) -> Sight:
        attempt = self._attempt
        return Sight(
            attempt.scan_id,
            self._room.session_id,
            self._person.reservation_id,
            attempt.direction,
            attempt.at,
            self._work.actor.id,
            attempt.nonce,
            attempt.offline,
            self._overridden,
        )

    def _is_other_room(self, folded: Folded, stay: Stay | None) -> bool:
        """Whether this entry ended a visit elsewhere, or one elsewhere ended this visit."""
        ended = any(each.exit_scan_id == self._attempt.scan_id for each in folded.stays)
        return ended or (stay is not None and stay.closed_by is ClosedBy.OTHER_ROOM)

    def _admitted(self, stay: Stay | None, conflict: Conflict | None = None) -> Decision:
        return replace(
            self._known(None),
            stay=stay,
            conflict=conflict if self._attempt.offline else None,
            is_evidence=True,
            overridden=self._overridden,
        )

    def _refused(self, reason: RefusalReason, stay: Stay | None = None, *, is_evidence: bool = False) -> Decision:
        conflict = CONFLICTS.get(reason) if self._attempt.offline else None
        return replace(self._known(reason), stay=stay, conflict=conflict, is_evidence=is_evidence)

    def _known(self, reason: RefusalReason | None) -> Decision:
        person = self._person
        return Decision(reason, person.id, person.name, person.reservation_id, person.party_size)


def _award(work: Work, occurrence: Occurrence) -> Outcome | None:
    """What checking in leads to by the rulebook in force; None where it led to that before.

    An empty budget doesn't keep anyone out: the entry stands, the points are not paid, and the answer says so.
    """
    judged = judge_event(work, occurrence)
    if judged is None:  # on record: paid, or void since a scan was undone
        occurrence = replace(occurrence, ref=next_ref(work, SOURCE, occurrence.ref))
        judged = judge_event(work, occurrence)
    return None if judged is None else book_event(work, occurrence, judged)


def ref_of(session_id: int, resident_id: int) -> str:
    """What the event of a check-in is called, the first time."""
    return f"{session_id}:{resident_id}"
