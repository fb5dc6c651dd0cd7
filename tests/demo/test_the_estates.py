"""The demo's estates have companies and repairs in every state, as the rules would have left them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from sqlalchemy import func, select

from models.estates import EstateContact, EstateManagement, Repair, RepairDeed, RepairEvent, RepairPlace, RepairStatus
from models.territory import Territory, TerritoryKind
from rules.clock import local_moment
from rules.estates.repairs import list_my_repairs, list_public_repairs
from rules.estates.statistics import show_estate_statistics
from tests.demo.conftest import Demo


def test_each_estate_has_a_company_and_lines_to_call(demo: Demo):
    estates = {row.id for row in demo.rows(select(Territory.id).where(Territory.kind == TerritoryKind.ESTATE))}
    assert {row.estate_id for row in demo.rows(select(EstateManagement.estate_id))} == estates
    lines = demo.rows(select(EstateContact.estate_id, func.count()).group_by(EstateContact.estate_id))
    assert {row[0]: row[1] for row in lines} == dict.fromkeys(estates, 6)


def test_repairs_are_in_every_state_and_each_has_its_history(demo: Demo):
    repairs = {row.id: row for row in demo.rows(select(Repair.__table__))}
    assert {row.status for row in repairs.values()} == set(RepairStatus)
    assert {row.place for row in repairs.values()} == set(RepairPlace)
    assert sum(row.rating is not None for row in repairs.values()) >= 10
    history: dict[int, list[RepairDeed]] = {}
    stars: dict[int, int] = {}
    for event in demo.rows(select(RepairEvent.repair_id, RepairEvent.deed, RepairEvent.stars).order_by(RepairEvent.id)):
        history.setdefault(event.repair_id, []).append(event.deed)
        stars |= {event.repair_id: event.stars} if event.deed is RepairDeed.RATED else {}
    assert history.keys() == repairs.keys()
    assert stars == {id_: row.rating for id_, row in repairs.items() if row.rating is not None}
    for id_, deeds in history.items():
        done = [deed for deed in deeds if deed not in (RepairDeed.OVERDUE, RepairDeed.RATED)]
        assert done[0] is RepairDeed.SUBMITTED
        assert repairs[id_].revision == len(done)
        assert max(Counter(done).values()) == 1
    assert max(row.submitted_at for row in repairs.values()) < local_moment(demo.today, "00:00")


def test_residents_find_their_own_and_everybody_the_figures(demo: Demo):
    first = demo.first()
    mine = demo.undone(lambda work: list_my_repairs(work, None, None, 20), first).items
    assert RepairStatus.DONE in {each.repair.status for each in mine}
    estate = mine[0].repair.estate_id
    assert demo.undone(lambda work: list_public_repairs(work, estate, None, 20), first).items
    since = demo.today - timedelta(days=60)
    figures = demo.undone(lambda work: show_estate_statistics(work, estate, since, demo.today)).figures
    assert figures.opened == 13
