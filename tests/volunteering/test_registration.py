"""Protects who is a volunteer: consent by purpose and version, children through a guardian, withdrawal without loss."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from models.residents import Consent, ProxyKind, Purpose
from models.volunteering import VolunteerRegistration, VolunteerWithdrawal
from rules.clock import local_day, utc_now
from rules.volunteering.registration import STATEMENT_VERSION
from tests.build import ApiClient, Person, TownBuilder
from tests.edge.helpers import problem_of
from tests.volunteering.serving import (
    a_session,
    entry,
    guardian_of,
    minutes_of,
    organiser,
    serve,
    write_down,
)


def consents(town: TownBuilder, who: Person) -> list[tuple[Purpose, str]]:
    return [(row.purpose, row.version) for row in town.rows(Consent.purpose, Consent.version, resident_id=who.id)]


def child_of(town: TownBuilder, years: int, *, less_days: int = 0) -> Person:
    """Somebody who is so many years old today, less some days."""
    today = local_day(utc_now())
    return town.resident(
        "王小小",
        born_on=date(today.year - years, today.month, 1 if today.day > 28 else today.day) + timedelta(days=less_days),
    )


def test_who_agrees_to_the_statement_is_a_volunteer_and_the_consent_is_on_record(
    town: TownBuilder, api: ApiClient
) -> None:
    resident = town.resident()
    me = api.as_(resident)
    shown = me.get("/me/volunteer").json
    assert (shown["is_volunteer"], shown["current_version"]) == (False, STATEMENT_VERSION)
    assert "退出后不再新增记录" in shown["statement"]
    answer = me.post("/me/volunteer", {"version": shown["current_version"]})
    assert (answer.status_code, answer.json["is_volunteer"]) == (200, True)
    assert answer.json["statement_version"] == STATEMENT_VERSION
    assert consents(town, resident) == [(Purpose.VOLUNTEERING, STATEMENT_VERSION)]
    assert api.as_(resident).get("/me").json["is_volunteer"] is True


def test_registering_twice_changes_nothing(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    me = api.as_(resident)
    first = me.post("/me/volunteer", {"version": STATEMENT_VERSION}).json
    assert me.post("/me/volunteer", {"version": STATEMENT_VERSION}).json == first
    assert len(consents(town, resident)) == len(town.rows(VolunteerRegistration, resident_id=resident.id)) == 1


def test_an_old_statement_is_not_agreed_to(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    before = town.contents()
    problem_of(api.as_(resident).post("/me/volunteer", {"version": "2020-01"}), 409, "volunteering.statement_outdated")
    assert town.contents() == before


def test_who_withdraws_is_none_any_more_and_keeps_the_hours(town: TownBuilder, api: ApiClient) -> None:
    resident = town.resident()
    me = api.as_(resident)
    me.post("/me/volunteer", {"version": STATEMENT_VERSION})
    serve(town, resident, a_session(town), 90)
    answer = me.delete("/me/volunteer")
    assert (answer.status_code, answer.json["is_volunteer"]) == (200, False)
    assert consents(town, resident) == []
    assert minutes_of(town, resident).signed == 90
    [(kept,)] = town.rows(VolunteerWithdrawal, resident_id=resident.id)
    assert (kept.statement_version, kept.withdrawn_by) == (STATEMENT_VERSION, None)
    problem_of(write_down(organiser(town, api), entry(resident)), 422, "volunteering.records_invalid")
    problem_of(me.delete("/me/volunteer"), 409, "volunteering.not_registered")
    assert me.post("/me/volunteer", {"version": STATEMENT_VERSION}).json["is_volunteer"] is True


def test_a_minor_needs_a_guardian_who_registers_them(town: TownBuilder, api: ApiClient) -> None:
    child = child_of(town, 10)
    wish = {"version": STATEMENT_VERSION, "resident_id": str(child.id)}
    problem_of(
        api.as_(child).post("/me/volunteer", {"version": STATEMENT_VERSION}), 403, "volunteering.guardian_needed"
    )
    helper = guardian_of(town, child, ProxyKind.HELPER)
    problem_of(api.as_(helper).post("/me/volunteer", wish), 403, "volunteering.guardian_needed")
    problem_of(api.as_(town.resident()).post("/me/volunteer", wish), 403, "proxy.none")
    assert town.rows(VolunteerRegistration, resident_id=child.id) == []
    guardian = guardian_of(town, child)
    assert api.as_(guardian).post("/me/volunteer", wish).json["is_volunteer"] is True
    [(agreed_by,)] = town.rows(VolunteerRegistration.agreed_by, resident_id=child.id)
    assert agreed_by == guardian.id
    assert api.as_(guardian).get("/me/volunteer").json["is_volunteer"] is False
    answer = api.as_(guardian).call("DELETE", "/me/volunteer", query_string={"resident_id": str(child.id)})
    assert answer.json["is_volunteer"] is False
    [(kept,)] = town.rows(VolunteerWithdrawal, resident_id=child.id)
    assert kept.withdrawn_by == guardian.id


@pytest.mark.parametrize(("less_days", "may"), [(0, True), (1, False)])
def test_eighteen_begins_on_the_birthday(town: TownBuilder, api: ApiClient, less_days: int, may: bool) -> None:
    today = local_day(utc_now())
    born_on = today.replace(year=today.year - 18) + timedelta(days=less_days)
    resident = town.resident(born_on=born_on)
    answer = api.as_(resident).post("/me/volunteer", {"version": STATEMENT_VERSION})
    assert answer.status_code == (200 if may else 403)
