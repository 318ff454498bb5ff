"""The options of hosting companies in the URL of a database: each works, or is refused at start."""

import asyncio
import gc
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from asgi_tiktok import ConfigurationError
from asgi_tiktok.stores import open_store
from asgi_tiktok.stores.sqlalchemy import SQLAlchemyStore
from tests.support.databases import database_url, new_table_name, open_database_store
from tests.support.pgbouncer import run_pgbouncer

pytestmark = pytest.mark.anyio

POSTGRESQL = "postgresql+asyncpg://ada:canary@db.example/app"
PSYCOPG = "postgresql+psycopg://ada:canary@db.example/app"
MYSQL = "mysql+asyncmy://ada:canary@db.example/app"
CERTIFICATES = Path(ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt")


def arguments(url: str) -> Mapping[str, Any]:
    return SQLAlchemyStore(url)._database.settings.connect_args


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sslmode=require", {"ssl": "require"}),
        ("sslmode=no-verify", {"ssl": "require"}),
        ("sslmode=disable", {"ssl": "disable"}),
        ("ssl=true", {"ssl": "require"}),
        ("ssl=prefer", {"ssl": "prefer"}),
        ("sslmode=require&channel_binding=prefer&gssencmode=disable", {"ssl": "require"}),
        ("sslmode=require&sslnegotiation=direct", {"ssl": "require", "direct_tls": True}),
        ("connect_timeout=10", {"timeout": 10.0}),
        ("connect_timeout=0", {"timeout": 2}),
        ("timeout=3&command_timeout=1.5", {"timeout": 3.0, "command_timeout": 1.5}),
        ("application_name=shop", {"server_settings": {"application_name": "shop"}}),
        ("schema=shop", {"server_settings": {"search_path": "shop"}}),
        ("options=-c%20search_path%3Dshop", {"server_settings": {"search_path": "shop"}}),
        ("options=--statement-timeout%3D5s", {"server_settings": {"statement_timeout": "5s"}}),
        ("options=endpoint%3Dep-cool-1234", {"server_settings": {"options": "endpoint=ep-cool-1234"}}),
        ("target_session_attrs=read-write", {"target_session_attrs": "read-write"}),
        ("statement_cache_size=0", {"statement_cache_size": 0}),
    ],
)
def test_an_option_of_libpq_is_translated_for_asyncpg(query: str, expected: dict[str, Any]) -> None:
    assert arguments(f"{POSTGRESQL}?{query}") == {"timeout": 2, **expected}


@pytest.mark.parametrize(
    ("url", "verified", "hostname"),
    [
        (f"{POSTGRESQL}?sslmode=verify-full", True, True),
        (f"{POSTGRESQL}?sslmode=verify-full&sslrootcert=system", True, True),
        (f"{POSTGRESQL}?sslmode=verify-ca", True, True),
        (f"{POSTGRESQL}?sslmode=verify-ca&sslrootcert={CERTIFICATES}", True, False),
        (f"{POSTGRESQL}?sslmode=require&sslrootcert={CERTIFICATES}", True, False),
        (f"{MYSQL}?ssl-mode=REQUIRED", False, False),
        (f"{MYSQL}?ssl_mode=VERIFY_CA&ssl_ca={CERTIFICATES}", True, False),
        (f"{MYSQL}?ssl-mode=VERIFY_IDENTITY", True, True),
        (f"{MYSQL}?ssl_ca={CERTIFICATES}", True, True),
        (f"{MYSQL}?ssl=true", False, False),
        (f"{MYSQL}?sslaccept=strict", True, True),
        (f"{MYSQL}?ssl=%7B%22rejectUnauthorized%22:true%7D", True, True),
    ],
)
def test_certificates_are_checked_as_the_option_says(url: str, verified: bool, hostname: bool) -> None:
    context = arguments(url)["ssl"]

    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (
        ssl.CERT_REQUIRED if verified else ssl.CERT_NONE,
        hostname,
    )


@pytest.mark.parametrize(
    ("url", "option"),
    [
        (f"{POSTGRESQL}?sslmode=always", "sslmode"),
        (f"{POSTGRESQL}?sslmode=require&channel_binding=require", "channel_binding"),
        (f"{POSTGRESQL}?sslmode=verify-full&sslrootcert=/missing.pem", "sslrootcert"),
        (f"{POSTGRESQL}?sslrootcert={CERTIFICATES}", "sslmode"),
        (f"{POSTGRESQL}?sslnegotiation=direct", "sslmode"),
        (f"{POSTGRESQL}?gssencmode=require", "gssencmode"),
        (f"{POSTGRESQL}?target_session_attrs=read-only", "target_session_attrs"),
        (f"{POSTGRESQL}?connect_timeout=soon", "connect_timeout"),
        (f"{POSTGRESQL}?statement_cache_size=many", "statement_cache_size"),
        (f"{POSTGRESQL}?connection_limit=1", "connection_limit"),
        (f"{POSTGRESQL}?uselibpqcompat=true", "uselibpqcompat"),
        (f"{POSTGRESQL}?pgbouncer=perhaps", "pgbouncer"),
        (f"{POSTGRESQL}?pool_size=0", "pool_size"),
        (f"{POSTGRESQL}?options=-c%20search_path", "options"),
        (f"{PSYCOPG}?target_session_attrs=standby", "target_session_attrs"),
        (f"{PSYCOPG}?no_such_option=1", "option"),
        (f"{MYSQL}?ssl-mode=PREFERRED", "ssl-mode"),
        (f"{MYSQL}?ssl_ca=/missing.pem", "ssl_ca"),
        (f"{MYSQL}?reconnect=true", "reconnect"),
        (f"{MYSQL}?pgbouncer=1", "pgbouncer"),
        ("redis://:canary@db.example?family=0", "family"),
        ("redis://:canary@db.example?ssl_cert_reqs=none", "ssl_cert_reqs"),
        ("redis://:canary@db.example?tls=true", "tls"),
        ("rediss://:canary@db.example?ssl_ca_certs=/missing.pem", "ssl_ca_certs"),
    ],
)
def test_an_option_that_cannot_work_is_refused_at_start(url: str, option: str) -> None:
    with pytest.raises(ConfigurationError, match=option) as caught:
        open_store(url)

    assert caught.value.hint
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"{PSYCOPG}?sslmode=require&channel_binding=require&connect_timeout=5&pgbouncer=true",
        f"{MYSQL}?charset=utf8mb4&connect_timeout=5&pool_size=3",
        "rediss://:canary@db.example?ssl_cert_reqs=CERT_NONE",
        "rediss://:canary@db.example?ssl_check_hostname=false&socket_timeout=1&protocol=3",
        f"rediss://:canary@db.example?ssl_ca_certs={CERTIFICATES}",
    ],
)
def test_an_option_that_the_driver_knows_is_accepted(url: str) -> None:
    assert "canary" not in repr(open_store(url))


async def test_options_reach_the_server(tmp_path: Path) -> None:
    url = database_url("postgresql", tmp_path)
    query = {
        "application_name": "shop",
        "options": "-c statement_timeout=5s",
        "sslmode": "prefer",
        "connect_timeout": "3",
        "pool_size": "2",
    }
    store = SQLAlchemyStore(url.set(query=query), table=new_table_name(), create_table=False)
    async with store._database.loop_state().connect() as connection:
        shown = [
            (await connection.execute(text(f"SHOW {name}"))).scalar_one()
            for name in ("application_name", "statement_timeout")
        ]
    await store.aclose()

    assert shown == ["shop", "5s"]


@pytest.mark.parametrize(
    ("url", "package"),
    [(POSTGRESQL, r"asgi-tiktok\[sqlalchemy\]"), (PSYCOPG, "psycopg"), (MYSQL, "asyncmy")],
)
def test_a_missing_driver_is_named(url: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, url.partition("+")[2].partition(":")[0], None)
    with pytest.raises(ConfigurationError, match="pip install .*" + package):
        open_store(url)


async def use(store: SQLAlchemyStore) -> None:
    """Make sixty steps, ten at a time, and close the store."""

    async def step(number: int) -> None:
        await store.set(f"k{number}", b"v", ttl=60, owner="o")
        assert await store.get(f"k{number}") == b"v"

    for first in range(0, 60, 10):
        await asyncio.gather(*(step(first + number) for number in range(10)))
    await store.aclose()


# SQLAlchemy abandons a connection on which its own first statements have failed, before the pooler is detected.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
@pytest.mark.parametrize("option", ["pgbouncer=1", ""], ids=["named", "detected"])
async def test_pgbouncer_in_transaction_mode(option: str, driver: str, tmp_path: Path) -> None:
    async with open_database_store("postgresql", tmp_path) as direct:
        database = database_url("postgresql", tmp_path)
        with run_pgbouncer(database) as url:
            pooled = url.set(drivername=f"postgresql+{driver}").update_query_string(option)
            for _ in range(2):
                await use(SQLAlchemyStore(pooled, table=direct.table.name))
            if driver == "asyncpg":
                engine = create_async_engine(
                    url,
                    poolclass=NullPool,
                    connect_args={"prepared_statement_cache_size": 0, "statement_cache_size": 0},
                )
                await use(SQLAlchemyStore(engine, table=direct.table.name))
                await engine.dispose()
    gc.collect()  # the warnings of abandoned connections belong to this test
