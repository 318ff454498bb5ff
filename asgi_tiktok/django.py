"""Django's own idiom: `request.tiktok`, decorators of views, and a tag for templates.

All of it stands behind `application = TikTokAuthMiddleware(get_asgi_application(), tiktok)` in asgi.py.
`request.user` stays what django.contrib.auth makes of it.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.template import Context, Library
from django.utils.functional import SimpleLazyObject

from asgi_tiktok.button import HTML
from asgi_tiktok.button import tiktok_button as button_of
from asgi_tiktok.errors import ConfigurationError, LoginRequired
from asgi_tiktok.session import TikTokSession
from asgi_tiktok.validation import check_scopes

__all__ = ["TikTokMiddleware", "TikTokRequest", "login_required", "requires_scope"]

GetResponse = Callable[[HttpRequest], object]
Request = TypeVar("Request", bound=HttpRequest)
P = ParamSpec("P")
R = TypeVar("R")


class TikTokRequest(ASGIRequest):  # type: ignore[misc]
    """What a view may call its request, for type checkers."""

    tiktok: TikTokSession


class TikTokMiddleware:
    """Sets `request.tiktok`, the TikTokSession: `MIDDLEWARE = [..., "asgi_tiktok.django.TikTokMiddleware"]`.

    A LoginRequired that a view raises becomes the 401 or 403 that TikTokAuthMiddleware answers: a page leads
    to the login, an API call gets JSON. Where that does not stand in front, `request.tiktok` raises
    ConfigurationError as soon as it is used.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> object:
        # Lazy, so that pages without TikTok work under WSGI and in Django's test client.
        cast(Any, request).tiktok = SimpleLazyObject(partial(session_of, request))
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Called by Django with what a view raised."""
        if isinstance(exception, LoginRequired):
            challenge = {"WWW-Authenticate": exception.challenge}
            return HttpResponse(status=exception.status_code, headers=challenge)
        return None


def session_of(request: HttpRequest) -> TikTokSession:
    """Raises ConfigurationError when TikTokAuthMiddleware does not stand in front of Django."""
    scope = getattr(request, "scope", None)
    if scope is None:
        raise ConfigurationError(
            "This request came by WSGI, which has no TikTok sign-in. Serve the application of asgi.py; in tests "
            "give it to a client of ASGI apps, such as Starlette's TestClient(application)."
        )
    session = scope.get("tiktok")
    if not isinstance(session, TikTokSession):
        raise ConfigurationError(
            "This request did not pass TikTokAuthMiddleware. Write in asgi.py: application = "
            "TikTokAuthMiddleware(get_asgi_application(), tiktok). In tests, go through that application."
        )
    return session


def login_required(
    view: Callable[Concatenate[Request, P], R] | None = None,
) -> Callable[Concatenate[Request, P], R]:
    """Decorate a view, sync or async: only for somebody who is signed in with TikTok.

    For nobody it raises LoginRequired, which TikTokMiddleware answers. Methods of a class take
    `@method_decorator(login_required, name="dispatch")`.
    """
    if view is None:
        raise ConfigurationError("login_required takes no arguments; write @login_required.")
    return guard(view)


def requires_scope(
    *scopes: str,
) -> Callable[[Callable[Concatenate[Request, P], R]], Callable[Concatenate[Request, P], R]]:
    """Decorate a view as login_required does: only for somebody who granted all these scopes.

    For somebody who did not it raises ScopeRequired. Raises ConfigurationError for no scope at all and for
    one that cannot be TikTok's.
    """
    if not scopes or callable(scopes[0]):
        raise ConfigurationError('requires_scope names no scope; write @requires_scope("video.list").')
    return partial(guard, scopes=check_scopes("requires_scope", scopes))


def guard(
    view: Callable[Concatenate[Request, P], R], scopes: tuple[str, ...] = ()
) -> Callable[Concatenate[Request, P], R]:
    if not iscoroutinefunction(view):

        @wraps(view)
        def guarded(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> R:
            require(request, scopes)
            return view(request, *args, **kwargs)

        return guarded

    @wraps(view)
    async def guarded_async(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> object:
        require(request, scopes)
        return await view(request, *args, **kwargs)

    return cast(Callable[Concatenate[Request, P], R], guarded_async)


def require(request: HttpRequest, scopes: tuple[str, ...]) -> None:
    if not isinstance(request, HttpRequest):
        raise ConfigurationError(
            "The first argument of this view is no request; on a method write "
            "@method_decorator(login_required), or requires_scope(...) in its place."
        )
    if not hasattr(request, "tiktok"):
        raise ConfigurationError('Add "asgi_tiktok.django.TikTokMiddleware" to MIDDLEWARE in the settings.')
    session_of(request).require(*scopes)


def tiktok_button(
    context: Context, *, next: str | None = None, scopes: str = "", label: str = "Continue with TikTok"
) -> HTML:
    """asgi_tiktok.tiktok_button for the page that is being made; `scopes` are comma-separated here."""
    request = context.get("request")
    if request is None:
        raise ConfigurationError(
            "tiktok_button needs the request: render(request, ...), with "
            '"django.template.context_processors.request" in the OPTIONS of TEMPLATES.'
        )
    # Asked first, because its error names the line to write in asgi.py.
    session_of(request)
    return button_of(request, next=next, scopes=filter(None, scopes.split(",")), label=label)


# For {% tiktok_button next="/" %}, with "builtins": ["asgi_tiktok.django"] in the OPTIONS of TEMPLATES.
register = Library()
register.simple_tag(tiktok_button, takes_context=True)
