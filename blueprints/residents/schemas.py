"""Signing in, and who I am."""

from __future__ import annotations

from datetime import date
from typing import Any

from marshmallow import fields, validate

from blueprints.edge.fields import Day, Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast
from models.residents import ResidentStatus

NAME_LENGTH_MAX = 64
#: The word of `rules.residents.devices`.
DEVICE = r"^[A-Za-z0-9_-]{16,64}\Z"


class Birthday(fields.Date):
    """The day on which somebody was born: of any century, unlike the other days here."""

    default_error_messages = Day.default_error_messages

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


class WechatSignIn(Arguments):
    """A code from wx.login."""

    code = fields.String(required=True, validate=validate.Length(min=1, max=256))
    consent_version = Words(
        length_max=32,
        load_default=None,
        metadata={"description": "The version of the privacy notice that was shown; by default the current one."},
    )
    device = fields.String(
        load_default=None,
        validate=validate.Regexp(DEVICE),
        metadata={
            "description": "A word that the app makes up at random when it is installed, and keeps: 16 to 64 letters,"
            " digits, - or _. Never a mark of the telephone itself. Only a keyed hash is kept, for 92 days, so that a"
            " device which signs in many residents can be noticed."
        },
    )


class StaffSignIn(Arguments):
    """A member of staff's name and password."""

    username = Words(length_min=1, length_max=64, required=True)
    password = fields.String(required=True, validate=validate.Length(min=1, max=256))


class RefreshRequest(Arguments):
    """The refresh token that was got last."""

    refresh_token = fields.String(required=True, validate=validate.Length(min=1, max=256))


class SignedInView(Fast):
    """A pair of tokens."""

    access_token = fields.String(required=True)
    refresh_token = fields.String(required=True)
    token_type = fields.String(required=True)
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds until the access token expires."})


class ProfileRequest(Arguments):
    """What I change of myself; what isn't sent stays."""

    name = Words(length_min=1, length_max=NAME_LENGTH_MAX)
    born_on = Birthday(metadata={"description": "Can be told once; afterwards staff correct it."})
    territory_id = Id(metadata={"description": "The community, estate or building where I live."})


class ProfileView(Fast):
    """A resident, as seen by the resident."""

    id = Id(required=True)
    name = fields.String(required=True, metadata={"description": "Empty until chosen."})
    phone = fields.String(required=True, allow_none=True, metadata={"description": "Masked: 138****1234."})
    born_on = fields.Date(required=True, allow_none=True)
    status = fields.Enum(ResidentStatus, by_value=True, required=True)
    registered_at = Moment(required=True)
    town_code = fields.String(required=True)
    town_name = fields.String(required=True)
    territory_id = Id(required=True, allow_none=True)
    territory_name = fields.String(required=True, allow_none=True)
    is_volunteer = fields.Boolean(required=True)
