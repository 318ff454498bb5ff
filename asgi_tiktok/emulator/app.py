"""The emulator: TikTok's two hosts as one ASGI app."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from asgi_tiktok.emulator.api import API
from asgi_tiktok.emulator.apps import DEFAULT_APP, App
from asgi_tiktok.emulator.authorize import Authorization
from asgi_tiktok.emulator.avatars import SIZES, draw_avatar
from asgi_tiktok.emulator.consent import PATH, Consent
from asgi_tiktok.emulator.covers import draw_cover
from asgi_tiktok.emulator.exchanges import KEPT, Exchange
from asgi_tiktok.emulator.grants import Grants
from asgi_tiktok.emulator.hosts import is_local
from asgi_tiktok.emulator.knobs import Decision, Lifetimes, OAuthErrorStatus, Rotation, WebPKCE
from asgi_tiktok.emulator.pages import plain, stylesheet
from asgi_tiktok.emulator.people import CAST, Person
from asgi_tiktok.emulator.pictures import picture
from asgi_tiktok.emulator.videos import videos_of

T = TypeVar("T")


class Emulator:
    """A TikTok on this machine: an ASGI app with its apps, its people and what they agreed on."""

    def __init__(
        self,
        apps: Sequence[App] = (DEFAULT_APP,),
        people: Sequence[Person] = CAST,
        *,
        lifetimes: Lifetimes = "new",
        rotate: Rotation = "strict",
        oauth_error_status: OAuthErrorStatus = 200,
        web_pkce: WebPKCE = "ignore",
        state_on_error: bool = True,
        code_ttl: int = 300,
        auto_auth: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.apps = unique("client_key", apps, lambda app: app.client_key)
        self.people = unique("open_id", people, lambda person: person.open_id)
        self.exchanges: deque[Exchange] = deque(maxlen=KEPT)
        self.grants = Grants(clock, lifetimes=lifetimes, rotate=rotate, code_ttl=code_ttl)
        authorization = Authorization(
            self.apps,
            self.people,
            self.grants,
            web_pkce=web_pkce,
            state_on_error=state_on_error,
            auto_auth=auto_auth,
        )
        self._consent = Consent(authorization, self.exchanges)
        api = API(self.apps, self.people, self.grants, self.exchanges, oauth_error_status=oauth_error_status)
        self._app = Starlette(
            routes=self._routes(api), exception_handlers={404: api.unsupported, 405: api.unsupported}
        )
        self._app.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_local(Request(scope).headers.get("host", "")):
            refusal = plain("The emulator answers on this machine's own names only, say localhost.", 421)
            await refusal(scope, receive, send)
            return

        await self._app(scope, receive, send)

    def consent(
        self,
        authorization_url: str,
        person: Person | str | None = None,
        scopes: Iterable[str] | None = None,
        decision: Decision = "approve",
    ) -> str:
        """The URL TikTok sends the browser to once the person, by default the first, has decided.

        Raises ConsentRefused where TikTok would keep the browser on its fault page.
        """
        url = urlsplit(authorization_url)
        if url.path.rstrip("/") != PATH.rstrip("/"):
            raise ValueError(f"{url.path!r} is not the path of TikTok's authorize page, {PATH}.")
        if isinstance(person, Person):
            person = person.open_id
        pairs = parse_qsl(url.query, keep_blank_values=True)
        return self._consent.answer(pairs, person or next(iter(self.people)), scopes, decision)

    def _routes(self, api: API) -> list[Route]:
        return [
            Route(PATH, self._consent.show, methods=["GET"]),
            Route(PATH, self._consent.decide, methods=["POST"]),
            Route(PATH.rstrip("/"), self._consent.show, methods=["GET"]),
            Route("/v2/oauth/token/", api.token, methods=["POST"]),
            Route("/v2/oauth/revoke/", api.revoke, methods=["POST"]),
            Route("/v2/user/info/", api.user_info, methods=["GET"]),
            Route("/v2/video/list/", api.video_list, methods=["POST"]),
            Route("/v2/video/query/", api.video_query, methods=["POST"]),
            Route("/_emulator/avatars/{open_id:path}.svg", self._avatar, methods=["GET"]),
            Route("/_emulator/covers/{open_id:path}/{video_id}.svg", self._cover, methods=["GET"]),
            Route("/_emulator/emulator.css", self._stylesheet, methods=["GET"]),
        ]

    async def _avatar(self, request: Request) -> Response:
        person = self.people.get(request.path_params["open_id"])
        size = request.query_params.get("size", "168")
        if person is None or size not in map(str, SIZES.values()):
            raise HTTPException(404)
        return picture(draw_avatar(person, int(size)))

    async def _cover(self, request: Request) -> Response:
        person = self.people.get(request.path_params["open_id"])
        videos = videos_of(person) if person else ()
        for video in videos:
            if video.id == request.path_params["video_id"]:
                return picture(draw_cover(video))
        raise HTTPException(404)

    async def _stylesheet(self, request: Request) -> Response:
        return stylesheet()


def unique(name: str, things: Sequence[T], key: Callable[[T], str]) -> Mapping[str, T]:
    """The things by their key; ValueError when there is none or a key comes twice."""
    if not things:
        raise ValueError(f"The emulator needs at least one {name}.")
    by_key = {key(thing): thing for thing in things}
    if len(by_key) != len(things):
        raise ValueError(f"Every {name} may be used once.")
    return by_key
