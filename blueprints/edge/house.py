"""What the application holds for its requests: settings, keys, the ways to the database, to WeChat and to the files."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from rules.files import Files
from rules.keys import Keys
from rules.work import Transactions
from settings import Settings
from wechat.client import WechatClient

EXTENSION = "binfen"


@dataclass(frozen=True, slots=True)
class House:
    """One for each application."""

    settings: Settings
    keys: Keys
    transactions: Transactions
    wechat: WechatClient
    files: Files


def house() -> House:
    """The current application's house."""
    return current_app.extensions[EXTENSION]
