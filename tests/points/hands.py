"""Points moved by hand: rules that allow it, families, managers, and what stays as it was when something is refused."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from models.residents import Household, Role
from rules.ledger.transactions import Cause, Receipt
from rules.ledger.transferring import Correction, adjust
from rules.rulebook.versions import publish
from rules.work import SYSTEM, Work
from tests.build import RULEBOOK, ApiClient, Person, TownBuilder, add, fresh_key

ABOVE = 100
HAND_RULES = f"""
[transfer]
within = "household"
[adjustment]
second_person_above = {ABOVE}
"""


def allow_hands(town: TownBuilder, rules: str = HAND_RULES, *, days_ago: int = 100) -> None:
    """A rulebook in which families share and one manager may move up to ABOVE points alone."""
    town.act(None, lambda work: publish(work, RULEBOOK + rules, work.now - timedelta(days=days_ago)))


def give(town: TownBuilder, resident: Person, amount: int, expires_on: date = date(2030, 12, 31)) -> Receipt:
    """Points that the system gave a resident."""

    def deed(work: Work) -> Receipt:
        correction = Correction(resident.id, amount, expires_on, Cause("test", f"测试：{amount} 分", work.now))
        return adjust(work, fresh_key(), correction)

    return town.act(None, deed)


def household(town: TownBuilder, door: str = "2单元601室") -> int:
    return town.database.write(
        town.id, SYSTEM, lambda work: add(work, Household, building_id=town.community_id, door=door)
    )


def manager(town: TownBuilder, api: ApiClient, *, at: int | None = None) -> ApiClient:
    return api.as_(town.staff(Role.MANAGER, at=at))


def balance_of(api: ApiClient, resident: Person) -> int:
    return int(api.as_(resident).get("/me/points").json["balance"])


def statement_of(api: ApiClient, resident: Person) -> list[dict[str, Any]]:
    return list(api.as_(resident).get("/me/points/statement").json["items"])


def effects(town: TownBuilder) -> dict[str, list[Any]]:
    """Everything of a town but the answers that are kept under Idempotency-Keys."""
    return {name: rows for name, rows in town.contents().items() if name != "idempotency_record"}
