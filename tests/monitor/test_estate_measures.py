"""Repairs and complaints: counted by what happened to them, as it was known then."""

from __future__ import annotations

import os
from datetime import timedelta
from random import Random

import pytest
import time_machine

from models.estates import RepairDeed, RepairEvent
from rules.estates.tending import tend_repairs
from rules.monitor.measures import estates
from tests.build import ApiClient, TownBuilder, fresh_key
from tests.estates.homes import Home, home_in
from tests.monitor.agreeing import check_agreement, check_changes, days_from, total
from tests.monitor.plain import estates as plain
from tests.venues.halls import tomorrow

BY_NAME = {measure.name: measure for measure in estates.MEASURES}
WORKER = {"worker_name": "周师傅"}
VARIED, STEPS = 3, 60  #: a seed with which nearly everything happens
SEEDS = range(30) if os.environ.get("BINFEN_LONG") == "1" else (VARIED,)
DEEDS = (
    *(
        "submit",
        "submit",
        "work",
        "work",
        "work",
        "work",
        "rate",
        "rate",
        "tend",
        "tend",
        "reopening",
        "rate",
        "confirm",
    ),
    *("cancellation", "reject", "complain", "answer"),
)


def at(days: int, hour: int) -> time_machine.travel:
    return time_machine.travel(tomorrow(hour, days=days), tick=False)


def rated(home: Home, repair_id: str, stars: int) -> int:
    rating = {"rating": stars}
    return home.as_(home.owner).call("PUT", f"/repairs/{repair_id}/rating", rating, key=fresh_key()).status_code


def test_repairs_stand_as_their_events_tell(town: TownBuilder, api: ApiClient) -> None:
    days, end = days_from(tomorrow(0), 7), tomorrow(24, days=7)
    moments = [tomorrow(hour, days=day) for day, hour in ((1, 12), (1, 20), (2, 10), (3, 12), (4, 12))]
    with at(1, 9):
        home = home_in(town, api)
        quick = home.done()
        late, dropped = home.submitted(category="lift"), home.submitted()
        complaint = {
            "kind": "complaint",
            "addressee": "company",
            "estate_id": str(home.estate_id),
            "words": "没人接电话",
        }
        said = home.as_(home.owner).post("/complaints", complaint).json["id"]
        ignored = home.as_(home.owner).post("/complaints", complaint).json["id"]
        assert home.as_(home.owner).post("/complaints", complaint | {"kind": "praise"}).status_code == 201
    with at(1, 15):  # it should have been taken on within four hours
        assert (
            home.as_(home.owner).post(f"/repairs/{dropped}/cancellation", {"reason": "自己修好了"}).status_code == 200
        )
        assert tend_repairs(town.database, town.id).late == 1
        assert rated(home, quick, 5) == 200
    with at(2, 9):
        for deed, body in (("assignment", WORKER), ("start", {}), ("completion", {"note": "已更换"})):
            assert home.step(late, deed, **body).status_code == 200
        assert home.as_(home.keeper).post(f"/complaints/{said}/answer", {"answer": "已处理"}).status_code == 200
    with at(3, 9):
        assert home.as_(home.owner).post(f"/repairs/{quick}/reopening", {"reason": "又漏了"}).status_code == 200
        assert rated(home, late, 2) == 200
    with at(4, 9):
        assert tend_repairs(town.database, town.id).late == 1
        assert rated(home, late, 4) == 200
    with at(7, 9):  # an answer is due within five days
        assert home.as_(home.keeper).post(f"/complaints/{ignored}/answer", {"answer": "抱歉"}).status_code == 200

    check_agreement(town, estates, plain, days, [*moments, end])
    for first, last in ((0, 0), (0, 6), (1, 1), (3, 4)):
        check_changes(town, [estates.REPAIRS_STANDING], days[first : last + 1], end)

    def numbers(name: str) -> list[int]:
        return [total(town, BY_NAME[name], day, end) for day in days]

    assert numbers("repairs.opened") == [3, 0, 0, 0, 0, 0, 0]
    assert (numbers("repairs.done"), numbers("repairs.on_time")) == ([1, 1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0])
    assert (numbers("repairs.open"), numbers("repairs.overdue")) == ([1, 0, 1, 1, 1, 1, 1], [1, 0, 0, 1, 1, 1, 1])
    assert (numbers("repairs.ratings"), numbers("repairs.stars")) == ([1, 0, 1, 1, 0, 0, 0], [5, 0, 2, 4, 0, 0, 0])
    assert (numbers("complaints.made"), numbers("complaints.praise")) == ([2, *[0] * 6], [1, *[0] * 6])
    assert numbers("complaints.answered") == [0, 1, 0, 0, 0, 0, 1]
    assert numbers("complaints.answered_on_time") == [0, 1, 0, 0, 0, 0, 0]
    assert total(town, BY_NAME["repairs.open"], days[0], moments[0]) == 2  # one of which was cancelled at three
    assert total(town, BY_NAME["repairs.overdue"], days[0], moments[0]) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_becomes_of_repairs_a_plain_walk_counts_the_same(town: TownBuilder, api: ApiClient, seed: int) -> None:
    dice = Random(seed)
    deeds = [(dice.choice(DEEDS), dice.randrange(12), dice.randint(1, 30)) for _ in range(STEPS)]
    began = now = tomorrow(9)
    moments, repairs, complaints = [], [], []
    with time_machine.travel(now, tick=False):
        home = home_in(town, api)
    for deed, n, hours in deeds:
        now += timedelta(hours=hours)
        with time_machine.travel(now, tick=False):
            match deed:
                case "submit":
                    repairs.append(home.submitted(category=("lift", "water_power")[n % 2]))
                case "complain":
                    said = {"addressee": ("company", "street")[n % 2], "kind": ("complaint", "praise")[n % 3 // 2]}
                    answer = home.as_(home.owner).post(
                        "/complaints", {**said, "estate_id": str(home.estate_id), "words": "说一说"}
                    )
                    complaints.append(answer.json["id"])
                case "answer" if complaints:
                    home.as_(home.manager).post(
                        f"/complaints/{complaints[n % len(complaints)]}/answer", {"answer": "好"}
                    )
                case "tend":
                    tend_repairs(town.database, town.id)
                case _ if repairs:
                    _do(home, deed, repairs[n % len(repairs)], n)
        moments.append(now)
    days = days_from(began, (now - began).days + 2)
    some = sorted({days[0], days[len(days) // 3], days[len(days) // 2], days[-1]})
    check_agreement(town, estates, plain, some, [moments[len(moments) // 2], moments[-1]])
    check_changes(town, [estates.REPAIRS_STANDING], days[len(days) // 4 :], moments[-1])
    happened = {row.deed for row in town.rows(RepairEvent.deed)}
    assert len(happened) >= 6
    if seed == VARIED:
        assert happened >= {RepairDeed.DONE, RepairDeed.OVERDUE, RepairDeed.REOPENED, RepairDeed.RATED}


def _do(home: Home, deed: str, repair_id: str, n: int) -> None:
    """One deed; where it may not be done now, nothing happens."""
    if deed == "work":
        for step, body in (("assignment", WORKER), ("start", {}), ("completion", {"note": "好了"}))[: 1 + n % 3]:
            home.step(repair_id, step, **body)
    elif deed == "reject":
        home.step(repair_id, "rejection", reason="不归我们管")
    elif deed == "rate":
        rated(home, repair_id, 1 + n % 5)
    elif deed == "confirm":
        home.as_(home.owner).post(f"/repairs/{repair_id}/confirmation")
    else:
        home.as_(home.owner).post(f"/repairs/{repair_id}/{deed}", {"reason": "说明"})
