"""What the servers serve: every framework in every install, chosen by a header.

No lifespan reaches any of them, because nothing may need one.
"""

import importlib
import os

from starlette.types import ASGIApp, Receive, Scope, Send

from tests.visits import new_tiktok

PREFIX = "/sub"
sites: dict[str, ASGIApp] = {}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        raise RuntimeError("There is no lifespan here.")
    name = dict(scope["headers"])[b"x-site"].decode("ascii")
    if name not in sites:
        sites[name] = build_site(name)
    await sites[name](scope, receive, send)


def build_site(name: str) -> ASGIApp:
    """The site of a name such as quart-native, at home where the tests say."""
    framework, install = name.split("-")
    prefix = PREFIX if install == "mounted" else os.environ["ROOT_PATH"]
    tiktok = new_tiktok(
        base_url=os.environ["EMULATOR"],
        redirect_uri=f"{os.environ['ORIGIN']}{prefix}/auth/tiktok/callback",
        store=f"sqlite:///{os.environ['FOLDER']}/{name}.sqlite3",
    )
    site: ASGIApp = importlib.import_module(f"tests.frameworks.sites.{framework}").build(tiktok, install)
    return site
