"""Protects the page: it can be read by people and by programs, brings its fonts, and its code leads to the truth."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pypdfium2
import pytest
import segno

from blueprints.volunteering.certificate_page import certificate_pdf
from rules.volunteering.book import Minutes
from rules.volunteering.certificates import CertificateStatus, CertificateView
from tests.build import ApiClient, TownBuilder
from tests.rulebook.live import put_in_force
from tests.volunteering.serving import RULES, a_session, serve
from tests.volunteering.test_certificates import issue, manager, withdraw

ADDRESS = "https://binfen.example.cn/api/v1/certificates/7K3MQ2ZD8XHP0VTA/page?town=binfen"
CERTIFICATE = CertificateView(
    id=1,
    resident_id=2,
    town_name="缤纷未来社区",
    town_code="binfen",
    name="王小明",
    code="7K3M-Q2ZD-8XHP-0VTA",
    first_day=date(2026, 1, 1),
    last_day=date(2026, 11, 25),
    minutes=Minutes(signed=6030, staff=150, imported=1200),
    star="一星级志愿者",
    issued_at=datetime(2026, 11, 25, 16, 30, tzinfo=UTC),
    status=CertificateStatus.VALID,
    withdrawal_reason=None,
    content_hash=b"hash",
)


@contextmanager
def opened(pdf: bytes) -> Iterator[Any]:
    """The one page of a document."""
    with closing(pypdfium2.PdfDocument(pdf)) as document:
        assert len(document) == 1
        with closing(document[0]) as page:
            yield page


def text_of(pdf: bytes) -> str:
    with opened(pdf) as page, closing(page.get_textpage()) as text:
        return str(text.get_text_range())


def picture_of(pdf: bytes) -> Any:
    with opened(pdf) as page:
        return page.render(scale=2).to_pil().convert("L")


def ink(picture: Any, box: tuple[int, int, int, int]) -> float:
    """How much of a part of a page isn't white; `box` in thousandths of the page, from the upper left corner."""
    width, height = picture.size
    left, top, right, bottom = box
    part = picture.crop((left * width // 1000, top * height // 1000, right * width // 1000, bottom * height // 1000))
    histogram = part.histogram()
    return 1 - sum(histogram[200:]) / sum(histogram)


def test_what_is_on_the_page_can_be_read_out_of_the_file() -> None:
    lines = [line.strip() for line in text_of(certificate_pdf(CERTIFICATE, ADDRESS)).splitlines()]
    assert lines == [
        "缤纷未来社区",
        "志愿服务证明",
        "兹证明",
        "王小明",
        "2026 年 1 月 1 日 至 2026 年 11 月 25 日，参加志愿服务的时长如下：",
        "签到认证 到场签到、离场签退得来 100 小时 30 分钟",
        "工作人员登记 工作人员事后登记，没有签到记录 2 小时 30 分钟",
        "导入 从其他系统导入，以原系统为准 20 小时",
        "合计 123 小时",
        "星级：一星级志愿者",
        "证明编号",
        "7K3M-Q2ZD-8XHP-0VTA",
        "开具日期",
        "2026 年 11 月 26 日",  # in the community's zone
        "扫码核验",
        "三类时长来源不同，分别列示。本证明记载开具时的数据，此后如有更正，以在线核验结果为准。",
        "扫描二维码或在线输入编号即可核验，核验时只显示姓氏、时长和期间。",
    ]


def test_the_page_is_not_blank_and_its_parts_are_where_they_belong() -> None:
    picture = picture_of(certificate_pdf(CERTIFICATE, ADDRESS))
    for name, box in {
        "title": (280, 170, 720, 225),
        "name": (400, 295, 600, 335),
        "hours": (640, 420, 860, 590),
        "notes": (150, 860, 850, 910),
    }.items():
        assert 0.01 < ink(picture, box) < 0.4, name
    assert 0.3 < ink(picture, (155, 715, 295, 812)) < 0.7  # the QR code
    assert ink(picture, (80, 60, 920, 120)) == 0.0


@pytest.mark.parametrize(
    "name", ["王小明", "赵堃喆", "阿卜杜热合曼·吐尔逊买买提·伊斯拉木江", "Zoë O'Brien", "欧阳龘", "王 小 明"]
)
def test_every_name_is_on_the_page_as_it_is_written(name: str) -> None:
    pdf = certificate_pdf(replace(CERTIFICATE, name=name), ADDRESS)
    assert name in text_of(pdf).splitlines()
    assert ink(picture_of(pdf), (230, 290, 770, 340)) > 0.005


def test_a_page_without_a_period_and_a_star_says_until_when() -> None:
    text = text_of(certificate_pdf(replace(CERTIFICATE, first_day=None, star=None), ADDRESS))
    assert "截至 2026 年 11 月 25 日，参加志愿服务的时长如下：" in text
    assert "星级：" not in text


def test_a_withdrawn_certificate_says_so_across_the_page() -> None:
    withdrawn = certificate_pdf(replace(CERTIFICATE, status=CertificateStatus.WITHDRAWN), ADDRESS)
    assert "已作废" in text_of(withdrawn)
    middle = (350, 400, 700, 600)
    assert ink(picture_of(withdrawn), middle) > 2 * ink(picture_of(certificate_pdf(CERTIFICATE, ADDRESS)), middle)


def test_the_fonts_are_in_the_file_and_only_what_is_needed_of_them() -> None:
    pdf = certificate_pdf(CERTIFICATE, ADDRESS)
    assert pdf.count(b"/FontFile2") == 2
    assert len(pdf) < 60_000


def test_the_code_on_the_page_leads_where_it_is_said_to() -> None:
    """Module by module, the picture is the code of the address."""
    matrix = segno.make_qr(ADDRESS, error="m").matrix
    picture = picture_of(certificate_pdf(CERTIFICATE, ADDRESS))
    scale = picture.size[0] / 210  # dots in a millimetre
    side = 30 / len(matrix)
    for row, modules in enumerate(matrix):
        for column, dark in enumerate(modules):
            x, y = (32 + (column + 0.5) * side) * scale, (297 - 85 + (row + 0.5) * side) * scale
            assert (picture.getpixel((int(x), int(y))) < 128) == bool(dark), (row, column)


def test_the_same_certificate_is_the_same_file_and_pages_made_at_once_do_not_mix() -> None:
    names = [f"王{letter}" for letter in "甲乙丙"] * 2
    wanted = [replace(CERTIFICATE, name=name) for name in names]
    alone = [certificate_pdf(each, ADDRESS) for each in wanted]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda each: certificate_pdf(each, ADDRESS), wanted))
    assert [text_of(pdf).split()[3] for pdf in together] == names
    assert len({*alone}) == 3
    assert alone[:3] == alone[3:]


# Over HTTP


def test_a_resident_gets_the_page_and_a_scan_of_it_leads_to_what_anybody_may_see(
    town: TownBuilder, api: ApiClient
) -> None:
    put_in_force(town, RULES)
    volunteer = town.resident("王小明", volunteer=True)
    serve(town, volunteer, a_session(town), 150)
    me = api.as_(volunteer)
    made = issue(me)
    answer = me.get(f"/me/certificates/{made['id']}.pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    lines = text_of(answer.data).splitlines()
    assert {"王小明", made["code"], "星级：一星级志愿者"} <= set(lines)
    again = me.call("GET", f"/me/certificates/{made['id']}.pdf", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    page = api.call("GET", str(made["verify_path"]).removeprefix("/api/v1").partition("?")[0])
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert "证明有效" in page.text
    assert "王**" in page.text
    assert "王小明" not in page.text
    withdraw(manager(town, api), made["code"])
    assert "证明已作废" in api.get(f"/certificates/{made['code']}/page").text
    again = me.call("GET", f"/me/certificates/{made['id']}.pdf", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, "已作废" in text_of(again.data)) == (200, True)


def test_words_of_people_are_no_part_of_the_pages_language(town: TownBuilder, api: ApiClient) -> None:
    put_in_force(town, RULES.replace("一星级志愿者", "<script>alert(1)</script>"))
    volunteer = town.resident("<b>", volunteer=True)
    serve(town, volunteer, a_session(town), 150)
    page = api.get(f"/certificates/{issue(api.as_(volunteer))['code']}/page").text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
