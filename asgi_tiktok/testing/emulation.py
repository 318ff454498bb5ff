"""An app that uses an emulator in this process, and the tokens that this emulator issues to its users."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import httpx2

from asgi_tiktok.client.endpoints import Endpoints
from asgi_tiktok.emulator import DEFAULT_APP, App, Emulator, Person
from asgi_tiktok.emulator.server import RUNNING
from asgi_tiktok.emulator.world.grants import Code
from asgi_tiktok.models import TikTokUser, Token
from asgi_tiktok.tiktok import TikTok


def connect(
    tiktok: TikTok, emulator: Emulator, url: str, transport: httpx2.AsyncBaseTransport | None
) -> Callable[[], None]:
    """Let the app use the emulator, which then knows the app. Return a function that restores the app's TikTok."""
    clients = [each._client for each in (tiktok, *tiktok._other_addresses)]
    pools = (tiktok._client._pools, tiktok._client._api_pools)
    before = [client._endpoints for client in clients], [pool.given for pool in pools]

    def restore() -> None:
        for client, endpoints in zip(clients, before[0], strict=True):
            client._endpoints = endpoints
        for pool, given in zip(pools, before[1], strict=True):
            pool.given = given

    register(tiktok, emulator)
    for client in clients:
        client._endpoints = Endpoints.at(url)
    for pool in pools:
        pool.given = transport
    return restore


def register(tiktok: TikTok, emulator: Emulator) -> None:
    """Enter the app with its addresses and scopes into the emulator's portal."""
    client = tiktok._client
    known = emulator.apps.get(client.client_key, DEFAULT_APP)
    addresses = [each._client.redirect_uri for each in (tiktok, *tiktok._other_addresses)]
    cast(dict[str, App], emulator.apps)[client.client_key] = replace(
        known,
        client_key=client.client_key,
        client_secret=client._client_secret.reveal(),
        redirect_uris=tuple(dict.fromkeys((*known.redirect_uris, *addresses))),
        scopes=tuple(dict.fromkeys((*known.scopes, *tiktok._declared_scopes))),
    )


def emulator_behind(tiktok: TikTok) -> Emulator | None:
    """Return the emulator of this process that the app uses, or None."""
    transport = tiktok._client._api_pools.given
    if isinstance(transport, httpx2.ASGITransport):
        return transport.app if isinstance(transport.app, Emulator) else None
    return RUNNING.get(tiktok._client._endpoints.api) if transport is None else None


def issue_token(emulator: Emulator, tiktok: TikTok, user: TikTokUser, scopes: tuple[str, ...]) -> Token:
    """Return a token that the emulator accepts, as of a person with the fields of the user."""
    register(tiktok, emulator)
    known = {name: value for name, value in user.to_dict().items() if value is not None}
    if user.open_id not in emulator.people:
        cast(dict[str, Person], emulator.people)[user.open_id] = Person(**{"display_name": "Ada", **known})  # type: ignore[arg-type]
    grant = emulator.grants.consent(tiktok._client.client_key, user.open_id, requested=scopes, scopes=scopes)
    code = Code(grant, scopes, tiktok._client.redirect_uri, None, expires_at=emulator.clock() + 60)
    issued = Token._from_response(emulator.grants.issue(code), now=time.time(), scopes=scopes)
    return replace(issued, scopes=scopes)
