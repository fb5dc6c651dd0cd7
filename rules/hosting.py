"""Who hosts the mini-program, and what that rules out.

A national notice on government apps (国办函〔2026〕12号) forbids, for apps that a public body hosts, rankings of persons by
points and offers of merchants. So a town states its `host_kind`, and under `government` those are off.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select

from models.territory import HostKind, Town
from rules.errors import Kind, RuleError
from rules.work import Work


class HostedByGovernment(RuleError):
    code = "host.government"
    kind = Kind.FORBIDDEN
    zh = "本小程序由政府部门主办，按国办函〔2026〕12号，不提供个人积分排名和商家优惠。"
    en = "A public body hosts this programme, so it ranks no persons and shows no offers of merchants."


_host = select(Town.host_kind).where(Town.id == bindparam("town"))


def is_hosted_by_government(work: Work) -> bool:
    """Whether a public body hosts the town's programme."""
    return work.send(_host, {"town": work.town_id}).scalar() is HostKind.GOVERNMENT


def require_operator_host(work: Work) -> None:
    """Raises HostedByGovernment where a ranking of persons or a merchant's offer is out of place."""
    if is_hosted_by_government(work):
        raise HostedByGovernment
