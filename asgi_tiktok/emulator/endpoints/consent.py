"""The pages a person meets: consent, and the fault that TikTok keeps to itself."""

from collections import deque
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from asgi_tiktok.emulator.endpoints.authorize import PARAMETERS, Authorization, AuthorizationRequest
from asgi_tiktok.emulator.endpoints.faulty import FAULT
from asgi_tiktok.emulator.pages.avatars import avatar_path
from asgi_tiktok.emulator.pages.rendering import HEADERS, page, plain
from asgi_tiktok.emulator.world.exchanges import Exchange, new_log_id
from asgi_tiktok.emulator.world.hosts import is_same_origin
from asgi_tiktok.emulator.world.refusals import ConsentRefused
from asgi_tiktok.emulator.world.scopes import describe, is_toggleable

PATH = "/v2/auth/authorize/"
PERSON_COOKIE = "tiktok_emulator_person"

Pairs = Sequence[tuple[str, str]]


class Consent:
    """The authorize endpoint as a browser sees it: GET shows the page, POST decides."""

    def __init__(self, authorization: Authorization, exchanges: deque[Exchange]) -> None:
        self.authorization = authorization
        self.exchanges = exchanges
        self.refused: deque[ConsentRefused] = deque(maxlen=100)

    async def show(self, request: Request) -> Response:
        """The consent page, the way straight back for a person who has consented, or TikTok's fault page."""
        if refused := self._shown_before(request.query_params.get("logid", "")):
            return page("fault.html", refused=refused)
        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        open_id = unquote(request.cookies.get(PERSON_COOKIE, ""))
        try:
            asked = self.authorization.read(pairs)
        except ConsentRefused as refused:
            self._record("authorize", "GET", 302, pairs, refused, fault=request.scope.get(FAULT))
            return fault_redirect(pairs, refused)
        location = self.authorization.automatic(asked, open_id)
        status = 302 if location else 200
        self._record("authorize", "GET", status, pairs, answer=location, fault=request.scope.get(FAULT))
        return back_to_app(location) if location else self._page(asked, open_id)

    async def decide(self, request: Request) -> Response:
        """Back to the app with what the person decided.

        The form has the parameters of the authorization request and `person` (an open_id), `scopes` (once
        for each that is ticked) and `decision` (approve or deny).
        """
        if not is_same_origin(request):
            return plain("This form was not sent from the emulator's own page.", 403)
        form = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        fields = dict(form)
        pairs = [(name, value) for name, value in form if name in PARAMETERS]
        open_id = fields.get("person", "")
        ticked = [value for name, value in form if name == "scopes"]
        try:
            decision = fields.get("decision", "")
            location = self.answer(pairs, open_id, ticked, decision, request.scope.get(FAULT))
        except ConsentRefused as refused:
            return fault_redirect(pairs, refused)
        except ValueError as exc:
            return plain(str(exc), 400)
        response = back_to_app(location)
        if open_id:
            remember(response, open_id)
        return response

    def answer_url(self, authorization_url: str, open_id: str, ticked: Iterable[str] | None, decision: str) -> str:
        """As `answer`, for the address that the app would have sent a browser to."""
        url = urlsplit(authorization_url)
        if url.path.rstrip("/") != PATH.rstrip("/"):
            raise ValueError(f"{url.path!r} is not the path of TikTok's authorize page, {PATH}.")
        return self.answer(parse_qsl(url.query, keep_blank_values=True), open_id, ticked, decision)

    def answer(
        self, pairs: Pairs, open_id: str, ticked: Iterable[str] | None, decision: str, fault: str | None = None
    ) -> str:
        """The URL back to the app; `ticked` None leaves every asked scope ticked."""
        try:
            asked = self.authorization.read(pairs)
            ticked = asked.scopes if ticked is None else ticked
            location = self.authorization.answer(asked, open_id, ticked, decision)
        except ConsentRefused as refused:
            self._record("consent", "POST", 302, pairs, refused, fault=fault)
            raise
        self._record("consent", "POST", 302, pairs, answer=location, fault=fault)
        return location

    def _page(self, asked: AuthorizationRequest, open_id: str) -> Response:
        people = self.authorization.people
        return page(
            "consent.html",
            app=asked.app,
            action=PATH,
            parameters=asked.parameters,
            people=[(person, avatar_path(person)) for person in people.values()],
            chosen=open_id if open_id in people else next(iter(people)),
            scopes=[(scope, describe(scope), is_toggleable(scope)) for scope in asked.scopes],
            redirect_host=urlsplit(asked.redirect_uri).netloc,
        )

    def _record(
        self,
        endpoint: str,
        method: str,
        status: int,
        pairs: Pairs,
        refused: ConsentRefused | None = None,
        *,
        answer: str | None = None,
        fault: str | None = None,
    ) -> None:
        now = self.authorization.grants.clock()
        log_id = new_log_id(now)
        if refused:
            refused.log_id = log_id
            self.refused.append(refused)
        self.exchanges.append(
            Exchange(
                endpoint=endpoint,
                method=method,
                path=PATH,
                status=status,
                log_id=log_id,
                at=now,
                request=dict(pairs),
                answer=answer or "",
                error=refused.error if refused else None,
                description=f"TikTok's page names {refused.error_type}." if refused else None,
                cure=refused.cure if refused else None,
                fault=fault,
            )
        )

    def _shown_before(self, log_id: str) -> ConsentRefused | None:
        return next((refused for refused in self.refused if refused.log_id == log_id), None)


def fault_redirect(pairs: Pairs, refused: ConsentRefused) -> Response:
    """TikTok's own page again, its address now naming the fault."""
    query = urlencode([*pairs, *refused.parameters.items()])
    return RedirectResponse(f"{PATH}?{query}", 302, headers=HEADERS)


def back_to_app(location: str) -> Response:
    # RedirectResponse would undo the escapes TikTok makes.
    return Response(status_code=302, headers={**HEADERS, "Location": location})


def remember(response: Response, open_id: str) -> None:
    """Let this browser's next consent page begin with the same person."""
    path = PATH.rstrip("/")
    response.set_cookie(PERSON_COOKIE, quote(open_id, safe=""), path=path, httponly=True, samesite="lax")
