"""The page that replaces the phone in a QR code login."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asgi_tiktok.emulator.endpoints.origin import read_own_form
from asgi_tiktok.emulator.endpoints.qr import QRLogin, QRLogins, read_qr_code
from asgi_tiktok.emulator.pages.rendering import plain_text, render_page
from asgi_tiktok.emulator.world.errors import ConsentRefused
from asgi_tiktok.emulator.world.people import Person

__all__ = ["Phone"]

PATH = "/_emulator/phone"


class Phone:
    """GET shows the camera, or the login of the parameter `token` or `code`. POST acts on the login."""

    def __init__(self, people: Mapping[str, Person], qr_logins: QRLogins) -> None:
        self._people = people
        self._qr_logins = qr_logins

    def routes(self) -> list[Route]:
        return [Route(PATH, self._show, methods=["GET"]), Route(PATH, self._act, methods=["POST"])]

    async def _show(self, request: Request) -> Response:
        query = request.query_params
        if "code" not in query and "token" not in query:
            return self._camera("")
        token, ticket = query.get("token", ""), query.get("client_ticket", "tobefilled")
        try:
            if "code" in query:
                token, ticket = read_qr_code(query["code"])
        except ValueError:
            token = ""
        login = self._qr_logins.get(token)
        if login is None:
            return self._camera("This QR code is unknown. Paste the text of the code that the app shows.")
        return self._login(login, ticket, "")

    async def _act(self, request: Request) -> Response:
        """Apply `decision`: scan, approve or deny. `person` and `scopes` are as on the consent page."""
        form = await read_own_form(request)
        fields = dict(form)
        logins = self._qr_logins
        login = logins.get(fields.get("token", ""))
        if login is None:
            return plain_text("No login has this token; scan the QR code again.", 400)
        ticket = fields.get("client_ticket", "")
        decision = fields.get("decision", "")
        try:
            if decision == "scan":
                logins.scan(login, ticket)
            else:
                selected = tuple(value for name, value in form if name == "scopes")
                logins.decide(login, fields.get("person", ""), selected, decision)
        except ConsentRefused as refused:
            return self._login(login, ticket, refused.fix)
        except ValueError as exc:
            return plain_text(str(exc), 400)
        return self._login(login, ticket, "")

    def _camera(self, problem: str) -> Response:
        return render_page("camera.html", path=PATH, problem=problem, logins=self._qr_logins.waiting())

    def _login(self, login: QRLogin, ticket: str, problem: str) -> Response:
        return render_page(
            "phone.html",
            app=login.request.app,
            path=PATH,
            login=login,
            status=self._qr_logins.status_of(login),
            ticket=ticket,
            problem=problem,
            people=self._people,
            chosen=next(iter(self._people)),
            scopes=login.request.scopes,
        )
