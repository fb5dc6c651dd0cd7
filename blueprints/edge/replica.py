"""The replica of a deployment, and what is told of it: how late its answers are, and when the primary had to answer."""

from __future__ import annotations

import structlog
from prometheus_client import Counter, Gauge

from rules.database import connect
from rules.replica import Replica
from rules.work import Transactions
from settings import Settings

LAG = Gauge("binfen_replica_lag_seconds", "How far behind the last answer from it was.", multiprocess_mode="mostrecent")
LEFT = Counter("binfen_replica_left_total", "Readings that the primary had to answer instead.", ["reason"])

log = structlog.get_logger("binfen")


def make_replica(settings: Settings, transactions: Transactions) -> Replica | None:
    """What the monitoring reads instead of the database, if the settings name one."""
    if not settings.database_replica_url:
        return None
    engine = connect(settings.database_replica_url, pool_size=settings.database_pool_size)
    return Replica(transactions, engine, on_left=_note, on_refused=_count, on_lag=LAG.set)


def _count(reason: str) -> None:
    LEFT.labels(reason).inc()


def _note(reason: str) -> None:
    _count(reason)
    log.warning("replica.left", reason=reason)
