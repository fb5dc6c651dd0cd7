"""Children, and who may act for whom."""

from __future__ import annotations

from marshmallow import fields

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast
from blueprints.residents.schemas import NAME_LENGTH_MAX, Birthday
from models.residents import ProxyKind
from rules.residents.proxies import IN_THE_APP

NOTE_LENGTH_MAX = 200
RELATION_LENGTH_MAX = 16


class DependantRequest(Arguments):
    """A child of mine."""

    name = Words(length_min=1, length_max=NAME_LENGTH_MAX, required=True)
    born_on = Birthday(required=True)
    relation = Words(
        length_min=1,
        length_max=RELATION_LENGTH_MAX,
        required=True,
        metadata={"description": "What I am to the child: 母亲."},
    )


class DependantView(Fast):
    """A child whose guardian I am. `id` goes where an endpoint takes a `resident_id`."""

    id = Id(required=True)
    name = fields.String(required=True)
    born_on = fields.Date(required=True)
    relation = fields.String(
        required=True, allow_none=True, metadata={"description": "null where staff wrote the guardianship down."}
    )
    recorded_at = Moment(required=True)


class DeskProxyRequest(Arguments):
    """Who is to act, and how the resident agreed."""

    agent_id = Id(required=True, metadata={"description": "The resident who will act."})
    consent_note = Words(
        length_min=1, length_max=NOTE_LENGTH_MAX, required=True, metadata={"description": "本人到场签字"}
    )


class OwnProxyRequest(Arguments):
    """Who is to act for me."""

    agent_id = Id(required=True, metadata={"description": "The resident who will act."})
    consent_note = Words(length_min=1, length_max=NOTE_LENGTH_MAX, load_default=IN_THE_APP)


class ProxyView(Fast):
    """A proxy in force, as one side sees the other."""

    id = Id(required=True)
    kind = fields.Enum(ProxyKind, by_value=True, required=True)
    resident_id = Id(required=True, metadata={"description": "The other side."})
    name = fields.String(
        required=True, metadata={"description": "The other side's: in full to who acts, masked to for whom."}
    )
    recorded_at = Moment(required=True)


class MyProxiesView(Fast):
    """My proxies, both ways."""

    agents = fields.List(fields.Nested(ProxyView), required=True, metadata={"description": "Who may act for me."})
    principals = fields.List(fields.Nested(ProxyView), required=True, metadata={"description": "For whom I may act."})
