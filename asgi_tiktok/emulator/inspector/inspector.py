"""The inspector: what has happened between the app and TikTok, and buttons to make more happen."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from asgi_tiktok.emulator.endpoints.webhooks import EVENTS
from asgi_tiktok.emulator.inspector.actions import Actions, Values
from asgi_tiktok.emulator.inspector.shown import shown_delivery, shown_exchange, shown_fault, shown_grants
from asgi_tiktok.emulator.pages.avatars import avatar_path
from asgi_tiktok.emulator.pages.rendering import HEADERS, plain, scripted_page
from asgi_tiktok.emulator.state import State
from asgi_tiktok.emulator.world.faults import ENDPOINTS, KINDS
from asgi_tiktok.emulator.world.grants import Reason
from asgi_tiktok.emulator.world.hosts import is_same_origin, own_origin

PATH = "/_emulator/"
LATEST = 60
NUMBERS: dict[str, Callable[[str], float]] = {"times": int, "move": float, "reason": int}
MOVES = ((300, "+5 min"), (7200, "+2 h"), (86400, "+1 day"), (180 * 86400, "+180 d"))


class Inspector:
    """The page, the part of it that is fetched anew, and its forms."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.actions = Actions(state)

    def routes(self) -> list[Route]:
        doings: dict[str, Callable[[Values], object]] = {
            "fault": self.actions.add_fault,
            "clear-faults": lambda values: self.state.faults.clear(),
            "clock": self.actions.move_clock,
            "reset-clock": lambda values: self.state.clock.reset(),
            "revoke": self.actions.revoke,
            "expire": self.actions.expire,
            "webhook": self.actions.send_webhook,
            "reset": lambda values: self.state.reset(),
        }
        return [
            Route("/", self.enter, methods=["GET"]),
            Route(PATH.rstrip("/"), self.enter, methods=["GET"]),
            Route(PATH, self.show, methods=["GET"]),
            Route(f"{PATH}live", self.live, methods=["GET"]),
            *(Route(f"{PATH}do/{name}", self.doing(do), methods=["POST"]) for name, do in doings.items()),
        ]

    async def enter(self, request: Request) -> Response:
        return RedirectResponse(PATH, 302, headers=HEADERS)

    async def show(self, request: Request) -> Response:
        return self._page(request, "", 200)

    async def live(self, request: Request) -> Response:
        return scripted_page("live.html", 200, **self._news())

    def doing(self, do: Callable[[Values], object]) -> Callable[[Request], Any]:
        """An endpoint for a form: back to the page, or the page with the sentence that says why not."""

        async def answer(request: Request) -> Response:
            if not is_same_origin(request):
                return plain("This form was not sent from the emulator's own page.", 403)
            form = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
            try:
                do(read_values(dict(form)))
            except ValueError as exc:
                return self._page(request, str(exc), 400)
            return RedirectResponse(PATH, 303, headers=HEADERS)

        return answer

    def _page(self, request: Request, problem: str, status: int) -> Response:
        return scripted_page(
            "inspector.html",
            status,
            **self._news(),
            problem=problem,
            origin=own_origin(request),
            people_pictured=[(person, avatar_path(person)) for person in self.state.people.values()],
            endpoints=[*ENDPOINTS],
            kinds=KINDS,
            events=[*EVENTS],
            moves=MOVES,
            hooked=[app for app in self.state.apps.values() if app.webhook_url],
        )

    def _news(self) -> dict[str, Any]:
        """What changes while the page is open."""
        latest = [*self.state.exchanges][-LATEST:]
        return {
            "apps": self.state.apps,
            "people": self.state.people,
            "offset": self.state.clock.offset,
            "now": self.state.clock(),
            "moment": moment,
            "reasons": {each.value: each.name.lower().replace("_", " ") for each in Reason},
            "exchanges": [shown_exchange(exchange) for exchange in reversed(latest)],
            "grants": [*shown_grants(self.state.grants)],
            "faults": [shown_fault(fault) for fault in self.state.faults],
            "deliveries": [shown_delivery(delivery) for delivery in reversed([*self.state.webhooks.deliveries])],
        }


def read_values(form: dict[str, str]) -> Values:
    """The fields of a form, numbers as numbers; a field that was left empty is left out."""
    values: dict[str, Any] = {name: value for name, value in form.items() if value}
    for name, number in NUMBERS.items():
        if name in values:
            values[name] = as_number(name, values[name], number)
    return values


def as_number(name: str, value: str, number: Callable[[str], float]) -> float:
    try:
        return number(value)
    except ValueError:
        raise ValueError(f"{name}={value!r} is not a number.") from None


def moment(at: float, now: float) -> str:
    """A time of day in UTC, with the date when it is not today's."""
    then, today = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now, UTC).date()
    return f"{then:%H:%M:%S}" if then.date() == today else f"{then:%d %b %Y %H:%M}"
