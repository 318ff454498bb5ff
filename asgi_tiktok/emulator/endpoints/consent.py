"""The authorize endpoint: the consent page and TikTok's error page."""

from collections import deque
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from asgi_tiktok.emulator.endpoints.authorize import PARAMETERS, Authorization, AuthorizationRequest
from asgi_tiktok.emulator.endpoints.fault_injection import FAULT_KEY
from asgi_tiktok.emulator.endpoints.origin import read_own_form
from asgi_tiktok.emulator.pages.rendering import HEADERS, plain_text, render_page
from asgi_tiktok.emulator.world.errors import ConsentRefused
from asgi_tiktok.emulator.world.exchanges import Exchange, new_log_id

__all__ = ["PATH", "Consent"]

PATH = "/v2/auth/authorize/"
PERSON_COOKIE = "tiktok_emulator_person"

Pairs = Sequence[tuple[str, str]]


class Consent:
    """The authorize endpoint for browsers: GET shows the page, POST submits the decision."""

    def __init__(self, authorization: Authorization, exchanges: deque[Exchange]) -> None:
        self._authorization = authorization
        self._exchanges = exchanges
        self._refused: deque[ConsentRefused] = deque(maxlen=100)

    async def show(self, request: Request) -> Response:
        """Show the consent page or TikTok's error page, or redirect a person who has already consented."""
        if refused := self._find_refused(request.query_params.get("logid", "")):
            return render_page("error.html", refused=refused)
        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        open_id = unquote(request.cookies.get(PERSON_COOKIE, ""))
        try:
            requested = self._authorization.parse(pairs)
        except ConsentRefused as refused:
            self._record("authorize", "GET", 302, pairs, refused, fault=request.scope.get(FAULT_KEY))
            return redirect_to_error_page(pairs, refused)
        location = self._authorization.auto_approve(requested, open_id)
        status = 302 if location else 200
        self._record("authorize", "GET", status, pairs, answer=location, fault=request.scope.get(FAULT_KEY))
        return redirect_to_app(location) if location else self._page(requested, open_id)

    async def decide(self, request: Request) -> Response:
        """Redirect to the app with the person's decision.

        The form contains the parameters of the authorization request, `person` (an open_id), `scopes` (once for
        each selected scope) and `decision` (approve or deny).
        """
        form = await read_own_form(request)
        fields = dict(form)
        pairs = [(name, value) for name, value in form if name in PARAMETERS]
        open_id = fields.get("person", "")
        selected = [value for name, value in form if name == "scopes"]
        try:
            decision = fields.get("decision", "")
            location = self._decide(pairs, open_id, selected, decision, request.scope.get(FAULT_KEY))
        except ConsentRefused as refused:
            return redirect_to_error_page(pairs, refused)
        except ValueError as exc:
            return plain_text(str(exc), 400)
        response = redirect_to_app(location)
        if open_id:
            set_person_cookie(response, open_id)
        return response

    def decide_url(self, authorization_url: str, open_id: str, selected: Iterable[str] | None, decision: str) -> str:
        """Return the URL back to the app. `selected=None` means all requested scopes."""
        url = urlsplit(authorization_url)
        if url.path.rstrip("/") != PATH.rstrip("/"):
            raise ValueError(f"{url.path!r} is not the path of TikTok's authorize page, {PATH}.")
        return self._decide(parse_qsl(url.query, keep_blank_values=True), open_id, selected, decision)

    def _decide(
        self, pairs: Pairs, open_id: str, selected: Iterable[str] | None, decision: str, fault: str | None = None
    ) -> str:
        try:
            requested = self._authorization.parse(pairs)
            selected = requested.scopes if selected is None else selected
            location = self._authorization.decide(requested, open_id, selected, decision)
        except ConsentRefused as refused:
            self._record("consent", "POST", 302, pairs, refused, fault=fault)
            raise
        self._record("consent", "POST", 302, pairs, answer=location, fault=fault)
        return location

    def _page(self, requested: AuthorizationRequest, open_id: str) -> Response:
        people = self._authorization.people
        return render_page(
            "consent.html",
            app=requested.app,
            action=PATH,
            parameters=requested.parameters,
            people=people,
            chosen=open_id if open_id in people else next(iter(people)),
            scopes=requested.scopes,
            redirect_host=urlsplit(requested.redirect_uri).netloc,
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
        now = self._authorization.grants.clock()
        log_id = new_log_id(now)
        if refused:
            refused.log_id = log_id
            self._refused.append(refused)
        self._exchanges.append(
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
                description=f"TikTok's error page names {refused.error_type}." if refused else None,
                fix=refused.fix if refused else None,
                fault=fault,
            )
        )

    def _find_refused(self, log_id: str) -> ConsentRefused | None:
        return next((refused for refused in self._refused if refused.log_id == log_id), None)


def redirect_to_error_page(pairs: Pairs, refused: ConsentRefused) -> Response:
    """Redirect to TikTok's own page, with the error in the query."""
    query = urlencode([*pairs, *refused.parameters.items()])
    return RedirectResponse(f"{PATH}?{query}", 302, headers=HEADERS)


def redirect_to_app(location: str) -> Response:
    # RedirectResponse would change TikTok's escaping.
    return Response(status_code=302, headers={**HEADERS, "Location": location})


def set_person_cookie(response: Response, open_id: str) -> None:
    """Preselect the person on the next consent page of this browser."""
    path = PATH.rstrip("/")
    response.set_cookie(PERSON_COOKIE, quote(open_id, safe=""), path=path, httponly=True, samesite="lax")
