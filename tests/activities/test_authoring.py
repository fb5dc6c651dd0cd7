"""Protects how organisers make activities: drafts that only the staff of the place see, publication, copies, the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from models.activities import Activity, ActivityStatus, Series, SessionStatus
from models.reservations import Draw, Reservation, ReservationStatus
from models.residents import Role
from tests.activities.organising import Desk, activity_body, code_of, series_body, session_body, what_stands
from tests.activities.plan import DAY, HOUR, NOW, a_session, listed
from tests.build import ApiClient, Person, TownBuilder

QUESTION = {"key": "diet", "text": "有什么忌口？", "kind": "text", "choices": [], "required": False}


@pytest.fixture
def desk(town: TownBuilder, api: ApiClient) -> Desk:
    return Desk(town, api)


def status_of(town: TownBuilder, activity_id: object) -> ActivityStatus:
    [row] = town.rows(Activity.status, id=int(str(activity_id)))
    return row.status


def test_a_draft_says_what_its_organiser_said(desk: Desk, town: TownBuilder) -> None:
    said = {
        "eligible_territory_id": str(town.community_id),
        "volunteers_only": True,
        "party_size_max": 3,
        "age_min": 6,
        "age_max": 12,
        "audience": "children",
        "price": 30,
        "allocation": "lottery",
        "waiting_max": 5,
        "offer_minutes": 60,
        "allows_reentry": False,
        "questions": [{"key": "diet", "text": " 有什么忌口？ ", "kind": "text"}],
    }
    answer = desk.post("/activities", activity_body(town, **said))
    assert answer.status_code == 201, answer.json
    assert answer.json.items() >= {**activity_body(town, **said), "status": "draft", "questions": [QUESTION]}.items()
    assert answer.json["sessions"] == []


def test_an_activity_is_for_everybody_and_free_unless_it_says_otherwise(desk: Desk) -> None:
    shown = desk.get(f"/activities/{desk.draft()}").json
    assert shown["party_size_max"] == 1
    assert (shown["price"], shown["waiting_max"], shown["offer_minutes"]) == (0, 0, 0)
    assert (shown["age_min"], shown["age_max"], shown["eligible_territory_id"]) == (None, None, None)
    assert (shown["allocation"], shown["volunteers_only"], shown["allows_reentry"]) == ("first_come", False, True)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 81}, "title"),
        ({"title": "a\0"}, "title"),
        ({"summary": 5}, "summary"),
        ({"scene": "shopping"}, "scene"),
        ({"community_id": "x"}, "community_id"),
        ({"party_size_max": 0}, "party_size_max"),
        ({"party_size_max": 2.5}, "party_size_max"),
        ({"party_size_max": "2"}, "party_size_max"),
        ({"age_min": -1}, "age_min"),
        ({"age_min": 13, "age_max": 12}, "age_max"),
        ({"price": -1}, "price"),
        ({"price": 10**9}, "price"),
        ({"allocation": "auction"}, "allocation"),
        ({"waiting_max": 10**6}, "waiting_max"),
        ({"offer_minutes": -5}, "offer_minutes"),
        ({"volunteers_only": "maybe"}, "volunteers_only"),
        ({"questions": [{"key": "A b", "text": "?", "kind": "text"}]}, "questions"),
        ({"questions": [{"key": "a", "text": "?", "kind": "essay"}]}, "questions"),
        ({"questions": [{"key": "a", "text": "?", "kind": "choice", "choices": ["x"]}]}, "questions.0"),
        ({"questions": "none"}, "questions"),
        ({"status": "published"}, "status"),
        ({"nonsense": 1}, "nonsense"),
    ],
    ids=str,
)
def test_nonsense_is_refused_with_its_field_and_changes_nothing(
    desk: Desk, town: TownBuilder, said: dict[str, Any], field: str
) -> None:
    draft = desk.draft()
    before = what_stands(town)
    for answer in (desk.post("/activities", activity_body(town, **said)), desk.patch(f"/activities/{draft}", said)):
        assert answer.status_code == 422, answer.json
        assert field in answer.json["errors"]
    assert what_stands(town) == before


def test_what_an_activity_hangs_on_must_be_there(desk: Desk, town: TownBuilder) -> None:
    for said, code in (
        ({"operator_id": "1"}, "operator.unknown"),
        ({"community_id": "1"}, "territory.unknown"),
        ({"eligible_territory_id": "1"}, "territory.unknown"),
    ):
        assert code_of(desk.post("/activities", activity_body(town, **said))) == (404, code)
    assert town.rows(Activity) == []


def test_a_change_leaves_alone_what_it_does_not_say(desk: Desk) -> None:
    draft = desk.draft(age_min=6, questions=[QUESTION])
    changed = desk.patch(f"/activities/{draft}", {"title": "太极晨练", "age_max": 12})
    assert changed.status_code == 200
    assert (changed.json["title"], changed.json["age_min"], changed.json["age_max"]) == ("太极晨练", 6, 12)
    assert changed.json["questions"] == [QUESTION]
    again = desk.patch(f"/activities/{draft}", {"age_min": None, "questions": []})
    assert (again.json["age_min"], again.json["age_max"], again.json["questions"]) == (None, 12, [])
    assert desk.patch(f"/activities/{draft}", {}).json == again.json
    assert code_of(desk.patch(f"/activities/{draft}", {"age_min": 13})) == (422, "activity.invalid")


def test_the_way_of_giving_out_places_is_fixed_once_sessions_are_planned(desk: Desk, town: TownBuilder) -> None:
    draft = desk.draft()
    assert desk.patch(f"/activities/{draft}", {"allocation": "lottery"}).json["allocation"] == "lottery"
    assert desk.patch(f"/activities/{draft}", {"allocation": "first_come"}).status_code == 200
    planned = desk.post(f"/activities/{draft}/sessions", session_body(town, NOW + DAY))
    assert planned.status_code == 201, planned.json
    assert code_of(desk.patch(f"/activities/{draft}", {"allocation": "lottery"})) == (409, "activity.allocation_fixed")
    assert desk.patch(f"/activities/{draft}", {"allocation": "first_come", "price": 5}).json["price"] == 5


# Who sees a draft


def test_a_draft_is_seen_by_the_staff_of_its_place_and_by_nobody_else(
    desk: Desk, town: TownBuilder, api: ApiClient
) -> None:
    draft = desk.draft()
    session_id = desk.post(f"/activities/{draft}/sessions", session_body(town, NOW + DAY)).json["id"]
    paths = (f"/activities/{draft}", f"/activities/{draft}/sessions", f"/sessions/{session_id}")
    for person in (
        town.staff(Role.SCANNER, at=town.community_id),
        town.staff(Role.AUDITOR),
        town.staff(Role.ADMIN),
        desk.person,
    ):
        for path in paths:
            assert Desk(town, api, person).get(path).status_code == 200, (person, path)
    for person in (town.resident(), town.staff(Role.ORGANISER, at=town.other_community_id), town.staff()):
        for path in paths:
            assert Desk(town, api, person).get(path).status_code == 404, (person, path)
    for path in paths:
        assert desk.seen_by_all(path).status_code == 404
    assert desk.reserve(session_id, town.resident()).status_code == 404
    assert listed(api) == []


def test_a_publication_shows_a_draft_to_everybody(desk: Desk, town: TownBuilder, api: ApiClient) -> None:
    draft = desk.draft()
    session_id = desk.post(f"/activities/{draft}/sessions", session_body(town, NOW + DAY)).json["id"]
    assert desk.get(f"/sessions/{session_id}").json["status"] == "not_open"
    published = desk.post(f"/activities/{draft}/publication")
    assert (published.status_code, published.json["status"]) == (200, "published")
    assert published.json["sessions"][0]["status"] == "open"
    assert listed(api) == [draft]
    assert desk.reserve(session_id, town.resident()).status_code == 201
    assert code_of(desk.post(f"/activities/{draft}/publication")) == (409, "activity.not_a_draft")


def test_a_lottery_is_committed_to_when_it_is_published(desk: Desk, town: TownBuilder) -> None:
    draft = desk.draft(allocation="lottery")
    body = session_body(town, NOW + 3 * DAY, allocates_minutes_before=24 * 60)
    first = desk.post(f"/activities/{draft}/sessions", body)
    assert first.status_code == 201, first.json
    assert town.rows(Draw.session_id) == []
    assert desk.post(f"/activities/{draft}/publication").status_code == 200
    assert [row.session_id for row in town.rows(Draw.session_id)] == [int(first.json["id"])]
    later = desk.post(f"/activities/{draft}/sessions", body | {"starts_at": (NOW + 4 * DAY).isoformat()})
    assert {row.session_id for row in town.rows(Draw.session_id)} == {int(first.json["id"]), int(later.json["id"])}


# Whose activities an organiser may touch


def writes(town: TownBuilder, activity_id: object) -> list[tuple[str, str, Any]]:
    path = f"/activities/{activity_id}"
    return [
        ("patch", path, {"title": "别的"}),
        ("post", f"{path}/publication", None),
        ("post", f"{path}/cancellation", {"reason": "台风"}),
        ("post", f"{path}/finish", None),
        ("post", f"{path}/copy", None),
        ("post", f"{path}/sessions", session_body(town, NOW + DAY)),
        ("post", f"{path}/series", series_body(town)),
        ("post", f"{path}/series/preview", series_body(town)),
    ]


@pytest.mark.parametrize("published", [True, False])
def test_an_organiser_of_elsewhere_changes_nothing(
    desk: Desk, town: TownBuilder, api: ApiClient, published: bool
) -> None:
    activity = desk.activity() if published else desk.draft()
    elsewhere = Desk(town, api, town.staff(Role.ORGANISER, at=town.other_community_id))
    before = what_stands(town)
    for method, path, body in writes(town, activity):
        answer = getattr(elsewhere, method)(path, body)
        assert code_of(answer) == ((403, "auth.forbidden") if published else (404, "activity.unknown")), path
    assert what_stands(town) == before
    assert code_of(elsewhere.post("/activities", activity_body(town))) == (403, "auth.forbidden")
    moved = elsewhere.draft(community_id=str(town.other_community_id))
    assert code_of(elsewhere.patch(f"/activities/{moved}", {"community_id": str(town.community_id)}))[0] == 403


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ORGANISER, Role.ADMIN}))
def test_other_roles_write_no_activities(desk: Desk, town: TownBuilder, api: ApiClient, role: Role) -> None:
    activity = desk.activity()
    other = Desk(town, api, town.staff(role))
    for method, path, body in writes(town, activity):
        assert code_of(getattr(other, method)(path, body)) == (403, "auth.forbidden"), path


def test_a_resident_and_a_visitor_write_no_activities(desk: Desk, town: TownBuilder, api: ApiClient) -> None:
    activity = desk.activity()
    resident = Desk(town, api, town.resident())
    for method, path, body in writes(town, activity):
        assert code_of(getattr(resident, method)(path, body)) == (403, "auth.forbidden"), path
        visit = api.call(method.upper(), path, body, key="a-key-of-a-visitor")
        assert code_of(visit) == (401, "auth.required"), path
    assert status_of(town, activity) is ActivityStatus.PUBLISHED


# Copies


def test_a_copy_is_a_draft_with_the_same_series_and_no_sessions(desk: Desk, town: TownBuilder) -> None:
    original = desk.draft(questions=[QUESTION], price=20, waiting_max=3)
    assert desk.series(original, skip=["2025-06-04"], skips_holidays=True).status_code == 201
    assert desk.post(f"/activities/{original}/publication").status_code == 200
    copied = desk.post(f"/activities/{original}/copy")
    assert copied.status_code == 201
    assert copied.json["id"] != original
    assert (copied.json["status"], copied.json["sessions"]) == ("draft", [])
    same = {"title", "summary", "category", "questions", "price", "waiting_max", "community_id", "operator_id"}
    shown = desk.get(f"/activities/{original}").json
    assert {name: copied.json[name] for name in same} == {name: shown[name] for name in same}
    [series] = desk.get(f"/activities/{copied.json['id']}/series").json["items"]
    [theirs] = desk.get(f"/activities/{original}/series").json["items"]
    assert (series["expanded_until"], series["id"] == theirs["id"]) == (None, False)
    own = {"id", "activity_id", "expanded_until"}
    assert {k: v for k, v in series.items() if k not in own} == {k: v for k, v in theirs.items() if k not in own}
    assert town.rows(Activity.copied_from_id, id=int(copied.json["id"])) == [(int(original),)]


def test_a_copy_gets_its_sessions_when_it_is_published(desk: Desk, town: TownBuilder) -> None:
    """The room is still the original's, so it is planned for another time first."""
    original = desk.draft()
    desk.series(original)
    copy = desk.post(f"/activities/{original}/copy").json["id"]
    clash = desk.post(f"/activities/{copy}/publication")
    assert code_of(clash) == (409, "session.venue_clash")
    assert desk.sessions(int(copy)) == []
    assert status_of(town, copy) is ActivityStatus.DRAFT
    [series] = desk.get(f"/activities/{copy}/series").json["items"]
    replanned = desk.put(f"/series/{series['id']}", series_body(town, starts_at="14:00"))
    assert (replanned.status_code, replanned.json["starts_at"]) == (200, "14:00")
    assert desk.post(f"/activities/{copy}/publication").status_code == 200
    assert len(desk.sessions(int(copy))) == len(desk.sessions(int(original))) == 26
    again = desk.put(f"/series/{series['id']}", series_body(town, starts_at="15:00"))
    assert code_of(again) == (409, "series.has_sessions")
    assert code_of(desk.delete(f"/series/{series['id']}")) == (409, "series.has_sessions")


def test_a_copy_of_what_is_over_begins_today(desk: Desk, town: TownBuilder) -> None:
    original = desk.draft()
    for rrule in ("FREQ=WEEKLY;COUNT=4", "FREQ=WEEKLY;UNTIL=20250603", "FREQ=WEEKLY"):
        assert desk.series(original, rrule=rrule, starts_at=f"{8 + len(rrule) % 9:02}:00").status_code == 201
    ten_weeks_ago = update(Series).where(Series.town_id == town.id).values(starts_on=NOW.date() - 70 * DAY)
    town.act(None, lambda work: work.db.execute(ten_weeks_ago))
    copy = desk.post(f"/activities/{original}/copy").json["id"]
    series = desk.get(f"/activities/{copy}/series").json["items"]
    assert {each["starts_on"] for each in series} == {"2025-06-02"}
    assert [(each["rrule"], each["ends_on"]) for each in series] == [
        ("FREQ=WEEKLY;COUNT=4;BYDAY=MO", "2025-06-23"),
        ("FREQ=WEEKLY;UNTIL=20250603;BYDAY=MO", "2025-06-02"),
        ("FREQ=WEEKLY;BYDAY=MO", None),
    ]


def test_a_series_without_sessions_can_be_dropped_by_its_organiser_alone(
    desk: Desk, town: TownBuilder, api: ApiClient
) -> None:
    original = desk.draft()
    desk.series(original)
    copy = desk.post(f"/activities/{original}/copy").json["id"]
    [series] = desk.get(f"/activities/{copy}/series").json["items"]
    elsewhere = Desk(town, api, town.staff(Role.ORGANISER, at=town.other_community_id))
    assert code_of(elsewhere.delete(f"/series/{series['id']}")) == (404, "series.unknown")
    assert code_of(elsewhere.put(f"/series/{series['id']}", series_body(town))) == (404, "series.unknown")
    assert desk.delete(f"/series/{series['id']}").status_code == 204
    assert code_of(desk.delete(f"/series/{series['id']}")) == (404, "series.unknown")
    assert desk.get(f"/activities/{copy}/series").json["items"] == []


# The end


def test_a_cancelled_activity_calls_off_what_is_to_come_and_tells_everybody(
    desk: Desk, town: TownBuilder, api: ApiClient
) -> None:
    activity = desk.draft(waiting_max=5)
    desk.series(activity, capacity=1)
    desk.post(f"/activities/{activity}/publication")
    is_on = a_session(town, int(activity), NOW - HOUR)
    first = desk.sessions(int(activity))[1]
    inside, waits = town.resident(), town.resident()
    assert desk.reserve(first.id, inside).status_code == 201
    assert desk.reserve(first.id, waits).json["status"] == "waitlisted"
    cancelled = desk.post(f"/activities/{activity}/cancellation", {"reason": "老师生病"})
    assert (cancelled.status_code, cancelled.json["status"]) == (200, "cancelled")
    by_id = {row.id: row.status for row in desk.sessions(int(activity))}
    assert by_id.pop(is_on) is SessionStatus.SCHEDULED
    assert set(by_id.values()) == {SessionStatus.CANCELLED}
    assert {row.status for row in town.rows(Reservation.status)} == {ReservationStatus.CANCELLED}
    assert town.rows(Series.ends_on) == [(NOW.date(),)]
    for method, path, body in writes(town, activity):
        if "copy" not in path and "preview" not in path:
            assert code_of(getattr(desk, method)(path, body)) == (409, "activity.over"), path
    assert desk.post(f"/activities/{activity}/copy").json["status"] == "draft"
    assert listed(api) == []


def test_the_rooms_of_a_cancelled_activity_are_free_again(desk: Desk) -> None:
    activity, other = desk.draft(), desk.draft()
    assert desk.series(activity).status_code == 201
    assert code_of(desk.series(other)) == (409, "session.venue_clash")
    desk.post(f"/activities/{activity}/cancellation", {"reason": "停办"})
    assert desk.series(other).status_code == 201


def test_an_activity_is_finished_when_nothing_is_to_come(desk: Desk, town: TownBuilder) -> None:
    activity = desk.activity()
    a_session(town, activity, NOW - 2 * HOUR + timedelta(seconds=1))
    refused = desk.post(f"/activities/{activity}/finish")
    assert code_of(refused) == (409, "activity.sessions_to_come")
    assert "1" in refused.json["detail"]
    over = desk.activity()
    a_session(town, over, NOW - 2 * HOUR)
    a_session(town, over, NOW + DAY, status=SessionStatus.CANCELLED)
    finished = desk.post(f"/activities/{over}/finish")
    assert (finished.status_code, finished.json["status"]) == (200, "finished")
    assert code_of(desk.post(f"/activities/{over}/finish")) == (409, "activity.over")
    assert status_of(town, activity) is ActivityStatus.PUBLISHED


# The list of an organiser's own


def test_an_organiser_sees_all_activities_of_their_places_and_no_others(
    desk: Desk, town: TownBuilder, api: ApiClient
) -> None:
    draft = desk.draft()
    published = str(desk.activity(title="已发布"))
    a_session(town, int(published), NOW + DAY)
    a_session(town, int(published), NOW + 2 * DAY)
    over = str(desk.activity(status=ActivityStatus.FINISHED))
    elsewhere = str(town.activity(community_id=town.other_community_id))
    mine = desk.get("/activities/managed").json["items"]
    assert [item["id"] for item in mine] == [over, published, draft]
    assert [(item["sessions_to_come"], item["next_starts_at"]) for item in mine] == [
        (0, None),
        (2, "2025-06-03T09:00:00+08:00"),
        (0, None),
    ]
    assert [item["id"] for item in desk.get("/activities/managed", status="draft").json["items"]] == [draft]
    assert desk.get("/activities/managed", community_id=str(town.other_community_id)).json["items"] == []
    whole_town = Desk(town, api, town.staff(Role.ORGANISER)).get("/activities/managed").json["items"]
    assert {item["id"] for item in whole_town} == {draft, published, over, elsewhere}
    for person, status in ((town.resident(), 403), (town.staff(Role.MANAGER), 403)):
        assert Desk(town, api, person).get("/activities/managed").status_code == status


def test_pages_of_my_activities_give_each_once(desk: Desk) -> None:
    ids = [desk.draft() for _ in range(5)]
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    for _ in range(4):
        page = desk.get("/activities/managed", **query).json
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == ids[::-1]


def test_the_same_write_twice_makes_one_activity(desk: Desk, town: TownBuilder, api: ApiClient) -> None:
    person: Person = town.staff(Role.ORGANISER)
    answers = [api.as_(person).post("/activities", activity_body(town), key="the-very-same-key") for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert len(town.rows(Activity)) == 1
