"""What residents see of their points: what there is today, what lapses when, and every line once with its balance."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blueprints.edge.fields import Cursor
from models.ledger import NEVER
from rules.clock import ZONE
from tests.build import ApiClient, Person, TownBuilder
from tests.ledger.keeping import audit, earn_points
from tests.points.spending import spend_points

LAST_DAY = date(2025, 12, 31)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=ZONE)
MOMENT = timedelta(microseconds=1)
PAGES_MAX = 50


def points_of(api: ApiClient, resident: Person) -> dict[str, Any]:
    answer = api.as_(resident).get("/me/points")
    assert answer.status_code == 200
    return answer.json


def statement_of(api: ApiClient, resident: Person, limit: int = 100) -> list[dict[str, Any]]:
    """All lines, page by page."""
    lines, cursor = [], None
    for _ in range(PAGES_MAX):
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = api.as_(resident).get("/me/points/statement", **query)
        assert page.status_code == 200
        assert len(page.json["items"]) <= limit
        lines += page.json["items"]
        cursor = page.json["next_cursor"]
        if cursor is None:
            return lines
        assert page.json["items"], "a page that isn't the last has lines"
    raise AssertionError("the pages have no end")


def move(town: TownBuilder, resident: Person, amounts: list[int]) -> None:
    """Points that come (above 0) and go (below 0), one transaction after the other."""
    for amount in amounts:
        if amount > 0:
            earn_points(town, resident, amount)
        else:
            spend_points(town, resident, -amount)


def test_before_the_first_point_there_is_nothing(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    assert points_of(api, resident) == {"balance": 0, "held": 0, "expiring": []}
    assert statement_of(api, resident) == []


def test_the_balance_is_what_came_less_what_went(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    move(town, resident, [5, 7, -3])
    assert points_of(api, resident)["balance"] == 9
    audit(town)


def test_what_lapses_first_comes_first(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    for amount, expires_on in ((1, NEVER), (2, date(2028, 12, 31)), (3, date(2027, 12, 31)), (4, date(2028, 12, 31))):
        earn_points(town, resident, amount, expires_on)
    assert points_of(api, resident) == {
        "balance": 10,
        "held": 0,
        "expiring": [
            {"amount": 3, "on": "2027-12-31"},
            {"amount": 6, "on": "2028-12-31"},
            {"amount": 1, "on": None},
        ],
    }


def test_a_lot_that_was_spent_is_not_shown(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    earn_points(town, resident, 3, date(2027, 12, 31))
    earn_points(town, resident, 4, date(2028, 12, 31))
    spend_points(town, resident, 5)
    assert points_of(api, resident) == {"balance": 2, "held": 0, "expiring": [{"amount": 2, "on": "2028-12-31"}]}


@pytest.mark.parametrize(
    ("moment", "balance"),
    [
        (NEW_YEAR - timedelta(hours=8), 7),  # midnight in UTC is not the community's
        (NEW_YEAR - MOMENT, 7),
        (NEW_YEAR, 4),
        (NEW_YEAR + timedelta(hours=8), 4),
    ],
)
def test_points_are_good_until_the_last_moment_of_their_last_local_day(
    town: TownBuilder, api: ApiClient, moment: datetime, balance: int
) -> None:
    resident = town.resident()
    earn_points(town, resident, 3, LAST_DAY)
    earn_points(town, resident, 4, NEW_YEAR.date())
    with time_machine.travel(moment, tick=False):
        points = points_of(api, resident)
    assert points["balance"] == balance == sum(lot["amount"] for lot in points["expiring"])
    assert ("2025-12-31" in [lot["on"] for lot in points["expiring"]]) == (balance == 7)


@pytest.mark.parametrize("last_day", [date(2025, 2, 28), date(2024, 2, 29), date(2025, 6, 30)])
def test_a_month_ends_at_local_midnight_too(town: TownBuilder, api: ApiClient, last_day: date) -> None:
    resident = town.resident()
    earn_points(town, resident, 3, last_day)
    midnight = datetime.combine(last_day + timedelta(days=1), datetime.min.time(), ZONE)
    for moment, balance in ((midnight - MOMENT, 3), (midnight, 0)):
        with time_machine.travel(moment, tick=False):
            assert points_of(api, resident)["balance"] == balance


def test_a_line_says_when_how_much_and_why(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    receipt = earn_points(town, resident, 5)
    [line] = statement_of(api, resident)
    at = datetime.fromisoformat(line.pop("at"))
    assert at.utcoffset() == timedelta(hours=8)
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=5)
    assert line == {
        "id": str(receipt.txn_id),
        "kind": "earn",
        "amount": 5,
        "balance_after": 5,
        "reason": "checkin",
        "explanation": "签到：5 分",
        "scene": "education",
    }


def test_what_came_and_what_went_are_one_story_the_latest_first(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    move(town, resident, [5, 7, -3, -4, 2, -7, 10])
    lines = statement_of(api, resident)
    assert [line["amount"] for line in lines] == [10, -7, 2, -4, -3, 7, 5]
    assert [line["balance_after"] for line in lines] == [10, 0, 7, 5, 9, 12, 5]
    assert [line["kind"] for line in lines] == ["earn", "spend", "earn", "spend", "spend", "earn", "earn"]


def test_a_spending_from_two_lots_is_two_lines_of_one_transaction(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    earn_points(town, resident, 3, date(2027, 12, 31))
    earn_points(town, resident, 4, date(2028, 12, 31))
    spend_points(town, resident, 5)
    later, earlier, *_ = statement_of(api, resident)
    assert [(line["amount"], line["balance_after"]) for line in (later, earlier)] == [(-2, 2), (-3, 4)]
    assert later["id"] == earlier["id"]


def test_a_statement_ends_where_the_wallet_began(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    move(town, resident, [6, -1, 3, -8, 9])
    lines = statement_of(api, resident)
    assert lines[0]["balance_after"] == points_of(api, resident)["balance"]
    assert lines[-1]["balance_after"] == lines[-1]["amount"]
    for later, earlier in pairwise(lines):
        assert later["balance_after"] == earlier["balance_after"] + later["amount"]


@st.composite
def histories(draw: st.DrawFn) -> list[int]:
    """Amounts that come and go, never more than there is."""
    amounts, balance = [], 0
    for wish in draw(st.lists(st.integers(-9, 9).filter(bool), max_size=9)):
        amount = max(wish, -balance) or 1
        amounts.append(amount)
        balance += amount
    return amounts


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(amounts=histories(), limit=st.integers(1, 4))
def test_pages_give_each_line_once(town: TownBuilder, api: ApiClient, amounts: list[int], limit: int) -> None:
    resident = town.resident()
    move(town, resident, amounts)
    lines = statement_of(api, resident, limit)
    assert [line["amount"] for line in reversed(lines)] == amounts
    assert [line["balance_after"] for line in reversed(lines)] == list(accumulate(amounts))


def test_points_that_come_while_one_reads_do_not_move_the_next_page(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    move(town, resident, [1, 2, 3, -4])
    first = api.as_(resident).get("/me/points/statement", limit=2).json
    move(town, resident, [5, -6])
    second = api.as_(resident).get("/me/points/statement", limit=2, cursor=first["next_cursor"]).json
    assert [line["amount"] for line in first["items"] + second["items"]] == [-4, 3, 2, 1]
    assert [line["balance_after"] for line in second["items"]] == [3, 1]


def test_others_lines_are_not_mine(town: TownBuilder, api: ApiClient) -> None:
    mine, theirs = town.resident(), town.resident()
    move(town, theirs, [5, -2])
    assert statement_of(api, mine) == []
    assert points_of(api, mine)["balance"] == 0


@pytest.mark.parametrize("cursor", ["x", "W10", "WzFd", "WzEsMiwzXQ", "WyJhIiwxXQ", "Wy0xLDFd", "WzFlMzAwLDFd", "é"])
def test_a_cursor_that_no_page_gave_is_refused(town: TownBuilder, api: ApiClient, cursor: str) -> None:
    answer = api.as_(town.resident()).get("/me/points/statement", cursor=cursor)
    assert (answer.status_code, answer.json["code"]) == (422, "request.invalid")
    assert list(answer.json["errors"]) == ["cursor"]


def test_a_cursor_beyond_the_wallet_starts_at_its_latest_line(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    move(town, resident, [1, 2])
    far = Cursor(of="statement").fast((2**63 - 1, 2**63 - 1))
    me = api.as_(resident)
    assert me.get("/me/points/statement", cursor=far).json == me.get("/me/points/statement").json
