"""Answers for machines."""

from __future__ import annotations

from marshmallow import Schema, fields


class HealthView(Schema):
    """The process is there."""

    status = fields.String(required=True)


class ReadinessView(Schema):
    """Whether requests can be served, and what stands in the way."""

    status = fields.String(required=True)
    database = fields.String(required=True)
    migrations = fields.String(required=True)


class KeySetView(Schema):
    """A JSON Web Key Set (RFC 7517)."""

    keys = fields.List(fields.Dict(keys=fields.String(), values=fields.String()), required=True)


class ErrorCodeView(Schema):
    """What an error code means."""

    code = fields.String(required=True)
    status = fields.Integer(required=True)
    zh = fields.String(required=True)
    en = fields.String(required=True)
