"""No spelling of a path and no `root_path` leads an anonymous visitor to a guarded route (R-01 to R-79, R-90 on)."""

import logging
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_tiktok import TikTok, TikTokAuthMiddleware
from asgi_tiktok.testing.login import create_session
from asgi_tiktok.testing.users import simulate_login
from tests.support.example_app import EXAMPLES as FOLDER
from tests.support.guarded import GuardedApp, bare, example_apps, examples, frameworks, starlette
from tests.support.guarded.requests import DELIVERIES, Target, targets
from tests.support.requests import RawResponse, open_websocket, send_request
from tests.support.settings import ORIGIN

pytestmark = pytest.mark.anyio

APPS = {**starlette.APPS, **bare.APPS, **frameworks.APPS, **examples.APPS, **example_apps.APPS}
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


async def plain(site: ASGIApp, method: str, path: str, *headers: tuple[str, str]) -> RawResponse:
    return await send(site, method, Target(path, "", path.encode()), *headers)


async def assert_works(site: ASGIApp, tiktok: TikTok, app: GuardedApp) -> None:
    """Check that a signed-in user reaches the guarded handler, so that the matrix does not pass for another app."""
    cookie = (await create_session(tiktok, simulate_login(tiktok))).split(";")[0]
    for method in ("GET", "WEBSOCKET") if app.websocket else ("GET",):
        assert app.ran(await plain(site, method, app.path, ("cookie", cookie)))
        assert (await plain(site, method, app.path)).status == 401


@pytest.fixture(autouse=True)
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The variables and the folder for the apps of examples/."""
    monkeypatch.chdir(tmp_path)
    for name, value in example_apps.ENVIRON.items():
        monkeypatch.setenv(name, value)


@pytest.mark.soak
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
    for guard in app.guards:
        public = ("/health",) if guard == "/" and app.public else ()
        site = app.install(watched, tiktok, protect=(guard,), public=public)
        await assert_works(site, tiktok, app)
        for open_path in public if guard == "/" else (app.open_path,):
            watched.called = False
            await plain(site, "GET", open_path)
            assert watched.called
        nothing_is_open = guard == "/" and not public
        for delivery in DELIVERIES:
            for method, target in targets(app, delivery, f"{request.node.name} {guard} {delivery}"):
                tried += 1
                response = await response_of_app(site, watched, method, target)
                if response and (nothing_is_open or app.ran(response)):
                    let_through.append((guard, delivery, method, target))

    record_property("guard_matrix", {"tried": tried, "let_through": len(let_through)})
    assert not let_through


async def response_of_app(site: ASGIApp, watched: Watched, method: str, target: Target) -> RawResponse | None:
    """Return the response, or None if the app was not called. Then our own response must be 401 or 404."""
    watched.called = False
    try:
        response = await send(site, method, target)
    except Exception:
        if not watched.called:
            raise
        return RawResponse()  # of the app: some routers fail for paths that they do not know
    if not watched.called:
        assert response.status in (401, 404), target
        assert "location" not in response.headers
        return None
    return response


def test_every_example_that_is_a_site_is_in_the_matrix() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")}

    assert {*example_apps.EXAMPLES} == files - {"background_job"}


def nested(rule: str, app: Any) -> ASGIApp:
    return starlette.starlette(Mount(rule, app))()  # type: ignore[no-any-return]


NESTED = {
    "R-90 exact": ("/files/studio/secret.txt", ""),
    "R-90 two slashes": ("/files//studio/secret.txt", ""),
    "R-90 dots": ("/files/x/../studio/secret.txt", ""),
    "R-90 dots after a backslash": ("/files/a\\b/../studio/secret.txt", ""),
    "R-90 dots after a parameter": ("/files/a;b/../studio/secret.txt", ""),
    "R-90 dots over an empty segment": ("/files/x//../../studio/secret.txt", ""),
    "R-90 dots in the middle": ("/files/studio/../studio/secret.txt", ""),
    "R-91 root_path twice": ("/files/a/filesstudio", "/a"),
    "R-91 root_path with a parameter": ("/files/a;b/filesstudio", "/a;b"),
    "R-91 root_path removed": ("/files/studio", "/a"),
}


@pytest.mark.parametrize(("path", "root_path"), NESTED.values(), ids=NESTED.keys())
async def test_prefix_of_two_segments_is_guarded_in_every_spelling(tiktok: TikTok, path: str, root_path: str) -> None:
    folder = starlette.nested_folder()
    apps = [nested("/files", StaticFiles(directory=folder)), nested("/{name}", frameworks.litestar())]
    for app in apps:
        site = TikTokAuthMiddleware(app, tiktok, protect=("/files/studio",))
        assert (await send(site, "GET", Target(path, root_path, path.encode()))).status == 401
