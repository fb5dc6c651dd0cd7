"""找搭子: who looks for company, who is in, what those two write; cards and blocks."""

from __future__ import annotations

from typing import Any

from blueprints.edge.caller import RESIDENT
from blueprints.edge.house import house
from blueprints.edge.room import Room
from blueprints.edge.schemas import page_of
from blueprints.groups.partner_schemas import (
    BlockArguments,
    BlockRequest,
    CardChanges,
    DisclosureRequest,
    DisclosureView,
    MyCardView,
    MyPartnerPostArguments,
    MyPostResponseArguments,
    PartnerMessageArguments,
    PartnerMessageView,
    PartnerPostArguments,
    PartnerPostRequest,
    PartnerPostView,
    PartnerWords,
    PersonBlockView,
    PostResponseArguments,
    PostResponseView,
    ResidentCardView,
)
from blueprints.groups.schemas import Acceptance
from models.residents import Role
from rules.daily_limits import DailyLimitReached
from rules.groups import blocks, cards, disclosing, messages, partners, responses
from rules.groups import refusals as no
from rules.groups.addresses import AddressInText
from rules.moderation.refusals import ContentRefused, ContentUnknown
from rules.territory import CommunityUnknown
from rules.uploads.refusals import CLAIMING
from rules.work import Work

room = Room("partners", __name__, description="Looking for company, cards and blocks")

Wish = dict[str, Any]
POSTS = page_of(PartnerPostView, "partner-posts")
RESPONSES = page_of(PostResponseView, "post-responses")
WRITING = (ContentRefused, DailyLimitReached, no.ResidentSuspended, no.TooYoung)


@room.does("GET", "/partner-posts", needs=RESIDENT, refuses=[CommunityUnknown])
@room.arguments(PartnerPostArguments, location="query")
@room.response(200, POSTS)
def list_partner_posts(work: Work, wish: Wish) -> Any:
    """Who looks for company, the latest first."""
    after, limit = wish.pop("cursor"), wish.pop("limit")
    return partners.list_posts(work, house().keys, partners.PartnerFilter(**wish), after, limit)


@room.does(
    "POST",
    "/partner-posts",
    needs=RESIDENT,
    once=True,
    refuses=[*WRITING, *CLAIMING, AddressInText, CommunityUnknown, no.LapseInvalid, no.PartnerPostUnknown],
)
@room.arguments(PartnerPostRequest)
@room.response(201, PartnerPostView)
def write_partner_post(work: Work, wish: Wish) -> Any:
    """Look for company; others see it once it is checked."""
    return partners.write_post(work, house().keys, wish)


@room.does("GET", "/partner-posts/<id:post_id>", needs=RESIDENT, refuses=[no.PartnerPostUnknown])
@room.response(200, PartnerPostView)
def show_partner_post(work: Work, post_id: int) -> Any:
    """A post that is open, or mine, or one that I responded to."""
    return partners.show_post(work, house().keys, post_id)


@room.does("GET", "/me/partner-posts", needs=RESIDENT)
@room.arguments(MyPartnerPostArguments, location="query")
@room.response(200, POSTS)
def list_my_partner_posts(work: Work, wish: Wish) -> Any:
    """My posts, those that are over too."""
    return partners.list_my_posts(work, house().keys, wish["cursor"], wish["limit"])


@room.does("POST", "/partner-posts/<id:post_id>/closing", needs=RESIDENT, refuses=[no.PartnerPostUnknown])
@room.response(200, PartnerPostView)
def close_partner_post(work: Work, post_id: int) -> Any:
    """Look no longer; who waits for an answer is told that it is over."""
    return partners.close_post(work, house().keys, post_id)


@room.does(
    "POST",
    "/partner-posts/<id:post_id>/responses",
    needs=RESIDENT,
    once=True,
    refuses=[*WRITING, no.AlreadyResponded, no.OwnPost, no.PartnerPostUnknown, no.ResponseUnknown],
)
@room.arguments(PartnerWords)
@room.response(201, PostResponseView)
def respond_to_post(work: Work, wish: Wish, post_id: int) -> Any:
    """Say that I am in; the author is told."""
    return responses.respond(work, post_id, wish["words"])


@room.does("GET", "/partner-posts/<id:post_id>/responses", needs=RESIDENT, refuses=[no.PartnerPostUnknown])
@room.arguments(PostResponseArguments, location="query")
@room.response(200, RESPONSES)
def list_post_responses(work: Work, wish: Wish, post_id: int) -> Any:
    """Who is in, of my post."""
    return responses.list_responses(work, post_id, wish["cursor"], wish["limit"])


@room.does("GET", "/me/post-responses", needs=RESIDENT)
@room.arguments(MyPostResponseArguments, location="query")
@room.response(200, RESPONSES)
def list_my_post_responses(work: Work, wish: Wish) -> Any:
    """To what I responded."""
    return responses.list_my_responses(work, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/post-responses/<id:response_id>/decision",
    needs=RESIDENT,
    once=True,
    refuses=[no.PartnersFound, no.ResponseUnknown],
)
@room.arguments(Acceptance)
@room.response(200, PostResponseView)
def decide_post_response(work: Work, wish: Wish, response_id: int) -> Any:
    """Take somebody along, or not; they are told."""
    return responses.decide_response(work, response_id, wish["accept"])


@room.does("DELETE", "/post-responses/<id:response_id>", needs=RESIDENT, refuses=[no.ResponseUnknown])
@room.response(204)
def withdraw_post_response(work: Work, response_id: int) -> None:
    """Take back that I am in, before it is answered."""
    responses.withdraw_response(work, response_id)


@room.does("GET", "/post-responses/<id:response_id>/messages", needs=RESIDENT, refuses=[no.ResponseUnknown])
@room.arguments(PartnerMessageArguments, location="query")
@room.response(200, page_of(PartnerMessageView, "partner-messages"))
def list_partner_messages(work: Work, wish: Wish, response_id: int) -> Any:
    """What we two wrote, the latest first."""
    return messages.list_messages(work, response_id, wish["cursor"], wish["limit"])


@room.does(
    "POST",
    "/post-responses/<id:response_id>/messages",
    needs=RESIDENT,
    once=True,
    refuses=[*WRITING, no.ResponseUnknown],
)
@room.arguments(PartnerWords)
@room.response(201, PartnerMessageView)
def write_partner_message(work: Work, wish: Wish, response_id: int) -> Any:
    """Write to the other one, who sees it once it is checked."""
    return messages.write_message(work, response_id, wish["words"])


@room.does("GET", "/post-responses/<id:response_id>/card", needs=RESIDENT, refuses=[no.CardUnknown, no.ResponseUnknown])
@room.response(200, ResidentCardView)
def show_card_of_response(work: Work, response_id: int) -> Any:
    """The card of who responded to my post; of the author whose post I answered, once they accepted."""
    return cards.show_card_of_response(work, house().keys, response_id)


@room.does(
    "GET",
    "/group-members/<id:member_id>/card",
    needs=RESIDENT,
    refuses=[no.CardUnknown, no.GroupUnknown, no.MemberUnknown],
)
@room.response(200, ResidentCardView)
def show_card_of_member(work: Work, member_id: int) -> Any:
    """The card of somebody in a group of mine."""
    return cards.show_card_of_member(work, house().keys, member_id)


@room.does("GET", "/me/card", needs=RESIDENT)
@room.response(200, MyCardView)
def show_my_card(work: Work) -> Any:
    """My card; there is none, and it is off, until I write one."""
    return cards.show_my_card(work, house().keys)


@room.does("PATCH", "/me/card", needs=RESIDENT, refuses=[*WRITING, *CLAIMING, AddressInText, no.CardIncomplete])
@room.arguments(CardChanges)
@room.response(200, MyCardView)
def change_my_card(work: Work, wish: Wish) -> Any:
    """Write my card, turn it on or off. Others see it once it is checked."""
    return cards.change_my_card(work, house().keys, wish)


@room.does("DELETE", "/me/card", needs=RESIDENT)
@room.response(204)
def remove_my_card(work: Work) -> None:
    """Have no card any more."""
    cards.remove_my_card(work)


@room.does("POST", "/me/blocks", needs=RESIDENT, refuses=[no.BlockSelf, no.BlockUnknown, DailyLimitReached])
@room.arguments(BlockRequest)
@room.response(201, PersonBlockView)
def block_person(work: Work, wish: Wish) -> Any:
    """Have nothing to do with somebody any more; they aren't told."""
    return blocks.block(work, **wish)


@room.does("GET", "/me/blocks", needs=RESIDENT)
@room.arguments(BlockArguments, location="query")
@room.response(200, page_of(PersonBlockView, "my-blocks"))
def list_my_blocks(work: Work, wish: Wish) -> Any:
    """Whom I blocked."""
    return blocks.list_blocks(work, wish["cursor"], wish["limit"])


@room.does("DELETE", "/me/blocks/<id:block_id>", needs=RESIDENT, refuses=[no.BlockUnknown])
@room.response(204)
def unblock_person(work: Work, block_id: int) -> None:
    """Have to do with somebody again."""
    blocks.unblock(work, block_id)


@room.does("POST", "/moderation/contents/<id:content_id>/author", needs=Role.MANAGER, refuses=[ContentUnknown])
@room.arguments(DisclosureRequest)
@room.response(200, DisclosureView)
def disclose_author(work: Work, wish: Wish, content_id: int) -> Any:
    """The real name of whoever wrote something, for a manager of its place, with the reason on record."""
    return disclosing.disclose_author(work, content_id, wish["reason"])
