"""Sharing: a code for a thing, what a code leads to, its image, and an address for outside of WeChat."""

from __future__ import annotations

from typing import Any

from flask import Response

from blueprints.edge.caller import ANYONE
from blueprints.edge.files import PNG, PUBLIC, file_response, send_file
from blueprints.edge.room import Parts, Room
from blueprints.sharing import making
from blueprints.sharing.schemas import ShareLinkView, ShareView
from rules import sharing
from rules.files import StorageBusy
from rules.hosting import HostedByGovernment
from rules.sharing import ShareCodeUnknown, SubjectUnknown
from rules.uploads.refusals import PictureUnreadable
from rules.work import Work
from wechat.refusals import CodeImageRefused, LinkRefused, Misconfigured, WechatBusy

room = Room("sharing", __name__, description="Codes and links that are shared")


@room.does_in_parts(
    "GET", "/share/<string:kind>/<id:subject_id>", needs=ANYONE, refuses=[SubjectUnknown, HostedByGovernment]
)
@room.response(200, ShareView)
def share_subject(parts: Parts, kind: str, subject_id: int) -> Any:
    """How to share an activity, a venue, a centre, a group or a reward; the code is made when it is asked for first."""
    return making.share(parts, kind, subject_id)


@room.does("GET", "/share-codes/<string:scene>", needs=ANYONE, refuses=[ShareCodeUnknown])
@room.response(200, ShareView)
def resolve_share_code(work: Work, scene: str) -> Any:
    """What a scanned code leads to."""
    return sharing.resolve_code(work, scene)


@room.does_in_parts(
    "GET",
    "/share-codes/<string:scene>/image",
    needs=ANYONE,
    refuses=[ShareCodeUnknown, CodeImageRefused, Misconfigured, PictureUnreadable, StorageBusy, WechatBusy],
)
@file_response(room, PNG)
def show_code_image(parts: Parts, scene: str) -> Response:
    """The mini-program's own code that opens it, to print and to send. Made by WeChat once, then kept."""
    return send_file(making.image_of(parts, scene), PNG, name=f"{scene}.png", caching=PUBLIC)


@room.does_in_parts(
    "GET",
    "/share-codes/<string:scene>/link",
    needs=ANYONE,
    refuses=[ShareCodeUnknown, LinkRefused, Misconfigured, WechatBusy],
)
@room.response(200, ShareLinkView)
def show_share_link(parts: Parts, scene: str) -> Any:
    """An address that opens it from a text message or a browser, for a month at most."""
    return making.link_of(parts, scene)
