"""Notices: announcements, the inbox, and messages by WeChat."""
