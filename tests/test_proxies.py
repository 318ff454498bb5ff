"""`trust_env=True`: the proxies that the environment names are used as httpx2 itself uses them."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

from asgi_tiktok import ConfigurationError, TikTokClient, TikTokError
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, RunningEmulator
from tests.support.settings import REDIRECT_URI

pytestmark = pytest.mark.anyio

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
USED = {
    "ALL_PROXY": {"ALL_PROXY": "PROXY"},
    "lower case": {"all_proxy": "PROXY"},
    "HTTP_PROXY for an address with http": {"HTTP_PROXY": "PROXY"},
    "NO_PROXY for another host": {"ALL_PROXY": "PROXY", "NO_PROXY": "example.com,10.0.0.0/8"},
}
NOT_USED = {
    "none": {},
    "HTTPS_PROXY for an address with http": {"HTTPS_PROXY": "PROXY"},
    "NO_PROXY": {"ALL_PROXY": "PROXY", "NO_PROXY": "127.0.0.1"},
    "NO_PROXY for all hosts": {"HTTP_PROXY": "PROXY", "no_proxy": "*"},
}


class Proxy:
    """An HTTP proxy on loopback that refuses all requests. `lines` are their first lines."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.url = ""

    async def refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines.append(await reader.readline())
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    """A proxy, and an environment that names none."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    proxy = Proxy()
    async with await asyncio.start_server(proxy.refuse, "127.0.0.1", 0) as server:
        proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield proxy


async def asks_the_proxy(proxy: Proxy, emulator: RunningEmulator, *, trust_env: bool) -> bool:
    """Send a request to the emulator, and return whether it went to the proxy instead."""
    client = TikTokClient(
        DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, REDIRECT_URI, base_url=emulator.url, trust_env=trust_env
    )
    try:
        await client.client_token()
    except TikTokError:
        assert proxy.lines == [f"POST {emulator.url}/v2/oauth/token/ HTTP/1.1\r\n".encode()]
        return True
    finally:
        await client.aclose()
    assert proxy.lines == []
    return False


@pytest.mark.parametrize("case", [*USED, *NOT_USED])
async def test_proxy_is_used_if_the_environment_says_so(
    proxy: Proxy, emulator_server: RunningEmulator, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    for name, value in {**USED, **NOT_USED}[case].items():
        monkeypatch.setenv(name, value.replace("PROXY", proxy.url))

    assert await asks_the_proxy(proxy, emulator_server, trust_env=True) == (case in USED)


async def test_proxy_is_not_used_without_trust_env(
    proxy: Proxy, emulator_server: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy.url)

    assert not await asks_the_proxy(proxy, emulator_server, trust_env=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "ftp://user:hidden@127.0.0.1:9"),
        ("ALL_PROXY", "socks5://user:hidden@127.0.0.1:9"),
        ("SSL_CERT_FILE", "/nowhere/hidden"),
    ],
)
def test_environment_that_cannot_work_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "socksio", None)  # as if it were not installed
    with pytest.raises(ConfigurationError, match="trust_env=True") as raised:
        TikTokClient("key", "secret", REDIRECT_URI, trust_env=True)

    assert raised.value.hint
    assert "hidden" not in str(raised.value)
