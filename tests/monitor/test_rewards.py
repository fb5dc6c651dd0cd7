"""The points mall: what was made, handed out, lapsed and waits, what is in stock and was given, as of any moment."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import time_machine

from models.residents import Role
from models.rewards import Cause, Donation, Redemption, Reward, StockChange
from rules.clock import local_day, local_moment, utc_now
from rules.monitor.measures.rewards import MEASURES
from rules.rewards.donating import return_donations
from rules.rewards.lapsing import tend_redemptions
from tests.build import ApiClient, TownBuilder
from tests.monitor.facts import facts, rows_of
from tests.monitor.plain.counted import Counted
from tests.monitor.plain.rewards import recompute
from tests.rewards.mall import merchant, open_mall, redeemed, reward, rich, scan
from tests.rewards.test_causes import cause

TABLES = (Reward, Redemption, StockChange, Cause, Donation)
COUNTED = [measure for measure in MEASURES if measure.family is not None]
DAY = timedelta(days=1)


class Mall:
    """Three rewards of one merchant, two of which can run out, and what happens to them within ten days."""

    def __init__(self, town: TownBuilder, api: ApiClient) -> None:
        open_mall(town)
        self.town, self.api = town, api
        self.merchant, self.keeper = merchant(town), town.staff(Role.MANAGER)
        mine = {"operator_id": town.operator_id, "territory_id": town.community_id}
        self.dear = reward(town, price=20, stock=0, title="雨伞", **mine)
        self.cheap = reward(town, price=10, stock=0, title="毛巾", **mine)
        self.endless = reward(town, price=5)
        for id_ in (self.dear, self.cheap):
            self.post(self.manager, f"/rewards/{id_}/stock", {"change": 9, "reason": "入库"})
        self.person = rich(town, 300)
        self.cause = cause(town, api)

    @property
    def counter(self) -> ApiClient:
        return self.api.as_(self.merchant)

    @property
    def manager(self) -> ApiClient:
        return self.api.as_(self.keeper)

    @property
    def resident(self) -> ApiClient:
        return self.api.as_(self.person)

    def post(self, caller: ApiClient, path: str, body: Any) -> None:
        answer = caller.post(path, body)
        assert answer.status_code < 300, answer.text

    def first_day(self) -> None:
        self.picked_up, self.swapped, self.dropped, self.forgotten = (
            redeemed(self.resident, id_, quantity=n)
            for id_, n in ((self.dear, 2), (self.dear, 1), (self.endless, 1), (self.cheap, 3))
        )
        self.post(self.resident, f"/causes/{self.cause}/donations", {"amount": 12})

    def third_day(self) -> None:
        assert scan(self.counter, self.picked_up["code"]).status_code == 200
        assert self.resident.delete(f"/redemptions/{self.dropped['id']}").status_code < 300
        path = f"/redemptions/{self.swapped['id']}/substitution"
        self.post(self.counter, path, {"reward_id": str(self.cheap), "reason": "缺货"})
        self.post(self.resident, f"{path}/answer", {"accept": True})
        redeemed(self.resident, self.cheap, quantity=1)

    def tenth_day(self) -> None:
        tend_redemptions(self.town.database, self.town.id)
        self.post(self.manager, f"/causes/{self.cause}/cancellation", {"reason": "不办了"})
        return_donations(self.town.database, self.town.id)
        self.post(self.manager, f"/rewards/{self.cheap}/stock", {"change": -2, "reason": "破损"})

    def found(self, measure: Any, first: date, last: date, as_of: datetime) -> list[Counted]:
        names = ("day", "territory_id", "scene", "operator_id", "detail", measure.counter)
        rows = facts(self.town, measure.family, first, last, as_of)
        return sorted(Counted(*(row[name] for name in names)) for row in rows if row[measure.counter])


def test_every_number_of_the_mall_is_what_a_plain_count_gives_and_stays_so(town: TownBuilder, api: ApiClient) -> None:
    began = utc_now().replace(hour=4, minute=0, second=0, microsecond=0) + DAY
    days = {n: began + n * DAY for n in (0, 2, 9)}
    then: dict[tuple[str, datetime], list[Counted]] = {}

    def look(mall: Mall, moment: datetime) -> None:
        """Every number as it is found at the moment, which must be the same whenever it is asked for again."""
        rows, first = rows_of(town, *TABLES), local_day(began)
        for measure in COUNTED:
            for last in sorted({first, local_day(moment)}):
                found = mall.found(measure, first, last, moment)
                begin, end = local_moment(first, "00:00"), local_moment(last + DAY, "00:00")
                assert found == sorted(recompute(rows, measure.name, begin, end, moment)), measure.name
            then.setdefault((measure.name, moment), found)

    with time_machine.travel(began, tick=False) as clock:
        mall = Mall(town, api)
        for n, live in ((0, mall.first_day), (2, mall.third_day), (9, mall.tenth_day)):
            clock.move_to(days[n])
            live()
            look(mall, days[n])
        for moment in days.values():
            look(mall, moment)
            for measure in COUNTED:
                last = local_day(moment)
                assert mall.found(measure, local_day(began), last, moment) == then[measure.name, moment]
    amounts = {name: sum(each.amount for each in found) for (name, at), found in then.items() if at == days[9]}
    assert amounts == {
        "redemptions.made": 5,
        "redemptions.pieces": 8,
        "redemptions.settled": 3,
        "redemptions.fulfilled": 1,
        "redemptions.fulfilled_points": 40,
        "redemptions.lapsed": 1,
        "redemptions.cancelled": 1,
        "redemptions.waiting": 2,
        "redemptions.waiting_seconds": (9 + 7) * 86_400,
        "rewards.stock_left": 6 + 5,
        "donations.made": 1,
        "donations.points": 12,
        "donations.returned_points": 12,
    }
