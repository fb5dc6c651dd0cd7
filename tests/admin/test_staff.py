"""Accounts of staff from the command line: who may, what it does, and that it is written down."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.administration import AdminDeed
from models.residents import RefreshToken, Role, Staff, StaffStatus
from rules.administration.staffing import LastAdministrator, close_staff
from rules.work import SYSTEM
from tests.admin.conftest import Call
from tests.build import ApiClient, TownBuilder, fresh_key
from tests.races import from_threads


def deeds(town: TownBuilder) -> list[tuple[str, str, int | None]]:
    rows = town.rows(AdminDeed.deed, AdminDeed.subject, AdminDeed.staff_id, AdminDeed.id)
    return [(row.deed, row.subject, row.staff_id) for row in sorted(rows, key=lambda row: row.id)]


def fresh_name() -> str:
    return f"staff-{fresh_key()[:12]}"


def signs_in(app: Flask, town: TownBuilder, username: str, password: str) -> int:
    answer = ApiClient(app, town).post("/auth/staff", {"username": username, "password": password})
    return answer.status_code


def test_a_town_is_opened_with_its_tree_its_book_and_an_administrator_who_can_sign_in(
    call: Call, own_app: Flask, own_town: TownBuilder
) -> None:
    code, username = f"t-{fresh_key()[:12]}", fresh_name()
    asked = ("town", "create", code, "新街道", "--host", "government", "--admin", username, "--admin-name", "李丽")
    done = call(*asked)
    assert done.exit_code == 0, done.output
    password = done.output.split("shown once: ")[1].split("\n")[0]
    assert signs_in(own_app, own_town, username, password) == 200
    assert call("place", "add", "一社区", "--town", code, "--kind", "community", "--by", username).exit_code == 0
    assert "community 一社区" in call("place", "list", "--town", code).output
    assert call("operator", "add", "运营", "--town", code, "--by", username).exit_code == 0
    again = call(*asked[:7], fresh_name(), *asked[8:])
    assert again.exit_code == 1
    assert code in again.output
    assert "by nobody of the staff" in call("log", "--town", code).output


def test_an_account_gets_a_password_and_roles_and_loses_them(call: Call, own_app: Flask, own_town: TownBuilder) -> None:
    admin, username = own_town.staff(Role.ADMIN), fresh_name()
    by = ("--by", admin.name)
    made = call(
        *("staff", "create", username, "--town", own_town.code, "--name", "王博", "--password-stdin", *by),
        stdin="correct horse battery\n",
    )
    assert made.exit_code == 0, made.output
    assert "correct horse battery" not in made.output
    assert signs_in(own_app, own_town, username, "correct horse battery") == 200
    assert "granted" in call("staff", "grant", username, "--role", "manager", *by).output
    assert "before" in call("staff", "grant", username, "--role", "manager", *by).output
    assert "manager" in call("staff", "list", "--town", own_town.code).output
    assert call("staff", "revoke", username, "--role", "manager", *by).exit_code == 0
    assert call("staff", "revoke", username, "--role", "manager", *by).exit_code == 1
    reset = call("staff", "reset-password", username, *by)
    assert signs_in(own_app, own_town, username, "correct horse battery") == 401
    password = reset.output.split("shown once: ")[1].split("\n")[0]
    assert signs_in(own_app, own_town, username, password) == 200
    assert call("staff", "close", username, "--dry-run", *by).exit_code == 0
    assert signs_in(own_app, own_town, username, password) == 200
    assert call("staff", "close", username, *by).exit_code == 0
    assert signs_in(own_app, own_town, username, password) == 401
    [staff] = own_town.rows(Staff.id, Staff.status, username=username)
    assert staff.status is StaffStatus.CLOSED
    assert all(row.revoked_at for row in own_town.rows(RefreshToken.revoked_at, staff_id=staff.id))
    assert [(deed, by_whom) for deed, subject, by_whom in deeds(own_town) if subject == username] == [
        (f"staff.{deed}", admin.id)
        for deed in ("create", "grant", "grant", "revoke", "revoke", "reset_password", "close")
    ]
    assert "王博" not in str(own_town.rows(AdminDeed.detail))
    assert password not in str(own_town.contents()["admin_deed"])


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AUDITOR, None])
def test_nobody_but_an_administrator_of_the_whole_town_does_it(
    call: Call, own_town: TownBuilder, role: Role | None
) -> None:
    own_town.staff(Role.ADMIN)
    by = ("--by", own_town.staff(role).name) if role else ()
    below = ("--by", own_town.staff(Role.ADMIN, at=own_town.community_id).name)
    before = own_town.contents()
    for who in (by, below):
        refused = call("staff", "create", fresh_name(), "--town", own_town.code, "--name", "王博", *who)
        assert refused.exit_code == 1, refused.output
    assert own_town.contents() == before


@pytest.mark.parametrize(
    ("username", "password"),
    [("Big", "a long enough one"), ("ab", "a long enough one"), ("a b", "a long enough one"), ("fine", "short")],
)
def test_a_name_or_a_password_that_can_not_be_right_is_refused(
    call: Call, own_town: TownBuilder, username: str, password: str
) -> None:
    asked = ("staff", "create", username, "--town", own_town.code, "--name", "王博", "--password-stdin")
    refused = call(*asked, stdin=f"{password}\n")
    assert refused.exit_code == 1
    assert own_town.rows(Staff.id, username=username) == []
    assert deeds(own_town) == []


def test_the_last_administrator_stays(call: Call, own_town: TownBuilder) -> None:
    admin = own_town.staff(Role.ADMIN)
    for deed in (("close", admin.name), ("revoke", admin.name, "--role", "admin")):
        refused = call("staff", *deed, "--by", admin.name)
        assert refused.exit_code == 1
        assert "last administrator" in refused.output
    tried = call("staff", "close", admin.name, "--dry-run", "--by", admin.name)
    assert (tried.exit_code, "last administrator" in tried.output) == (1, True), "it says what would happen"
    other = own_town.staff(Role.ADMIN)
    assert call("staff", "close", admin.name, "--by", other.name).exit_code == 0


def close_each_other(town: TownBuilder) -> tuple[list[str], int]:
    """What two administrators are told who close each other at once, and how many are left."""
    pair = [town.staff(Role.ADMIN) for _ in range(2)]
    actors = [town.actor(person) for person in pair]

    def close(n: int) -> str:
        try:
            town.database.write(town.id, actors[n], close_staff, pair[1 - n].id)
        except LastAdministrator:
            return "refused"
        return "closed"

    told = sorted(from_threads(close, [(0,), (1,)]))
    return told, len(town.rows(Staff.id, status=StaffStatus.ACTIVE))


def test_two_administrators_who_close_each_other_at_once_leave_one(town: TownBuilder) -> None:
    assert close_each_other(town) == (["closed", "refused"], 1)


def test_without_the_guard_they_would_leave_none(town: TownBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rules.administration.staffing._keep_one_administrator", lambda *_: None)
    assert close_each_other(town) == (["closed", "closed"], 0)


def test_a_locked_name_is_unlocked(call: Call, own_app: Flask, own_town: TownBuilder) -> None:
    admin, locked = own_town.staff(Role.ADMIN), own_town.staff(Role.SCANNER)
    for _ in range(7):
        signs_in(own_app, own_town, locked.name, "wrong")
    assert signs_in(own_app, own_town, locked.name, "a password of the tests") == 429
    assert "unlocked" in call("unlock", locked.name, "--by", admin.name).output
    assert signs_in(own_app, own_town, locked.name, "a password of the tests") == 200
    assert "nothing had failed" in call("unlock", locked.name, "--by", admin.name).output


def test_sign_ins_end_of_one_or_of_everybody(call: Call, own_app: Flask, own_town: TownBuilder) -> None:
    admin, resident, other = own_town.staff(Role.ADMIN), own_town.resident(), own_town.resident()
    api = ApiClient(own_app, own_town)
    town, by = ("--town", own_town.code), ("--by", admin.name)
    assert call("sessions", "revoke", *town, "--resident", str(resident.id), "--dry-run", *by).exit_code == 0
    assert api.as_(resident).get("/me").status_code == 200
    assert call("sessions", "revoke", *town, "--resident", str(resident.id), *by).exit_code == 0
    assert [api.as_(person).get("/me").status_code for person in (resident, other)] == [401, 200]
    for dry_run in ((), ("--dry-run",)):
        assert call("sessions", "revoke", *town, "--resident", "1", *dry_run, *by).exit_code == 1
    assert "2 residents" in call("sessions", "revoke", *town, "--everybody", "--dry-run", *by).output
    assert call("sessions", "revoke", *town, "--everybody", *by).exit_code == 0
    assert api.as_(other).get("/me").status_code == 401
    assert call("sessions", "revoke", *by).exit_code == 2


def test_the_record_is_only_ever_added_to(call: Call, own_town: TownBuilder) -> None:
    call("staff", "create", fresh_name(), "--town", own_town.code, "--name", "王博")
    before = deeds(own_town)
    for change in ("UPDATE admin_deed SET login = 'x'", "DELETE FROM admin_deed"):
        with pytest.raises(DBAPIError):
            own_town.database.write(own_town.id, SYSTEM, lambda work: work.core.execute(text(change)))  # noqa: B023
    assert deeds(own_town) == before
