"""Signing in, and who I am."""

from __future__ import annotations

from marshmallow import fields, validate

from blueprints.edge.fields import Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast
from models.residents import ResidentStatus


class WechatSignIn(Arguments):
    """A code from wx.login."""

    code = fields.String(required=True, validate=validate.Length(min=1, max=256))
    consent_version = Words(
        length_max=32,
        load_default=None,
        metadata={"description": "The version of the privacy notice that was shown; by default the current one."},
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


class ProfileView(Fast):
    """A resident, as seen by the resident."""

    id = Id(required=True)
    name = fields.String(required=True, metadata={"description": "Empty until chosen."})
    status = fields.Enum(ResidentStatus, by_value=True, required=True)
    registered_at = Moment(required=True)
    town_code = fields.String(required=True)
    town_name = fields.String(required=True)
    territory_id = Id(required=True, allow_none=True)
    territory_name = fields.String(required=True, allow_none=True)
    is_volunteer = fields.Boolean(required=True)
