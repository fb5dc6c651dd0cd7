"""Certificates of service: mine, as a page to print; and for anybody who holds one, whether it is true."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Response, request

from blueprints.edge.caller import ANYONE, RESIDENT
from blueprints.edge.files import PDF, file_response, send_file, send_version
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.volunteering.certificate_page import LAYOUT, certificate_pdf
from blueprints.volunteering.certificate_schemas import (
    CertificateListArguments,
    CertificateRequest,
    CertificateView,
    CertificateWithdrawalRequest,
    VerifiedCertificateView,
    verify_path,
)
from blueprints.volunteering.verify_page import HTML, verify_html
from models.residents import Role
from rules.residents import acting
from rules.residents.identity import Forbidden
from rules.volunteering import certificates
from rules.volunteering.refusals import (
    CertificateEmpty,
    CertificateNameless,
    CertificateUnknown,
    CertificateWithdrawn,
    PeriodInvalid,
)
from rules.work import Work

room = Room("certificates", __name__, description="Certificates of service")

Wish = dict[str, Any]


@room.does(
    "POST",
    "/me/certificates",
    needs=RESIDENT,
    once=True,
    refuses=[*acting.REFUSALS, CertificateEmpty, CertificateNameless, PeriodInvalid],
)
@room.arguments(CertificateRequest)
@room.response(201, CertificateView)
def issue_certificate(work: Work, wish: Wish) -> Any:
    """Certify my hours as they stand now."""
    return certificates.issue_certificate(work, house().keys, **wish)


@room.does("GET", "/me/certificates", needs=RESIDENT, refuses=[*acting.REFUSALS])
@room.arguments(CertificateListArguments, location="query")
@room.response(200, page_of(CertificateView, "certificates"))
def list_certificates(work: Work, wish: Wish) -> Any:
    """My certificates, the latest first."""
    return certificates.list_certificates(work, house().keys, wish["resident_id"], wish["cursor"], wish["limit"])


@room.does("GET", "/me/certificates/<id:certificate_id>", needs=RESIDENT, refuses=[CertificateUnknown])
@room.response(200, CertificateView)
def show_certificate(work: Work, certificate_id: int) -> Any:
    """One of my certificates."""
    return certificates.show_certificate(work, house().keys, certificate_id)


@room.does("GET", "/me/certificates/<id:certificate_id>.pdf", needs=RESIDENT, refuses=[CertificateUnknown])
@file_response(room, PDF)
def print_certificate(work: Work, certificate_id: int) -> Response:
    """One of my certificates as an A4 page."""
    return _as_page(certificates.show_certificate(work, house().keys, certificate_id))


@room.does("GET", "/certificates/<string:code>", needs=ANYONE, refuses=[CertificateUnknown])
@room.response(200, VerifiedCertificateView)
def verify_certificate(work: Work, code: str) -> Any:
    """Whether a certificate is true, for whoever has its code; dashes and case don't matter."""
    return certificates.verify_certificate(work, house().keys, code)


@room.does("GET", "/certificates/<string:code>/page", needs=ANYONE, refuses=[CertificateUnknown])
@file_response(room, HTML)
def show_verified_page(work: Work, code: str) -> Response:
    """The same as a page for people, where the certificate's QR code leads."""
    page = verify_html(certificates.verify_certificate(work, house().keys, code))
    return send_file(page, HTML, name="certificate.html")


@room.does(
    "POST",
    "/certificates/<string:code>/withdrawal",
    needs=Role.MANAGER,
    once=True,
    refuses=[CertificateUnknown, CertificateWithdrawn, Forbidden],
)
@room.arguments(CertificateWithdrawalRequest)
@room.response(200, VerifiedCertificateView)
def withdraw_certificate(work: Work, wish: Wish, code: str) -> Any:
    """Declare a certificate withdrawn, for whoever verifies it from now on."""
    return certificates.withdraw_certificate(work, house().keys, code, wish["reason"])


def _as_page(certificate: certificates.CertificateView) -> Response:
    """The page, unless the caller has it already. Where its code leads is a part of it."""
    base = house().settings.public_url or request.root_url.rstrip("/")
    address = f"{base}{verify_path(certificate)}"
    printed = "|".join((certificate.content_hash.hex(), certificate.status, LAYOUT, address))
    version = hashlib.sha256(printed.encode()).hexdigest()
    return send_version(
        version, lambda: certificate_pdf(certificate, address), PDF, name=f"志愿服务证明-{certificate.code}.pdf"
    )
