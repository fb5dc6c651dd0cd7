"""The one access token of each mini-program, shared by all processes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class WechatToken(Base):
    """What WeChat's stable-token call answered last. Whoever holds the lease fetches the next one."""

    __tablename__ = "wechat_token"

    appid: Mapped[str] = mapped_column(primary_key=True)
    token_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)  #: encrypted
    expires_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]  #: one process is fetching; others wait until then at most


class WechatEvent(Base):
    """An event that WeChat pushed, so that its repetition is known. It says nothing of whom or what it was."""

    __tablename__ = "wechat_event"

    event_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)  #: SHA-256 of what names the event
    received_at: Mapped[datetime]
