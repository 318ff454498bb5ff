"""The emulator: TikTok's sign-in pages and API as one ASGI app."""

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self, Unpack

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok.emulator.endpoints.api import API
from asgi_tiktok.emulator.endpoints.assets import Assets
from asgi_tiktok.emulator.endpoints.consent import PATH
from asgi_tiktok.emulator.endpoints.fault_injection import FaultInjection
from asgi_tiktok.emulator.endpoints.phone import Phone
from asgi_tiktok.emulator.endpoints.webhooks import WebhookSender
from asgi_tiktok.emulator.inspector.control_api import ControlAPI
from asgi_tiktok.emulator.inspector.page import Inspector
from asgi_tiktok.emulator.pages.rendering import plain_text
from asgi_tiktok.emulator.production import refuse_production
from asgi_tiktok.emulator.state import State
from asgi_tiktok.emulator.world.apps import DEFAULT_APP, App
from asgi_tiktok.emulator.world.clock import Clock
from asgi_tiktok.emulator.world.config import read_config
from asgi_tiktok.emulator.world.exchanges import Exchange
from asgi_tiktok.emulator.world.faults import ENDPOINTS, Faults
from asgi_tiktok.emulator.world.grants import Grants
from asgi_tiktok.emulator.world.hosts import check_public_url, is_host_of, is_local
from asgi_tiktok.emulator.world.knobs import Decision, KnobChanges, Knobs
from asgi_tiktok.emulator.world.people import CAST, Person
from asgi_tiktok.emulator.world.posts import Posts

__all__ = ["Emulator"]


class Emulator:
    """An emulator of TikTok, as an ASGI app that answers only at names of this machine, and at `public_url`.

    Args:
        apps (Sequence[App]): The apps in the developer portal. Default: one app with `DEFAULT_CLIENT_KEY`.
        people (Sequence[Person]): The people who can sign in. Default: `CAST`.
        clock (Callable[[], float]): Returns the time in seconds since 1970. Default: `time.time`.
        public_url (str | None): The origin at which browsers and apps reach the emulator if it has another name, for
            example "http://emulator:8700". Default: None, a name of this machine.
        **knobs: The fields of `Knobs`. Default: the defaults of `Knobs`.

    Attributes:
        public_url (str | None): As given.
        apps (Mapping[str, App]): The apps by client key.
        people (Mapping[str, Person]): The people by open_id.
        knobs (Knobs): The settings of this emulator.
        clock (Clock): The emulator's clock. `clock.move(seconds)` moves it.
        exchanges (deque[Exchange]): The last 1000 requests with their responses, the oldest first.
        faults (Faults): The injected faults. `faults.add("token", "5xx")` makes the next request fail.
        grants (Grants): The consents of people to apps. `grants.remove(client_key, open_id)` ends one.
        posts (Posts): The posts of apps. `posts.publish`, `posts.fail` and `posts.remove` decide what becomes of one.
        webhooks (WebhookSender): The events sent to apps. `webhooks.send(app, event)` sends one.

    Raises:
        ProductionRefused: An environment variable says that this is production.
        ValueError: A value is invalid. The message names the allowed values.
    """

    def __init__(
        self,
        apps: Sequence[App] = (DEFAULT_APP,),
        people: Sequence[Person] = CAST,
        *,
        clock: Callable[[], float] = time.time,
        public_url: str | None = None,
        **knobs: Unpack[KnobChanges],
    ) -> None:
        refuse_production()
        self.public_url: str | None = None if public_url is None else check_public_url(public_url)
        self._state = State(apps, people, clock, Knobs(**knobs))
        self.apps: Mapping[str, App] = self._state.apps
        self.people: Mapping[str, Person] = self._state.people
        self.knobs: Knobs = self._state.knobs
        self.clock: Clock = self._state.clock
        self.exchanges: deque[Exchange] = self._state.exchanges
        self.faults: Faults = self._state.faults
        self.grants: Grants = self._state.grants
        self.posts: Posts = self._state.posts
        self.webhooks: WebhookSender = self._state.webhooks
        self._app = self._asgi_app()

    @classmethod
    def from_config(
        cls, path: str | Path, *, clock: Callable[[], float] = time.time, public_url: str | None = None
    ) -> Self:
        """Create an emulator from a TOML file with [[apps]], [[people]] and [knobs].

        Args:
            path (str | Path): The file. A missing table means the default.
            clock (Callable[[], float]): Returns the time in seconds since 1970. Default: `time.time`.
            public_url (str | None): As in `Emulator(public_url=…)`. Default: None, a name of this machine.

        Raises:
            ConfigError: The file cannot be read or used.
            ProductionRefused: An environment variable says that this is production.
            ValueError: `public_url` is not an origin.
        """
        config = read_config(Path(path))
        apps, people = config.apps or (DEFAULT_APP,), config.people or CAST
        return cls(apps, people, clock=clock, public_url=public_url, **config.knobs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3)."""
        if scope["type"] == "http":
            host = Request(scope).headers.get("host", "")
            if self.public_url is not None and is_host_of(self.public_url, host):
                # The scheme that the browser sees, also behind a proxy that ends TLS.
                scope = {**scope, "scheme": self.public_url.partition(":")[0]}
            elif not is_local(host):
                names = "host names of this machine, for example localhost"
                names += "" if self.public_url is None else f", and {self.public_url}"
                await plain_text(f"The emulator accepts only {names}.", 421)(scope, receive, send)
                return

        await self._app(scope, receive, send)

    def consent(
        self,
        authorization_url: str,
        person: Person | str | None = None,
        scopes: Iterable[str] | None = None,
        decision: Decision = "approve",
    ) -> str:
        """Decide an authorization request without a browser.

        Args:
            authorization_url (str): The URL of TikTok's authorize page, as the app created it.
            person (Person | str | None): The person or the open_id. Default: the first person.
            scopes (Iterable[str] | None): The scopes that stay selected. Default: all requested scopes.
            decision ("approve" | "deny"): The decision. Default: "approve".

        Returns:
            The URL of the redirect to the app.

        Raises:
            ConsentRefused: TikTok would show its error page.
            ValueError: The URL is not one of TikTok's authorize page, or a value is invalid.
        """
        if isinstance(person, Person):
            person = person.open_id
        open_id = person or next(iter(self.people))
        return self._state.consent.decide_url(authorization_url, open_id, scopes, decision)

    def reset(self) -> None:
        """Remove sign-ins, exchanges, faults, QR codes, posts and webhooks, and reset the clock."""
        self._state.reset()

    def _asgi_app(self) -> ASGIApp:
        state = self._state
        api = API(self.apps, self.people, self.grants, state.qr_logins, state.posting, self.exchanges, self.knobs)
        app = Starlette(
            routes=self._routes(api),
            exception_handlers={404: api.unsupported, 405: api.unsupported},
            lifespan=self._lifespan,
        )
        app.router.redirect_slashes = False
        return FaultInjection(app, self.faults, self.exchanges, self.clock)

    def _routes(self, api: API) -> list[Route]:
        slashless = [""] if self.knobs.slashless == "accept" else []
        consent = [
            Route(PATH, self._state.consent.show, methods=["GET"]),
            Route(PATH, self._state.consent.decide, methods=["POST"]),
            Route(PATH.rstrip("/"), self._state.consent.show, methods=["GET"]),
        ]
        called = {
            "token": api.token,
            "revoke": api.revoke,
            "user_info": api.user_info,
            "video_list": api.video_list,
            "video_query": api.video_query,
            "creator_info": api.creator_info,
            "video_init": api.video_init,
            "inbox_video_init": api.inbox_video_init,
            "content_init": api.content_init,
            "status_fetch": api.status_fetch,
            "publish_cancel": api.publish_cancel,
            "upload": api.upload,
            "get_qrcode": api.get_qrcode,
            "check_qrcode": api.check_qrcode,
        }
        calls = [
            Route(ENDPOINTS[name][1].rstrip("/") + end, answer, methods=[ENDPOINTS[name][0]])
            for name, answer in called.items()
            for end in ("/", *slashless)
        ]
        own = [
            *Assets(self.people).routes(),
            *ControlAPI(self._state).routes(),
            *Inspector(self._state).routes(),
            *Phone(self.people, self._state.qr_logins).routes(),
        ]
        return [*consent, *calls, *own]

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.webhooks.run)
            yield
            tasks.cancel_scope.cancel()
