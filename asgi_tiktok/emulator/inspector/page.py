"""The inspector page: it shows what happened and has forms that control the emulator."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from asgi_tiktok.emulator.endpoints.origin import own_origin, read_own_form
from asgi_tiktok.emulator.inspector.actions import Actions, Values
from asgi_tiktok.emulator.inspector.curl import curl_command, has_curl_command
from asgi_tiktok.emulator.inspector.serialization import serialize_fault
from asgi_tiktok.emulator.inspector.tabs import PATH, TABS, tab_context
from asgi_tiktok.emulator.pages.rendering import HEADERS, plain_text, render_scripted_page
from asgi_tiktok.emulator.state import State

__all__ = ["Inspector"]

NUMBERS: dict[str, Callable[[str], float]] = {"times": int, "move": float, "reason": int}


class Inspector:
    """The page with its tabs, and its forms. The page's script reads it again every second."""

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
            *(Route(path, self._show, methods=["GET"]) for path in TABS.values()),
            Route(f"{PATH}curl/{{log_id}}", self._curl, methods=["GET"]),
            *(
                Route(f"{PATH}do/{name}", self._form_endpoint(action), methods=["POST"])
                for name, action in forms.items()
            ),
        ]

    async def _enter(self, request: Request) -> Response:
        return RedirectResponse(PATH, 302, headers=HEADERS)

    async def _show(self, request: Request) -> Response:
        return self._page(request, request.url.path)

    async def _curl(self, request: Request) -> Response:
        """Return the curl command of a recorded request, with its secrets. Other sites cannot read it."""
        for exchange in self._state.exchanges:
            if exchange.log_id == request.path_params["log_id"] and has_curl_command(exchange):
                return plain_text(curl_command(exchange, own_origin(request)) + "\n", 200)
        raise HTTPException(404)

    def _form_endpoint(self, action: Callable[[Values], object]) -> Callable[[Request], Any]:
        """Return an endpoint for a form, which redirects to the form's tab or shows it with the error message."""

        async def answer(request: Request) -> Response:
            form = await read_own_form(request)
            referer = urlsplit(request.headers.get("referer", "")).path
            path = referer if referer in TABS.values() else PATH
            try:
                action(parse_form(dict(form)))
            except ValueError as exc:
                return self._page(request, path, str(exc), 400)
            return RedirectResponse(path, 303, headers=HEADERS)

        return answer

    def _page(self, request: Request, path: str, problem: str = "", status: int = 200) -> Response:
        tab = next(name for name, tab_path in TABS.items() if tab_path == path)
        state = self._state
        return render_scripted_page(
            f"inspector/{tab}.html",
            status,
            tab=tab,
            tabs=TABS,
            counts={
                "requests": len(state.exchanges),
                "grants": len(state.grants.grants),
                "posts": len([*state.posts]),
                "webhooks": len(state.webhooks.deliveries),
            },
            problem=problem,
            origin=own_origin(request),
            apps=state.apps,
            people=state.people,
            now=state.clock(),
            offset=state.clock.offset,
            format_time=format_time,
            faults=[serialize_fault(fault) for fault in state.faults],
            **tab_context(tab, state, request),
        )


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
