"""People of the emulator, by name."""

from asgi_tiktok.emulator import CAST

AMARA, JUN, QUILL = CAST[:3]
"""Amara approves each login for which a test names no other person. Quill's display name contains HTML."""
