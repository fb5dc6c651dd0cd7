"""What authors and reporters are told; the words are in `rules.notices.catalogue`."""

from __future__ import annotations

from collections.abc import Sequence

from models.moderation import ContentKind, ReportOutcome
from rules.outbox import Message, put
from rules.work import Work

REFUSED = "content.refused"
RESTORED = "content.restored"
REPORT_DECIDED = "report.decided"


def tell_refusal(work: Work, content_id: int, kind: ContentKind, resident_id: int | None, reason: str | None) -> None:
    """Tell the author that something isn't shown, and why. `reason`: staff's words; None: a check refused it."""
    _tell_author(work, REFUSED, content_id, kind, resident_id, {"reason": reason or ""})


def tell_restoration(work: Work, content_id: int, kind: ContentKind, resident_id: int | None) -> None:
    """Tell the author that something is shown again."""
    _tell_author(work, RESTORED, content_id, kind, resident_id, {})


def tell_reporters(work: Work, reports: Sequence[tuple[int, int]], outcome: ReportOutcome) -> None:
    """Tell each reporter what came of it. `reports`: ids of the report and the reporter."""
    said = {"outcome": outcome.value}
    put(
        work,
        [
            Message(REPORT_DECIDED, str(id_), {"resident_id": str(reporter), "report_id": str(id_), **said})
            for id_, reporter in reports
        ],
    )


def _tell_author(
    work: Work, topic: str, content_id: int, kind: ContentKind, resident_id: int | None, more: dict[str, str]
) -> None:
    if resident_id is None:  # staff and the system read the log of decisions
        return
    told = {
        "resident_id": str(resident_id),
        "content_id": str(content_id),
        "kind": kind.value,
    }
    # Something may be refused, restored and refused again: each is told once.
    put(work, [Message(topic, f"{content_id}:{work.now.isoformat()}", told | more)])
