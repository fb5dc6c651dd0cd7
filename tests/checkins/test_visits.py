"""Visits are what the scans of a resident add up to, in whatever order they arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.checkins import ClosedBy, Direction
from rules.checkins.visits import (
    CLOSES_AFTER,
    Folded,
    Meaning,
    Room,
    Sight,
    Stay,
    fold,
    signed_minutes,
    touching,
)

NINE = datetime(2026, 5, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HALL, STUDIO, EVENING, ONCE = 1, 2, 3, 4
EVER_AFTER = NINE + timedelta(days=30)


def room(session_id: int, starts_at: datetime, hours: int = 2, *, allows_reentry: bool = True) -> Room:
    ends_at = starts_at + timedelta(hours=hours)
    return Room(session_id, starts_at - 30 * MINUTE, starts_at, ends_at, allows_reentry, volunteers_only=True)


ROOMS = {
    HALL: room(HALL, NINE),
    STUDIO: room(STUDIO, NINE + 60 * MINUTE),
    EVENING: room(EVENING, NINE + timedelta(hours=9)),
    ONCE: room(ONCE, NINE, allows_reentry=False),
}


def seen(direction: str, minute: int, session: int = HALL, scanner: int = 7, **more: bool) -> Sight:
    """Seen at a door so many minutes after nine. A sight has one id by what it is."""
    id_ = ((minute + 1000) * 10 + session) * 100 + 2 * scanner + (direction == "out")
    at = NINE + minute * MINUTE
    return Sight(id_, session, 100 + session, Direction(direction), at, scanner, f"nonce-{id_}", **more)


def told(folded: Folded) -> list[tuple[int, int, int | None, str | None]]:
    """Session, minutes after nine of coming and going, what ended it."""

    def minutes(moment: datetime | None) -> int | None:
        return None if moment is None else (moment - NINE) // MINUTE

    return [
        (stay.session_id, minutes(stay.entered_at) or 0, minutes(stay.left_at), stay.closed_by) for stay in folded.stays
    ]


def after(*sights: Sight, now: datetime = NINE + 90 * MINUTE) -> list[tuple[int, int, int | None, str | None]]:
    return told(fold(sights, ROOMS, now))


def test_in_and_out_make_a_visit() -> None:
    assert after(seen("in", 0)) == [(HALL, 0, None, None)]
    assert after(seen("in", 0), seen("out", 80)) == [(HALL, 0, 80, "scan")]


def test_the_earliest_of_two_entries_counts_and_the_earliest_of_two_exits() -> None:
    assert after(seen("in", 5), seen("in", 0, scanner=8)) == [(HALL, 0, None, None)]
    assert after(seen("in", 0), seen("out", 80), seen("out", 81, scanner=8)) == [(HALL, 0, 80, "scan")]


def test_coming_back_makes_another_visit_only_where_that_is_allowed() -> None:
    assert after(seen("in", 0), seen("out", 20), seen("in", 30)) == [(HALL, 0, 20, "scan"), (HALL, 30, None, None)]
    sights = [seen("in", 0, ONCE), seen("out", 20, ONCE), seen("in", 30, ONCE)]
    folded = fold(sights, ROOMS, NINE + 40 * MINUTE)
    assert told(folded) == [(ONCE, 0, 20, "scan")]
    assert folded.meanings[sights[2].scan_id] is Meaning.LEFT_ALREADY
    back = seen("in", 30, ONCE, overridden=True)
    assert after(*sights[:2], back) == [(ONCE, 0, 20, "scan"), (ONCE, 30, None, None)]


def test_entering_another_room_leaves_the_first_one() -> None:
    assert after(seen("in", 0), seen("in", 60, STUDIO)) == [(HALL, 0, 60, "other_room"), (STUDIO, 60, None, None)]
    there_and_back = after(seen("in", 0), seen("in", 60, STUDIO), seen("in", 70))
    assert there_and_back == [(HALL, 0, 60, "other_room"), (STUDIO, 60, 70, "other_room"), (HALL, 70, None, None)]


def test_going_out_of_a_room_that_one_is_not_in_means_nothing() -> None:
    lost = seen("out", 65)
    folded = fold([seen("in", 0), seen("in", 60, STUDIO), lost], ROOMS, NINE + 90 * MINUTE)
    assert told(folded) == [(HALL, 0, 60, "other_room"), (STUDIO, 60, None, None)]
    assert folded.meanings[lost.scan_id] is Meaning.NOT_IN


def test_who_nobody_saw_leave_was_there_until_the_end() -> None:
    almost = NINE + 120 * MINUTE + CLOSES_AFTER - MINUTE
    assert after(seen("in", 0), now=almost) == [(HALL, 0, None, None)]
    assert after(seen("in", 0), now=almost + MINUTE) == [(HALL, 0, 120, "session_end")]


def test_who_leaves_after_the_end_was_seen_leaving() -> None:
    assert after(seen("in", 0), seen("out", 140), now=EVER_AFTER) == [(HALL, 0, 140, "scan")]


def test_a_session_that_is_over_is_not_left_by_entering_one_hours_later() -> None:
    assert after(seen("in", 0), seen("in", 540, EVENING), now=NINE + 600 * MINUTE) == [
        (HALL, 0, 120, "session_end"),
        (EVENING, 540, None, None),
    ]


def test_an_exit_just_before_a_lone_entry_is_two_clocks_that_disagree() -> None:
    out, came = seen("out", 0, offline=True), seen("in", 10)
    folded = fold([out, came], ROOMS, EVER_AFTER)
    assert told(folded) == [(HALL, 10, 10, "scan")]
    assert folded.meanings == {out.scan_id: Meaning.EXIT, came.scan_id: Meaning.ENTRY}


@pytest.mark.parametrize(
    ("sights", "visits"),
    [
        pytest.param([seen("out", 0, offline=True), seen("in", 11)], [(HALL, 11, 120, "session_end")], id="too long"),
        pytest.param([seen("out", 0), seen("in", 5)], [(HALL, 5, 120, "session_end")], id="both by our clock"),
        pytest.param(
            [seen("out", 0, offline=True), seen("in", 5), seen("out", 50)], [(HALL, 5, 50, "scan")], id="not alone"
        ),
        pytest.param(
            [seen("in", -20), seen("out", -10), seen("out", 0, scanner=8, offline=True), seen("in", 5)],
            [(HALL, -20, -10, "scan"), (HALL, 5, 120, "session_end")],
            id="came before",
        ),
        pytest.param(
            [seen("out", 0, STUDIO, offline=True), seen("in", 5)], [(HALL, 5, 120, "session_end")], id="another door"
        ),
    ],
)
def test_any_other_exit_without_an_entry_means_nothing(
    sights: list[Sight], visits: list[tuple[int, int, int, str]]
) -> None:
    folded = fold(sights, ROOMS, EVER_AFTER)
    assert told(folded) == visits
    assert Meaning.NOT_IN in folded.meanings.values()


def test_equal_moments_have_one_order() -> None:
    sights = [seen("in", 0), seen("out", 0), seen("in", 0, scanner=8), seen("in", 0, STUDIO, scanner=6)]
    assert len({str(after(*order)) for order in permutations(sights)}) == 1


# --- whatever happens -------------------------------------------------------------------------------------------------

SIGHTS = st.lists(
    st.builds(
        seen,
        st.sampled_from(["in", "out"]),
        st.integers(-30, 700),
        st.sampled_from(list(ROOMS)),
        st.integers(6, 9),
        offline=st.booleans(),
        overridden=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda sight: sight.scan_id,
)


@given(st.data(), SIGHTS)
def test_any_order_of_arrival_gives_the_same_visits(data: st.DataObject, sights: list[Sight]) -> None:
    first = fold(sights, ROOMS, EVER_AFTER)
    again = fold(data.draw(st.permutations(sights)), ROOMS, EVER_AFTER)
    assert told(again) == told(first)
    assert again.meanings == first.meanings


@given(SIGHTS, st.integers(0, 900))
@example([seen("in", 0), seen("in", 60, STUDIO)], 90)
def test_nobody_is_in_two_rooms_and_every_visit_is_opened_by_a_scan_of_its_own(
    sights: list[Sight], minute: int
) -> None:
    folded = fold(sights, ROOMS, NINE + minute * MINUTE)
    for one, next_one in pairwise(folded.stays):
        assert one.left_at is not None
        assert one.entered_at <= one.left_at <= next_one.entered_at
    entries = [stay.entry_scan_id for stay in folded.stays]
    assert sorted(entries) == sorted(id_ for id_, meaning in folded.meanings.items() if meaning is Meaning.ENTRY)
    assert len(set(entries)) == len(entries)
    exits = [stay.exit_scan_id for stay in folded.stays if stay.closed_by is ClosedBy.SCAN]
    assert sorted(map(str, exits)) == sorted(
        str(id_) for id_, meaning in folded.meanings.items() if meaning is Meaning.EXIT
    )
    assert set(folded.meanings) == {sight.scan_id for sight in sights}


#: Seen while the session's door is open, as the door sees to.
IN_TIME = st.one_of(
    st.builds(seen, st.sampled_from(["in", "out"]), st.integers(begin, end), st.just(session), st.integers(6, 9))
    for session, begin, end in ((HALL, -30, 150), (STUDIO, 30, 210), (EVENING, 510, 690), (ONCE, -30, 150))
)


@given(st.lists(IN_TIME, max_size=12, unique_by=lambda sight: sight.scan_id))
def test_what_is_over_and_what_is_still_to_come_do_not_disturb_each_other(sights: list[Sight]) -> None:
    """A fold of the sessions that touch each other gives what a fold of everything gives for them."""
    near = touching(ROOMS.values(), ROOMS[HALL].opens_at, ROOMS[HALL].closes_at)
    assert near == {HALL, STUDIO, ONCE}
    apart = fold([sight for sight in sights if sight.session_id in near], ROOMS, EVER_AFTER)
    whole = fold(sights, ROOMS, EVER_AFTER)
    assert told(apart) == [visit for visit in told(whole) if visit[0] in near]


# --- signed minutes ---------------------------------------------------------------------------------------------------


def stay(begin: int, end: int, by: ClosedBy = ClosedBy.SCAN) -> Stay:
    return Stay(HALL, 1, NINE + begin * MINUTE, 1, NINE + end * MINUTE, by, 2)


@pytest.mark.parametrize(
    ("stays", "minutes"),
    [
        ([stay(0, 120)], 120),
        ([stay(-60, 120)], 150),
        ([stay(0, 300)], 150),
        ([stay(-60, 300)], 180),
        ([stay(0, 60), stay(70, 120)], 110),
        ([stay(0, 60, ClosedBy.OTHER_ROOM)], 60),
        ([stay(0, 120, ClosedBy.SESSION_END)], 0),
        ([stay(30, 30)], 0),
        ([stay(200, 300)], 0),
        ([Stay(HALL, 1, NINE, 1)], 0),
        ([], 0),
    ],
)
def test_minutes_count_around_the_session_and_only_where_somebody_was_seen_leaving(
    stays: list[Stay], minutes: int
) -> None:
    assert signed_minutes(stays, ROOMS[HALL]) == minutes


def test_parts_of_minutes_add_up() -> None:
    half = timedelta(seconds=30)
    stays = [
        Stay(HALL, 1, NINE, 1, NINE + 10 * MINUTE + half, ClosedBy.SCAN, 2),
        Stay(HALL, 1, NINE + 20 * MINUTE, 3, NINE + 30 * MINUTE + half, ClosedBy.SCAN, 4),
    ]
    assert signed_minutes(stays, ROOMS[HALL]) == 21
