"""A copy of everything that is kept about a resident.

The copy is made when it is fetched, from what there is then, and lies nowhere: what isn't stored can't be stolen. A request
opens it for EXPORT_HOURS, to the resident, or to the guardian of a child, who send their token. Pictures are divided into
parts, so that none is too large to be made while somebody waits.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from sqlalchemy import Table, bindparam, func, insert, select, update

from models.estates import Repair
from models.residents import DataExport, Household, Resident
from models.territory import Territory
from models.uploads import Upload, UploadState
from models.volunteering import Certificate
from rules.clock import ZONE, seconds_between
from rules.csv_text import Cell, write_lines
from rules.errors import Kind, RuleError
from rules.estates.phones import RESIDENT as REPAIR_PHONE
from rules.estates.phones import phone_context as repair_phone_context
from rules.keys import Keys
from rules.ledger.reading import read_statement, read_wallet
from rules.ledger.transactions import in_book, list_books
from rules.paging import Position
from rules.residents.acting import ward_for
from rules.residents.names import greeting
from rules.residents.phones import phone_context
from rules.residents.records import lock_record
from rules.residents.sign_in import openid_context
from rules.rights.holdings import HOLDINGS, Holding
from rules.rows import AnyRow
from rules.sets import is_id_in
from rules.uploads.links import SentPicture, files_of_resident
from rules.volunteering.certificates import name_context
from rules.work import Work

EXPORT_HOURS = 24
EXPORTS_A_DAY = 3
PICTURES_IN_A_PART = 50
STATEMENT_PAGE = 500
COMPUTED_MAX = 2**53  #: larger numbers are ids, which JSON's readers would round


class TooManyExports(RuleError):
    code = "export.too_many"
    kind = Kind.TOO_MANY
    zh = "24 小时内最多导出 {maximum} 次，请稍后再试。"
    en = "You can ask for {maximum} copies within 24 hours. Please try again later."


class ExportUnknown(RuleError):
    code = "export.unknown"
    kind = Kind.UNKNOWN
    zh = "没有这份导出，或已超过 24 小时，请重新申请。"
    en = "There is no such copy, or it is older than 24 hours. Ask for a new one."


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything but the pictures' files, in the first part; the other parts hold pictures alone."""

    resident_id: int
    asked_at: datetime
    part: int
    parts: int
    documents: Sequence[tuple[str, bytes]]  #: by name
    pictures: Sequence[SentPicture]  #: of this part


_asked_lately = select(func.count().label("made"), func.min(DataExport.asked_at).label("first_at")).where(
    DataExport.town_id == bindparam("town"),
    DataExport.resident_id == bindparam("resident"),
    DataExport.asked_at > bindparam("since"),
)
_count_pictures = select(func.count()).where(
    Upload.town_id == bindparam("town"),
    Upload.resident_id == bindparam("resident"),
    Upload.state == UploadState.READY,
)
_ask = insert(DataExport)
_open = select(
    DataExport.id, DataExport.resident_id, DataExport.asked_at, DataExport.expires_at, DataExport.parts
).where(
    DataExport.town_id == bindparam("town"),
    DataExport.id == bindparam("export"),
    DataExport.expires_at > bindparam("now"),
)
_count_fetched = (
    update(DataExport)
    .where(DataExport.town_id == bindparam("town"), DataExport.id == bindparam("export"))
    .values(fetched=DataExport.fetched + 1)
    .execution_options(synchronize_session=False)
)
_names = select(Resident.id, Resident.name).where(Resident.town_id == bindparam("town"), is_id_in(Resident.id, "ids"))
_home = (
    select(Territory.name, Household.door)
    .select_from(Resident)
    .outerjoin(Territory, (Territory.town_id == Resident.town_id) & (Territory.id == Resident.territory_id))
    .outerjoin(Household, (Household.town_id == Resident.town_id) & (Household.id == Resident.household_id))
    .where(Resident.town_id == bindparam("town"), Resident.id == bindparam("resident"))
)


def ask_export(work: Work, resident_id: int | None = None) -> AnyRow:
    """Open a copy of everything about the actor, or about a child of theirs: id, expires_at, parts.

    Raises TooManyExports, and what `ward_for` raises.
    """
    whom = ward_for(work, resident_id)
    lock_record(work, whom)
    whose = {"town": work.town_id, "resident": whom}
    asked = work.core.execute(_asked_lately, whose | {"since": work.now - timedelta(days=1)}).one()
    if asked.made >= EXPORTS_A_DAY:
        free_at = asked.first_at + timedelta(days=1)
        raise TooManyExports(maximum=EXPORTS_A_DAY, retry_seconds=seconds_between(work.now, free_at))
    pictures = int(work.core.scalar(_count_pictures, whose) or 0)
    export_id = work.new_id()
    row = {
        "town_id": work.town_id,
        "id": export_id,
        "resident_id": whom,
        "asked_by": None if whom == work.actor.id else work.actor.id,
        "asked_at": work.now,
        "expires_at": work.now + timedelta(hours=EXPORT_HOURS),
        "parts": max(-(-pictures // PICTURES_IN_A_PART), 1),
        "fetched": 0,
    }
    work.core.execute(_ask, row)
    return _read(work, export_id)


def gather_export(work: Work, keys: Keys, export_id: int, part: int) -> Gathered:
    """What goes into one part of a copy, and that it was fetched. Raises ExportUnknown, also for other people's."""
    export = _read(work, export_id)
    try:
        whom = ward_for(work, export.resident_id)
    except RuleError:
        raise ExportUnknown from None
    if part > export.parts:
        raise ExportUnknown
    work.core.execute(_count_fetched, {"town": work.town_id, "export": export_id})
    pictures = files_of_resident(work, whom)[(part - 1) * PICTURES_IN_A_PART : part * PICTURES_IN_A_PART]
    documents = [*_documents(work, keys, whom), *_statements(work, whom)] if part == 1 else []
    return Gathered(whom, export.asked_at, part, export.parts, documents, pictures)


def pack(gathered: Gathered, read_file: Callable[[str], bytes | None]) -> bytes:
    """The zip of one part. `read_file`: a picture's content by its key; called outside of any transaction."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("说明.txt", _readme(gathered))
        for name, content in gathered.documents:
            archive.writestr(name, content)
        for picture in gathered.pictures:
            content_of_picture = read_file(picture.key)
            if content_of_picture is not None:
                archive.writestr(f"pictures/{picture.purpose}-{picture.id}.jpg", content_of_picture)
    return packed.getvalue()


def _read(work: Work, export_id: int) -> AnyRow:
    export = work.core.execute(_open, {"town": work.town_id, "export": export_id, "now": work.now}).first()
    if export is None:
        raise ExportUnknown
    return export


def _documents(work: Work, keys: Keys, resident_id: int) -> Iterable[tuple[str, bytes]]:
    """One JSON document for each room that has something."""
    asked = {"town": work.town_id, "resident": resident_id, "now": work.now, "resident_text": str(resident_id)}
    for holding in HOLDINGS:
        if holding.room is None:
            continue
        table = holding.table.__table__
        assert isinstance(table, Table)
        mine = holding.whose if holding.shown is None else holding.shown
        rows = work.core.execute(select(table).where(mine).order_by(*table.primary_key.columns), asked).all()
        if not rows:
            continue
        names = _names_in(work, holding, rows, resident_id)
        shown = [_shown(row, holding, names) | _opened(work, keys, holding, row) for row in rows]
        yield f"{holding.room}.json", orjson.dumps(shown, option=orjson.OPT_INDENT_2)


def _shown(row: AnyRow, holding: Holding, names: dict[int, str]) -> dict[str, Any]:
    return {
        name: names.get(value) if name in holding.people else _plain(name, value)
        for name, value in row._mapping.items()
        if name != "town_id" and name not in holding.hidden and not isinstance(value, bytes)
    }


def _opened(work: Work, keys: Keys, holding: Holding, row: AnyRow) -> dict[str, Any]:
    """What is kept sealed, in clear: it is the resident's own."""
    if holding.table is Resident:
        home = work.core.execute(_home, {"town": work.town_id, "resident": row.id}).one()
        return {
            "phone": _unsealed(keys, row.phone_sealed, phone_context(work.town_id, row.id)),
            "openid": _unsealed(keys, row.openid_sealed, openid_context(work.town_id, row.id)),
            "place": home.name,
            "door": home.door,
        }
    if holding.table is Repair:
        return {"phone": _unsealed(keys, row.phone_sealed, repair_phone_context(work.town_id, row.id, REPAIR_PHONE))}
    if holding.table is Certificate:
        return {"name": _unsealed(keys, row.name_sealed, name_context(work.town_id, row.id))}
    return {}


def _unsealed(keys: Keys, sealed: bytes | None, context: str) -> str | None:
    try:
        return None if sealed is None else keys.open(sealed, context)
    except (
        InvalidTag
    ):  # sealed by a key that is gone: nobody can read it any more, and the rest is the resident's still
        return None


def _names_in(work: Work, holding: Holding, rows: Sequence[AnyRow], resident_id: int) -> dict[int, str]:
    """Whom the rows name: the resident, and others by a masked name."""
    ids = {getattr(row, column) for row in rows for column in holding.people} - {None, resident_id}
    names = {resident_id: "本人"}
    if ids:
        for person in work.core.execute(_names, {"town": work.town_id, "ids": sorted(ids)}):
            names[person.id] = greeting(person.name, person.id)
    return names


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(ZONE).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool) and (name == "id" or abs(value) >= COMPUTED_MAX):
        return str(value)
    return value


def _statements(work: Work, resident_id: int) -> Iterable[tuple[str, bytes]]:
    """The statement of each book, the latest first, as a table that office programs open."""
    for code in list_books(work):
        of_book = in_book(work, code)
        wallet = read_wallet(of_book, resident_id)
        table: list[Sequence[Cell]] = [("编号", "时间", "类型", "事由", "说明", "数额", "余额")]
        after: Position | None = None
        while wallet.id is not None:
            page = read_statement(of_book, wallet, after, STATEMENT_PAGE)
            for line in page.items:
                at = line.at.astimezone(ZONE).isoformat(timespec="seconds")
                row = (line.id, at, line.kind.value, line.reason, line.explanation, line.amount, line.balance_after)
                table.append(row)
            after = page.next_after
            if after is None:
                break
        if len(table) > 1:
            yield f"statement-{code}.csv", write_lines(table).encode()


def _readme(gathered: Gathered) -> str:
    rooms = "\n".join(f"- {name}" for name, _ in gathered.documents) or "- （其余内容见第 1 部分）"
    return (
        f"个人信息副本（第 {gathered.part} 部分，共 {gathered.parts} 部分）\n"
        f"申请时间：{gathered.asked_at.astimezone(ZONE):%Y-%m-%d %H:%M}\n\n"
        "这里是本小程序保存的、与您有关的全部内容。JSON 文件每类一份，statement 开头的 CSV 是积分和时长流水，\n"
        "pictures 文件夹是您上传过的图片。其他居民只以隐去名字的称呼出现，工作人员的编号和加密摘要不在其中。\n"
        "账目、核验和审核记录依规保存，注销账号后不再能对应到您本人。\n\n"
        f"文件：\n{rooms}\n"
    )
