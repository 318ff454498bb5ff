"""The credentials of a request, in the form of Starlette's AuthenticationMiddleware."""

from starlette.authentication import AuthCredentials


class SharedCredentials(AuthCredentials):
    """Credentials that several requests share, so `scopes` is a new list each time.

    An app that grants more puts `AuthCredentials([*request.auth.scopes, "staff"])` into `scope["auth"]`.
    """

    def __init__(self, *scopes: str) -> None:
        self.granted = scopes

    @property
    def scopes(self) -> list[str]:  # type: ignore[override]  # assigning it would change other requests
        """The scopes of the request."""
        return list(self.granted)
