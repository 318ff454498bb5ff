"""What the servers serve: every framework in every install, chosen by a header.

No lifespan reaches any of them, because nothing may need one.
"""

import os

from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.settings import CALLBACK
from tests.support.sites import PREFIX, build_site
from tests.support.tiktok import new_tiktok

sites: dict[str, ASGIApp] = {}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        raise RuntimeError("There is no lifespan here.")
    name = dict(scope["headers"])[b"x-site"].decode("ascii")
    if name not in sites:
        sites[name] = new_site(name)
    await sites[name](scope, receive, send)


def new_site(name: str) -> ASGIApp:
    """The site with a name like quart-native, at the address that the environment names."""
    framework, install = name.split("-")
    prefix = PREFIX if install == "mounted" else os.environ["ROOT_PATH"]
    tiktok = new_tiktok(
        base_url=os.environ["EMULATOR"],
        redirect_uri=f"{os.environ['ORIGIN']}{prefix}{CALLBACK}",
        store=f"sqlite:///{os.environ['FOLDER']}/{name}.sqlite3",
    )
    return build_site(framework, install, tiktok)
