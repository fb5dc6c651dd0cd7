"""Points that are out: what residents hold, what of it is owed them, and how fast they spend it. The points book alone.

What is outstanding is what the lots hold, less what moved since: no ledger is added up from its beginning. Points that
have lapsed count until the nightly run books them; the liability leaves them out from the first moment of the day on.

A posting is known from the moment that its transaction's id carries (`rules.monitor.ticks`).
"""

from __future__ import annotations

from datetime import date, datetime
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
from sqlalchemy.orm import aliased

from models.history import ResidentVersion
from models.ledger import NEVER, Account, AccountKind, Lot, OwnerType, Posting
from models.monitor import Slice
from models.residents import Resident
from rules.errors import InBoth
from rules.expressions import on_both
from rules.monitor.days import AS_OF, BEGIN, END, TOWN, last_day
from rules.monitor.definitions import Better, Facts, Family, Kind, Measure, Unit
from rules.monitor.measures.parts import (
    IS_IN,
    IS_OUT,
    NO_SCENE,
    NOWHERE,
    POINTS_BOOK,
    is_the_till,
    tills,
    word,
)
from rules.monitor.ticks import day_of_id, id_at, is_known_of_period, is_later

NO_ISSUER = "0"  #: stands for the town, where an issuer is named in a detail
NO_MONTH = "never"  #: of points that never lapse

_month_of = on_both(String(), postgresql="to_char({}, 'YYYY-MM')", sqlite="strftime('%Y-%m', {})")


def _sides(name: str, *conditions: ColumnElement[bool]) -> Subquery:
    """By how much each posting that meets the conditions raised or lowered which lot."""
    came_in = select(Posting.txn_id, Posting.dst_lot_id.label("lot_id"), Posting.amount.label("amount"))
    went_out = select(Posting.txn_id, Posting.src_lot_id.label("lot_id"), (-Posting.amount).label("amount"))
    return union_all(
        came_in.where(Posting.town_id == TOWN, IS_IN, *conditions),
        went_out.where(Posting.town_id == TOWN, IS_OUT, *conditions),
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
    Account.book_id == POINTS_BOOK,
    Account.kind.in_([word(AccountKind.WALLET), word(AccountKind.ESCROW)]),
)
_issuer_id = case((Lot.issuer_id == TOWN, null()), else_=Lot.issuer_id)
_issuer_and_month = (
    case((Lot.issuer_id == TOWN, literal_column(f"'{NO_ISSUER}'", String)), else_=cast(Lot.issuer_id, String))
    + literal_column("':'", String)
    + case(
        (_is_never(Lot.expires_on), literal_column(f"'{NO_MONTH}'", String)),
        else_=_month_of(Lot.expires_on),
    )
)


def _is_good_on(day: ColumnElement[date]) -> ColumnElement[bool]:
    """Whether the points of a lot have not lapsed on a day. What is held doesn't lapse."""
    return or_(Account.kind == word(AccountKind.ESCROW), Lot.expires_on >= day)


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
_of_lot = (NO_SCENE.label("scene"), _issuer_id.label("operator_id"), _issuer_and_month.label("detail"))


def _in_lots(counter: str, *, with_home: bool, good_only: bool) -> Facts:
    """What each lot held, as one fact."""
    since = _since()
    left = Lot.credited - Lot.debited - func.coalesce(since.c.amount, 0)
    lots: FromClause = join(Lot, Account, _of_its_account).outerjoin(since, since.c.lot_id == Lot.id)
    home = _at_end.territory_id if with_home else NOWHERE
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
    till = tills(AccountKind.POOL, AccountKind.REDEEMED, AccountKind.BREAKAGE)
    account_id = case((IS_IN, Posting.dst_account_id), else_=Posting.src_account_id)
    its_lot = and_(Lot.town_id == Posting.town_id, Lot.id == func.coalesce(Posting.dst_lot_id, Posting.src_lot_id))
    moved = (
        select(
            Posting.txn_id.label("id"),
            day_of_id(Posting.txn_id).label("day"),
            _at_end.of_account(account_id, Posting).label("territory_id"),
            *_of_lot,
            case((IS_IN, Posting.amount), else_=-Posting.amount).label("outstanding"),
        )
        .select_from(join(Posting, till, is_the_till(till.c)).outerjoin(Lot, its_lot))
        .where(Posting.town_id == TOWN, is_known_of_period(Posting.txn_id))
    )
    given = _sides("given", is_known_of_period(Posting.txn_id), IS_IN, IS_OUT)
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
        Account.book_id == POINTS_BOOK,
        Account.kind.in_([word(AccountKind.WALLET), word(AccountKind.ESCROW)]),
        Account.owner_type == word(OwnerType.RESIDENT),
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
    lapsed = and_(Account.kind == word(AccountKind.WALLET), Lot.expires_on >= first, Lot.expires_on < last)
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
        NOWHERE.label("territory_id"),
        rows.c.scene,
        rows.c.operator_id,
        rows.c.detail,
        rows.c.owed,
    )


# --- the families and their measures ------------------------------------------------------------------------------------

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

_ALL, _OPERATOR, _DETAIL = Slice.ALL, Slice.OPERATOR, Slice.DETAIL

MEASURES = (
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
)
