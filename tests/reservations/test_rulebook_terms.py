"""What the town's rulebook says of bookings holds for sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from models.reservations import ReservationStatus as Status
from rules.clock import local_day, local_moment
from rules.reservations.cancelling import cancel_reservation
from rules.reservations.changes import session_cancelled
from rules.reservations.refusals import NotEligible, NotOpenYet, PartyTooLarge, QuotaReached, TooLateToCancel
from rules.reservations.reserving import Wish, reserve_place
from rules.rulebook.versions import publish
from tests.build import TownBuilder
from tests.races import from_threads
from tests.reservations.story import Story

HEAD = """
name = "预约规则"
[expiry]
years = 1
[[booking]]
id = "sessions"
title = "活动"
where = { place = "session" }
"""


def ruled(town: TownBuilder, words: str, **options: Any) -> Story:
    """A story in a town whose rulebook says this of sessions."""
    town.act(None, lambda work: publish(work, HEAD + words, work.now - timedelta(days=1)))
    return Story.of(town, **options)


def test_a_quota_counts_what_was_booked_and_a_cancelled_booking_stays_counted(town: TownBuilder) -> None:
    first = ruled(town, 'quotas = [{ times = 2, per = "day" }]')
    person, second, third = town.resident(), Story.of(town), Story.of(town)
    first.reserve(person)
    first.cancel(person)
    second.reserve(person)
    assert third.refusal(person, reserve_place, third.session, Wish()) == QuotaReached.code
    third.pass_time(days=1)
    assert third.reserve(person) is Status.CONFIRMED


def test_a_quota_is_not_passed_by_booking_everything_at_once(town: TownBuilder) -> None:
    stories = [ruled(town, 'quotas = [{ times = 3, per = "day" }]')] + [Story.of(town) for _ in range(9)]
    person = town.resident()

    def book(story: Story) -> bool:
        try:
            story.reserve(person)
        except QuotaReached:
            return False
        return True

    assert sum(from_threads(book, [(story,) for story in stories], 10)) == 3


def test_a_quota_of_cancellations_stops_the_next_one(town: TownBuilder) -> None:
    words = 'quotas = [{ events = ["cancelled"], times = 1, per = "day", title = "每天取消 1 次" }]'
    first, person = ruled(town, words), town.resident()
    second = Story.of(town)
    first.reserve(person)
    second.reserve(person)
    first.cancel(person)
    assert second.refusal(person, cancel_reservation, second.held[person.id]) == QuotaReached.code
    assert second.status(person) is Status.CONFIRMED


def test_the_deadline_for_cancelling_is_fixed_at_the_booking(town: TownBuilder) -> None:
    story, person = ruled(town, 'cancel = { days_before = 1, at = "12:00" }'), town.resident()
    story.reserve(person)
    until = local_moment(local_day(story.begins) - timedelta(days=1), "12:00")
    assert story.reservation(person).cancellable_until == until
    later = HEAD + "cancel = { minutes_before = 0 }"
    town.act(None, lambda work: publish(work, later, work.now))
    story.now = until
    assert story.refusal(person, cancel_reservation, story.held[person.id]) == TooLateToCancel.code
    story.now = until - timedelta(seconds=1)
    story.cancel(person)
    assert story.status(person) is Status.CANCELLED


def test_what_can_never_be_cancelled_can_not(town: TownBuilder) -> None:
    story, person = ruled(town, "cancel = { never = true }"), town.resident()
    story.reserve(person)
    assert story.refusal(person, cancel_reservation, story.held[person.id]) == TooLateToCancel.code


def test_who_only_waits_may_leave_whatever_the_deadline(town: TownBuilder) -> None:
    story, waiting = ruled(town, "cancel = { never = true }", capacity=1), town.resident()
    story.reserve(town.resident())
    story.reserve(waiting)
    story.cancel(waiting)
    assert story.status(waiting) is Status.CANCELLED


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ('who = { person.volunteer = true }\nwho_title = "仅限注册志愿者"', NotEligible.code),
        ('opens = { days_before = 0, at = "00:00" }', NotOpenYet.code),
        ("party_max = 1", PartyTooLarge.code),
    ],
)
def test_what_the_rulebook_forbids_is_refused_and_takes_nothing(town: TownBuilder, words: str, code: str) -> None:
    story = ruled(town, words)
    assert story.refusal(town.resident(), reserve_place, story.session, Wish(2)) == code
    assert story.counters() == (0, 0)


def test_rules_for_other_places_do_not_hold_for_sessions(town: TownBuilder) -> None:
    story = ruled(town, "")
    other = HEAD.replace('place = "session"', 'place = "venue"') + "party_max = 1"
    town.act(None, lambda work: publish(work, other, work.now - timedelta(seconds=1)))
    assert story.reserve(town.resident(), 2) is Status.CONFIRMED


ONCE_A_MONTH = 'quotas = [{ times = 1, per = "month" }]'


def test_a_session_that_is_called_off_gives_the_quota_back(town: TownBuilder) -> None:
    story, person = ruled(town, ONCE_A_MONTH), town.resident()
    story.reserve(person)
    story.act(None, session_cancelled, story.session, "场地检修")
    assert Story.of(town).reserve(person) is Status.CONFIRMED


def test_who_waited_in_vain_has_used_no_quota(town: TownBuilder) -> None:
    story, waiting = ruled(town, ONCE_A_MONTH, capacity=1, begins_in=timedelta(hours=1)), town.resident()
    story.reserve(town.resident())
    story.reserve(waiting)
    story.now = story.ends + timedelta(days=4)
    story.close()
    assert story.status(waiting) is Status.LAPSED
    assert Story.of(town).reserve(waiting) is Status.CONFIRMED
