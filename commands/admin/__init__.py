"""`flask --app app admin …`: what operators do. docs/admin.md shows each command; every change is recorded."""

from __future__ import annotations

from flask.cli import AppGroup

from commands.admin import checks, keys, letters, proofs, reloading, sign_ins, staff, towns

group = AppGroup("admin", help="What operators do: towns, staff, keys, dead letters, checks. Every change is recorded.")
for command in (
    checks.check,
    reloading.reload_server,
    proofs.audit,
    proofs.log,
    sign_ins.unlock,
    towns.town,
    towns.place,
    towns.operator,
    staff.group,
    sign_ins.group,
    keys.group,
    letters.group,
):
    group.add_command(command)

__all__ = ["group"]
