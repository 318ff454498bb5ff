"""People of the emulator, by name."""

from asgi_tiktok.emulator import CAST

AMARA, JUN, QUILL = CAST[:3]
"""Amara approves logins unless a test names another person. Quill's display name contains HTML."""
