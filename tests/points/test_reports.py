"""Auditors read the books over HTTP, and only those whose role holds for the whole town."""

from __future__ import annotations

import pytest

from models.residents import Role
from tests.build import BUDGET, ApiClient, TownBuilder
from tests.ledger.keeping import earn_points
from tests.points.spending import spend_points

REPORTS = ("trial-balance", "liability", "settlement")


@pytest.fixture
def auditor(town: TownBuilder, api: ApiClient) -> ApiClient:
    return api.as_(town.staff(Role.AUDITOR))


def test_the_trial_balance_is_in_balance(town: TownBuilder, auditor: ApiClient) -> None:
    earn_points(town, town.resident(), 5)
    found = auditor.get("/ledger/trial-balance").json
    assert found["credited"] == found["debited"] == BUDGET + 5
    assert {(line["kind"], line["balance"]) for line in found["lines"]} == {
        ("mint", -BUDGET),
        ("pool", BUDGET - 5),
        ("wallet", 5),
    }


def test_liability_and_settlement_say_who_owes_what(town: TownBuilder, auditor: ApiClient) -> None:
    resident = town.resident()
    earn_points(town, resident, 5)
    spend_points(town, resident, 2)
    assert auditor.get("/ledger/liability").json["items"] == [
        {"issuer_id": None, "issuer": None, "month": "2027-12", "amount": 3, "held": 0}
    ]
    [line] = auditor.get("/ledger/settlement").json["items"]
    assert (line["redeemed"], line["refunded"], line["owed"]) == (2, 0, 2)
    past = auditor.get("/ledger/settlement", first_day="2025-01-01", last_day="2025-12-31").json
    assert past == {"items": []}


@pytest.mark.parametrize(
    "period",
    [
        {"first_day": "2026-02-01", "last_day": "2026-01-01"},
        {"first_day": "2020-01-01", "last_day": "2026-01-01"},
        {"first_day": "tomorrow"},
        {"last_day": "9999-12-31"},
        {"last_day": "0001-01-01"},
    ],
)
def test_a_period_that_cannot_be_is_refused(auditor: ApiClient, period: dict[str, str]) -> None:
    assert auditor.get("/ledger/settlement", **period).status_code == 422


@pytest.mark.parametrize("report", REPORTS)
def test_an_auditor_of_one_community_does_not_see_the_books_of_the_town(
    town: TownBuilder, api: ApiClient, report: str
) -> None:
    local = api.as_(town.staff(Role.AUDITOR, at=town.community_id))
    assert local.get(f"/ledger/{report}").status_code == 403
    assert api.as_(town.staff(Role.ADMIN)).get(f"/ledger/{report}").status_code == 200
