"""What the two engines do in their own way for search: keep the terms, and find the newest entries that have them.

Terms are whole words that we made, so neither engine may cut, fold or stem them. SQLite's FTS5 has a tokenizer that leaves
everything beyond ASCII alone (`ascii`), and its trigram tokenizer finds nothing for two characters; PostgreSQL's tsvector
is read from text as it stands, without a configuration; pg_trgm needs a locale that a plain server may not have.

The work of a search is bounded, however common its terms are. FTS5 goes through the entries of a term from the newest
one back and stops when it has enough. GIN knows no order: it finds all of them, and to sort tens of thousands takes
longer than anybody waits. So on PostgreSQL up to `FEW` of them are taken as they come and sorted; when there are no more,
that is all of them. Otherwise the term is common, and the newest `SCANNED` entries of the kind are looked at one by one,
which finds the newest that have it; what was taken as it came fills the rest. Neither index can be asked to hold a town's
column beside the terms (GIN needs an extension for it), which is why each term begins with its town.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any as Anything

from sqlalchemy import Text, bindparam, cast, column, func, literal_column, select, table, text
from sqlalchemy.dialects.postgresql import TSQUERY, insert
from sqlalchemy.types import NullType

from models.search import FoundKind, SearchEntry
from rules import waiting
from rules.bulk import insert_rows, is_postgresql
from rules.rows import AnyRow
from rules.search.terms import All, Question, prefix_of
from rules.sending import Reply
from rules.work import Work

FEW = 1_000  #: entries that are taken as they come
SCANNED = 2_000  #: of the newest entries of a kind that are looked at one by one
CHUNK = 2_000  #: rows that are written at once

#: What entries are sorted by; what is shown of a few of them is read afterwards.
COLUMNS = (
    SearchEntry.id,
    SearchEntry.subject_id,
    SearchEntry.title,
    SearchEntry.spelling,
    SearchEntry.latitude,
    SearchEntry.longitude,
    SearchEntry.content_id,
)
_KEY = ("town_id", "kind", "subject_id")
#: An entry that is put again keeps its id, and with it its age.
_put: Anything = insert(SearchEntry)
_put = _put.on_conflict_do_update(
    index_elements=_KEY,
    set_={each.name: _put.excluded[each.name] for each in SearchEntry.__table__.c if each.name not in (*_KEY, "id")},
).returning(SearchEntry.id)
_this = (
    SearchEntry.town_id == bindparam("town"),
    SearchEntry.kind == bindparam("kind"),
    SearchEntry.subject_id == bindparam("subject"),
)
_stands = select(SearchEntry.id, cast(SearchEntry.terms, Text).label("terms")).where(*_this)
_remove = (
    SearchEntry.__table__.delete().where(*_this)  # type: ignore[attr-defined]
)
_remove_all = SearchEntry.__table__.delete().where(SearchEntry.town_id == bindparam("town"))  # type: ignore[attr-defined]

_no_limit = text("SET LOCAL statement_timeout = 0")

_fts = table("search_fts", column("rowid"), column("search_fts"))
_fts_add = text("INSERT INTO search_fts (rowid, terms) VALUES (:id, :terms)")
_fts_drop = text("INSERT INTO search_fts (search_fts, rowid, terms) VALUES ('delete', :id, :terms)")
_fts_drop_all = text(
    "INSERT INTO search_fts (search_fts, rowid, terms) "
    "SELECT 'delete', id, terms FROM search_entry WHERE town_id = :town"
)
_fts_newest = (
    select(*COLUMNS)
    .select_from(_fts)
    .join(SearchEntry, (SearchEntry.town_id == bindparam("town")) & (SearchEntry.id == _fts.c.rowid))
    .where(_fts.c.search_fts.op("MATCH")(bindparam("question")))
    .order_by(_fts.c.rowid.desc())
    .limit(bindparam("limit"))
)

#: Read once: the cast of a text would be done anew for each row.
_tsquery = cast(bindparam("question", type_=NullType()), TSQUERY)
_has = SearchEntry.terms.op("@@")(_tsquery)
_of_kind = (SearchEntry.town_id == bindparam("town"), SearchEntry.kind == bindparam("kind"))
_few = select(*COLUMNS).where(*_of_kind, _has).limit(literal_column(str(FEW))).subquery()
_newest_of_few = (
    select(*(_few.c[each.key] for each in COLUMNS), func.count().over().label("found"))
    .order_by(_few.c.id.desc())
    .limit(bindparam("limit"))
)
_newest = (
    select(*COLUMNS, SearchEntry.terms)
    .where(*_of_kind)
    .order_by(SearchEntry.id.desc())
    .limit(literal_column(str(SCANNED)))
    .subquery()
)
_common_newest = (
    select(*(_newest.c[each.key] for each in COLUMNS))
    .where(_newest.c.terms.op("@@")(_tsquery))
    .order_by(_newest.c.id.desc())
    .limit(bindparam("limit"))
)


def put(work: Work, row: Mapping[str, Anything]) -> None:
    """Let an entry stand as this row says, whatever stood there before."""
    if is_postgresql(work.core):
        work.core.execute(_put, row)
        return
    _take_out_of_fts(work, row["kind"], row["subject_id"])
    id_ = work.core.execute(_put, row).scalar_one()
    work.core.execute(_fts_add, {"id": id_, "terms": row["terms"]})


def remove(work: Work, kind: FoundKind, subject_id: int) -> None:
    """Let no such entry stand."""
    if not is_postgresql(work.core):
        _take_out_of_fts(work, kind, subject_id)
    work.core.execute(_remove, {"town": work.town_id, "kind": kind, "subject": subject_id})


def remove_all(work: Work) -> None:
    """Let no entry of the town stand."""
    if not is_postgresql(work.core):
        work.core.execute(_fts_drop_all, {"town": work.town_id})
    work.core.execute(_remove_all, {"town": work.town_id})


def take_time(work: Work) -> None:
    """Let statements of this transaction take as long as they need."""
    if is_postgresql(work.core):
        work.core.execute(_no_limit)
        waiting.take_time(work.core)


def add_some(work: Work, rows: Sequence[dict[str, Anything]]) -> None:
    """Let entries stand where there are none. What others put in the meantime is newer, and stays."""
    insert_rows(work.core, SearchEntry.__table__, rows, skip_conflicts=True)  # type: ignore[arg-type]
    if not is_postgresql(work.core):
        work.core.execute(_fts_add, [{"id": row["id"], "terms": row["terms"]} for row in rows])


def ask(work: Work, kind: FoundKind, question: Question, limit: int) -> Callable[[], Sequence[AnyRow]]:
    """Send the question for entries of a kind; what is returned waits for them, the newest first, at most `limit`."""
    asked = {"town": work.town_id, "question": _in_words(work, kind, question)}
    if not is_postgresql(work.core):
        return work.send(_fts_newest, asked | {"limit": limit}).all
    asked |= {"kind": kind, "limit": limit}
    reply = work.send(_newest_of_few, asked)
    return lambda: _newest_of(work, reply, asked)


def _newest_of(work: Work, reply: Reply, asked: Mapping[str, Anything]) -> Sequence[AnyRow]:
    few = reply.all()
    if not few or few[0].found < FEW:
        return few
    found = {row.id: row for row in (*few, *work.send(_common_newest, asked).all())}
    return [found[id_] for id_ in sorted(found, reverse=True)[: asked["limit"]]]


def _take_out_of_fts(work: Work, kind: FoundKind, subject_id: int) -> None:
    """FTS5 keeps no copy of the terms, so it is told which ones go."""
    stands = work.core.execute(_stands, {"town": work.town_id, "kind": kind, "subject": subject_id}).first()
    if stands is not None:
        work.core.execute(_fts_drop, {"id": stands.id, "terms": stands.terms})


def _in_words(work: Work, kind: FoundKind, question: Question) -> str:
    prefix = prefix_of(work.town_id, kind)
    if is_postgresql(work.core):
        return _joined(question, f"'{prefix}", "'", " & ", " | ")
    return _joined(question, f'"{prefix}', '"', " AND ", " OR ")


def _joined(question: Question, before: str, after: str, both: str, either: str) -> str:
    if isinstance(question, str):
        return f"{before}{question}{after}"
    word = both if isinstance(question, All) else either
    return f"({word.join(_joined(part, before, after, both, either) for part in question.of)})"
