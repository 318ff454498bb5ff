"""Authorization requests and decisions (Login Kit for Web, Login Kit for Desktop), without the pages."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode

from asgi_tiktok.emulator.world.apps import App, Platform, RedirectURI
from asgi_tiktok.emulator.world.errors import ConsentRefused
from asgi_tiktok.emulator.world.grants import Grants
from asgi_tiktok.emulator.world.knobs import Decision, Knobs, check_choice
from asgi_tiktok.emulator.world.people import Person
from asgi_tiktok.emulator.world.scopes import granted_scopes, split_scopes

__all__ = ["PARAMETERS", "Authorization", "AuthorizationRequest", "enabled_scopes"]

NON_SANDBOX_TARGET = "non_sandbox_target"

PARAMETERS = (
    "client_key",
    "response_type",
    "scope",
    "redirect_uri",
    "state",
    "code_challenge",
    "code_challenge_method",
    "disable_auto_auth",
)


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A valid authorization request: TikTok shows its consent page."""

    app: App
    redirect_uri: str
    scopes: tuple[str, ...]
    code_challenge: str | None
    parameters: Mapping[str, str] = field(repr=False)

    @property
    def auto_auth(self) -> bool:
        return self.parameters.get("disable_auto_auth", "") in ("", "0")


class Authorization:
    """Checks authorization requests in TikTok's order, and applies the decisions of people."""

    def __init__(
        self,
        apps: Mapping[str, App],
        people: Mapping[str, Person],
        grants: Grants,
        knobs: Knobs,
    ) -> None:
        self._apps = apps
        self.people = people
        self.grants = grants
        self.knobs = knobs

    def parse(self, pairs: Sequence[tuple[str, str]]) -> AuthorizationRequest:
        """Return the request in a query.

        A missing `state` is accepted: TikTok's documentation requires it, but no report shows that TikTok checks it.

        Raises:
            ConsentRefused: The request is invalid.
        """
        params = {name: value for name, value in pairs if name in PARAMETERS}
        check_duplicates(pairs)
        app = self._app(params, dict(pairs))
        redirect = registered_redirect(app, params.get("redirect_uri", ""))
        scopes = enabled_scopes(app, params.get("scope", ""))
        if params.get("response_type") != "code":
            raise ConsentRefused("unsupported_response_type", "response_type", "Send response_type=code.")
        challenge = self._challenge(redirect.platform, params)
        return AuthorizationRequest(app, params["redirect_uri"], scopes, challenge, params)

    def decide(self, request: AuthorizationRequest, open_id: str, selected: Iterable[str], decision: str) -> str:
        """Return the URL that sends the browser back to the app.

        Raises:
            ConsentRefused: The person may not sign in.
            ValueError: A value cannot come from the consent page.
        """
        check_choice("decision", decision, Decision)
        if decision == "deny":
            return self._denied(request)
        person = self.people.get(open_id)
        if person is None:
            raise ValueError(f"person={open_id!r} is not the open_id of a known person.")
        selected = tuple(selected)
        if unrequested := set(selected).difference(request.scopes):
            raise ValueError(f"scopes={sorted(unrequested)} were not requested by the app.")
        try:
            check_person(request.app, person)
        except ConsentRefused as refused:
            if self.knobs.sandbox_error == "callback" and refused.error_type == NON_SANDBOX_TARGET:
                return self._refused(request, refused)
            raise
        return self._approved(request, person, granted_scopes(request.scopes, self._limit_scopes(selected)))

    def auto_approve(self, request: AuthorizationRequest, open_id: str) -> str | None:
        """Return the URL back to the app, or None if the consent page must be shown."""
        person = self.people.get(open_id)
        if person is None or person.banned or not (self.knobs.auto_auth and request.auto_auth):
            return None
        if not self.grants.covers(request.app.client_key, open_id, request.scopes):
            return None
        return self._approved(request, person, request.scopes)

    def _limit_scopes(self, selected: tuple[str, ...]) -> tuple[str, ...]:
        limit = self.knobs.partial_grant
        return selected if limit is None else tuple(scope for scope in selected if scope in limit)

    def _approved(self, request: AuthorizationRequest, person: Person, scopes: tuple[str, ...]) -> str:
        if self.knobs.callback_error is not None:
            error = dict(parse_qsl(self.knobs.callback_error))
            return with_query(request.redirect_uri, {**error, **self._error_state(request)})
        grant = self.grants.consent(request.app.client_key, person.open_id, requested=request.scopes, scopes=scopes)
        code = self.grants.new_code(
            grant, scopes=scopes, redirect_uri=request.redirect_uri, code_challenge=request.code_challenge
        )
        return with_query(request.redirect_uri, {"code": code, "scopes": ",".join(scopes), **state_of(request)})

    def _denied(self, request: AuthorizationRequest) -> str:
        # TikTok's Android SDK treats -2 as "denied". Whether its web page sends an errCode is unknown.
        err_code = {"errCode": "-2"} if self.knobs.deny_errcode else {}
        denial = {"error": "access_denied", **err_code, "error_description": "access_denied"}
        return with_query(request.redirect_uri, {**denial, **self._error_state(request)})

    def _refused(self, request: AuthorizationRequest, refused: ConsentRefused) -> str:
        fault = {"error": refused.error, "error_type": refused.error_type}
        return with_query(request.redirect_uri, {**fault, **self._error_state(request)})

    def _error_state(self, request: AuthorizationRequest) -> dict[str, str]:
        return state_of(request) if self.knobs.state_on_error else {}

    def _app(self, params: Mapping[str, str], sent: Mapping[str, str]) -> App:
        client_key = params.get("client_key")
        if not client_key:
            fix = "Send the app's client key as client_key."
            if "client_id" in sent:
                fix = "Rename client_id to client_key."
            raise ConsentRefused("param_error", "client_key", fix, err_code=10003)
        if client_key not in self._apps:
            fix = f"Unknown client_key {client_key!r}. This emulator knows {', '.join(self._apps)}."
            raise ConsentRefused("unauthorized_client", "client_key", fix)
        return self._apps[client_key]

    def _challenge(self, platform: Platform, params: Mapping[str, str]) -> str | None:
        """Return the challenge that the code exchange must match, or None."""
        if platform is Platform.WEB and self.knobs.web_pkce == "ignore":
            return None
        challenge = params.get("code_challenge") or None
        if challenge is None and (platform is not Platform.WEB or self.knobs.web_pkce == "require"):
            fix = f"Send code_challenge: the redirect URI is registered for {platform.value}, which requires PKCE."
            raise ConsentRefused("param_error", "code_challenge", fix, err_code=10007)
        # TikTok's mobile SDKs send no method, so by default only a wrong one is an error.
        default = "" if self.knobs.require_challenge_method else "S256"
        if challenge and params.get("code_challenge_method", default) != "S256":
            fix = "Send code_challenge_method=S256; TikTok supports no other."
            raise ConsentRefused("param_error", "code_challenge_method", fix, err_code=10008)
        return challenge


def check_person(app: App, person: Person) -> None:
    """Raise ConsentRefused if the person may not sign in. TikTok's error for banned accounts is unknown."""
    if person.banned:
        fix = f"{person.display_name} is banned from TikTok. Sign in as another person."
        raise ConsentRefused("access_denied", "user_banned", fix)
    if app.sandbox and not person.sandbox_target:
        fix = f"Add {person.display_name} to the sandbox's target users in the portal, or use a production key."
        raise ConsentRefused("access_denied", NON_SANDBOX_TARGET, fix)


def check_duplicates(pairs: Sequence[tuple[str, str]]) -> None:
    """Raise ConsentRefused if a parameter is repeated (RFC 6749 §3.1)."""
    for name, number in Counter(name for name, _ in pairs).items():
        if number > 1 and name in PARAMETERS:
            raise ConsentRefused("invalid_request", name, f"Send {name} once, not {number} times.")


def registered_redirect(app: App, redirect_uri: str) -> RedirectURI:
    redirect = app.redirect_for(redirect_uri)
    if redirect is None:
        fix = (
            f"{redirect_uri or 'An empty redirect_uri'} is not registered for this app. "
            f"Register exactly this URI, or send one of {', '.join(app.redirect_uris)}."
        )
        raise ConsentRefused("invalid_request", "redirect_uri", fix)
    return redirect


def enabled_scopes(app: App, scope: str) -> tuple[str, ...]:
    scopes = split_scopes(scope)
    unknown = [name for name in scopes if name not in app.scopes]
    if scopes and not unknown:
        return scopes
    if not scopes:
        fix = "Send at least one scope, for example scope=user.info.basic."
    elif any(" " in name for name in unknown):
        fix = "Separate scopes with commas, not with spaces."
    else:
        fix = f"Not enabled for this app: {', '.join(unknown)}; enabled: {', '.join(app.scopes)}."
    raise ConsentRefused("invalid_scope", "scope", fix)


def state_of(request: AuthorizationRequest) -> dict[str, str]:
    return {name: value for name, value in request.parameters.items() if name == "state"}


def with_query(uri: str, parameters: Mapping[str, str]) -> str:
    """Append a query in TikTok's encoding, which also escapes `,`, `*` and `!`."""
    return f"{uri}?{urlencode(parameters, quote_via=quote, safe='')}"
