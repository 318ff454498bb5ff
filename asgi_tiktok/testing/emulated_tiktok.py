"""An emulator for one test, with the settings of an app that uses it."""

import importlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import reduce
from typing import Any, Self, TypeVar, overload

import httpx2

from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, Emulator, Exchange, Person, run_emulator
from asgi_tiktok.emulator.world.knobs import Decision
from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.stores import MemoryStore
from asgi_tiktok.testing.emulation import connect
from asgi_tiktok.testing.tiktok_search import search

__all__ = ["EmulatedTikTok", "run_emulator"]

AppT = TypeVar("AppT")


class EmulatedTikTok:
    """An emulator of TikTok for one test. The fixtures `tiktok_emulator` and `tiktok_server` return it.

    Args:
        emulator (Emulator | None): The emulator to use. Default: a new `Emulator()`.

    Attributes:
        emulator (Emulator): The emulator.
        url (str): Its address. Requests to it need `transport`, unless it is served.
        transport (httpx2.AsyncBaseTransport | None): The transport that reaches the emulator in this process; None
            if it is served.
    """

    def __init__(self, emulator: Emulator | None = None) -> None:
        self.emulator: Emulator = emulator or Emulator()
        self.url = "http://127.0.0.1:8700"
        self.transport: httpx2.AsyncBaseTransport | None = httpx2.ASGITransport(self.emulator)
        self._secret_key = secrets.token_urlsafe(32)
        self._store = MemoryStore()
        self._restore: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"EmulatedTikTok({self.url!r}, {len(self.emulator.exchanges)} exchanges)"

    def served_at(self, url: str) -> Self:
        """Return a copy whose settings reach the same emulator over the network.

        Args:
            url (str): The address at which the emulator is served.
        """
        served = copy(self)
        served.url = url
        served.transport = None
        return served

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments of `TikTok(**settings)` for an app that uses this emulator.

        Each of them may be replaced. The emulator also accepts every redirect URI of the form
        `http://localhost:PORT/auth/tiktok/callback`.
        """
        return {
            "client_key": DEFAULT_CLIENT_KEY,
            "client_secret": DEFAULT_CLIENT_SECRET,
            "redirect_uri": "https://testserver/auth/tiktok/callback",
            "secret_key": self._secret_key,
            "store": self._store,
            "base_url": self.url,
            "transport": self.transport,
        }

    @property
    def environ(self) -> dict[str, str]:
        """The TIKTOK_* variables of the same app, for `TikTok.from_env(environ, transport=transport)`."""
        names = ("client_key", "client_secret", "redirect_uri", "secret_key", "base_url")
        environ = {f"TIKTOK_{name.upper()}": self.settings[name] for name in names}
        return {**environ, "TIKTOK_STORE": "memory://"}

    @overload
    def attach(self, app: str) -> Any: ...
    @overload
    def attach(self, app: AppT) -> AppT: ...
    def attach(self, app: Any) -> Any:
        """Let an app that has its own TikTok object use this emulator, until `detach` is called.

        The app keeps its settings and its store. The fixtures call `detach` after the test.

        Args:
            app (ASGIApp | str): The app with TikTokAuthMiddleware, or its import string, for example `"main:app"`.
                The module of an import string is imported while the variables of `environ` are set, so that an app
                that reads them at import needs no others.

        Returns:
            The app, for example for `TestClient(tiktok_emulator.attach("main:app"), base_url="https://testserver")`.

        Raises:
            ConfigurationError: The app has no TikTokAuthMiddleware, or there is no such app.
        """
        with environment(self.environ):
            target = import_app(app) if isinstance(app, str) else app
            found = {id(tiktok): tiktok for tiktok in search(target)}
        if not found:
            raise ConfigurationError(
                f"attach() found no TikTokAuthMiddleware in this {type(target).__name__}.",
                hint="Pass the app that is wrapped by the middleware.",
            )
        for tiktok in found.values():
            self._restore.append(connect(tiktok, self.emulator, self.url, self.transport))
        return target

    def detach(self) -> None:
        """Let the apps that were attached use their own TikTok again."""
        while self._restore:
            self._restore.pop()()

    def consent(
        self,
        authorization_url: str,
        person: Person | str | None = None,
        scopes: Iterable[str] | None = None,
        decision: Decision = "approve",
    ) -> str:
        """Decide on TikTok's consent page.

        Args:
            authorization_url (str): The address to which the app redirected the browser.
            person (Person | str | None): The person who decides, or their open_id. Default: the first of the cast.
            scopes (Iterable[str] | None): The scopes that the person grants. Default: all that the app requests.
            decision (Decision): `"approve"` or `"deny"`. Default: `"approve"`.

        Returns:
            The address to which TikTok redirects the browser.

        Raises:
            ConsentRefused: TikTok would show an error page instead of the consent page.
        """
        return self.emulator.consent(authorization_url, person, scopes, decision)

    def requests(self, endpoint: str | None = None) -> list[Exchange]:
        """Return the requests that the emulator has received, oldest first, with its responses.

        Args:
            endpoint (str | None): Return only the requests to this endpoint: `authorize`, `consent`, `token`,
                `revoke`, `user_info`, `video_list` and others, or `unsupported`. Default: all endpoints.
        """
        return [exchange for exchange in self.emulator.exchanges if endpoint in (None, exchange.endpoint)]


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set the variables of this process until the block ends."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def import_app(target: str) -> Any:
    """Return the app of an import string. Raise ConfigurationError if the module lacks it."""
    module, _, path = target.partition(":")
    if not path:
        raise ConfigurationError(f"{target!r} does not name an app.", hint=f'Write "{module}:app".')
    imported = importlib.import_module(module)
    try:
        return reduce(getattr, path.split("."), imported)
    except AttributeError as error:
        raise ConfigurationError(f"{target!r}: {error}.", hint="Name the app in the module.") from None
