"""The apps of examples/, unchanged. Behind the guard, each has its own middleware, where no visitor is signed in.

So if a request gets through, the app itself refuses it: this is how one sees that the guarded handler ran.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any

from django.conf import settings
from django.utils.functional import empty
from starlette.types import Receive, Scope, Send

from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET
from tests.support.canaries import SECRET_KEY
from tests.support.example_app import EXAMPLES as FOLDER
from tests.support.guarded import GuardedApp
from tests.support.guarded.examples import started
from tests.support.settings import ORIGIN

ENVIRON = {
    "TIKTOK_CLIENT_KEY": DEFAULT_CLIENT_KEY,
    "TIKTOK_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
    "TIKTOK_REDIRECT_URI": f"{ORIGIN}/inner/callback",  # cookies of other names than those of the guard
    "TIKTOK_SECRET_KEY": SECRET_KEY,
    "TIKTOK_STORE": "memory://",
    "TIKTOK_BASE_URL": "http://127.0.0.1:8700",
    "TIKTOK_SCOPES": "user.info.basic,video.list",
    "TIKTOK_A_REDIRECT_URI": f"{ORIGIN}/a/callback",
    "TIKTOK_B_REDIRECT_URI": f"{ORIGIN}/b/callback",
}


def load(name: str) -> ModuleType:
    """Import an example. It needs the variables of ENVIRON, also for its first request."""
    spec = spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def django() -> Any:
    """Load the example with settings of its own, because Django has one settings object for a process."""
    others, settings._wrapped = settings._wrapped, empty
    application = load("django_app").application
    own, settings._wrapped = settings._wrapped, others

    async def with_settings(scope: Scope, receive: Receive, send: Send) -> None:
        settings._wrapped = own
        try:
            await application(scope, receive, send)
        finally:
            settings._wrapped = others

    return with_settings


def example(
    name: str, path: str = "/me", text: str = "login_required", build: Any = None, **options: Any
) -> GuardedApp:
    """Return an example. An anonymous visitor who reaches the route gets the text, or an open WebSocket."""
    return GuardedApp(
        build or (lambda: load(name).app),
        path,
        open_path="/",
        prefix=path.rstrip("/"),
        public=False,
        websocket=False,
        ran=lambda response: response.status == 101 or text.encode() in response.body,
        **options,
    )


EXAMPLES = {
    "asgi_app": example("asgi_app"),
    "blacksheep_app": example("blacksheep_app"),
    "connect_accounts": example("connect_accounts", "/", "Sign in as ada", everywhere=True),
    "connexion_app": example("connexion_app"),
    "django_app": example("django_app", build=django),
    "falcon_app": example("falcon_app"),
    "fastapi_users": example("fastapi_users"),
    "gradio_app": example("gradio_app", "/captions/"),
    "litestar_app": example("litestar_app"),
    "mcp_server": example("mcp_server", "/mcp"),
    "multi_app": example("multi_app", "/a/", "<nav>"),
    "nicegui_app": example("nicegui_app", "/studio"),
    "publish_video": example("publish_video", "/posts/creator_info/query"),
    "quart_app": example("quart_app"),
    "sanic_app": example("sanic_app", build=lambda: started(load("sanic_app").app)),
    "spa": example("spa", "/api/videos"),
    "starlette_app": example("starlette_app", text="Forbidden"),
    "strawberry_graphql": example("strawberry_graphql", "/graphql", "GraphQL"),
    "websocket_chat": example("websocket_chat", "/", "<title>Chat", everywhere=True),
}
APPS = {f"examples/{name}.py": app for name, app in EXAMPLES.items()}
