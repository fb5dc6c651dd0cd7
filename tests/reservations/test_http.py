"""Reservations as callers see them: mine, my child's, a session's for its staff."""

from __future__ import annotations

from datetime import date

import pytest

from models.reservations import CancelledBy, Reservation
from models.residents import Proxy, ProxyKind, Role
from tests.build import ApiClient, Person, TownBuilder, add
from tests.reservations.story import Story
from tests.reservations.test_paying import rich


def agent_of(town: TownBuilder, principal: Person, kind: ProxyKind = ProxyKind.HELPER) -> Person:
    """Somebody who may act for another one."""
    agent = town.resident("张姐")
    columns = {
        "principal_id": principal.id,
        "agent_id": agent.id,
        "kind": kind,
        "consent_note": "本人到场同意",
        "recorded_by_kind": "resident",
        "recorded_by_id": principal.id,
    }
    town.act(None, lambda work: add(work, Proxy, recorded_at=work.now, **columns))
    return agent


def test_who_may_act_for_an_elder_books_sees_and_cancels_for_them(town: TownBuilder, api: ApiClient) -> None:
    elder, session = town.resident("李奶奶"), town.session()
    agent = agent_of(town, elder)
    booked = api.as_(agent).post(f"/sessions/{session}/reservations", {"resident_id": str(elder.id)})
    assert (booked.status_code, booked.json["resident_id"]) == (201, str(elder.id))
    [kept] = town.rows(Reservation.booked_by_kind, Reservation.booked_by_id)
    assert (kept.booked_by_kind, kept.booked_by_id) == ("resident", agent.id)
    mine = api.as_(agent).get("/me/reservations").json["items"]
    theirs = api.as_(agent).get("/me/reservations", resident_id=str(elder.id)).json["items"]
    assert (mine, [each["id"] for each in theirs]) == ([], [booked.json["id"]])
    assert api.as_(agent).delete(f"/reservations/{booked.json['id']}").json["status"] == "cancelled"


def test_who_may_not_act_for_somebody_neither_books_nor_sees_nor_cancels(town: TownBuilder, api: ApiClient) -> None:
    neighbour, session = town.resident(), town.session()
    stranger = api.as_(town.resident())
    booked = api.as_(neighbour).post(f"/sessions/{session}/reservations", {}).json["id"]
    asked = stranger.post(f"/sessions/{session}/reservations", {"resident_id": str(neighbour.id)})
    assert (asked.status_code, asked.json["code"]) == (403, "proxy.none")
    listed = stranger.get("/me/reservations", resident_id=str(neighbour.id))
    assert (listed.status_code, listed.json["code"]) == (403, "proxy.none")
    for answer in (stranger.get(f"/reservations/{booked}"), stranger.delete(f"/reservations/{booked}")):
        assert (answer.status_code, answer.json["code"]) == (404, "reservation.unknown")


def test_staff_book_and_cancel_for_whoever_stands_at_the_desk(town: TownBuilder, api: ApiClient) -> None:
    resident, session = town.resident(), town.session()
    desk = api.as_(town.staff(Role.SCANNER))
    booked = desk.post(f"/sessions/{session}/reservations", {"resident_id": str(resident.id)})
    assert (booked.status_code, booked.json["resident_id"]) == (201, str(resident.id))
    assert desk.delete(f"/reservations/{booked.json['id']}").json["status"] == "cancelled"
    [kept] = town.rows(Reservation.booked_by_kind, Reservation.cancelled_by)
    assert (kept.booked_by_kind, kept.cancelled_by) == ("staff", CancelledBy.STAFF)


def test_staff_say_for_whom_and_only_at_their_place(town: TownBuilder, api: ApiClient) -> None:
    resident, session = town.resident(), town.session()
    nobody = api.as_(town.staff(Role.SCANNER)).post(f"/sessions/{session}/reservations", {})
    assert (nobody.status_code, nobody.json["code"]) == (422, "proxy.resident_needed")
    wish = {"resident_id": str(resident.id)}
    for staff in (town.staff(Role.SCANNER, at=town.other_community_id), town.staff(Role.AUDITOR)):
        refused = api.as_(staff).post(f"/sessions/{session}/reservations", wish)
        assert (refused.status_code, refused.json["code"]) == (403, "auth.forbidden")
    assert town.rows(Reservation.id) == []


def test_organisers_see_a_sessions_reservations_with_masked_names(town: TownBuilder, api: ApiClient) -> None:
    story = Story.of(town, capacity=1)
    story.reserve(town.resident("王小明"))
    story.reserve(town.resident("欧阳静"))
    page = api.as_(town.staff(Role.ORGANISER)).get(f"/sessions/{story.session}/reservations", limit=1)
    assert [(each["name"], each["status"]) for each in page.json["items"]] == [("王**", "confirmed")]
    rest = api.as_(town.staff(Role.ORGANISER)).get(
        f"/sessions/{story.session}/reservations", cursor=page.json["next_cursor"]
    )
    assert [(each["name"], each["position"]) for each in rest.json["items"]] == [("欧**", 1)]
    assert rest.json["next_cursor"] is None


@pytest.mark.parametrize("caller", ["resident", "elsewhere", "scanner"])
def test_nobody_else_lists_who_has_reserved(town: TownBuilder, api: ApiClient, caller: str) -> None:
    session = town.session()
    person = {
        "resident": town.resident,
        "elsewhere": lambda: town.staff(Role.ORGANISER, at=town.other_community_id),
        "scanner": lambda: town.staff(Role.SCANNER),
    }[caller]()
    assert api.as_(person).get(f"/sessions/{session}/reservations").status_code == 403


def test_a_draft_is_not_there_for_anybody_who_wants_a_place(town: TownBuilder, api: ApiClient) -> None:
    session = town.session(activity_id=town.activity(status="draft"))
    answer = api.as_(town.resident()).post(f"/sessions/{session}/reservations", {})
    assert (answer.status_code, answer.json["code"]) == (404, "session.unknown")


def test_a_session_whose_sign_up_opens_later_says_when(town: TownBuilder, api: ApiClient) -> None:
    story = Story.of(town)
    opens = story.now.replace(year=story.now.year + 1)
    session = town.session(reservable_from=opens, starts_at=opens, ends_at=opens.replace(hour=23, minute=59, second=59))
    refused = api.as_(town.resident()).post(f"/sessions/{session}/reservations", {})
    assert (refused.status_code, refused.json["code"]) == (409, "reservation.not_open_yet")


@pytest.mark.parametrize(
    ("born_on", "code"),
    [(None, "reservation.birthday_needed"), ("2000-01-01", "reservation.age"), ("1950-01-01", None)],
)
def test_an_age_limit_holds_on_the_day_of_the_session(
    town: TownBuilder, api: ApiClient, born_on: str | None, code: str | None
) -> None:
    session = town.session(activity_id=town.activity(age_min=60))
    person = town.resident(born_on=date.fromisoformat(born_on) if born_on else None)
    answer = api.as_(person).post(f"/sessions/{session}/reservations", {})
    assert answer.json.get("code") == code
    assert len(town.rows(Reservation.id)) == (code is None)


@pytest.mark.parametrize(
    "body",
    [
        {"party_size": 0},
        {"party_size": "2"},
        {"party_size": 10**30},
        {"answers": "yes"},
        {"resident_id": "x"},
        {"unheard_of": 1},
        [],
    ],
)
def test_nonsense_is_refused_and_takes_nothing(town: TownBuilder, api: ApiClient, body: object) -> None:
    session = town.session()
    answer = api.as_(town.resident()).post(f"/sessions/{session}/reservations", body)
    assert answer.status_code in (400, 422)
    assert town.rows(Reservation.id) == []


def test_who_books_for_somebody_does_not_learn_what_points_they_have(town: TownBuilder, api: ApiClient) -> None:
    elder = rich(town, points=7)
    agent, session = agent_of(town, elder), town.session(activity_id=town.activity(price=10))
    wish = {"resident_id": str(elder.id)}
    refused = api.as_(agent).post(f"/sessions/{session}/reservations", wish)
    assert (refused.status_code, refused.json["code"]) == (409, "points.insufficient")
    assert "7" not in refused.json["detail"]
    assert "7" in api.as_(elder).post(f"/sessions/{session}/reservations", {}).json["detail"]


def test_a_guardians_right_over_a_reservation_ends_at_eighteen(town: TownBuilder, api: ApiClient) -> None:
    grown, session = town.resident(born_on=date(2000, 1, 1)), town.session()
    booked = api.as_(grown).post(f"/sessions/{session}/reservations", {}).json["id"]
    mother = agent_of(town, grown, ProxyKind.GUARDIAN)
    for answer in (api.as_(mother).get(f"/reservations/{booked}"), api.as_(mother).delete(f"/reservations/{booked}")):
        assert (answer.status_code, answer.json["code"]) == (404, "reservation.unknown")
    helper = agent_of(town, grown)
    assert api.as_(helper).get(f"/reservations/{booked}").status_code == 200
