"""Protects where a right holds: of every route that staff or residents use, nobody from elsewhere gets at a thing of A.

The world of `tests.edge.world` has one thing of every kind in community A. Each route is called with the ids of A's
things, so that nothing but the place (or whose it is) can refuse, by people of B, of another town and by a neighbour;
and by who may, in a transaction that is undone, so that the refusals are not empty. A route that is neither placed nor
excused here fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from blueprints.edge.caller import ANYONE, RESIDENT, SIGNING_IN
from blueprints.edge.house import House
from models.residents import Role
from models.volunteering import ServiceRecord
from rules.clock import local_day, utc_now
from rules.work import Actor, Transactions, Work
from tests.build import RULEBOOK, ApiClient, fresh_key
from tests.edge.helpers import NOBODY
from tests.edge.test_permissions import BODIES, MATRIX, PUBLIC
from tests.edge.world import ELDERS_PHONE, World, world_of
from tests.points.hands import effects
from tests.venues.halls import tomorrow

PREFIX = "/api/v1"
FAR_AWAY = "all roles of another town"
STAFF_ELSEWHERE = (*(f"{role} of B" for role in Role), "all roles of B", FAR_AWAY)
RESIDENTS = ("resident of B", "neighbour in A")
#: What is written of a caller who is refused: answers under their keys, and how many wrong codes they tried.
OF_THE_CALLER = {"idempotency_record", "code_try"}
Body = Callable[[World], Any]


@dataclass(frozen=True)
class Case:
    """How a route is called with A's things, by whom it is answered, and who else may use it and why."""

    by: str = ""  #: who may: "manager of A"; empty: the route's own role at A
    at: dict[str, str] = field(default_factory=dict)  #: names of path parameters, as the world knows them
    body: Body | None = None  #: none: the body of tests.edge.test_permissions, with the world's ids
    query: dict[str, str] = field(default_factory=dict)  #: names of things, by the name of the argument
    lists: bool = False  #: others are answered too, with nothing of A's in it
    open_to: tuple[str, ...] = ()  #: who from elsewhere may use it as well
    why: str = ""  #: they may use it
    meets: str = ""  #: the refusal that the right caller meets: it got as far as the thing


def soon(days: int = 20, **more: Any) -> dict[str, Any]:
    return {"starts_at": tomorrow(10, days=days).isoformat(), "ends_at": tomorrow(11, days=days).isoformat(), **more}


def with_owner(**more: Any) -> Body:
    """A body in which staff say that it is for a resident of A."""
    return lambda world: {"resident_id": world.ids["resident_id"], **more}


def series(world: World) -> dict[str, Any]:
    plan = {"venue_id": world.ids["venue_id"], "duration_minutes": 60, "capacity": 1, "rrule": "FREQ=WEEKLY;COUNT=2"}
    return plan | {"starts_on": str(local_day(utc_now()) + timedelta(days=20)), "starts_at": "09:00"}


def session(world: World) -> dict[str, Any]:
    plan = {"venue_id": world.ids["venue_id"], "duration_minutes": 60, "capacity": 1}
    return plan | {"starts_at": tomorrow(10, days=21).isoformat()}


def announcement(world: World) -> dict[str, Any]:
    return {"title": "停电通知", "text": "周四停电。", "place_ids": [world.ids["community_id"]]}


def award_file(world: World) -> dict[str, Any]:
    row = f"A-2,{world.ids['resident_id']},5,{local_day(utc_now()) - timedelta(days=1)},志愿服务"
    return {"name": "二月.csv", "csv": f"ref,resident_id,amount,occurred_on,reason\n{row}\n"}


def hours_file(world: World) -> dict[str, Any]:
    row = f"A-2,{world.ids['resident_id']},60,{local_day(utc_now()) - timedelta(days=41)},清扫"
    return {"name": "志愿汇二月.csv", "csv": f"ref,resident_id,minutes,served_on,description\n{row}"}


def served(world: World) -> dict[str, Any]:
    day = str(local_day(utc_now()) - timedelta(days=2))
    return {
        "items": [{"resident_id": world.ids["resident_id"], "minutes": 30, "served_on": day, "description": "值守"}]
    }


def draft(_world: World) -> dict[str, Any]:
    begin = (utc_now() + timedelta(days=2)).isoformat()
    return {"document": RULEBOOK.replace("amount = 5", "amount = 9"), "effective_from": begin}


def weights(_world: World) -> dict[str, Any]:
    weight = {"measure": "redemptions.fulfilled", "weight": 100}
    return {"from_day": str(local_day(utc_now()) + timedelta(days=9)), "weights": [weight], "sessions_min": 1}


OF_A = {"territory_id": "community_id"}
MANAGER, OWNER, KEEPER, MERCHANT, DOOR = "manager of A", "owner", "keeper", "merchant", "door"
ORGANISER, SCANNER = "organiser of A", "scanner of A"
STREET, SECOND, AUDITOR = "manager of the street", "second manager of the street", "auditor of the street"
IN_PUBLIC = "what is public is anybody's to use"
TWO = ("resident of B", "neighbour in A")
NEXT_DOOR = ("neighbour in A",)
PLACED: dict[str, Case] = {
    # Residents at the desk, and whom they trust
    "POST /residents": Case(SCANNER),
    "POST /residents/search": Case(SCANNER, body=lambda _world: {"phone": ELDERS_PHONE}, lists=True),
    "PATCH /residents/<id:resident_id>": Case(SCANNER, at={"resident_id": "elder_id"}),
    "POST /residents/<id:resident_id>/proxies": Case(
        SCANNER,
        meets="proxy.already_recorded",
        at={"resident_id": "elder_id"},
        body=lambda w: {"agent_id": w.ids["resident_id"], "consent_note": "签字"},
    ),
    "GET /residents/<id:resident_id>/proxies": Case(SCANNER, at={"resident_id": "elder_id"}),
    "DELETE /residents/<id:resident_id>/proxies/<id:proxy_id>": Case(SCANNER, at={"resident_id": "elder_id"}),
    "POST /residents/<id:resident_id>/card": Case(SCANNER),
    "DELETE /residents/<id:resident_id>/card": Case(SCANNER, at={"resident_id": "elder_id"}),
    "DELETE /me/proxies/<id:proxy_id>": Case(OWNER),
    "GET /me/exports/<id:export_id>": Case(OWNER),
    "GET /mergings": Case(MANAGER, lists=True),
    "POST /mergings/<id:merging_id>/approval": Case(MANAGER, meets="merging.blocked"),
    "POST /mergings/<id:merging_id>/rejection": Case(MANAGER),
    "GET /household-requests": Case(KEEPER, lists=True),
    "POST /household-requests/<id:household_request_id>/answer": Case(KEEPER),
    "POST /organisations/<id:organisation_id>/members": Case(ORGANISER, meets="organisation.already_member"),
    "GET /organisations/<id:organisation_id>/members": Case(ORGANISER, lists=True),
    "DELETE /organisations/<id:organisation_id>/members/<id:resident_id>": Case(ORGANISER),
    # Centres, services, the tree
    "PATCH /territory/<id:territory_id>": Case(),
    "POST /service-centres": Case(),
    "PATCH /service-centres/<id:service_centre_id>": Case(),
    "PUT /service-centres/<id:service_centre_id>/hours": Case(),
    "POST /service-centres/<id:service_centre_id>/services": Case(),
    "GET /service-centres/<id:service_centre_id>/staff": Case(),
    "POST /service-centres/<id:service_centre_id>/staff": Case(),
    "GET /service-centres/<id:service_centre_id>/staff/<id:staff_id>": Case(),
    "PATCH /service-centres/<id:service_centre_id>/staff/<id:staff_id>": Case(),
    "PUT /service-centres/<id:service_centre_id>/staff/<id:staff_id>/duty": Case(),
    "PUT /service-centres/<id:service_centre_id>/staff/<id:staff_id>/duty-days": Case(
        body=lambda w: {"day": w.ids["duty_day"], "spans": []}
    ),
    "DELETE /service-centres/<id:service_centre_id>/staff/<id:staff_id>/duty-days": Case(query={"day": "duty_day"}),
    "PATCH /services/<id:service_id>": Case(),
    # Estates
    "PUT /estates/<id:estate_id>/contacts": Case(KEEPER),
    "POST /estates/<id:estate_id>/management": Case(),
    "POST /estates/<id:estate_id>/management/end": Case(),
    "POST /repair-categories": Case(MANAGER),
    "POST /service-terms": Case(STREET),
    "GET /estates/<id:estate_id>/statistics/staff": Case(KEEPER),
    "POST /property-companies": Case(STREET),
    "PATCH /property-companies/<id:company_id>": Case(STREET),
    "GET /property-companies/<id:company_id>/statistics/staff": Case(STREET),
    "POST /repairs": Case(OWNER),
    "GET /repairs": Case(KEEPER, query={"estate_id": "estate_id"}, lists=True),
    "GET /estates/<id:estate_id>/public-repairs": Case(OWNER),
    "GET /repairs/<id:repair_id>": Case(KEEPER),
    "GET /repairs/<id:repair_id>/events": Case(KEEPER),
    "GET /repairs/<id:repair_id>/contact": Case(KEEPER),
    "POST /repairs/<id:repair_id>/cancellation": Case(OWNER),
    "POST /repairs/<id:repair_id>/confirmation": Case(OWNER, at={"repair_id": "repair_done"}),
    "POST /repairs/<id:repair_id>/reopening": Case(OWNER, at={"repair_id": "repair_done"}),
    "PUT /repairs/<id:repair_id>/rating": Case(OWNER, at={"repair_id": "repair_confirmed"}),
    "POST /repairs/<id:repair_id>/assignment": Case(KEEPER),
    "POST /repairs/<id:repair_id>/visit": Case(
        KEEPER,
        at={"repair_id": "repair_assigned"},
        body=lambda _w: {"revision": 2, "visit_at": tomorrow(9).isoformat()},
    ),
    "POST /repairs/<id:repair_id>/start": Case(
        KEEPER, at={"repair_id": "repair_assigned"}, body=lambda _w: {"revision": 2}
    ),
    "POST /repairs/<id:repair_id>/completion": Case(
        KEEPER, at={"repair_id": "repair_started"}, body=lambda _w: {"revision": 3}
    ),
    "POST /repairs/<id:repair_id>/rejection": Case(KEEPER),
    "POST /complaints": Case(OWNER),
    "GET /complaints": Case(KEEPER, query={"estate_id": "estate_id"}, lists=True),
    "GET /complaints/<id:complaint_id>": Case(KEEPER),
    "POST /complaints/<id:complaint_id>/answer": Case(KEEPER),
    "DELETE /complaints/<id:complaint_id>": Case(OWNER),
    # Rooms
    "POST /venues": Case(),
    "PATCH /venues/<id:venue_id>": Case(),
    "POST /venues/<id:venue_id>/uses": Case(),
    "PATCH /venues/<id:venue_id>/uses/<id:use_id>": Case(),
    "PUT /venues/<id:venue_id>/hours": Case(),
    "POST /venues/<id:venue_id>/closures": Case(MANAGER),
    "POST /service-centres/<id:service_centre_id>/closures": Case(MANAGER),
    "DELETE /closures/<id:closure_id>": Case(MANAGER),
    "GET /venues/<id:venue_id>/utilisation": Case(MANAGER),
    "POST /venues/<id:venue_id>/bookings": Case(
        ORGANISER, body=lambda w: soon(2, purpose="聚会", use_id=w.ids["use_id"], resident_id=w.ids["resident_id"])
    ),
    "GET /venues/<id:venue_id>/bookings": Case(MANAGER),
    "DELETE /bookings/<id:booking_id>": Case(OWNER),
    "POST /bookings/<id:booking_id>/decision": Case(MANAGER),
    "POST /bookings/<id:booking_id>/arrival": Case(meets="booking.arrival_too_early"),
    "POST /working-days": Case(STREET),
    "DELETE /working-days": Case(STREET, query={"day": "duty_day"}),
    # Activities and who comes
    "GET /activities/managed": Case(query={"community_id": "community_id"}, lists=True),
    "POST /activities": Case(),
    "PATCH /activities/<id:activity_id>": Case(),
    "POST /activities/<id:activity_id>/publication": Case(at={"activity_id": "activity_draft"}),
    "POST /activities/<id:activity_id>/cancellation": Case(),
    "POST /activities/<id:activity_id>/finish": Case(meets="activity.sessions_to_come"),
    "POST /activities/<id:activity_id>/copy": Case(),
    "POST /activities/<id:activity_id>/sessions": Case(body=session),
    "GET /activities/<id:activity_id>/series": Case(),
    "POST /activities/<id:activity_id>/series": Case(body=series),
    "POST /activities/<id:activity_id>/series/preview": Case(body=series),
    "PUT /series/<id:series_id>": Case(body=series, meets="series.has_sessions"),
    "DELETE /series/<id:series_id>": Case(meets="series.has_sessions"),
    "PATCH /sessions/<id:session_id>": Case(at={"session_id": "session_later"}),
    "POST /sessions/<id:session_id>/cancellation": Case(at={"session_id": "session_later"}),
    "GET /sessions/<id:session_id>/roster.xlsx": Case(),
    "POST /sessions/<id:session_id>/reservations": Case(ORGANISER, body=lambda w: {"resident_id": w.ids["elder_id"]}),
    "GET /sessions/<id:session_id>/reservations": Case(),
    "POST /sessions/<id:session_id>/attendance-complete": Case(meets="session.not_over"),
    "GET /reservations/<id:reservation_id>": Case(OWNER),
    "POST /reservations/<id:reservation_id>/confirmation": Case(OWNER, meets="reservation.no_offer"),
    "DELETE /reservations/<id:reservation_id>": Case(OWNER),
    "POST /reservations/<id:reservation_id>/appeal": Case(OWNER, at={"reservation_id": "reservation_missed"}),
    "GET /appeals": Case(MANAGER, lists=True),
    "POST /appeals/<id:appeal_id>/decision": Case(MANAGER),
    "POST /checkins": Case(),
    "POST /checkins/<path:nonce>/undo": Case(DOOR),
    "GET /sessions/<id:session_id>/roster": Case(),
    "GET /sessions/<id:session_id>/scans": Case(),
    "GET /sessions/<id:session_id>/attendance": Case(),
    "GET /sessions/<id:session_id>/door-code": Case(),
    "POST /sessions/<id:session_id>/roster/search": Case(),
    # Points
    "GET /me/points/explain/<id:txn_id>": Case(OWNER),
    "GET /ledger/liability": Case(AUDITOR),
    "GET /ledger/seals/<id:seq>/proof": Case(AUDITOR, query={"txn": "txn_id"}),
    "GET /ledger/settlement": Case(AUDITOR),
    "GET /ledger/trial-balance": Case(AUDITOR),
    "GET /ledger/transactions/<id:txn_id>": Case(AUDITOR),
    "POST /ledger/transactions/<id:txn_id>/reversal": Case(STREET),
    "GET /ledger/budgets": Case(AUDITOR),
    "POST /ledger/budgets": Case(STREET),
    "POST /points/adjustments": Case(body=with_owner(amount=1, reason="测试")),
    "GET /points/adjustments": Case(lists=True),
    "POST /points/adjustments/<id:adjustment_id>/approval": Case(),
    "POST /points/adjustments/<id:adjustment_id>/refusal": Case(),
    "POST /points/imports": Case(STREET, body=award_file),
    "GET /points/imports": Case(STREET, lists=True),
    "GET /points/imports/<id:import_id>": Case(STREET),
    "GET /points/imports/<id:import_id>/rows": Case(STREET),
    "POST /points/imports/<id:import_id>/approval": Case(SECOND),
    "POST /points/imports/<id:import_id>/refusal": Case(SECOND),
    "POST /points/events": Case(meets="event.kind_unknown"),
    "POST /rulebooks/replay": Case(STREET),
    "POST /rulebooks/drafts": Case(STREET, body=draft),
    "GET /rulebooks/drafts": Case(STREET),
    "POST /rulebooks/drafts/<id:draft_id>/publication": Case(SECOND),
    "POST /rulebooks/drafts/<id:draft_id>/refusal": Case(SECOND),
    # Hours
    "POST /volunteering/records": Case(body=served),
    "GET /volunteering/records": Case(query={"resident_id": "resident_id"}, lists=True),
    "DELETE /volunteering/records/<id:record_id>": Case(),
    "POST /volunteering/records/<id:record_id>/decision": Case(at={"record_id": "record_flagged"}),
    "GET /volunteering/reviews": Case(lists=True),
    "POST /volunteering/reviews": Case(body=lambda w: {"ids": [w.ids["record_flagged"]], "accepts": True}),
    "GET /volunteering/batches/<id:batch_id>": Case(),
    "GET /me/certificates/<id:certificate_id>": Case(OWNER),
    "GET /me/certificates/<id:certificate_id>.pdf": Case(OWNER),
    "POST /certificates/<string:code>/withdrawal": Case(STREET, at={"code": "certificate_code"}),
    # The mall
    "POST /rewards/<id:reward_id>/redemptions": Case(ORGANISER, body=with_owner()),
    "GET /redemptions": Case(MANAGER, query={"reward_id": "reward_id"}, lists=True),
    "GET /me/redemptions/<id:redemption_id>": Case(OWNER),
    "GET /me/redemptions/<id:redemption_id>/code.svg": Case(OWNER),
    "DELETE /redemptions/<id:redemption_id>": Case(OWNER),
    "POST /redemptions/<string:code>/fulfilment": Case(MANAGER),
    "POST /redemptions/<id:redemption_id>/refund": Case(MANAGER),
    "POST /redemptions/<id:redemption_id>/substitution": Case(
        MANAGER, body=lambda w: {"reward_id": w.ids["reward_other"], "reason": "测试"}
    ),
    "POST /redemptions/<id:redemption_id>/substitution/answer": Case(OWNER, meets="redemption.no_substitute"),
    "GET /rewards/settlement": Case(MERCHANT, query={"operator_id": "operator_id"}, lists=True),
    "GET /rewards/settlement.xlsx": Case(MERCHANT, query={"operator_id": "operator_id"}, lists=True),
    "GET /rewards/managed": Case(MANAGER, lists=True),
    "POST /rewards": Case(MANAGER),
    "PATCH /rewards/<id:reward_id>": Case(MANAGER),
    "POST /rewards/<id:reward_id>/submission": Case(MANAGER, at={"reward_id": "reward_draft"}),
    "POST /rewards/<id:reward_id>/decision": Case(MANAGER, at={"reward_id": "reward_submitted"}),
    "POST /rewards/<id:reward_id>/withdrawal": Case(MANAGER),
    "POST /rewards/<id:reward_id>/stock": Case(MANAGER),
    "GET /rewards/<id:reward_id>/stock": Case(MANAGER),
    "POST /causes": Case(),
    "PATCH /causes/<id:cause_id>": Case(),
    "POST /causes/<id:cause_id>/cancellation": Case(),
    "GET /operators": Case(STREET),
    "GET /operators/<id:operator_id>/staff": Case(STREET),
    "POST /operators/<id:operator_id>/staff": Case(STREET, body=lambda w: {"staff_id": w.ids["merchant_id"]}),
    "DELETE /operators/<id:operator_id>/staff/<id:staff_id>": Case(STREET, at={"staff_id": "merchant_id"}),
    # Neighbours
    "PATCH /groups/<id:group_id>": Case(OWNER),
    "POST /groups/<id:group_id>/closing": Case(MANAGER),
    "GET /groups/<id:group_id>/members": Case(OWNER),
    "DELETE /groups/<id:group_id>/membership": Case(OWNER, meets="group.last_owner"),
    "POST /groups/<id:group_id>/handover": Case(OWNER),
    "DELETE /group-members/<id:member_id>": Case(OWNER),
    "PUT /group-members/<id:member_id>/role": Case(OWNER),
    "GET /groups/<id:group_id>/requests": Case(OWNER),
    "POST /group-requests/<id:request_id>/decision": Case(OWNER),
    "DELETE /group-requests/<id:request_id>": Case("applicant"),
    "POST /groups/<id:group_id>/invitations": Case(OWNER),
    "GET /groups/<id:group_id>/invitations": Case(OWNER),
    "DELETE /groups/<id:group_id>/invitations/<id:invitation_id>": Case(OWNER),
    "GET /groups/<id:group_id>/meetups": Case(OWNER),
    "POST /groups/<id:group_id>/meetups": Case(OWNER, body=lambda _w: soon(title="打球", place="球场", capacity=4)),
    "GET /group-meetups/<id:meetup_id>": Case(OWNER),
    "GET /group-meetups/<id:meetup_id>/attendees": Case(OWNER),
    "POST /group-meetups/<id:meetup_id>/attendance": Case(OWNER),
    "DELETE /group-meetups/<id:meetup_id>/attendance": Case(OWNER, meets="meetup.not_going"),
    "POST /group-meetups/<id:meetup_id>/cancellation": Case(OWNER),
    "GET /groups/<id:group_id>/posts": Case(OWNER),
    "POST /groups/<id:group_id>/posts": Case(OWNER),
    "DELETE /group-posts/<id:post_id>": Case(OWNER),
    "POST /groups/<id:group_id>/proposals": Case(OWNER),
    "GET /groups/<id:group_id>/proposals": Case(OWNER),
    "GET /group-proposals": Case(lists=True),
    "POST /group-proposals/<id:proposal_id>/decision": Case(),
    "PUT /groups/<id:group_id>/activities/<id:activity_id>": Case(),
    "DELETE /groups/<id:group_id>/activities/<id:activity_id>": Case(at={"activity_id": "group_activity"}),
    "GET /group-members/<id:member_id>/card": Case("member", at={"member_id": "owner_member"}),
    "POST /partner-posts/<id:post_id>/closing": Case(OWNER, at={"post_id": "partner_post"}),
    "GET /partner-posts/<id:post_id>/responses": Case(OWNER, at={"post_id": "partner_post"}),
    "POST /post-responses/<id:response_id>/decision": Case(OWNER, at={"response_id": "response_new"}),
    "DELETE /post-responses/<id:response_id>": Case("other partner", at={"response_id": "response_new"}),
    "GET /post-responses/<id:response_id>/messages": Case("partner"),
    "POST /post-responses/<id:response_id>/messages": Case("partner"),
    "GET /post-responses/<id:response_id>/card": Case("partner"),
    "DELETE /me/blocks/<id:block_id>": Case(OWNER),
    # Words, pictures, notices
    "GET /uploads/<id:upload_id>": Case(OWNER),
    "DELETE /uploads/<id:upload_id>": Case(OWNER),
    "POST /contents/<id:content_id>/reports": Case(
        "partner", at={"content_id": "content_shown"}, open_to=TWO, why=IN_PUBLIC
    ),
    "POST /me/contents/<id:content_id>/appeal": Case(OWNER, at={"content_id": "content_removed"}),
    "GET /moderation/contents": Case(lists=True),
    "GET /moderation/contents/<id:content_id>": Case(),
    "POST /moderation/contents/<id:content_id>/decision": Case(at={"content_id": "content_review"}),
    "POST /moderation/contents/<id:content_id>/removal": Case(at={"content_id": "content_shown"}),
    "POST /moderation/contents/<id:content_id>/restoration": Case(at={"content_id": "content_removed"}),
    "POST /moderation/contents/<id:content_id>/author": Case(),
    "GET /moderation/statistics": Case(lists=True),
    "POST /moderation/terms": Case(STREET),
    "POST /me/inbox/<id:notice_id>/read": Case(OWNER),
    "DELETE /me/inbox/<id:notice_id>": Case(OWNER),
    "GET /staff/notices": Case(MANAGER, lists=True),
    "GET /notices/queue": Case(AUDITOR),
    "GET /notices/dead-letters": Case(STREET),
    "POST /notices/dead-letters/<id:message_id>/retry": Case(STREET),
    "POST /notices/dead-letters/<id:message_id>/dismissal": Case(STREET),
    "PUT /announcements/<id:announcement_id>/reading": Case(
        OWNER, open_to=NEXT_DOOR, why="it is aimed at everybody in A"
    ),
    "GET /staff/announcements": Case(MANAGER, lists=True),
    "POST /staff/announcements": Case(MANAGER, body=announcement),
    "GET /staff/announcements/<id:announcement_id>": Case(MANAGER),
    "PUT /staff/announcements/<id:announcement_id>": Case(
        MANAGER, at={"announcement_id": "announcement_draft"}, body=announcement
    ),
    "POST /staff/announcements/<id:announcement_id>/publication": Case(
        MANAGER, at={"announcement_id": "announcement_draft"}
    ),
    "POST /staff/announcements/<id:announcement_id>/withdrawal": Case(MANAGER),
    "GET /staff/announcements/<id:announcement_id>/readings": Case(MANAGER),
    "GET /staff/announcements/<id:announcement_id>/unconfirmed": Case(),
    # Operations monitoring
    "GET /monitor/places": Case(MANAGER, lists=True),
    "GET /monitor/overview": Case(MANAGER, query=OF_A),
    "GET /monitor/series": Case(MANAGER, query=OF_A | {"measure": "measure_name"}),
    "GET /monitor/snapshots": Case(AUDITOR),
    "GET /monitor/scenes": Case(MANAGER, query=OF_A),
    "GET /monitor/operators": Case(MANAGER, query=OF_A),
    "GET /monitor/communities": Case(MANAGER, query=OF_A),
    "GET /monitor/estates": Case(MANAGER, query=OF_A),
    "GET /monitor/venues": Case(MANAGER, query=OF_A),
    "GET /monitor/points": Case(MANAGER, query=OF_A),
    "GET /monitor/measures/<string:name>/rows": Case(MANAGER, at={"name": "measure_name"}, query=OF_A),
    "GET /monitor/patterns": Case(AUDITOR),
    "GET /monitor/targets": Case(MANAGER, query=OF_A),
    "POST /monitor/targets": Case(),
    "DELETE /monitor/targets/<id:target_id>": Case(),
    "PUT /monitor/weights": Case(STREET, body=weights),
    "GET /monitor/reports/<string:month>.pdf": Case(MANAGER, query=OF_A, meets="report.not_ready"),
}
#: Lists of figures, which hold no id of a thing (tests/rewards/test_keeping.py, tests/moderation/test_deciding.py).
FIGURES = {"GET /rewards/settlement", "GET /rewards/settlement.xlsx", "GET /moderation/statistics"}
OF_THE_TOWN = "webhooks are the town's, for admins at its root (tests/monitor/test_webhooks.py)"
#: Routes that no place can refuse, and why.
NOT_PLACED: dict[str, str] = {
    "POST /uploads": "a picture has no place before something shows it, and is its sender's until then",
    "POST /auth/sign-out": "it ends the caller's own sign-ins",
    "POST /organisations": "organisations are the town's; who belongs to them is placed",
    "GET /organisations": "organisations are the town's, and the list says nothing but their names",
    "GET /moderation/terms": "terms are the town's, and every manager works by them",
    "GET /points/rankings": "ranking is of the town, and opt-in (tests/points/test_ranking.py)",
    "GET /points/ranking": "ranking is of the town, and opt-in (tests/points/test_ranking.py)",
    "GET /monitor/own-operators": "it is about the caller's own operators, and operators are the town's",
    "GET /monitor/measures": "it says what is counted, and no number",
    "GET /monitor/weights": "weights are published to all who are signed in",
    "GET /monitor/weights/history": "weights are published to all who are signed in",
    "GET /monitor/webhooks": OF_THE_TOWN,
    "POST /monitor/webhooks": OF_THE_TOWN,
    "PATCH /monitor/webhooks/<id:webhook_id>": OF_THE_TOWN,
    "DELETE /monitor/webhooks/<id:webhook_id>": OF_THE_TOWN,
    "POST /monitor/webhooks/<id:webhook_id>/secret": OF_THE_TOWN,
    "POST /monitor/webhooks/<id:webhook_id>/test": OF_THE_TOWN,
    "GET /jobs": "jobs run for the town; auditors of the whole town see them (tests/jobs/test_watching.py)",
    "GET /jobs/runs": "jobs run for the town; a run says when and how many, never who or what",
    "POST /volunteering/imports": "each line is judged for itself (the last test of this file)",
    "POST /checkins/batch": "each scan is answered for itself, as POST /checkins is (tests/checkins/test_offline.py)",
    "POST /groups": "any resident may found a group for any community of the town; staff's are placed (below)",
    "POST /groups/<id:group_id>/members": "any resident may ask to join",
    "POST /causes/<id:cause_id>/donations": "any resident may give to any cause of the town",
    "GET /partner-posts/<id:post_id>": "any resident may read what a neighbour looks for",
    "POST /partner-posts/<id:post_id>/responses": "any resident may answer what a neighbour looks for",
    "DELETE /me/consents/<string:purpose>": "a consent is the caller's own",
    "DELETE /me/dependants/<id:resident_id>": "a child is looked for among the caller's own",
}


@dataclass(frozen=True)
class Crossing:
    """Staff of B bring a thing of A together with one of their own."""

    route: str
    by: str
    at: dict[str, str] = field(default_factory=dict)
    body: Body | None = None
    meets: str = ""  #: a refusal that isn't for want of a right


ORGANISER_B, MANAGER_B, SCANNER_B, KEEPER_B = "organiser of B", "manager of B", "scanner of B", "keeper of B"
CROSSINGS = [
    Crossing(
        "POST /repairs/<id:repair_id>/assignment",
        KEEPER,
        body=lambda w: {"revision": 1, "worker_staff_id": w.ids["worker of B"]},
        meets="repair.worker_needed",
    ),
    Crossing(
        "PATCH /activities/<id:activity_id>",
        ORGANISER_B,
        {"activity_id": "activity of B"},
        lambda w: {"community_id": w.ids["community_id"]},
    ),
    Crossing("POST /activities/<id:activity_id>/sessions", ORGANISER_B, {"activity_id": "activity of B"}, session),
    Crossing("POST /activities/<id:activity_id>/series", ORGANISER_B, {"activity_id": "activity of B"}, series),
    Crossing(
        "PATCH /sessions/<id:session_id>",
        ORGANISER_B,
        {"session_id": "session of B"},
        lambda w: {"venue_id": w.ids["venue_id"]},
    ),
    Crossing(
        "PATCH /residents/<id:resident_id>",
        SCANNER_B,
        {"resident_id": "elder of B"},
        lambda w: {"territory_id": w.ids["territory_id"]},
    ),
    Crossing(
        "POST /staff/announcements",
        MANAGER_B,
        {},
        lambda w: announcement(w) | {"place_ids": [w.ids["community of B"], w.ids["community_id"]]},
    ),
    Crossing(
        "PUT /staff/announcements/<id:announcement_id>",
        MANAGER_B,
        {"announcement_id": "announcement of B"},
        announcement,
    ),
    Crossing("PUT /groups/<id:group_id>/activities/<id:activity_id>", ORGANISER_B, {"activity_id": "activity of B"}),
    Crossing("PUT /groups/<id:group_id>/activities/<id:activity_id>", ORGANISER_B, {"group_id": "group of B"}),
    Crossing(
        "POST /redemptions/<id:redemption_id>/substitution",
        MANAGER_B,
        {"redemption_id": "redemption of B"},
        lambda w: {"reward_id": w.ids["reward_id"], "reason": "测试"},
        "redemption.substitute_unfit",
    ),
    Crossing(
        "POST /repair-categories",
        KEEPER_B,
        {},
        lambda w: {**BODIES["POST /api/v1/repair-categories"], "estate_id": w.ids["estate_id"]},
    ),
    Crossing(
        "POST /repairs",
        KEEPER_B,
        {},
        lambda w: {
            **BODIES["POST /api/v1/repairs"],
            "estate_id": w.ids["estate of B"],
            "territory_id": w.ids["territory_id"],
            "resident_id": w.ids["resident_id"],
        },
    ),
    Crossing(
        "POST /complaints",
        OWNER,
        {},
        lambda w: {
            **BODIES["POST /api/v1/complaints"],
            "estate_id": w.ids["estate_id"],
            "repair_id": w.ids["repair of B"],
        },
    ),
    Crossing("POST /rewards/<id:reward_id>/redemptions", ORGANISER_B, {"reward_id": "reward of B"}, with_owner()),
]


#: Routes that anybody may open, with things that aren't public: strangers are told that there is nothing.
HIDDEN: dict[str, Case] = {
    "GET /activities/<id:activity_id>": Case(ORGANISER, at={"activity_id": "activity_draft"}),
    "GET /activities/<id:activity_id>/sessions": Case(ORGANISER, at={"activity_id": "activity_draft"}),
    "GET /rewards/<id:reward_id>": Case(MANAGER, at={"reward_id": "reward_draft"}),
    "GET /announcements/<id:announcement_id>": Case(OWNER, open_to=NEXT_DOOR, why="it is aimed at everybody in A"),
    "GET /me/calendar.ics": Case(OWNER, query={"resident_id": "elder_id"}),
    "GET /me/repairs": Case(OWNER, query={"resident_id": "elder_id"}),
    "GET /me/complaints": Case(OWNER, query={"resident_id": "elder_id"}),
    "GET /me/bookings": Case(OWNER, query={"resident_id": "elder_id"}),
    "GET /me/reservations": Case(OWNER, query={"resident_id": "elder_id"}),
    "GET /me/appeals": Case(OWNER, query={"resident_id": "elder_id"}),
    "GET /me/redemptions": Case(OWNER, query={"resident_id": "elder_id"}),
    "GET /me/volunteer": Case(OWNER, query={"resident_id": "elder_id"}),
    "GET /me/hours": Case(OWNER, query={"resident_id": "elder_id"}),
    "GET /me/household": Case(OWNER, query={"resident_id": "elder_id"}),
    "GET /me/certificates": Case(OWNER, query={"resident_id": "elder_id"}),
    "POST /rulebooks/preview": Case(ORGANISER, body=with_owner(kind="checkin")),
}


def need_of(route: str) -> str:
    return MATRIX[route.replace(" ", f" {PREFIX}", 1)]


def strangers_to(route: str) -> tuple[str, ...]:
    """Who calls a route and is to be refused for what is A's, not for the kind of caller (tests.edge.test_permissions)."""
    need = need_of(route)
    if need == RESIDENT:
        return RESIDENTS
    if need in {*Role}:
        return tuple(dict.fromkeys((f"{need} of B", "admin of B", "all roles of B", FAR_AWAY)))
    return *STAFF_ELSEWHERE, *RESIDENTS


def call(world: World, caller: ApiClient, route: str, case: Case, query: dict[str, str] | None = None) -> TestResponse:
    """Call a route with the ids of A's things."""
    method, rule = route.split(" ")
    path = re.sub(r"<\w+:(\w+)>", lambda found: world.ids[case.at.get(found[1], found[1])], rule)
    body = case.body(world) if case.body else filled(world, BODIES.get(f"{method} {PREFIX}{rule}"))
    named = {name: world.ids[thing] for name, thing in (case.query if query is None else query).items()}
    return caller.call(method, path, body, key=fresh_key(), query_string=named)


def filled(world: World, value: Any, name: str = "") -> Any:
    """A body with the world's ids where it names nobody."""
    if isinstance(value, dict):
        return {key: filled(world, each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(world, each, name) for each in value]
    return world.ids.get(name, value) if value == str(NOBODY) else value


@contextmanager
def undone() -> Iterator[None]:
    """Let every unit of work end without a commit."""

    def attempt(_self: Transactions, work: Work, deed: Callable[[Work], Any]) -> Any:
        answer = deed(work)
        work.transaction.confirm()
        work.db.flush()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transactions, "_attempt", attempt)
        yield


def said(answer: TestResponse) -> str:
    """The status, and the code of a refusal."""
    problem = answer.get_json(silent=True) if answer.status_code >= 400 else None
    return f"{answer.status_code} {problem['code']}" if problem else str(answer.status_code)


def is_of_a(world: World, answer: TestResponse) -> bool:
    """Whether an answer holds the id of anything of A."""
    return any(value.encode() in answer.data for value in world.of_a)


def is_refused(world: World, answer: TestResponse, route: str, who: str) -> bool:
    """Whether somebody from elsewhere was told nothing of A."""
    if answer.status_code in (403, 404):
        return True
    if is_of_a(world, answer):
        return False
    if who == FAR_AWAY and "<" not in route:
        return answer.status_code in (200, 201, 422)  # their own town answers
    return (PLACED | HIDDEN)[route].lists and answer.status_code == 200


@pytest.fixture(scope="module")
def world(app: Flask, house: House) -> World:
    return world_of(app, house)


def test_every_route_of_staff_and_residents_is_placed_or_excused() -> None:
    asked = {route for route, need in MATRIX.items() if need not in (PUBLIC, ANYONE, SIGNING_IN)}
    mine = {route for route in asked if MATRIX[route] == RESIDENT and "<" not in route}  # about the caller alone
    assert {route.replace(f" {PREFIX}", " ", 1) for route in asked - mine} == PLACED.keys() | NOT_PLACED.keys()
    assert not PLACED.keys() & NOT_PLACED.keys()


def test_who_may_gets_at_each_thing_of_a(world: World) -> None:
    """The other side of the refusals: the same request, by who has the right, gets as far as the thing."""
    found = {}
    for route, case in (PLACED | HIDDEN).items():
        by = case.by or f"{need_of(route)} of A"
        with undone():
            answer = call(world, world.callers[by], route, case)
        got = answer.status_code < 400 or (case.meets and answer.json["code"] == case.meets)
        if not got or (case.lists and route not in FIGURES and not is_of_a(world, answer)):
            found[route] = by, said(answer), answer.text
    assert found == {}


def test_nobody_from_elsewhere_gets_at_a_thing_of_a(world: World) -> None:
    found, before = {}, world.town.contents()
    for route, case in (PLACED | HIDDEN).items():
        queries = [case.query, {}] if case.lists and case.query else [case.query]
        for who in set(strangers_to(route)) - set(case.open_to):
            for query in queries:
                answer = call(world, world.callers[who], route, case, query)
                if not is_refused(world, answer, route, who):
                    found[route, who] = said(answer)
    assert found == {}
    after = world.town.contents()
    assert {table for table, rows in after.items() if rows != before[table]} <= OF_THE_CALLER


def test_who_else_may_use_a_route_is_said_with_the_reason(world: World) -> None:
    for route, case in (PLACED | HIDDEN).items():
        assert bool(case.open_to) is bool(case.why), route
        for who in case.open_to:
            with undone():
                assert call(world, world.callers[who], route, case).status_code < 400, (route, who)


def test_a_thing_of_ones_own_opens_nothing_of_a(world: World) -> None:
    """Staff of B name a thing of theirs in the path, where they may, and one of A in the body, or the other way round."""
    found, before = {}, effects(world.town)
    for crossing in CROSSINGS:
        case = Case(at=crossing.at, body=crossing.body)
        answer = call(world, world.callers[crossing.by], crossing.route, case)
        if answer.status_code not in (403, 404) and answer.json.get("code") != crossing.meets:
            found[crossing.route, crossing.by] = said(answer), answer.text
    assert found == {}
    assert effects(world.town) == before


def test_the_same_company_elsewhere_reads_nothing_of_a(world: World) -> None:
    """A company looks after estates of A and of B; its people in B see B's."""
    keeper, company = world.callers["keeper of B"], world.ids["company_id"]
    listed = keeper.get("/repairs", company_id=company)
    assert [each["id"] for each in listed.json["items"]] == [world.ids["repair of B"]]
    assert keeper.get("/repairs", estate_id=world.ids["estate_id"]).json.get("items", []) == []
    assert keeper.get("/complaints").json["items"] == []
    for path in ("", "/events", "/contact"):
        assert keeper.get(f"/repairs/{world.ids['repair_id']}{path}").status_code == 404


def test_a_file_of_bs_staff_counts_no_hour_of_as_residents(world: World) -> None:
    """A file is judged line by line: it is taken, and each line of somebody else's resident is a problem."""
    with undone():
        assert not world.callers["organiser of A"].post("/volunteering/imports", hours_file(world)).json["problems"]
    hours = len(world.town.rows(ServiceRecord))
    answer = world.callers["organiser of B"].post("/volunteering/imports", hours_file(world))
    assert answer.status_code == 201, answer.text
    assert [each["problem"] for each in answer.json["problems"]] == ["out_of_reach"], answer.json
    assert len(world.town.rows(ServiceRecord)) == hours


def test_without_places_the_same_requests_would_open(world: World) -> None:
    """The control: where a role held everywhere, what refuses B's staff here would let them in."""
    by_staff = [route for route, case in PLACED.items() if " of A" in (case.by or f"{need_of(route)} of A")]
    found = set()
    with pytest.MonkeyPatch.context() as patch, undone():
        patch.setattr(Actor, "may", lambda self, role, _path: self.holds(role))
        for route in by_staff:
            if call(world, world.callers["all roles of B"], route, PLACED[route]).status_code not in (403, 404):
                found.add(route)
    assert len(found) > len(by_staff) * 0.8, set(by_staff) - found
