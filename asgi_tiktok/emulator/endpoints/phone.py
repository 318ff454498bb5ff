"""A page that plays the phone: it scans the QR code an app shows, and agrees or not."""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asgi_tiktok.emulator.endpoints.qr import QRLogin, read_qr_code
from asgi_tiktok.emulator.pages.avatars import avatar_path
from asgi_tiktok.emulator.pages.rendering import page, plain
from asgi_tiktok.emulator.state import State
from asgi_tiktok.emulator.world.hosts import is_same_origin
from asgi_tiktok.emulator.world.refusals import ConsentRefused
from asgi_tiktok.emulator.world.scopes import describe, is_toggleable

PATH = "/_emulator/phone"


class Phone:
    """GET shows the camera, or with `token` (or what the code says as `code`) one login; POST acts on it."""

    def __init__(self, state: State) -> None:
        self.state = state

    def routes(self) -> list[Route]:
        return [Route(PATH, self.show, methods=["GET"]), Route(PATH, self.act, methods=["POST"])]

    async def show(self, request: Request) -> Response:
        query = request.query_params
        if "code" not in query and "token" not in query:
            return self._camera("")
        token, ticket = query.get("token", ""), query.get("client_ticket", "tobefilled")
        try:
            if "code" in query:
                token, ticket = read_qr_code(query["code"])
        except ValueError:
            token = ""
        login = self.state.qr_logins.find(token)
        if login is None:
            return self._camera("This is no QR code of a login here; paste what the app's code says.")
        return self._login(login, ticket, "")

    async def act(self, request: Request) -> Response:
        """`decision` is scan, approve or deny; approve comes with `person` and `scopes`, as on the consent page."""
        if not is_same_origin(request):
            return plain("This form was not sent from the emulator's own page.", 403)
        form = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        fields = dict(form)
        logins = self.state.qr_logins
        login = logins.find(fields.get("token", ""))
        if login is None:
            return plain("No login has this token; open the phone from its QR code.", 400)
        ticket = fields.get("client_ticket", "")
        decision = fields.get("decision", "")
        try:
            if decision == "scan":
                logins.scan(login, ticket)
            else:
                ticked = tuple(value for name, value in form if name == "scopes")
                logins.decide(login, fields.get("person", ""), ticked, decision)
        except ConsentRefused as refused:
            return self._login(login, ticket, refused.cure)
        except ValueError as exc:
            return plain(str(exc), 400)
        return self._login(login, ticket, "")

    def _camera(self, problem: str) -> Response:
        return page("camera.html", path=PATH, problem=problem, logins=self.state.qr_logins.waiting())

    def _login(self, login: QRLogin, ticket: str, problem: str) -> Response:
        people = self.state.people
        return page(
            "phone.html",
            app=login.asked.app,
            path=PATH,
            login=login,
            status=self.state.qr_logins.status_of(login),
            ticket=ticket,
            problem=problem,
            people=[(person, avatar_path(person)) for person in people.values()],
            chosen=next(iter(people)),
            scopes=[(scope, describe(scope), is_toggleable(scope)) for scope in login.asked.scopes],
        )
