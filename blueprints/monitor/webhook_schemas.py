"""What is said and shown of webhooks."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from rules.monitor.addresses import URL_LENGTH_MAX

DESCRIPTION_LENGTH_MAX = 100
URL = validate.Length(min=1, max=URL_LENGTH_MAX)
OF_THE_URL = "A public https:// address."


class WebhookArguments(PageArguments):
    """A page of webhooks."""

    cursor = cursor_of("webhooks")


class WebhookRequest(Arguments):
    """An address that is to be called."""

    url = fields.String(required=True, validate=URL, metadata={"description": OF_THE_URL})
    description = Words(
        required=True, length_min=1, length_max=DESCRIPTION_LENGTH_MAX, metadata={"description": "Whose it is."}
    )


class WebhookChangeRequest(Arguments):
    """What is to be different; what isn't given stays."""

    url = fields.String(validate=URL, metadata={"description": OF_THE_URL})
    description = Words(length_min=1, length_max=DESCRIPTION_LENGTH_MAX)
    is_enabled = fields.Boolean()


class WebhookView(Fast):
    """An address that is called, and how that went last."""

    id = Id(required=True)
    url = fields.String(required=True)
    description = fields.String(required=True)
    created_at = Moment(required=True)
    is_enabled = fields.Boolean(required=True)
    failures = fields.Integer(required=True, metadata={"description": "Calls in a row that failed."})
    failure = fields.String(
        required=True, allow_none=True, metadata={"description": "Why the last one failed, in a word; null: it didn't."}
    )
    failed_at = Moment(required=True, allow_none=True)
    delivered_at = Moment(required=True, allow_none=True, metadata={"description": "When a call was last taken."})
    disabled_at = Moment(required=True, allow_none=True)


class WebhookWithSecretView(WebhookView):
    """An address with the secret by which it knows our calls. It is shown this once."""

    secret = fields.String(required=True, metadata={"description": "`whsec_…`, as Standard Webhooks has it."})
