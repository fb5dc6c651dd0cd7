"""Rulebooks: what is in force, drafts, previews and replays."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.points.schemas import LastGoodDay
from models.rulebook import DraftStatus
from rules.rulebook.decision import LineKind
from rules.rulebook.document import DOCUMENT_BYTES_MAX

NOTE_LENGTH_MAX = 500
WORD_LENGTH_MAX = 64
SUBJECT_LENGTH_MAX = 200
FACTS_MAX = 40
NUMBER_MAX = 10_000_000
WORD = re.compile(r"[\w-]{1,64}")


class Facts(fields.Dict):
    """What an event says: words to texts, numbers, true or false."""

    default_error_messages = {  # noqa: RUF012  marshmallow's own form
        "kind": "`kind` is the event's own word; call this fact something else.",
        "facts": "Facts are words with a text, a number, true or false each; at most 40 of them.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:
        facts = super()._deserialize(value, attr, data, **kwargs)
        if len(facts) > FACTS_MAX:
            raise self.make_error("facts")
        return {self._name(name): self._fact(fact) for name, fact in facts.items()}

    def _name(self, name: Any) -> str:
        if not (isinstance(name, str) and WORD.fullmatch(name)):
            raise self.make_error("facts")
        if name == "kind":
            raise self.make_error("kind")
        return name

    def _fact(self, value: Any) -> Any:
        if isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            number = Decimal(str(value))
            if not number.is_finite() or abs(number) > NUMBER_MAX:
                raise self.make_error("facts")
            return value if isinstance(value, int) else round(number, 4)
        if not isinstance(value, str) or len(value) > SUBJECT_LENGTH_MAX or not value.isprintable():
            raise self.make_error("facts")
        return unicodedata.normalize("NFC", value).strip()


class Number(fields.Float):
    """A number with decimals, as JSON has them."""

    fast = float


FACTS = {
    "keys": fields.String(),
    "load_default": None,
    "metadata": {"description": "What the event says: `minutes`, `items`, `late` …, whatever the rulebook asks for."},
}


class _OfDocumentSize(validate.Validator):
    """A text of any characters, in as many bytes as a rulebook may have."""

    error = "A rulebook is a TOML document of at most 256 KiB."

    def __call__(self, value: str) -> str:
        if not 0 < len(value.encode(errors="replace")) <= DOCUMENT_BYTES_MAX:
            raise ValidationError(self.error)
        return value


def document(**options: Any) -> fields.String:
    """A rulebook's text."""
    return fields.String(
        validate=_OfDocumentSize(), metadata={"description": "TOML; docs/rulebook.md tells every key."}, **options
    )


class ChapterView(Fast):
    """A part of the rules in plain words."""

    title = fields.String(required=True)
    sentences = fields.List(fields.String(), required=True)


class RulebookView(Fast):
    """A version of the rulebook, in force or to come."""

    number = fields.Integer(required=True)
    name = fields.String(required=True)
    effective_from = Moment(required=True)
    is_in_force = fields.Boolean(required=True)
    chapters = fields.List(
        fields.Nested(ChapterView),
        required=True,
        metadata={"description": "The rules in plain words, made from the data."},
    )


class RulebookDocumentView(Fast):
    """A version as it was published."""

    number = fields.Integer(required=True)
    effective_from = Moment(required=True)
    published_at = Moment(required=True)
    document = fields.String(required=True)
    sha256 = fields.String(required=True)


class DraftRequest(Arguments):
    """A rulebook that is to come into force."""

    document = document(required=True)
    effective_from = Moment(required=True)
    note = Words(length_max=NOTE_LENGTH_MAX, load_default="")


class DraftArguments(PageArguments):
    """A page of drafts."""

    cursor = cursor_of("rulebook_drafts")


class DraftView(Fast):
    """A draft, and who decided it."""

    id = Id(required=True)
    document = fields.String(required=True)
    effective_from = Moment(required=True)
    note = fields.String(required=True)
    status = fields.Enum(DraftStatus, by_value=True, required=True)
    requested_by = Id(required=True)
    requested_at = Moment(required=True)
    decided_by = Id(required=True, allow_none=True, metadata={"description": "The second person."})
    decided_at = Moment(required=True, allow_none=True)
    number = fields.Integer(required=True, allow_none=True, metadata={"description": "Of the version, once published."})


class PreviewRequest(Arguments):
    """An event that hasn't happened."""

    kind = Words(length_min=1, length_max=WORD_LENGTH_MAX, required=True)
    occurred_at = Moment(load_default=None)
    subject = Words(length_max=SUBJECT_LENGTH_MAX, load_default="")
    facts = Facts(**FACTS)
    resident_id = Id(load_default=None, metadata={"description": "For staff: as this resident stands."})
    document = document(load_default=None)


class LineView(Fast):
    """One thing that a rule says."""

    kind = fields.Enum(LineKind, by_value=True, required=True)
    rule_id = fields.String(required=True)
    currency = fields.String(required=True)
    amount = fields.Integer(
        required=True, metadata={"description": "In the currency's smallest unit; 0: no points move."}
    )
    explanation = fields.String(required=True)
    expires_on = LastGoodDay(required=True, allow_none=True)
    until = Moment(required=True, allow_none=True)
    about = fields.String(required=True)


class PreviewView(Fast):
    """What would follow."""

    rulebook = fields.String(required=True)
    total = fields.Integer(required=True, metadata={"description": "Of the main currency, in its smallest unit."})
    lines = fields.List(fields.Nested(LineView), required=True)


class EventRequest(Arguments):
    """Something that happened to a resident."""

    resident_id = Id(required=True)
    kind = Words(length_min=1, length_max=WORD_LENGTH_MAX, required=True)
    ref = fields.String(
        load_default=None,
        validate=validate.Regexp(re.compile(r"[\x21-\x7e]{1,64}\Z")),
        metadata={"description": "A name of your own; the same name is the same event."},
    )
    occurred_at = Moment(load_default=None)
    subject = Words(length_max=SUBJECT_LENGTH_MAX, load_default="")
    facts = Facts(**FACTS)


class EventView(Fast):
    """What came of an event."""

    event_id = Id(required=True)
    awarded = fields.Integer(required=True)
    taken = fields.Integer(required=True)
    balance = fields.Integer(required=True)
    lines = fields.List(fields.Nested(LineView), required=True)


class ReplayRequest(Arguments):
    """A rulebook, and the period that it is held against."""

    document = document(required=True)
    begin = Moment(required=True)
    end = Moment(required=True)


class SideView(Fast):
    """What one rulebook makes of the period; points in their smallest unit."""

    given = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    taken = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    by_rule = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    lines = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class DifferenceView(Fast):
    """A resident who would have another number of points."""

    resident_id = Id(required=True, attribute="holder_id")
    before = fields.Integer(required=True)
    after = fields.Integer(required=True)


class ReplayView(Fast):
    """A draft held against what was in force."""

    events = fields.Integer(required=True, attribute="replay.events")
    residents = fields.Integer(required=True, attribute="replay.holders")
    before = fields.Nested(SideView, required=True, attribute="replay.before")
    after = fields.Nested(SideView, required=True, attribute="replay.after")
    winners = fields.Integer(required=True, attribute="replay.winners")
    losers = fields.Integer(required=True, attribute="replay.losers")
    unchanged = fields.Integer(required=True, attribute="replay.unchanged")
    differences = fields.List(fields.Nested(DifferenceView), required=True, attribute="replay.differences")
    budget_left = fields.Integer(required=True)


class BalanceView(Fast):
    """What is held of a currency."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    amount = Number(required=True)


class RightView(Fast):
    """What a level gives."""

    title = fields.String(required=True)
    id = fields.String(required=True, allow_none=True)
    value = Number(required=True, allow_none=True)


class MissingView(Fast):
    """A number that the next level asks for."""

    measure = fields.String(required=True)
    have = Number(required=True)
    need = Number(required=True)


class LadderView(Fast):
    """Where I am in a ladder."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    level = fields.String(required=True, allow_none=True)
    level_title = fields.String(required=True, allow_none=True)
    rights = fields.List(fields.Nested(RightView), required=True)
    next_title = fields.String(required=True, allow_none=True)
    missing = fields.List(fields.Nested(MissingView), required=True)


class BlockView(Fast):
    """Something that is forbidden for a while."""

    title = fields.String(required=True)
    what = fields.List(fields.String(), required=True)
    since = Moment(required=True, allow_none=True)
    until = Moment(required=True, allow_none=True, metadata={"description": "null: until a way out is taken."})
    ways_out = fields.List(fields.String(), required=True)


class MyStandingView(Fast):
    """Where I stand."""

    rulebook = fields.String(required=True, allow_none=True)
    balances = fields.List(fields.Nested(BalanceView), required=True)
    ladders = fields.List(fields.Nested(LadderView), required=True)
    blocks = fields.List(fields.Nested(BlockView), required=True)
