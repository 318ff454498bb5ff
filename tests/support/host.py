"""The app that the server processes run: every framework in every install, chosen by the header `X-Site`.

The sites get no lifespan events, because the package must work without them.
"""

import os

from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.settings import CALLBACK
from tests.support.sites import PREFIX, build_site
from tests.support.tiktok import new_tiktok

sites: dict[str, ASGIApp] = {}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        raise RuntimeError("This app has no lifespan.")
    name = dict(scope["headers"])[b"x-site"].decode("ascii")
    if name not in sites:
        sites[name] = new_site(name)
    await sites[name](scope, receive, send)


def new_site(name: str) -> ASGIApp:
    """Return the site with a name like `quart-native`, configured by the environment of the server process."""
    framework, install = name.split("-")
    prefix = PREFIX if install == "mounted" else os.environ["ROOT_PATH"]
    tiktok = new_tiktok(
        base_url=os.environ["EMULATOR"],
        redirect_uri=f"{os.environ['ORIGIN']}{prefix}{CALLBACK}",
        store=f"sqlite:///{os.environ['FOLDER']}/{name}.sqlite3",
    )
    return build_site(framework, install, tiktok)
