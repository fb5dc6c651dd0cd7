"""The numbers of `rules.gauges` in Prometheus' words, and how many connections are in use.

They are read when somebody looks, at most once in FRESH_SECONDS for each process. Where the processes of a server share
a folder (PROMETHEUS_MULTIPROC_DIR) counters are added up over them; these numbers are the database's, so whichever
process answers tells them once and for all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from datetime import datetime

import structlog
from flask import Flask
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from blueprints.edge.house import House
from rules.database import is_transient
from rules.errors import Busy
from rules.gauges import Gauges, JobGauges, read_gauges
from rules.jobs.watching import Alarm
from rules.readiness import check_readiness
from rules.work import SYSTEM, Transactions

GAUGES = "binfen.gauges"  #: the application's extension that holds its registry
FRESH_SECONDS = 10.0

log = structlog.get_logger("binfen")

IN_USE = Gauge("binfen_database_connections_in_use", "Connections to the database in use.", multiprocess_mode="livesum")
IN_ALL = Gauge(
    "binfen_database_connections_max", "Connections to the database that there may be.", multiprocess_mode="livesum"
)
FAULTS = Counter("binfen_database_faults_total", "Faults after which a transaction is tried again.", ["fault"])
RETRIES = Counter("binfen_transaction_retries_total", "Tries of a transaction that failed.", ["reason"])
WAITS = Counter("binfen_database_connection_waits_total", "Transactions that waited for a connection.")
WAITED = Counter("binfen_database_connection_waited_seconds_total", "How long they waited.")
WAIT_SECONDS_MIN = 0.005  #: a connection that is there is had sooner
#: What faults are called, by SQLSTATE; everything else is a lost connection, or on SQLite another writer.
FAULT_NAMES = {
    "40P01": "deadlock",
    "40001": "serialization",
    "55P03": "lock_timeout",
    "57014": "statement_timeout",
    "25006": "read_only",
}


def register_gauges(app: Flask, house: House) -> None:
    """Have /metrics tell how the application's house stands."""
    app.extensions[GAUGES] = registry_of(house.transactions)
    watch_pool(house.transactions.engine, house.settings.database_pool_size)
    event.listen(house.transactions.engine, "handle_error", count_fault)


def watch_pool(engine: Engine, pool_size: int) -> None:
    """Count the connections that an engine hands out. One that couldn't be made is checked in without being checked out."""
    IN_ALL.set(pool_size)
    handed_out: set[ConnectionPoolEntry] = set()

    def count(_connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        if record not in handed_out:
            handed_out.add(record)
            IN_USE.inc()

    def count_off(_connection: object, record: ConnectionPoolEntry) -> None:
        if record in handed_out:
            handed_out.remove(record)
            IN_USE.dec()

    event.listen(engine, "checkout", count)
    event.listen(engine, "checkin", count_off)


class Watching:
    """Counts what the units of work of a process meet; see rules.work.Watcher."""

    def retried(self, reason: str) -> None:
        RETRIES.labels(reason).inc()

    def waited(self, seconds: float) -> None:
        if seconds >= WAIT_SECONDS_MIN:
            WAITS.inc()
            WAITED.inc(seconds)


def count_fault(context: ExceptionContext) -> None:
    """Count what a unit of work will try again."""
    error = context.sqlalchemy_exception
    if isinstance(error, DBAPIError) and is_transient(error):
        state = getattr(error.orig, "sqlstate", None)
        other = "busy" if context.dialect.name == "sqlite" else "connection"
        FAULTS.labels(FAULT_NAMES.get(state or "", other)).inc()


class HouseCollector(Collector):
    """Tells what is known of the house when somebody looks."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._turn = threading.Lock()
        self._read_at = float("-inf")
        self._gauges: Gauges | None = None

    def collect(self) -> Iterator[Metric]:
        gauges = self._read()
        yield _one("binfen_ready", "1: the database answers and is migrated.", float(gauges is not None))
        if gauges is not None:
            yield from _metrics_of(gauges)

    def _read(self) -> Gauges | None:
        """What is known; None where the database isn't ready. A database that is gone isn't waited for."""
        with self._turn:
            if time.monotonic() - self._read_at >= FRESH_SECONDS:
                try:
                    is_ready = check_readiness(self._transactions.engine).is_ready
                    self._gauges = self._transactions.read(0, SYSTEM, read_gauges) if is_ready else None
                except (Busy, SQLAlchemyError) as error:
                    log.error("gauges.unread", error=type(error).__name__)
                    self._gauges = None
                self._read_at = time.monotonic()
            return self._gauges


def registry_of(transactions: Transactions) -> CollectorRegistry:
    """A registry of what is known of a house."""
    registry = CollectorRegistry()
    registry.register(HouseCollector(transactions))
    return registry


def _metrics_of(gauges: Gauges) -> Iterator[Metric]:
    leader = gauges.leader
    yield _one("binfen_jobs_leader_term", "How often a scheduler began to lead.", leader.term)
    yield _one("binfen_jobs_leader_seen_timestamp_seconds", "When the leader was last seen.", _unix(leader.seen_at))
    yield from _metrics_of_jobs(gauges.jobs)
    yield _one("binfen_outbox_waiting", "Messages neither delivered nor given up.", gauges.outbox_waiting)
    yield _one("binfen_outbox_due", "Messages that are due and that no worker has.", gauges.outbox_due)
    oldest = gauges.outbox_oldest_due_seconds
    yield _one("binfen_outbox_oldest_due_seconds", "How long the oldest of those has been due.", oldest)
    yield _one("binfen_outbox_dead", "Messages given up that nobody has looked at.", gauges.outbox_dead)
    items = GaugeMetricFamily("binfen_queue_items", "What waits for staff.", labels=["queue"])
    ages = GaugeMetricFamily("binfen_queue_oldest_seconds", "How long the oldest has waited.", labels=["queue"])
    for queue in gauges.queues:
        items.add_metric([queue.queue], queue.items)
        ages.add_metric([queue.queue], queue.oldest_seconds)
    yield from (items, ages)
    if gauges.snapshot_age_seconds is not None:
        age = gauges.snapshot_age_seconds
        yield _one("binfen_snapshot_age_seconds", "Since the last snapshot, of the town most behind.", age)
    yield _one("binfen_webhooks_failing", "Webhooks whose last call failed.", gauges.webhooks_failing)
    yield _one("binfen_webhooks_disabled", "Webhooks that aren't called.", gauges.webhooks_disabled)
    yield _one("binfen_staff_names_locked", "Names of staff that are locked now.", gauges.names_locked)


def _metrics_of_jobs(jobs: Iterable[JobGauges]) -> Iterator[Metric]:
    succeeded = GaugeMetricFamily(
        "binfen_job_last_success_timestamp_seconds",
        "When the job last ended well, of the town most behind; 0: it never has there.",
        labels=["job"],
    )
    lasted = GaugeMetricFamily("binfen_job_last_seconds", "How long the longest last run took.", labels=["job"])
    alarms = GaugeMetricFamily(
        "binfen_job_alarms", "Towns in which the job was missed, has failed or is stuck.", labels=["job", "alarm"]
    )
    for job in jobs:
        succeeded.add_metric([job.job], _unix(job.succeeded_at))
        lasted.add_metric([job.job], job.seconds)
        for alarm in Alarm:
            alarms.add_metric([job.job, alarm.value], job.alarms.get(alarm, 0))
    yield from (succeeded, lasted, alarms)


def _one(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


def _unix(moment: datetime | None) -> float:
    return moment.timestamp() if moment is not None else 0.0
