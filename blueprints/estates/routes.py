"""找物业: estates, who manages them, whom to call, how repairs go there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from blueprints.edge.caller import ANYONE, RESIDENT, SIGNED_IN
from blueprints.edge.room import Room
from blueprints.edge.schemas import all_of, page_of
from blueprints.estates.schemas import (
    CompanyArguments,
    CompanyChangeRequest,
    CompanyRequest,
    CompanyView,
    ContactsRequest,
    EstateArguments,
    EstateDetailView,
    EstateView,
    ManagementArguments,
    ManagementEndRequest,
    ManagementRequest,
    ManagementView,
    MyEstateArguments,
    PublicStatisticsView,
    RepairCategoriesRequest,
    RepairCategoryView,
    RepairStatisticsArguments,
    StaffStatisticsView,
    TermsArguments,
    TermsRequest,
    TermsView,
)
from models.residents import Role
from rules.estates import companies, looking, refusals, statistics, terms
from rules.residents import acting
from rules.residents.identity import Forbidden
from rules.work import Work

room = Room("estates", __name__, description="Estates and the companies that manage them")

Wish = dict[str, Any]
MANAGEMENT = page_of(ManagementView, "management")


@room.does("GET", "/estates", needs=ANYONE, shared=True)
@room.arguments(EstateArguments, location="query")
@room.response(200, page_of(EstateView, "estates"))
def list_estates(work: Work, wish: Wish) -> Any:
    """Estates that fit, and who manages them today."""
    after, limit = wish.pop("cursor"), wish.pop("limit")
    return looking.list_estates(work, looking.EstateFilter(**wish), after, limit)


@room.does("GET", "/estates/<id:estate_id>", needs=ANYONE, shared=True, refuses=[refusals.EstateUnknown])
@room.response(200, EstateDetailView)
def show_estate(work: Work, estate_id: int) -> Any:
    """An estate: its company, its contacts, its emergency lines."""
    return looking.show_estate(work, estate_id)


@room.does("GET", "/me/estate", needs=RESIDENT, refuses=[refusals.NoEstateChosen, *acting.REFUSALS])
@room.arguments(MyEstateArguments, location="query")
@room.response(200, EstateDetailView)
def show_my_estate(work: Work, wish: Wish) -> Any:
    """The estate that I live in, or somebody whom I may act for."""
    return looking.show_my_estate(work, wish["resident_id"])


@room.does("PUT", "/estates/<id:estate_id>/contacts", needs=SIGNED_IN, refuses=[Forbidden, refusals.EstateUnknown])
@room.arguments(ContactsRequest)
@room.response(200, EstateDetailView)
def replace_estate_contacts(work: Work, wish: Wish, estate_id: int) -> Any:
    """Say whom to call in an estate. For its company and the street."""
    return looking.replace_contacts(work, estate_id, wish["contacts"])


@room.does("GET", "/estates/<id:estate_id>/management", needs=ANYONE, shared=True, refuses=[refusals.EstateUnknown])
@room.arguments(ManagementArguments, location="query")
@room.response(200, MANAGEMENT)
def list_management(work: Work, wish: Wish, estate_id: int) -> Any:
    """Who managed an estate from when to when, the latest first."""
    return companies.list_management(work, estate_id, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/estates/<id:estate_id>/management",
    needs=Role.MANAGER,
    once=True,
    refuses=[
        Forbidden,
        refusals.CompanyUnknown,
        refusals.EstateUnknown,
        refusals.ManagementOverlaps,
        refusals.SetInThePast,
    ],
)
@room.arguments(ManagementRequest)
@room.response(201, EstateDetailView)
def appoint_company(work: Work, wish: Wish, estate_id: int) -> Any:
    """Let a company manage an estate from a day on; the one before ends on that day."""
    companies.appoint_company(work, estate_id, **wish)
    return looking.show_estate(work, estate_id)


@room.does(
    "POST",
    "/estates/<id:estate_id>/management/end",
    needs=Role.MANAGER,
    once=True,
    refuses=[Forbidden, refusals.EstateUnknown, refusals.NotManaged, refusals.SetInThePast],
)
@room.arguments(ManagementEndRequest)
@room.response(200, EstateDetailView)
def end_management(work: Work, wish: Wish, estate_id: int) -> Any:
    """Let the company of an estate go from a day on; who was to follow that day or later does not."""
    companies.end_management(work, estate_id, wish["until_day"])
    return looking.show_estate(work, estate_id)


@room.does(
    "GET", "/estates/<id:estate_id>/repair-categories", needs=ANYONE, shared=True, refuses=[refusals.EstateUnknown]
)
@room.response(200, all_of(RepairCategoryView))
def list_repair_categories(work: Work, estate_id: int) -> Any:
    """What can be reported in an estate."""
    return SimpleNamespace(items=terms.list_categories(work, estate_id))


@room.does(
    "POST",
    "/repair-categories",
    needs=SIGNED_IN,
    once=True,
    refuses=[
        Forbidden,
        refusals.AlreadySet,
        refusals.CompanyUnknown,
        refusals.EstateUnknown,
        refusals.SetInThePast,
    ],
)
@room.arguments(RepairCategoriesRequest)
@room.response(204)
def set_repair_categories(work: Work, wish: Wish) -> None:
    """Say which categories there are from a day on. For the estate's company, or the street."""
    terms.set_categories(work, **wish)


@room.does("GET", "/estates/<id:estate_id>/service-terms", needs=ANYONE, shared=True, refuses=[refusals.EstateUnknown])
@room.arguments(TermsArguments, location="query")
@room.response(200, TermsView)
def show_service_terms(work: Work, wish: Wish, estate_id: int) -> Any:
    """How long each step of a repair may take in an estate today."""
    return terms.show_terms(work, estate_id, wish["category"])


@room.does(
    "POST",
    "/service-terms",
    needs=Role.MANAGER,
    once=True,
    refuses=[Forbidden, refusals.AlreadySet, refusals.CompanyUnknown, refusals.SetInThePast],
)
@room.arguments(TermsRequest)
@room.response(204)
def set_service_terms(work: Work, wish: Wish) -> None:
    """Say how long each step may take from a day on. Steps that have begun keep their deadlines."""
    whose = {name: wish.pop(name) for name in ("from_day", "company_id", "category")}
    terms.set_terms(work, terms=terms.Terms(**wish), **whose)


@room.does(
    "GET",
    "/estates/<id:estate_id>/statistics",
    needs=ANYONE,
    shared=True,
    refuses=[refusals.EstateUnknown, refusals.StatisticsPeriodInvalid],
)
@room.arguments(RepairStatisticsArguments, location="query")
@room.response(200, PublicStatisticsView)
def show_estate_statistics(work: Work, wish: Wish, estate_id: int) -> Any:
    """How repairs go in an estate."""
    return statistics.show_estate_statistics(work, estate_id, wish["from_"], wish["to"])


@room.does(
    "GET",
    "/estates/<id:estate_id>/statistics/staff",
    needs=SIGNED_IN,
    refuses=[Forbidden, refusals.EstateUnknown, refusals.StatisticsPeriodInvalid],
)
@room.arguments(RepairStatisticsArguments, location="query")
@room.response(200, StaffStatisticsView)
def show_estate_statistics_to_staff(work: Work, wish: Wish, estate_id: int) -> Any:
    """How repairs and complaints go in an estate, by category. For its company, the street and auditors."""
    return statistics.show_estate_statistics_to_staff(work, estate_id, wish["from_"], wish["to"])


@room.does("GET", "/property-companies", needs=ANYONE, shared=True)
@room.arguments(CompanyArguments, location="query")
@room.response(200, page_of(CompanyView, "property-companies"))
def list_companies(work: Work, wish: Wish) -> Any:
    """The property companies of the town."""
    return companies.list_companies(work, wish["cursor"], wish["limit"])


@room.does("POST", "/property-companies", needs=Role.MANAGER, once=True, refuses=[Forbidden, refusals.CompanyNameTaken])
@room.arguments(CompanyRequest)
@room.response(201, CompanyView)
def record_company(work: Work, wish: Wish) -> Any:
    """Write down a property company."""
    return companies.record_company(work, wish)


@room.does("GET", "/property-companies/<id:company_id>", needs=ANYONE, shared=True, refuses=[refusals.CompanyUnknown])
@room.response(200, CompanyView)
def show_company(work: Work, company_id: int) -> Any:
    """A property company."""
    return companies.find_company(work, company_id)


@room.does(
    "PATCH",
    "/property-companies/<id:company_id>",
    needs=Role.MANAGER,
    refuses=[Forbidden, refusals.CompanyNameTaken, refusals.CompanyUnknown],
)
@room.arguments(CompanyChangeRequest)
@room.response(200, CompanyView)
def change_company(work: Work, wish: Wish, company_id: int) -> Any:
    """Change what is on record of a company."""
    return companies.change_company(work, company_id, wish)


@room.does(
    "GET", "/property-companies/<id:company_id>/estates", needs=ANYONE, shared=True, refuses=[refusals.CompanyUnknown]
)
@room.arguments(ManagementArguments, location="query")
@room.response(200, MANAGEMENT)
def list_estates_of_company(work: Work, wish: Wish, company_id: int) -> Any:
    """Which estates a company managed from when to when, the latest first."""
    return companies.list_estates_of(work, company_id, wish["cursor"], wish["limit"])


@room.does(
    "GET",
    "/property-companies/<id:company_id>/statistics",
    needs=ANYONE,
    shared=True,
    refuses=[refusals.CompanyUnknown, refusals.StatisticsPeriodInvalid],
)
@room.arguments(RepairStatisticsArguments, location="query")
@room.response(200, PublicStatisticsView)
def show_company_statistics(work: Work, wish: Wish, company_id: int) -> Any:
    """How a company's repairs go, in all its estates."""
    return statistics.show_company_statistics(work, company_id, wish["from_"], wish["to"])


@room.does(
    "GET",
    "/property-companies/<id:company_id>/statistics/staff",
    needs=SIGNED_IN,
    refuses=[Forbidden, refusals.CompanyUnknown, refusals.StatisticsPeriodInvalid],
)
@room.arguments(RepairStatisticsArguments, location="query")
@room.response(200, StaffStatisticsView)
def show_company_statistics_to_staff(work: Work, wish: Wish, company_id: int) -> Any:
    """How a company's repairs and complaints go, by category. For managers and auditors of the whole town."""
    return statistics.show_company_statistics_to_staff(work, company_id, wish["from_"], wish["to"])
