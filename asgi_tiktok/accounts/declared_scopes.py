"""The scopes that a TikTok app may request."""

from collections.abc import Iterable

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.validation import check_scopes


class DeclaredScopes:
    """Knows the scopes of `TikTok(scopes=..., optional_scopes=...)`."""

    _declared_scopes: tuple[str, ...]

    def _check_declared(self, scopes: Iterable[str], *, route: str = "") -> tuple[str, ...]:
        """Return the scopes. Raises ConfigurationError for one that the app does not declare."""
        checked = check_scopes("scopes", scopes)
        for scope in checked:
            if scope not in self._declared_scopes:
                required = f", but {route} requires it" if route else ""
                raise ConfigurationError(
                    f"The scope {scope!r} is not declared{required}.", hint="Add it to TikTok(optional_scopes=...)."
                )
        return checked
