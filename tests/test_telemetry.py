"""Events as spans and counters of OpenTelemetry, which the tests collect in memory."""

import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from asgi_tiktok import MemoryStore, TikTok, TikTokAuthMiddleware
from asgi_tiktok.emulator import Emulator
from asgi_tiktok.events.event import Event
from tests.support.app import app
from tests.support.canaries import Canaries
from tests.support.clock import Clock
from tests.support.faults import FailingStore, FaultyTransport, responding
from tests.support.login import approve_login, new_browser, sign_in, start_login
from tests.support.people import AMARA
from tests.support.settings import CALLBACK, LOGOUT, SAME_ORIGIN, WEBHOOK
from tests.support.tiktok import new_tiktok
from tests.support.webhooks import sign_webhook, webhook_body


class Collected:
    """The spans and counters since the beginning of the test."""

    def __init__(self) -> None:
        # Imported here, so that the other tests run in a process without OpenTelemetry.
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider(metric_readers=[self.reader], shutdown_on_exit=False)

    @property
    def spans(self) -> list[Any]:
        return list(self.exporter.get_finished_spans())

    def counts(self, counter: str) -> dict[tuple[Any, ...], int]:
        """The counts by the values of the labels."""
        data: Any = self.reader.get_metrics_data()
        metrics = [] if data is None else data.resource_metrics[0].scope_metrics[0].metrics
        points = [point for metric in metrics if metric.name == counter for point in metric.data.data_points]
        return {tuple(point.attributes[name] for name in sorted(point.attributes)): point.value for point in points}


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collected]:
    collected = Collected()
    from asgi_tiktok.events import telemetry

    monkeypatch.setattr(telemetry, "TELEMETRY", telemetry.Telemetry(collected.tracers, collected.meters))
    yield collected
    collected.tracers.shutdown()
    collected.meters.shutdown()


def test_login_is_a_span_around_the_requests_to_tiktok(
    browser: TestClient, emulator: Emulator, collected: Collected
) -> None:
    sign_in(browser, emulator)
    token, user, login = collected.spans

    assert (token.name, user.name, login.name) == ("POST", "GET", "tiktok.callback")
    assert token.parent.span_id == user.parent.span_id == login.context.span_id
    assert token.kind.name == user.kind.name == "CLIENT"
    assert {**token.attributes} == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": 8700,
        "tiktok.log_id": emulator.exchanges[-2].log_id,
        "url.full": "http://127.0.0.1:8700/v2/oauth/token/",
    }
    assert login.attributes["tiktok.event"] == "login.done"
    assert login.attributes["tiktok.log_id"] == emulator.exchanges[-1].log_id
    assert login.status.status_code.name == "UNSET"


def test_failed_request_to_tiktok_is_an_error_of_both_spans(emulator: Emulator, collected: Collected) -> None:
    transport = FaultyTransport(emulator)
    transport.path, transport.fault = "/v2/oauth/token/", responding(503, json={})
    browser = new_browser(TikTokAuthMiddleware(app, new_tiktok(transport)))
    browser.get(approve_login(browser, emulator))
    request, login = collected.spans

    assert [(span.attributes["error.type"], span.status.status_code.name) for span in (request, login)] == [
        ("503", "ERROR"),
        ("Unavailable", "ERROR"),
    ]
    assert "tiktok.error" not in login.attributes


def test_events_are_counted(browser: TestClient, emulator: Emulator, collected: Collected) -> None:
    sign_in(browser, emulator)
    browser.get(emulator.consent(start_login(browser), decision="deny"))
    for number in range(40):
        browser.get(f"{CALLBACK}?error=anything-{number}&state={number:043}")
    browser.post(LOGOUT, headers=SAME_ORIGIN)
    for signature in ("", sign_webhook(webhook_body())):
        browser.post(WEBHOOK, content=webhook_body(), headers={"tiktok-signature": signature})

    assert collected.counts("asgi_tiktok.logins") == {
        ("redirect", "started"): 2,
        ("redirect", "done"): 1,
        ("AccessDenied", "redirect", "denied"): 1,
        ("never_begun", "LoginLost", "redirect", "lost"): 40,
    }
    assert collected.counts("asgi_tiktok.sign_outs") == {("done",): 1}
    assert collected.counts("asgi_tiktok.webhooks") == {
        ("WebhookRefused", "refused"): 1,
        ("done", "authorization.removed"): 1,
    }


@pytest.mark.anyio
async def test_refresh_is_a_span(tiktok: TikTok, emulator: Emulator, clock: Clock, collected: Collected) -> None:
    browser = new_browser(TikTokAuthMiddleware(app, tiktok))
    sign_in(browser, emulator)
    clock.advance(hours=3)
    await tiktok.token(AMARA.open_id)
    request, refresh = collected.spans[-2:]

    assert (refresh.name, refresh.attributes["tiktok.event"]) == ("tiktok.refresh", "refresh.done")
    assert request.parent.span_id == refresh.context.span_id
    assert collected.counts("asgi_tiktok.refreshes") == {("done",): 1}


def test_errors_of_the_store_are_counted(emulator: Emulator, collected: Collected) -> None:
    store = FailingStore()
    browser = new_browser(TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator), store=store)))
    store.failures = {"set": 9}
    browser.get(approve_login(browser, emulator))

    assert collected.counts("asgi_tiktok.store_errors") == {("store",): 3, ("login",): 1}


def test_store_that_works_again_leaves_no_error_in_the_span(emulator: Emulator, collected: Collected) -> None:
    store = FailingStore()
    browser = new_browser(TikTokAuthMiddleware(app, new_tiktok(httpx2.ASGITransport(emulator), store=store)))
    store.failures = {"set": 1}
    sign_in(browser, emulator)
    login = collected.spans[-1]

    assert (login.attributes["tiktok.event"], login.status.status_code.name) == ("login.done", "UNSET")
    assert "error.type" not in login.attributes


def test_unexpected_error_is_an_error_of_the_span_without_its_text(emulator: Emulator, collected: Collected) -> None:
    class BrokenStore(MemoryStore):
        async def add(self, *args: object, **values: object) -> bool:
            raise RuntimeError("password")

    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=BrokenStore())
    browser = new_browser(TikTokAuthMiddleware(app, tiktok))
    with pytest.raises(RuntimeError):
        browser.get(approve_login(browser, emulator))
    (login,) = collected.spans

    assert (login.attributes["error.type"], login.status.status_code.name) == ("RuntimeError", "ERROR")
    assert "password" not in login.to_json()


def test_each_event_has_a_counter() -> None:
    from asgi_tiktok.events.telemetry import TELEMETRY

    assert {event.partition(".")[0] for event in Event} == set(TELEMETRY.counters)


def test_signed_in_request_makes_no_span(browser: TestClient, emulator: Emulator, collected: Collected) -> None:
    sign_in(browser, emulator)
    collected.exporter.clear()
    browser.get("/me")

    assert collected.spans == []


def test_spans_contain_no_secret_and_no_open_id(
    emulator: Emulator, store: MemoryStore, clock: Clock, collected: Collected, canaries: Canaries
) -> None:
    """A login, a refresh, an API call, a webhook, a failed login and a sign-out."""
    tiktok = new_tiktok(httpx2.ASGITransport(emulator), store=store)
    browser = new_browser(TikTokAuthMiddleware(app, tiktok))
    callback_url = approve_login(browser, emulator)
    browser.get(callback_url + "A")
    browser.get(callback_url)
    clock.advance(hours=3)
    assert browser.get("/token").status_code == 200
    browser.post(LOGOUT, headers=SAME_ORIGIN)
    emulator.faults.add("token", "5xx")
    browser.get(approve_login(browser, emulator))
    browser.post(WEBHOOK, content=webhook_body(), headers={"tiktok-signature": sign_webhook(webhook_body())})
    texts = [span.to_json() for span in collected.spans] + [str(collected.reader.get_metrics_data())]

    assert {span.name for span in collected.spans} == {
        "tiktok.callback",
        "tiktok.refresh",
        "tiktok.webhook",
        "POST",
        "GET",
    }
    for text in texts:
        canaries.check("span", text)
        assert AMARA.open_id not in text


def test_opentelemetry_is_not_imported_by_a_login(
    browser: TestClient, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that has not imported it has nowhere to send spans to, and login and start would be slower."""
    modules = ("opentelemetry.trace", "opentelemetry.metrics")
    for name in modules:
        monkeypatch.delitem(sys.modules, name, raising=False)
    sign_in(browser, emulator)

    assert not any(name in sys.modules for name in modules)
