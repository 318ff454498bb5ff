"""`request.tiktok`, decorators of views, and a template tag for Django.

They require `application = TikTokAuthMiddleware(get_asgi_application(), tiktok)` in asgi.py. `request.user` stays
Django's own user.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse
from django.template import Context, Library
from django.urls import URLResolver, get_resolver
from django.utils.functional import SimpleLazyObject

from asgi_tiktok.errors import ConfigurationError, LoginRequired
from asgi_tiktok.http.response import UNHANDLED
from asgi_tiktok.routes import button
from asgi_tiktok.routes.required_scopes import add_scopes, required_scopes, scopes_of
from asgi_tiktok.session import TikTokSession, session_in_scope
from asgi_tiktok.validation import check_required_scopes

__all__ = ["TikTokMiddleware", "TikTokRequest", "login_required", "requires_scope"]

GetResponse = Callable[[HttpRequest], object]
Request = TypeVar("Request", bound=HttpRequest)
P = ParamSpec("P")
R = TypeVar("R")
View = Callable[Concatenate[Request, P], R]


class TikTokRequest(ASGIRequest):  # type: ignore[misc]
    """The type of a view's request, for type checkers. TikTokMiddleware sets the attribute `tiktok`."""

    tiktok: TikTokSession


class TikTokMiddleware:
    """Django middleware that sets `request.tiktok`, the TikTokSession of the request.

    Install it with `MIDDLEWARE = [..., "asgi_tiktok.django.TikTokMiddleware"]`. If a view raises LoginRequired,
    the response is 401 or 403, which TikTokAuthMiddleware replaces: a page request is redirected to the login, an
    API call gets JSON. If the request did not pass TikTokAuthMiddleware, `request.tiktok` raises ConfigurationError
    as soon as it is used.

    Args:
        get_response (GetResponse): The next middleware or the view, passed by Django.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response
        # Django gives no other chance: it turns what a middleware raises into a response with status 500.
        got_request_exception.connect(remember_error)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> object:
        """Set `request.tiktok` and call the next middleware. Called by Django."""
        # Lazy, so that pages without TikTok work under WSGI and in Django's test client.
        cast(Any, request).tiktok = SimpleLazyObject(partial(session_of, request))
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the response to a LoginRequired that a view raised, otherwise None. Called by Django."""
        if not isinstance(exception, LoginRequired):
            return None
        return HttpResponse(status=exception.status_code, headers=exception.headers)


@required_scopes.register(ASGIHandler)
def scopes_of_views(app: object) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the pattern and the scopes of each view, of which Django has one tree in a process."""
    pending: list[tuple[str, Any]] = [("", get_resolver())]
    for prefix, resolver in pending:
        for pattern in resolver.url_patterns:
            path = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                pending.append((path, pattern))
            else:
                yield f"/{path}", scopes_of(pattern.callback)


def remember_error(sender: object, request: HttpRequest | None = None, **kwargs: object) -> None:
    """Let TikTokAuthMiddleware replace the 500 with which Django responds to the LoginRequired of a middleware."""
    error, scope = sys.exception(), getattr(request, "scope", None)
    if isinstance(error, LoginRequired) and scope is not None:
        scope[UNHANDLED] = error


def session_of(request: HttpRequest) -> TikTokSession:
    scope = getattr(request, "scope", None)
    if scope is None:
        raise ConfigurationError(
            "This request came through WSGI, which has no TikTok sign-in.",
            hint="Serve the application of asgi.py. In tests, use Starlette's TestClient(application).",
        )
    session = session_in_scope(scope)
    if session is None:
        raise ConfigurationError(
            "This request did not pass TikTokAuthMiddleware.",
            hint="Write in asgi.py: application = TikTokAuthMiddleware(get_asgi_application(), tiktok). "
            "In tests, send requests to that application.",
        )
    return session


def login_required(view: View[Request, P, R] | None = None) -> View[Request, P, R]:
    """Decorate a view, async or not, that requires a user who is signed in with TikTok.

    For an anonymous visitor, the view raises LoginRequired, to which TikTokMiddleware responds. On a class, write
    `@method_decorator(login_required, name="dispatch")`.
    """
    if view is None:
        raise ConfigurationError("login_required takes no arguments.", hint="Write @login_required.")
    return guard(view)


def requires_scope(*scopes: str) -> Callable[[View[Request, P, R]], View[Request, P, R]]:
    """Decorate a view that requires a signed-in user who has granted all these scopes.

    For a user who has not, the view raises ScopeRequired. Anonymous visitors are treated as by `login_required`.

    Args:
        scopes (str): At least one scope, for example `"video.list"`.
    """
    return partial(guard, scopes=check_required_scopes(scopes))


def guard(view: View[Request, P, R], scopes: tuple[str, ...] = ()) -> View[Request, P, R]:
    if not iscoroutinefunction(view):

        @wraps(view)
        def guarded(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> R:
            require(request, scopes)
            return view(request, *args, **kwargs)

        add_scopes(guarded, scopes)
        return guarded

    @wraps(view)
    async def guarded_async(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> object:
        require(request, scopes)
        return await view(request, *args, **kwargs)

    add_scopes(guarded_async, scopes)
    return cast(View[Request, P, R], guarded_async)


def require(request: HttpRequest, scopes: tuple[str, ...]) -> None:
    # Not by type, because view layers pass requests of their own, which have Django's attributes.
    if hasattr(request, "tiktok"):
        session_of(request).require(*scopes)
    elif not isinstance(request, HttpRequest):
        raise ConfigurationError(
            f"The first argument of this view is a {type(request).__name__}, not a request.",
            hint="On a method, write @method_decorator(login_required) or @method_decorator(requires_scope(...)).",
        )
    else:
        raise ConfigurationError(
            "This request did not pass TikTokMiddleware.",
            hint='Add "asgi_tiktok.django.TikTokMiddleware" to MIDDLEWARE in the settings.',
        )


def tiktok_button(
    context: Context,
    *,
    next: str | None = None,
    scopes: str = "",
    params: Mapping[str, Any] | None = None,
    switch_account: bool | None = None,
    label: str | None = None,
    nonce: str | None = None,
) -> button.HTML:
    """Return `asgi_tiktok.tiktok_button` for the request of the template. `scopes` are separated by commas."""
    request = context.get("request")
    if request is None:
        raise ConfigurationError(
            "{% tiktok_button %} found no request in the context of the template.",
            hint='Write render(request, ...), and add "django.template.context_processors.request" to the '
            "OPTIONS of TEMPLATES.",
        )
    # Called first, because its error names the line to write in asgi.py.
    session_of(request)
    names = filter(None, scopes.split(","))
    return button.tiktok_button(
        request, next=next, scopes=names, params=params, switch_account=switch_account, label=label, nonce=nonce
    )


# For {% tiktok_button next="/" %}, with "builtins": ["asgi_tiktok.django"] in the OPTIONS of TEMPLATES.
register = Library()
register.simple_tag(tiktok_button, takes_context=True)
