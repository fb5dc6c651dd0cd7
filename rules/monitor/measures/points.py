"""Points: what came in, what went out, what is outstanding, and what became of the budgets. The points book alone.

A posting between a resident's lots and one of the accounts that all share (a *till*: pool, redeemed, breakage) changes
what is outstanding; one between lots of residents (a hold, a transfer) doesn't. So, of any days and as of any moment,

    issued - redeemed - expired - taken back = change of what is outstanding

and each side can be drilled down to its postings. What is given back of a redemption, or of points taken by hand, is
counted against it on the day on which it is given back.

A transaction is counted on the day, and known from the moment, that its id carries (`rules.monitor.ticks`). Nothing of a
day that is over is recorded later.

What is outstanding is what the lots hold, less what moved since: no ledger is added up from its beginning. Points that
have lapsed count until the nightly run books them; the liability leaves them out from the first moment of the day on.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    FromClause,
    String,
    Subquery,
    and_,
    case,
    cast,
    exists,
    func,
    join,
    literal_column,
    null,
    or_,
    outerjoin,
    select,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from models.history import ResidentVersion
from models.ledger import NEVER, Account, AccountKind, Book, Lot, OwnerType, Posting, Txn, TxnKind
from models.monitor import Slice
from models.residents import Resident
from rules.errors import InBoth
from rules.ledger.transactions import POINTS
from rules.monitor.days import AS_OF, BEGIN, END, TOWN, last_day
from rules.monitor.definitions import Better, Facts, Family, Kind, Measure, Unit
from rules.monitor.ticks import day_of_id, id_at, is_known_of_period, is_later
from rules.rights.merging import REASON as MERGING

NO_ISSUER = "0"  #: stands for the town, where an issuer is named in a detail
NO_MONTH = "never"  #: of points that never lapse


class _MonthOf(FunctionElement[str]):
    type = String()
    inherit_cache = True


@compiles(_MonthOf, "postgresql")
def _month_on_postgresql(element: _MonthOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **options)}, 'YYYY-MM')"


@compiles(_MonthOf, "sqlite")
def _month_on_sqlite(element: _MonthOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"strftime('%Y-%m', {compiler.process(element.clauses, **options)})"


# --- what the statements have in common ---------------------------------------------------------------------------------


def _word(word: StrEnum) -> ColumnElement[Any]:
    """A word of the tables, written out: a statement of these has no parameters but those that it is asked with."""
    return literal_column(f"'{word.value}'", String)


_book = select(Book.id).where(Book.town_id == TOWN, Book.code == literal_column(f"'{POINTS}'")).scalar_subquery()
_is_in, _is_out = Posting.dst_lot_id.is_not(None), Posting.src_lot_id.is_not(None)
_zero = literal_column("0", BigInteger)


def _tills(*kinds: AccountKind) -> Subquery:
    """The few accounts of these kinds, which all residents share."""
    return (
        select(Account.id, Account.kind, Account.owner_type, Account.owner_id)
        .where(Account.town_id == TOWN, Account.book_id == _book, Account.kind.in_([_word(kind) for kind in kinds]))
        .subquery("till")
    )


def _operator_of(till: Any) -> ColumnElement[Any]:
    """The operator to whom a till belongs; NULL: the town."""
    return case((till.c.owner_type == _word(OwnerType.OPERATOR), till.c.owner_id), else_=null())


def _is_the_till(till: Any) -> ColumnElement[bool]:
    """Whether it is the one side of a posting that isn't a resident's. Such a posting names one lot."""
    account = case((Posting.src_lot_id.is_(None), Posting.src_account_id), else_=Posting.dst_account_id)
    return and_(till.c.id == account, _is_in != _is_out)


_of_its_txn = and_(Txn.town_id == Posting.town_id, Txn.id == Posting.txn_id)


def _counted(condition: ColumnElement[bool], signed: Any) -> ColumnElement[int]:
    return case((condition, signed), else_=_zero)


# --- what came in and went out ------------------------------------------------------------------------------------------


def _moved() -> Facts:
    till = _tills(AccountKind.POOL, AccountKind.REDEEMED, AccountKind.BREAKAGE)
    out = case((_is_out, Posting.amount), else_=-Posting.amount)
    is_redeemed = till.c.kind == _word(AccountKind.REDEEMED)
    return (
        select(
            Posting.txn_id.label("id"),
            day_of_id(Posting.txn_id).label("day"),
            Txn.community_id.label("territory_id"),
            Txn.scene.label("scene"),
            case((is_redeemed, _operator_of(till)), else_=Txn.operator_id).label("operator_id"),
            func.coalesce(Txn.rule_id, Txn.reason).label("detail"),
            _counted(and_(till.c.kind == _word(AccountKind.POOL), _is_in), Posting.amount).label("issued"),
            _counted(and_(till.c.kind == _word(AccountKind.POOL), _is_out), Posting.amount).label("taken_back"),
            _counted(is_redeemed, out).label("redeemed"),
            _counted(till.c.kind == _word(AccountKind.BREAKAGE), out).label("expired"),
        )
        .select_from(Posting)
        .join(till, _is_the_till(till))
        # Always there; PostgreSQL leaves it out where nothing of it is asked for, and else reads those of the period alone.
        .outerjoin(Txn, and_(_of_its_txn, is_known_of_period(Txn.id)))
        .where(Posting.town_id == TOWN, is_known_of_period(Posting.txn_id))
    )


def _transferred() -> Facts:
    return (
        select(
            Posting.txn_id.label("id"),
            day_of_id(Posting.txn_id).label("day"),
            Txn.community_id.label("territory_id"),
            Txn.scene.label("scene"),
            Txn.operator_id.label("operator_id"),
            Txn.reason.label("detail"),
            case((Txn.kind == _word(TxnKind.REVERSE), -Posting.amount), else_=Posting.amount).label("transferred"),
        )
        .select_from(Txn)
        .join(Posting, and_(Posting.town_id == Txn.town_id, Posting.txn_id == Txn.id))
        .where(
            Txn.town_id == TOWN,
            is_known_of_period(Txn.id),
            Txn.kind.in_([_word(TxnKind.TRANSFER), _word(TxnKind.REVERSE)]),
            Txn.book_id == _book,
            Txn.reason != literal_column(f"'{MERGING}'", String),
            _is_in,
            _is_out,
            Posting.town_id == TOWN,
            is_known_of_period(Posting.txn_id),
        )
    )


# --- what is outstanding ------------------------------------------------------------------------------------------------


def _sides(name: str, *conditions: ColumnElement[bool]) -> Subquery:
    """By how much each posting that meets the conditions raised or lowered which lot."""
    came_in = select(Posting.txn_id, Posting.dst_lot_id.label("lot_id"), Posting.amount.label("amount"))
    went_out = select(Posting.txn_id, Posting.src_lot_id.label("lot_id"), (-Posting.amount).label("amount"))
    return union_all(
        came_in.where(Posting.town_id == TOWN, _is_in, *conditions),
        went_out.where(Posting.town_id == TOWN, _is_out, *conditions),
    ).subquery(name)


def _since() -> Subquery:
    """What each lot gained or lost after the moment that is asked about."""
    side = _sides("side", is_later(Posting.txn_id))
    return (
        select(side.c.lot_id, cast(func.sum(side.c.amount), BigInteger).label("amount"))
        .group_by(side.c.lot_id)
        .subquery("since")
    )


def _is_never(day: Any) -> ColumnElement[bool]:
    is_never: ColumnElement[bool] = day == literal_column(f"'{NEVER.isoformat()}'", Date)
    return is_never


_of_its_account = and_(
    Account.town_id == Lot.town_id,
    Account.id == Lot.account_id,
    Account.book_id == _book,
    Account.kind.in_([_word(AccountKind.WALLET), _word(AccountKind.ESCROW)]),
)
_issuer_id = case((Lot.issuer_id == TOWN, null()), else_=Lot.issuer_id)
_issuer_and_month = (
    case((Lot.issuer_id == TOWN, literal_column(f"'{NO_ISSUER}'", String)), else_=cast(Lot.issuer_id, String))
    + literal_column("':'", String)
    + case(
        (_is_never(Lot.expires_on), literal_column(f"'{NO_MONTH}'", String)),
        else_=_MonthOf(Lot.expires_on),
    )
)
_nowhere = cast(null(), BigInteger)
_no_word = cast(null(), String)


def _is_good_on(day: ColumnElement[date]) -> ColumnElement[bool]:
    """Whether the points of a lot have not lapsed on a day. What is held doesn't lapse."""
    return or_(Account.kind == _word(AccountKind.ESCROW), Lot.expires_on >= day)


class _Home:
    """Where the owner of an account lived at a moment, as far as it was known, by the keys of the tables.

    `rules.history` says the same of every resident at once, which SQLite would search again for each lot.
    """

    def __init__(self, moment: ColumnElement[datetime], name: str) -> None:
        self._moment = moment
        self._then, self._before = (aliased(ResidentVersion, name=f"{name}_{each}") for each in ("then", "before"))
        self._now = aliased(Resident, name=f"{name}_now")

    @property
    def territory_id(self) -> ColumnElement[Any]:
        return case((self._then.id.is_not(None), self._then.territory_id), else_=self._now.territory_id)

    def join(self, rows: FromClause) -> FromClause:
        """`rows` with it; the account is among them."""
        then, now = self._then, self._now
        is_first = and_(
            then.town_id == now.town_id,
            then.id == now.id,
            then.until <= now.versioned_at,  # nothing to search, of who never moved
            self._held_beyond(then.until),
            ~exists().where(
                self._before.town_id == then.town_id,
                self._before.id == then.id,
                self._before.until < then.until,
                self._held_beyond(self._before.until),
            ),
        )
        whose = and_(now.town_id == Account.town_id, now.id == Account.owner_id)
        return outerjoin(outerjoin(rows, now, whose), then, is_first)

    def of_account(self, account_id: Any, *around: Any) -> ColumnElement[Any]:
        """The place as a value of its own, which is not worked out where nobody asks for it. `around`: the tables whose
        columns name the account."""
        accounts: FromClause = Account.__table__
        place = select(self.territory_id).select_from(self.join(accounts))
        return place.where(Account.town_id == TOWN, Account.id == account_id).correlate(*around).scalar_subquery()

    def _held_beyond(self, until: Any) -> ColumnElement[bool]:
        return or_(until > AS_OF, until >= self._moment)


_at_end, _at_begin = _Home(END, "home"), _Home(BEGIN, "old_home")
_of_lot = (_no_word.label("scene"), _issuer_id.label("operator_id"), _issuer_and_month.label("detail"))


def _in_lots(counter: str, *, with_home: bool, good_only: bool) -> Facts:
    """What each lot held, as one fact."""
    since = _since()
    left = Lot.credited - Lot.debited - func.coalesce(since.c.amount, 0)
    lots: FromClause = join(Lot, Account, _of_its_account).outerjoin(since, since.c.lot_id == Lot.id)
    home = _at_end.territory_id if with_home else _nowhere
    statement = (
        select(
            Lot.id.label("id"),
            last_day(END).label("day"),
            home.label("territory_id"),
            *_of_lot,
            left.label(counter),
        )
        .select_from(_at_end.join(lots) if with_home else lots)
        .where(Lot.town_id == TOWN, or_(Lot.credited > Lot.debited, since.c.lot_id.is_not(None)), left != 0)
    )
    return statement.where(_is_good_on(last_day(END))) if good_only else statement


def _change_in_lots() -> Facts:
    """What moved, counted where its owner lives in the end; what residents gave on, on both sides; and what those who
    moved house took with them."""
    till = _tills(AccountKind.POOL, AccountKind.REDEEMED, AccountKind.BREAKAGE)
    account_id = case((_is_in, Posting.dst_account_id), else_=Posting.src_account_id)
    its_lot = and_(Lot.town_id == Posting.town_id, Lot.id == func.coalesce(Posting.dst_lot_id, Posting.src_lot_id))
    moved = (
        select(
            Posting.txn_id.label("id"),
            day_of_id(Posting.txn_id).label("day"),
            _at_end.of_account(account_id, Posting).label("territory_id"),
            *_of_lot,
            case((_is_in, Posting.amount), else_=-Posting.amount).label("outstanding"),
        )
        .select_from(join(Posting, till, _is_the_till(till)).outerjoin(Lot, its_lot))
        .where(Posting.town_id == TOWN, is_known_of_period(Posting.txn_id))
    )
    given = _sides("given", is_known_of_period(Posting.txn_id), _is_in, _is_out)
    of_lots = join(given, Lot, and_(Lot.town_id == TOWN, Lot.id == given.c.lot_id)).join(Account, _of_its_account)
    given_on = select(
        given.c.txn_id.label("id"),
        day_of_id(given.c.txn_id).label("day"),
        _at_end.of_account(Lot.account_id, Lot).label("territory_id"),
        *_of_lot,
        given.c.amount.label("outstanding"),
    ).select_from(of_lots)
    rows = union_all(moved, given_on, *_taken_along(_at_end, 1), *_taken_along(_at_begin, -1)).subquery("change")
    return select(*rows.c)


def _taken_along(home: _Home, sign: int) -> list[Facts]:
    """What those who moved house within the days had when the days began, where they lived at one end of them: what
    their lots hold, less what came since. Not added up lot by lot, so that few movers are few rows to look at."""
    movers = (
        select(ResidentVersion.id)
        .where(ResidentVersion.town_id == TOWN, ResidentVersion.until >= BEGIN, ResidentVersion.until < END)
        .distinct()
        .subquery("mover")
    )
    its_accounts = and_(
        Account.town_id == TOWN,
        Account.book_id == _book,
        Account.kind.in_([_word(AccountKind.WALLET), _word(AccountKind.ESCROW)]),
        Account.owner_type == _word(OwnerType.RESIDENT),
        Account.owner_id == movers.c.id,
    )
    its_lots = and_(Lot.town_id == Account.town_id, Lot.account_id == Account.id)
    lots = join(movers, Account, its_accounts).join(Lot, its_lots)
    since = _sides("since", Posting.txn_id >= id_at(BEGIN))

    def counted(rows: FromClause, amount: Any) -> Facts:
        return select(
            Lot.id.label("id"),
            last_day(END).label("day"),
            home.territory_id.label("territory_id"),
            *_of_lot,
            (literal_column(str(sign), BigInteger) * amount).label("outstanding"),
        ).select_from(home.join(rows))

    return [
        counted(lots, Lot.credited - Lot.debited),
        counted(lots.join(since, since.c.lot_id == Lot.id), -since.c.amount),
    ]


def _change_of_liability() -> Facts:
    """What moved in lots that were good when the days began, and what lapsed since, booked or not."""
    first, last = last_day(BEGIN), last_day(END)
    lapsed = and_(Account.kind == _word(AccountKind.WALLET), Lot.expires_on >= first, Lot.expires_on < last)
    side, since = _sides("side", is_known_of_period(Posting.txn_id)), _sides("since", is_later(Posting.txn_id))
    moved = (
        select(side.c.txn_id.label("id"), day_of_id(side.c.txn_id).label("day"), *_of_lot, side.c.amount.label("owed"))
        .select_from(side)
        .join(Lot, and_(Lot.town_id == TOWN, Lot.id == side.c.lot_id))
        .join(Account, _of_its_account)
        .where(_is_good_on(first))
    )
    left = (
        select(Lot.id.label("id"), last.label("day"), *_of_lot, (Lot.debited - Lot.credited).label("owed"))
        .join(Account, _of_its_account)
        .where(Lot.town_id == TOWN, Lot.credited > Lot.debited, lapsed)
    )
    moved_since = (
        select(Lot.id.label("id"), last.label("day"), *_of_lot, since.c.amount.label("owed"))
        .select_from(since)
        .join(Lot, and_(Lot.town_id == TOWN, Lot.id == since.c.lot_id))
        .join(Account, _of_its_account)
        .where(lapsed)
    )
    rows = union_all(moved, left, moved_since).subquery("change")
    return select(
        rows.c.id,
        rows.c.day,
        _nowhere.label("territory_id"),
        rows.c.scene,
        rows.c.operator_id,
        rows.c.detail,
        rows.c.owed,
    )


# --- budgets ------------------------------------------------------------------------------------------------------------


def _budgets() -> Facts:
    """What was put into budgets from the mint, and what of them was awarded; what came back is counted against it."""
    pool, mint = _tills(AccountKind.POOL), _tills(AccountKind.MINT).alias("mint")
    is_used = and_(Posting.town_id == TOWN, is_known_of_period(Posting.txn_id))
    used = (
        select(
            Posting.txn_id.label("id"),
            _operator_of(pool).label("operator_id"),
            _zero.label("granted"),
            case((_is_in, Posting.amount), else_=-Posting.amount).label("used"),
        )
        .select_from(Posting)
        .join(pool, _is_the_till(pool))
        .where(is_used)
    )
    is_grant = mint.c.id == Posting.src_account_id
    granted = (
        select(
            Posting.txn_id.label("id"),
            _operator_of(pool).label("operator_id"),
            case((is_grant, Posting.amount), else_=-Posting.amount).label("granted"),
            _zero.label("used"),
        )
        .select_from(Posting)
        .join(mint, or_(is_grant, mint.c.id == Posting.dst_account_id))
        .join(pool, pool.c.id == case((is_grant, Posting.dst_account_id), else_=Posting.src_account_id))
        .where(is_used, ~_is_in, ~_is_out)
    )
    rows = union_all(used, granted).subquery("budget")
    return select(
        rows.c.id,
        day_of_id(rows.c.id).label("day"),
        _nowhere.label("territory_id"),
        _no_word.label("scene"),
        rows.c.operator_id,
        _no_word.label("detail"),
        rows.c.granted,
        rows.c.used,
    )


def _left_in_pools() -> Facts:
    pool = aliased(Account, name="pool")
    in_town = and_(Posting.town_id == TOWN, is_later(Posting.txn_id))
    came_in = select(Posting.dst_account_id.label("account_id"), Posting.amount.label("amount")).where(in_town)
    went_out = select(Posting.src_account_id.label("account_id"), (-Posting.amount).label("amount")).where(in_town)
    side = union_all(came_in, went_out).subquery("side")
    since = (
        select(side.c.account_id, cast(func.sum(side.c.amount), BigInteger).label("amount"))
        .group_by(side.c.account_id)
        .subquery("since")
    )
    return (
        select(
            pool.id.label("id"),
            last_day(END).label("day"),
            _nowhere.label("territory_id"),
            _no_word.label("scene"),
            case((pool.owner_type == _word(OwnerType.OPERATOR), pool.owner_id), else_=null()).label("operator_id"),
            _no_word.label("detail"),
            (pool.credited - pool.debited - func.coalesce(since.c.amount, 0)).label("left"),
        )
        .outerjoin(since, since.c.account_id == pool.id)
        .where(pool.town_id == TOWN, pool.book_id == _book, pool.kind == _word(AccountKind.POOL))
    )


def _change_in_pools() -> Facts:
    rows = _budgets().subquery("budget_move")
    names = ("id", "day", "territory_id", "scene", "operator_id", "detail")
    return select(*(rows.c[name] for name in names), (rows.c.granted - rows.c.used).label("left"))


# --- the families and their measures ------------------------------------------------------------------------------------

_moves = Family("points.moves", "transaction", _moved(), ("issued", "taken_back", "redeemed", "expired"), grows=True)
_transfers = Family("points.transfers", "transaction", _transferred(), ("transferred",))
_outstanding = Family(
    "points.outstanding",
    "lot",
    _in_lots("outstanding", with_home=True, good_only=False),
    ("outstanding",),
    is_state=True,
    changes=_change_in_lots(),
    changes_have_places=True,
    grows=True,
)
_liability = Family(
    "points.liability",
    "lot",
    _in_lots("owed", with_home=False, good_only=True),
    ("owed",),
    is_state=True,
    changes=_change_of_liability(),
    changes_have_places=True,  # it has none
)
_budget_moves = Family("points.budgets", "transaction", _budgets(), ("granted", "used"))
_budget_left = Family(
    "points.budget_left",
    "account",
    _left_in_pools(),
    ("left",),
    is_state=True,
    changes=_change_in_pools(),
    changes_have_places=True,  # it has none
)

_ALL, _SCENE, _OPERATOR, _DETAIL = Slice.ALL, Slice.SCENE, Slice.OPERATOR, Slice.DETAIL

MEASURES = (
    Measure(
        "points.issued",
        InBoth("发放积分", "Points issued"),
        InBoth(
            "从积分池进入居民钱包的积分：活动奖励、批量发放和手工增加。记在入账当日；地点为活动所在社区，明细为积分规则（没有规则的为事由）。"
            "之后冲正的不从这里减去，见“收回积分”。",
            "Points that went from a budget into residents' wallets: awards, imports and points given by hand, on the "
            "day on which they were recorded. The place is that of the activity; the detail is the rule, or the reason "
            "where there is none. What is reversed later isn't taken off here: see points taken back.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _moves,
        "issued",
        slices=frozenset({_ALL, _SCENE, _OPERATOR, _DETAIL}),
    ),
    Measure(
        "points.redeemed",
        InBoth("兑换积分", "Points redeemed"),
        InBoth(
            "居民花掉的积分：兑换、捐赠、付费预订，以及逾期未领而不退回的。退回的在退回当日扣减。"
            "地点为奖品、公益项目或活动所在地（不是居民住处），运营方为收到积分的一方；冻结未结清的不算。",
            "Points that residents spent: on rewards, donations, priced places, and what wasn't picked up and isn't "
            "given back. What is given back is counted against it on that day. The place is that of the reward, cause or "
            "activity, not the resident's home; the operator is who received them. What is only held isn't counted.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _moves,
        "redeemed",
        slices=frozenset({_ALL, _SCENE, _OPERATOR}),
        better=Better.MORE,
    ),
    Measure(
        "points.expired",
        InBoth("失效积分", "Points expired"),
        InBoth(
            "到期失效、账号注销作废和手工扣减的积分，记在入账当日（到期积分由次日凌晨的任务入账）。"
            "到期的没有地点，只计入全街道。明细为事由。",
            "Points that lapsed, were forfeited when an account was erased, or were taken by hand, on the day on which "
            "that was recorded (what lapses is booked by the next night's run). What lapses has no place and counts for the "
            "whole town alone. The detail is the reason.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _moves,
        "expired",
        slices=frozenset({_ALL, _DETAIL}),
        better=Better.LESS,
    ),
    Measure(
        "points.taken_back",
        InBoth("收回积分", "Points taken back"),
        InBoth(
            "发放后又冲正、退回原积分池的积分，记在冲正当日。",
            "Points that had been issued and were reversed: they went back to the budget that they came from, on the day of "
            "the reversal.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _moves,
        "taken_back",
        slices=frozenset({_ALL, _SCENE, _OPERATOR}),
        better=Better.LESS,
    ),
    Measure(
        "points.transferred",
        InBoth("转赠积分", "Points given on"),
        InBoth(
            "居民之间转赠的积分，冲正的扣减。两份档案合并时移动的积分不算。",
            "Points that residents gave to one another, less what was reversed. What moves when two records of one "
            "person are joined isn't counted.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _transfers,
        "transferred",
    ),
    Measure(
        "points.outstanding",
        InBoth("未用积分", "Points outstanding"),
        InBoth(
            "居民手中（含冻结）的积分，按账面计。地点为居民所在小区，运营方为发放方。"
            "全街道的发放 − 兑换 − 失效 − 收回 = 它的变化。已过期但夜间任务尚未入账的仍计入。",
            "What residents hold, held points included, as the books have it. The place is where the resident lives, the "
            "operator is the issuer. Of the whole town, issued less redeemed, expired and taken back is its change. Lapsed "
            "points count until the nightly run has booked them.",
        ),
        Unit.POINTS,
        Kind.STATE,
        _outstanding,
        "outstanding",
        slices=frozenset({_ALL, _OPERATOR}),
    ),
    Measure(
        "points.liability",
        InBoth("积分负债", "Points liability"),
        InBoth(
            "各发放方尚欠居民的积分，按到期月份。已过最后有效日的不再欠，不论是否入账；冻结的仍欠。"
            "明细为“发放方:月份”，发放方 0 为街道，never 为永不过期。",
            "What each issuer owes residents, by the month in which it lapses. What is past its last good day is owed no "
            "more, booked or not; what is held is. The detail is issuer:month, where 0 is the town and never is what "
            "never lapses.",
        ),
        Unit.POINTS,
        Kind.STATE,
        _liability,
        "owed",
        slices=frozenset({_ALL, _OPERATOR, _DETAIL}),
        town_only=True,
    ),
    Measure(
        "points.velocity",
        InBoth("积分流转率", "Velocity of points"),
        InBoth(
            "期内兑换的积分与期末未用积分之比，只有全街道的数：兑换按奖品所在地、未用按居民住处计。"
            "接近 0 表示积分只进不出；可大于 1。",
            "Points redeemed within the period over those outstanding at its end. Near 0, points only go in and never out. "
            "It may be above 1. Of the whole town alone: one side is where the reward is, the other where residents live.",
        ),
        Unit.SHARE,
        Kind.RATIO,
        over=("points.redeemed", "points.outstanding"),
        better=Better.MORE,
        town_only=True,
    ),
    Measure(
        "points.budget_granted",
        InBoth("预算下达", "Budgets granted"),
        InBoth(
            "拨入积分池的积分，收回的扣减。运营方为积分池所属，0 为街道。",
            "Points put into budgets, less what was taken out again. The operator is the budget's owner; 0 is the town.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _budget_moves,
        "granted",
        slices=frozenset({_ALL, _OPERATOR}),
    ),
    Measure(
        "points.budget_used",
        InBoth("预算使用", "Budgets used"),
        InBoth(
            "积分池发出的积分，冲正退回的扣减。运营方为积分池所属，0 为街道。",
            "Points awarded out of budgets, less what reversals gave back. The operator is the budget's owner; 0 is the "
            "town.",
        ),
        Unit.POINTS,
        Kind.FLOW,
        _budget_moves,
        "used",
        slices=frozenset({_ALL, _OPERATOR}),
    ),
    Measure(
        "points.budget_left",
        InBoth("预算余额", "Budgets left"),
        InBoth(
            "积分池里尚可发放的积分。运营方为积分池所属，0 为街道。",
            "What is left in budgets to be awarded. The operator is the budget's owner; 0 is the town.",
        ),
        Unit.POINTS,
        Kind.STATE,
        _budget_left,
        "left",
        slices=frozenset({_ALL, _OPERATOR}),
    ),
)
