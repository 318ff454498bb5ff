import json
import time
from collections.abc import Iterator

import httpx2
import pytest

from asgi_tiktok import TikTokAuthMiddleware, WebhookEvent
from asgi_tiktok.commands import main
from asgi_tiktok.commands.webhook_events import EVENTS, event_of, sign
from asgi_tiktok.emulator import CAST, DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET, RunningEmulator
from tests.support.app import app
from tests.support.login import approve
from tests.support.servers import serve_in_thread
from tests.support.tiktok import new_tiktok

ENVIRON = {"TIKTOK_CLIENT_KEY": "bwo2m45353a6k85", "TIKTOK_CLIENT_SECRET": "client_secret_example"}


@pytest.fixture
def events() -> list[WebhookEvent]:
    return []


@pytest.fixture
def site(emulator_server: RunningEmulator, port: int, events: list[WebhookEvent]) -> Iterator[str]:
    """The address of an app whose users sign in with the emulator."""
    redirect_uri = f"http://localhost:{port}/auth/tiktok/callback"
    tiktok = new_tiktok(base_url=emulator_server.url, redirect_uri=redirect_uri)

    @tiktok.on_event
    async def record(event: WebhookEvent) -> None:
        events.append(event)

    with serve_in_thread(TikTokAuthMiddleware(app, tiktok), port):
        yield f"http://localhost:{port}"


def test_authorization_removed_signs_the_user_out(
    site: str, visitor: httpx2.Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = visitor.get(f"{site}/auth/tiktok/login?next=/me")
    assert approve(visitor, page, CAST[0].open_id).json()["name"] == CAST[0].display_name

    monkeypatch.setenv("TIKTOK_CLIENT_KEY", DEFAULT_CLIENT_KEY)
    monkeypatch.setenv("TIKTOK_CLIENT_SECRET", DEFAULT_CLIENT_SECRET)
    monkeypatch.setenv("TIKTOK_REDIRECT_URI", f"{site}/auth/tiktok/callback")
    assert main(["webhook", "authorization.removed", f"--open-id={CAST[0].open_id}", "--reason", "4"]) == 0

    sent, verdict = capsys.readouterr().out.splitlines()
    about = f"about {CAST[0].open_id}, signed for {DEFAULT_CLIENT_KEY}"
    assert sent == f"Sent authorization.removed {about}, to {site}/auth/tiktok/webhook"
    assert verdict == "200 OK: the app accepted the event"
    assert visitor.get(f"{site}/me").json()["name"] == ""


def test_emulator_is_the_default_without_settings(
    site: str, events: list[WebhookEvent], capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"{site}/auth/tiktok/webhook"
    assert main(["webhook", "authorization.removed", "--url", url]) == 0
    assert main(["webhook", "authorization.removed", "--url", url, "--open-id=-000x", "--reason", "2"]) == 0
    assert main(["webhook", "portability.download.ready", "--url", url]) == 0
    assert capsys.readouterr().err == ""
    assert main(["webhook", "brand.new", "--url", url, "--content", '{"a": [1,2]}']) == 0
    assert "warning: TikTok documents no event 'brand.new'; it is sent anyway" in capsys.readouterr().err

    assert [(event.event, event.open_id, event.content) for event in events] == [
        ("authorization.removed", CAST[0].open_id, {"reason": 1}),
        ("authorization.removed", "-000x", {"reason": 2}),
        ("portability.download.ready", None, {"request_id": 7212345678901234567}),
        ("brand.new", CAST[0].open_id, {"a": [1, 2]}),
    ]


def test_refused_event_is_reported(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"{site}/auth/tiktok/webhook"
    assert main(["webhook", "authorization.removed", "--url", url, "--open-id", "x", "--reason", "1"]) == 0
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("TIKTOK_CLIENT_KEY", DEFAULT_CLIENT_KEY)
        arguments = ["webhook", "authorization.removed", "--url", url, "--open-id", "x", "--client-secret", "wrong"]
        assert main(arguments) == 1
    out = capsys.readouterr().out
    assert "401 Unauthorized: the app did not accept the event" in out
    assert "wrong" not in out

    assert main(["webhook", "video.upload.failed", "--url", f"{site}/auth/tiktok/session"]) == 1
    assert "405" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["x", "--url", "example.com/hook"],
            "--url='example.com/hook' is not an http address; write it like http://",
        ),
        (["x", "--url", "http://[1"], "--url='http://[1' is not a URL."),
        (["x", "--content", "[1]"], "--content is not a JSON object; in a shell, write"),
        (["x", "--content", "{"], "--content is not a JSON object"),
        (["x", "--reason", "1"], "--reason works only with authorization.removed"),
        (["authorization.removed", "--reason", "1", "--content", "{}"], "--reason works only with"),
    ],
)
def test_wrong_arguments_get_one_line(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["webhook", *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert sentence in line


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"TIKTOK_CLIENT_KEY": "aw1"}, "TIKTOK_CLIENT_SECRET is not set;"),
        ({"TIKTOK_CLIENT_SECRET": "s1"}, "TIKTOK_CLIENT_KEY is not set;"),
        (ENVIRON, "authorization.removed needs a user; pass --open-id=…"),
        ({"TIKTOK_REDIRECT_URI": "http://app.example.com/x"}, "TIKTOK_REDIRECT_URI='http://app.example.com/x' must"),
    ],
)
def test_wrong_settings_get_one_line(
    environ: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    assert main(["webhook", "authorization.removed"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert sentence in line


def test_app_that_does_not_answer(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"http://127.0.0.1:{port}/hook"
    assert main(["webhook", "authorization.removed", "--url", url]) == 2
    assert capsys.readouterr().err == (
        f"asgi-tiktok: {url} does not answer (ConnectError). Start the app, or pass its address with --url.\n"
    )


def test_open_id_that_begins_with_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["webhook", "authorization.removed", "--open-id", "-000x"])
    assert ended.value.code == 2
    assert "as in --open-id=-000x). See: asgi-tiktok webhook --help" in capsys.readouterr().err


def test_help_lists_every_event(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["webhook", "--help"])
    help_text = capsys.readouterr().out
    assert all(f"\n  {name}\n" in help_text for name in EVENTS)
    assert "--open-id=-000x" in help_text


def test_event_has_the_format_and_signature_of_tiktok() -> None:
    event = event_of(ENVIRON, name="authorization.removed", open_id="u", content='{"reason": 1 }')
    body = (
        b'{"client_key":"bwo2m45353a6k85","event":"authorization.removed","create_time":1615338610,'
        b'"user_openid":"u","content":"{\\"reason\\": 1 }"}'
    )
    assert event.body(1615338610) == body
    signature = "5851f03708d1829b5277abd72967e66eb1cac6d5a4e0d6afad79c451fe251929"
    assert sign("client_secret_example", body, 1633174587) == f"t=1633174587,s={signature}"
    assert "client_secret_example" not in repr(event)
    assert json.loads(event.body(int(time.time())))["user_openid"] == "u"
