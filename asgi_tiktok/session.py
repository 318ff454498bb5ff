"""TikTokSession: the sign-in of one connection, `scope["tiktok"]`."""

import logging
from collections.abc import Iterable, Mapping, MutableMapping
from copy import deepcopy
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal, Protocol, overload

import httpx2

from asgi_tiktok.accounts.api_client import api_client
from asgi_tiktok.accounts.hooks import check_not_signing_in
from asgi_tiktok.accounts.scoped_users import ProfileStatsUser, ProfileUser, StatsUser, with_fields_of
from asgi_tiktok.accounts.session_memory import Entry
from asgi_tiktok.accounts.session_record import Session
from asgi_tiktok.errors import ConfigurationError, ConnectRefused, LoginRequired, ScopeRequired
from asgi_tiktok.http.cookies import Header
from asgi_tiktok.http.credentials import SharedCredentials
from asgi_tiktok.http.login_link import NO_ATTEMPT, LoginAttempt
from asgi_tiktok.models import AnonymousUser, ConnectedAccount, TikTokUser, Token
from asgi_tiktok.tiktok import TikTok
from asgi_tiktok.validation import check_flag, check_params

__all__ = ["TikTokSession", "tiktok_session"]

ANONYMOUS = AnonymousUser()
NO_CREDENTIALS = SharedCredentials()
NO_DATA: Mapping[str, Any] = MappingProxyType({})

PROFILE = Literal["user.info.profile"]
STATS = Literal["user.info.stats"]


class TikTokSession:
    """The sign-in of one connection, or its absence, as it was when the connection began."""

    __slots__ = ("_attempt", "_headers", "_mount", "_session", "_tiktok")

    def __init__(
        self,
        tiktok: TikTok,
        session: Session | None,
        mount: str,
        headers: Iterable[Header] = (),
        attempt: LoginAttempt = NO_ATTEMPT,
    ) -> None:
        self._tiktok = tiktok
        self._session = session
        self._mount = mount
        self._headers = headers
        self._attempt = attempt

    def __repr__(self) -> str:
        return f"TikTokSession(user={self.user!r}, scopes={self.scopes!r})"

    @property
    def user(self) -> TikTokUser | AnonymousUser:
        """The user; the same object as `scope["user"]`."""
        return ANONYMOUS if self._session is None else self._session.user

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that the user granted."""
        return () if self._session is None else self._session.scopes

    @property
    def data(self) -> Mapping[str, Any]:
        """The dict that the `on_login` hooks returned, for example with your own user id.

        A copy, because the cached record is shared between requests.
        """
        return NO_DATA if self._session is None else deepcopy(self._session.data)

    @property
    def created_at(self) -> int | None:
        """The time at which this browser signed in, in seconds since the epoch; None for an anonymous visitor."""
        return None if self._session is None else self._session.created_at

    async def is_live(self) -> bool:
        """Return whether the session still exists now, for work that takes longer than a request.

        A store that is unavailable ends no session.
        """
        return self._session is not None and await self._tiktok._sessions.is_live(self._session)

    def login_url(
        self,
        *,
        next: str | None = None,
        scopes: Iterable[str] = (),
        params: Mapping[str, Any] | None = None,
        switch_account: bool | None = None,
    ) -> str:
        """Return the link that signs in. In `on_error`, the defaults are those of the login that the error is about.

        Args:
            next (str | None): The path of this site, including the prefix of a mount, to which the login
                leads. Default: `TikTok(default_next=...)`.
            scopes (Iterable[str]): Scopes to request in addition to `TikTok(scopes=...)`. Each must be in
                `TikTok(optional_scopes=...)`. Default: none.
            params (Mapping[str, Any] | None): Values of the app, at most 512 bytes as JSON. They are sealed into
                the link, which is valid for one day, and come back as `grant.params` in `on_login`. Anyone who
                has the link can use it, so they prove nothing about the person who signs in. Default: none.
            switch_account (bool | None): True: TikTok lets the user choose another account. False: TikTok asks
                nothing if it need not. Default: not sent to TikTok.

        Raises:
            ConfigurationError: A scope is not declared, or `params` are too large or not JSON-serializable.
        """
        attempt = replace(
            self._attempt,
            next_path=next or self._attempt.next_path,
            scopes=self._attempt.scopes + self._tiktok._check_declared(scopes),
            params=self._attempt.params if params is None else check_params(params),
        )
        if switch_account is not None:
            attempt = replace(attempt, switch_account=check_flag("switch_account", switch_account))
        return self._tiktok._login_links.write(attempt, self._safe_mount())

    def logout_url(self, *, next: str | None = None) -> str:
        """Return the address to which a form must POST to sign out. A link to it shows a page with the button.

        Args:
            next (str | None): The path of this site to which the sign-out leads. Default:
                `TikTok(default_next=...)`.
        """
        return self._tiktok._site.url(self._tiktok._site.logout, self._safe_mount(), next=next)

    def connect_url(self, user_id: str | int, *, next: str | None = None, scopes: Iterable[str] = ()) -> str:
        """Return the link that connects a TikTok account to a user of the app. Nobody is signed in or out.

        Write it into a page of this user: it is valid for ten minutes, and only on a page of this site. The user
        chooses an account at TikTok, and the flow ends at `next`, whose handler calls `connected(user_id)`.

        Args:
            user_id (str | int): The id of the user who is signed in to the app.
            next (str | None): As in `login_url`.
            scopes (Iterable[str]): As in `login_url`.

        Raises:
            ConfigurationError: A scope is not declared, or `user_id` is None, empty or longer than 128 characters.
        """
        from asgi_tiktok.http.connect_link import check_user_id

        attempt = LoginAttempt(
            next_path=next or "",
            scopes=self._tiktok._check_declared(scopes),
            switch_account=True,
            user_id=check_user_id(user_id),
        )
        return self._tiktok._login_links.write(attempt, self._safe_mount())

    async def connected(self, user_id: str | int | None) -> ConnectedAccount | None:
        """Return the account that this user has just connected in this browser, once; otherwise None.

        Its token is stored, so that `TikTok.token` and `TikTok.api` work with its `open_id`. ConnectRefused need not
        be caught, like the errors of `require`. If the account belongs to another user, raise AlreadyConnected.

        Raises:
            ConnectRefused: The flow began for another user of the app, or `user_id` is empty. Nothing is stored.
            StoreError: The store is unavailable. A reload works.
        """
        if user_id is None or user_id == "":
            raise ConnectRefused("connected() has no user_id, so no user of the app is signed in.")
        from asgi_tiktok.accounts.connections import Connections
        from asgi_tiktok.http.connect_link import check_user_id

        tokens = self._tiktok._tokens if self._tiktok._keep_tokens else None
        return await Connections(self._tiktok._sessions, tokens).take(self._headers, check_user_id(user_id))

    def _safe_mount(self) -> str:
        """The mount of a link. One that could lead to another site is logged, and the link does not contain it."""
        if not self._tiktok._site.is_safe_mount(self._mount):
            self._tiktok._log_limiter.log(
                logging.WARNING, "unsafe_mount", "link without its mount, which could lead to another site"
            )
        return self._mount

    @overload
    def require(self, profile: PROFILE, stats: STATS, /, *scopes: str) -> ProfileStatsUser: ...
    @overload
    def require(self, stats: STATS, profile: PROFILE, /, *scopes: str) -> ProfileStatsUser: ...
    @overload
    def require(self, profile: PROFILE, /, *scopes: str) -> ProfileUser: ...
    @overload
    def require(self, stats: STATS, /, *scopes: str) -> StatsUser: ...
    @overload
    def require(self, *scopes: str) -> TikTokUser: ...
    def require(self, *scopes: str) -> TikTokUser:
        """Return the user, if one is signed in who granted all these scopes.

        The fields of `user.info.profile` and `user.info.stats` are not None if their scope is required: a value that
        TikTok left out is empty, `""`, `False` or `0`. Type checkers know this if these scopes come first.

        The errors need not be caught in Starlette, FastAPI, Quart, Litestar and Django. Any other app
        responds with the error's `status_code` and its `challenge` in WWW-Authenticate, and the middleware
        replaces that response.

        Raises:
            LoginRequired: The visitor is anonymous.
            ScopeRequired: The user has not granted all the scopes.
            ConfigurationError: A scope is not declared.
        """
        required = self._tiktok._check_declared(scopes)
        if self._session is None:
            raise LoginRequired("The visitor is not signed in.", scopes=required)
        if missing := [scope for scope in required if scope not in self._session.scopes]:
            raise ScopeRequired(f"The user has not granted {', '.join(missing)}.", scopes=required)
        return with_fields_of(self._session.user, required)

    async def token(self) -> Token:
        """Return a valid token of the user, refreshed if needed.

        Raises:
            LoginRequired: The visitor is anonymous, or only a new login can help.
            Unavailable: TikTok cannot be reached, and the old token has expired.
            StoreError: The store is unavailable.
        """
        open_id = self.require().open_id
        check_not_signing_in(open_id)
        return await self._tiktok._tokens.get(open_id, scopes=self.scopes)

    def api(self) -> httpx2.AsyncClient:
        """Return an httpx2 client for TikTok's API as this user, like `TikTok.api`.

        Raises:
            LoginRequired: The visitor is anonymous.
        """
        open_id = self.require().open_id
        check_not_signing_in(open_id)
        return api_client(self._tiktok._tokens, open_id, self.scopes)


def populate_scope(scope: MutableMapping[str, Any], tiktok: TikTok, session: Session | None, mount: str) -> None:
    """Set `scope["user"]`, `scope["auth"]` and `scope["tiktok"]`."""
    scope["tiktok"] = TikTokSession(tiktok, session, mount, scope["headers"])
    if session is None:
        scope["user"], scope["auth"] = ANONYMOUS, NO_CREDENTIALS
    else:
        scope["user"], scope["auth"] = session.user, SharedCredentials("authenticated", *session.scopes)


def share(tiktok: TikTok, entry: Entry, cookies: bytes) -> tuple[TikTokSession, TikTokUser, SharedCredentials]:
    """Return what all requests of an entry without a mount have in their scopes, because nobody can change it."""
    session = entry.session
    view = TikTokSession(tiktok, session, "", ((b"cookie", cookies),))
    entry.shared = shared = (view, session.user, SharedCredentials("authenticated", *session.scopes))
    return shared


def session_in_scope(scope: Mapping[str, Any]) -> TikTokSession | None:
    """The session that the middleware has put into the scope, if it has."""
    session = scope.get("tiktok")
    return session if isinstance(session, TikTokSession) else None


def check_outer_tiktok(scope: Mapping[str, Any], tiktok: TikTok) -> None:
    """Raise ConfigurationError behind a middleware whose other TikTok object has the same cookies.

    The outer one answers our routes, and the inner one rejects its cookies, so the visitor would be sent to TikTok
    without end.
    """
    outer = session_in_scope(scope)
    if outer is None or outer._tiktok is tiktok or outer._tiktok._cookies.session != tiktok._cookies.session:
        return
    raise ConfigurationError(
        f"Two TikTok objects have cookies of the same names: {outer._tiktok!r} is in front of {tiktok!r}.",
        hint="Wrap the app once, or pass the same object to both. For two logins on one site, set another path and "
        "another redirect_uri.",
    )


class Connection(Protocol):
    """A request or WebSocket of any framework that exposes its ASGI scope."""

    @property
    def scope(self) -> Mapping[str, Any]:
        """The ASGI scope."""
        ...


def tiktok_session(connection: Connection) -> TikTokSession:
    """Return `scope["tiktok"]`, typed, of a request or WebSocket of Starlette, FastAPI, Quart, Litestar or Django.

    Raises:
        ConfigurationError: The connection did not pass TikTokAuthMiddleware.
    """
    session = session_in_scope(connection.scope)
    if session is None:
        raise ConfigurationError(
            "This connection did not pass TikTokAuthMiddleware. Write app.add_middleware(TikTokAuthMiddleware, "
            "tiktok=tiktok), or wrap the whole app: app = TikTokAuthMiddleware(app, tiktok)."
        )
    return session
