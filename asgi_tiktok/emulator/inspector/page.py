"""The inspector: what has happened between the app and TikTok, and buttons to make more happen."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from asgi_tiktok.emulator.endpoints.origin import is_same_origin, own_origin
from asgi_tiktok.emulator.endpoints.webhooks import EVENTS
from asgi_tiktok.emulator.inspector.actions import Actions, Values
from asgi_tiktok.emulator.inspector.serialization import (
    serialize_delivery,
    serialize_exchange,
    serialize_fault,
    serialize_grants,
)
from asgi_tiktok.emulator.pages.avatars import avatar_path
from asgi_tiktok.emulator.pages.rendering import HEADERS, plain_text, render_scripted_page
from asgi_tiktok.emulator.state import State
from asgi_tiktok.emulator.world.faults import ENDPOINTS, KINDS
from asgi_tiktok.emulator.world.grants import Reason

__all__ = ["Inspector"]

PATH = "/_emulator/"
MAX_SHOWN = 60
NUMBERS: dict[str, Callable[[str], float]] = {"times": int, "move": float, "reason": int}
MOVES = ((300, "+5 min"), (7200, "+2 h"), (86400, "+1 day"), (180 * 86400, "+180 d"))


class Inspector:
    """The page, the part of it that is fetched anew, and its forms."""

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
        """An endpoint for a form: back to the page, or the page with the sentence that says why not."""

        async def answer(request: Request) -> Response:
            if not is_same_origin(request):
                return plain_text("This form was not sent from the emulator's own page.", 403)
            form = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
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
            people_with_avatars=[(person, avatar_path(person)) for person in self._state.people.values()],
            endpoints=[*ENDPOINTS],
            kinds=KINDS,
            events=[*EVENTS],
            moves=MOVES,
            apps_with_webhook=[app for app in self._state.apps.values() if app.webhook_url],
        )

    def _live_context(self) -> dict[str, Any]:
        """What changes while the page is open."""
        latest = [*self._state.exchanges][-MAX_SHOWN:]
        return {
            "apps": self._state.apps,
            "people": self._state.people,
            "offset": self._state.clock.offset,
            "now": self._state.clock(),
            "format_time": format_time,
            "reasons": {each.value: each.name.lower().replace("_", " ") for each in Reason},
            "exchanges": [serialize_exchange(exchange) for exchange in reversed(latest)],
            "grants": [*serialize_grants(self._state.grants)],
            "faults": [serialize_fault(fault) for fault in self._state.faults],
            "deliveries": [serialize_delivery(delivery) for delivery in reversed([*self._state.webhooks.deliveries])],
        }


def parse_form(form: dict[str, str]) -> Values:
    """The fields of a form, numbers as numbers; a field that was left empty is left out."""
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
    """A time of day in UTC, with the date when it is not today's."""
    then, today = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now, UTC).date()
    return f"{then:%H:%M:%S}" if then.date() == today else f"{then:%d %b %Y %H:%M}"
