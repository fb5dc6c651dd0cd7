"""Reading: the same number whether its days have snapshots or not, split in any way, at any place, for whom it is meant."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from models.activities import Session
from models.monitor import Slice
from models.residents import Role
from models.territory import Operator, Scene
from rules.monitor.periods import PeriodInvalid, PeriodKind, find_period, previous
from rules.monitor.reading import AsOfInvalid, MeasureUnknown, SliceUnknown, find_as_of, read_series, settled
from rules.operators import add_operator_staff
from rules.residents.identity import Forbidden
from rules.territory import PlaceUnknown
from tests.build import Person, add
from tests.monitor.small import DAY, FIRST, Past, moment


def plan_a_week(past: Past) -> None:
    past.at(0)
    past.plan(1, places=10, at=past.estate_id)
    past.plan(1, places=6, scene=Scene.HEALTH, at=past.town.other_community_id)
    past.at(2, 9)
    past.plan(3, places=7)
    past.plan(4, places=5, at=past.town.street_id)


@pytest.mark.parametrize("snapshots", [(), (2,), (5,), (2, 5)])
def test_a_number_is_the_same_with_snapshots_of_some_days_all_or_none(
    past: Past, auditor: Person, snapshots: tuple[int, ...]
) -> None:
    past.at(0)
    plan_a_week(past)
    for day in snapshots:
        past.at(day, 1)
        past.snapshot()
    as_of = past.at(5, 12)

    def number(name: str, first: int, last: int, at: int | None = None) -> Any:
        return past.number(auditor, as_of, first, last, name, at)

    assert [number("places", 1, last) for last in (0, 1, 2, 3, 5)][1:] == [16, 16, 23, 28]
    assert (number("places", 2, 3), number("sessions", 1, 4), number("hours", 3, 3)) == (7, 4, 1.75)
    assert number("size", 1, 3) == 23 / 3
    assert number("size", 2, 2) is None
    assert (number("made", 1, 1), number("made", 2, 5)) == (2, 4)
    community, other, street = past.town.community_id, past.town.other_community_id, past.town.street_id
    assert [number("places", 1, 5, at) for at in (past.estate_id, community, other, street)] == [10, 17, 6, 28]
    split = past.values(auditor, as_of, 1, 3, "places", "size", slice=Slice.SCENE)
    assert {key: values["tests.places"].value for key, values in split.items()} == {"education": 17, "health": 6}
    assert split["education"]["tests.size"].value == 8.5
    by_place = past.places(auditor, as_of, 1, 3, "places", "size", "made")
    assert {
        node: [values[f"tests.{name}"].value for name in ("places", "size")] for node, values in by_place.items()
    } == {
        community: [17, 8.5],
        other: [6, 6],
    }


def test_a_series_adds_up_to_its_period_and_a_state_is_that_of_each_end(past: Past, auditor: Person) -> None:
    plan_a_week(past)
    past.at(5, 1)
    past.snapshot()
    as_of = past.at(8, 12)
    reach = past.reach(auditor)
    names = ["tests.places", "tests.made", "tests.size"]
    asked = (reach, names, FIRST, FIRST + 8 * DAY, as_of)
    by_day = past.read(auditor, read_series, *asked)
    assert [point.value.value for point in by_day["tests.places"]] == [0, 16, 0, 7, 5, 0, 0, 0, 0]
    assert [point.value.value for point in by_day["tests.made"]] == [2, 2, *[4] * 7]
    by_week = past.read(auditor, read_series, *asked, by=PeriodKind.WEEK)
    assert [(point.first, point.last, point.value.value) for point in by_week["tests.places"]] == [
        (FIRST, FIRST + 6 * DAY, 28),
        (FIRST + 7 * DAY, FIRST + 8 * DAY, 0),
    ]
    assert [point.value.value for point in by_week["tests.size"]] == [7, None]
    of_health = past.read(auditor, read_series, *asked, by=PeriodKind.MONTH, slice=Slice.SCENE, key="health")
    assert [point.value.value for point in of_health["tests.places"]] == [6]


def test_a_state_over_days_is_what_it_was_when_the_last_snapshot_was_made(past: Past, auditor: Person) -> None:
    past.at(0)
    past.plan(1)
    assert past.number(auditor, past.at(1, 2), 0, 1, "recent") is None
    past.snapshot()
    past.at(1, 3)
    past.plan(2)
    assert past.number(auditor, past.at(1, 4), 0, 1, "recent") == 1
    past.at(2, 1)
    past.snapshot()
    assert [past.number(auditor, past.at(2, 2), 0, day, "recent") for day in (0, 1, 2)] == [1, 2, 2]


def test_a_state_whose_changes_have_no_place_is_of_places_that_of_yesterday(past: Past, auditor: Person) -> None:
    past.at(0)
    past.plan(1)
    past.at(1, 1)
    past.snapshot()
    past.at(1, 9)
    past.plan(2)
    as_of = past.at(1, 10)
    assert past.number(auditor, as_of, 0, 1, "made") == 2
    assert past.number(auditor, as_of, 0, 1, "made", past.town.community_id) == 1
    assert past.places(auditor, as_of, 0, 1, "made")[past.town.community_id]["tests.made"].value == 1


def test_who_sees_what(past: Past, auditor: Person) -> None:
    town = past.town
    plan_a_week(past)
    as_of = past.at(5)
    admin, manager = town.staff(Role.ADMIN), town.staff(Role.MANAGER, at=town.community_id)
    assert [past.number(who, as_of, 1, 5, "secret") for who in (auditor, admin)] == [4, 4]
    assert past.number(manager, as_of, 1, 5, "places", town.community_id) == 17
    for place, refusal in ((None, Forbidden), (town.other_community_id, Forbidden), (past.estate_id + 7, PlaceUnknown)):
        with pytest.raises(refusal):
            past.reach(manager, place)
    for name, refusal in (("secret", MeasureUnknown), ("nonsense", MeasureUnknown)):
        with pytest.raises(refusal):
            past.number(manager, as_of, 1, 5, name, town.community_id)
    with pytest.raises(SliceUnknown):
        past.values(auditor, as_of, 1, 5, "recent", slice=Slice.SCENE)
    for who in (town.staff(Role.SCANNER), town.resident()):
        with pytest.raises(Forbidden):
            past.reach(who)


def test_what_is_confidential_is_for_auditors_of_the_whole_town_alone(past: Past, auditor: Person) -> None:
    plan_a_week(past)
    as_of = past.at(5)
    assert past.number(auditor, as_of, 1, 5, "secret") == 4
    manager = past.town.staff(Role.MANAGER)
    assert past.number(manager, as_of, 1, 5, "sessions") == 4
    with pytest.raises(MeasureUnknown):
        past.number(manager, as_of, 1, 5, "secret")


def test_staff_of_an_operator_see_that_operators_numbers_alone(past: Past, auditor: Person) -> None:
    town = past.town
    plan_a_week(past)
    other_operator = town.act(None, lambda work: add(work, Operator, name="别的运营"))
    activity = town.activity(community_id=town.community_id, operator_id=other_operator)
    past.activities[town.community_id, Scene.EDUCATION] = activity
    past.plan(4, places=100)
    past.at(4, 1)
    past.snapshot()
    as_of = past.at(5)
    clerk = town.staff(Role.OPERATOR)
    with pytest.raises(Forbidden):
        past.reach(clerk)
    town.act(town.staff(Role.MANAGER), add_operator_staff, town.operator_id, clerk.id)
    assert past.number(auditor, as_of, 1, 5, "places") == 128
    assert past.number(clerk, as_of, 1, 5, "places") == 28
    with pytest.raises(MeasureUnknown):
        past.number(clerk, as_of, 1, 5, "made")
    with pytest.raises(SliceUnknown):
        past.values(clerk, as_of, 1, 5, "places", slice=Slice.SCENE)
    assert list(past.values(clerk, as_of, 1, 5, "places", slice=Slice.OPERATOR)) == [str(town.operator_id)]
    of_another = {"slice": Slice.OPERATOR, "key": str(other_operator)}
    for who, places in ((auditor, 100), (clerk, 0)):
        asked = (past.reach(who), ["tests.places"], FIRST, FIRST + 5 * DAY, as_of)
        [series] = past.read(who, read_series, *asked, **of_another).values()
        assert sum(point.value.value for point in series) == places
    with pytest.raises(Forbidden):
        past.reach(clerk, None, other_operator)


def test_a_period_that_runs_is_compared_with_as_many_days_of_the_one_before() -> None:
    as_of = moment(10)  # Thursday 13 March 2025

    def both(kind: PeriodKind, first: date | None = None, last: date | None = None) -> list[tuple[str, str]]:
        period = find_period(None, kind, first, last, as_of)
        return [(f"{each.first:%m-%d}", f"{each.last:%m-%d}") for each in (period, previous(period))]

    assert both(PeriodKind.DAY) == [("03-13", "03-13"), ("03-12", "03-12")]
    assert both(PeriodKind.WEEK) == [("03-10", "03-13"), ("03-03", "03-06")]
    assert both(PeriodKind.MONTH) == [("03-01", "03-13"), ("02-01", "02-13")]
    assert both(PeriodKind.MONTH, date(2025, 2, 9)) == [("02-01", "02-28"), ("01-01", "01-31")]
    assert both(PeriodKind.CUSTOM, date(2025, 3, 5), date(2025, 4, 1)) == [("03-05", "03-13"), ("02-24", "03-04")]
    march_30 = find_period(None, PeriodKind.MONTH, None, None, moment(27))
    assert (march_30.days, previous(march_30).days) == (30, 28)
    for first, last in ((None, None), (date(2025, 3, 14), date(2025, 3, 15)), (date(2025, 3, 2), date(2025, 3, 1))):
        with pytest.raises(PeriodInvalid):
            both(PeriodKind.CUSTOM, first, last)
    with pytest.raises(PeriodInvalid):
        both(PeriodKind.MONTH, date.max)


def test_a_moment_to_come_is_refused_and_the_usual_one_has_settled(past: Past, auditor: Person) -> None:
    now = past.at(3)
    with pytest.raises(AsOfInvalid):
        past.read(auditor, find_as_of, now + timedelta(seconds=1))
    assert past.read(auditor, find_as_of, now) == now
    assert timedelta(seconds=15) <= now - past.read(auditor, settled) < timedelta(seconds=20)


def test_answers_as_of_a_settled_moment_are_kept_and_others_are_not(past: Past, auditor: Person) -> None:
    past.at(0)
    past.plan(1)
    as_of = past.at(1)
    assert past.number(auditor, as_of, 1, 1, "places") == 10
    past.plan(1)  # recorded at the same moment: whoever asks as of now may be too early
    assert past.number(auditor, as_of, 1, 1, "places") == 20
    past.at(1, 13)
    assert past.number(auditor, as_of, 1, 1, "places") == 20
    past.town.act(None, lambda work: work.db.execute(delete(Session).where(Session.town_id == work.town_id)))
    assert past.number(auditor, as_of, 1, 1, "places") == 20
    assert past.number(auditor, past.at(1, 13, 1), 1, 1, "places") == 0
