"""What somebody sees who scans a certificate's code with a phone's camera: one plain page, no script, no picture."""

from __future__ import annotations

from html import escape

from models.volunteering import Provenance
from rules.clock import local_day
from rules.volunteering.certificates import CertificateStatus, VerifiedView
from rules.volunteering.counting import WORDS, spoken

HTML = "text/html; charset=utf-8"
VERDICTS = {
    CertificateStatus.VALID: "✔ 证明有效",
    CertificateStatus.WITHDRAWN: "✘ 证明已作废",
    CertificateStatus.ALTERED: "✘ 数据与开具时不符，请联系开具单位",
}
LOWERED = "开具之后，这段时间的时长有过更正（减少）。"


def verify_html(certificate: VerifiedView) -> bytes:
    """The page. Its words are ours but for the names, which are escaped."""
    since = certificate.first_day.isoformat() if certificate.first_day else "开始"
    by_provenance = certificate.minutes.by_provenance()
    lines = [
        ("编号", certificate.code),
        ("开具单位", certificate.town_name),
        ("姓名", certificate.name),
        ("期间", f"{since} 至 {certificate.last_day.isoformat()}"),
        *((WORDS[provenance], spoken(by_provenance[provenance])) for provenance in Provenance),
        ("合计", spoken(certificate.minutes.total)),
        *([("星级", certificate.star)] if certificate.star else []),
        ("开具日期", local_day(certificate.issued_at).isoformat()),
    ]
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in lines)
    note = f"<p>{LOWERED}</p>" if certificate.lowered_since else ""
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>志愿服务证明核验</title></head>'
        f"<body><h1>志愿服务证明核验</h1><h2>{VERDICTS[certificate.status]}</h2>{note}<dl>{rows}</dl></body></html>"
    ).encode()
