"""The link with which a user of the app connects a TikTok account: the id of this user, sealed for a short time."""

import time
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from typing import Any

from asgi_tiktok.clock import is_recent
from asgi_tiktok.crypto.keys import KeyRing, Unreadable
from asgi_tiktok.crypto.records import open_record, seal_record
from asgi_tiktok.errors import ConfigurationError, RequestRefused

PURPOSE = "connect"
LIFETIME = 600  # seconds
MAX_USER_ID = 128  # characters


class ConnectLinks:
    """Seals the id of a user for one TikTok app and its redirect_uri, and opens it."""

    def __init__(self, keys: KeyRing, context: str) -> None:
        self.keys = keys
        self.context = context

    def seal(self, user_id: str) -> str:
        facts = {"user_id": user_id, "made_at": int(time.time())}
        sealed = seal_record(self.keys.newest, PURPOSE, facts, context=self.context)
        return urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    def unseal(self, value: str) -> str:
        """Return the id of the user. Raises RequestRefused for a link that is too old or was not made here."""
        try:
            sealed = b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
            return open_record(self.keys, PURPOSE, sealed, read_user_id, context=self.context)
        except (Base64Error, ValueError, Unreadable):
            raise RequestRefused(
                "The link that connects a TikTok account is older than ten minutes, or was not made by this app.",
                code="connect_link",
                status_code=403,
                hint="Write connect_url(user_id) into a page that the user opens from this app.",
            ) from None


def read_user_id(facts: dict[str, Any]) -> str:
    if not is_recent(facts["made_at"], LIFETIME):
        raise ValueError("The link is too old.")
    return str(facts["user_id"])


def check_user_id(user_id: object) -> str:
    """Return the id of a user of the app as a string."""
    fix = "Pass the id of the user who is signed in to your app, for example str(request.user.pk)."
    if isinstance(user_id, bool) or not isinstance(user_id, str | int):
        raise ConfigurationError(f"user_id must be a string or a number, not {type(user_id).__name__}.", hint=fix)
    text = str(user_id)
    if not 0 < len(text) <= MAX_USER_ID:
        raise ConfigurationError(f"user_id must have 1 to {MAX_USER_ID} characters, not {len(text)}.", hint=fix)
    return text
