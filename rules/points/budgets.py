"""Budgets: how many points the town and each operator may award, and what became of them.

A budget is a pool of the ledger, all its shards together. What was granted, given back and moved between shards are few
postings and are added up; what was used is the rest of the pool's counter, so nobody counts a million awards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, bindparam, case, cast, func, select
from sqlalchemy.orm import aliased

from models.ledger import Account, AccountKind, Posting
from models.residents import Role
from models.territory import Operator
from rules.errors import Kind, RuleError
from rules.ledger.pools import grant_budget
from rules.ledger.transactions import book_of
from rules.residents.identity import require_role_at_root
from rules.rows import AnyRow
from rules.work import Work


class OperatorUnknown(RuleError):
    code = "operator.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这个运营主体。"
    en = "There is no such operator."


@dataclass(frozen=True, slots=True)
class Budget:
    """The points of one owner's pool: granted - used + given_back = left."""

    operator_id: int | None  #: None: the town's own
    operator: str | None
    granted: int  #: less what was taken back into the mint
    used: int  #: awarded, and given by hand
    given_back: int  #: by reversals of awards
    left: int


_operators = select(Operator.id, Operator.name).where(Operator.town_id == bindparam("town")).order_by(Operator.id)
_operator = select(Operator.id).where(Operator.town_id == bindparam("town"), Operator.id == bindparam("operator"))
_source, _pool = aliased(Account), aliased(Account)


def _sum_where(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return cast(func.sum(case((condition, Posting.amount), else_=0)), BigInteger)


_counters = (
    select(
        Account.owner_id,
        cast(func.sum(Account.credited), BigInteger).label("credited"),
        cast(func.sum(Account.debited), BigInteger).label("debited"),
    )
    .where(Account.town_id == bindparam("town"), Account.book_id == bindparam("book"), Account.kind == AccountKind.POOL)
    .group_by(Account.owner_id)
    .subquery()
)
_into_pool = (
    select(
        _pool.owner_id,
        _sum_where(_source.kind == AccountKind.MINT).label("granted"),
        _sum_where(_source.kind == AccountKind.POOL).label("between_shards"),
        _sum_where(_source.kind.not_in([AccountKind.MINT, AccountKind.POOL])).label("given_back"),
    )
    .join(Posting, (Posting.town_id == _pool.town_id) & (Posting.dst_account_id == _pool.id))
    .join(_source, (_source.town_id == Posting.town_id) & (_source.id == Posting.src_account_id))
    .where(_pool.town_id == bindparam("town"), _pool.book_id == bindparam("book"), _pool.kind == AccountKind.POOL)
    .group_by(_pool.owner_id)
    .subquery()
)
_into_mint = (
    select(_pool.owner_id, cast(func.sum(Posting.amount), BigInteger).label("withdrawn"))
    .select_from(_source)
    .join(Posting, (Posting.town_id == _source.town_id) & (Posting.dst_account_id == _source.id))
    .join(_pool, (_pool.town_id == Posting.town_id) & (_pool.id == Posting.src_account_id))
    .where(_source.town_id == bindparam("town"), _source.book_id == bindparam("book"), _source.kind == AccountKind.MINT)
    .group_by(_pool.owner_id)
    .subquery()
)
#: One statement, so that its numbers are of one moment.
_pools = (
    select(
        _counters.c.owner_id,
        _counters.c.credited,
        _counters.c.debited,
        func.coalesce(_into_pool.c.granted, 0).label("granted"),
        func.coalesce(_into_pool.c.between_shards, 0).label("between_shards"),
        func.coalesce(_into_pool.c.given_back, 0).label("given_back"),
        func.coalesce(_into_mint.c.withdrawn, 0).label("withdrawn"),
    )
    .outerjoin(_into_pool, _into_pool.c.owner_id == _counters.c.owner_id)
    .outerjoin(_into_mint, _into_mint.c.owner_id == _counters.c.owner_id)
)


def list_budgets(work: Work) -> Sequence[Budget]:
    """The town's budget and each operator's, for auditors at the root of the tree. Raises Forbidden."""
    require_role_at_root(work, Role.AUDITOR)
    return _read(work)


def grant(work: Work, operator_id: int | None, amount: int, explanation: str) -> Budget:
    """Put `amount` new points, above 0, into an operator's budget or the town's; returns the budget as it is then.

    Raises Forbidden (no manager at the root of the tree), OperatorUnknown.
    """
    require_role_at_root(work, Role.MANAGER)
    if operator_id is not None:
        operator = {"town": work.town_id, "operator": operator_id}
        if work.db.scalar(_operator, operator) is None:
            raise OperatorUnknown
    grant_budget(work, f"budget:{work.new_id()}", amount, explanation, operator_id=operator_id)
    return next(budget for budget in _read(work) if budget.operator_id == operator_id)


def _read(work: Work) -> list[Budget]:
    asked = {"town": work.town_id, "book": book_of(work).id}
    pools = {row.owner_id: row for row in work.db.execute(_pools, asked)}
    operators = work.db.execute(_operators, {"town": work.town_id}).all()
    owners: list[tuple[int | None, str | None]] = [(None, None), *((row.id, row.name) for row in operators)]
    return [_budget(id_, name, pools.get(id_ or work.town_id)) for id_, name in owners]


def _budget(operator_id: int | None, operator: str | None, pool: AnyRow | None) -> Budget:
    if pool is None:
        return Budget(operator_id, operator, granted=0, used=0, given_back=0, left=0)
    return Budget(
        operator_id,
        operator,
        granted=pool.granted - pool.withdrawn,
        used=pool.debited - pool.withdrawn - pool.between_shards,
        given_back=pool.given_back,
        left=pool.credited - pool.debited,
    )
