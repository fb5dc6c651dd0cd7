"""The application: its factory, `create_app()` for the web server, and its command line."""

from __future__ import annotations

import gc

from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from blueprints.activities.desk import room as organising
from blueprints.activities.routes import room as activities
from blueprints.calendars.routes import room as calendars
from blueprints.checkins.cards import room as cards
from blueprints.checkins.door import room as doors
from blueprints.checkins.offline import room as offline_checkins
from blueprints.checkins.routes import room as checkins
from blueprints.console.routes import console
from blueprints.edge.documentation import documentation_of
from blueprints.edge.guards import register_guards
from blueprints.edge.house import EXTENSION, House
from blueprints.edge.limits import register_limits
from blueprints.edge.orjson_provider import OrjsonProvider
from blueprints.edge.paths import register_paths
from blueprints.edge.problems import register_error_handlers
from blueprints.edge.replica import make_replica
from blueprints.edge.request_log import configure_logging, register_request_log
from blueprints.estates.complaints import room as complaints
from blueprints.estates.repairs import room as repairs
from blueprints.estates.routes import room as estates
from blueprints.favourites.routes import room as favourites
from blueprints.groups.gatherings import room as gatherings
from blueprints.groups.partners import room as partners
from blueprints.groups.routes import room as groups
from blueprints.home.routes import room as home
from blueprints.jobs.routes import room as jobs
from blueprints.ledger.routes import room as ledger
from blueprints.moderation.routes import room as moderation
from blueprints.monitor.drill import room as monitor_rows
from blueprints.monitor.reports import room as monitor_reports
from blueprints.monitor.routes import room as monitor
from blueprints.monitor.tables import room as monitor_boards
from blueprints.monitor.targets import room as monitor_targets
from blueprints.monitor.webhooks import room as webhooks
from blueprints.notices.announcements import room as announcements
from blueprints.notices.routes import room as notices
from blueprints.points.adjustments import room as adjustments
from blueprints.points.events import room as events
from blueprints.points.explanations import room as explanations
from blueprints.points.imports import room as imports
from blueprints.points.ranking import room as rankings
from blueprints.points.routes import room as points
from blueprints.points.transfers import room as transfers
from blueprints.reports.routes import room as reports
from blueprints.reservations.appeals import room as appeals
from blueprints.reservations.routes import room as reservations
from blueprints.residents.desk import room as desk
from blueprints.residents.households import room as households
from blueprints.residents.organisations import room as organisations
from blueprints.residents.own_phone import room as own_phone
from blueprints.residents.proxies import room as proxies
from blueprints.residents.rights import room as rights
from blueprints.residents.routes import room as residents
from blueprints.rewards.causes import room as causes
from blueprints.rewards.counter import room as redemptions
from blueprints.rewards.keeping import room as reward_keeping
from blueprints.rewards.operators import room as operators
from blueprints.rewards.routes import room as rewards
from blueprints.rulebook.routes import room as rulebook
from blueprints.seals.routes import room as seals
from blueprints.search.routes import room as search
from blueprints.sharing.routes import room as sharing
from blueprints.system.gauges import Watching, register_gauges
from blueprints.system.routes import room as system
from blueprints.territory.keeping import room as centre_keeping
from blueprints.territory.routes import room as territory
from blueprints.uploads.routes import room as uploads
from blueprints.venues.bookings import room as bookings
from blueprints.venues.calendar import room as working_days
from blueprints.venues.keeping import room as venue_keeping
from blueprints.venues.routes import room as venues
from blueprints.volunteering.certificates import room as certificates
from blueprints.volunteering.records import room as service_records
from blueprints.volunteering.routes import room as volunteering
from blueprints.wechat.routes import room as pushes
from commands import Commands
from rules.database import connect
from rules.keys import KeysUnreadable, read_or_make
from rules.work import Transactions
from settings import Settings, SettingsInvalid, WechatMode, make_ready, read_settings
from storage.assembly import make_files
from wechat.assembly import make_client

ROOMS = (
    system,
    residents,
    desk,
    proxies,
    organisations,
    rights,
    own_phone,
    households,
    calendars,
    territory,
    centre_keeping,
    favourites,
    estates,
    repairs,
    complaints,
    venues,
    bookings,
    venue_keeping,
    working_days,
    activities,
    organising,
    reservations,
    appeals,
    checkins,
    offline_checkins,
    doors,
    cards,
    points,
    rewards,
    redemptions,
    reward_keeping,
    operators,
    causes,
    jobs,
    explanations,
    reports,
    transfers,
    adjustments,
    imports,
    ledger,
    seals,
    rulebook,
    events,
    volunteering,
    service_records,
    certificates,
    uploads,
    sharing,
    pushes,
    search,
    home,
    moderation,
    monitor,
    monitor_boards,
    monitor_rows,
    monitor_targets,
    monitor_reports,
    webhooks,
    rankings,
    groups,
    gatherings,
    partners,
    notices,
    announcements,
)


def create_app(settings: Settings | None = None) -> Flask:
    """A WSGI application. Reads the settings from the environment unless they are given.

    Raises SettingsInvalid when the deployment can't be right.
    """
    settings = settings or read_settings()
    configure_logging(settings.log_level)
    app = Flask("binfen", static_folder=None, instance_path=str(settings.instance_dir))
    app.json = OrjsonProvider(app)
    app.extensions[EXTENSION] = furnish(settings)
    register_gauges(app, app.extensions[EXTENSION])
    register_request_log(app)
    register_limits(app, settings)
    register_guards(app, settings)
    register_error_handlers(app)
    register_paths(app)
    for room in (*ROOMS, console, documentation_of(ROOMS)):
        app.register_blueprint(room)
    app.cli = Commands(app.name)
    gc.collect()
    gc.freeze()  # what stays for good isn't walked again: that cost each request 5 % and some of them 50 ms
    return app


def furnish(settings: Settings) -> House:
    """Keys, database, WeChat and files, as the settings want them."""
    make_ready(settings)
    try:
        keys = read_or_make(settings.keys_file)
    except KeysUnreadable as error:
        raise SettingsInvalid(f"KEYS_FILE: {error}.") from None
    transactions = Transactions(
        connect(settings.database_url, pool_size=settings.database_pool_size),
        request_seconds=settings.request_seconds,
        watcher=Watching(),
    )
    if settings.is_production:
        _refuse_demo_town(transactions)
    wechat = make_client(
        mode_is_fake=settings.wechat is WechatMode.FAKE,
        appid=settings.wechat_appid,
        secret=settings.wechat_secret,
        transactions=transactions,
        keys=keys,
        base_url=settings.wechat_url,
    )
    return House(settings, keys, transactions, wechat, make_files(settings), make_replica(settings, transactions))


def _refuse_demo_town(transactions: Transactions) -> None:
    try:
        with transactions.engine.connect() as connection:
            is_migrated = inspect(connection).has_table("town")
            demo = connection.scalar(text("SELECT code FROM town WHERE is_demo LIMIT 1")) if is_migrated else None
    except SQLAlchemyError as error:
        # No fault of the settings: the process ends, and the web server starts it again until the database is back.
        raise SystemExit(f"The database can't be asked at the start: {type(error).__name__}.") from None
    if demo is not None:
        raise SettingsInvalid(
            f"ENVIRONMENT=production refuses a database with the demo town ({demo}): everybody knows its accounts."
        )
