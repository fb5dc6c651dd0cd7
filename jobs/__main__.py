"""The scheduler process: `python3 -m jobs`, with the settings of the server it belongs to.

It waits until the database is ready. Then it delivers the outbox, as every such process does, and waits until it leads; who
leads takes over what the leader before it didn't end, and runs each job when it is due. What was due and didn't run is
caught up at once and looked for again every few minutes. SIGTERM and SIGINT stop it in good order: nothing new begins,
and what runs is run to its end.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, SchedulerEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import SQLAlchemyError

from jobs.delivery.courier import Courier
from jobs.delivery.worker import THREADS as DELIVERY_THREADS
from jobs.delivery.worker import Delivery
from jobs.leading import Leadership, leadership_of
from jobs.runner import catch_up, run_due, take_over
from jobs.schedule import JOBS, Job, Means
from rules.clock import ZONE, utc_now
from rules.database import connect
from rules.errors import Busy
from rules.jobs.terms import begin_term, keep_term
from rules.keys import Keys, KeysUnreadable, read_or_make
from rules.readiness import check_readiness
from rules.work import SYSTEM, Transactions
from settings import Settings, SettingsInvalid, WechatMode, make_ready, read_settings
from storage.assembly import make_files
from wechat.assembly import make_client

#: How often the leader makes sure that it leads, and the others try to, in seconds.
LOOK_SECONDS = 2.0
#: How often the leader writes down that it leads, in seconds; see rules.jobs.terms.SILENT_AFTER.
SAY_SECONDS = 10.0
#: How often the database is asked whether it is ready, in seconds.
READY_SECONDS = 1.0
CATCH_UP_MINUTES = 10
#: How often it is looked for runs that earlier leaders left: one whose locks outlive it is in the way at first.
TAKE_OVER_MINUTES = 1
#: A job whose moment passed so long ago, because the process was held up, is still run; older ones are caught up.
LATE_SECONDS_MAX = 600
THREADS = 4
CONNECTIONS = 2 * THREADS + DELIVERY_THREADS + 1  #: for this term's runs, and what is left of the last one's

log = structlog.get_logger("binfen.jobs")


def main(jobs: Sequence[Job] = JOBS) -> int:
    try:
        settings = read_settings()
        make_ready(settings)
        keys = read_or_make(settings.keys_file)
    except SettingsInvalid as error:
        error.show()
        return error.exit_code
    except KeysUnreadable as error:
        SettingsInvalid(f"KEYS_FILE: {error}.").show()
        return SettingsInvalid.exit_code
    configure_logging(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    transactions = Transactions(connect(settings.database_url, pool_size=CONNECTIONS))
    means = Means(transactions, keys, make_files(settings))
    log.info("jobs.started", pid=os.getpid())
    wait_until_ready(transactions, stop)
    delivery = Delivery(make_courier(settings, transactions, keys))
    delivery.start()
    try:
        keep_leading(means, leadership_of(settings.database_url, settings.instance_dir), stop, jobs)
    finally:
        delivery.stop()
    transactions.engine.dispose()
    log.info("jobs.stopped")
    return 0


def make_courier(settings: Settings, transactions: Transactions, keys: Keys) -> Courier:
    """The ways out of the house, as the settings want them."""
    wechat = make_client(
        mode_is_fake=settings.wechat is WechatMode.FAKE,
        appid=settings.wechat_appid,
        secret=settings.wechat_secret,
        transactions=transactions,
        keys=keys,
        base_url=settings.wechat_url,
    )
    return Courier(
        transactions,
        keys,
        wechat,
        make_files(settings),
        settings.public_url or "http://127.0.0.1:8080",
        templates=settings.wechat_templates,
        webhooks_private=settings.webhooks_private,
    )


def wait_until_ready(transactions: Transactions, stop: threading.Event) -> None:
    """Return when the database answers and has this version's schema, or when it is time to stop."""
    while not stop.is_set() and not check_readiness(transactions.engine).is_ready:
        stop.wait(READY_SECONDS)


def keep_leading(means: Means, leadership: Leadership, stop: threading.Event, jobs: Sequence[Job] = JOBS) -> None:
    """Run jobs whenever this process leads, until it is time to stop."""
    threads: list[ThreadPoolExecutor] = []
    while not stop.is_set():
        if not leadership.take():
            stop.wait(LOOK_SECONDS)
            continue
        try:
            lead(means, leadership, stop, jobs, threads)
        except (Busy, SQLAlchemyError) as error:  # the database went away before the term began
            log.error("jobs.not_leading", error=type(error).__name__)
            stop.wait(LOOK_SECONDS)
        leadership.give_up()
    for of_term in threads:
        of_term.shutdown(wait=True)


def lead(
    means: Means,
    leadership: Leadership,
    stop: threading.Event,
    jobs: Sequence[Job],
    threads: list[ThreadPoolExecutor],
) -> None:
    """Run jobs for one term: until the lock is lost, another term has begun, or it is time to stop.

    Who is to stop lets what runs end first. Who lost the lead doesn't: whoever leads next, this process perhaps, overtakes
    it. `threads` gets those that it runs in.
    """
    term = means.transactions.write(0, SYSTEM, begin_term)
    log.info("jobs.leading", term=term)
    scheduler = make_scheduler(replace(means, term=term), jobs)
    threads.append(ThreadPoolExecutor(THREADS))
    scheduler.add_executor(threads[-1])
    scheduler.start()
    said_at = time.monotonic()
    while leadership.is_held() and not stop.wait(LOOK_SECONDS):
        if time.monotonic() - said_at >= SAY_SECONDS:
            if not says_that_it_leads(means, term):
                break
            said_at = time.monotonic()
    scheduler.shutdown(wait=stop.is_set())
    log.info("jobs.no_longer_leading", term=term)


def says_that_it_leads(means: Means, term: int) -> bool:
    """Write down that this process leads. False: another one does. One that can't write for now goes on."""
    try:
        return means.transactions.write(0, SYSTEM, keep_term, term)
    except (Busy, SQLAlchemyError):
        return True


def make_scheduler(means: Means, jobs: Sequence[Job] = JOBS) -> BackgroundScheduler:
    """A scheduler of the jobs, which keeps the main thread free for signals and for leading. Takes over and catches up."""
    scheduler = BackgroundScheduler(
        timezone=ZONE,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": LATE_SECONDS_MAX},
    )
    scheduler.add_listener(_note, EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES | EVENT_JOB_MISSED)
    for name, deed, minutes in (
        ("take-over", take_over, TAKE_OVER_MINUTES),
        ("catch-up", catch_up, CATCH_UP_MINUTES),
    ):
        every_few_minutes = IntervalTrigger(minutes=minutes, timezone=ZONE)
        scheduler.add_job(deed, every_few_minutes, id=name, args=(means, jobs), next_run_time=utc_now())
    for job in jobs:
        scheduler.add_job(run_due, job.when, id=job.name, args=(means, job))
    return scheduler


def _note(event: SchedulerEvent) -> None:
    """Say that a job didn't run as it should, by the exception's class alone."""
    error = getattr(event, "exception", None)
    log.error("job.not_run", job=event.job_id, error=type(error).__name__ if error else None)


def configure_logging(settings: Settings) -> None:
    """JSON lines to standard error, as the server's are. The scheduler's own log tells messages of exceptions: off."""
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL + 1)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    sys.exit(main())
