"""The demo's ledger is what would have been written event by event."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from sqlalchemy import func, select

from demo.points import BUDGET, BUDGET_EXPLANATION
from demo.seed import TOWN_ID
from models.activities import Activity, Session
from models.checkins import Direction, Scan, ScanResult
from models.ledger import NEVER, Account, AccountKind, Event, Lot, Posting, Txn, TxnKind
from models.reservations import Reservation, ReservationStatus
from models.rulebook import StandingSuspension
from rules.checkins.codes import issue_code
from rules.checkins.scans import SOURCE, ScanRequest, scan
from rules.clock import local_day
from rules.ledger.audit import audit
from rules.ledger.caps import CapUse
from rules.ledger.earning import Earning, earn
from rules.ledger.pools import grant_budget
from rules.ledger.transactions import Cause
from rules.points.holders import happening_of
from rules.points.wallet import list_statement, show_points
from rules.reservations.looking import list_reservations
from rules.reservations.reserving import Wish, reserve_place
from rules.rulebook.evaluation import evaluate
from rules.rulebook.standing import Standing, apply
from rules.rulebook.versions import rulebook_in_force
from rules.volunteering.counting import SOURCE as SERVICE
from rules.work import SYSTEM, ActorKind
from tests.demo.conftest import NOW, Demo

#: The events that scans lead to.
SOURCES = {Direction.IN: SOURCE, Direction.OUT: SERVICE}
#: What a wallet held after points came.
wallet_after = (Posting.dst_credited_after - Posting.dst_debited).label("balance")


def test_the_audit_finds_nothing_wrong(demo: Demo):
    report = demo.transactions.survey(TOWN_ID, SYSTEM, audit)
    assert report.is_clean, report.violations
    assert report.checked["transactions"] > 10_000 < report.checked["rule_usages"]


def test_what_was_credited_was_debited(demo: Demo):
    credited, debited = demo.rows(select(func.sum(Account.credited), func.sum(Account.debited)))[0]
    assert credited == debited > BUDGET


def test_accounts_are_the_sum_of_their_postings(demo: Demo):
    came_in = dict(demo.rows(select(Posting.dst_account_id, func.sum(Posting.amount)).group_by(Posting.dst_account_id)))
    went_out = dict(
        demo.rows(select(Posting.src_account_id, func.sum(Posting.amount)).group_by(Posting.src_account_id))
    )
    for id_, credited, debited in demo.rows(select(Account.id, Account.credited, Account.debited)):
        assert (credited, debited) == (came_in.get(id_, 0), went_out.get(id_, 0))


def test_each_posting_continues_the_counters_where_the_one_before_left_them(demo: Demo):
    postings = demo.rows(select(Posting).order_by(Posting.recorded_at, Posting.txn_id))
    counters: dict[object, int] = {}
    for (posting,) in postings:
        for key, after in (
            (("out", posting.src_account_id), posting.src_debited_after),
            (("in", posting.dst_account_id), posting.dst_credited_after),
            (("lot", posting.dst_lot_id), posting.dst_lot_credited_after),
        ):
            if after is not None:
                assert after == counters.get(key, 0) + posting.amount
                counters[key] = after


def test_open_lots_are_the_balance_of_their_wallet(demo: Demo):
    lots = demo.rows(select(Lot.account_id, func.sum(Lot.credited - Lot.debited)).group_by(Lot.account_id))
    with_lots = Account.kind.in_((AccountKind.WALLET, AccountKind.ESCROW))
    wallets = select(Account.id, Account.credited - Account.debited).where(with_lots)
    assert dict(lots) == dict(demo.rows(wallets))
    assert {row[0].year for row in demo.rows(select(Lot.expires_on))} == {2027, 2028, NEVER.year}  # hours never lapse


def test_every_check_in_and_check_out_has_its_event_its_points_and_its_scan(demo: Demo):
    used = demo.rows(
        select(Reservation.session_id, Reservation.resident_id, Reservation.checked_in_at).where(
            Reservation.status == ReservationStatus.CHECKED_IN
        )
    )
    refs = {f"{session}:{resident}": at for session, resident, at in used}
    of_checkins = select(Event.source_ref, Event.occurred_at).where(Event.source == SOURCE)
    assert dict(demo.rows(of_checkins)) == refs
    admitted = demo.rows(select(Scan).where(Scan.result == ScanResult.ADMITTED))
    scans = {(SOURCES[scan.direction], f"{scan.session_id}:{scan.resident_id}"): scan for (scan,) in admitted}
    assert {ref: scan.received_at for (source, ref), scan in scans.items() if source == SOURCE} == refs
    served = select(Event.source_ref, Event.occurred_at).where(Event.source == SERVICE)
    assert {ref for source, ref in scans if source == SERVICE} == dict(demo.rows(served)).keys() < refs.keys()
    told = {of: scan.answer["points"] for of, scan in scans.items()}
    paid = demo.rows(
        select(
            Event.source,
            Event.source_ref,
            Txn.idempotency_key,
            Txn.rule_id,
            Txn.explanation,
            Posting.amount,
            wallet_after,
        )
        .join(Txn, Txn.event_id == Event.id)
        .join(Posting, Posting.txn_id == Txn.id)
    )
    for source, ref, key, rule_id, explanation, amount, balance in paid:
        assert key == f"{source}:{ref}:{rule_id}"
        assert told.pop((source, ref)) == {"awarded": amount, "balance": balance, "explanation": explanation}
    assert all(points["awarded"] == 0 for points in told.values())
    why_not = {ref: points["explanation"] for (_, ref), points in told.items()}
    came_to_serve = {ref for ref, explanation in why_not.items() if explanation is None}  # and is paid on leaving
    assert came_to_serve >= dict(demo.rows(served)).keys()
    assert all("每日最多 15 分" in why_not[ref] for ref in why_not.keys() - came_to_serve)


def test_the_ledger_answers_a_past_earning_that_is_asked_for_again(demo: Demo):
    first = demo.rows(select(Event.id, Event.source, Event.subject_id, Event.occurred_at, Event.payload).limit(80))
    booked = {txn.event_id: txn for (txn,) in demo.rows(select(Txn).where(Txn.kind == TxnKind.EARN))}

    def ask_again(work):
        standings = defaultdict(Standing)
        count = 0
        for event_id, source, resident_id, at, payload in first:
            in_force = rulebook_in_force(work, at)
            decision = evaluate(in_force.plan, happening_of(source, at, payload), standings[resident_id])
            apply(standings[resident_id], decision.changes)
            for award in decision.awards:
                txn = booked[event_id]
                uses = decision.uses.get(award.rule_id, ())
                usages = tuple(CapUse(use.name, use.bucket, use.count, use.most) for use in uses)
                cause = Cause(txn.reason, txn.explanation, txn.effective_at, event_id=event_id)
                earning = Earning(resident_id, award.amount, award.expires_on, cause, usages=usages)
                assert (award.rule_id, award.explanation) == (txn.rule_id, txn.explanation)
                assert earning.usage_entries() == txn.usages
                receipt = earn(work, txn.idempotency_key, earning)
                assert (receipt.replayed, receipt.txn_id) == (True, txn.id)
                count += 1
        return count, grant_budget(work, "demo:budget", BUDGET, BUDGET_EXPLANATION)

    count, granted = demo.undone(ask_again)
    assert count > 40
    assert granted.replayed


def test_resident_00001_has_something_of_everything(demo: Demo):
    reservations = demo.transactions.read(TOWN_ID, demo.first(), list_reservations, None, 100).items
    by_status = {status: [row for row in reservations if row.status is status] for status in ReservationStatus}
    assert len(by_status[ReservationStatus.CHECKED_IN]) >= 5
    assert len(by_status[ReservationStatus.CANCELLED]) == 1
    (coming,) = by_status[ReservationStatus.CONFIRMED]
    assert coming.starts_at > NOW
    assert all("阅览室" not in row.venue_name for row in reservations)
    assert all(local_day(row.starts_at) != demo.today for row in reservations)
    points = demo.transactions.read(TOWN_ID, demo.first(), show_points)
    statement = demo.transactions.read(TOWN_ID, demo.first(), list_statement, None, 100).items
    assert points.balance == sum(line.amount for line in statement) == statement[0].balance_after
    assert any("规则 volunteer-service" in line.explanation for line in statement)
    assert not demo.rows(select(StandingSuspension).where(StandingSuspension.resident_id == demo.first().id))


def test_resident_00001_can_reserve_in_the_reading_room_now_and_is_let_in(demo: Demo):
    open_now = (
        select(Session.id)
        .join(Activity, Activity.id == Session.activity_id)
        .where(Session.checkin_opens_at <= NOW, Session.ends_at > NOW, Activity.category == "阅读自习")
    )
    session_id = demo.rows(open_now)[0][0]
    kept = demo.rows(select(Scan.answer).where(Scan.result == ScanResult.ADMITTED).limit(1))[0][0]
    before = demo.transactions.read(TOWN_ID, demo.first(), show_points).balance
    scanner = demo.staff("scanner")

    def walk(work):
        resident = replace(work, actor=demo.first())
        reserve_place(resident, session_id, Wish(1))
        code = issue_code(resident, demo.keys).code
        return scan(work, demo.keys, ScanRequest(code, session_id, Direction.IN, "a nonce of the walk")).answer

    answer = demo.undone(walk, scanner)
    assert scanner.kind is ActorKind.STAFF
    assert answer["result"] == "admitted"
    assert answer["points"]["balance"] == before + 5
    assert {key: set(value) for key, value in answer.items() if isinstance(value, dict)} == {
        key: set(value) for key, value in kept.items() if isinstance(value, dict)
    }
    assert set(answer) == set(kept)
