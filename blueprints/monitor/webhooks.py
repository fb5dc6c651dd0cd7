"""Addresses that are called when a snapshot is new. For administrators of the whole town."""

from __future__ import annotations

from typing import Any

from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.monitor.webhook_schemas import (
    WebhookArguments,
    WebhookChangeRequest,
    WebhookRequest,
    WebhookView,
    WebhookWithSecretView,
)
from models.residents import Role
from rules.monitor import webhooks
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("webhooks", __name__, description="Who is told of new snapshots")

Wish = dict[str, Any]
PATH = "/monitor/webhooks/<id:webhook_id>"
ONE = [Forbidden, webhooks.WebhookUnknown]
SAYING = [Forbidden, webhooks.WebhookUrlInvalid, webhooks.WebhookUrlTaken]


@room.does("GET", "/monitor/webhooks", needs=Role.ADMIN, refuses=[Forbidden])
@room.arguments(WebhookArguments, location="query")
@room.response(200, page_of(WebhookView, "webhooks"))
def list_webhooks(work: Work, wish: Wish) -> Any:
    """The addresses that are called, and how that went last."""
    return webhooks.list_webhooks(work, wish["cursor"], wish["limit"])


@room.does("POST", "/monitor/webhooks", needs=Role.ADMIN, refuses=[*SAYING, webhooks.TooManyWebhooks])
@room.arguments(WebhookRequest)
@room.response(201, WebhookWithSecretView)
def add_webhook(work: Work, wish: Wish) -> Any:
    """Have an address called. Its secret is shown here and never again; so the answer isn't kept for a second try, which
    finds the address taken and may ask for a new secret."""
    return webhooks.add_webhook(work, house().keys, **wish, private_allowed=house().settings.webhooks_private)


@room.does("PATCH", PATH, needs=Role.ADMIN, refuses=[webhooks.WebhookUnknown, *SAYING])
@room.arguments(WebhookChangeRequest)
@room.response(200, WebhookView)
def change_webhook(work: Work, wish: Wish, webhook_id: int) -> Any:
    """Change what is given; enable one that was disabled."""
    return webhooks.change_webhook(work, webhook_id, **wish, private_allowed=house().settings.webhooks_private)


@room.does("DELETE", PATH, needs=Role.ADMIN, refuses=ONE)
@room.response(204)
def remove_webhook(work: Work, webhook_id: int) -> None:
    """Call an address no more, and forget it."""
    webhooks.remove_webhook(work, webhook_id)


@room.does("POST", f"{PATH}/secret", needs=Role.ADMIN, refuses=ONE)
@room.response(200, WebhookWithSecretView)
def renew_webhook_secret(work: Work, webhook_id: int) -> Any:
    """Sign with a new secret, which is shown here and never again. The old one is no good from now on."""
    return webhooks.renew_secret(work, house().keys, webhook_id)


@room.does("POST", f"{PATH}/test", needs=Role.ADMIN, refuses=[*ONE, webhooks.WebhookDisabled])
@room.response(202)
def try_webhook(work: Work, webhook_id: int) -> None:
    """Have an address called once, without numbers; what came of it is seen in the list a moment later."""
    webhooks.try_webhook(work, webhook_id)
