"""Protects the number that WeChat tells: it is kept sealed and whose it is; it is changed and taken away."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from models.residents import MobileHolder, Resident
from rules.keys import Keys
from rules.residents import own_phone
from rules.residents.phones import Phone, phone_columns
from rules.work import Work
from tests.build import ApiClient, TownBuilder
from tests.edge.helpers import problem_of
from tests.races import from_threads
from tests.residents.people import a_mobile, at_the_desk, register, with_phone


def tell(me: ApiClient, phone: str) -> dict[str, object]:
    answer = me.post("/me/phone", {"code": f"demo:{phone}"})
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def test_a_number_is_kept_sealed_shown_masked_and_with_its_consent(town: TownBuilder, api: ApiClient) -> None:
    phone, person = a_mobile(), town.resident()
    me = api.as_(person)
    assert tell(me, phone) == {"phone": f"138****{phone[-4:]}", "is_kept": True, "merging_lapses_at": None}
    assert me.get("/me").json["phone"] == f"138****{phone[-4:]}"
    [(row,)] = town.rows(Resident, id=person.id)
    assert phone.encode() not in row.phone_sealed
    assert row.phone_tail == phone[-4:]
    given = [item["purpose"] for item in me.get("/me/consents").json["items"] if item["is_given"]]
    assert given == ["phone"]


def test_a_new_number_takes_the_place_of_the_old_one_which_is_free_then(town: TownBuilder, api: ApiClient) -> None:
    first, second, person = a_mobile(), a_mobile(), town.resident()
    me = api.as_(person)
    tell(me, first)
    tell(me, second)
    assert len(town.rows(MobileHolder, resident_id=person.id)) == 1
    tell(api.as_(town.resident("后来")), first)
    assert me.delete("/me/phone").status_code == 204
    assert me.get("/me").json["phone"] is None
    assert town.rows(MobileHolder, resident_id=person.id) == []
    problem_of(me.delete("/me/phone"), 404, "phone.none")


def test_the_number_of_another_account_stays_there(town: TownBuilder, api: ApiClient) -> None:
    phone, me = a_mobile(), api.as_(town.resident())
    desk_record = with_phone(town, phone)
    town.act(
        None,
        lambda work: work.core.execute(
            MobileHolder.__table__.insert(),
            {
                "town_id": town.id,
                "resident_id": desk_record.id,
                "phone_index": town.rows(Resident.phone_index, id=desk_record.id)[0].phone_index,
            },
        ),
    )
    problem_of(me.post("/me/phone", {"code": f"demo:{phone}"}), 409, "phone.of_another_account")
    assert me.get("/me").json["phone"] is None


def test_a_code_that_wechat_does_not_know_changes_nothing(town: TownBuilder, api: ApiClient) -> None:
    me = api.as_(town.resident())
    before = town.contents()
    assert me.post("/me/phone", {"code": "no-such-code"}).status_code in (400, 401, 409, 422)
    assert town.contents() == before


def test_the_number_of_a_child_at_the_desk_is_no_way_into_its_record(town: TownBuilder, api: ApiClient) -> None:
    phone, guardian = a_mobile(), town.resident(born_on=None)
    desk = at_the_desk(town, api)
    answer = register(desk, town, name="小宝", phone=phone, born_on="2020-01-01", guardian_id=str(guardian.id))
    assert answer.status_code == 201, answer.text
    me = api.as_(town.resident())
    problem_of(me.post("/me/phone", {"code": f"demo:{phone}"}), 409, "phone.of_another_account")


def kept_at_once(town: TownBuilder, api: ApiClient) -> int:
    """How many of twenty residents who give one number at once have it then."""
    phone = a_mobile()
    callers = [api.as_(town.resident(f"居民{n}")) for n in range(20)]
    from_threads(lambda me: me.post("/me/phone", {"code": f"demo:{phone}"}), [(me,) for me in callers], threads=20)
    return sum(me.get("/me").json["phone"] is not None for me in callers)


def test_one_of_many_who_give_one_number_at_once_has_it(town: TownBuilder, api: ApiClient) -> None:
    assert kept_at_once(town, api) == 1


def test_with_the_holders_row_taken_away_several_have_it(
    town: TownBuilder, api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control arm: the look alone, without the row that settles it."""

    def write_alone(work: Work, keys: Keys, resident_id: int, phone: Phone | None) -> bool:
        columns = phone_columns(keys, work.town_id, resident_id, phone)
        this = update(Resident).where(Resident.town_id == work.town_id, Resident.id == resident_id)
        work.core.execute(this.values(**columns))
        return True

    monkeypatch.setattr(own_phone, "keep_number", write_alone)
    assert kept_at_once(town, api) > 1
