"""The inspector page: it shows what happened and has forms that control the emulator."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from asgi_tiktok.emulator.endpoints.origin import own_origin, read_own_form
from asgi_tiktok.emulator.endpoints.webhooks import EVENTS
from asgi_tiktok.emulator.inspector.actions import Actions, Values
from asgi_tiktok.emulator.inspector.serialization import (
    serialize_delivery,
    serialize_exchange,
    serialize_fault,
    serialize_grants,
    serialize_post,
)
from asgi_tiktok.emulator.pages.rendering import HEADERS, render_scripted_page
from asgi_tiktok.emulator.state import State
from asgi_tiktok.emulator.world.faults import ENDPOINTS, KINDS
from asgi_tiktok.emulator.world.grants import Reason
from asgi_tiktok.emulator.world.posting_errors import FAIL_REASONS

__all__ = ["Inspector"]

PATH = "/_emulator/"
MAX_SHOWN = 60
NUMBERS: dict[str, Callable[[str], float]] = {"times": int, "move": float, "reason": int}
MOVES = ((300, "+5 min"), (7200, "+2 h"), (86400, "+1 day"), (180 * 86400, "+180 d"))


class Inspector:
    """The page, its part that is refreshed, and its forms."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._actions = Actions(state)

    def routes(self) -> list[Route]:
        forms: dict[str, Callable[[Values], object]] = {
            "fault": self._actions.add_fault,
            "clear-faults": lambda values: self._state.faults.clear(),
            "clock": self._actions.move_clock,
            "reset-clock": lambda values: self._state.clock.reset(),
            "revoke": self._actions.revoke,
            "expire": self._actions.expire,
            "post": self._actions.decide_post,
            "webhook": self._actions.send_webhook,
            "reset": lambda values: self._state.reset(),
        }
        return [
            Route("/", self._enter, methods=["GET"]),
            Route(PATH.rstrip("/"), self._enter, methods=["GET"]),
            Route(PATH, self._show, methods=["GET"]),
            Route(f"{PATH}live", self._live, methods=["GET"]),
            *(
                Route(f"{PATH}do/{name}", self._form_endpoint(action), methods=["POST"])
                for name, action in forms.items()
            ),
        ]

    async def _enter(self, request: Request) -> Response:
        return RedirectResponse(PATH, 302, headers=HEADERS)

    async def _show(self, request: Request) -> Response:
        return self._page(request, "", 200)

    async def _live(self, request: Request) -> Response:
        return render_scripted_page("live.html", 200, **self._live_context())

    def _form_endpoint(self, action: Callable[[Values], object]) -> Callable[[Request], Any]:
        """Return an endpoint for a form, which redirects to the page or shows it with the error message."""

        async def answer(request: Request) -> Response:
            form = await read_own_form(request)
            try:
                action(parse_form(dict(form)))
            except ValueError as exc:
                return self._page(request, str(exc), 400)
            return RedirectResponse(PATH, 303, headers=HEADERS)

        return answer

    def _page(self, request: Request, problem: str, status: int) -> Response:
        return render_scripted_page(
            "inspector.html",
            status,
            **self._live_context(),
            problem=problem,
            origin=own_origin(request),
            endpoints=[*ENDPOINTS],
            kinds=KINDS,
            events=[*EVENTS],
            moves=MOVES,
            apps_with_webhook=[app for app in self._state.apps.values() if app.webhook_url],
        )

    def _live_context(self) -> dict[str, Any]:
        """Return the values that change while the page is open."""
        latest = [*self._state.exchanges][-MAX_SHOWN:]
        now = self._state.clock()
        return {
            "apps": self._state.apps,
            "people": self._state.people,
            "offset": self._state.clock.offset,
            "now": now,
            "format_time": format_time,
            "reasons": {each.value: each.name.lower().replace("_", " ") for each in Reason},
            "exchanges": [serialize_exchange(exchange) for exchange in reversed(latest)],
            "grants": [*serialize_grants(self._state.grants)],
            "faults": [serialize_fault(fault) for fault in self._state.faults],
            "posts": [serialize_post(post, now) for post in reversed([*self._state.posts])],
            "fail_reasons": FAIL_REASONS,
            "deliveries": [serialize_delivery(delivery) for delivery in reversed([*self._state.webhooks.deliveries])],
        }


def parse_form(form: dict[str, str]) -> Values:
    """Return the fields of a form that are not empty, with numbers converted."""
    values: dict[str, Any] = {name: value for name, value in form.items() if value}
    for name, number in NUMBERS.items():
        if name in values:
            values[name] = parse_number(name, values[name], number)
    return values


def parse_number(name: str, value: str, number: Callable[[str], float]) -> float:
    try:
        return number(value)
    except ValueError:
        raise ValueError(f"{name}={value!r} is not a number.") from None


def format_time(at: float, now: float) -> str:
    """Return the time of day in UTC, with the date unless it is today."""
    then, today = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now, UTC).date()
    return f"{then:%H:%M:%S}" if then.date() == today else f"{then:%d %b %Y %H:%M}"
