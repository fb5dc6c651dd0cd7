"""Points for places: held at sign-up, spent at the door, given back when nothing comes of it."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import update

from models.activities import Session
from models.ledger import Account, AccountKind
from models.reservations import ReservationStatus as Status
from rules.ledger.audit import audit
from rules.ledger.earning import Earning, earn
from rules.ledger.holds import release_lapsed_holds
from rules.ledger.reading import read_spendable
from rules.ledger.spending import PointsInsufficient
from rules.ledger.transactions import Cause
from rules.reservations.attending import undo_check_in
from rules.reservations.changes import session_cancelled, session_moved
from rules.reservations.offers import confirm_offer
from rules.reservations.places import lock_session
from rules.reservations.reserving import Wish, reserve_place
from rules.rulebook.versions import publish
from rules.work import SYSTEM, Work
from tests.build import Person, TownBuilder
from tests.reservations.story import Story


def rich(town: TownBuilder, points: int = 100) -> Person:
    """A resident with points."""
    person = town.resident()

    def give(work: Work) -> None:
        cause = Cause("test", "赠送", work.now)
        earn(work, f"gift:{person.id}", Earning(person.id, points, date(2099, 12, 31), cause))

    town.act(None, give)
    return person


def balance(town: TownBuilder, person: Person) -> int:
    return int(town.act(person, lambda work: read_spendable(work, person.id)))


def is_sound(town: TownBuilder) -> bool:
    return bool(town.database.survey(town.id, SYSTEM, audit).is_clean)


def redeemed(town: TownBuilder) -> int:
    rows = town.rows(Account.credited, Account.debited, kind=AccountKind.REDEEMED)
    return sum(row.credited - row.debited for row in rows)


def test_a_place_that_costs_points_holds_them_for_the_whole_party(town: TownBuilder) -> None:
    story, person = Story.of(town, capacity=4, price=10), rich(town)
    assert story.reserve(person, 3) is Status.CONFIRMED
    assert balance(town, person) == 70
    assert (story.reservation(person).price, redeemed(town)) == (30, 0)
    assert is_sound(town)


def test_without_enough_points_there_is_no_place(town: TownBuilder) -> None:
    story, person = Story.of(town, price=101), rich(town)
    assert story.refusal(person, reserve_place, story.session, Wish()) == PointsInsufficient.code
    assert story.counters() == story.added_up() == (0, 0)


def test_who_comes_has_paid(town: TownBuilder) -> None:
    story, person = Story.of(town, price=10), rich(town)
    story.reserve(person)
    story.now = story.begins
    assert story.come(person)
    assert (balance(town, person), redeemed(town)) == (90, 10)
    assert is_sound(town)


def test_who_cancels_gets_the_points_back(town: TownBuilder) -> None:
    story, person = Story.of(town, price=10), rich(town)
    story.reserve(person)
    story.cancel(person)
    assert (balance(town, person), redeemed(town)) == (100, 0)
    assert is_sound(town)


def test_when_the_organiser_cancels_everybody_gets_the_points_back(town: TownBuilder) -> None:
    story, people = Story.of(town, capacity=3, price=10), [rich(town) for _ in range(3)]
    for person in people:
        story.reserve(person)
    story.act(None, session_cancelled, story.session, "老师生病")
    assert [balance(town, person) for person in people] == [100, 100, 100]
    assert story.counters() == story.added_up() == (0, 0)
    assert is_sound(town)


def test_a_scan_that_is_undone_holds_the_points_again(town: TownBuilder) -> None:
    story, person = Story.of(town, price=10), rich(town)
    story.reserve(person)
    story.now = story.begins
    story.come(person)
    assert story.act(None, undo_check_in, story.held[person.id]) is True
    assert (balance(town, person), redeemed(town)) == (90, 0)
    story.pass_time(minutes=1)
    assert story.come(person)
    assert (balance(town, person), redeemed(town)) == (90, 10)
    assert is_sound(town)


def test_who_waits_for_a_place_that_costs_points_is_asked_first_and_pays_when_agreeing(town: TownBuilder) -> None:
    story, in_, waiting = Story.of(town, capacity=1, price=10, offer_minutes=0), rich(town), rich(town)
    story.reserve(in_)
    story.reserve(waiting)
    assert balance(town, waiting) == 100
    story.cancel(in_)
    assert (story.status(waiting), balance(town, waiting)) == (Status.OFFERED, 100)
    story.confirm(waiting)
    assert (story.status(waiting), balance(town, waiting)) == (Status.CONFIRMED, 90)


def test_who_can_not_pay_any_more_keeps_the_offer_until_it_lapses(town: TownBuilder) -> None:
    story, in_, waiting = Story.of(town, capacity=1, price=10), rich(town), town.resident()
    story.reserve(in_)
    story.reserve(waiting)
    story.cancel(in_)
    assert story.refusal(waiting, confirm_offer, story.held[waiting.id]) == PointsInsufficient.code
    assert story.status(waiting) is Status.OFFERED


def test_a_no_shows_points_stay_held_while_an_upload_may_prove_otherwise_and_come_back_then(town: TownBuilder) -> None:
    story, came, missed = Story.of(town, price=10), rich(town), rich(town)
    story.reserve(came)
    story.reserve(missed)
    story.now = story.begins
    story.come(came)
    story.now = story.ends
    story.look_for_no_shows()
    assert balance(town, missed) == 90
    story.pass_time(days=3)
    story.act(None, release_lapsed_holds, 100)
    assert (balance(town, missed), balance(town, came)) == (100, 90)
    assert is_sound(town)


def test_cancelling_after_the_hold_has_lapsed_gives_nothing_twice(town: TownBuilder) -> None:
    story, person = Story.of(town, price=10), rich(town)
    story.reserve(person)
    story.now = story.ends + timedelta(days=4)
    story.act(None, release_lapsed_holds, 100)
    assert balance(town, person) == 100
    story.act(None, session_cancelled, story.session, "补记取消")
    assert balance(town, person) == 100
    assert is_sound(town)


PRICED = """
name = "预约收费"
[expiry]
years = 1
[[booking]]
id = "sessions"
title = "活动"
where = { place = "session" }
price = 15
"""


def test_what_the_rulebook_asks_for_a_booking_is_held_beside_the_activitys_own_price(town: TownBuilder) -> None:
    town.act(None, lambda work: publish(work, PRICED, work.now - timedelta(minutes=1)))
    story, person, poor = Story.of(town, price=10), rich(town), town.resident()
    assert story.reserve(person) is Status.CONFIRMED
    assert balance(town, person) == 75
    assert story.refusal(poor, reserve_place, story.session, Wish()) == PointsInsufficient.code


def test_a_session_that_moves_far_keeps_its_holds(town: TownBuilder) -> None:
    story, person = Story.of(town, price=10), rich(town)
    story.reserve(person)
    later = {"starts_at": story.begins + timedelta(days=30), "ends_at": story.ends + timedelta(days=30)}

    def move(work: Work) -> None:
        lock_session(work, story.session)
        work.db.execute(update(Session).where(Session.id == story.session).values(versioned_at=work.now, **later))
        session_moved(work, story.session)

    story.act(None, move)
    story.now = later["starts_at"]
    story.act(None, release_lapsed_holds, 100)
    assert balance(town, person) == 90
    assert story.come(person)
    assert (balance(town, person), redeemed(town)) == (90, 10)


def test_whose_hold_has_lapsed_comes_in_all_the_same_and_pays_nothing(town: TownBuilder) -> None:
    story, person = Story.of(town, price=10), rich(town)
    story.reserve(person)
    story.now = story.ends + timedelta(days=3)
    assert story.come(person)
    story.act(None, release_lapsed_holds, 100)
    assert (balance(town, person), redeemed(town)) == (100, 0)
    assert story.act(None, undo_check_in, story.held[person.id]) is True
    assert is_sound(town)
