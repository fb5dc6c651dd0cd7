"""Protects who may do what: a matrix of every route and every kind of caller.

A route that is not in the matrix fails, and so does a line of the matrix whose route is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import ROOMS
from blueprints.edge.caller import ANYONE, NEEDS, RESIDENT, SIGNED_IN, SIGNING_IN
from blueprints.edge.house import House
from models.checkins import Scan
from models.residents import Role
from rules.clock import utc_now
from tests.build import RULEBOOK, ApiClient, Person, TownBuilder, fresh_key, new_town
from tests.edge.helpers import NOBODY, TURNED_AWAY, open_at, problem_of, reserve, scan

#: For machines: no token is read, so a bad one doesn't matter either.
PUBLIC = "public"
#: Proved by a signature in the query (tests/wechat/test_push.py).
SIGNED_BY_WECHAT = "/wechat/push"
#: Pages and their files, for people (tests/console).
FOR_BROWSERS = "GET /console"
MATRIX: dict[str, str] = {
    "GET /healthz": PUBLIC,
    "GET /readyz": PUBLIC,
    "GET /metrics": PUBLIC,
    "GET /.well-known/jwks.json": PUBLIC,
    "GET /problems/<string:code>": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /docs": PUBLIC,
    "GET /docs/assets/<path:name>": PUBLIC,
    "GET /console": PUBLIC,
    "GET /console/<string:name>": PUBLIC,
    "GET /console/assets/<string:version>/<path:name>": PUBLIC,
    "GET /wechat/push": PUBLIC,
    "POST /wechat/push": PUBLIC,
    "POST /api/v1/uploads": SIGNED_IN,
    "GET /api/v1/uploads/<id:upload_id>": SIGNED_IN,
    "DELETE /api/v1/uploads/<id:upload_id>": SIGNED_IN,
    "GET /api/v1/uploads/<id:upload_id>/display": ANYONE,
    "GET /api/v1/uploads/<id:upload_id>/thumbnail": ANYONE,
    "GET /api/v1/share/<string:kind>/<id:subject_id>": ANYONE,
    "GET /api/v1/share-codes/<string:scene>": ANYONE,
    "GET /api/v1/share-codes/<string:scene>/image": ANYONE,
    "GET /api/v1/share-codes/<string:scene>/link": ANYONE,
    "POST /api/v1/auth/wechat": SIGNING_IN,
    "POST /api/v1/auth/staff": SIGNING_IN,
    "POST /api/v1/auth/refresh": SIGNING_IN,
    "POST /api/v1/auth/sign-out": SIGNED_IN,
    "GET /api/v1/me": RESIDENT,
    "PATCH /api/v1/me": RESIDENT,
    "POST /api/v1/residents": SIGNED_IN,
    "POST /api/v1/residents/search": SIGNED_IN,
    "PATCH /api/v1/residents/<id:resident_id>": SIGNED_IN,
    "POST /api/v1/residents/<id:resident_id>/proxies": SIGNED_IN,
    "GET /api/v1/residents/<id:resident_id>/proxies": SIGNED_IN,
    "DELETE /api/v1/residents/<id:resident_id>/proxies/<id:proxy_id>": SIGNED_IN,
    "POST /api/v1/me/dependants": RESIDENT,
    "GET /api/v1/me/dependants": RESIDENT,
    "DELETE /api/v1/me/dependants/<id:resident_id>": RESIDENT,
    "POST /api/v1/me/proxies": RESIDENT,
    "GET /api/v1/me/proxies": RESIDENT,
    "DELETE /api/v1/me/proxies/<id:proxy_id>": RESIDENT,
    "GET /api/v1/me/consents": RESIDENT,
    "POST /api/v1/me/consents": RESIDENT,
    "DELETE /api/v1/me/consents/<string:purpose>": RESIDENT,
    "POST /api/v1/me/exports": RESIDENT,
    "GET /api/v1/me/exports/<id:export_id>": RESIDENT,
    "POST /api/v1/me/erasure": RESIDENT,
    "GET /api/v1/me/erasure": RESIDENT,
    "DELETE /api/v1/me/erasure": RESIDENT,
    "POST /api/v1/me/phone": RESIDENT,
    "DELETE /api/v1/me/phone": RESIDENT,
    "POST /api/v1/me/merging": RESIDENT,
    "GET /api/v1/mergings": Role.MANAGER,
    "POST /api/v1/mergings/<id:merging_id>/approval": Role.MANAGER,
    "POST /api/v1/mergings/<id:merging_id>/rejection": Role.MANAGER,
    "GET /api/v1/me/household": RESIDENT,
    "POST /api/v1/me/household": RESIDENT,
    "DELETE /api/v1/me/household": RESIDENT,
    "DELETE /api/v1/me/household/request": RESIDENT,
    "GET /api/v1/household-requests": SIGNED_IN,
    "POST /api/v1/household-requests/<id:household_request_id>/answer": SIGNED_IN,
    "POST /api/v1/organisations": Role.ORGANISER,
    "GET /api/v1/organisations": Role.ORGANISER,
    "POST /api/v1/organisations/<id:organisation_id>/members": Role.ORGANISER,
    "GET /api/v1/organisations/<id:organisation_id>/members": Role.ORGANISER,
    "DELETE /api/v1/organisations/<id:organisation_id>/members/<id:resident_id>": Role.ORGANISER,
    "GET /api/v1/me/organisations": RESIDENT,
    "GET /api/v1/me/calendar.ics": RESIDENT,
    "POST /api/v1/me/calendar-feed": RESIDENT,
    "DELETE /api/v1/me/calendar-feed": RESIDENT,
    "GET /api/v1/calendars/<string:secret>.ics": ANYONE,
    "GET /api/v1/service-centres/<id:centre_id>/calendar.ics": ANYONE,
    "GET /api/v1/venues/<id:venue_id>/calendar.ics": ANYONE,
    "GET /api/v1/me/code": RESIDENT,
    "GET /api/v1/rewards": ANYONE,
    "GET /api/v1/rewards/<id:reward_id>": ANYONE,
    "POST /api/v1/rewards/<id:reward_id>/redemptions": SIGNED_IN,
    "GET /api/v1/me/redemptions": RESIDENT,
    "GET /api/v1/me/redemptions/<id:redemption_id>": RESIDENT,
    "GET /api/v1/me/redemptions/<id:redemption_id>/code.svg": RESIDENT,
    "DELETE /api/v1/redemptions/<id:redemption_id>": RESIDENT,
    "POST /api/v1/redemptions/<id:redemption_id>/substitution/answer": RESIDENT,
    "GET /api/v1/redemptions": SIGNED_IN,
    "POST /api/v1/redemptions/<string:code>/fulfilment": SIGNED_IN,
    "POST /api/v1/redemptions/<id:redemption_id>/refund": SIGNED_IN,
    "POST /api/v1/redemptions/<id:redemption_id>/substitution": SIGNED_IN,
    "GET /api/v1/rewards/settlement": SIGNED_IN,
    "GET /api/v1/rewards/settlement.xlsx": SIGNED_IN,
    "GET /api/v1/rewards/managed": SIGNED_IN,
    "POST /api/v1/rewards": SIGNED_IN,
    "PATCH /api/v1/rewards/<id:reward_id>": SIGNED_IN,
    "POST /api/v1/rewards/<id:reward_id>/submission": SIGNED_IN,
    "POST /api/v1/rewards/<id:reward_id>/decision": SIGNED_IN,
    "POST /api/v1/rewards/<id:reward_id>/withdrawal": SIGNED_IN,
    "POST /api/v1/rewards/<id:reward_id>/stock": SIGNED_IN,
    "GET /api/v1/rewards/<id:reward_id>/stock": SIGNED_IN,
    "GET /api/v1/causes": ANYONE,
    "GET /api/v1/causes/<id:cause_id>": ANYONE,
    "GET /api/v1/causes/<id:cause_id>/donors": ANYONE,
    "POST /api/v1/causes/<id:cause_id>/donations": RESIDENT,
    "GET /api/v1/me/donations": RESIDENT,
    "POST /api/v1/causes": Role.MANAGER,
    "PATCH /api/v1/causes/<id:cause_id>": Role.MANAGER,
    "POST /api/v1/causes/<id:cause_id>/cancellation": Role.MANAGER,
    "GET /api/v1/operators": Role.MANAGER,
    "GET /api/v1/operators/<id:operator_id>/staff": Role.MANAGER,
    "POST /api/v1/operators/<id:operator_id>/staff": Role.MANAGER,
    "DELETE /api/v1/operators/<id:operator_id>/staff/<id:staff_id>": Role.MANAGER,
    "GET /api/v1/me/points": RESIDENT,
    "GET /api/v1/me/points/explain": RESIDENT,
    "GET /api/v1/me/points/explain/<id:txn_id>": RESIDENT,
    "GET /api/v1/me/points/statement": RESIDENT,
    "GET /api/v1/ledger/liability": Role.AUDITOR,
    "GET /api/v1/ledger/seals": ANYONE,
    "GET /api/v1/ledger/seals/<id:seq>": ANYONE,
    "GET /api/v1/ledger/seals/<id:seq>/proof": SIGNED_IN,
    "GET /api/v1/ledger/settlement": Role.AUDITOR,
    "GET /api/v1/ledger/trial-balance": Role.AUDITOR,
    "GET /api/v1/me/reservations": RESIDENT,
    "GET /api/v1/communities": ANYONE,
    "GET /api/v1/communities/<id:community_id>": ANYONE,
    "GET /api/v1/territory/<id:territory_id>": ANYONE,
    "GET /api/v1/territory/<id:territory_id>/children": ANYONE,
    "PATCH /api/v1/territory/<id:territory_id>": Role.MANAGER,
    "GET /api/v1/me/territory": RESIDENT,
    "GET /api/v1/service-centres": ANYONE,
    "POST /api/v1/service-centres": Role.MANAGER,
    "GET /api/v1/service-centres/<id:service_centre_id>": ANYONE,
    "PATCH /api/v1/service-centres/<id:service_centre_id>": Role.MANAGER,
    "PUT /api/v1/service-centres/<id:service_centre_id>/hours": Role.MANAGER,
    "GET /api/v1/service-centres/<id:service_centre_id>/duty": ANYONE,
    "POST /api/v1/service-centres/<id:service_centre_id>/services": Role.MANAGER,
    "GET /api/v1/service-centres/<id:service_centre_id>/staff": Role.MANAGER,
    "POST /api/v1/service-centres/<id:service_centre_id>/staff": Role.MANAGER,
    "GET /api/v1/service-centres/<id:service_centre_id>/staff/<id:staff_id>": Role.MANAGER,
    "PATCH /api/v1/service-centres/<id:service_centre_id>/staff/<id:staff_id>": Role.MANAGER,
    "PUT /api/v1/service-centres/<id:service_centre_id>/staff/<id:staff_id>/duty": Role.MANAGER,
    "PUT /api/v1/service-centres/<id:service_centre_id>/staff/<id:staff_id>/duty-days": Role.MANAGER,
    "DELETE /api/v1/service-centres/<id:service_centre_id>/staff/<id:staff_id>/duty-days": Role.MANAGER,
    "GET /api/v1/services": ANYONE,
    "GET /api/v1/services/<id:service_id>": ANYONE,
    "PATCH /api/v1/services/<id:service_id>": Role.MANAGER,
    "GET /api/v1/me/favourites": RESIDENT,
    "PUT /api/v1/me/favourites": RESIDENT,
    "DELETE /api/v1/me/favourites": RESIDENT,
    "GET /api/v1/estates": ANYONE,
    "GET /api/v1/estates/<id:estate_id>": ANYONE,
    "GET /api/v1/me/estate": RESIDENT,
    "PUT /api/v1/estates/<id:estate_id>/contacts": SIGNED_IN,
    "GET /api/v1/estates/<id:estate_id>/management": ANYONE,
    "POST /api/v1/estates/<id:estate_id>/management": Role.MANAGER,
    "POST /api/v1/estates/<id:estate_id>/management/end": Role.MANAGER,
    "GET /api/v1/estates/<id:estate_id>/repair-categories": ANYONE,
    "POST /api/v1/repair-categories": SIGNED_IN,
    "GET /api/v1/estates/<id:estate_id>/service-terms": ANYONE,
    "POST /api/v1/service-terms": Role.MANAGER,
    "GET /api/v1/estates/<id:estate_id>/statistics": ANYONE,
    "GET /api/v1/estates/<id:estate_id>/statistics/staff": SIGNED_IN,
    "GET /api/v1/property-companies": ANYONE,
    "POST /api/v1/property-companies": Role.MANAGER,
    "GET /api/v1/property-companies/<id:company_id>": ANYONE,
    "PATCH /api/v1/property-companies/<id:company_id>": Role.MANAGER,
    "GET /api/v1/property-companies/<id:company_id>/estates": ANYONE,
    "GET /api/v1/property-companies/<id:company_id>/statistics": ANYONE,
    "GET /api/v1/property-companies/<id:company_id>/statistics/staff": SIGNED_IN,
    "POST /api/v1/repairs": SIGNED_IN,
    "GET /api/v1/repairs": SIGNED_IN,
    "GET /api/v1/me/repairs": RESIDENT,
    "GET /api/v1/estates/<id:estate_id>/public-repairs": SIGNED_IN,
    "GET /api/v1/repairs/<id:repair_id>": SIGNED_IN,
    "GET /api/v1/repairs/<id:repair_id>/events": SIGNED_IN,
    "GET /api/v1/repairs/<id:repair_id>/contact": SIGNED_IN,
    "POST /api/v1/repairs/<id:repair_id>/cancellation": SIGNED_IN,
    "POST /api/v1/repairs/<id:repair_id>/confirmation": SIGNED_IN,
    "POST /api/v1/repairs/<id:repair_id>/reopening": SIGNED_IN,
    "PUT /api/v1/repairs/<id:repair_id>/rating": SIGNED_IN,
    "POST /api/v1/repairs/<id:repair_id>/assignment": SIGNED_IN,
    "POST /api/v1/repairs/<id:repair_id>/visit": SIGNED_IN,
    "POST /api/v1/repairs/<id:repair_id>/start": SIGNED_IN,
    "POST /api/v1/repairs/<id:repair_id>/completion": SIGNED_IN,
    "POST /api/v1/repairs/<id:repair_id>/rejection": SIGNED_IN,
    "POST /api/v1/complaints": SIGNED_IN,
    "GET /api/v1/complaints": SIGNED_IN,
    "GET /api/v1/me/complaints": RESIDENT,
    "GET /api/v1/complaints/<id:complaint_id>": SIGNED_IN,
    "POST /api/v1/complaints/<id:complaint_id>/answer": SIGNED_IN,
    "DELETE /api/v1/complaints/<id:complaint_id>": RESIDENT,
    "GET /api/v1/venues": ANYONE,
    "POST /api/v1/venues": Role.MANAGER,
    "GET /api/v1/venues/<id:venue_id>": ANYONE,
    "PATCH /api/v1/venues/<id:venue_id>": Role.MANAGER,
    "POST /api/v1/venues/<id:venue_id>/uses": Role.MANAGER,
    "PATCH /api/v1/venues/<id:venue_id>/uses/<id:use_id>": Role.MANAGER,
    "PUT /api/v1/venues/<id:venue_id>/hours": Role.MANAGER,
    "POST /api/v1/venues/<id:venue_id>/closures": SIGNED_IN,
    "POST /api/v1/service-centres/<id:service_centre_id>/closures": SIGNED_IN,
    "DELETE /api/v1/closures/<id:closure_id>": SIGNED_IN,
    "GET /api/v1/venues/<id:venue_id>/availability": ANYONE,
    "GET /api/v1/venues/<id:venue_id>/utilisation": SIGNED_IN,
    "POST /api/v1/venues/<id:venue_id>/bookings": SIGNED_IN,
    "GET /api/v1/venues/<id:venue_id>/bookings": SIGNED_IN,
    "GET /api/v1/me/bookings": RESIDENT,
    "DELETE /api/v1/bookings/<id:booking_id>": SIGNED_IN,
    "POST /api/v1/bookings/<id:booking_id>/decision": SIGNED_IN,
    "POST /api/v1/bookings/<id:booking_id>/arrival": Role.SCANNER,
    "GET /api/v1/working-days": ANYONE,
    "POST /api/v1/working-days": Role.MANAGER,
    "DELETE /api/v1/working-days": Role.MANAGER,
    "GET /api/v1/home": ANYONE,
    "GET /api/v1/search": ANYONE,
    "GET /api/v1/activities": ANYONE,
    "GET /api/v1/activities/<id:activity_id>": ANYONE,
    "GET /api/v1/activities/<id:activity_id>/sessions": ANYONE,
    "GET /api/v1/activities/managed": Role.ORGANISER,
    "POST /api/v1/activities": Role.ORGANISER,
    "PATCH /api/v1/activities/<id:activity_id>": Role.ORGANISER,
    "POST /api/v1/activities/<id:activity_id>/publication": Role.ORGANISER,
    "POST /api/v1/activities/<id:activity_id>/cancellation": Role.ORGANISER,
    "POST /api/v1/activities/<id:activity_id>/finish": Role.ORGANISER,
    "POST /api/v1/activities/<id:activity_id>/copy": Role.ORGANISER,
    "POST /api/v1/activities/<id:activity_id>/sessions": Role.ORGANISER,
    "GET /api/v1/activities/<id:activity_id>/series": Role.ORGANISER,
    "POST /api/v1/activities/<id:activity_id>/series": Role.ORGANISER,
    "POST /api/v1/activities/<id:activity_id>/series/preview": Role.ORGANISER,
    "PUT /api/v1/series/<id:series_id>": Role.ORGANISER,
    "DELETE /api/v1/series/<id:series_id>": Role.ORGANISER,
    "GET /api/v1/sessions/<id:session_id>": ANYONE,
    "PATCH /api/v1/sessions/<id:session_id>": Role.ORGANISER,
    "POST /api/v1/sessions/<id:session_id>/cancellation": Role.ORGANISER,
    "GET /api/v1/sessions/<id:session_id>/roster.xlsx": Role.ORGANISER,
    "POST /api/v1/sessions/<id:session_id>/reservations": SIGNED_IN,
    "GET /api/v1/sessions/<id:session_id>/reservations": Role.ORGANISER,
    "GET /api/v1/sessions/<id:session_id>/draw": ANYONE,
    "POST /api/v1/sessions/<id:session_id>/attendance-complete": Role.ORGANISER,
    "GET /api/v1/reservations/<id:reservation_id>": SIGNED_IN,
    "POST /api/v1/reservations/<id:reservation_id>/confirmation": SIGNED_IN,
    "DELETE /api/v1/reservations/<id:reservation_id>": SIGNED_IN,
    "POST /api/v1/reservations/<id:reservation_id>/appeal": SIGNED_IN,
    "GET /api/v1/me/appeals": RESIDENT,
    "GET /api/v1/appeals": SIGNED_IN,
    "POST /api/v1/appeals/<id:appeal_id>/decision": SIGNED_IN,
    "POST /api/v1/contents/<id:content_id>/reports": RESIDENT,
    "GET /api/v1/me/reports": RESIDENT,
    "GET /api/v1/me/contents": RESIDENT,
    "POST /api/v1/me/contents/<id:content_id>/appeal": RESIDENT,
    "GET /api/v1/moderation/contents": Role.MANAGER,
    "GET /api/v1/moderation/contents/<id:content_id>": Role.MANAGER,
    "POST /api/v1/moderation/contents/<id:content_id>/decision": Role.MANAGER,
    "POST /api/v1/moderation/contents/<id:content_id>/removal": Role.MANAGER,
    "POST /api/v1/moderation/contents/<id:content_id>/restoration": Role.MANAGER,
    "GET /api/v1/moderation/statistics": Role.MANAGER,
    "GET /api/v1/moderation/terms": Role.MANAGER,
    "POST /api/v1/moderation/terms": Role.MANAGER,
    "GET /api/v1/points/ways": ANYONE,
    "GET /api/v1/me/points/ways": RESIDENT,
    "GET /api/v1/me/points/rights": RESIDENT,
    "GET /api/v1/points/rankings": SIGNED_IN,
    "GET /api/v1/points/ranking": SIGNED_IN,
    "GET /api/v1/points/ranking/communities": ANYONE,
    "GET /api/v1/me/ranking": RESIDENT,
    "PUT /api/v1/me/ranking": RESIDENT,
    "POST /api/v1/checkins": Role.SCANNER,
    "POST /api/v1/checkins/batch": Role.SCANNER,
    "POST /api/v1/checkins/<path:nonce>/undo": SIGNED_IN,
    "GET /api/v1/sessions/<id:session_id>/roster": Role.SCANNER,
    "GET /api/v1/sessions/<id:session_id>/scans": Role.SCANNER,
    "GET /api/v1/sessions/<id:session_id>/attendance": Role.SCANNER,
    "POST /api/v1/me/checkins": RESIDENT,
    "GET /api/v1/sessions/<id:session_id>/door-code": Role.SCANNER,
    "POST /api/v1/sessions/<id:session_id>/roster/search": Role.SCANNER,
    "POST /api/v1/residents/<id:resident_id>/card": SIGNED_IN,
    "DELETE /api/v1/residents/<id:resident_id>/card": SIGNED_IN,
    "GET /api/v1/jobs": Role.AUDITOR,
    "GET /api/v1/jobs/runs": Role.AUDITOR,
    "GET /api/v1/monitor/webhooks": Role.ADMIN,
    "POST /api/v1/monitor/webhooks": Role.ADMIN,
    "PATCH /api/v1/monitor/webhooks/<id:webhook_id>": Role.ADMIN,
    "DELETE /api/v1/monitor/webhooks/<id:webhook_id>": Role.ADMIN,
    "POST /api/v1/monitor/webhooks/<id:webhook_id>/secret": Role.ADMIN,
    "POST /api/v1/monitor/webhooks/<id:webhook_id>/test": Role.ADMIN,
    "GET /api/v1/me/family": RESIDENT,
    "POST /api/v1/me/points/transfers": RESIDENT,
    "POST /api/v1/points/adjustments": Role.MANAGER,
    "GET /api/v1/points/adjustments": Role.MANAGER,
    "POST /api/v1/points/adjustments/<id:adjustment_id>/approval": Role.MANAGER,
    "POST /api/v1/points/adjustments/<id:adjustment_id>/refusal": Role.MANAGER,
    "POST /api/v1/points/imports": Role.MANAGER,
    "GET /api/v1/points/imports": Role.MANAGER,
    "GET /api/v1/points/imports/<id:import_id>": Role.MANAGER,
    "GET /api/v1/points/imports/<id:import_id>/rows": Role.MANAGER,
    "POST /api/v1/points/imports/<id:import_id>/approval": Role.MANAGER,
    "POST /api/v1/points/imports/<id:import_id>/refusal": Role.MANAGER,
    "GET /api/v1/ledger/transactions/<id:txn_id>": Role.AUDITOR,
    "POST /api/v1/ledger/transactions/<id:txn_id>/reversal": Role.MANAGER,
    "GET /api/v1/ledger/budgets": Role.AUDITOR,
    "POST /api/v1/ledger/budgets": Role.MANAGER,
    "GET /api/v1/rulebooks": ANYONE,
    "GET /api/v1/rulebooks/<id:number>": ANYONE,
    "POST /api/v1/rulebooks/preview": ANYONE,
    "POST /api/v1/rulebooks/replay": Role.MANAGER,
    "POST /api/v1/rulebooks/drafts": Role.MANAGER,
    "GET /api/v1/rulebooks/drafts": Role.MANAGER,
    "POST /api/v1/rulebooks/drafts/<id:draft_id>/publication": Role.MANAGER,
    "POST /api/v1/rulebooks/drafts/<id:draft_id>/refusal": Role.MANAGER,
    "POST /api/v1/points/events": Role.ORGANISER,
    "GET /api/v1/me/standing": RESIDENT,
    "GET /api/v1/me/volunteer": RESIDENT,
    "POST /api/v1/me/volunteer": RESIDENT,
    "DELETE /api/v1/me/volunteer": RESIDENT,
    "GET /api/v1/me/hours": RESIDENT,
    "POST /api/v1/volunteering/records": Role.ORGANISER,
    "GET /api/v1/volunteering/records": Role.ORGANISER,
    "DELETE /api/v1/volunteering/records/<id:record_id>": Role.ORGANISER,
    "POST /api/v1/volunteering/records/<id:record_id>/decision": Role.MANAGER,
    "GET /api/v1/volunteering/reviews": Role.MANAGER,
    "POST /api/v1/volunteering/reviews": Role.MANAGER,
    "POST /api/v1/volunteering/imports": Role.ORGANISER,
    "GET /api/v1/volunteering/batches/<id:batch_id>": Role.ORGANISER,
    "POST /api/v1/me/certificates": RESIDENT,
    "GET /api/v1/me/certificates": RESIDENT,
    "GET /api/v1/me/certificates/<id:certificate_id>": RESIDENT,
    "GET /api/v1/me/certificates/<id:certificate_id>.pdf": RESIDENT,
    "GET /api/v1/certificates/<string:code>": ANYONE,
    "GET /api/v1/certificates/<string:code>/page": ANYONE,
    "POST /api/v1/certificates/<string:code>/withdrawal": Role.MANAGER,
    "GET /api/v1/groups": ANYONE,
    "POST /api/v1/groups": SIGNED_IN,
    "GET /api/v1/groups/<id:group_id>": ANYONE,
    "PATCH /api/v1/groups/<id:group_id>": SIGNED_IN,
    "POST /api/v1/groups/<id:group_id>/closing": SIGNED_IN,
    "GET /api/v1/me/groups": RESIDENT,
    "POST /api/v1/groups/<id:group_id>/members": RESIDENT,
    "GET /api/v1/groups/<id:group_id>/members": SIGNED_IN,
    "DELETE /api/v1/groups/<id:group_id>/membership": RESIDENT,
    "POST /api/v1/groups/<id:group_id>/handover": RESIDENT,
    "DELETE /api/v1/group-members/<id:member_id>": SIGNED_IN,
    "PUT /api/v1/group-members/<id:member_id>/role": SIGNED_IN,
    "GET /api/v1/groups/<id:group_id>/requests": SIGNED_IN,
    "POST /api/v1/group-requests/<id:request_id>/decision": SIGNED_IN,
    "DELETE /api/v1/group-requests/<id:request_id>": RESIDENT,
    "POST /api/v1/groups/<id:group_id>/invitations": RESIDENT,
    "GET /api/v1/groups/<id:group_id>/invitations": RESIDENT,
    "DELETE /api/v1/groups/<id:group_id>/invitations/<id:invitation_id>": RESIDENT,
    "GET /api/v1/groups/<id:group_id>/meetups": SIGNED_IN,
    "POST /api/v1/groups/<id:group_id>/meetups": RESIDENT,
    "GET /api/v1/me/meetups": RESIDENT,
    "GET /api/v1/group-meetups/<id:meetup_id>": SIGNED_IN,
    "GET /api/v1/group-meetups/<id:meetup_id>/attendees": SIGNED_IN,
    "POST /api/v1/group-meetups/<id:meetup_id>/attendance": RESIDENT,
    "DELETE /api/v1/group-meetups/<id:meetup_id>/attendance": RESIDENT,
    "POST /api/v1/group-meetups/<id:meetup_id>/cancellation": SIGNED_IN,
    "GET /api/v1/groups/<id:group_id>/posts": SIGNED_IN,
    "POST /api/v1/groups/<id:group_id>/posts": RESIDENT,
    "DELETE /api/v1/group-posts/<id:post_id>": SIGNED_IN,
    "POST /api/v1/groups/<id:group_id>/proposals": RESIDENT,
    "GET /api/v1/groups/<id:group_id>/proposals": SIGNED_IN,
    "GET /api/v1/group-proposals": Role.ORGANISER,
    "POST /api/v1/group-proposals/<id:proposal_id>/decision": Role.ORGANISER,
    "GET /api/v1/groups/<id:group_id>/activities": ANYONE,
    "PUT /api/v1/groups/<id:group_id>/activities/<id:activity_id>": Role.ORGANISER,
    "DELETE /api/v1/groups/<id:group_id>/activities/<id:activity_id>": Role.ORGANISER,
    "GET /api/v1/partner-posts": RESIDENT,
    "POST /api/v1/partner-posts": RESIDENT,
    "GET /api/v1/partner-posts/<id:post_id>": RESIDENT,
    "GET /api/v1/me/partner-posts": RESIDENT,
    "POST /api/v1/partner-posts/<id:post_id>/closing": RESIDENT,
    "POST /api/v1/partner-posts/<id:post_id>/responses": RESIDENT,
    "GET /api/v1/partner-posts/<id:post_id>/responses": RESIDENT,
    "GET /api/v1/me/post-responses": RESIDENT,
    "POST /api/v1/post-responses/<id:response_id>/decision": RESIDENT,
    "DELETE /api/v1/post-responses/<id:response_id>": RESIDENT,
    "GET /api/v1/post-responses/<id:response_id>/messages": RESIDENT,
    "POST /api/v1/post-responses/<id:response_id>/messages": RESIDENT,
    "GET /api/v1/post-responses/<id:response_id>/card": RESIDENT,
    "GET /api/v1/group-members/<id:member_id>/card": RESIDENT,
    "GET /api/v1/me/card": RESIDENT,
    "PATCH /api/v1/me/card": RESIDENT,
    "DELETE /api/v1/me/card": RESIDENT,
    "POST /api/v1/me/blocks": RESIDENT,
    "GET /api/v1/me/blocks": RESIDENT,
    "DELETE /api/v1/me/blocks/<id:block_id>": RESIDENT,
    "POST /api/v1/moderation/contents/<id:content_id>/author": Role.MANAGER,
    "GET /api/v1/me/inbox": RESIDENT,
    "POST /api/v1/me/inbox/read-all": RESIDENT,
    "POST /api/v1/me/inbox/<id:notice_id>/read": RESIDENT,
    "DELETE /api/v1/me/inbox/<id:notice_id>": RESIDENT,
    "GET /api/v1/me/subscriptions": RESIDENT,
    "POST /api/v1/me/subscriptions": RESIDENT,
    "GET /api/v1/me/notice-settings": RESIDENT,
    "PUT /api/v1/me/notice-settings": RESIDENT,
    "GET /api/v1/staff/notices": SIGNED_IN,
    "GET /api/v1/notices/queue": Role.AUDITOR,
    "GET /api/v1/notices/dead-letters": Role.MANAGER,
    "POST /api/v1/notices/dead-letters/<id:message_id>/retry": Role.MANAGER,
    "POST /api/v1/notices/dead-letters/<id:message_id>/dismissal": Role.MANAGER,
    "GET /api/v1/announcements": ANYONE,
    "GET /api/v1/announcements/<id:announcement_id>": ANYONE,
    "PUT /api/v1/announcements/<id:announcement_id>/reading": RESIDENT,
    "GET /api/v1/staff/announcements": SIGNED_IN,
    "POST /api/v1/staff/announcements": SIGNED_IN,
    "GET /api/v1/staff/announcements/<id:announcement_id>": SIGNED_IN,
    "PUT /api/v1/staff/announcements/<id:announcement_id>": SIGNED_IN,
    "POST /api/v1/staff/announcements/<id:announcement_id>/publication": SIGNED_IN,
    "POST /api/v1/staff/announcements/<id:announcement_id>/withdrawal": SIGNED_IN,
    "GET /api/v1/staff/announcements/<id:announcement_id>/readings": SIGNED_IN,
    "GET /api/v1/staff/announcements/<id:announcement_id>/unconfirmed": Role.MANAGER,
    "GET /api/v1/monitor/measures": SIGNED_IN,
    "GET /api/v1/monitor/places": SIGNED_IN,
    "GET /api/v1/monitor/own-operators": SIGNED_IN,
    "GET /api/v1/monitor/overview": SIGNED_IN,
    "GET /api/v1/monitor/series": SIGNED_IN,
    "GET /api/v1/monitor/snapshots": SIGNED_IN,
    "GET /api/v1/monitor/scenes": SIGNED_IN,
    "GET /api/v1/monitor/operators": SIGNED_IN,
    "GET /api/v1/monitor/communities": SIGNED_IN,
    "GET /api/v1/monitor/estates": SIGNED_IN,
    "GET /api/v1/monitor/venues": SIGNED_IN,
    "GET /api/v1/monitor/points": SIGNED_IN,
    "GET /api/v1/monitor/measures/<string:name>/rows": SIGNED_IN,
    "GET /api/v1/monitor/patterns": Role.AUDITOR,
    "GET /api/v1/monitor/targets": SIGNED_IN,
    "POST /api/v1/monitor/targets": Role.MANAGER,
    "DELETE /api/v1/monitor/targets/<id:target_id>": Role.MANAGER,
    "GET /api/v1/monitor/weights": SIGNED_IN,
    "GET /api/v1/monitor/weights/history": SIGNED_IN,
    "PUT /api/v1/monitor/weights": Role.MANAGER,
    "GET /api/v1/monitor/reports/<string:month>.pdf": SIGNED_IN,
}
#: It ends the sign-in that the other routes are asked with.
SIGN_OUT = "POST /api/v1/auth/sign-out"
#: They bring what they need in the body; a token beside it is nothing to them.
SIGN_INS = {"POST /api/v1/auth/wechat", "POST /api/v1/auth/staff", "POST /api/v1/auth/refresh"}
CLOSURE = {"starts_at": "2099-01-01", "ends_at": "2099-01-02", "reason": "测试"}
SERIES = {
    "venue_id": str(NOBODY),
    "duration_minutes": 60,
    "capacity": 1,
    "rrule": "FREQ=DAILY",
    "starts_on": "2099-01-01",
    "starts_at": "09:00",
}
#: Bodies with which a route gets as far as its rule, and finds nothing there.
BODIES: dict[str, dict[str, Any]] = {
    "POST /api/v1/auth/wechat": {"code": "no-code-of-ours"},
    "POST /api/v1/auth/staff": {"username": "nobody", "password": "nothing"},
    "POST /api/v1/auth/refresh": {"refresh_token": "nothing"},
    "POST /api/v1/checkins/batch": {"sent_at": "2026-05-01T09:00:00+08:00", "items": [{}]},
    "POST /api/v1/checkins/<path:nonce>/undo": {},
    "POST /api/v1/checkins": {"code": "x", "session_id": str(NOBODY), "nonce": "a-nonce-of-the-matrix"},
    "POST /api/v1/me/checkins": {"door_code": "x", "nonce": "a-nonce-of-the-matrix"},
    "POST /api/v1/sessions/<id:session_id>/roster/search": {"phone_tail": "1234"},
    "POST /api/v1/rewards/<id:reward_id>/redemptions": {},
    "POST /api/v1/redemptions/<id:redemption_id>/substitution/answer": {"accept": True},
    "POST /api/v1/redemptions/<string:code>/fulfilment": {},
    "POST /api/v1/redemptions/<id:redemption_id>/refund": {"reason": "测试"},
    "POST /api/v1/redemptions/<id:redemption_id>/substitution": {"reward_id": str(NOBODY), "reason": "测试"},
    "POST /api/v1/rewards": {"title": "测试", "kind": "goods", "territory_id": str(NOBODY), "price": 1},
    "PATCH /api/v1/rewards/<id:reward_id>": {},
    "POST /api/v1/rewards/<id:reward_id>/decision": {"publish": True},
    "POST /api/v1/rewards/<id:reward_id>/withdrawal": {"reason": "测试"},
    "POST /api/v1/rewards/<id:reward_id>/stock": {"change": 1, "reason": "测试"},
    "POST /api/v1/causes/<id:cause_id>/donations": {"amount": 1},
    "POST /api/v1/causes": {"title": "测试", "territory_id": str(NOBODY), "target": 1, "until": "2099-01-01"},
    "PATCH /api/v1/causes/<id:cause_id>": {},
    "POST /api/v1/causes/<id:cause_id>/cancellation": {"reason": "测试"},
    "POST /api/v1/operators/<id:operator_id>/staff": {"staff_id": str(NOBODY)},
    "POST /api/v1/sessions/<id:session_id>/reservations": {},
    "POST /api/v1/reservations/<id:reservation_id>/appeal": {"reason": "测试"},
    "POST /api/v1/appeals/<id:appeal_id>/decision": {"uphold": True, "note": "测试"},
    "POST /api/v1/contents/<id:content_id>/reports": {"reason": "spam"},
    "POST /api/v1/me/contents/<id:content_id>/appeal": {"words": "测试"},
    "POST /api/v1/moderation/contents/<id:content_id>/decision": {"passes": True, "reason": "测试"},
    "POST /api/v1/moderation/contents/<id:content_id>/removal": {"reason": "测试"},
    "POST /api/v1/moderation/contents/<id:content_id>/restoration": {"reason": "测试"},
    "POST /api/v1/moderation/terms": {
        "review_hours": 24,
        "reporters_to_hide": 3,
        "effective_from": "2027-01-01T00:00:00+08:00",
    },
    "PUT /api/v1/me/ranking": {"shown": True},
    "POST /api/v1/activities": {
        "title": "测试",
        "summary": "测试",
        "category": "测试",
        "scene": "health",
        "community_id": str(NOBODY),
        "operator_id": str(NOBODY),
    },
    "POST /api/v1/venues": {"service_centre_id": str(NOBODY), "name": "测试", "capacity": 1},
    "PATCH /api/v1/territory/<id:territory_id>": {"latitude": None, "longitude": None},
    "POST /api/v1/service-centres": {
        "territory_id": str(NOBODY),
        "name": "测试",
        "address": "测试",
        "opens_at": "09:00",
        "closes_at": "17:00",
    },
    "PATCH /api/v1/service-centres/<id:service_centre_id>": {},
    "PUT /api/v1/service-centres/<id:service_centre_id>/hours": {"hours": []},
    "POST /api/v1/service-centres/<id:service_centre_id>/services": {
        "name": "测试",
        "description": "测试",
        "scene": "health",
    },
    "POST /api/v1/service-centres/<id:service_centre_id>/staff": {"name": "测试", "title": "测试"},
    "PATCH /api/v1/service-centres/<id:service_centre_id>/staff/<id:staff_id>": {},
    "PUT /api/v1/service-centres/<id:service_centre_id>/staff/<id:staff_id>/duty": {"hours": []},
    "PUT /api/v1/service-centres/<id:service_centre_id>/staff/<id:staff_id>/duty-days": {
        "day": "2099-01-01",
        "spans": [],
    },
    "PATCH /api/v1/services/<id:service_id>": {},
    "PUT /api/v1/me/favourites": {"kind": "venue", "subject_id": str(NOBODY)},
    "PATCH /api/v1/venues/<id:venue_id>": {},
    "POST /api/v1/venues/<id:venue_id>/uses": {"name": "测试", "capacity": 1, "parts_needed": 1},
    "PATCH /api/v1/venues/<id:venue_id>/uses/<id:use_id>": {},
    "PUT /api/v1/venues/<id:venue_id>/hours": {"hours": []},
    "POST /api/v1/venues/<id:venue_id>/closures": CLOSURE,
    "POST /api/v1/service-centres/<id:service_centre_id>/closures": CLOSURE,
    "POST /api/v1/venues/<id:venue_id>/bookings": {
        "starts_at": "2099-01-01",
        "ends_at": "2099-01-02",
        "purpose": "测试",
    },
    "POST /api/v1/bookings/<id:booking_id>/decision": {"approve": True},
    "PUT /api/v1/estates/<id:estate_id>/contacts": {"contacts": []},
    "POST /api/v1/estates/<id:estate_id>/management": {"company_id": str(NOBODY), "from_day": "2099-01-01"},
    "POST /api/v1/estates/<id:estate_id>/management/end": {"until_day": "2099-01-01"},
    "POST /api/v1/repair-categories": {
        "estate_id": str(NOBODY),
        "from_day": "2099-01-01",
        "categories": [{"code": "lift", "name": "测试"}],
    },
    "POST /api/v1/service-terms": {
        "company_id": str(NOBODY),
        "from_day": "2099-01-01",
        "assign_minutes": 1,
        "start_minutes": 1,
        "finish_minutes": 1,
        "confirm_minutes": 1,
        "answer_minutes": 1,
        "reopen_days": 1,
        "reopens_max": 1,
        "rating_days": 1,
    },
    "POST /api/v1/property-companies": {"name": "测试物业", "phone": "96345"},
    "PATCH /api/v1/property-companies/<id:company_id>": {},
    "POST /api/v1/repairs": {
        "estate_id": str(NOBODY),
        "place": "home",
        "location": "测试",
        "category": "lift",
        "description": "测试",
    },
    "POST /api/v1/repairs/<id:repair_id>/cancellation": {"reason": "测试"},
    "POST /api/v1/repairs/<id:repair_id>/reopening": {"reason": "测试"},
    "PUT /api/v1/repairs/<id:repair_id>/rating": {"rating": 5},
    "POST /api/v1/repairs/<id:repair_id>/assignment": {"revision": 1, "worker_name": "测试"},
    "POST /api/v1/repairs/<id:repair_id>/visit": {"revision": 1, "visit_at": "2099-01-01"},
    "POST /api/v1/repairs/<id:repair_id>/start": {"revision": 1},
    "POST /api/v1/repairs/<id:repair_id>/completion": {"revision": 1},
    "POST /api/v1/repairs/<id:repair_id>/rejection": {"revision": 1, "reason": "测试"},
    "POST /api/v1/complaints": {
        "estate_id": str(NOBODY),
        "kind": "praise",
        "addressee": "company",
        "words": "测试",
    },
    "POST /api/v1/complaints/<id:complaint_id>/answer": {"answer": "测试"},
    "POST /api/v1/working-days": {"day": "2099-01-01", "is_working_day": True, "name": "测试"},
    "PATCH /api/v1/activities/<id:activity_id>": {},
    "POST /api/v1/activities/<id:activity_id>/cancellation": {"reason": "测试"},
    "POST /api/v1/activities/<id:activity_id>/sessions": {
        "venue_id": str(NOBODY),
        "duration_minutes": 60,
        "capacity": 1,
        "starts_at": "2099-01-01T09:00:00+08:00",
    },
    "POST /api/v1/activities/<id:activity_id>/series": SERIES,
    "POST /api/v1/activities/<id:activity_id>/series/preview": SERIES,
    "PUT /api/v1/series/<id:series_id>": SERIES,
    "PATCH /api/v1/sessions/<id:session_id>": {},
    "POST /api/v1/sessions/<id:session_id>/cancellation": {"reason": "测试"},
    "POST /api/v1/me/points/transfers": {"to_resident_id": str(NOBODY), "amount": 1},
    "POST /api/v1/points/adjustments": {"resident_id": str(NOBODY), "amount": 1, "reason": "测试"},
    "POST /api/v1/points/imports": {"name": "empty.csv", "csv": ""},
    "POST /api/v1/ledger/transactions/<id:txn_id>/reversal": {"reason": "测试"},
    "POST /api/v1/ledger/budgets": {"operator_id": str(NOBODY), "amount": 1, "explanation": "测试"},
    "POST /api/v1/rulebooks/preview": {"kind": "checkin"},
    "POST /api/v1/rulebooks/replay": {"document": RULEBOOK, "begin": "2026-01-01", "end": "2026-01-02"},
    "POST /api/v1/rulebooks/drafts": {"document": RULEBOOK, "effective_from": "2026-01-01"},
    "POST /api/v1/points/events": {"resident_id": str(NOBODY), "kind": "service"},
    "POST /api/v1/me/volunteer": {"version": "0"},
    "POST /api/v1/volunteering/records": {
        "items": [{"resident_id": str(NOBODY), "minutes": 1, "served_on": "2026-01-01", "description": "测试"}]
    },
    "DELETE /api/v1/volunteering/records/<id:record_id>": {"reason": "测试"},
    "POST /api/v1/volunteering/records/<id:record_id>/decision": {"accepts": True},
    "POST /api/v1/volunteering/reviews": {"ids": [str(NOBODY)], "accepts": True},
    "POST /api/v1/volunteering/imports": {"name": "empty.csv", "csv": ""},
    "POST /api/v1/me/certificates": {},
    "POST /api/v1/certificates/<string:code>/withdrawal": {"reason": "测试"},
    "PATCH /api/v1/me": {},
    "POST /api/v1/residents": {"name": "测试", "territory_id": str(NOBODY), "consent_note": "测试"},
    "POST /api/v1/residents/search": {"phone": "13800138000"},
    "PATCH /api/v1/residents/<id:resident_id>": {},
    "POST /api/v1/residents/<id:resident_id>/proxies": {"agent_id": str(NOBODY), "consent_note": "测试"},
    "POST /api/v1/me/dependants": {"name": "测试", "born_on": "1990-01-01", "relation": "母亲"},
    "POST /api/v1/me/proxies": {"agent_id": str(NOBODY)},
    "POST /api/v1/me/consents": {"purpose": "phone", "version": "0"},
    "POST /api/v1/me/exports": {},
    "POST /api/v1/me/erasure": {"confirmation": "测试"},
    "POST /api/v1/me/phone": {"code": "测试"},
    "POST /api/v1/me/merging": {"name": "测试"},
    "POST /api/v1/mergings/<id:merging_id>/rejection": {"reason": "测试"},
    "POST /api/v1/me/household": {"door": "测试"},
    "POST /api/v1/household-requests/<id:household_request_id>/answer": {"accept": True},
    "POST /api/v1/organisations": {"name": "测试"},
    "POST /api/v1/organisations/<id:organisation_id>/members": {"resident_id": str(NOBODY)},
    "POST /api/v1/groups": {
        "name": "测试小组",
        "about": "测试",
        "category": "测试",
        "scene": "health",
        "community_id": str(NOBODY),
    },
    "PATCH /api/v1/groups/<id:group_id>": {},
    "POST /api/v1/groups/<id:group_id>/closing": {"reason": "测试"},
    "POST /api/v1/groups/<id:group_id>/members": {},
    "POST /api/v1/groups/<id:group_id>/handover": {"member_id": str(NOBODY)},
    "PUT /api/v1/group-members/<id:member_id>/role": {"role": "manager"},
    "POST /api/v1/group-requests/<id:request_id>/decision": {"accept": True},
    "POST /api/v1/groups/<id:group_id>/invitations": {},
    "POST /api/v1/groups/<id:group_id>/meetups": {
        "title": "测试",
        "place": "测试",
        "starts_at": "2099-01-01",
        "ends_at": "2099-01-02",
        "capacity": 1,
    },
    "POST /api/v1/groups/<id:group_id>/posts": {"words": "测试"},
    "POST /api/v1/groups/<id:group_id>/proposals": {
        "title": "测试",
        "about": "测试",
        "starts_at": "2099-01-01",
        "people": 1,
    },
    "POST /api/v1/group-proposals/<id:proposal_id>/decision": {"accept": False},
    "PUT /api/v1/groups/<id:group_id>/activities/<id:activity_id>": {},
    "POST /api/v1/partner-posts": {
        "kind": "sport",
        "words": "测试",
        "when_words": "周末",
        "community_id": str(NOBODY),
        "lapses_at": "2099-01-01",
    },
    "POST /api/v1/partner-posts/<id:post_id>/responses": {"words": "测试"},
    "POST /api/v1/post-responses/<id:response_id>/decision": {"accept": True},
    "POST /api/v1/post-responses/<id:response_id>/messages": {"words": "测试"},
    "PATCH /api/v1/me/card": {},
    "POST /api/v1/me/blocks": {"post_id": str(NOBODY)},
    "POST /api/v1/moderation/contents/<id:content_id>/author": {"reason": "测试理由"},
    "POST /api/v1/me/inbox/read-all": {},
    "POST /api/v1/me/subscriptions": {"answers": {"demo-points": "reject"}},
    "PUT /api/v1/me/notice-settings": {"quiet_from": None, "quiet_until": None},
    "PUT /api/v1/announcements/<id:announcement_id>/reading": {},
    "POST /api/v1/staff/announcements": {"title": "测试", "text": "测试", "place_ids": [str(NOBODY)]},
    "PUT /api/v1/staff/announcements/<id:announcement_id>": {
        "title": "测试",
        "text": "测试",
        "place_ids": [str(NOBODY)],
    },
    "POST /api/v1/monitor/webhooks": {"url": "https://example.com/", "description": "测试"},
    "PATCH /api/v1/monitor/webhooks/<id:webhook_id>": {},
    "POST /api/v1/monitor/targets": {
        "measure": "repairs.on_time_share",
        "territory_id": str(NOBODY),
        "period_kind": "month",
        "from_day": "2099-01-01",
        "target": 0.9,
        "amber": 0.8,
    },
    "PUT /api/v1/monitor/weights": {
        "from_day": "2099-01-01",
        "weights": [{"measure": "x", "weight": 1}],
        "sessions_min": 1,
    },
}


@dataclass(frozen=True)
class Who:
    """A kind of caller, and what it may use."""

    name: str
    call: Callable[[TownBuilder, TownBuilder, ApiClient, ApiClient], ApiClient]  # (town, other town, api, other's api)
    needs: set[str]


CALLERS = [
    Who("a visitor", lambda town, other, api, others: api, {SIGNING_IN, ANYONE}),
    Who(
        "a resident",
        lambda town, other, api, others: api.as_(town.resident()),
        {SIGNING_IN, ANYONE, SIGNED_IN, RESIDENT},
    ),
    Who(
        "a resident of another town",
        lambda town, other, api, others: others.as_(other.resident()),
        {SIGNING_IN, ANYONE, SIGNED_IN, RESIDENT},
    ),
    Who(
        "staff without a role", lambda town, other, api, others: api.as_(town.staff()), {SIGNING_IN, ANYONE, SIGNED_IN}
    ),
    Who(
        "a scanner of another town",
        lambda town, other, api, others: others.as_(other.staff(Role.SCANNER)),
        {SIGNING_IN, ANYONE, SIGNED_IN, Role.SCANNER},
    ),
    *(
        Who(
            f"staff as {role}",
            lambda town, other, api, others, role=role: api.as_(town.staff(role)),
            {SIGNING_IN, ANYONE, SIGNED_IN, *(Role if role is Role.ADMIN else [role])},
        )
        for role in Role
    ),
]
#: Callers whose token names them where they are not: they are nobody.
NOBODIES: dict[str, Callable[[TownBuilder, TownBuilder, ApiClient, ApiClient], ApiClient]] = {
    "another town's resident as this town's": lambda town, other, api, others: api.as_(other.resident()),
    "another town's admin as this town's": lambda town, other, api, others: api.as_(other.staff(Role.ADMIN)),
    "a resident as staff": lambda town, other, api, others: api.as_(
        Person(town.resident().id, town.staff().kind, "nobody")
    ),
    "staff as a resident": lambda town, other, api, others: api.as_(
        Person(town.staff(Role.ADMIN).id, town.resident().kind, "nobody")
    ),
    "a signed-out resident": lambda town, other, api, others: signed_out(api.as_(town.resident())),
    "a signed-out admin": lambda town, other, api, others: signed_out(api.as_(town.staff(Role.ADMIN))),
    "a closed admin": lambda town, other, api, others: api.as_(town.staff(Role.ADMIN), token_version=2),
    "an expired admin": lambda town, other, api, others: api.as_(
        town.staff(Role.ADMIN), at=utc_now() - timedelta(hours=1)
    ),
    "garbage": lambda town, other, api, others: api.with_token("garbage"),
}


def signed_out(caller: ApiClient) -> ApiClient:
    assert caller.post("/auth/sign-out").status_code == 204
    return caller


def routes(app: Flask) -> set[str]:
    return {
        f"{method} {rule.rule}" for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD", "OPTIONS"}
    }


def ask(caller: ApiClient, route: str) -> TestResponse:
    """Call a route with ids that nothing has."""
    method, rule = route.split(" ")
    path = re.sub(r"<id:\w+>", str(NOBODY), rule).removeprefix("/api/v1")
    return caller.call(method, path, BODIES.get(route), key=fresh_key())


def is_turned_away(answer: TestResponse) -> bool:
    turned_away = answer.status_code in {401, 403} and answer.get_json()["code"] in TURNED_AWAY
    assert answer.status_code < 500
    return turned_away


def test_the_matrix_lists_every_route_and_no_other(app: Flask) -> None:
    assert routes(app) == set(MATRIX)


def test_every_room_says_what_the_matrix_says(app: Flask) -> None:
    needs = {f"{room.name}.{endpoint}": need for room in ROOMS for endpoint, need in room.needs.items()}
    said = {
        f"{method} {rule.rule}": needs.get(rule.endpoint, PUBLIC)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert said == MATRIX


def test_the_callers_of_the_matrix_are_all_that_there_are() -> None:
    assert {need for who in CALLERS for need in who.needs} == set(NEEDS)


@pytest.fixture(scope="module")
def callers(house: House, app: Flask) -> dict[str, ApiClient]:
    """One caller of each kind, for all routes: what nobody has can't be changed."""
    return callers_of(house, app)


def callers_of(house: House, app: Flask) -> dict[str, ApiClient]:
    town, other = new_town(house), new_town(house)
    api, others = ApiClient(app, town), ApiClient(app, other)
    return {who.name: who.call(town, other, api, others) for who in CALLERS}


@pytest.mark.parametrize("route", [route for route, need in MATRIX.items() if need != PUBLIC])
def test_a_route_opens_for_those_who_have_what_it_needs_and_for_no_one_else(
    house: House, app: Flask, callers: dict[str, ApiClient], route: str
) -> None:
    if route == SIGN_OUT:
        callers = callers_of(house, app)
    for who in CALLERS:
        answer = ask(callers[who.name], route)
        may = MATRIX[route] in who.needs
        assert is_turned_away(answer) is not may, (who.name, answer.text)
        if not may:
            assert answer.get_json()["code"] == ("auth.required" if who.name == "a visitor" else "auth.forbidden")


@pytest.mark.parametrize("name", NOBODIES)
def test_a_token_that_names_nobody_opens_nothing_at_all(
    house: House, town: TownBuilder, api: ApiClient, app: Flask, name: str
) -> None:
    other = new_town(house)
    caller = NOBODIES[name](town, other, api, ApiClient(app, other))
    before = town.contents(), other.contents()
    for route, need in MATRIX.items():
        if need != PUBLIC and route not in SIGN_INS:
            answer = ask(caller, route)
            assert answer.status_code == 401, (route, answer.text)
            assert answer.get_json()["code"] in TURNED_AWAY - {"auth.required", "auth.forbidden"}
    assert (town.contents(), other.contents()) == before


@pytest.mark.parametrize(
    "route",
    [
        route
        for route, need in MATRIX.items()
        if need == PUBLIC and not route.endswith(SIGNED_BY_WECHAT) and not route.startswith(FOR_BROWSERS)
    ],
)
def test_a_route_for_machines_reads_no_token(app: Flask, route: str) -> None:
    path = route.split(" ")[1].replace("<string:code>", "server.busy").replace("<path:name>", "index.css")
    answer = open_at(app, path, headers={"Authorization": "Bearer garbage"})
    assert answer.status_code == 200


def test_head_and_options_open_nothing_that_get_does_not(app: Flask, town: TownBuilder, api: ApiClient) -> None:
    for route, need in MATRIX.items():
        method, rule = route.split(" ")
        path = re.sub(r"<id:\w+>", str(NOBODY), rule)
        if method == "GET" and need not in (PUBLIC, ANYONE):
            assert open_at(app, f"{path}?town={town.code}", method="HEAD").status_code == 401
        options = open_at(app, path, method="OPTIONS")
        assert (options.status_code, options.data) == (200, b"")


@pytest.mark.parametrize("route", [route for route, need in MATRIX.items() if need not in (PUBLIC, SIGNING_IN, ANYONE)])
def test_who_must_sign_in_is_told_so_before_any_town_is_looked_for(app: Flask, route: str) -> None:
    method, rule = route.split(" ")
    path = re.sub(r"<id:\w+>", str(NOBODY), rule) + "?town=no-such-town"
    answer = open_at(app, path, method=method, json=BODIES.get(route), headers={"Idempotency-Key": fresh_key()})
    problem_of(answer, 401, "auth.required")


def test_an_access_token_that_is_over_does_not_stand_in_the_way_of_the_next_one(
    town: TownBuilder, api: ApiClient
) -> None:
    """A client that sends its token with every request sends the old one with these too."""
    wechat = {"code": f"demo:o{fresh_key()}"}
    pair = api.post("/auth/wechat", wechat).get_json()
    with_old_token = api.as_(town.resident(), at=utc_now() - timedelta(hours=1))
    query = {"town": town.code}
    refreshed = with_old_token.post("/auth/refresh", {"refresh_token": pair["refresh_token"]}, query_string=query)
    assert refreshed.status_code == 200, refreshed.text
    assert with_old_token.post("/auth/wechat", wechat, query_string=query).status_code == 200


# Where a role holds


def scanned(town: TownBuilder, api: ApiClient, scanner: Person, session_id: int) -> TestResponse:
    resident = town.resident()
    assert reserve(api.as_(resident), session_id).status_code == 201
    return scan(api.as_(scanner), session_id, town.code_of(resident))


@pytest.mark.parametrize("role", [Role.SCANNER, Role.ADMIN])
def test_a_role_holds_on_its_node_and_below(town: TownBuilder, api: ApiClient, role: Role) -> None:
    session_id = town.session()  # of the first community
    for place in (town.street_id, town.community_id):
        answer = scanned(town, api, town.staff(role, at=place), session_id)
        assert (answer.status_code, answer.get_json()["result"]) == (200, "admitted")


@pytest.mark.parametrize("role", [Role.SCANNER, Role.ADMIN])
def test_a_role_does_not_hold_beside_its_node(town: TownBuilder, api: ApiClient, role: Role) -> None:
    here, there = town.session(), town.session(activity_id=town.activity(community_id=town.other_community_id))
    elsewhere = town.staff(role, at=town.other_community_id)
    resident = town.resident()
    code = town.code_of(resident)
    before = town.contents()
    problem_of(scan(api.as_(elsewhere), here, code), 403, "auth.forbidden")
    assert town.contents() == before
    assert scanned(town, api, elsewhere, there).get_json()["result"] == "admitted"


def test_a_role_does_not_hold_above_its_node(town: TownBuilder, api: ApiClient) -> None:
    of_the_street = town.session(activity_id=town.activity(community_id=town.street_id))
    problem_of(
        scan(api.as_(town.staff(Role.SCANNER, at=town.community_id)), of_the_street, "code"), 403, "auth.forbidden"
    )
    assert scanned(town, api, town.staff(Role.SCANNER), of_the_street).get_json()["result"] == "admitted"


def test_another_role_on_the_right_node_is_not_the_role(town: TownBuilder, api: ApiClient) -> None:
    session_id = town.session()
    for role in set(Role) - {Role.SCANNER, Role.ADMIN}:
        staff = town.staff(role, at=town.community_id)
        problem_of(scan(api.as_(staff), session_id, "code"), 403, "auth.forbidden")


def test_a_refusal_for_want_of_a_role_is_not_kept_under_the_nonce(town: TownBuilder, api: ApiClient) -> None:
    session_id, nonce, resident = town.session(), fresh_key(), town.resident()
    assert reserve(api.as_(resident), session_id).status_code == 201
    staff = town.staff(Role.SCANNER, at=town.other_community_id)
    problem_of(scan(api.as_(staff), session_id, town.code_of(resident), nonce=nonce), 403, "auth.forbidden")
    assert town.rows(Scan) == []
