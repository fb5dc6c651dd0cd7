"""Residents, staff and how they sign in."""

from models.residents.desk import MobileHolder, Registration
from models.residents.people import (
    Consent,
    Household,
    OpenidLookup,
    Organisation,
    OrganisationMember,
    Proxy,
    ProxyKind,
    Purpose,
    Resident,
    ResidentStatus,
)
from models.residents.rights import (
    ConsentWithdrawal,
    DataExport,
    Erasure,
    HouseholdRequest,
    HouseholdRequestStatus,
    Merging,
    MergingStatus,
)
from models.residents.sign_in import RefreshToken, SignInDevice
from models.residents.staff import Role, RoleGrant, SignInFailure, Staff, StaffLookup, StaffStatus

__all__ = [
    "Consent",
    "ConsentWithdrawal",
    "DataExport",
    "Erasure",
    "Household",
    "HouseholdRequest",
    "HouseholdRequestStatus",
    "Merging",
    "MergingStatus",
    "MobileHolder",
    "OpenidLookup",
    "Organisation",
    "OrganisationMember",
    "Proxy",
    "ProxyKind",
    "Purpose",
    "RefreshToken",
    "Registration",
    "Resident",
    "ResidentStatus",
    "Role",
    "RoleGrant",
    "SignInDevice",
    "SignInFailure",
    "Staff",
    "StaffLookup",
    "StaffStatus",
]
