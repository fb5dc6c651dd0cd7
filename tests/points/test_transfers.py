"""Points within a family: who may give them to whom, and that they move once."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from blueprints.edge.house import House
from models.ledger import Txn
from tests.build import ApiClient, Person, TownBuilder, fresh_key, new_town
from tests.edge.helpers import NOBODY, problem_of, twin
from tests.ledger.keeping import audit
from tests.points.hands import allow_hands, balance_of, effects, give, household, statement_of
from tests.races import from_threads, until_answered
from tests.rulebook.live import put_in_force

TWO_CURRENCIES = """
name = "两种积分"
[expiry]
years = 1
[[currency]]
id = "points"
name = "积分"
[[currency]]
id = "score"
name = "信用分"
"""


@pytest.fixture
def family(town: TownBuilder) -> tuple[Person, Person]:
    """Two of a household, of whom the first has 10 points, under rules that let them share."""
    allow_hands(town)
    home = household(town)
    giver, receiver = town.resident("王小明", household_id=home), town.resident("李红", household_id=home)
    give(town, giver, 10)
    return giver, receiver


def transfer(
    api: ApiClient, giver: Person, receiver_id: int, amount: int = 4, *, key: str | None = None
) -> TestResponse:
    return api.as_(giver).post("/me/points/transfers", {"to_resident_id": str(receiver_id), "amount": amount}, key=key)


def test_points_go_to_a_member_of_the_household(
    town: TownBuilder, api: ApiClient, family: tuple[Person, Person]
) -> None:
    giver, receiver = family
    answer = transfer(api, giver, receiver.id)
    assert answer.status_code == 201, answer.text
    assert {**answer.json, "txn_id": None} == {"txn_id": None, "amount": 4, "balance": 6}
    assert (balance_of(api, giver), balance_of(api, receiver)) == (6, 4)
    [given, *_], [received] = statement_of(api, giver), statement_of(api, receiver)
    assert (given["amount"], received["amount"]) == (-4, 4)
    assert given["id"] == received["id"] == answer.json["txn_id"]
    assert given["explanation"] == received["explanation"] == "家人之间转赠 4 分"
    audit(town)


def test_points_keep_their_last_good_day(town: TownBuilder, api: ApiClient, family: tuple[Person, Person]) -> None:
    giver, receiver = family
    give(town, giver, 3, date(2029, 6, 30))
    assert transfer(api, giver, receiver.id, 5).status_code == 201
    assert api.as_(receiver).get("/me/points").json["expiring"] == [
        {"amount": 3, "on": "2029-06-30"},
        {"amount": 2, "on": "2030-12-31"},
    ]


def test_my_family_is_my_household_without_me(town: TownBuilder, api: ApiClient, family: tuple[Person, Person]) -> None:
    giver, receiver = family
    alone = town.resident()
    town.resident("邻居", household_id=household(town, "2单元602室"))
    assert api.as_(giver).get("/me/family").json == {"items": [{"id": str(receiver.id), "name": "李*"}]}
    assert api.as_(receiver).get("/me/family").json == {"items": [{"id": str(giver.id), "name": "王**"}]}
    assert api.as_(alone).get("/me/family").json == {"items": []}


def test_whoever_has_no_name_is_shown_by_four_digits(town: TownBuilder, api: ApiClient) -> None:
    home = household(town)
    me, nameless = town.resident(household_id=home), town.resident("", household_id=home)
    [shown] = api.as_(me).get("/me/family").json["items"]
    assert shown["name"] == f"居民{nameless.id % 10_000:04}"


def test_who_is_no_family_and_who_does_not_exist_are_answered_alike(
    house: House, app: Flask, town: TownBuilder, api: ApiClient, family: tuple[Person, Person]
) -> None:
    giver, _ = family
    elsewhere = new_town(house)
    neighbour = town.resident(household_id=household(town, "2单元602室"))
    homeless, stranger = town.resident(), elsewhere.resident()
    before = effects(town), effects(elsewhere)
    answers = [
        problem_of(transfer(api, giver, whom), 403, "points.not_family")
        for whom in (neighbour.id, homeless.id, stranger.id, NOBODY)
    ]
    assert len({answer["detail"] for answer in answers}) == 1
    assert (effects(town), effects(elsewhere)) == before


def test_two_without_a_household_are_no_family(town: TownBuilder, api: ApiClient) -> None:
    allow_hands(town)
    giver, other = town.resident(), town.resident()
    give(town, giver, 10)
    problem_of(transfer(api, giver, other.id), 403, "points.not_family")
    assert api.as_(giver).get("/me/family").json == {"items": []}


def test_a_household_of_another_town_with_the_same_number_is_no_family(
    house: House, app: Flask, town: TownBuilder, api: ApiClient, family: tuple[Person, Person]
) -> None:
    giver, receiver = family
    elsewhere = new_town(house)
    allow_hands(elsewhere)
    me_there = twin(elsewhere, giver)
    there = ApiClient(app, elsewhere)
    give(elsewhere, me_there, 10)
    problem_of(transfer(there, me_there, receiver.id), 403, "points.not_family")
    assert there.as_(me_there).get("/me/family").json == {"items": []}


def test_nobody_gives_to_themselves(town: TownBuilder, api: ApiClient, family: tuple[Person, Person]) -> None:
    giver, _ = family
    before = effects(town)
    problem_of(transfer(api, giver, giver.id), 422, "points.transfer_to_self")
    assert effects(town) == before


@pytest.mark.parametrize("rules", ["", '[transfer]\nwithin = "nobody"'])
def test_without_a_rule_that_allows_it_nobody_gives(town: TownBuilder, api: ApiClient, rules: str) -> None:
    allow_hands(town, rules)
    home = household(town)
    giver, receiver = town.resident(household_id=home), town.resident(household_id=home)
    give(town, giver, 10)
    before = effects(town)
    problem_of(transfer(api, giver, receiver.id), 403, "points.transfer_not_allowed")
    assert effects(town) == before


def test_nobody_gives_more_than_they_have(town: TownBuilder, api: ApiClient, family: tuple[Person, Person]) -> None:
    giver, receiver = family
    before = effects(town)
    problem = problem_of(transfer(api, giver, receiver.id, 11), 409, "points.insufficient")
    assert problem["detail"] == "积分不足：需要 11 分，可用 10 分。"
    problem_of(transfer(api, receiver, giver.id, 1), 409, "points.insufficient")
    assert effects(town) == before


@pytest.mark.parametrize("amount", [0, -1, 1_000_001, 2**63, 1.5, True, "4", None])
def test_an_amount_is_a_whole_number_in_its_range(
    town: TownBuilder, api: ApiClient, family: tuple[Person, Person], amount: object
) -> None:
    giver, receiver = family
    before = town.contents()
    body = {"to_resident_id": str(receiver.id), "amount": amount}
    document = problem_of(api.as_(giver).post("/me/points/transfers", body), 422, "request.invalid")
    assert list(document["errors"]) == ["amount"]
    assert town.contents() == before


def test_the_same_key_moves_points_once(town: TownBuilder, api: ApiClient, family: tuple[Person, Person]) -> None:
    (giver, receiver), key = family, fresh_key()
    first = transfer(api, giver, receiver.id, key=key)
    again = transfer(api, giver, receiver.id, key=key)
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    problem_of(transfer(api, giver, receiver.id, 5, key=key), 422, "idempotency.mismatch")
    assert balance_of(api, receiver) == 4


def test_two_requests_with_two_keys_are_two_gifts(
    town: TownBuilder, api: ApiClient, family: tuple[Person, Person]
) -> None:
    giver, receiver = family
    assert [transfer(api, giver, receiver.id).json["balance"] for _ in range(2)] == [6, 2]
    assert balance_of(api, receiver) == 8


def test_many_at_once_give_what_there_is_and_no_more(
    town: TownBuilder, api: ApiClient, family: tuple[Person, Person]
) -> None:
    giver, receiver = family

    def deed(key: str) -> TestResponse:
        return until_answered(lambda: transfer(api, giver, receiver.id, 3, key=key))

    keys = [(key,) for key in [fresh_key() for _ in range(6)] for _ in range(2)]
    answers = from_threads(deed, keys, threads=12)
    assert {answer.status_code for answer in answers} == {201, 409}
    assert len({answer.json["txn_id"] for answer in answers if answer.status_code == 201}) == 3
    assert (balance_of(api, giver), balance_of(api, receiver)) == (1, 9)
    audit(town)


def test_two_who_give_to_each_other_at_once_do_not_wait_for_each_other_for_ever(
    town: TownBuilder, api: ApiClient, family: tuple[Person, Person]
) -> None:
    giver, receiver = family
    give(town, receiver, 10)
    ways = [(giver, receiver), (receiver, giver)] * 6

    def deed(one: Person, other: Person) -> TestResponse:
        key = fresh_key()
        return until_answered(lambda: transfer(api, one, other.id, 1, key=key))

    assert {answer.status_code for answer in from_threads(deed, ways, threads=12)} == {201}
    assert (balance_of(api, giver), balance_of(api, receiver)) == (10, 10)
    audit(town)


def test_a_transfer_names_its_rulebook_and_its_giver(
    town: TownBuilder, api: ApiClient, family: tuple[Person, Person]
) -> None:
    giver, receiver = family
    txn_id = int(transfer(api, giver, receiver.id).json["txn_id"])
    [(txn,)] = town.rows(Txn, id=txn_id)
    assert txn.actor_id == giver.id
    assert txn.rulebook_version_id is not None


@pytest.mark.parametrize("limits", ["", 'limits = [{ times = 5, per = "day" }]\n'])
def test_a_currency_that_the_rules_do_not_let_people_give_stays(town: TownBuilder, api: ApiClient, limits: str) -> None:
    """Whether gifts are counted under limits or not."""
    put_in_force(town, f'{TWO_CURRENCIES}[transfer]\nwithin = "household"\ncurrencies = ["score"]\n{limits}')
    home = household(town)
    giver, receiver = (town.resident(household_id=home) for _ in range(2))
    give(town, giver, 10)
    before = effects(town)
    document = problem_of(transfer(api, giver, receiver.id), 409, "points.transfer_refused")
    assert "积分不能转赠" in document["detail"]
    assert effects(town) == before


def test_a_currency_that_the_rules_name_is_given(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, f'{TWO_CURRENCIES}[transfer]\nwithin = "household"\ncurrencies = ["score", "points"]\n')
    home = household(town)
    giver, receiver = (town.resident(household_id=home) for _ in range(2))
    give(town, giver, 10)
    assert transfer(api, giver, receiver.id).status_code == 201
    assert balance_of(api, receiver) == 4
