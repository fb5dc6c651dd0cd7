"""Estates, their companies, whom to call there, and by what terms repairs are done."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from blueprints.edge.fields import Day, Id, Words
from blueprints.edge.schemas import Arguments, Fast, PageArguments, cursor_of
from models.estates import ContactKind
from rules.estates.terms import DEFAULT_TERMS

NAME_LENGTH_MAX = 60
ADDRESS_LENGTH_MAX = 120
NOTE_LENGTH_MAX = 200
CONTACTS_MAX = 30
CATEGORIES_MAX = 30
MINUTES_MAX = 60 * 24 * 60
DAYS_MAX = 366
REOPENS_MAX = 20
PHONE = r"^[0-9+()\- ]{3,20}(?:转[0-9]{1,6})?\Z"
HOUR = r"^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)\Z"
CODE = r"^[a-z][a-z0-9_]{0,31}\Z"
CREDIT_CODE = r"^[0-9A-Z]{18}\Z"
PHONE_SHOWN = {"description": "A public number: 96345, 0571-87654321, 0571-87654321转8."}


def minutes(description: str) -> fields.Integer:
    """How long a step may take."""
    within = validate.Range(min=1, max=MINUTES_MAX)
    return fields.Integer(strict=True, required=True, validate=within, metadata={"description": description})


def days(most: int, description: str) -> fields.Integer:
    """A small count."""
    within = validate.Range(min=0, max=most)
    return fields.Integer(strict=True, required=True, validate=within, metadata={"description": description})


MEDIAN = "From the submission; null to the public below 5 repairs."


class EstateArguments(PageArguments):
    """Which estates to list."""

    cursor = cursor_of("estates")
    q = Words(
        length_max=64,
        load_default=None,
        metadata={"description": "Part of the estate's, its community's or its company's name."},
    )
    community_id = Id(load_default=None, metadata={"description": "Only of this place, and below it."})
    company_id = Id(load_default=None, metadata={"description": "Only those that it manages today."})


class MyEstateArguments(Arguments):
    """Whose estate."""

    resident_id = Id(load_default=None, metadata={"description": "Of somebody whom the caller may act for."})


class CompanyArguments(PageArguments):
    """A page of companies."""

    cursor = cursor_of("property-companies")


class ManagementArguments(PageArguments):
    """A page of who managed what."""

    cursor = cursor_of("management")


class EstateView(Fast):
    """An estate and who manages it today."""

    id = Id(required=True)
    name = fields.String(required=True)
    homes = fields.Integer(required=True)
    latitude = fields.Float(required=True, allow_none=True, metadata={"description": "GCJ-02."})
    longitude = fields.Float(required=True, allow_none=True)
    community_id = Id(required=True, allow_none=True)
    community = fields.String(required=True, allow_none=True)
    company_id = Id(required=True, allow_none=True, metadata={"description": "null: no company manages it."})
    company = fields.String(required=True, allow_none=True)
    company_phone = fields.String(required=True, allow_none=True)
    company_address = fields.String(required=True, allow_none=True)
    managed_from = Day(required=True, allow_none=True)
    managed_until = Day(required=True, allow_none=True, metadata={"description": "The first day without it."})


class ContactView(Fast):
    """A number to call."""

    kind = fields.Enum(ContactKind, by_value=True, required=True)
    name = fields.String(required=True)
    phone = fields.String(required=True)
    is_emergency = fields.Boolean(required=True)
    opens_at = fields.String(required=True, allow_none=True, metadata={"description": "null: round the clock."})
    closes_at = fields.String(required=True, allow_none=True)
    note = fields.String(required=True)


class EstateDetailView(Fast):
    """An estate, who manages it, and whom to call."""

    estate = fields.Nested(EstateView, required=True)
    contacts = fields.List(fields.Nested(ContactView), required=True)
    emergency_lines = fields.List(fields.Nested(ContactView), required=True)


class ContactRequest(Arguments):
    """A number to call, as staff write it down."""

    kind = fields.Enum(ContactKind, by_value=True, required=True)
    name = Words(length_min=1, length_max=NAME_LENGTH_MAX, required=True)
    phone = fields.String(required=True, validate=validate.Regexp(PHONE), metadata=PHONE_SHOWN)
    is_emergency = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    opens_at = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(HOUR),
        metadata={"description": "HH:MM; neither: round the clock."},
    )
    closes_at = fields.String(load_default=None, allow_none=True, validate=validate.Regexp(HOUR))
    note = Words(length_max=NOTE_LENGTH_MAX, load_default="")

    @validates_schema
    def _hours_whole(self, data: dict[str, Any], **_: Any) -> None:
        if (data.get("opens_at") is None) != (data.get("closes_at") is None):
            raise ValidationError("Give both hours or neither.", "closes_at")


class ContactsRequest(Arguments):
    """All numbers of an estate, in order."""

    contacts = fields.List(fields.Nested(ContactRequest), required=True, validate=validate.Length(max=CONTACTS_MAX))


class CompanyRequest(Arguments):
    """A new company."""

    name = Words(length_min=1, length_max=NAME_LENGTH_MAX, required=True)
    phone = fields.String(required=True, validate=validate.Regexp(PHONE), metadata=PHONE_SHOWN)
    address = Words(length_max=ADDRESS_LENGTH_MAX, load_default="")
    credit_code = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(CREDIT_CODE),
        metadata={"description": "统一社会信用代码, 18 characters."},
    )


class CompanyChangeRequest(Arguments):
    """What is to be changed of a company; what isn't named stays."""

    name = Words(length_min=1, length_max=NAME_LENGTH_MAX)
    phone = fields.String(validate=validate.Regexp(PHONE), metadata=PHONE_SHOWN)
    address = Words(length_max=ADDRESS_LENGTH_MAX)
    credit_code = fields.String(allow_none=True, validate=validate.Regexp(CREDIT_CODE))


class CompanyView(Fast):
    """A property company."""

    id = Id(required=True)
    name = fields.String(required=True)
    phone = fields.String(required=True)
    address = fields.String(required=True)
    credit_code = fields.String(required=True, allow_none=True)


class ManagementRequest(Arguments):
    """Which company manages an estate from when on."""

    company_id = Id(required=True)
    from_day = Day(required=True, metadata={"description": "The company before ends on that day."})


class ManagementEndRequest(Arguments):
    """When nobody manages an estate any more."""

    until_day = Day(required=True, metadata={"description": "The first day without the company."})


class ManagementView(Fast):
    """Who managed which estate from when to when."""

    id = Id(required=True)
    estate_id = Id(required=True)
    estate = fields.String(required=True)
    company_id = Id(required=True)
    company = fields.String(required=True)
    from_day = Day(required=True)
    until_day = Day(required=True, allow_none=True, metadata={"description": "The first day without it."})


class RepairCategoryView(Fast):
    """A category of repairs."""

    code = fields.String(required=True)
    name = fields.String(required=True)


class RepairCategoryRequest(Arguments):
    """A category of repairs."""

    code = fields.String(
        required=True, validate=validate.Regexp(CODE), metadata={"description": "a-z, digits, underscores."}
    )
    name = Words(length_min=1, length_max=NAME_LENGTH_MAX, required=True)


class RepairCategoriesRequest(Arguments):
    """Which categories there are from a day on: in an estate, in those of a company, or in the town."""

    estate_id = Id(load_default=None)
    company_id = Id(load_default=None)
    from_day = Day(required=True)
    categories = fields.List(
        fields.Nested(RepairCategoryRequest), required=True, validate=validate.Length(min=1, max=CATEGORIES_MAX)
    )

    @validates_schema
    def _one_scope(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("estate_id") is not None and data.get("company_id") is not None:
            raise ValidationError("Give an estate or a company, not both.", "company_id")
        codes = [each["code"] for each in data.get("categories", ())]
        if len(set(codes)) < len(codes):
            raise ValidationError("Two categories have the same code.", "categories")


class TermsArguments(Arguments):
    """Of which category."""

    category = fields.String(
        load_default=None, validate=validate.Regexp(CODE), metadata={"description": "The code of a category."}
    )


class TermsRequest(Arguments):
    """How long each step may take from a day on."""

    company_id = Id(load_default=None, metadata={"description": "null: of every company without terms of its own."})
    category = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(CODE),
        metadata={"description": "null: of every category without terms of its own."},
    )
    from_day = Day(required=True)
    assign_minutes = minutes("From the submission, or the reopening, until somebody is sent.")
    start_minutes = minutes("From then until the work begins.")
    finish_minutes = minutes("From then until it is done.")
    confirm_minutes = minutes("After which what is done counts as confirmed.")
    answer_minutes = minutes("To a complaint or praise; of the terms without a category.")
    in_working_days = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata={"description": "Only minutes of working days count, 1440 in each."},
    )
    reopen_days = days(DAYS_MAX, f"From the end of the time to confirm; {DEFAULT_TERMS.reopen_days} unless it is set.")
    reopens_max = days(REOPENS_MAX, "How often a repair may be reopened.")
    rating_days = days(DAYS_MAX, "From the end of the time to confirm, a rating may be given and changed.")


class TermsView(Fast):
    """How long each step may take."""

    assign_minutes = fields.Integer(required=True)
    start_minutes = fields.Integer(required=True)
    finish_minutes = fields.Integer(required=True)
    confirm_minutes = fields.Integer(required=True)
    answer_minutes = fields.Integer(required=True)
    in_working_days = fields.Boolean(required=True)
    reopen_days = fields.Integer(required=True)
    reopens_max = fields.Integer(required=True)
    rating_days = fields.Integer(required=True)


class RepairStatisticsArguments(Arguments):
    """Of the repairs submitted in which days, both included: the last 90 unless they are given, 366 at most."""

    from_ = Day(data_key="from", load_default=None)
    to = Day(load_default=None)


class FiguresView(Fast):
    """How some repairs went."""

    opened = fields.Integer(required=True)
    done = fields.Integer(required=True)
    on_time = fields.Integer(required=True, metadata={"description": "Of those done: no step took too long."})
    reopened = fields.Integer(required=True)
    median_minutes_to_assign = fields.Float(required=True, allow_none=True, metadata={"description": MEDIAN})
    median_minutes_to_start = fields.Float(required=True, allow_none=True, metadata={"description": MEDIAN})
    median_minutes_to_done = fields.Float(required=True, allow_none=True, metadata={"description": MEDIAN})
    ratings = fields.Integer(required=True)
    rating_mean = fields.Float(
        required=True, allow_none=True, metadata={"description": "Of 1 to 5; null to the public below 5 ratings."}
    )


class PublicStatisticsView(Fast):
    """How repairs went, as everybody sees it."""

    from_ = Day(data_key="from", attribute="period.first", required=True)
    to = Day(attribute="period.last", required=True)
    figures = fields.Nested(FiguresView, required=True)


class CategoryFiguresView(Fast):
    """How the repairs of one category went."""

    category = fields.String(required=True)
    category_name = fields.String(required=True)
    figures = fields.Nested(FiguresView, required=True)


class StaffStatisticsView(PublicStatisticsView):
    """How repairs went, as staff see it."""

    categories = fields.List(fields.Nested(CategoryFiguresView), required=True)
    open_now = fields.Integer(required=True)
    overdue_now = fields.Integer(required=True)
    cancelled = fields.Integer(required=True)
    rejected = fields.Integer(required=True)
    confirmed_by_time = fields.Integer(required=True)
    complaints = fields.Integer(required=True)
    praise = fields.Integer(required=True)
    complaints_answered = fields.Integer(required=True)
    complaints_answered_on_time = fields.Integer(required=True)
