"""Where the demo's residents stand is what the rulebook makes of what they did, and the live system goes on from there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from models.activities import Activity, Session
from models.checkins import ClosedBy, Direction, Scan, ScanResult, Visit
from models.ledger import Account, AccountKind, Book, Event, Posting, RuleUsage, Txn, TxnKind
from models.reservations import Reservation, ReservationStatus
from models.residents import Resident
from models.rulebook import Standing, StandingCount, StandingLevel, StandingSuspension
from models.volunteering import ServiceRecord, ServiceStatus
from rules.checkins.codes import issue_code
from rules.checkins.scans import ScanRequest, scan
from rules.clock import local_day, local_moment
from rules.ledger.audit import audit
from rules.ledger.reading import read_spendable
from rules.ledger.transactions import POINTS
from rules.points.events import Occurrence, Outcome, record_event
from rules.points.holders import happening_of
from rules.reservations.refusals import BookingSuspended
from rules.reservations.reserving import Wish, reserve_place
from rules.rulebook.decision import Happening, LineKind
from rules.volunteering.book import HOURS as HOURS_BOOK
from rules.volunteering.book import read_minutes
from rules.work import Actor, ActorKind, Work
from tests.demo.conftest import NOW, Demo

#: Minutes in the whole numbers that quantities count in.
SCALE = 10_000
HOURS = "tally:service-hours"


@dataclass
class Recount:
    """What a plain reading of the rules makes of the events."""

    events: Counter[int] = field(default_factory=Counter)  #: by resident
    counts: Counter[tuple[int, str, str]] = field(default_factory=Counter)  #: by resident, name and bucket
    used: Counter[tuple[int, str, str]] = field(default_factory=Counter)  #: the same, of limits
    missed: dict[int, list[datetime]] = field(default_factory=lambda: defaultdict(list))  #: by resident

    def read(self, resident_id: int, source: str, at: datetime, facts: dict[str, Any]) -> None:
        day = local_day(at).isoformat()
        self.events[resident_id] += 1
        if source == "redemption":
            return  # the demo's rules limit nothing of it
        if source == "reservation":
            self.counts[resident_id, "penalty:no-show", day] += 1
            self.missed[resident_id].append(at)
            return
        if source == "service":
            half_hours = facts["minutes"] // 30
            points = half_hours * 5
            self.counts[resident_id, HOURS, "ever"] += half_hours * 30 * SCALE
            self.used[resident_id, "limit:service-day#quantity/day", day] += half_hours * 30 * SCALE
        elif facts["volunteers_only"]:
            return  # what is signed for is paid when they leave
        elif facts["category"] == "民主协商":
            points = 10
        else:
            limit = resident_id, "limit:activity-checkin#points/day", day
            points = min(5, 15 - self.used[limit])
            self.used[limit] += points
        self.counts[resident_id, "earned:points", "ever"] += points

    def suspensions(self, resident_id: int) -> Iterator[tuple[datetime, datetime]]:
        """From when until when: a week after the second absence, thirty days after the third."""
        for nth, days in ((2, 7), (3, 30)):
            if len(self.missed[resident_id]) >= nth:
                at = self.missed[resident_id][nth - 1]
                yield at, local_moment(local_day(at) + timedelta(days=days), "00:00")


@pytest.fixture
def recount(demo: Demo) -> Recount:
    recount = Recount()
    events = demo.rows(select(Event.subject_id, Event.source, Event.occurred_at, Event.payload).order_by(Event.id))
    for resident_id, source, at, payload in events:
        recount.read(resident_id, source, at, payload["facts"])
    return recount


def resident(id_: int) -> Actor:
    return Actor(ActorKind.RESIDENT, id_)


def state_of(work: Work, resident_id: int) -> dict[str, Any]:
    """All that is counted and decided of a resident."""
    usages = (
        select(RuleUsage.rule_id, RuleUsage.period_key, RuleUsage.used, RuleUsage.cap)
        .join(Account, Account.id == RuleUsage.account_id)
        .where(Account.kind == AccountKind.WALLET, Account.owner_id == resident_id)
    )
    reads = {
        "counts": select(StandingCount.name, StandingCount.bucket, StandingCount.count),
        "levels": select(StandingLevel.ladder, StandingLevel.level, StandingLevel.cycle),
        "suspensions": select(StandingSuspension.penalty, StandingSuspension.what, StandingSuspension.until),
        "events": select(Standing.events),
    }
    state = {
        name: read.where(read.selected_columns[0].table.c.resident_id == resident_id) for name, read in reads.items()
    }
    return {
        name: {tuple(row) for row in work.db.execute(statement)}
        for name, statement in (state | {"used": usages}).items()
    } | {"balance": read_spendable(work, resident_id)}


def tell(work: Work, kind: str, resident_id: int, ref: str, at: datetime = NOW, **facts: Any) -> Outcome:
    return record_event(work, Occurrence("told", ref, resident_id, Happening(kind, at, "", facts)))


def kinds(outcome: Outcome) -> list[LineKind]:
    return [line.kind for line in outcome.lines]


# --- what has happened ------------------------------------------------------------------------------------------------


def test_each_rule_of_check_ins_has_given_points(demo: Demo):
    by_rules = Txn.kind == TxnKind.EARN, Txn.rule_id.is_not(None)
    given = dict(demo.rows(select(Txn.rule_id, func.count()).where(*by_rules).group_by(Txn.rule_id)))
    assert set(given) == {"activity-checkin", "deliberation", "volunteer-service"}
    assert given["activity-checkin"] > given["volunteer-service"] > given["deliberation"] > 30
    words = demo.rows(select(Txn.rule_id, Txn.explanation).where(Txn.kind == TxnKind.EARN).distinct())
    said = {rule_id: [text for rule, text in words if rule == rule_id] for rule_id in given}
    assert all("每场 5 分 × 1 场 = 5 分，有效期至" in text for text in said["activity-checkin"])
    assert all(
        text.startswith("参加民主协商《民情议事会》：每场 10 分 × 1 场 = 10 分") for text in said["deliberation"]
    )
    assert any("每小时 10 分 × 1.5 小时 = 15 分" in text for text in said["volunteer-service"])
    assert any("小时按 0.5 小时向下取整" in text for text in said["volunteer-service"])


def test_an_event_says_of_its_session_what_the_rules_may_ask(demo: Demo):
    rows = demo.rows(
        select(Event, Activity, Session, Reservation.party_size)
        .join(Reservation, Reservation.resident_id == Event.subject_id)
        .join(Session, Session.id == Reservation.session_id)
        .join(Activity, Activity.id == Session.activity_id)
        .where(Event.source == "checkin", Event.occurred_at == Reservation.checked_in_at)
        .order_by(Event.id)
        .limit(200)
    )
    assert {activity.volunteers_only for _, activity, _, _ in rows} == {True, False}
    for event, activity, session, party_size in rows:
        facts = {
            "scene": activity.scene.value,
            "category": activity.category,
            "volunteers_only": activity.volunteers_only,
            "minutes": (session.ends_at - session.starts_at) // timedelta(minutes=1),
            "party_size": party_size,
            "provenance": "signed",
        }
        told = {"kind": "checkin", "subject": activity.title, "facts": facts, "session_id": str(session.id)}
        assert event.payload == told


def test_an_absence_is_on_record_for_everybody_whose_place_stayed_empty(demo: Demo):
    midnight = local_moment(demo.today, "00:00")
    missed = demo.rows(
        select(Reservation.id, Reservation.resident_id, Session.id, Session.ends_at, Activity.title)
        .join(Session, Session.id == Reservation.session_id)
        .join(Activity, Activity.id == Session.activity_id)
        .where(Reservation.status == ReservationStatus.NO_SHOW)
    )
    assert len(missed) > 1_000
    on_record = {
        row.source_ref: row
        for row in demo.rows(
            select(Event.source_ref, Event.subject_id, Event.occurred_at, Event.payload).where(
                Event.source == "reservation"
            )
        )
    }
    assert len(on_record) == len(missed)
    for reservation_id, resident_id, session_id, ends_at, title in missed:
        told = on_record[f"{reservation_id}:no_show"]
        assert ends_at <= midnight
        assert (told.subject_id, told.occurred_at) == (resident_id, ends_at)
        assert (told.payload["kind"], told.payload["subject"]) == ("no_show", title)
        assert (told.payload["facts"]["excused"], told.payload["session_id"]) == (False, str(session_id))
    assert demo.first().id not in {told.subject_id for told in on_record.values()}


def test_the_counts_are_those_of_the_events(demo: Demo, recount: Recount):
    assert dict(demo.rows(select(Standing.resident_id, Standing.events))) == recount.events
    counts = select(StandingCount.resident_id, StandingCount.name, StandingCount.bucket, StandingCount.count)
    assert {(of, name, bucket): count for of, name, bucket, count in demo.rows(counts)} == recount.counts
    used = demo.rows(
        select(Account.owner_id, RuleUsage.rule_id, RuleUsage.period_key, RuleUsage.used, RuleUsage.cap).join(
            Account, Account.id == RuleUsage.account_id
        )
    )
    assert {(of, name, period): count for of, name, period, count, _ in used} == recount.used
    assert {(name, cap) for _, name, _, _, cap in used} == {
        ("limit:activity-checkin#points/day", 15),
        ("limit:service-day#quantity/day", 8 * 60 * SCALE),
    }


def test_points_ever_earned_are_what_came_into_the_wallet(demo: Demo):
    earned = select(StandingCount.resident_id, StandingCount.count).where(StandingCount.name == "earned:points")
    came_in = (
        select(Account.owner_id, func.sum(Posting.amount))
        .join(Posting, Posting.dst_account_id == Account.id)
        .join(Txn, Txn.id == Posting.txn_id)
        .join(Book, Book.id == Account.book_id)
        .where(Account.kind == AccountKind.WALLET, Book.code == POINTS, Txn.kind == TxnKind.EARN)
        .group_by(Account.owner_id)
    )
    assert dict(demo.rows(earned)) == dict(demo.rows(came_in))


def test_who_missed_two_sessions_or_more_may_not_reserve_for_as_long_as_the_rules_say(demo: Demo, recount: Recount):
    rows = demo.rows(
        select(
            StandingSuspension.resident_id,
            StandingSuspension.penalty,
            StandingSuspension.what,
            StandingSuspension.until,
        )
    )
    until = {(of, "no-show", "booking"): max(ends for _, ends in recount.suspensions(of)) for of in twice(recount)}
    assert {(of, penalty, what): ends for of, penalty, what, ends in rows} == until
    absences = Counter(len(recount.missed[of]) for of in twice(recount))
    assert absences[2] > absences[3] > 0
    assert 0 < sum(ends > NOW for ends in until.values()) < 100


def test_nobody_reserved_while_suspended(demo: Demo, recount: Recount):
    rows = demo.rows(
        select(Reservation.resident_id, Reservation.reserved_at).where(Reservation.resident_id.in_(twice(recount)))
    )
    for resident_id, reserved_at in rows:
        assert not any(since <= reserved_at < until for since, until in recount.suspensions(resident_id))


def test_a_fourth_activity_of_a_day_earns_nothing_and_says_why(demo: Demo):
    answers = [row.answer["points"] for row in demo.rows(select(Scan.answer).where(Scan.result == ScanResult.ADMITTED))]
    unpaid = [points for points in answers if points["awarded"] == 0 and points["explanation"] is not None]
    assert unpaid
    for points in unpaid:
        assert (
            "参加活动签到每日最多 15 分，已计 15 分，本次计 0 分（缤纷未来社区积分规则，规则 activity-checkin）"
            in points["explanation"]
        )
        assert points["balance"] >= 15


def twice(recount: Recount) -> list[int]:
    """Who missed two sessions or more."""
    return [of for of, missed in recount.missed.items() if len(missed) >= 2]


# --- and goes on ------------------------------------------------------------------------------------------------------


def test_the_live_system_makes_the_same_of_the_same_events(demo: Demo, recount: Recount):
    served = {of: count for (of, name, _), count in recount.counts.items() if name == HOURS}
    busiest = {
        recount.events.most_common(1)[0][0],
        max(served, key=lambda of: (served[of], of)),
        max(recount.missed, key=lambda of: (len(recount.missed[of]), of)),
    }
    nobody = demo.rows(select(Resident.id).where(Resident.id.not_in(select(Standing.resident_id))).limit(len(busiest)))

    def tell_again(work: Work) -> None:
        for of, (other,) in zip(busiest, nobody, strict=True):
            events = select(Event).where(Event.subject_id == of).order_by(Event.id)
            for event in work.db.scalars(events).all():
                happening = happening_of(event.source, event.occurred_at, event.payload)
                record_event(work, Occurrence("again", f"{event.source}:{event.source_ref}", other, happening))
            assert state_of(work, other) == state_of(work, of)
            words = [
                select(Txn.explanation)
                .join(Event, Event.id == Txn.event_id)
                .where(Event.subject_id == who)
                .order_by(Txn.id)
                for who in (of, other)
            ]
            assert len({tuple(work.db.scalars(each)) for each in words}) == 1
        assert audit(work).is_clean

    demo.undone(tell_again)


def test_every_volunteer_who_was_scanned_out_has_the_hours_of_the_visit(demo: Demo):
    signed = demo.rows(
        select(Visit.entered_at, Visit.left_at, Session.starts_at, ServiceRecord.minutes, ServiceRecord.status)
        .join(Session, Session.id == Visit.session_id)
        .join(
            ServiceRecord,
            (ServiceRecord.session_id == Visit.session_id) & (ServiceRecord.resident_id == Visit.resident_id),
        )
        .where(Visit.closed_by == ClosedBy.SCAN)
    )
    assert len(signed) == len(demo.rows(select(ServiceRecord.id))) > 500
    for entered_at, left_at, starts_at, minutes, status in signed:
        assert status is ServiceStatus.COUNTED
        assert minutes == (left_at - max(entered_at, starts_at - timedelta(minutes=30))) // timedelta(minutes=1)
    in_book = dict(
        demo.rows(
            select(Account.owner_id, Account.credited)
            .join(Book, Book.id == Account.book_id)
            .where(Account.kind == AccountKind.WALLET, Book.code == HOURS_BOOK)
        )
    )
    by_records = select(ServiceRecord.resident_id, func.sum(ServiceRecord.minutes)).group_by(ServiceRecord.resident_id)
    assert in_book == dict(demo.rows(by_records))


def test_nobody_was_in_two_rooms_at_once(demo: Demo):
    visits = demo.rows(select(Visit.resident_id, Visit.entered_at, Visit.left_at).order_by(Visit.entered_at))
    until: dict[int, datetime] = {}
    for resident_id, entered_at, left_at in visits:
        assert entered_at >= until.get(resident_id, entered_at)
        until[resident_id] = left_at


def test_a_volunteer_who_serves_today_has_the_hours_of_before_and_these(demo: Demo):
    expected = demo.rows(
        select(Reservation.resident_id, Session.id, Activity.title, Session.ends_at)
        .join(Session, Session.id == Reservation.session_id)
        .join(Activity, Activity.id == Session.activity_id)
        .join(StandingCount, StandingCount.resident_id == Reservation.resident_id)
        .where(
            Reservation.status == ReservationStatus.CONFIRMED,
            Session.checkin_opens_at <= NOW,
            Session.ends_at >= NOW + timedelta(minutes=30),
            Activity.volunteers_only,
            StandingCount.name == HOURS,
        )
        .order_by(Reservation.id)
    )
    resident_id, session_id, title, ends_at = expected[0]
    minutes = (ends_at - NOW) // timedelta(minutes=1)
    paid = minutes // 30 * 30

    def pass_the_door(work: Work, direction: Direction) -> dict[str, Any]:
        code = issue_code(replace(work, actor=resident(resident_id)), demo.keys).code
        answer = scan(work, demo.keys, ScanRequest(code, session_id, direction, f"a nonce, {direction}")).answer
        assert answer["result"] == "admitted", answer
        return dict(answer["points"])

    def serve(work: Work) -> tuple[Any, ...]:
        before, served = state_of(work, resident_id), read_minutes(work, resident_id).signed
        came = pass_the_door(work, Direction.IN)
        left = pass_the_door(replace(work, now=ends_at), Direction.OUT)
        more = read_minutes(work, resident_id).signed - served
        return before, came, left, more, state_of(work, resident_id), audit(work)

    before, came, left, more, after, report = demo.undone(serve, demo.staff("scanner"))
    hours, earned = (name_count(before, name) for name in (HOURS, "earned:points"))
    assert (came["awarded"], left["awarded"], more) == (0, paid // 6, minutes)
    assert left["balance"] == after["balance"] == before["balance"] + paid // 6
    assert left["explanation"].startswith(f"志愿服务《{title}》：每小时 10 分 × ")
    assert name_count(after, HOURS) == hours + paid * SCALE > paid * SCALE
    assert name_count(after, "earned:points") == earned + paid // 6
    assert after["used"] - before["used"] == {
        ("limit:service-day#quantity/day", demo.today.isoformat(), paid * SCALE, 8 * 60 * SCALE)
    }
    assert after["events"] == {(events + 2,) for (events,) in before["events"]}
    assert report.is_clean


def name_count(state: dict[str, Any], name: str) -> int:
    return {of: count for of, _, count in state["counts"]}[name]


def test_who_missed_one_session_may_not_reserve_after_missing_another(demo: Demo, recount: Recount):
    resident_id = next(of for of, missed in recount.missed.items() if len(missed) == 1)
    session_id = demo.rows(
        select(Session.id)
        .join(Activity, Activity.id == Session.activity_id)
        .where(Session.reservable_until > NOW, Activity.eligible_territory_id.is_(None), ~Activity.volunteers_only)
        .limit(1)
    )[0][0]

    def miss(work: Work) -> tuple[Outcome, Outcome]:
        excused = tell(work, "no_show", resident_id, "excused", excused=True)
        missed = tell(work, "no_show", resident_id, "missed", excused=False)
        with pytest.raises(BookingSuspended):
            reserve_place(replace(work, actor=resident(resident_id)), session_id, Wish(1))
        return excused, missed

    excused, missed = demo.undone(miss)
    assert kinds(excused) == []
    assert kinds(missed) == [LineKind.SUSPENSION]
    until = demo.today + timedelta(days=7)
    assert missed.lines[0].explanation == f"预约未到：第 2 次，暂停预约至 {until.isoformat()}"


def test_sorting_waste_earns_once_a_day_and_no_more_than_forty_points_a_month(demo: Demo):
    first, morning = demo.first().id, local_moment(date(2026, 12, 1), "08:00")

    def sort(work: Work) -> list[Outcome]:
        moments = [morning, morning, *(morning + timedelta(days=n) for n in range(1, 32))]
        return [tell(work, "waste_sorting", first, f"{n}", at) for n, at in enumerate(moments)]

    outcomes = demo.undone(sort)
    assert [outcome.awarded for outcome in outcomes] == [2, 0] + [2] * 19 + [0] * 11 + [2]
    assert "每日最多 1 次，已有 1 次" in (outcomes[1].explanation or "")
    assert "每月最多 40 分，已计 40 分，本次计 0 分" in (outcomes[-2].explanation or "")


def test_hours_that_staff_write_down_give_less_and_are_counted_apart(demo: Demo):
    first = demo.first().id

    def serve(work: Work) -> tuple[Any, ...]:
        before = state_of(work, first)
        written = tell(work, "service", first, "written", provenance="staff", minutes=110)
        unknown = tell(work, "service", first, "unknown", provenance="device", minutes=110)
        signed = tell(work, "service", first, "signed", provenance="signed", minutes=480)
        return before, written, unknown, signed, state_of(work, first)

    before, written, unknown, signed, after = demo.undone(serve)
    assert (written.awarded, unknown.awarded) == (7, 0)
    assert "每小时 5 分 × 1.5 小时 = 7.5 分，向下取整 7 分" in (written.explanation or "")
    assert "每日最多 8 小时，已计 1.5 小时，本次计 6.5 小时" in (signed.explanation or "")
    assert name_count(after, "tally:recorded-hours") == 90 * SCALE
    assert name_count(after, HOURS) == name_count(before, HOURS) + 480 * SCALE


def test_a_hundred_hours_of_service_are_a_star(demo: Demo):
    def serve(work: Work) -> list[Outcome]:
        at = [local_moment(demo.today + timedelta(days=n), "09:00") for n in range(13)]
        facts = {"provenance": "signed", "minutes": 480, "category": "老人陪护"}
        return [tell(work, "service", demo.first().id, f"{n}", moment, **facts) for n, moment in enumerate(at)]

    lines = [line for outcome in demo.undone(serve) for line in outcome.lines if line.kind is not LineKind.AWARD]
    assert [(line.kind, line.explanation) for line in lines] == [
        (LineKind.LEVEL, "星级志愿者：达到一星级志愿者"),
        (LineKind.RIGHT, "星级志愿者一星级志愿者：佩戴一星标识"),
    ]
