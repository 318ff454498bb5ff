"""A page that plays the phone: it scans the QR code an app shows, and agrees or not."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asgi_tiktok.emulator.endpoints.origin import is_same_origin
from asgi_tiktok.emulator.endpoints.qr import QRLogin, QRLogins, read_qr_code
from asgi_tiktok.emulator.pages.avatars import avatar_path
from asgi_tiktok.emulator.pages.rendering import plain_text, render_page
from asgi_tiktok.emulator.world.errors import ConsentRefused
from asgi_tiktok.emulator.world.people import Person
from asgi_tiktok.emulator.world.scopes import describe_scope, is_toggleable

__all__ = ["Phone"]

PATH = "/_emulator/phone"


class Phone:
    """GET shows the camera, or with `token` (or what the code says as `code`) one login; POST acts on it."""

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
            return self._camera("This is no QR code of a login here; paste what the app's code says.")
        return self._login(login, ticket, "")

    async def _act(self, request: Request) -> Response:
        """`decision` is scan, approve or deny; approve comes with `person` and `scopes`, as on the consent page."""
        if not is_same_origin(request):
            return plain_text("This form was not sent from the emulator's own page.", 403)
        form = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        fields = dict(form)
        logins = self._qr_logins
        login = logins.get(fields.get("token", ""))
        if login is None:
            return plain_text("No login has this token; open the phone from its QR code.", 400)
        ticket = fields.get("client_ticket", "")
        decision = fields.get("decision", "")
        try:
            if decision == "scan":
                logins.scan(login, ticket)
            else:
                selected = tuple(value for name, value in form if name == "scopes")
                logins.decide(login, fields.get("person", ""), selected, decision)
        except ConsentRefused as refused:
            return self._login(login, ticket, refused.cure)
        except ValueError as exc:
            return plain_text(str(exc), 400)
        return self._login(login, ticket, "")

    def _camera(self, problem: str) -> Response:
        return render_page("camera.html", path=PATH, problem=problem, logins=self._qr_logins.waiting())

    def _login(self, login: QRLogin, ticket: str, problem: str) -> Response:
        people = self._people
        return render_page(
            "phone.html",
            app=login.request.app,
            path=PATH,
            login=login,
            status=self._qr_logins.status_of(login),
            ticket=ticket,
            problem=problem,
            people=[(person, avatar_path(person)) for person in people.values()],
            chosen=next(iter(people)),
            scopes=[(scope, describe_scope(scope), is_toggleable(scope)) for scope in login.request.scopes],
        )
