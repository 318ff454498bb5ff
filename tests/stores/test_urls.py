"""Stores that are opened from a URL."""

import sys

import pytest

from asgi_tiktok import ConfigurationError
from asgi_tiktok.stores import open_store


@pytest.mark.parametrize(
    ("url", "package", "module"),
    [
        ("redis://127.0.0.1:6379/0", "redis.asyncio", "redis"),
        ("postgresql+asyncpg://ada:canary@127.0.0.1/test", "sqlalchemy", "sqlalchemy"),
    ],
)
def test_a_missing_package_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, url: str, package: str, module: str
) -> None:
    monkeypatch.delitem(sys.modules, f"asgi_tiktok.stores.{module}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigurationError, match=r"^store cannot be used\.") as raised:
        open_store(url)

    assert raised.value.hint == f"Run: pip install 'asgi-tiktok[{module}]'"
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("url", ["redis://host/zero", "mssql+aioodbc://ada:canary@127.0.0.1/test"])
def test_a_url_that_the_store_rejects_is_an_error_that_names_the_setting(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^store cannot be used\.") as raised:
        open_store(url)

    assert raised.value.hint
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["redis+sentinel://ada:canary@127.0.0.1:26379/mymaster", "redis-sentinel://127.0.0.1"]
)
def test_a_url_of_sentinel_is_an_error_that_names_the_client_to_pass(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^store cannot be used\.") as raised:
        open_store(url)

    assert "RedisStore(client)" in str(raised.value.hint)
    assert "canary" not in str(raised.value)
