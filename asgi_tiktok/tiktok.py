"""TikTok: one TikTok app, configured."""

import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Self

import httpx2

from asgi_tiktok.accounts.api_client import user_client
from asgi_tiktok.accounts.hooks import Hooks, OnEvent, OnLogin, OnLogout, check_hook
from asgi_tiktok.accounts.sessions import ABSOLUTE_TIMEOUT, IDLE_TIMEOUT, MAX_SESSIONS, Sessions
from asgi_tiktok.accounts.tokens import Tokens
from asgi_tiktok.client.client import DEFAULT_SCOPES, PKCE, TikTokClient
from asgi_tiktok.crypto.keys import CURE as SECRET_CURE
from asgi_tiktok.crypto.keys import KeyRing
from asgi_tiktok.errors import ConfigurationError, LoginRequired
from asgi_tiktok.http.cookies import CookieJar
from asgi_tiktok.http.site import DEFAULT_PATH, Site
from asgi_tiktok.models import Token
from asgi_tiktok.stores import DEFAULT_URL, Store, check_store, open_store
from asgi_tiktok.validation import check_instance, check_number, check_scopes, check_text

WEBHOOK_TOLERANCE = 5 * 60  # seconds between signing and receiving, either way


class TikTok:
    """One TikTok app: its wire, store, keys, sessions and tokens. Several live side by side.

    `redirect_uri` is the exact string registered in the portal. `secret_key` signs cookies and seals
    records; a list rotates: the first signs, all verify. `scopes` are asked for at every login,
    `optional_scopes` may be asked for later. `store` is a URL or a store object. `path` is the prefix of
    our own routes. `idle_timeout` and `absolute_timeout` of sessions are in seconds; `max_sessions` is how
    many browsers one user may be signed in with. `keep_tokens=False` drops the tokens after the login.
    `webhook_tolerance` is how old a webhook's signature may be, in seconds.
    `base_url`, `pkce`, `transport` and `trust_env` are TikTokClient's.

    Raises ConfigurationError, a ValueError, for settings that cannot work, naming setting and cure.
    """

    def __init__(
        self,
        client_key: str,
        client_secret: str,
        redirect_uri: str,
        secret_key: str | Sequence[str],
        *,
        scopes: Iterable[str] = DEFAULT_SCOPES,
        optional_scopes: Iterable[str] = (),
        store: str | Store = DEFAULT_URL,
        base_url: str | None = None,
        pkce: PKCE = "hex",
        transport: httpx2.AsyncBaseTransport | None = None,
        trust_env: bool = False,
        path: str = DEFAULT_PATH,
        default_next: str = "/",
        idle_timeout: int = IDLE_TIMEOUT,
        absolute_timeout: int = ABSOLUTE_TIMEOUT,
        max_sessions: int = MAX_SESSIONS,
        keep_tokens: bool = True,
        webhook_tolerance: int = WEBHOOK_TOLERANCE,
    ) -> None:
        self.client = TikTokClient(
            client_key,
            client_secret,
            redirect_uri,
            scopes=scopes,
            base_url=base_url,
            pkce=pkce,
            transport=transport,
            trust_env=trust_env,
        )
        check_number("idle_timeout", idle_timeout, at_least=60, unit="seconds")
        check_number("absolute_timeout", absolute_timeout, at_least=idle_timeout, unit="seconds")
        check_number("max_sessions", max_sessions, at_least=1, unit="browsers")
        self.optional_scopes = check_scopes("optional_scopes", optional_scopes)
        self.site = Site.of(redirect_uri, check_text("path", path), check_text("default_next", default_next))
        self.keys = KeyRing(secret_key)
        self.store = open_store(store) if isinstance(store, str) else check_store(store)
        # Two TikTok apps of one site must not share a cookie, and their paths differ anyway.
        suffix = "" if path == DEFAULT_PATH else path.replace("/", ".")
        self.cookies = CookieJar(secure=self.site.secure, suffix=suffix)
        self.sessions = Sessions(
            self.store,
            self.keys,
            self.cookies,
            audience=self.client.audience,
            idle_timeout=idle_timeout,
            absolute_timeout=absolute_timeout,
            max_sessions=max_sessions,
        )
        self.tokens = Tokens(self.store, self.keys, self.client)
        self.hooks = Hooks()
        self.keep_tokens = check_instance("keep_tokens", keep_tokens, bool, "give True or False.")
        self.webhook_tolerance = check_number("webhook_tolerance", webhook_tolerance, at_least=60, unit="seconds")

    def __repr__(self) -> str:
        return f"TikTok(client_key={self.client.client_key!r}, redirect_uri={self.client.redirect_uri!r})"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """The app that the environment describes; keyword arguments of the constructor go before it.

        Reads TIKTOK_CLIENT_KEY, TIKTOK_CLIENT_SECRET, TIKTOK_REDIRECT_URI and TIKTOK_SECRET_KEY (newest
        first, comma-separated), and where they are set TIKTOK_SCOPES (comma-separated), TIKTOK_STORE and
        TIKTOK_BASE_URL. Raises ConfigurationError naming the variable and the cure.
        """
        environ = os.environ if environ is None else environ
        settings: dict[str, Any] = {}
        for setting, (variable, cure) in REQUIRED.items():
            value = environ.get(variable, "").strip()
            if not value and setting not in overrides:
                raise ConfigurationError(f"The environment variable {variable} is not set. {cure}")
            settings[setting] = value
        settings["secret_key"] = split_list(settings["secret_key"])
        for setting, variable in OPTIONAL.items():
            if value := environ.get(variable, "").strip():
                settings[setting] = split_list(value) if setting == "scopes" else value
        try:
            return cls(**{**settings, **overrides})
        except ConfigurationError as error:
            raise ConfigurationError(f"{name_variable(error.description, overrides)}") from None

    async def token(self, open_id: str) -> Token:
        """A valid token of this user, refreshed when needed.

        Raises LoginRequired when only a new login can help, Unavailable when TikTok does not answer and
        the old token has ended, StoreError.
        """
        return await self.tokens.get(open_id)

    def api(self, open_id: str) -> httpx2.AsyncClient:
        """An httpx2 client on https://open.tiktokapis.com as this user, in a handler or anywhere else.

        It refreshes the token ahead of its end, and tries once more with a new one where TikTok says
        `access_token_invalid`. A request raises what `token` raises, and httpx2's errors. Use it in
        `async with`; it shares the app's connections.
        """
        return user_client(self.tokens, open_id)

    def stored_tokens(self, *, ending_within: float | None = None) -> AsyncIterator[Token]:
        """The token of every user who has one here, the one who must log in again first first.

        `ending_within` stops at refresh tokens that live longer than these seconds; TikTok's refresh
        window does not slide, so those people should be asked to sign in. Raises StoreError.
        """
        return self.tokens.all(ending_within=ending_within)

    def on_login(self, hook: OnLogin) -> OnLogin:
        """Decorate `async def hook(user, request)`, called before a session begins.

        What it returns, a dict that JSON can hold, is the session's `data`; raising LoginDenied("reason")
        turns the person away. A hook that raises anything else ends the login with an error page.
        """
        check_hook("on_login", hook)
        self.hooks.on_login.append(hook)
        return hook

    def on_logout(self, hook: OnLogout) -> OnLogout:
        """Decorate `async def hook(user, request)`, called when a person has signed out."""
        check_hook("on_logout", hook)
        self.hooks.on_logout.append(hook)
        return hook

    def on_deauthorized(self, hook: OnEvent) -> OnEvent:
        """Decorate `async def hook(event)`, called when a person's account is no longer connected to the app.

        Their sessions and tokens are gone by then. A hook that raises makes TikTok send the event again.
        """
        check_hook("on_deauthorized", hook)
        self.hooks.on_deauthorized.append(hook)
        return hook

    def on_event(self, hook: OnEvent) -> OnEvent:
        """Decorate `async def hook(event)`, called for every event that TikTok sends to the webhook."""
        check_hook("on_event", hook)
        self.hooks.on_event.append(hook)
        return hook

    async def disconnect(self, open_id: str) -> None:
        """Sign the user out everywhere, revoke at TikTok, and forget the tokens.

        The sessions end first, whatever happens then. Raises TokenError or Unavailable when TikTok did not
        confirm; the token is kept then, so that a later call can try again. Raises ConfigurationError where
        no tokens are kept, StoreError.
        """
        await self.sessions.end_all(open_id)
        try:
            token = await self.tokens.get(open_id)
        except LoginRequired:
            await self.tokens.forget(open_id)
            if not self.keep_tokens:
                raise ConfigurationError(
                    "TikTok cannot be told without a token, and TikTok(keep_tokens=False) keeps none."
                ) from None
            return
        await self.client.revoke_token(token.access_token)
        await self.tokens.forget(open_id)

    async def end_sessions(self, open_id: str) -> int:
        """Sign this user out everywhere; how many sessions that were. Raises StoreError."""
        return await self.sessions.end_all(open_id)

    def check_declared(self, scopes: Iterable[str]) -> tuple[str, ...]:
        """The scopes, if the app declared them all; raises ConfigurationError for one that it did not."""
        checked = check_scopes("scopes", scopes)
        for scope in checked:
            if scope not in self.client.scopes + self.optional_scopes:
                raise ConfigurationError(f"{scope!r} is not declared: name it in TikTok(optional_scopes=...).")
        return checked

    async def aclose(self) -> None:
        """Finish refreshes that are under way, and close connections and files. All opens again when used."""
        await self.tokens.aclose()
        await self.client.aclose()
        await self.store.aclose()


PORTAL = "Copy it from Credentials in the TikTok developer portal; to try without, run: asgi-tiktok demo"
REQUIRED = {
    "client_key": ("TIKTOK_CLIENT_KEY", PORTAL),
    "client_secret": ("TIKTOK_CLIENT_SECRET", PORTAL),
    "redirect_uri": (
        "TIKTOK_REDIRECT_URI",
        "Give the address registered in the portal, such as https://app.example.com/auth/tiktok/callback",
    ),
    "secret_key": ("TIKTOK_SECRET_KEY", SECRET_CURE),
}
OPTIONAL = {"scopes": "TIKTOK_SCOPES", "store": "TIKTOK_STORE", "base_url": "TIKTOK_BASE_URL"}


def split_list(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def name_variable(description: str, overrides: Mapping[str, Any]) -> str:
    """The text of an error with the variable in the place of the setting that came from it."""
    variables = {setting: variable for setting, (variable, _) in REQUIRED.items()} | OPTIONAL
    for setting, variable in variables.items():
        if description.startswith(setting) and setting not in overrides:
            return variable + description[len(setting) :]
    return description
