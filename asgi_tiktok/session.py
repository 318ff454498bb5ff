"""What one connection knows of its TikTok user: `scope["tiktok"]`."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any, Protocol

import httpx2

from asgi_tiktok.accounts.sessions import Session
from asgi_tiktok.errors import ConfigurationError, LoginRequired, ScopeRequired
from asgi_tiktok.models import AnonymousUser, TikTokUser, Token
from asgi_tiktok.tiktok import TikTok

ANONYMOUS = AnonymousUser()
NO_DATA: Mapping[str, Any] = MappingProxyType({})


class TikTokSession:
    """The sign-in of one connection, or its absence, as it was when the connection began."""

    __slots__ = ("mount", "session", "tiktok")

    def __init__(self, tiktok: TikTok, session: Session | None, mount: str) -> None:
        self.tiktok = tiktok
        self.session = session
        self.mount = mount

    def __repr__(self) -> str:
        return f"TikTokSession(user={self.user!r}, scopes={self.scopes!r})"

    @property
    def user(self) -> TikTokUser | AnonymousUser:
        """Who is here; the same as `scope["user"]`."""
        return ANONYMOUS if self.session is None else self.session.user

    @property
    def scopes(self) -> tuple[str, ...]:
        """The permissions that the user granted."""
        return () if self.session is None else self.session.scopes

    @property
    def data(self) -> Mapping[str, Any]:
        """What the `on_login` hook returned; a copy, for what stands behind it serves other requests too."""
        return NO_DATA if self.session is None else deepcopy(self.session.data)

    @property
    def created_at(self) -> int | None:
        """When this browser signed in, in seconds since the epoch."""
        return None if self.session is None else self.session.created_at

    async def is_live(self) -> bool:
        """Whether the session is there now, for what takes longer than a request: it may have ended meanwhile."""
        return self.session is not None and await self.tiktok.sessions.is_live(self.session)

    def login_url(self, *, next: str | None = None, scopes: Iterable[str] = (), switch_account: bool = False) -> str:
        """A link that signs in and then leads to `next`, a path of this site.

        `scopes` asks for more permissions, which must be declared in TikTok(optional_scopes=...).
        `switch_account` lets the person choose another TikTok account.
        """
        site = self.tiktok.site
        return site.url(
            site.login,
            self.mount,
            next=next,
            scopes=",".join(self.tiktok.check_declared(scopes)),
            switch_account="1" if switch_account else None,
        )

    def logout_url(self, *, next: str | None = None) -> str:
        """Where a form has to POST to sign out and then lead to `next`; a link shows a page with the button."""
        return self.tiktok.site.url(self.tiktok.site.logout, self.mount, next=next)

    def require(self, *scopes: str) -> TikTokUser:
        """The user, if somebody is signed in who granted all these scopes.

        Raises LoginRequired for nobody, ScopeRequired where a scope is missing, and ConfigurationError for a
        scope that the app did not declare. An app that answers with the error's `status_code` and its
        `challenge` in WWW-Authenticate need do no more: the middleware shows the way to TikTok.
        """
        wanted = self.tiktok.check_declared(scopes)
        if self.session is None:
            raise LoginRequired("Nobody is signed in.", scopes=wanted)
        if missing := [scope for scope in wanted if scope not in self.session.scopes]:
            raise ScopeRequired(f"The user has not granted {', '.join(missing)}.", scopes=wanted)
        return self.session.user

    async def token(self) -> Token:
        """A valid token of the user, refreshed when needed. Raises LoginRequired, Unavailable, StoreError."""
        return await self.tiktok.token(self.require().open_id)

    def api(self) -> httpx2.AsyncClient:
        """An httpx2 client on TikTok's API as this user, as TikTok.api; raises LoginRequired for nobody."""
        return self.tiktok.api(self.require().open_id)


def introduced(scope: Mapping[str, Any]) -> TikTokSession | None:
    """The session that the middleware put there, if it did so already."""
    session = scope.get("tiktok")
    return session if isinstance(session, TikTokSession) else None


class Connection(Protocol):
    """A request or WebSocket of any framework that shows its ASGI scope."""

    @property
    def scope(self) -> Mapping[str, Any]: ...


def tiktok_session(connection: Connection) -> TikTokSession:
    """`scope["tiktok"]` of a request or WebSocket, typed: Starlette's, FastAPI's, Quart's, Litestar's, Django's.

    Raises ConfigurationError when the middleware does not stand in front of the app.
    """
    session = introduced(connection.scope)
    if session is None:
        raise ConfigurationError(
            "This connection did not pass TikTokAuthMiddleware. Add app.add_middleware(TikTokAuthMiddleware, "
            "tiktok=tiktok), or wrap the whole app: app = TikTokAuthMiddleware(app, tiktok)."
        )
    return session
