"""What the application holds for its requests: settings, keys, the ways to the database, to WeChat and to the files."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import current_app

from blueprints.edge.answers import SharedAnswers
from rules.files import Files
from rules.keys import Keys
from rules.replica import Replica
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
    replica: Replica | None = None  #: what rooms read that may be a moment late
    answers: SharedAnswers = field(default_factory=SharedAnswers)  #: what visitors were told lately


def house() -> House:
    """The current application's house."""
    return current_app.extensions[EXTENSION]
