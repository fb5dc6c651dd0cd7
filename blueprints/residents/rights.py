"""My rights to what is kept about me: consents, a copy of everything, erasure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from flask import Response

from blueprints.edge.caller import RESIDENT
from blueprints.edge.files import file_response, send_file
from blueprints.edge.house import house
from blueprints.edge.room import Parts, Room
from blueprints.edge.schemas import all_of
from blueprints.residents.rights_schemas import (
    ConsentRequest,
    ConsentView,
    ErasureRequest,
    ErasureView,
    ExportPartArguments,
    ExportView,
    WardArguments,
)
from rules.files import StorageBusy
from rules.hosting import HostedByGovernment
from rules.points.ranking import RankingNotForChildren
from rules.residents import acting
from rules.residents.sign_in import ConsentOutdated
from rules.rights import asking, consents, exporting
from rules.volunteering.refusals import GuardianNeeded
from rules.work import Work

room = Room("rights", __name__, description="What is kept about me, and what I agree to")

Wish = dict[str, Any]
ZIP = "application/zip"
#: Nobody may keep it, the caller's own cache included.
NOWHERE = "private, no-store"
CONSENTS = all_of(ConsentView)


@room.does("GET", "/me/consents", needs=RESIDENT, refuses=[*acting.REFUSALS])
@room.arguments(WardArguments, location="query")
@room.response(200, CONSENTS)
def list_consents(work: Work, wish: Wish) -> Any:
    """What I agreed to, in which version, since when, and what it is needed for."""
    return SimpleNamespace(items=consents.list_consents(work, wish["resident_id"]))


@room.does(
    "POST",
    "/me/consents",
    needs=RESIDENT,
    refuses=[
        *acting.REFUSALS,
        ConsentOutdated,
        GuardianNeeded,
        HostedByGovernment,
        RankingNotForChildren,
        consents.NoPhoneYet,
    ],
)
@room.arguments(ConsentRequest)
@room.response(200, CONSENTS)
def agree(work: Work, wish: Wish) -> Any:
    """Agree to one purpose, in the version that was shown; what it allows begins."""
    return SimpleNamespace(items=consents.agree(work, **wish))


@room.does(
    "DELETE",
    "/me/consents/<string:purpose>",
    needs=RESIDENT,
    refuses=[*acting.REFUSALS, consents.ConsentUnknown, consents.ErasureIsTheWay],
)
@room.arguments(WardArguments, location="query")
@room.response(200, CONSENTS)
def withdraw_consent(work: Work, wish: Wish, purpose: str) -> Any:
    """Withdraw a consent; what it allowed ends at once."""
    return SimpleNamespace(items=consents.withdraw(work, house().keys, purpose, wish["resident_id"]))


@room.does("POST", "/me/exports", needs=RESIDENT, once=True, refuses=[*acting.REFUSALS, exporting.TooManyExports])
@room.arguments(WardArguments)
@room.response(201, ExportView)
def ask_export(work: Work, wish: Wish) -> Any:
    """Open a copy of everything about me, for 24 hours."""
    return exporting.ask_export(work, wish["resident_id"])


@room.does_in_parts("GET", "/me/exports/<id:export_id>", needs=RESIDENT, refuses=[StorageBusy, exporting.ExportUnknown])
@room.arguments(ExportPartArguments, location="query")
@file_response(room, ZIP)
def fetch_export(parts: Parts, wish: Wish, export_id: int) -> Response:
    """Fetch a part of the copy: JSON for each kind of record, CSV of statements, my pictures."""
    gathered = parts.write(exporting.gather_export, house().keys, export_id, wish["part"])
    return send_file(
        exporting.pack(gathered, house().files.get), ZIP, name="我的个人信息.zip", inline=False, caching=NOWHERE
    )


@room.does(
    "POST",
    "/me/erasure",
    needs=RESIDENT,
    refuses=[*acting.REFUSALS, asking.ConfirmationWrong, asking.ErasureBlocked, asking.ErasureKnown],
)
@room.arguments(ErasureRequest)
@room.response(201, ErasureView)
def ask_erasure(work: Work, wish: Wish) -> Any:
    """Ask to be erased; for 7 days it can be taken back."""
    return asking.ask_erasure(work, **wish)


@room.does("GET", "/me/erasure", needs=RESIDENT, refuses=[*acting.REFUSALS, asking.ErasureUnknown])
@room.arguments(WardArguments, location="query")
@room.response(200, ErasureView)
def show_erasure(work: Work, wish: Wish) -> Any:
    """The erasure that I asked for."""
    return asking.show_erasure(work, wish["resident_id"])


@room.does(
    "DELETE", "/me/erasure", needs=RESIDENT, refuses=[*acting.REFUSALS, asking.ErasureBegun, asking.ErasureUnknown]
)
@room.arguments(WardArguments, location="query")
@room.response(204)
def take_erasure_back(work: Work, wish: Wish) -> None:
    """Stay after all."""
    asking.take_erasure_back(work, wish["resident_id"])
