"""The methods of `TikTok` with which an app lists and ends the sessions of its users."""

import re
from dataclasses import dataclass

from asgi_tiktok.accounts.session_record import PREFIX, log_name
from asgi_tiktok.accounts.sessions import Sessions
from asgi_tiktok.events.event import Event
from asgi_tiktok.events.events import Events

ID = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInBrowser:
    """A session of a user, for an account page. Times are in seconds since the epoch.

    Attributes:
        id (str): Names the session in `end_session`. It signs nobody in, and cannot be guessed.
        created_at (int): The time of the login.
        seen_at (int): The time of the last request, to within five minutes.
        browser (str): The browser and its system in words, for example `"Firefox on Linux"`.
    """

    id: str
    created_at: int
    seen_at: int
    browser: str


class SessionMethods:
    """Lists and ends sessions."""

    _events: Events
    _sessions: Sessions

    async def sessions_of(self, open_id: str) -> list[SignedInBrowser]:
        """Return the browsers in which this user is signed in, the last used one first.

        Args:
            open_id (str): The user's `open_id`.

        Raises StoreError if the store is unavailable.
        """
        return [
            SignedInBrowser(id=each.id, created_at=each.created_at, seen_at=each.seen_at, browser=each.browser)
            for each in sorted(await self._sessions.of_user(open_id), key=lambda each: each.seen_at, reverse=True)
        ]

    async def end_session(self, id: str) -> bool:
        """Sign one browser out. Returns False if there is no such session.

        Let users end only their own sessions: compare the id with those of `sessions_of`. No hook is called.

        Args:
            id (str): The `id` of a session in `sessions_of`.

        Raises StoreError if the store is unavailable.
        """
        if not ID.fullmatch(id) or not await self._sessions.end(PREFIX + id):
            return False
        session = log_name(PREFIX + id)
        self._events.report(Event.SIGN_OUT_FORCED, "signed out by the app: session %s", session, session=session)
        return True

    async def end_sessions(self, open_id: str) -> int:
        """Sign this user out everywhere. Returns the number of sessions that ended.

        Args:
            open_id (str): The user's `open_id`.

        Raises StoreError if the store is unavailable.
        """
        ended = await self._sessions.end_all(open_id)
        self._events.sessions_ended(open_id, ended)
        return ended
