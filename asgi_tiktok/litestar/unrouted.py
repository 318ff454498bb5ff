"""Requests without a route: Litestar answers them by an exception handler, and its middleware never sees them.

Therefore each exception handler of the app is put behind our middleware. The middleware can still answer the request
itself, for example on a guarded path, or let the handler respond to the user.
"""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from inspect import unwrap
from typing import Any

from litestar import Request, Response, exceptions
from litestar.exceptions.responses import create_exception_response
from litestar.types import ExceptionHandlersMap, Receive, Scope, Send

from asgi_tiktok.litestar.layers import resolve

Pass = Callable[..., Awaitable[None]]
"""`await pass_middleware(behind, scope, receive, send)` calls the middleware with the app `behind` it."""
HasPassed = Callable[[Scope], bool]
"""`has_passed(scope)` is true after that."""

RAISED_WITHOUT_ROUTE = (
    exceptions.ClientException,
    exceptions.MethodNotAllowedException,
    exceptions.NotFoundException,
)


def put_behind(pass_middleware: Pass, has_passed: HasPassed, handlers: ExceptionHandlersMap) -> ExceptionHandlersMap:
    """Return the app's exception handlers, behind the middleware for a request that has not passed it."""
    complete: dict[Any, Any] = dict.fromkeys(RAISED_WITHOUT_ROUTE, Fallback(handlers))
    complete.update(handlers)
    return {kind: put_one_behind(pass_middleware, has_passed, handler) for kind, handler in complete.items()}


def put_one_behind(pass_middleware: Pass, has_passed: HasPassed, handler: Any) -> Any:
    @wraps(handler)
    def handle(request: Any, error: Any) -> Any:
        # Not `route_handler`, which may be that of an outer Litestar app in which this one is mounted.
        if has_passed(request.scope):
            return handler(request, error)
        return PassedResponse(pass_middleware, partial(handler, request, error))

    return handle


class PassedResponse(Response[Any]):
    """A response that is made and sent behind the middleware."""

    def __init__(self, pass_middleware: Pass, make: Callable[[], Response[Any]]) -> None:
        super().__init__(None)
        self.pass_middleware = pass_middleware
        self.make = make

    def to_asgi_response(self, *args: Any, **options: Any) -> Any:
        """Return the ASGI app that Litestar calls with the connection."""

        async def behind(scope: Scope, receive: Receive, send: Send) -> None:
            await self.make().to_asgi_response(*args, **options)(scope, receive, send)

        return partial(self.pass_middleware, behind)


class Fallback:
    """Responds as if it were not there: a handler that a layer of the app has for a broader exception comes first.

    `handlers` are those of the whole app.
    """

    def __init__(self, handlers: ExceptionHandlersMap) -> None:
        self.handlers = handlers

    def __call__(self, request: Request[Any, Any, Any], error: Any) -> Any:
        route_handler = request.scope.get("route_handler")
        handlers = resolve(route_handler, "exception_handlers") if route_handler else self.handlers
        others = (handlers[kind] for kind in type(error).__mro__ if kind in handlers)
        found = (other for other in others if not isinstance(unwrap(other), Fallback))
        handle: Any = next(found, create_exception_response)
        return handle(request, error)
