"""Preparing the demo: migrate, make the town or extend its season, and say where to go."""

from __future__ import annotations

import os

from demo.seed import seed
from migrations.upgrade import upgrade
from rules.clock import utc_now
from rules.database import connect
from rules.keys import Keys, read_or_make
from rules.readiness import check_readiness
from rules.work import Transactions
from settings import Settings, SettingsInvalid, read_settings

WELCOME = """
Binfen 缤纷 serves the demo town.
  address      http://{address}/api/v1
  documents    http://{address}/docs
  residents    POST /api/v1/auth/wechat  {{"code": "demo:resident-00001"}}   (to 14657)
  staff        POST /api/v1/auth/staff   scanner, organiser, manager, property, merchant, admin, auditor; password {password}
Stop it with Ctrl+C.
"""


def prepare() -> None:
    """Prepare the demo. Raises SettingsInvalid in production."""
    settings = read_settings()
    if settings.is_production:
        raise SettingsInvalid("ENVIRONMENT=production refuses the demo town. Use `flask --app app migrate`.")
    settings.instance_dir.mkdir(parents=True, exist_ok=True)
    keys = read_or_make(settings.keys_file)
    transactions = Transactions(connect(settings.database_url, pool_size=settings.database_pool_size))
    if not check_readiness(transactions.engine).is_ready:
        print("Creating the database …", flush=True)
        upgrade(transactions.engine)
    fill(settings, transactions, keys)
    transactions.engine.dispose()
    address = os.environ.get("HTTP_ADDRESS", "127.0.0.1:8080")
    print(WELCOME.format(address=address, password=settings.demo_password), flush=True)


def fill(settings: Settings, transactions: Transactions, keys: Keys) -> None:
    """Make the town, with a line for each table that is done."""

    def show(table: str, done: int, total: int) -> None:
        if done == total:
            print(f"  {table:<24} {total:>7,} rows", flush=True)

    seed(transactions, keys, password=settings.demo_password, now=utc_now(), progress=show)
