"""No spelling of a path and no `root_path` leads an anonymous visitor to a guarded route (R-01 to R-71)."""

import logging
from typing import Any

import pytest
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok import TikTok, TikTokAuthMiddleware
from asgi_tiktok.testing.login import create_session
from asgi_tiktok.testing.users import simulate_login
from tests.support.guarded import SECRET, GuardedApp, bare, examples, frameworks, starlette
from tests.support.guarded.requests import DELIVERIES, Target, targets
from tests.support.requests import RawResponse, open_websocket, send_request
from tests.support.settings import ORIGIN

pytestmark = pytest.mark.anyio

APPS = {**starlette.APPS, **bare.APPS, **frameworks.APPS, **examples.APPS}
CELLS = [pytest.param(app, id=f"R-{number:02} {name}") for number, (name, app) in enumerate(APPS.items(), 1)]
PREFLIGHT = [("origin", ORIGIN), ("host", "testserver"), ("access-control-request-method", "GET")]


class Watched:
    """The app, and whether it was called."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.called = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.called = True
        await self.app(scope, receive, send)


async def send(site: ASGIApp, method: str, target: Target, *headers: tuple[str, str]) -> RawResponse:
    scope: dict[str, Any] = target._asdict()
    if method == "WEBSOCKET":
        return await open_websocket(site, headers=[*PREFLIGHT, *headers], **scope)
    return await send_request(site, method, headers=[*PREFLIGHT, *headers], **scope)


def shows_secret(response: RawResponse) -> bool:
    return SECRET.encode() in response.body or SECRET in str(response.headers)


async def plain(site: ASGIApp, method: str, path: str, *headers: tuple[str, str]) -> RawResponse:
    return await send(site, method, Target(path, "", path.encode()), *headers)


async def assert_works(site: ASGIApp, tiktok: TikTok, app: GuardedApp) -> None:
    """Check that a signed-in user gets the guarded text, so that the matrix does not pass for an app without it."""
    cookie = (await create_session(tiktok, simulate_login(tiktok))).split(";")[0]
    for method in ("GET", "WEBSOCKET") if app.websocket else ("GET",):
        assert shows_secret(await plain(site, method, app.path, ("cookie", cookie)))
        assert (await plain(site, method, app.path)).status == 401


@pytest.mark.filterwarnings("ignore")  # of the other frameworks
@pytest.mark.parametrize("app", CELLS)
async def test_anonymous_visitor_never_reaches_a_guarded_route(
    tiktok: TikTok,
    app: GuardedApp,
    record_property: Any,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)  # a third of the time would be spent on log lines
    tried, let_through = 0, list[object]()
    watched = Watched(app.build())
    for guard in ("/",) if app.everywhere else ("/studio", "/"):
        public = ("/health",) if guard == "/" else ()
        site = app.install(watched, tiktok, protect=(guard,), public=public)
        await assert_works(site, tiktok, app)
        watched.called = False
        await plain(site, "GET", "/health" if public else app.open_path)
        assert watched.called
        for delivery in DELIVERIES:
            for method, target in targets(app, delivery, f"{request.node.name} {guard} {delivery}"):
                tried += 1
                if not await is_refused(site, watched, method, target):
                    let_through.append((guard, delivery, method, target))

    record_property("guard_matrix", {"tried": tried, "let_through": len(let_through)})
    assert not let_through


async def is_refused(site: ASGIApp, watched: Watched, method: str, target: Target) -> bool:
    """Return whether the guarded text is not in the response. Our own response must be 401 or 404."""
    watched.called = False
    try:
        response = await send(site, method, target)
    except Exception:
        if not watched.called:
            raise
        return True  # of the app: some routers fail for paths that they do not know
    if not watched.called:
        assert response.status in (401, 404), target
        assert "location" not in response.headers
    return not shows_secret(response)


def nested(rule: str, app: Any) -> ASGIApp:
    return starlette.starlette(Mount(rule, app))()  # type: ignore[no-any-return]


NESTED = {
    "R-70 exact": ("/files/studio/secret.txt", ""),
    "R-70 two slashes": ("/files//studio/secret.txt", ""),
    "R-70 dots": ("/files/x/../studio/secret.txt", ""),
    "R-70 dots after a backslash": ("/files/a\\b/../studio/secret.txt", ""),
    "R-70 dots after a parameter": ("/files/a;b/../studio/secret.txt", ""),
    "R-70 dots over an empty segment": ("/files/x//../../studio/secret.txt", ""),
    "R-70 dots in the middle": ("/files/studio/../studio/secret.txt", ""),
    "R-71 root_path twice": ("/files/a/filesstudio", "/a"),
    "R-71 root_path with a parameter": ("/files/a;b/filesstudio", "/a;b"),
    "R-71 root_path removed": ("/files/studio", "/a"),
}


@pytest.mark.parametrize(("path", "root_path"), NESTED.values(), ids=NESTED.keys())
async def test_prefix_of_two_segments_is_guarded_in_every_spelling(tiktok: TikTok, path: str, root_path: str) -> None:
    folder = starlette.nested_folder()
    apps = [nested("/files", StaticFiles(directory=folder)), nested("/{name}", frameworks.litestar())]
    for app in apps:
        site = TikTokAuthMiddleware(app, tiktok, protect=("/files/studio",))
        assert (await send(site, "GET", Target(path, root_path, path.encode()))).status == 401
