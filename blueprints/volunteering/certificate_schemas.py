"""Certificates of service."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from marshmallow import fields

from blueprints.edge.fields import Day, Id, Moment, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from blueprints.volunteering.schemas import FOR_WHOM, MinutesView, ServiceHoursView
from rules.volunteering import certificates
from rules.volunteering.certificates import CertificateStatus
from rules.volunteering.limits import REASON_LENGTH_MAX


def verify_path(certificate: certificates.CertificateView) -> str:
    """Where a certificate's page for people is, on this service."""
    code = certificate.code.replace("-", "")
    return f"/api/v1/certificates/{code}/page?{urlencode({'town': certificate.town_code})}"


class VerifyPath(fields.String):
    """Where whoever holds a certificate is led."""

    fast = staticmethod(verify_path)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else verify_path(value)


class CertificateRequest(Arguments):
    """Which hours to certify."""

    first_day = Day(
        data_key="from", load_default=None, metadata={"description": "The first day; without it, from the beginning."}
    )
    last_day = Day(data_key="to", load_default=None, metadata={"description": "The last day; without it, today."})
    resident_id = Id(load_default=None, metadata=FOR_WHOM)


class CertificateListArguments(PageArguments):
    """A page of certificates."""

    cursor = cursor_of("certificates")
    resident_id = Id(load_default=None, metadata=FOR_WHOM)


class CertificateWithdrawalRequest(Arguments):
    """Why a certificate is withdrawn."""

    reason = Words(length_min=1, length_max=REASON_LENGTH_MAX, required=True)


class CertificateView(Fast):
    """A certificate of mine."""

    id = Id(required=True)
    resident_id = Id(required=True)
    code = fields.String(required=True, metadata={"description": "Whoever has it can verify the certificate."})
    verify_path = VerifyPath(
        attribute="itself", required=True, metadata={"description": "Where anybody verifies it; no sign-in."}
    )
    name = fields.String(required=True)
    first_day = Day(
        data_key="from", required=True, allow_none=True, metadata={"description": "null: from the beginning."}
    )
    last_day = Day(data_key="to", required=True)
    minutes = fields.Nested(MinutesView, required=True)
    hours = fields.Nested(ServiceHoursView, attribute="minutes", dump_only=True, required=True)
    star = fields.String(required=True, allow_none=True, metadata={"description": "The level when it was issued."})
    issued_at = Moment(required=True)
    status = fields.Enum(CertificateStatus, by_value=True, required=True)
    withdrawal_reason = fields.String(required=True, allow_none=True)


class VerifiedCertificateView(Fast):
    """A certificate, for whoever has its code."""

    code = fields.String(required=True)
    town_name = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": "The surname; the rest is masked."})
    first_day = Day(data_key="from", required=True, allow_none=True)
    last_day = Day(data_key="to", required=True)
    minutes = fields.Nested(MinutesView, required=True)
    hours = fields.Nested(ServiceHoursView, attribute="minutes", dump_only=True, required=True)
    star = fields.String(required=True, allow_none=True)
    issued_at = Moment(required=True)
    status = fields.Enum(CertificateStatus, by_value=True, required=True)
    withdrawn_at = Moment(required=True, allow_none=True)
    lowered_since = fields.Boolean(
        required=True, metadata={"description": "Hours of the period were corrected downwards after it was issued."}
    )
