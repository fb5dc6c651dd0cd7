"""Protects what is published: everyone may read the seals, and only those whom it concerns get a proof."""

from __future__ import annotations

from typing import Any

import pytest

from models.residents import Role
from rules.ledger.canonical import SIGNATURE_PREFIX, seal_bytes, txn_bytes
from rules.ledger.merkle import hash_leaf, is_included
from tests.build import ApiClient, TownBuilder
from tests.edge.helpers import NOBODY, problem_of
from tests.ledger.sealed_days import Days, at


@pytest.fixture
def days(town: TownBuilder) -> Days:
    return Days(town)


def sealed(days: Days, count: int) -> list[dict[str, Any]]:
    """Seals of the first days, as the export holds them."""
    for n in range(1, count + 1):
        days.grant(at(n))
        days.seal(n)
    return [record for record in days.records() if record["type"] == "seal"]


def proves(proof: dict[str, Any]) -> bool:
    """Whether a proof leads from its record to its seal's root."""
    record = hash_leaf(txn_bytes(proof["record"]))
    path = [bytes.fromhex(step) for step in proof["path"]]
    root = bytes.fromhex(proof["seal"]["root"])
    return proof["leaf_hash"] == record.hex() and is_included(
        record, proof["leaf"], proof["seal"]["txn_count"], path, root
    )


def test_everyone_reads_the_seals_page_by_page_the_newest_first(days: Days, api: ApiClient) -> None:
    exported = sealed(days, 5)
    first = api.get("/ledger/seals", limit=3)
    assert first.status_code == 200, first.text
    second = api.get("/ledger/seals", limit=3, cursor=first.json["next_cursor"]).json
    assert second["next_cursor"] is None
    shown = first.json["items"] + second["items"]
    assert [seal["seq"] for seal in shown] == [5, 4, 3, 2, 1]
    assert [seal["hash"] for seal in reversed(shown)] == [seal["hash"] for seal in exported]


def test_a_seal_shows_everything_that_its_signature_covers(days: Days, api: ApiClient, town: TownBuilder) -> None:
    [exported] = sealed(days, 1)
    shown = api.get("/ledger/seals/1").json
    assert shown["sealed_at"] == "2040-05-02T00:10:00+08:00"
    header = {**shown, "sealed_at": exported["sealed_at"], "type": "seal"}
    assert header == exported
    content = SIGNATURE_PREFIX + seal_bytes(header)
    town.house.keys.codes[0].public.verify(bytes.fromhex(shown["signature"]), content)  # raises if it isn't valid


def test_an_unknown_seal_is_unknown(days: Days, api: ApiClient) -> None:
    sealed(days, 1)
    problem_of(api.get("/ledger/seals/2"), 404, "ledger.seal_unknown")
    problem_of(api.get(f"/ledger/seals/{2**63}"), 404, "route.unknown")


def test_a_resident_proves_an_own_transaction(days: Days, api: ApiClient, town: TownBuilder) -> None:
    resident = town.resident()
    txn_ids = [days.earn(resident, n, at(1)) for n in range(1, 6)]
    days.seal(1)
    for txn_id in txn_ids:
        answer = api.as_(resident).get("/ledger/seals/1/proof", txn=str(txn_id))
        assert answer.status_code == 200, answer.text
        assert answer.json["record"]["id"] == str(txn_id)
        assert not answer.json["is_withheld"]
        assert proves(answer.json)


def test_a_proof_is_for_those_whom_it_concerns(days: Days, api: ApiClient, town: TownBuilder) -> None:
    owner, txn = town.resident(), {}
    txn["txn"] = str(days.earn(owner, 5, at(1)))
    days.seal(1)
    path = "/ledger/seals/1/proof"
    for auditor in (town.staff(Role.AUDITOR), town.staff(Role.ADMIN)):
        assert proves(api.as_(auditor).get(path, **txn).json)
    for other in (town.resident(), town.staff(), town.staff(Role.MANAGER)):
        problem_of(api.as_(other).get(path, **txn), 404, "ledger.txn_unknown")
    problem_of(api.get(path, **txn), 401, "auth.required")


def test_an_auditor_of_a_part_of_the_town_is_like_anybody_else(days: Days, api: ApiClient, town: TownBuilder) -> None:
    txn_id = days.earn(town.resident(), 5, at(1))
    days.seal(1)
    for role in (Role.AUDITOR, Role.ADMIN):
        for node in (town.community_id, town.other_community_id):
            answer = api.as_(town.staff(role, at=node)).get("/ledger/seals/1/proof", txn=str(txn_id))
            problem_of(answer, 404, "ledger.txn_unknown")


def test_a_proof_is_found_under_its_own_seal_only(days: Days, api: ApiClient, town: TownBuilder) -> None:
    auditor = api.as_(town.staff(Role.AUDITOR))
    txn_id = days.grant(at(2))
    problem_of(auditor.get("/ledger/seals/1/proof", txn=str(txn_id)), 409, "ledger.not_sealed_yet")
    days.seal(1)
    days.seal(2)
    problem_of(auditor.get("/ledger/seals/1/proof", txn=str(txn_id)), 404, "ledger.txn_unknown")
    problem_of(auditor.get("/ledger/seals/2/proof", txn=str(NOBODY)), 404, "ledger.txn_unknown")
    assert auditor.get("/ledger/seals/2/proof", txn=str(txn_id)).status_code == 200


@pytest.mark.parametrize("query", [{}, {"txn": "x"}, {"txn": "0"}, {"txn": str(2**63)}])
def test_a_proof_needs_a_transaction(days: Days, api: ApiClient, town: TownBuilder, query: dict[str, str]) -> None:
    problem_of(api.as_(town.resident()).get("/ledger/seals/1/proof", **query), 422, "request.invalid")
