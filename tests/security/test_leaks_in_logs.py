"""Logs of servers, drivers and databases at DEBUG contain no secret, from login to sign-out (L-04, F15)."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from asgi_tiktok import Store, StoreError, TikTokAuthMiddleware
from asgi_tiktok.emulator import RunningEmulator
from asgi_tiktok.stores.redis import RedisStore
from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore
from tests.support.app import app
from tests.support.canaries import Canaries
from tests.support.databases import database_url, new_table_name
from tests.support.interleaving import Scene
from tests.support.people import AMARA
from tests.support.redis_servers import REDIS_URL as REDIS
from tests.support.redis_servers import new_prefix
from tests.support.servers import serve_in_thread
from tests.support.settings import SAME_ORIGIN, WEBHOOK
from tests.support.tiktok import count_requests, new_tiktok
from tests.support.waiting import TIMEOUT
from tests.support.webhooks import sign_webhook, webhook_body

LIBRARIES = {"asgi_tiktok", "httpx2", "httpcore2", "uvicorn"}


class HookError(Exception):
    """An error of the app."""


async def app_with_api_call(scope: Scope, receive: Receive, send: Send) -> None:
    """The app of the tests, with a page that calls TikTok's API."""
    if scope["type"] != "http" or scope["path"] != "/api":
        await app(scope, receive, send)
        return
    async with scope["tiktok"].api() as api:
        response = await api.get("/v2/user/info/?fields=open_id")
    await Response(status_code=response.status_code)(scope, receive, send)


def test_logs_of_a_real_server_contain_no_secret(
    emulator_server: RunningEmulator, port: int, tmp_path: Path, canaries: Canaries, caplog: pytest.LogCaptureFixture
) -> None:
    """Logins that succeed and fail, an API call with a refresh, events and a sign-out. The app has its own thread."""
    home = f"http://localhost:{port}"
    tiktok = new_tiktok(
        base_url=emulator_server.url,
        redirect_uri=f"{home}/auth/tiktok/callback",
        store=f"sqlite:///{tmp_path}/store.sqlite3",
    )

    @tiktok.on_event
    async def fail(event: object) -> None:
        raise HookError

    emulator = emulator_server.emulator
    body = webhook_body()
    site = TikTokAuthMiddleware(app_with_api_call, tiktok, protect=("/studio",))
    with serve_in_thread(site, port), httpx2.Client() as browser:

        def approve_login() -> str:
            login = browser.get(f"{home}/auth/tiktok/login?next=/me").headers["location"]
            return emulator.consent(login)

        first = approve_login()
        assert browser.get(first + "A").status_code == 400
        assert browser.get(first).status_code == 303
        assert browser.get(first).status_code == 303
        assert browser.get(f"{home}/token").status_code == 200
        for token in [*emulator.grants.access_tokens]:
            assert emulator.grants.expire(token)
        assert browser.get(f"{home}/api").status_code == 200
        assert count_requests(emulator) == 2, "a login and a refresh"
        emulator.grants.remove(tiktok._client.client_key, AMARA.open_id)
        for kind in ("reset", "5xx", "truncated"):
            emulator.faults.add("token", kind)
            assert browser.get(approve_login()).status_code in (502, 503)
        assert browser.get(approve_login()).status_code == 303
        for signature in (sign_webhook(body), sign_webhook(b"another")):
            response = browser.post(home + WEBHOOK, content=body, headers={"tiktok-signature": signature})
            assert response.status_code in (401, 500)
        assert (
            httpx2.get(f"{home}/studio", headers={"cookie": f"{tiktok._cookies.session}=forged.0"}).status_code == 401
        )
        assert browser.post(f"{home}/auth/tiktok/logout", headers=SAME_ORIGIN).status_code == 303

    loggers = {record.name.partition(".")[0] for record in caplog.records if record.threadName != "MainThread"}
    assert loggers >= LIBRARIES
    assert any("/auth/tiktok/callback HTTP" in record.getMessage() for record in caplog.records)
    assert len(canaries.secrets) > 10
    assert canaries.found == []


async def use_the_site(store: Store) -> None:
    """Sign in, refresh, receive a removal event, sign in again and sign out."""
    scene = Scene(store)
    await scene.sign_in()
    await scene.expire_token()
    await scene.tiktok.token(AMARA.open_id)
    assert await scene.send_removal() == 200
    await scene.sign_in()
    assert (await scene.browser.sign_out()).status == 303


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["postgresql", "mariadb", "aiosqlite"])
async def test_statements_of_a_database_contain_no_secret(
    tmp_path: Path, name: str, canaries: Canaries, caplog: pytest.LogCaptureFixture
) -> None:
    """The app's engine logs all statements, parameters and results."""
    url = database_url(name, tmp_path)
    engine = create_async_engine(url, echo="debug", echo_pool="debug")
    store = SQLAlchemyStore(engine, table=new_table_name())
    try:
        await use_the_site(store)
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"ALTER TABLE {store.table.name} RENAME COLUMN value TO renamed")
        with pytest.raises(StoreError) as caught:
            await store.set("key", b"value", ttl=60, owner="owner")
        canaries.check_error("database error", caught.value)
    finally:
        await store.aclose()
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"DROP TABLE IF EXISTS {store.table.name}")
        await engine.dispose()

    echoed = [record.getMessage() for record in caplog.records if record.name.startswith("sqlalchemy.engine")]
    assert any("INSERT" in line for line in echoed)
    assert any("session:" in line or "token:" in line for line in echoed), "parameters are not echoed"
    assert canaries.found == []


@pytest.mark.anyio
async def test_commands_to_redis_contain_no_secret(canaries: Canaries) -> None:
    """The commands as MONITOR and the slow log show them."""
    parts = urlsplit(REDIS)
    with new_prefix() as prefix:
        # MONITOR also shows the commands of other tests, which have other prefixes.
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 6379, limit=2**26)
        try:
            writer.write(b"MONITOR\r\n")
            assert await reader.readline() == b"+OK\r\n"
            store = RedisStore(REDIS, prefix=prefix)
            await use_the_site(store)
            await store.set("the-end", b"", ttl=1)
            monitored = await asyncio.wait_for(reader.readuntil(f"{prefix}record:the-end".encode()), TIMEOUT)
            await store.aclose()
        finally:
            writer.close()
            await writer.wait_closed()
    commands = b"\n".join(line for line in monitored.splitlines() if prefix.encode() in line)

    assert prefix.encode() + b"record:session:" in commands
    canaries.check("MONITOR", commands.decode("latin-1"))
    assert canaries.found == []
