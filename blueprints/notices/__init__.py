"""Notices: the inbox, messages by WeChat, announcements."""
