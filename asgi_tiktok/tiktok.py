"""TikTok: one configured TikTok app."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx2
from starlette.datastructures import Secret

from asgi_tiktok.accounts.declared_scopes import DeclaredScopes
from asgi_tiktok.accounts.features import (
    brand_of,
    native_redirect_uris_of,
    qr_polls_of,
    redirect_uris_of,
    texts_of,
)
from asgi_tiktok.accounts.hook_decorators import HookDecorators
from asgi_tiktok.accounts.hooks import Hooks
from asgi_tiktok.accounts.profile_methods import ProfileMethods
from asgi_tiktok.accounts.session_memory import MEMORY_AGE, SESSION_MEMORY, SessionMemories
from asgi_tiktok.accounts.session_methods import SessionMethods
from asgi_tiktok.accounts.sessions import ABSOLUTE_TIMEOUT, IDLE_TIMEOUT, MAX_SESSIONS, Sessions
from asgi_tiktok.accounts.tokens import SHUTDOWN_GRACE, Tokens
from asgi_tiktok.client.client import DEFAULT_SCOPES, TikTokClient
from asgi_tiktok.client.pkce import PKCE
from asgi_tiktok.crypto.keys import KeyRing
from asgi_tiktok.environment import name_variable, read_environment
from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.event_loop import ShieldedTasks, close_within, running_loop
from asgi_tiktok.events.events import Events
from asgi_tiktok.events.log_limiter import LogLimiter
from asgi_tiktok.http.cookies import CookieJar
from asgi_tiktok.http.login_link import LoginLinks
from asgi_tiktok.http.origins import check_trusted_origins
from asgi_tiktok.http.site import DEFAULT_PATH, Site
from asgi_tiktok.mistakes.arguments import check_tiktok_arguments
from asgi_tiktok.stores import DEFAULT_URL, Store, check_store, open_store
from asgi_tiktok.texts.translation import Messages
from asgi_tiktok.validation import check_flag, check_number, check_scopes, check_seconds, check_string

if TYPE_CHECKING:
    from asgi_tiktok.http.addresses import Addresses

__all__ = ["TikTok"]

T = TypeVar("T")

logger = logging.getLogger("asgi_tiktok")

CLOSE_TIMEOUT = 4.5  # seconds to close all connections and files
WEBHOOK_TOLERANCE = 72 * 60 * 60  # seconds; TikTok sends an event again for so long, perhaps with its first signature


class TikTok(DeclaredScopes, HookDecorators, ProfileMethods, SessionMethods):
    """One configured TikTok app: wire client, store, keys, sessions, tokens and hooks.

    Several instances can exist side by side. Their sessions are separate.

    Args:
        client_key (str | Secret): From *Credentials* in the TikTok developer portal.
        client_secret (str | Secret): From the same place.
        redirect_uri (str | Sequence[str]): The exact string that is registered in the portal under *Login Kit*: an
            https address, or `http://localhost:PORT/...` on the Desktop platform. Its path is the callback route.
            Of a list, at most ten for different hosts, the `Host` header of a request selects one; the first one
            serves all other hosts.
        secret_key (str | Secret | Sequence[str | Secret]): Signs cookies and seals records. Of a list, the
            first key signs and seals, and all keys verify and open (for rotation).
        scopes (Iterable[str]): Scopes that every login requests. Default: `("user.info.basic",)`.
        optional_scopes (Iterable[str]): Scopes that `login_url(scopes=...)` may request. Default: none.
        store (str | Store): The URL of a store, or a store object. Default: an SQLite file in `.asgi-tiktok/`.
        base_url (str | None): Replaces the origin of all of TikTok's endpoints, for example by that of the emulator.
            It must be https, or http on this machine. Default: TikTok.
        insecure_base_url (bool): Whether `base_url` may be http in a private network, for an emulator in another
            container. Then `redirect_uri` must be on a developer's machine. Default: False.
        pkce (str): The form of the code challenge: `"hex"` (TikTok's), `"base64url"` (RFC 7636) or `"off"`.
            Default: `"hex"`.
        transport (httpx2.AsyncBaseTransport | None): Replaces the network. Default: the network.
        trust_env (bool): Whether the environment may name a proxy and certificates. Default: False.
        path (str): The prefix of our routes. Default: `/auth/tiktok`.
        default_next (str): Where a login or sign-out without a valid `next` leads. Default: `/`.
        trusted_origins (Iterable[str]): Exact origins of front ends on other hosts. Their pages may POST to the
            sign-out, and `next` may be a whole address of these origins. Default: none.
        native_redirect_uris (Iterable[str]): The https addresses that are registered for an iOS or Android app. They
            turn on the route `/native`, which signs the users of such an app in. Default: none.
        idle_timeout (int): The seconds after which an unused session ends. Default: 7 days.
        absolute_timeout (int): The seconds after which any session ends. Default: 30 days.
        max_sessions (int): The number of sessions that one user may have. Beyond it, the session that would
            end first is ended. Default: 20.
        keep_tokens (bool): Whether tokens are stored after the login. Set it to False in an app that only
            signs users in. Default: True.
        profile_max_age (int | None): The seconds after which the profile of a user whose session is in use is read
            again, in the background. Default: None, never.
        webhook_tolerance (int): The maximum age of a webhook's signature in seconds. Default: 72 hours.
        session_memory (int): The number of sessions that each event loop keeps in memory, so that the store is
            not asked at each request. 0 turns session memory off. Default: 10,000.
        session_memory_bound (float | None): The seconds for which a session that has ended in another process
            may still be served, if notices no longer arrive. Default: 1, or what suits the store.
        session_memory_age (float): The seconds after which a session in memory is read again. Default: 10.
        site_name (str | None): The site's name, which our pages show. Default: none.
        logo_url (str | None): The site's logo, which our pages show: a path of this site, or an https address.
            Default: none.
        messages (Mapping | Callable | None): The site's own texts for our pages, buttons and JSON, for example
            `{"fr": {"continue": "Continuer"}}`, or a function of code and locale that returns a string or None. A
            missing text is the package's in that language, otherwise the English one. Default: none.
        shutdown_grace (int): The seconds that `aclose()` waits for running refreshes, whose responses would be
            lost. Default: 10.
        qr (bool): Whether the route `/qr` signs in with a QR code that a phone scans. It needs the package segno,
            which the extra `qr` installs. Default: False.
        log_open_ids (bool): Whether log records and spans name users by their open_id. Otherwise, they contain a
            hash that depends on `secret_key`. Default: False.

    Raises:
        ConfigurationError: A setting cannot work. The message names the setting and the fix. It is also a
            ValueError.
    """

    @check_tiktok_arguments
    def __init__(
        self,
        client_key: str | Secret,
        client_secret: str | Secret,
        redirect_uri: str | Sequence[str],
        secret_key: str | Secret | Sequence[str | Secret],
        *,
        scopes: Iterable[str] = DEFAULT_SCOPES,
        optional_scopes: Iterable[str] = (),
        store: str | Store = DEFAULT_URL,
        base_url: str | None = None,
        insecure_base_url: bool = False,
        pkce: PKCE = "hex",
        transport: httpx2.AsyncBaseTransport | None = None,
        trust_env: bool = False,
        path: str = DEFAULT_PATH,
        default_next: str = "/",
        trusted_origins: Iterable[str] = (),
        native_redirect_uris: Iterable[str] = (),
        idle_timeout: int = IDLE_TIMEOUT,
        absolute_timeout: int = ABSOLUTE_TIMEOUT,
        max_sessions: int = MAX_SESSIONS,
        keep_tokens: bool = True,
        profile_max_age: int | None = None,
        webhook_tolerance: int = WEBHOOK_TOLERANCE,
        session_memory: int = SESSION_MEMORY,
        session_memory_bound: float | None = None,
        session_memory_age: float = MEMORY_AGE,
        site_name: str | None = None,
        logo_url: str | None = None,
        messages: Messages | None = None,
        shutdown_grace: int = SHUTDOWN_GRACE,
        qr: bool = False,
        log_open_ids: bool = False,
    ) -> None:
        redirect_uris = redirect_uris_of(redirect_uri)
        self._client = TikTokClient(
            client_key,
            client_secret,
            redirect_uris[0],
            scopes=scopes,
            base_url=base_url,
            insecure_base_url=insecure_base_url,
            pkce=pkce,
            transport=transport,
            trust_env=trust_env,
        )
        self._optional_scopes = check_scopes("optional_scopes", optional_scopes)
        self._declared_scopes = self._client.scopes + self._optional_scopes
        self._keep_tokens = check_flag("keep_tokens", keep_tokens)
        self._qr_polls = qr_polls_of(qr)
        self._native_redirect_uris = native_redirect_uris_of(native_redirect_uris, redirect_uris, pkce)
        self._webhook_tolerance = check_number("webhook_tolerance", webhook_tolerance, at_least=60, unit="seconds")
        paths = (
            check_string("path", path, 'Write "/auth/tiktok".'),
            check_string("default_next", default_next, 'Write "/".'),
            check_trusted_origins(trusted_origins),
            [name for name, on in {"qr": qr, "native": self._native_redirect_uris}.items() if on],
        )
        self._texts = texts_of(messages)
        self._brand = brand_of(site_name, logo_url)
        self._site, *other_sites = [Site.of(uri, *paths) for uri in redirect_uris]
        self._keys = KeyRing(secret_key)
        self._log_limiter = LogLimiter(logger)
        self._events = Events(self._keys, self._log_limiter, log_open_ids=check_flag("log_open_ids", log_open_ids))
        self._hooks = Hooks()
        self._store = open_store(store) if isinstance(store, str) else check_store(store)
        self._cookies = CookieJar(secure=self._site.secure, suffix=self._site.cookie_suffix)
        self._memories = SessionMemories(
            self._store,
            max_sessions=check_number("session_memory", session_memory, at_least=0, unit="sessions"),
            bound=None
            if session_memory_bound is None
            else check_seconds("session_memory_bound", session_memory_bound, at_least=0.1),
            max_age=check_seconds("session_memory_age", session_memory_age, at_least=0.1),
        )
        self._sessions = Sessions(
            self._store,
            self._keys,
            self._cookies,
            self._memories,
            self._events,
            audience=self._client._audience,
            origin=self._site.origin,
            idle_timeout=idle_timeout,
            absolute_timeout=absolute_timeout,
            max_sessions=check_number("max_sessions", max_sessions, at_least=1, unit="browsers"),
            bearers=bool(self._native_redirect_uris),
        )
        self._tokens = Tokens(
            self._store,
            self._keys,
            self._client,
            self._sessions,
            self._events,
            self._hooks,
            shutdown_grace=check_number("shutdown_grace", shutdown_grace, at_least=0, unit="seconds"),
        )
        self._logins = ShieldedTasks(shutdown_grace)
        self._profiles = self._new_profiles(profile_max_age)
        self._login_links = self._new_login_links()
        self._other_addresses: tuple[TikTok, ...] = ()
        others = zip(redirect_uris[1:], other_sites, strict=True)
        self._other_addresses = tuple(self._at(uri, site) for uri, site in others)

    def _new_login_links(self) -> LoginLinks:
        return LoginLinks(
            self._site,
            self._keys,
            self._log_limiter,
            audience=(self._client._audience, self._client.redirect_uri),
            optional_scopes=self._optional_scopes,
        )

    def _at(self, redirect_uri: str, site: Site) -> Self:
        """Return this app at another of its addresses. The two share all that does not follow from the address."""
        other = copy(self)
        other._site, other._client = site, copy(self._client)
        other._client.redirect_uri = redirect_uri
        other._client._endpoints.check_redirect_uri(redirect_uri)
        other._cookies = CookieJar(secure=site.secure, suffix=site.cookie_suffix)
        other._sessions = self._sessions.at(other._cookies, site.origin)
        other._login_links = other._new_login_links()
        return other

    def _elsewhere(self, new: Callable[["TikTok"], T]) -> "Addresses[T | None] | None":
        """Return what is new for each of the other addresses, by its host; None if there are no others."""
        if not self._other_addresses:
            return None
        from asgi_tiktok.http.addresses import Addresses

        others = {other._site.origin: new(other) for other in self._other_addresses}
        return Addresses({self._site.origin: None, **others})

    def __repr__(self) -> str:
        return f"TikTok(client_key={self._client.client_key!r}, redirect_uri={self._client.redirect_uri!r})"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """Return the app that the environment describes.

        Reads TIKTOK_CLIENT_KEY, TIKTOK_CLIENT_SECRET, TIKTOK_REDIRECT_URI and TIKTOK_SECRET_KEY
        (comma-separated, newest first), and, if they are set, TIKTOK_SCOPES (comma-separated), TIKTOK_STORE,
        TIKTOK_BASE_URL and TIKTOK_INSECURE_BASE_URL (1 or 0).

        Args:
            environ (Mapping[str, str] | None): The variables. Default: `os.environ`.
            **overrides: Arguments of the constructor, which override the environment.

        Raises:
            ConfigurationError: A value is missing or invalid. The message names the variable and the fix.
        """
        settings = read_environment(os.environ if environ is None else environ, overrides)
        try:
            return cls(**{**settings, **overrides})
        except ConfigurationError as error:
            raise name_variable(error, overrides) from None

    async def aclose(self) -> None:
        """Finish running logins and refreshes, and close connections and files. All can be used again.

        It takes at most `shutdown_grace` and five seconds. Connections that are not closed by then are dropped.
        """
        with suppress(ConfigurationError):  # raised without asyncio, and then nothing is open
            running_loop()
            await self._profiles.aclose()
            await asyncio.gather(self._logins.aclose(), self._tokens.aclose())
            await close_within(CLOSE_TIMEOUT, self._client.aclose, self._memories.aclose, self._store.aclose)
