"""找朋友: interest groups, posts of people who look for company, what neighbours show of themselves."""

from models.groups.gatherings import (
    AttendeeStatus,
    GroupActivity,
    GroupMeetup,
    GroupPost,
    GroupProposal,
    MeetupAttendee,
    MeetupStatus,
    ProposalStatus,
)
from models.groups.neighbours import Disclosure, ResidentBlock, ResidentCard
from models.groups.partners import (
    PartnerKind,
    PartnerMessage,
    PartnerPost,
    PartnerPostStatus,
    PostResponse,
    ResponseStatus,
)
from models.groups.people import (
    Group,
    GroupInvitation,
    GroupMember,
    GroupRequest,
    GroupRole,
    GroupStatus,
    Joining,
    MemberStatus,
    RequestStatus,
)

__all__ = [
    "AttendeeStatus",
    "Disclosure",
    "Group",
    "GroupActivity",
    "GroupInvitation",
    "GroupMeetup",
    "GroupMember",
    "GroupPost",
    "GroupProposal",
    "GroupRequest",
    "GroupRole",
    "GroupStatus",
    "Joining",
    "MeetupAttendee",
    "MeetupStatus",
    "MemberStatus",
    "PartnerKind",
    "PartnerMessage",
    "PartnerPost",
    "PartnerPostStatus",
    "PostResponse",
    "ProposalStatus",
    "RequestStatus",
    "ResidentBlock",
    "ResidentCard",
    "ResponseStatus",
]
