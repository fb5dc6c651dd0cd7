"""Rulebooks in force in a town, and events that its staff write down."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from werkzeug.test import TestResponse

from models.ledger import RuleUsage
from models.residents import Role
from models.rulebook import StandingCount
from rules.ledger.pools import open_book
from rules.rulebook.document import parse
from rules.rulebook.versions import publish
from rules.work import Work
from tests.build import ApiClient, Person, TownBuilder


def put_in_force(town: TownBuilder, document: str, *, days_ago: int = 200) -> int:
    """A document in force since so many days, as it is once two persons have seen to it. Returns its number."""

    def deed(work: Work) -> int:
        for currency in parse(document).currency[1:]:
            open_book(work, currency.id, currency.name, currency.decimals, needs_budget=False)
        return publish(work, document, work.now - timedelta(days=days_ago))

    return town.act(None, deed)


def organiser(town: TownBuilder, api: ApiClient, *, at: int | None = None) -> ApiClient:
    return api.as_(town.staff(Role.ORGANISER, at=at))


def record(
    staff: ApiClient,
    resident: Person | int,
    kind: str,
    /,
    *,
    at: datetime | None = None,
    key: str | None = None,
    ref: str | None = None,
    subject: str = "",
    **facts: Any,
) -> TestResponse:
    """Write down what happened to a resident, just now unless a moment is given."""
    resident_id = resident if isinstance(resident, int) else resident.id
    body: dict[str, Any] = {"resident_id": str(resident_id), "kind": kind, "subject": subject, "facts": facts}
    body |= {"ref": ref} if ref else {}
    body |= {"occurred_at": at.isoformat()} if at else {}
    return staff.post("/points/events", body, key=key)


def recorded(staff: ApiClient, resident: Person | int, kind: str, /, **more: Any) -> dict[str, Any]:
    """What came of an event that staff wrote down."""
    answer = record(staff, resident, kind, **more)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def lines(outcome: dict[str, Any]) -> list[tuple[str, str, int]]:
    """What an outcome or a preview says: kind, rule, amount."""
    return [(line["kind"], line["rule_id"], line["amount"]) for line in outcome["lines"]]


def explained(outcome: dict[str, Any]) -> str:
    """All that an outcome or a preview says in words."""
    return "\n".join(line["explanation"] for line in outcome["lines"])


def usage(town: TownBuilder) -> dict[tuple[str, str], tuple[int, int]]:
    """What is used of the limits in all books, with the limit, by rule and bucket, as it is kept beside the wallets."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for row in town.rows(RuleUsage.rule_id, RuleUsage.period_key, RuleUsage.used, RuleUsage.cap):
        name = row.rule_id.split("#")[0].removeprefix("limit:"), row.period_key
        found[name] = row.used + found.get(name, (0, 0))[0], row.cap
    return found


def counts(town: TownBuilder, resident: Person) -> dict[tuple[str, str], int]:
    """What is counted of a resident, by name and bucket."""
    rows = town.rows(StandingCount.name, StandingCount.bucket, StandingCount.count, resident_id=resident.id)
    return {(row.name, row.bucket): row.count for row in rows}
