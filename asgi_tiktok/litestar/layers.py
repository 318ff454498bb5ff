"""What the layers of a Litestar app (app, router, controller, handler) say about a handler together."""

from typing import Any

import litestar


def resolve(handler: Any, name: str) -> Any:
    """Return for example the `guards` of all layers. Litestar 2 has a method for it, and Litestar 3 an attribute."""
    if litestar.__version__.major == 2:
        return getattr(handler, f"resolve_{name}")()
    return getattr(handler, name)
