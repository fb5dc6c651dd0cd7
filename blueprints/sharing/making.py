"""What WeChat makes for a shared thing: asked for between two units of work, and kept."""

from __future__ import annotations

from blueprints.edge.house import house
from blueprints.edge.room import Parts
from rules import sharing
from rules.sharing import LINK_DAYS, Share
from rules.uploads.pictures import as_png

PNG = "image/png"


def share(parts: Parts, kind: str, subject_id: int) -> Share:
    """How something is shared; its first asker makes the code. Raises SubjectUnknown, HostedByGovernment."""
    found = parts.read(sharing.find_share, kind, subject_id)
    return found or parts.write(sharing.give_code, kind, subject_id)


def image_of(parts: Parts, scene: str) -> bytes:
    """A code's image as PNG. Raises ShareCodeUnknown, StorageBusy and what WeChat's call raises."""
    subject, key = parts.read(sharing.image_key, scene)
    kept = house().files.get(key)
    if kept is not None:
        return kept
    image = as_png(house().wechat.code_image(scene, subject.page))
    house().files.put(key, image, PNG)
    return image


def link_of(parts: Parts, scene: str) -> Share:
    """An address that lasts. Raises ShareCodeUnknown and what WeChat's call raises."""
    subject, lasts = parts.read(sharing.read_link, scene)
    if lasts:
        return subject
    address = house().wechat.make_link(subject.page, f"scene={scene}", LINK_DAYS)
    return parts.write(sharing.keep_link, scene, address)
