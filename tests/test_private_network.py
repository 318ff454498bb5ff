"""An emulator on another machine of a private network, and everything that could be production instead."""

import asyncio
import socket
from typing import Any

import pytest

from asgi_tiktok import ConfigurationError, TikTok, TikTokClient, Unavailable, generate_code_verifier, generate_state
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, Emulator, run_emulator
from tests.support.canaries import SECRET_KEY

LOCAL = "http://localhost:8000/auth/tiktok/callback"
VERIFIER = generate_code_verifier()


def new_client(base_url: str, **changes: Any) -> TikTokClient:
    settings = {"redirect_uri": LOCAL, "base_url": base_url, **changes}
    return TikTokClient(DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, **settings)


@pytest.mark.parametrize(
    "base_url", ["http://tiktok.localhost:8700", "http://a.b.localhost", "http://TikTok.localhost"]
)
def test_names_of_this_machine_need_no_setting(base_url: str) -> None:
    assert new_client(base_url)


@pytest.mark.parametrize(
    "host",
    [
        "emulator",
        "my_emulator-1",
        "tiktok.test",
        "host.docker.internal",
        "emulator.default.svc.cluster.local",
        "router.home.arpa",
        "10.0.0.5",
        "172.17.0.1",
        "192.168.0.7",
        "[fd00::5]",
    ],
)
def test_private_hosts_are_accepted_on_purpose_only(host: str) -> None:
    base_url = f"http://{host}:8700"

    assert new_client(base_url, insecure_base_url=True)
    with pytest.raises(ConfigurationError, match="insecure_base_url=True"):
        new_client(base_url)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://www.tiktok.com",
        "http://app.example.com",
        "http://tiktok.localhost.evil.example.com",
        "http://localhost.example.com",
        "http://tiktok.localhost.",
        "http://tiktok.test.",
        "http://localhost.",
        "http://emulator.",
        "http://.localhost",
        "http://evil.example.com\\.localhost",
        "http://evil.example.com%2f.localhost",
        "http://evil.example.com\u3002localhost",
        "http://tiktok\uff0elocalhost",
        "http://me@tiktok.localhost",
        "http://tiktok.localhost@evil.example.com",
        "http://evil.example.com#.localhost",
        "http://evil.example.com?.localhost",
        "http://8.8.8.8",
        "http://134744072",
        "http://0x08080808",
        "http://010.8.8.8",
        "http://8.8",
        "http://0.0.0.0:8700",
        "http://169.254.169.254",
        "http://100.64.0.1",
        "http://172.32.0.1",
        "http://192.0.2.1",
        "http://[2001:db8::1]",
        "http://[::ffff:8.8.8.8]",
        "http://[::ffff:10.0.0.5]",
        "http://[fe80::1]",
        "http://[::]",
        "http://metadata.google.intern",
        "http://xn--localhost-example.com",
        "ftp://emulator",
        "//emulator",
    ],
)
def test_hosts_that_could_be_production_are_refused(base_url: str) -> None:
    with pytest.raises(ConfigurationError, match="https"):
        new_client(base_url, insecure_base_url=True)


@pytest.mark.parametrize(
    "redirect_uri",
    ["https://app.example.com/cb", "https://localhost.example.com/cb", [LOCAL, "https://example.com/cb"]],
)
def test_insecure_address_is_refused_for_an_app_that_is_public(redirect_uri: Any) -> None:
    app = {"client_key": "aw1", "client_secret": "s", "redirect_uri": redirect_uri, "secret_key": SECRET_KEY}
    with pytest.raises(ConfigurationError, match="is not on a developer's machine"):
        TikTok(**app, base_url="http://emulator:8700", insecure_base_url=True, store="memory://")


def test_environment_allows_a_private_name() -> None:
    environ = {
        "TIKTOK_CLIENT_KEY": DEFAULT_CLIENT_KEY,
        "TIKTOK_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
        "TIKTOK_REDIRECT_URI": LOCAL,
        "TIKTOK_SECRET_KEY": SECRET_KEY,
        "TIKTOK_STORE": "memory://",
        "TIKTOK_BASE_URL": "http://emulator:8700",
    }
    assert TikTok.from_env({**environ, "TIKTOK_INSECURE_BASE_URL": "1"})
    for off in ("0", ""):
        with pytest.raises(ConfigurationError, match="TIKTOK_BASE_URL='http://emulator:8700' must have https"):
            TikTok.from_env({**environ, "TIKTOK_INSECURE_BASE_URL": off})
    with pytest.raises(ConfigurationError, match="TIKTOK_INSECURE_BASE_URL='yes' is neither 1 nor 0"):
        TikTok.from_env({**environ, "TIKTOK_INSECURE_BASE_URL": "yes"})


@pytest.mark.anyio
@pytest.mark.parametrize("resolver", ["knows no such name", "answers with ::1 first"])
async def test_login_at_a_name_of_this_machine(resolver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every resolver knows tiktok.localhost, and the emulator listens at one of the addresses."""
    resolve(monkeypatch, ["::1", "127.0.0.1"] if "::1" in resolver else [])
    with run_emulator(Emulator()) as running:
        client = new_client(running.url.replace("127.0.0.1", "tiktok.localhost"))
        url = client.authorization_url(state=generate_state(), code_verifier=VERIFIER)
        token = await client.fetch_token(running.emulator.consent(url), code_verifier=VERIFIER)
        user = await client.fetch_user(token)
        await client.aclose()

    assert (user.avatar_url or "").startswith(f"{running.url.replace('127.0.0.1', 'tiktok.localhost')}/")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("addresses", "problem"),
    [
        (["93.184.216.34"], "emulator has the address 93.184.216.34, which is not in a private"),
        ([], "cannot be resolved"),
    ],
)
async def test_private_name_with_a_public_address_gets_no_request(
    addresses: list[str], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, addresses)
    with pytest.raises(Unavailable, match=problem) as caught:
        await new_client("http://emulator", insecure_base_url=True).fetch_token("code", code_verifier=VERIFIER)
    assert caught.value._sent is False


def resolve(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    """Let names have these addresses. The resolver of the machine is not under test, and may know other names."""

    async def getaddrinfo(self: object, host: str, *args: Any, **kwargs: Any) -> list[Any]:
        found = addresses if host.isascii() and not host[0].isdigit() else [host]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in found]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
