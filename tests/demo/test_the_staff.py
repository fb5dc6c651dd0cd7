"""The demo's staff may read what their roles are for: the roles that need the whole town hold at the root of its tree."""

from __future__ import annotations

from pathlib import Path

import pytest
import time_machine
from sqlalchemy import func, select

from blueprints.edge.house import EXTENSION
from demo.seed import TOWN_ID
from models.centres import CentreStaff
from models.ledger import Txn
from models.moderation import Content
from models.notices import Announcement
from models.residents import Role
from models.territory import Operator
from rules.clock import utc_now
from rules.residents.tokens import Owner, issue_access_token
from rules.work import ActorKind
from tests.apps import make_app
from tests.build import settings_for
from tests.demo.conftest import NOW, Demo

MONTH = "first_day=2026-12-01&last_day=2026-12-31"
#: The demo has none of these, so whoever may ask is told that there is none.
NOT_THERE = {"import_id"}


#: The rooms in which a role reads something.
ROOMS = {
    Role.MANAGER: {
        "adjustments",
        "announcements",
        "centre_keeping",
        "imports",
        "moderation",
        "notices",
        "operators",
        "own_phone",
        "rulebook",
        "service_records",
    },
    Role.AUDITOR: {"ledger", "reports", "jobs", "monitor_rows", "notices"},
}


@pytest.mark.parametrize(
    ("username", "roles"),
    [("manager", [Role.MANAGER]), ("auditor", [Role.AUDITOR]), ("admin", [Role.MANAGER, Role.AUDITOR])],
)
def test_staff_read_what_their_role_is_for(demo: Demo, tmp_path: Path, username: str, roles: list[Role]):
    url = demo.transactions.engine.url.render_as_string(hide_password=False)
    app = make_app(settings_for(url, tmp_path, log_level="ERROR"))
    house = app.extensions[EXTENSION]
    txn_id = demo.rows(select(func.min(Txn.id)))[0][0]
    staff_id, centre_id = demo.rows(select(CentreStaff.id, CentreStaff.service_centre_id))[0]
    operator_id = demo.rows(select(func.min(Operator.id)))[0][0]
    known = {
        "service_centre_id": centre_id,
        "staff_id": staff_id,
        "operator_id": operator_id,
        "content_id": demo.rows(select(func.min(Content.id)))[0][0],
        "announcement_id": demo.rows(select(func.min(Announcement.id)).where(Announcement.confirmation_needed))[0][0],
    }
    asked = set()
    with time_machine.travel(NOW, tick=False):
        owner = Owner(ActorKind.STAFF, TOWN_ID, demo.staff(username).id, 1)
        headers = {"Authorization": f"Bearer {issue_access_token(house.keys, owner, utc_now())}"}
        for rule in app.url_map.iter_rules():
            room, _, view = rule.endpoint.partition(".")
            need = getattr(app.blueprints.get(room), "needs", {}).get(view)
            if "GET" not in (rule.methods or ()) or need not in roles:
                continue
            asked.add(room)
            ids = {name: known.get(name, txn_id) for name in rule.arguments}
            with app.test_request_context():
                path = app.url_for(rule.endpoint, **ids)
            answer = app.test_client().get(f"{path}?{MONTH}" if "settlement" in path else path, headers=headers)
            assert answer.status_code == (404 if rule.arguments & NOT_THERE else 200), (path, answer.text)
    house.transactions.engine.dispose()
    assert asked == set().union(*(ROOMS[role] for role in roles))
